"""`RealtimeConnection`: a session for code without an event loop, derived from the async one."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from queue import Empty
from typing import Any, Self, TypeVar, overload

from openai_realtime._connection.ask import Answer, put_question
from openai_realtime._connection.base import AsyncConnection
from openai_realtime._connection.realtime import AsyncRealtimeConnection
from openai_realtime._connection.requests import check_timeout
from openai_realtime._connection.status import ConnectionStatus
from openai_realtime._connection.translation import AsyncRealtimeTranslationConnection
from openai_realtime._transport.websocket import NORMAL
from openai_realtime.errors import APITimeoutError, ClientStateError, ConnectionClosedError
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.items import Item
from openai_realtime.models.responses import ResponseConfig

from .facade import Facade, blocking
from .lease import Lease, refuse_running_loop
from .reader import Reader
from .thread import Work

__all__ = ["RealtimeConnection", "RealtimeTranslationConnection"]

A = TypeVar("A", bound=AsyncConnection)
E = TypeVar("E", bound=ServerEvent)
T = TypeVar("T")


class Connection(Facade[A], ConnectionStatus):
    """What every kind of session can do.

    Iterate over it for all events in order. Other threads may send and wait meanwhile. Ctrl-C loses no event.
    """

    def __init__(self, connection: A, lease: Lease) -> None:
        self._client = connection
        self._lease = lease
        self._process = os.getpid()  # a fork cannot take it along: the socket stays the parent's
        self._link = connection._link  # noqa: SLF001 - this is its other half
        self._reader = Reader(self._link.inbox)

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
        """Return the next event. After `timeout` seconds it raises APITimeoutError, and nothing is lost.

        Raises ConnectionClosedError after the last event.
        """
        self._check()
        check_timeout(timeout)
        if self._reader.must_mark():
            with contextlib.suppress(ClientStateError):  # the client was closed in between: the end comes next
                self._run(self._reader.mark_read)
        seconds = None if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX)
        try:
            return self._reader.get(seconds)
        except Empty:
            raise APITimeoutError(f"no event within {timeout} seconds") from None
        except EOFError:
            self._link.inbox.check_open()  # raises how it ended; the loop thread may be gone
            raise

    @overload
    def wait_for(self, event: type[E], timeout: float | None = None) -> E: ...
    @overload
    def wait_for(self, event: Callable[[ServerEvent], bool], timeout: float | None = None) -> ServerEvent: ...
    def wait_for(self, event: Any, timeout: float | None = None) -> ServerEvent:
        """Wait for the next event of a class, or that a function accepts; it stays there for the iteration.

        A function runs in the loop thread: it must not block. Raises as `AsyncConnection.wait_for`.
        """
        found: ServerEvent = self._run(lambda: self._wait_for(event, timeout))
        return found

    def close(self) -> None:
        """Close the session and wake every thread that waits. Calling it again does nothing."""
        if os.getpid() != self._process or self._lease.closed:
            return
        try:
            self._run(self._client.close)
        except ClientStateError:
            if not self._lease.closed:
                raise

    @property
    def unread(self) -> int:
        """How many events are here that nobody has read."""
        return self._reader.unread()

    def _check(self) -> None:
        """Raise ClientStateError in another process than the first, and inside a running event loop."""
        if os.getpid() != self._process:
            raise ClientStateError("the connection belongs to the process that opened it; open one after the fork")
        refuse_running_loop()

    def _run(self, work: Work[T]) -> T:
        self._check()
        return super()._run(work)

    async def _wait_for(self, event: Any, timeout: float | None) -> Any:
        await self._reader.mark_read()  # what this thread has read is not waited for
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

    def ask(
        self, what: str | bytes | Item, response: ResponseConfig | None = None, *, timeout: float | None = 30
    ) -> Answer:
        """Say a text, audio or an item, and return the whole answer; see `AsyncRealtimeConnection.ask`."""
        gathering = self._run(lambda: put_question(self._client, what, response, timeout))
        while (answer := gathering.add(self.receive(timeout))) is None:
            pass
        return answer


class RealtimeTranslationConnection(Connection[AsyncRealtimeTranslationConnection]):
    """An open translation session. Get one from ``client.connect_translation(...)``, in a with-block."""

    send = blocking(AsyncRealtimeTranslationConnection.send)
    update_session = blocking(AsyncRealtimeTranslationConnection.update_session)
    append_audio = blocking(AsyncRealtimeTranslationConnection.append_audio)
    close_session = blocking(AsyncRealtimeTranslationConnection.close_session)
