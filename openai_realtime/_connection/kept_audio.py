"""`KeptAudio`: the speech that a new session would lack: audio in no turn yet, and turns that are not told to the end.

A turn's audio is kept until its item has come, and its transcript too where there are any. No sockets and no clock:
time is that of the audio, in milliseconds since the session began, as the server counts it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from openai_realtime._codec.audio_rates import PCM_BYTES_PER_MS
from openai_realtime._codec.raw import JSON, decoded_size, object_in
from openai_realtime.errors import DecodeError
from openai_realtime.models.base64 import from_base64, to_base64
from openai_realtime.models.client_events import InputAudioBufferAppend

_PADDING_MS: Final = 2_000  # more than the server puts before the speech that it reports
_KEPT_MS: Final = 120_000  # before the last audio


@attrs.frozen
class Appended:
    """An append, its place in the order of sending, and which milliseconds of the session it is."""

    order: int
    event: InputAudioBufferAppend
    start_ms: float
    end_ms: float


class KeptAudio:
    """What was appended and is in no item that is whole."""

    def __init__(self) -> None:
        self.uncommitted: deque[Appended] = deque()
        """What is in no turn yet, oldest first."""
        self.turns: dict[str, list[Appended]] = {}
        """The audio of turns whose item or transcript has not all come, by the item's id."""
        self.transcribing: set[str] = set()
        """The items whose transcript has not all come."""
        self.dropped_ms = 0.0
        """How much in no turn yet was too old to keep."""
        self.speaking = False
        """Whether the server has told of speech that is in no item yet."""
        self.detects_turns = True
        self.responds = True
        """Whether the server answers a turn that it detects by itself."""
        self.unanswered_turn = ""
        """The id of the last turn, if the server detected it and no response came since."""
        self._bytes_per_ms = PCM_BYTES_PER_MS
        self._transcribes = False
        self._known: set[str] = set()
        self._now_ms = 0.0
        self._end_ms = 0.0

    def follow(self, settings: JSON, bytes_per_ms: float) -> None:
        """Follow the session's settings of audio input."""
        detection = settings.get("turn_detection")
        self.detects_turns = detection is not None
        self.responds = object_in(settings, "turn_detection").get("create_response") is not False
        self._transcribes = bool(
            object_in(settings, "transcription") or object_in(settings, "input_audio_transcription")
        )
        self._bytes_per_ms = bytes_per_ms

    def append(self, order: int, event: InputAudioBufferAppend) -> None:
        """Keep audio that goes to the server."""
        start = self._now_ms
        self._now_ms += decoded_size(event.audio) / self._bytes_per_ms
        self.uncommitted.append(Appended(order, event, start, self._now_ms))
        limit = self._now_ms - _KEPT_MS
        while self.uncommitted[0].end_ms < limit:
            oldest = self.uncommitted.popleft()
            self.dropped_ms += oldest.end_ms - oldest.start_ms
        for item_id in [name for name, audio in self.turns.items() if audio and audio[0].end_ms < limit]:
            self.turns[item_id] = []

    def started(self, start_ms: float | None) -> None:
        """Follow the beginning of speech: what is long before it was none."""
        self.speaking = True
        if start_ms is not None:
            self._silent_until(start_ms - _PADDING_MS)

    def stopped(self, end_ms: float | None) -> None:
        """Follow the end of speech."""
        self._end_ms = self._now_ms if end_ms is None else end_ms

    def committed(self, item_id: str, order: int | None, *, known: bool) -> None:
        """Make a turn of what was sent before `order`, or, where the server detected it, of what was spoken.

        `known` is whether its item came before.
        """
        self.speaking = False
        self.dropped_ms = 0.0
        if order is None:
            taken = self._take_spoken()
            self.unanswered_turn = item_id if self.responds else ""
        else:
            taken = self._take(lambda audio: audio.order < order)
        if self._transcribes:
            self.transcribing.add(item_id)
        self.turns[item_id] = taken
        if known:
            self.item_added(item_id)

    def cleared(self, order: int | None) -> None:
        """Forget what was sent before `order`."""
        self.speaking = False
        if order is not None:
            self.dropped_ms = 0.0
            self._take(lambda audio: audio.order < order)

    def item_added(self, item_id: str) -> None:
        """Follow an item that came, which may be a turn's."""
        if item_id in self.turns and item_id not in self.transcribing:
            del self.turns[item_id]
        elif item_id in self.turns:
            self._known.add(item_id)

    def transcribed(self, item_id: str) -> None:
        """Follow the end of a transcript, also of one that failed."""
        self.transcribing.discard(item_id)
        if item_id in self._known:
            self._known.remove(item_id)
            self.turns.pop(item_id, None)

    def answered(self) -> None:
        """Follow the beginning of a response."""
        self.unanswered_turn = ""

    def forget(self, item_id: str) -> None:
        """Forget the turn of an item that is deleted."""
        self.transcribing.discard(item_id)
        self._known.discard(item_id)
        self.turns.pop(item_id, None)

    def audio_of(self, item_id: str) -> str:
        """Return the audio of a turn, as base64; empty if none is kept."""
        return joined([audio.event for audio in self.turns.get(item_id, ())])

    def milliseconds(self) -> float:
        """Return how much is in no turn yet."""
        return sum(audio.end_ms - audio.start_ms for audio in self.uncommitted)

    def _silent_until(self, end_ms: float) -> None:
        while self.uncommitted and self.uncommitted[0].end_ms <= end_ms:
            self.uncommitted.popleft()
        self.dropped_ms = 0.0

    def _take(self, belongs: Callable[[Appended], bool]) -> list[Appended]:
        taken = []
        while self.uncommitted and belongs(self.uncommitted[0]):
            taken.append(self.uncommitted.popleft())
        return taken

    def _take_spoken(self) -> list[Appended]:
        """Take what the server has made a turn of, and cut the append in which it ends."""
        taken = self._take(lambda audio: audio.end_ms <= self._end_ms)
        if self.uncommitted and self.uncommitted[0].start_ms < self._end_ms:
            parts = self._cut(self.uncommitted[0])
            if parts is not None:
                taken.append(parts[0])
                self.uncommitted[0] = parts[1]
        return taken

    def _cut(self, audio: Appended) -> tuple[Appended, Appended] | None:
        """Cut an append in two, at the end of the speech; None if it is not to be cut."""
        try:
            data = from_base64(audio.event.audio)
        except DecodeError:
            return None
        size = round((self._end_ms - audio.start_ms) * self._bytes_per_ms) // 2 * 2
        first, second = (attrs.evolve(audio.event, audio=to_base64(part)) for part in (data[:size], data[size:]))
        return (
            attrs.evolve(audio, event=first, end_ms=self._end_ms),
            attrs.evolve(audio, event=second, start_ms=self._end_ms),
        )


def joined(events: Sequence[InputAudioBufferAppend]) -> str:
    """Join the audio of several appends as one piece of base64; empty if it cannot be read."""
    try:
        return to_base64(b"".join(from_base64(event.audio) for event in events))
    except DecodeError:
        return ""
