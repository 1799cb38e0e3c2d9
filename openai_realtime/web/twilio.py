"""`bridge`: a phone call at Twilio, whose sound comes over a WebSocket, joined to a session.

https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from openai_realtime._codec.converter import dumps
from openai_realtime._codec.json import load_object
from openai_realtime._codec.raw import json_of, object_in, text_in
from openai_realtime._connection.tasks import stop
from openai_realtime.audio.pcm import Audio
from openai_realtime.audio.playback import Playback
from openai_realtime.audio.transcode import Transcoder
from openai_realtime.errors import DecodeError, RealtimeError
from openai_realtime.models.base64 import from_base64, to_base64
from openai_realtime.models.client_events import ConversationItemTruncate
from openai_realtime.models.events import ClientEvent
from openai_realtime.models.server_events import SessionCreated, SessionUpdated

from .messages import WebSocket, check_websocket

if TYPE_CHECKING:
    from openai_realtime import AsyncRealtimeConnection

__all__ = ["bridge"]

Ending: TypeAlias = Literal["stopped", "lost", "session closed"]
OnMessage: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]

_ULAW: Final = "audio/pcmu"  # of 8 kHz: what Twilio speaks
_PCM: Final = "audio/pcm"
_PIECE_MS: Final = 100  # of speech between two marks: as exactly is known what was heard
_SEND_SECONDS: Final = 30.0  # in which Twilio must have taken one message
_ANSWER_SECONDS: Final = 5.0
_NORMAL: Final = 1000


async def bridge(
    websocket: WebSocket, connection: AsyncRealtimeConnection, *, on_message: OnMessage | None = None
) -> Ending:
    """Let the caller of a Media Stream and the model talk until one of them ends; tell which.

    `websocket` has been accepted; Twilio opens it for ``<Connect><Stream url="wss://...">``, and it is closed at the
    end. A session whose formats are ``audio/pcmu`` gets the sound as it is; PCM needs the extra ``audio``. When the
    caller interrupts, what Twilio has not played is cleared there, and truncated in the session. So it is at the end:
    the connection stays open, and another bridge may go on with it when the stream was ``"lost"``. A connection that
    reconnects goes on here.

    `on_message` gets Twilio's messages that carry no sound: ``start`` with its ``callSid`` and ``customParameters``,
    ``dtmf`` with its ``digit``, and ``stop``. Raises what it raises, and the connection's ConnectionClosedError.
    """
    check_websocket(websocket)
    line = _Line(websocket)
    playback = Playback(line)
    session = _Session(connection, playback, line)
    works = [
        asyncio.create_task(session.follow()),
        asyncio.create_task(line.send_all()),
        asyncio.create_task(_listen(websocket, session, line, on_message)),
    ]
    try:
        done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        await stop(works)
        await session.forget_unheard()
        with contextlib.suppress(OSError, RuntimeError):  # it is closed, or gone
            await websocket.close(_NORMAL, "")


async def _listen(websocket: WebSocket, session: _Session, line: _Line, on_message: OnMessage | None) -> Ending:
    """Take Twilio's messages; what is none is passed over."""
    while (text := await websocket.receive()) is not None:
        try:
            message = load_object(text)
        except DecodeError:
            continue
        kind = text_in(message, "event")
        if kind == "media":
            await session.hear(object_in(message, "media"))
        elif kind == "mark":
            line.played_up_to(text_in(object_in(message, "mark"), "name"))
        elif kind == "start":
            line.start(text_in(message, "streamSid"))
        if on_message is not None and kind not in ("media", "mark"):
            await on_message(message)
        if kind == "stop":
            return "stopped"
    return "lost"


