"""`AsyncRealtimeConnection`: one Realtime session over a WebSocket, from the first event to the last.

A reader task owns the socket, so that pings are answered while the user is busy. It puts events into an `Inbox`; sends
go straight to the socket. There is no resume: a lost connection is a lost session, and every way it can end is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any, Self, TypeVar, overload

import attrs
from aiohttp import ClientWebSocketResponse, WSMsgType

from .config import ConnectOptions, ConnectTarget
from .converter import decode_server_event, encode, structure
from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConnectionClosedError,
    DecodeError,
    RealtimeEventError,
    SessionExpiredError,
    error_from_event,
)
from .inbox import Inbox
from .models.base import UNSET
from .models.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from .models.events import ClientEvent, ServerEvent
from .models.items import Item
from .models.responses import ResponseConfig
from .models.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    Error,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    OutputAudioBufferCleared,
    ResponseCreated,
    ResponseDone,
    SessionUpdated,
)
from .models.sessions import RealtimeSessionConfig, RealtimeTranscriptionSessionConfig
from .transport import Transport
from .validation import check

__all__ = ["AsyncRealtimeConnection"]

E = TypeVar("E", bound=ServerEvent)
C = TypeVar("C", bound=ClientEvent)

_ACKNOWLEDGE = 30.0  # seconds an answer may take; the slowest the API is known for comes after about one
_CHUNK = 48_000  # bytes of audio a frame: one second of PCM16 at 24 kHz, far below the API's 15 MiB
_CLOSE = 5.0  # seconds that closing may take
_NORMAL, _GOING_AWAY, _NO_STATUS, _ABNORMAL = 1000, 1001, 1005, 1006
_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR)
_CREATED_BY = "openai_realtime_event_id"
"""The metadata entry that tells which `response.create` a response comes from."""


class AsyncRealtimeConnection:
    """An open session. Get one from ``client.connect(...)``.

    Iterate over it for all events in order. Several tasks may send, wait and use the acknowledged operations while one
    iterates; each event goes to all whom it concerns.
    """

    def __init__(self, transport: Transport, target: ConnectTarget, options: ConnectOptions) -> None:
        self._transport = transport
        self._target = target
        self._options = options
        self._inbox = Inbox(options.buffer_size)
        self._questions: dict[str, asyncio.Future[ServerEvent]] = {}
        self._last_error: Error | None = None
        self._active: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        # These are answered without an id: one at a time, so that the answer is known to be ours.
        self._turn = {cls: asyncio.Lock() for cls in (SessionUpdated, InputAudioBufferCommitted, ResponseCreated)}
        self._appending = asyncio.Lock()
        self._closing = False
        self._alive = True
        self._paused = False
        self._tasks: list[asyncio.Task[None]] = []

    # --- life ---------------------------------------------------------------------------------------------------------

    async def open(self) -> Self:
        """Connect, and return after the server's first event that is no error.

        A call's sideband sends none: there the connection is open after the upgrade. Raises what the HTTP calls raise.
        """
        backoff = self._transport.backoff()
        while True:
            try:
                self._socket = await self._connect()
                break
            except (APIConnectionError, APIStatusError) as error:
                delay = self._transport.delay(error, backoff)
                if delay is None:
                    raise
            await asyncio.sleep(delay)
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._keep_alive())]
        return self

    async def close(self) -> None:
        """Close the session and wake everybody who waits. Bounded in time; calling it again does nothing."""
        self._closing = True
        if self._tasks:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(_CLOSE):
                    await self._socket.close(code=_NORMAL)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._end(_NORMAL, "")

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent or received."""
        return self._inbox.ended is not None

    # --- talking ------------------------------------------------------------------------------------------------------

    async def send(self, event: ClientEvent) -> None:
        """Check `event` and hand it to the socket; sends keep their order. An absent event_id is filled in.

        Raises InvalidRequestError before anything is sent, and ConnectionClosedError on a closed connection.
        """
        event = _identified(event)
        check(event)
        frame = encode(event)
        if self._inbox.ended is not None:
            raise self._inbox.ended
        try:
            await self._socket.send_frame(frame, WSMsgType.TEXT)
        except (ConnectionError, RuntimeError):
            await asyncio.wait(self._tasks[:1], timeout=_CLOSE)  # the reader knows how it ended
            raise self._inbox.ended or ConnectionClosedError(_ABNORMAL, "the connection was lost") from None

    async def receive(self, timeout: float | None = None) -> ServerEvent:
        """The next event. Cancelled, or after `timeout` seconds (APITimeoutError), nothing is lost.

        Raises ConnectionClosedError after the last event.
        """
        async with _deadline(timeout, "no event"):
            return await self._inbox.next()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ServerEvent:
        try:
            return await self._inbox.next()
        except ConnectionClosedError as error:
            if error.code == _NORMAL:
                raise StopAsyncIteration from None
            raise

    async def unread(self, timeout: float | None = None) -> list[ServerEvent]:
        """All events that nobody has read, at least one; they stay unread until `mark_read`. Raises as `receive` does.

        For those to whom a call is costly, such as the blocking form: one brings all that is there.
        """
        async with _deadline(timeout, "no event"):
            return await self._inbox.unread()

    def mark_read(self, count: int) -> None:
        """Count the first `count` events of the session as read, and so make room for more."""
        self._inbox.read_to(count)

    @overload
    async def wait_for(self, event: type[E], timeout: float | None = None) -> E: ...
    @overload
    async def wait_for(self, event: Callable[[ServerEvent], bool], timeout: float | None = None) -> ServerEvent: ...
    async def wait_for(self, event: Any, timeout: float | None = None) -> ServerEvent:
        """The next event of a class, or that a function accepts; it stays there for the iteration.

        What is unread counts, from the event on that the last wait or acknowledged operation returned. Raises
        APITimeoutError after `timeout` seconds, ConnectionClosedError when it cannot come any more, and
        UnreadEventsError when nobody iterates and the buffer is full.
        """
        match = (lambda received: isinstance(received, event)) if isinstance(event, type) else event
        async with _deadline(timeout, f"no {getattr(event, '__name__', 'such event')}"):
            return await self._inbox.expect(match, unread=True)

    # --- acknowledged operations: each returns the server's answer or raises RealtimeEventError -----------------------

    async def update_session(
        self, session: RealtimeSessionConfig | RealtimeTranscriptionSessionConfig
    ) -> SessionUpdated:
        """Change the session's settings, all or none of them; the answer has all that are in force."""
        async with self._turn[SessionUpdated]:
            return await self._ask(SessionUpdate(session=session), SessionUpdated)

    async def append_audio(self, audio: bytes) -> None:
        """Send audio in the session's input format, of any length. The API acknowledges none of it."""
        async with self._appending:
            for start in range(0, len(audio), _CHUNK):
                await self.send(InputAudioBufferAppend.from_bytes(audio[start : start + _CHUNK]))
                await asyncio.sleep(0)  # encoding is work of this thread: others run between two chunks

    async def commit_audio(self) -> InputAudioBufferCommitted:
        """End the user's turn. Less than 100 ms of audio is an error, which the API reports up to a second later."""
        async with self._turn[InputAudioBufferCommitted]:
            return await self._ask(InputAudioBufferCommit(), InputAudioBufferCommitted)

    async def clear_audio(self) -> InputAudioBufferCleared:
        """Forget the input audio that is not committed."""
        return await self._ask(InputAudioBufferClear(), InputAudioBufferCleared)

    async def create_item(self, item: Item, previous_item_id: str | None = None) -> ConversationItemAdded:
        """Add an item after `previous_item_id` (``"root"`` is the front), by default at the end."""
        named: Any = item
        if getattr(item, "id", UNSET) in (UNSET, None):
            named = attrs.evolve(named, id=_new_id("item"))  # so that the answer can be told from others
        event = ConversationItemCreate(item=named, previous_item_id=previous_item_id or UNSET)
        return await self._ask(event, ConversationItemAdded, lambda added: _field(added, "item").get("id") == named.id)

    async def delete_item(self, item_id: str) -> ConversationItemDeleted:
        """Remove an item from the conversation."""
        event = ConversationItemDelete(item_id=item_id)
        return await self._ask(event, ConversationItemDeleted, lambda deleted: deleted.item_id == item_id)

    async def truncate_item(self, item_id: str, audio_end_ms: int, content_index: int = 0) -> ConversationItemTruncated:
        """Cut assistant audio to the milliseconds that were played, and its transcript with it."""
        event = ConversationItemTruncate(item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index)
        return await self._ask(event, ConversationItemTruncated, lambda truncated: truncated.item_id == item_id)

    async def retrieve_item(self, item_id: str) -> ConversationItemRetrieved:
        """Fetch an item as the server has it, with its audio."""
        event = ConversationItemRetrieve(item_id=item_id)
        return await self._ask(
            event, ConversationItemRetrieved, lambda found: _field(found, "item").get("id") == item_id
        )

    async def create_response(self, response: ResponseConfig | None = None) -> ResponseCreated:
        """Make the model answer. It waits while another response is active: a conversation has one at a time.

        A response with ``conversation="none"`` does not wait. An entry in the response's metadata tells it from others.
        """
        config = ResponseConfig() if response is None else response
        if config.conversation == "none":
            return await self._ask_for_response(config)
        async with self._turn[ResponseCreated]:
            while True:
                await self._idle.wait()
                try:
                    return await self._ask_for_response(config)
                except RealtimeEventError as error:
                    # The server began one by itself in the meantime: wait for its end, which we will be told.
                    if error.code != "conversation_already_has_active_response" or self._idle.is_set():
                        raise

    async def cancel_response(self, response_id: str | None = None) -> ResponseDone | None:
        """Stop the active response. None if there was none any more: it ended while you asked, which is no error."""

        def match(done: ResponseDone) -> bool:
            return response_id is None or _field(done, "response").get("id") == response_id

        try:
            return await self._ask(ResponseCancel(response_id=response_id or UNSET), ResponseDone, match)
        except RealtimeEventError as error:
            if error.code == "response_cancel_not_active":
                return None
            raise

    async def clear_output_audio(self) -> OutputAudioBufferCleared:
        """Stop the audio that a WebRTC or SIP call is playing."""
        return await self._ask(OutputAudioBufferClear(), OutputAudioBufferCleared)

    async def _ask_for_response(self, config: ResponseConfig) -> ResponseCreated:
        event_id = _new_id("event")
        metadata = {**(config.metadata or {}), _CREATED_BY: event_id}
        event = ResponseCreate(event_id=event_id, response=attrs.evolve(config, metadata=metadata))
        return await self._ask(event, ResponseCreated, lambda made: _metadata(made).get(_CREATED_BY) == event_id)

    async def _ask(self, event: ClientEvent, answer: type[E], match: Callable[[E], bool] = lambda _: True) -> E:
        """Send `event`; the first `answer` that `match` accepts, or the error that names the event."""
        event = _identified(event)
        event_id = str(event.event_id)
        future: Any = self._inbox.expect(lambda received: isinstance(received, answer) and match(received))
        self._questions[event_id] = future
        try:
            await self.send(event)
            async with _deadline(_ACKNOWLEDGE, f"no answer to {event.type}"):
                result: E = await future
                return result
        finally:
            del self._questions[event_id]
            if not future.cancel():
                future.exception()  # seen: a failed send has told the same

    # --- the socket ---------------------------------------------------------------------------------------------------

    async def _connect(self) -> ClientWebSocketResponse:
        """One attempt: the socket, after its first event that is no error."""
        self._last_error = None
        socket = await self._transport.open_socket(self._target, self._options)
        try:
            async with _deadline(self._options.open_timeout, "no first event"):
                if not self._target.silent:
                    await self._first_event(socket)
        except BaseException:
            await socket.close()
            raise
        return socket

    async def _first_event(self, socket: ClientWebSocketResponse) -> None:
        """Take what comes up to the first event that is no error. The API refuses after the upgrade: error, close."""
        while True:
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                event = self._decode(message.data)
                if not isinstance(event, Error):
                    self._take(event, len(message.data))
                    return
                self._last_error = event
            elif message.type in _ENDS:
                code, reason = socket.close_code or _ABNORMAL, str(message.extra or "")
                raise error_from_event(self._last_error.raw if self._last_error else None, code, reason)

    async def _read(self) -> None:
        code, reason = _ABNORMAL, ""
        try:
            async with asyncio.timeout(None) as self._silence:
                code, reason = await self._read_frames()
        except TimeoutError:
            reason = "the server stopped answering pings"
        except ConnectionError as error:
            reason = str(error)
        self._end(code, reason)

    async def _read_frames(self) -> tuple[int, str]:
        """Put every event into the inbox; the close code and reason when there are no more."""
        while True:
            self._paused = True
            await self._inbox.room()
            self._paused = False
            message = await self._socket.receive()
            self._alive = True
            match message.type:
                case WSMsgType.TEXT:
                    self._take(self._decode(message.data), len(message.data))
                case WSMsgType.PING:
                    await self._socket.pong(message.data)
                case WSMsgType.PONG:
                    pass
                case WSMsgType.BINARY:
                    self._take(_report("invalid_event", "the server sent a binary frame"), len(message.data))
                case WSMsgType.CLOSE:
                    return int(message.data or _NO_STATUS), str(message.extra or "")
                case _:
                    return self._socket.close_code or _ABNORMAL, str(message.data or "the connection was lost")

    async def _keep_alive(self) -> None:
        """Ping while nothing comes; give up when that brings nothing either. A full buffer is no silence."""
        interval = self._options.heartbeat
        while interval is not None:
            self._alive = False
            await asyncio.sleep(interval)
            if self._alive or self._paused:
                continue
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self._socket.ping()
            await asyncio.sleep(interval / 2)
            if not (self._alive or self._paused):
                self._silence.reschedule(0)
                return

    def _decode(self, data: str | bytes) -> ServerEvent:
        try:
            return decode_server_event(data, dialect=self._target.dialect)
        except DecodeError as error:
            return _report("invalid_json", str(error))

    def _take(self, event: ServerEvent, size: int) -> None:
        """Give an event to whom it concerns: an error to who asked, all else to the inbox."""
        if isinstance(event, Error):
            self._last_error = event
            asked = self._questions.get(str(_field(event, "error").get("event_id")))
            if asked is not None and not asked.done():
                asked.set_exception(RealtimeEventError(event.raw or {}))
                return
        self._follow_response(event)
        self._inbox.put(event, size)

    def _follow_response(self, event: ServerEvent) -> None:
        """Keep which responses of the conversation are active, by type and ids only: no odd field can block them."""
        response = _field(event, "response")
        if isinstance(event, ResponseCreated) and response.get("conversation_id", "") is not None:
            self._active.add(str(response.get("id")))
            self._idle.clear()
        elif isinstance(event, ResponseDone):
            self._active.discard(str(response.get("id")))
            if not self._active:
                self._idle.set()

    def _end(self, code: int, reason: str) -> None:
        if self._inbox.ended is None:
            expired = code == _GOING_AWAY and "maximum duration" in reason
            cls = SessionExpiredError if expired else ConnectionClosedError
            event = self._last_error.raw if self._last_error else None
            ended = ConnectionClosedError(_NORMAL, "by the client") if self._closing else cls(code, reason, event)
            self._inbox.end(ended)
            self._idle.set()  # who waits for a turn goes on, and is told by its send


def _report(code: str, message: str) -> Error:
    """An error event of our own, for a frame that holds no event."""
    return structure({"type": "error", "error": {"type": "invalid_frame", "code": code, "message": message}}, Error)


def _identified(event: C) -> C:
    """The event with an id, which an error that it causes will name."""
    return attrs.evolve(event, event_id=_new_id("event")) if event.event_id in (UNSET, None) else event


def _new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(8)}"


def _field(event: ServerEvent, name: str) -> dict[str, Any]:
    """An object of the event as it came."""
    value = (event.raw or {}).get(name)
    return value if isinstance(value, dict) else {}


def _metadata(event: ServerEvent) -> dict[str, Any]:
    metadata = _field(event, "response").get("metadata")
    return metadata if isinstance(metadata, dict) else {}


@contextlib.asynccontextmanager
async def _deadline(seconds: float | None, missing: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise APITimeoutError(f"{missing} within {seconds} seconds") from None
