"""`RealtimeConnection`: a session for code without an event loop, derived from the async one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Self, TypeVar, overload

from .connection import AsyncConnection, AsyncRealtimeConnection
from .errors import APITimeoutError, ConnectionClosedError
from .facade import Facade, Family, blocking
from .models.events import ServerEvent
from .translation_connection import AsyncRealtimeTranslationConnection

__all__ = ["RealtimeConnection", "RealtimeTranslationConnection"]

A = TypeVar("A", bound=AsyncConnection)
E = TypeVar("E", bound=ServerEvent)

_NORMAL = 1000


class Connection(Facade[A]):
    """What every kind of session can do.

    Iterate over it for all events in order. Other threads may send and wait meanwhile. Ctrl-C loses no event.
    """

    def __init__(self, connection: A, family: Family) -> None:
        self._client = connection
        self._family = family
        # What the last hop into the event loop brought. It stays unread there until the next hop says how many events
        # of the session were given out, so that an interrupt in between loses none.
        self._here: deque[ServerEvent] = deque()
        self._given = 0
        self._reading = threading.Lock()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ServerEvent:
        try:
            return self.receive()
        except ConnectionClosedError as error:
            if error.code == _NORMAL:
                raise StopIteration from None
            raise

    def receive(self, timeout: float | None = None) -> ServerEvent:
        """The next event. After `timeout` seconds it raises APITimeoutError, and nothing is lost.

        Raises ConnectionClosedError after the last event.
        """
        if not self._reading.acquire(timeout=-1 if timeout is None else timeout):
            raise APITimeoutError(f"no event within {timeout} seconds")
        try:
            if not self._here:
                self._here.extend(self._family.run(lambda: self._unread(timeout)))
            event = self._here.popleft()
            self._given += 1
            return event
        finally:
            self._reading.release()

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
        self._family.run(self._client.close)

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent or received."""
        return self._client.closed

    async def _unread(self, timeout: float | None) -> list[ServerEvent]:
        self._client.mark_read(self._given)
        return await self._client.unread(timeout)

    async def _wait_for(self, event: Any, timeout: float | None) -> Any:
        self._client.mark_read(self._given)  # what this thread has read is not waited for
        return await self._client.wait_for(event, timeout)


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
