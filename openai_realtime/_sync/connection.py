"""`RealtimeConnection`: a session for code without an event loop, derived from the async one."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Self, TypeVar, overload

from openai_realtime._connection.base import AsyncConnection
from openai_realtime._connection.inbox import Entry
from openai_realtime._connection.realtime import AsyncRealtimeConnection
from openai_realtime._connection.translation import AsyncRealtimeTranslationConnection
from openai_realtime._transport.websocket import NORMAL
from openai_realtime.errors import APITimeoutError, ConnectionClosedError, RealtimeError
from openai_realtime.models.events import ServerEvent

from .thread import Facade, ProcessBound, blocking

__all__ = ["RealtimeConnection", "RealtimeTranslationConnection"]

A = TypeVar("A", bound=AsyncConnection)
E = TypeVar("E", bound=ServerEvent)


class Connection(Facade[A]):
    """What every kind of session can do.

    Iterate over it for all events in order. Other threads may send and wait meanwhile. Ctrl-C loses no event.
    """

    _family: ProcessBound

    def __init__(self, connection: A, family: ProcessBound) -> None:
        self._client = connection
        self._inbox = connection._inbox  # noqa: SLF001 - this is its other half
        self._family = family
        # The event loop puts every event here. There it counts as unread until this side tells how many were given
        # out, so that after an interrupt, which may lose one on its way, all others can be fetched anew (None).
        self._arrived: SimpleQueue[Entry | None] | None = None
        self._given = 0
        self._returned: list[ServerEvent] = []
        self._reading = threading.RLock()  # a thread that was interrupted while it took the lock can take it again

    def __repr__(self) -> str:
        return repr(self._client).replace("Async", "", 1)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ServerEvent:
        try:
            return self.receive()
        except ConnectionClosedError as error:
            if error.code == NORMAL:
                raise StopIteration from None
            raise

    def receive(self, timeout: float | None = None) -> ServerEvent:
        """The next event. After `timeout` seconds it raises APITimeoutError, and nothing is lost.

        Raises ConnectionClosedError after the last event.
        """
        taken: list[ServerEvent] = []
        try:
            return self._next(timeout, taken)
        except RealtimeError:  # nothing was taken, and another thread may have its hands on what was returned
            raise
        except BaseException:
            self._returned += taken  # it did not reach the caller
            raise

    def _next(self, timeout: float | None, taken: list[ServerEvent]) -> ServerEvent:
        """The next event, also put into `taken`, from where it comes back if an interrupt keeps it from the caller."""
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        if not self._reading.acquire(timeout=_left(deadline)):
            raise APITimeoutError(f"no event within {timeout} seconds")
        try:
            self._family.check()
            if self._returned:
                taken[:], self._returned = self._returned[:1], self._returned[1:]
            else:
                event = self._wait(deadline)[0]
                # One line, between whose parts no interrupt comes.
                taken[:], self._given = [event], self._given + 1
            return taken[0]
        except Empty:
            raise APITimeoutError(f"no event within {timeout} seconds") from None
        except BaseException:
            self._arrived = None  # an event may have been lost on its way
            raise
        finally:
            self._reading.release()

    def _wait(self, deadline: float) -> Entry:
        if self._arrived is None:
            self._arrived = self._family.run(self._listen)
        if self._arrived.empty() and self._inbox.full:
            self._family.run(self._mark_read)  # nothing comes before the event loop knows that there is room
        entry = self._arrived.get(timeout=_left(deadline, forever=None))
        if entry is None:
            self._arrived = None
            return self._family.run(self._last)
        return entry

    @overload
    def wait_for(self, event: type[E], timeout: float | None = None) -> E: ...
    @overload
    def wait_for(self, event: Callable[[ServerEvent], bool], timeout: float | None = None) -> ServerEvent: ...
    def wait_for(self, event: Any, timeout: float | None = None) -> ServerEvent:
        """The next event of a class, or that a function accepts; it stays there for the iteration.

        A function runs in the event-loop thread: it must not block. Raises as `AsyncConnection.wait_for`.
        """
        found: ServerEvent = self._family.run(lambda: self._wait_for(event, timeout))
        return found

    def close(self) -> None:
        """Close the session and wake every thread that waits. Calling it again does nothing."""
        self._family.finish(self._client.close)

    @property
    def session(self) -> Any:
        """The settings in force, as the server told them last; None before it has told any."""
        return self._client.session

    @property
    def session_id(self) -> str | None:
        """The session's id, to be told to the support; None if the server has told none."""
        return self._client.session_id

    @property
    def observer_errors(self) -> Sequence[BaseException]:
        """What observers raised; each was called no more afterwards."""
        return self._client.observer_errors

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent or received."""
        return self._client.closed

    @property
    def unread(self) -> int:
        """How many events are here that nobody has read."""
        arrived = self._arrived
        return self._client.unread if arrived is None else arrived.qsize()

    async def _listen(self) -> SimpleQueue[Entry | None]:
        """A queue of all events that were not given out, and of those to come."""
        arrived: SimpleQueue[Entry | None] = SimpleQueue()
        await self._mark_read()
        self._inbox.listen(arrived.put)
        return arrived

    async def _last(self) -> Entry:
        """Raise what the session ended with."""
        await self._mark_read()
        return await self._client.receive(), 0

    async def _mark_read(self) -> None:
        self._inbox.read_to(self._given)

    async def _wait_for(self, event: Any, timeout: float | None) -> Any:
        await self._mark_read()  # what this thread has read is not waited for
        return await self._client.wait_for(event, timeout)


def _left(deadline: float, forever: Any = -1) -> Any:
    """The seconds until `deadline`, in the forms in which the standard library wants them."""
    if deadline == math.inf:
        return forever
    return min(max(deadline - time.monotonic(), 0), threading.TIMEOUT_MAX)


class RealtimeConnection(Connection[AsyncRealtimeConnection]):
    """An open session. Get one from ``client.connect(...)``, in a with-block.

    Iterate over it for all events in order. Other threads may send and wait meanwhile. Ctrl-C loses no event.
    """

    send = blocking(AsyncRealtimeConnection.send)
    update_session = blocking(AsyncRealtimeConnection.update_session)
    append_audio = blocking(AsyncRealtimeConnection.append_audio)
    commit_audio = blocking(AsyncRealtimeConnection.commit_audio)
    clear_audio = blocking(AsyncRealtimeConnection.clear_audio)
    create_item = blocking(AsyncRealtimeConnection.create_item)
    delete_item = blocking(AsyncRealtimeConnection.delete_item)
    truncate_item = blocking(AsyncRealtimeConnection.truncate_item)
    retrieve_item = blocking(AsyncRealtimeConnection.retrieve_item)
    create_response = blocking(AsyncRealtimeConnection.create_response)
    cancel_response = blocking(AsyncRealtimeConnection.cancel_response)
    clear_output_audio = blocking(AsyncRealtimeConnection.clear_output_audio)


class RealtimeTranslationConnection(Connection[AsyncRealtimeTranslationConnection]):
    """An open translation session. Get one from ``client.connect_translation(...)``, in a with-block."""

    send = blocking(AsyncRealtimeTranslationConnection.send)
    update_session = blocking(AsyncRealtimeTranslationConnection.update_session)
    append_audio = blocking(AsyncRealtimeTranslationConnection.append_audio)
    close_session = blocking(AsyncRealtimeTranslationConnection.close_session)
