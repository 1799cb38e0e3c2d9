"""The event-loop thread behind all blocking objects, and how a coroutine method becomes a blocking one.

All blocking clients of a process share one thread, which ends with the last of them.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar

from anyio.from_thread import BlockingPortal, BlockingPortalProvider

from openai_realtime._client import AsyncRealtimeClient
from openai_realtime._transport.pool import Pool
from openai_realtime.errors import ClientStateError

P = ParamSpec("P")
T = TypeVar("T")
A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Facade(Generic[A_co]):
    """The blocking form of an object that lives in the event-loop thread."""

    _client: A_co
    _family: Any  # what has `run`: a `Family`, or a `ProcessBound`


def blocking(method: Callable[Concatenate[A, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Facade[A], P], T]:
    """The blocking form of a coroutine method: same parameters, same docstring, the awaited result."""

    @functools.wraps(method)
    def call(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._family.run(lambda: method(self._client, *args, **kwargs))
        return result

    return call


class Family:
    """What a client and its copies share: the running calls, and a lease of the event-loop thread.

    The lease ends when the client is closed and its last call is over, so that no call loses its event loop.
    """

    provider = BlockingPortalProvider()
    everyone: ClassVar[weakref.WeakSet[Family]] = weakref.WeakSet()
    # What a fork left of the parent's, never freed: that would end the parent's connections and wait for its thread.
    abandoned: ClassVar[list[object]] = []

    def __init__(self, client: AsyncRealtimeClient) -> None:
        self.client = client
        self.closed = False
        self.start_anew()
        self.everyone.add(self)

    def start_anew(self) -> None:
        """Hold nothing: no lock, no thread, no call."""
        self.lock = threading.RLock()  # re-entrant, because a signal handler may close the client it interrupts
        self.portal: BlockingPortal | None = None
        self.running: weakref.WeakSet[Future[Any]] = weakref.WeakSet()

    def run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the coroutine that `make` gives, from the event-loop thread."""
        _refuse_running_loop()
        call: Future[T] = Future()
        with self.lock:
            if self.closed:
                raise ClientStateError("the client is closed")
            if self.portal is None:
                self._enter()
            self.running.add(call)
        if self.closed:  # since then, by a signal handler, which found nothing to close
            self._leave(call)
            raise ClientStateError("the client is closed")
        return self._wait(call, make)

    def close(self) -> None:
        """Cancel the running calls, close the connections, give the lease back."""
        closing: Future[None] = Future()
        with self.lock:
            calls = tuple(self.running)
            if self.closed or self.portal is None:
                self.closed = True
                return
            _refuse_running_loop()
            self.closed = True
            self.running.add(closing)
        for call in calls:
            call.cancel()
        self._wait(closing, self.client.close)

    def _enter(self) -> None:
        portal = self.provider.__enter__()
        self.loop, self.portal = portal.call(asyncio.get_running_loop), portal

    def _wait(self, call: Future[T], make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            # Made in this thread, so that its warnings name the caller's line. The portal's own start_task_soon waits
            # until the task has begun: that costs a third of a call, in switches between the threads.
            self.loop.call_soon_threadsafe(_start, make(), call)
            return call.result()
        except CancelledError:
            raise ClientStateError("the client was closed during the call") from None
        finally:
            call.cancel()  # after an interrupt: nothing may go on unseen
            self._leave(call)

    def _leave(self, call: Future[Any]) -> None:
        with self.lock:
            self.running.discard(call)
            if self.running or not self.closed or self.portal is None:
                return
            self.portal = None
        self.provider.__exit__(None, None, None)

    def __del__(self) -> None:
        if self.portal is not None:
            # Dropped without close, in whatever thread and under whatever lock: leave it to the event loop.
            self.loop.call_soon_threadsafe(self.loop.create_task, _give_back(self.client, self.provider))

    @classmethod
    def after_fork(cls) -> None:
        """Run in the child, where the parent's event-loop thread does not exist."""
        cls.abandoned.append(cls.provider)
        cls.provider = BlockingPortalProvider()
        for family in cls.everyone:
            pool = family.client._transport.pool  # noqa: SLF001 - emptied in place, because copies share it
            cls.abandoned += [vars(family).copy(), vars(pool).copy()]
            vars(pool).update(vars(Pool()))
            family.start_anew()

    @classmethod
    def at_exit(cls) -> None:
        """Close what the program left open, except where a daemon thread is in a call: that ends with the process."""
        for family in list(cls.everyone):
            if not family.running:
                family.close()


class ProcessBound:
    """A family as seen by an object that a fork cannot take along, because its socket stays the parent's."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._process = os.getpid()

    def check(self) -> None:
        """Raise ClientStateError in another process than the first, and inside a running event loop."""
        if os.getpid() != self._process:
            raise ClientStateError("the connection belongs to the process that opened it; open one after the fork")
        _refuse_running_loop()

    def run(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """As `Family.run`."""
        self.check()
        return self._family.run(make)

    def finish(self, make: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run what ends the object. In another process there is nothing to end, nor after the close of the client."""
        if os.getpid() == self._process:
            try:
                self.run(make)
            except ClientStateError:
                if not self._family.closed:
                    raise


async def _give_back(client: AsyncRealtimeClient, provider: BlockingPortalProvider) -> None:
    """End the connections and the lease of a client that was dropped without close."""
    await client.close()
    # Another thread, because the end of the last lease waits for the one that runs this. While the program ends Python
    # 3.12 refuses to start one: then this one ends with the program.
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=provider.__exit__, args=(None, None, None), daemon=True).start()


def _start(coroutine: Coroutine[Any, Any, T], call: Future[T]) -> None:
    """In the event loop: begin what the thread that waits for `call` has made. `call` keeps the task alive."""
    asyncio.get_running_loop().create_task(_deliver(coroutine, call))


async def _deliver(coroutine: Coroutine[Any, Any, T], call: Future[T]) -> None:
    """Run it here, in the event loop, for the thread that waits for `call`; cancelling `call` cancels it."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if call.cancelled() or task is None:
        return coroutine.close()
    call.add_done_callback(lambda done: done.cancelled() and loop.call_soon_threadsafe(task.cancel))
    try:
        result = await coroutine
    except BaseException as error:  # noqa: BLE001 - also SystemExit from an api_key function: it is the caller's
        if call.set_running_or_notify_cancel():
            call.set_exception(error)
    else:
        if call.set_running_or_notify_cancel():
            call.set_result(result)


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ClientStateError("RealtimeClient would block the running event loop; use AsyncRealtimeClient and await it")


atexit.register(Family.at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Family.after_fork)
