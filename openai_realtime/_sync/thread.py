"""The event-loop thread behind all blocking objects, and how a coroutine method becomes a blocking one.

Signals interrupt the main thread between any two of its steps, so what must happen together happens in the loop thread.
"""

from __future__ import annotations

import _thread
import asyncio
import atexit
import contextlib
import functools
import inspect
import os
import select
import threading
import weakref
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from openai_realtime._client import AsyncRealtimeClient
from openai_realtime.errors import ClientStateError, ConfigurationError

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)
Work = Callable[[], Coroutine[Any, Any, T]]

_PATIENCE = 10.0  # seconds for the loop thread to end; it has nothing left to do then


class Facade(Generic[A_co]):
    """The blocking form of an object that lives in the loop thread."""

    _client: A_co
    _lease: Lease

    def _run(self, work: Work[T]) -> T:
        return self._lease.run(work)


def blocking(method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Facade[A], P], T]:
    """The blocking form of a coroutine method: same parameters, same docstring, the awaited result."""

    @functools.wraps(method)
    def call(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(lambda: method(self._client, *args, **kwargs))

    returned = method.__annotations__["return"]
    if returned.startswith("Coroutine[Any, Any, "):
        show_result(call, returned[len("Coroutine[Any, Any, ") : -1])
    return call


def show_result(call: Callable[..., object], result: str) -> None:
    """Let `help` and `inspect.signature` say that `call` returns `result`."""
    call.__signature__ = inspect.signature(call).replace(return_annotation=result)  # type: ignore[attr-defined]


class LoopThread(threading.Thread):
    """The thread whose event loop all blocking objects of a process share. It ends when nothing holds it."""

    current: ClassVar[LoopThread | None] = None
    # Guards `current` and new holders. Re-entrant, because a signal handler may close the client it interrupts.
    lock: ClassVar = threading.RLock()
    _of_parents: ClassVar[list[LoopThread | None]] = []

    def __init__(self) -> None:
        super().__init__(name="openai_realtime", daemon=True)
        self.holders: set[object] = set()
        self.portal: BlockingPortal
        self.loop: asyncio.AbstractEventLoop | None = None
        self._ready: SimpleQueue[BaseException | None] = SimpleQueue()

    @classmethod
    def hold(cls, waiter: Waiter[Any]) -> LoopThread:
        """Let `waiter` hold the thread, which starts if there is none. Call it with the lock."""
        waiter.thread = thread = cls.current or cls()
        thread.holders.add(waiter)
        if thread is not cls.current:
            _thread.start_new_thread(thread.launch, ())
            error = thread._ready.get()  # noqa: SLF001 - our own
            if error is not None:
                raise error
            cls.current = thread
        return thread

    @classmethod
    def reset(cls) -> None:
        """Forget the thread, in a forked child. It is never freed: that would end the parent's event loop."""
        cls._of_parents.append(cls.current)
        cls.current = None
        cls.lock = threading.RLock()

    def launch(self) -> None:
        """Start, where no signal interrupts: an interrupt of `Thread.start` leaves it half begun for ever."""
        try:
            self.start()
        except RuntimeError as error:
            self._ready.put(error)

    def run(self) -> None:
        """Run the event loop until nobody holds the thread."""
        try:
            anyio.run(self._serve)
        except BaseException as error:  # noqa: BLE001 - whoever waits must see it
            LoopThread.current = None
            self._ready.put(error)

    async def _serve(self) -> None:
        self._unused = asyncio.Event()
        async with BlockingPortal() as self.portal:
            self.loop = asyncio.get_running_loop()
            self._ready.put(None)
            self._end_if_unused()  # who started it may have been interrupted
            await self._unused.wait()

    def drop(self, holder: object) -> None:
        """End what `hold` began. Call it in the loop thread."""
        self.holders.discard(holder)
        if not self.holders:
            self._end_if_unused()

    def _end_if_unused(self) -> None:
        if not self.lock.acquire(blocking=False):  # its owner may be in a signal handler, which waits for this thread
            asyncio.get_running_loop().call_later(0.001, self._end_if_unused)
            return
        try:
            if not self.holders:
                if LoopThread.current is self:
                    LoopThread.current = None
                self._unused.set()
        finally:
            self.lock.release()

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        """Call `function` in the loop thread, if that has an event loop."""
        if self.loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended
                self.loop.call_soon_threadsafe(function, *args)


class Waiter(Generic[T]):
    """One thread that waits for a coroutine in the loop thread; without a lease, for what ends a lease.

    It waits at a SimpleQueue, which no interrupt leaves locked, as one may leave a Future.
    """

    def __init__(self, lease: Lease | None) -> None:
        self.lease = lease
        self.thread: LoopThread | None = None
        self._outcomes: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    def run(self, work: Work[T]) -> T:
        """The result of the coroutine that `work` makes. After an interrupt nothing of it goes on unseen."""
        try:
            with LoopThread.lock:
                thread = LoopThread.hold(self)
            # Made in this thread, so that its warnings name the caller's line.
            thread.portal.start_task_soon(self._deliver, work(), thread)
            result, error = self._outcomes.get()
            if error is not None:
                raise error
            return result  # type: ignore[no-any-return]
        finally:
            error = None  # its traceback holds this frame
            self._leave()

    def interrupt(self) -> None:
        """Cancel the coroutine and wake who waits for it. Call it in the loop thread."""
        self._outcomes.put((None, _ended_early()))
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()

    async def _deliver(self, coroutine: Coroutine[Any, Any, T], thread: LoopThread) -> None:
        """Run `coroutine`. Nothing is raised here: the exit of a user's function would end the event loop."""
        self._task = asyncio.current_task()
        outcome: tuple[Any, BaseException | None] = (None, None)
        try:
            if self.lease is not None:
                self.lease.join(thread)
            if not self._cancelled:
                outcome = await coroutine, None
        except asyncio.CancelledError:
            outcome = None, _ended_early()
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            outcome = None, error
        coroutine.close()  # it may not have begun
        thread.drop(self)
        self._outcomes.put(outcome)
        del outcome  # as above

    def _leave(self) -> None:
        thread = self.thread
        if thread is None or self not in thread.holders:
            return
        if thread.loop is None:  # it is only starting, or never will
            thread.holders.discard(self)
        thread.call_soon(self._give_up, thread)

    def _give_up(self, thread: LoopThread) -> None:
        self.interrupt()
        thread.drop(self)


class Lease:
    """A client's hold on the loop thread, from its first call to its close; copies and connections share it."""

    everyone: ClassVar[weakref.WeakSet[Lease]] = weakref.WeakSet()

    def __init__(self, client: AsyncRealtimeClient) -> None:
        self.client = client
        self.closed = False
        self.thread: LoopThread | None = None
        _refuse_green_threads()
        self.everyone.add(self)

    def run(self, work: Work[T]) -> T:
        """The result of the coroutine that `work` makes, from the loop thread."""
        refuse_running_loop()
        if self.closed:
            raise ClientStateError("the client is closed")
        return Waiter[T](self).run(work)

    def join(self, thread: LoopThread) -> None:
        """Hold the thread in which a call begins. Raises ClientStateError after the close."""
        if self.thread is not thread:
            self.thread = thread
            thread.holders.add(self.client)
        if self.closed:
            self.thread = None
            thread.drop(self.client)
            raise ClientStateError("the client is closed")

    def close(self) -> None:
        """Cancel the running calls, close the connections, give the loop thread back."""
        if self.thread is not None:
            refuse_running_loop()
        self.closed = True  # before the look at the thread: `join` does it the other way round
        thread = self.thread
        if thread is not None:
            Waiter[None](None).run(functools.partial(self._end, thread))
            if LoopThread.current is not thread:
                thread.join(_PATIENCE)

    async def _end(self, thread: LoopThread) -> None:
        self.thread = None
        for waiter in self.waiters(thread):
            waiter.interrupt()
        await _give_back(self.client, thread)

    def waiters(self, thread: LoopThread | None) -> list[Waiter[Any]]:
        """Who waits for calls of this client."""
        holders = list(thread.holders) if thread is not None else []
        return [holder for holder in holders if isinstance(holder, Waiter) and holder.lease is self]

    def reset(self) -> None:
        """Start anew, in a forked child."""
        self.thread = None
        self.client._transport.pool.reset()  # noqa: SLF001 - its owner

    def __del__(self) -> None:
        thread = self.thread
        if thread is not None:
            # Dropped without close, in whatever thread and under whatever lock: leave it to the event loop.
            work = functools.partial(_give_back, self.client, thread)
            thread.call_soon(lambda: asyncio.ensure_future(work()))


def _ended_early() -> ClientStateError:
    return ClientStateError("the client was closed during the call")


async def _give_back(client: AsyncRealtimeClient, thread: LoopThread) -> None:
    """End the connections of a client and its hold on the thread."""
    try:
        await client.close()
    finally:
        thread.drop(client)


def refuse_running_loop() -> None:
    """Raise ClientStateError in a thread that runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ClientStateError(
        "a blocking call would block the running event loop; await the same method of AsyncRealtimeClient "
        "(Jupyter and IPython take await in any cell), or call from another thread (asyncio.to_thread)"
    )


def _refuse_green_threads() -> None:
    """Raise ConfigurationError where threads and waits are coroutines of one real thread: one loop runs there."""
    for function in (_thread.start_new_thread, select.select):
        owner = function.__module__.partition(".")[0]
        if owner not in {"_thread", "select"}:
            raise ConfigurationError(
                f"RealtimeClient needs real threads and sockets, and {owner} has replaced them; "
                "use workers with threads (gunicorn -k gthread), or a process without monkey-patching"
            )


def _at_exit() -> None:
    """Close what the program left open, except where a daemon thread is in a call: that ends with the process."""
    for lease in list(Lease.everyone):
        if not lease.waiters(lease.thread):
            lease.close()


def _after_fork() -> None:
    """Start anew in the child, where the parent's loop thread does not exist."""
    LoopThread.reset()
    for lease in list(Lease.everyone):
        lease.reset()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