class _Session:
    """The model's side."""

    def __init__(self, connection: AsyncRealtimeConnection, playback: Playback, line: _Line) -> None:
        self._connection = connection
        self._playback = playback
        self._line = line
        self._is_bridged = True
        self._input = Transcoder(_ULAW, _ULAW)
        playback.opened(self)
        self._settings: Any = connection.session
        self._apply_settings()

    async def send(self, event: ClientEvent) -> None:
        """Send what `Playback` wants, while the bridge stands."""
        if self._is_bridged:
            await self._connection.send(event)

    async def truncate_item(self, item_id: str, audio_end_ms: int, content_index: int = 0) -> None:
        """Truncate what `Playback` wants, while the bridge stands."""
        if self._is_bridged:
            await self._connection.truncate_item(item_id, audio_end_ms, content_index)

    async def follow(self) -> Ending:
        """Let the caller hear what the model says."""
        async for event in self._connection:
            self._playback.received(event)
            if isinstance(event, SessionCreated | SessionUpdated):
                # A session that replaces a lost one begins with other settings, and is given those of before.
                is_new = isinstance(event, SessionUpdated) or self._settings is None
                self._settings = event.session if is_new else self._settings
                self._apply_settings()
            elif event.type == "response.output_audio.done":
                self._line.flush()
        return "session closed"

    async def hear(self, media: Mapping[str, Any]) -> None:
        """Let the model hear 20 ms of the caller; later, if the connection is being replaced."""
        if media.get("track") == "outbound":
            return
        with contextlib.suppress(DecodeError, RealtimeError):  # no base64; `follow` tells if the connection has ended
            audio = self._input.process(from_base64(text_in(media, "payload")))
            await self._connection.append_audio(audio)

    async def forget_unheard(self) -> None:
        """Stop the answer, and let the session forget what nobody heard of it."""
        self._is_bridged = False
        for event in self._playback.interrupt():
            with contextlib.suppress(RealtimeError):  # the session has ended too
                await self._act(event)

    async def _act(self, event: ClientEvent) -> None:
        if isinstance(event, ConversationItemTruncate):
            end = event.audio_end_ms
            await self._connection.truncate_item(event.item_id, end, event.content_index, timeout=_ANSWER_SECONDS)
        else:
            await self._connection.send(event)

    def _apply_settings(self) -> None:
        if self._settings is None:  # the server has not told yet
            return
        self._playback.received(SessionUpdated(session=self._settings))
        audio = object_in(json_of(self._settings), "audio")
        heard, spoken = _format(audio, "input"), _format(audio, "output")
        if heard != self._input.target:
            self._input = Transcoder(_ULAW, heard)
        if spoken != self._line.output.source:
            self._line.output = Transcoder(spoken, _ULAW)


def _format(audio: Mapping[str, Any], side: str) -> str:
    return text_in(object_in(object_in(audio, side), "format"), "type") or _PCM


class _Line:
    """Twilio's side: a loudspeaker that tells by marks what it has played. It speaks the session's output format."""

    def __init__(self, websocket: WebSocket) -> None:
        self.played = 0
        self.output = Transcoder(_ULAW, _ULAW)
        self._websocket = websocket
        self._stream = ""
        self._started = asyncio.Event()
        self._to_send: deque[dict[str, Any]] = deque()
        self._has_more = asyncio.Event()
        self._marks: deque[tuple[str, int]] = deque()  # not come back yet, with the bytes played when they do
        self._mark_number = 0

    def start(self, stream: str) -> None:
        """Begin to send: the stream has its name."""
        self._stream = stream
        self._started.set()

    def write(self, audio: Audio) -> None:
        """Queue what the model says, with a mark behind each piece."""
        size = _PIECE_MS * self.output.bytes_per_ms
        for start in range(0, len(audio), size):
            piece = audio[start : start + size]
            payload = to_base64(self.output.process(piece))
            self._mark_number += 1
            name = str(self._mark_number)
            self._marks.append((name, len(piece)))
            self._to_send.append({"event": "media", "media": {"payload": payload}})
            self._to_send.append({"event": "mark", "mark": {"name": name}})
        self._has_more.set()

    def flush(self) -> None:
        """Queue the last milliseconds of an answer, which the conversion held back."""
        rest = self.output.flush()
        if rest:
            self._to_send.append({"event": "media", "media": {"payload": to_base64(rest)}})
            self._has_more.set()

    def clear(self) -> int:
        """Drop what is queued, here and at Twilio. The marks of what is dropped come back too, and count no more."""
        dropped = sum(size for _, size in self._marks)
        self._marks.clear()
        self._to_send.clear()
        self.output.flush()
        self._to_send.append({"event": "clear"})
        self._has_more.set()
        return dropped

    def played_up_to(self, name: str) -> None:
        """Take a mark that came back: all before it was played."""
        if all(name != known for known, _ in self._marks):
            return
        passed = ""
        while passed != name:
            passed, size = self._marks.popleft()
            self.played += size

    async def send_all(self) -> Ending:
        """Send what is queued, until Twilio is gone."""
        await self._started.wait()
        try:
            while True:
                await self._has_more.wait()
                self._has_more.clear()
                while self._to_send:
                    message = {**self._to_send.popleft(), "streamSid": self._stream}
                    async with asyncio.timeout(_SEND_SECONDS):
                        await self._websocket.send(dumps(message).decode())
        except (ConnectionError, TimeoutError):
            return "lost"
