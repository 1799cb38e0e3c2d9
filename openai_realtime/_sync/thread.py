"""The thread whose event loop runs the coroutines of all blocking objects, and how another thread waits for one.

Signals interrupt the main thread between any two of its steps, so what must happen together happens in the loop thread.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import anyio
from anyio.from_thread import BlockingPortal

from openai_realtime.errors import ClientStateError

if TYPE_CHECKING:
    from .lease import Lease

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]
_LOOK = 1.0  # seconds


class Portal(BlockingPortal):
    """A portal whose `start_task_soon` goes on at once, where anyio's waits until the task has begun.

    Who calls waits for the end anyway, and each waking of a thread on another core can cost a tenth of a millisecond.
    """

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()

    def _spawn_task_from_thread(self, func: Any, args: Any, kwargs: Any, name: object, future: Any) -> None:  # noqa: ARG002
        # Made here, so that a version of anyio that is built otherwise raises where it is called.
        self._loop.call_soon_threadsafe(self._loop.create_task, self._call_func(func, args, kwargs, future))


class LoopThread(threading.Thread):
    """The thread whose event loop all blocking objects of a process share. It ends when nothing holds it."""

    current: ClassVar[LoopThread | None] = None
    # Guards `current` and new holders. Re-entrant, because a signal handler may close the client it interrupts.
    lock: ClassVar = threading.RLock()
    _of_parents: ClassVar[list[LoopThread | None]] = []

    def __init__(self) -> None:
        super().__init__(name="openai_realtime", daemon=True)
        self.holders: set[object] = set()
        self.portal: Portal
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
            for waiter in [holder for holder in self.holders if isinstance(holder, Waiter)]:
                waiter.end_early()

    async def _serve(self) -> None:
        self._unused = asyncio.Event()
        async with Portal() as self.portal:
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
        """Return the result of the coroutine that `work` makes. After an interrupt nothing of it goes on unseen."""
        try:
            with LoopThread.lock:
                thread = LoopThread.hold(self)
            # Made in this thread, so that its warnings name the caller's line.
            thread.portal.start_task_soon(self._deliver, work(), thread)
            result, error = self._wait()
            if error is not None:
                raise error
            return result  # type: ignore[no-any-return]
        finally:
            error = None  # its traceback holds this frame
            self._leave()

    def _wait(self) -> tuple[Any, BaseException | None]:
        """Wait for the outcome, and look for signals meanwhile: one that comes just before a wait does not end it."""
        while True:
            with contextlib.suppress(Empty):
                return self._outcomes.get(timeout=_LOOK)

    def end_early(self) -> None:
        """Wake who waits."""
        self._outcomes.put((None, _ended_early()))

    def interrupt(self) -> None:
        """Cancel the coroutine and wake who waits for it. Call it in the loop thread."""
        self.end_early()
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


def _ended_early() -> ClientStateError:
    return ClientStateError("the client was closed during the call")
