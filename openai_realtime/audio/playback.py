"""`Playback`: what of the model's speech was heard, and what happens to the rest when the user interrupts."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol, TypeAlias, get_args

from attrs import define

from openai_realtime._codec.audio_rates import PCM_BYTES_PER_MS, bytes_per_ms
from openai_realtime._codec.raw import JSON, object_in, place_in, received_json, text_in
from openai_realtime.conversation.activity import Activity
from openai_realtime.errors import ConfigurationError, DecodeError, RealtimeError
from openai_realtime.models.base64 import from_base64
from openai_realtime.models.client_events import (
    ConversationItemDelete,
    ConversationItemTruncate,
    OutputAudioBufferClear,
    ResponseCancel,
)
from openai_realtime.models.events import ClientEvent, ServerEvent

from .streams import Sink

__all__ = ["Playback"]

Mode: TypeAlias = Literal["pull", "clock", "reports"]
Player: TypeAlias = Sink | Mode
_Place: TypeAlias = tuple[str, int]

_AUDIO: Final = ("response.output_audio.delta", "response.audio.delta")
_AUDIO_DONE: Final = ("response.output_audio.done", "response.audio.done")
_WORDS: Final = ("response.output_audio_transcript.delta", "response.audio_transcript.delta")


class _Acting(Protocol):
    """What playback acts on: an open asyncio connection."""

    async def send(self, event: ClientEvent) -> None: ...
    async def truncate_item(self, item_id: str, audio_end_ms: int, content_index: int = 0) -> object: ...


@define
class _Spoken:
    """The speech of one content part, in bytes."""

    item_id: str
    content_index: int
    response_id: str
    received: int = 0
    heard: int = 0
    is_done: bool = False


class Playback:
    """Follows the model's speech to the ear: ``connect(..., observers=[playback])``.

    When the server hears the user speak, what is not played yet is dropped, late audio of the response is ignored, and
    each item that was still audible is truncated on the server to what was heard of it. On WebRTC and SIP, where the
    server plays, it does all that by itself.

    - player: how it is known what was played. A `Sink`, such as a `Speaker`, is written to; with ``"pull"`` the player
      takes audio with `read`; with ``"reports"`` the program plays and says so with `report`; with ``"clock"`` all is
      taken to be played as it comes, in real time.
    - unheard: whether items of which nothing was heard are deleted on the server, or left.
    - clock: gives the time in seconds.
    """

    def __init__(
        self,
        player: Player = "pull",
        *,
        unheard: Literal["delete", "leave"] = "delete",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (player in get_args(Mode) if isinstance(player, str) else hasattr(player, "played")):
            raise ConfigurationError("a player is a Speaker or another Sink, 'pull', 'clock' or 'reports'")
        self._player = player
        self._unheard = unheard
        self._clock = clock
        self._activity = Activity()
        self._spoken: dict[_Place, _Spoken] = {}
        self._queue: deque[tuple[_Spoken, int]] = deque()  # what is not played: whose it is, and bytes
        self._audio = bytearray()  # the same as audio, for a player that pulls
        self._bytes_per_ms = PCM_BYTES_PER_MS
        self._seen = 0 if isinstance(player, str) else player.played  # what the sink has told already
        self._since = 0.0  # from when on the clock plays
        self._ignored: set[str] = set()
        self._server_plays = False
        self._plays_here = False  # whether audio comes: on a call there are only its words
        self._lock = threading.RLock()  # a Sink may ask what is queued while it is written to
        self._connection: _Acting | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def queued_ms(self) -> float:
        """How much speech waits to be played."""
        with self._lock:
            self._settle()
            return sum(size for _, size in self._queue) / self._bytes_per_ms

    def heard_ms(self, item_id: str) -> float:
        """Return how much of an item's speech was played."""
        with self._lock:
            self._settle()
            return sum(one.heard for one in self._spoken.values() if one.item_id == item_id) / self._bytes_per_ms

    def read(self, size: int) -> bytes:
        """Take up to `size` bytes to play now, from any thread; they count as heard."""
        with self._lock:
            audio = bytes(self._audio[:size])
            del self._audio[:size]
            self._play(len(audio))
        return audio

    def report(self, *, size: int = 0, ms: float = 0) -> None:
        """Say that `size` bytes or `ms` milliseconds more were played."""
        with self._lock:
            self._play(size + round(ms * self._bytes_per_ms))

    def interrupt(self) -> list[ClientEvent]:
        """Stop the speech and its response, as if the user had spoken; from any thread. Return what is sent for it."""
        events: list[ClientEvent] = [ResponseCancel()] if self._activity.is_responding else []
        events += [OutputAudioBufferClear()] if self._server_plays else self._stop()
        loop = self._loop  # which another thread may take away
        if loop is not None:
            loop.call_soon_threadsafe(self._send, events)
        return events

    def opened(self, connection: _Acting) -> None:
        """Act on a connection from now on. Raises ConfigurationError while another one is open."""
        if self._connection is not None:
            raise ConfigurationError("this Playback is of another open session, so make one for each")
        self._connection, self._loop = connection, asyncio.get_running_loop()

    def closed(self) -> None:
        """Act no more: the session is over."""
        self._connection = self._loop = None

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server."""
        self._activity.sent(event)

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        kind = event.type
        if kind in _AUDIO:
            self._on_audio(received_json(event))
            return
        if kind in _WORDS:
            self._known_part(received_json(event))  # audible, though nothing of it came yet
            return
        self._activity.received(event)
        if kind in _AUDIO_DONE:
            self._known_part(received_json(event)).is_done = True
        elif kind == "input_audio_buffer.speech_started" and self._activity.server_interrupts:
            self._send(self._stop())
        elif kind in ("session.created", "session.updated"):
            self._bytes_per_ms = bytes_per_ms(object_in(received_json(event), "session"), "output")
        elif kind == "response.done":
            self._on_response_done(text_in(object_in(received_json(event), "response"), "id"))
        elif kind == "output_audio_buffer.started":
            self._server_plays = True
        elif kind == "openai_realtime.reconnected":
            self._on_reconnected()

    def _on_audio(self, raw: JSON) -> None:
        try:
            audio = from_base64(text_in(raw, "delta"))
        except DecodeError:
            return
        with self._lock:
            if text_in(raw, "response_id") in self._ignored:
                return
            part, self._plays_here = self._part(raw), True
            self._settle()
            part.received += len(audio)
            self._queue.append((part, len(audio)))
            if self._player == "pull":
                self._audio += audio
            elif not isinstance(self._player, str):
                self._player.write(audio)

    def _known_part(self, raw: JSON) -> _Spoken:
        with self._lock:  # other threads may look at all parts
            return self._part(raw)

    def _part(self, raw: JSON) -> _Spoken:
        place = place_in(raw)
        known = self._spoken.get(place)
        if known is None:
            known = self._spoken[place] = _Spoken(*place, text_in(raw, "response_id"))
        return known

    def _on_response_done(self, response_id: str) -> None:
        self._ignored.discard(response_id)
        for part in self._spoken.values():
            part.is_done = part.is_done or part.response_id == response_id

    def _on_reconnected(self) -> None:
        self._ignored.clear()
        for part in self._spoken.values():
            part.is_done = True

    def _settle(self) -> None:
        """Count what the player has played since the last look."""
        if self._player == "clock":
            now = self._clock()
            due = round((now - self._since) * 1000 * self._bytes_per_ms) if self._queue else 0
            self._play(due)
            self._since = self._since + due / self._bytes_per_ms / 1000 if self._queue else now
        elif not isinstance(self._player, str):
            self._play(self._player.played - self._seen)
            self._seen = self._player.played

    def _play(self, size: int) -> None:
        while size > 0 and self._queue:
            part, waiting = self._queue.popleft()
            played = min(size, waiting)
            part.heard += played
            size -= played
            if played < waiting:
                self._queue.appendleft((part, waiting - played))

    def _stop(self) -> list[ClientEvent]:
        """Drop what is not played; return what makes the server forget it too."""
        with self._lock:
            self._settle()
            self._queue.clear()
            self._audio.clear()
            spoken = self._spoken.values() if self._plays_here else ()
            audible = [part for part in spoken if part.heard < part.received or not part.is_done]
            self._ignored |= self._activity.responses | {part.response_id for part in audible if not part.is_done}
            if not isinstance(self._player, str):
                self._player.clear()
        events = [event for part in audible for event in self._cut(part)]
        for part in audible:
            part.received, part.is_done = part.heard, True
        return events

    def _cut(self, part: _Spoken) -> list[ClientEvent]:
        heard_ms = int(part.heard / self._bytes_per_ms)
        if heard_ms:
            truncate = ConversationItemTruncate(
                item_id=part.item_id, content_index=part.content_index, audio_end_ms=heard_ms
            )
            return [truncate]
        return [ConversationItemDelete(item_id=part.item_id)] if self._unheard == "delete" else []

    def _send(self, events: Sequence[ClientEvent]) -> None:
        if events and self._connection is not None:
            for event in events:  # side by side: each waits for its answer
                task = asyncio.ensure_future(_act(self._connection, event))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


async def _act(connection: _Acting, event: ClientEvent) -> None:
    with contextlib.suppress(RealtimeError):  # refused, or the connection is gone and the item with it
        if isinstance(event, ConversationItemTruncate):  # which knows what to do with speech that was restored as text
            await connection.truncate_item(event.item_id, event.audio_end_ms, event.content_index)
        else:
            await connection.send(event)
