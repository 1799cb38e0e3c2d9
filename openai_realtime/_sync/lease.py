"""`Lease`: a client's hold on the thread that runs its coroutines, and where no such thread can be."""

from __future__ import annotations

import _thread
import asyncio
import atexit
import functools
import os
import select
import weakref
from typing import Any, ClassVar, TypeVar

from openai_realtime._client import AsyncRealtimeClient
from openai_realtime.errors import ClientStateError, ConfigurationError

from .thread import LoopThread, Waiter, Work

T = TypeVar("T")

_PATIENCE = 10.0  # seconds for the loop thread to end; it has nothing left to do then


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
        """Return the result of the coroutine that `work` makes, from the loop thread."""
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
        """List those who wait for calls of this client."""
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
