"""What a session holds, followed from the events that both sides send. No sockets and no clock.

The server keeps no session beyond its connection; who wants to go on elsewhere needs what stood in it. Events are read
as they came (`raw`), by type and ids only, so that no odd field can lead it astray.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final, TypeAlias

import attrs

from openai_realtime._codec.converter import encode
from openai_realtime._codec.text import load_object
from openai_realtime.models.client_events import InputAudioBufferAppend
from openai_realtime.models.events import ClientEvent, ServerEvent

JSON: TypeAlias = Mapping[str, Any]
Place: TypeAlias = tuple[str, int]
"""An item's id and the index of one of its content parts."""


_PCM_BYTES_PER_MS: Final = 48  # PCM16, 24 kHz, mono
_G711_BYTES_PER_MS: Final = 8
_G711: Final = ("audio/pcmu", "audio/pcma", "g711_ulaw", "g711_alaw")
_UNHEARD_MS: Final = 2_000  # while nobody speaks: more than the padding that the server puts before speech
_KEPT_MS: Final = 120_000  # of speech
_LEAST_MS: Final = 100  # the server refuses to commit less
_MERGED: Final = ("audio", "input", "output")  # objects of a session that an update completes; it replaces others

_ANSWERED: Final = frozenset(
    {
        "session.update",
        "transcription_session.update",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "output_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.delete",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "response.create",
        "response.cancel",
    }
)
"""The events of a client that the server answers."""


@attrs.frozen
class Sent:
    """A client event and its place in the order of sending; for audio, its milliseconds of the session."""

    order: int
    event: ClientEvent
    start_ms: float = 0
    end_ms: float = 0


class SessionTracker:
    """Feed it every event with `sent` and `received`; it costs the same for the first item and the ten thousandth."""

    def __init__(self) -> None:
        self.items: dict[str, JSON] = {}
        """The items in order, by id, as the server sent them last."""
        self.update: ClientEvent | None = None
        """The last settings event that the server accepted, and in `settings` what all of them set."""
        self.settings: JSON = {}
        self.responses: dict[str, bool] = {}
        """The responses under way, and whether they are the conversation's own."""
        # Ordered: its first entry is found at once, however many were taken from before it.
        self.pending: OrderedDict[str, Sent] = OrderedDict()
        """What was sent and not answered yet, by event id; audio is in `audio`."""
        self.audio: deque[Sent] = deque()
        """The input audio that is in no item yet."""
        self.dropped_ms = 0.0
        """How much speech, of that in no item yet, was too long to keep."""
        self.speaking = False
        """Whether the server has told of speech that is in no item yet."""
        self.translates = False
        """Whether it is a translation that is going on: the API does not tell how far it got."""
        self.cut: dict[Place, float] = {}
        """Where the model's speech was truncated, in milliseconds."""
        self.expires_at: float | None = None
        self._texts: dict[Place, list[str]] = {}
        self._output_bytes: dict[Place, int] = {}
        self._bytes_per_ms = {"input": _PCM_BYTES_PER_MS, "output": _PCM_BYTES_PER_MS}
        self._order = itertools.count()
        self._audio_ms = 0.0
        self._speech_end_ms = 0.0
        self._detects_turns = True
        self._transcribes = False
        self._transcribing: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether something is under way that a new connection would lose."""
        return bool(self.speaking or self.responses or self.pending or self._transcribing)

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server. It has an event id, and an item that it creates has an id."""
        if isinstance(event, InputAudioBufferAppend):
            start = self._audio_ms
            self._audio_ms += _size(event.audio) / self._bytes_per_ms["input"]
            self.audio.append(Sent(next(self._order), event, start, self._audio_ms))
            self._forget_old_audio()
        elif event.type == "session.input_audio_buffer.append":
            self.translates = True
        elif event.type in _ANSWERED:
            self.pending[str(event.event_id)] = Sent(next(self._order), event)

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        raw = event.raw or {}
        handle = self._handlers.get(text_of(raw, "type"))
        if handle is not None:
            handle(self, raw)

    def text(self, place: Place) -> str:
        """What is known of a part's words: its text, or the transcript of its audio as far as it came.

        Of truncated speech it is the share that was heard, to the whole word: the API tells no place in the text.
        """
        part = self.part(place)
        text = "".join(self._texts.get(place, ())) or text_of(part, "text") or text_of(part, "transcript")
        if place not in self.cut:
            return text
        length_ms = self._output_bytes.get(place, 0) / self._bytes_per_ms["output"]
        share = self.cut[place] / length_ms if length_ms else 0
        return text if share >= 1 else text[: int(len(text) * share)].rpartition(" ")[0]

    def part(self, place: Place) -> JSON:
        """A content part as the server sent it last."""
        item_id, index = place
        content = self.items[item_id].get("content")
        part = content[index] if isinstance(content, list) and index < len(content) else {}
        return part if isinstance(part, dict) else {}

    def parts(self, item_id: str) -> list[Place]:
        """Where an item's parts are, those among them that only deltas told of."""
        content = self.items.get(item_id, {}).get("content")
        count = len(content) if isinstance(content, list) else 0
        while (item_id, count) in self._texts or (item_id, count) in self._output_bytes:
            count += 1
        return [(item_id, index) for index in range(count)]

    def unanswered(self) -> list[ClientEvent]:
        """What was sent and not answered, in order, input audio that is in no item among it."""
        return [sent.event for sent in sorted([*self.pending.values(), *self.audio], key=lambda sent: sent.order)]

    # --- what the server says -----------------------------------------------------------------------------------------

    def _session(self, raw: JSON) -> None:
        session = _object(raw, "session")
        audio_input = _object(_object(session, "audio"), "input") or session
        self.expires_at = _number(session, "expires_at") or self.expires_at
        self._detects_turns = audio_input.get("turn_detection") is not None
        self._transcribes = bool(_object(audio_input, "transcription") or _object(session, "input_audio_transcription"))
        self._bytes_per_ms = {side: _bytes_per_ms(session, side) for side in ("input", "output")}

    def _session_updated(self, raw: JSON) -> None:
        self._session(raw)
        update = self._answered("session.update") or self._answered("transcription_session.update")
        if update is not None:
            self.update = update.event
            self.settings = _merge(self.settings, _object(load_object(encode(update.event)), "session"))

    def _item_added(self, raw: JSON) -> None:
        item = _object(raw, "item")
        item_id, previous = text_of(item, "id"), text_of(raw, "previous_item_id")
        if not item_id:
            return
        created = self._answered("conversation.item.create", lambda event: _creates(event, item))
        first = created is not None and _given(created.event, "previous_item_id") == "root"
        between = previous in self.items and previous != next(reversed(self.items))
        if (first or between) and item_id not in self.items:
            self._insert(item_id, item, None if first else previous)
        else:
            self.items[item_id] = item

    def _item_done(self, raw: JSON) -> None:
        item = _object(raw, "item")
        if text_of(item, "id") in self.items:
            self.items[text_of(item, "id")] = item

    def _item_deleted(self, raw: JSON) -> None:
        self._answered_about("conversation.item.delete", raw)
        item_id = text_of(raw, "item_id")
        self._transcribing.discard(item_id)
        self._forget(self.parts(item_id))
        self.items.pop(item_id, None)

    def _item_retrieved(self, raw: JSON) -> None:
        self._answered_about("conversation.item.retrieve", {"item_id": text_of(_object(raw, "item"), "id")})

    def _item_truncated(self, raw: JSON) -> None:
        self._answered_about("conversation.item.truncate", raw)
        self.cut[_place(raw)] = max(_number(raw, "audio_end_ms") or 0, 0)

    def _speech_started(self, _: JSON) -> None:
        self.speaking = True

    def _speech_stopped(self, raw: JSON) -> None:
        end = _number(raw, "audio_end_ms")
        self._speech_end_ms = self._audio_ms if end is None else end

    def _committed(self, raw: JSON) -> None:
        self.speaking = False
        if self._transcribes:
            self._transcribing.add(text_of(raw, "item_id"))
        commit = "input_audio_buffer.commit"
        asked = self._answered(commit, self._is_enough) or self._answered(commit)
        self._take_audio(lambda audio: audio.order < asked.order if asked else audio.end_ms <= self._speech_end_ms)

    def _cleared(self, _: JSON) -> None:
        self.speaking = False
        asked = self._answered("input_audio_buffer.clear")
        if asked is not None:
            self._take_audio(lambda audio: audio.order < asked.order)

    def _playback_cleared(self, _: JSON) -> None:
        self._answered("output_audio_buffer.clear")

    def _delta(self, raw: JSON) -> None:
        self._texts.setdefault(_place(raw), []).append(text_of(raw, "delta"))

    def _text_done(self, raw: JSON) -> None:
        self._texts[_place(raw)] = [text_of(raw, "text") or text_of(raw, "transcript")]

    def _transcribed(self, raw: JSON) -> None:
        self._transcribing.discard(text_of(raw, "item_id"))
        if text_of(raw, "transcript"):
            self._text_done(raw)

    def _audio_delta(self, raw: JSON) -> None:
        place = _place(raw)
        self._output_bytes[place] = self._output_bytes.get(place, 0) + _size(text_of(raw, "delta"))

    def _response_created(self, raw: JSON) -> None:
        response = _object(raw, "response")
        # A response out of band has null there; servers of the beta say nothing.
        self.responses[text_of(response, "id")] = response.get("conversation_id", "") is not None
        self._answered("response.create")

    def _response_done(self, raw: JSON) -> None:
        self.responses.pop(text_of(_object(raw, "response"), "id"), None)
        while self._answered("response.cancel"):
            pass
        output = _object(raw, "response").get("output")
        for item in output if isinstance(output, list) else ():
            item_id = text_of(item, "id") if isinstance(item, dict) else ""
            if item_id not in self.items:  # what a response out of band said is in no item of the conversation
                self._forget(self.parts(item_id))

    def _error(self, raw: JSON) -> None:
        self.pending.pop(text_of(_object(raw, "error"), "event_id"), None)

    _handlers: ClassVar[Mapping[str, Callable[[Any, JSON], None]]] = {
        "session.created": _session,
        "session.updated": _session_updated,
        "transcription_session.created": _session,
        "transcription_session.updated": _session_updated,
        "conversation.item.added": _item_added,
        "conversation.item.created": _item_added,
        "conversation.item.done": _item_done,
        "conversation.item.deleted": _item_deleted,
        "conversation.item.retrieved": _item_retrieved,
        "conversation.item.truncated": _item_truncated,
        "conversation.item.input_audio_transcription.delta": _delta,
        "conversation.item.input_audio_transcription.completed": _transcribed,
        "conversation.item.input_audio_transcription.failed": _transcribed,
        "input_audio_buffer.speech_started": _speech_started,
        "input_audio_buffer.speech_stopped": _speech_stopped,
        "input_audio_buffer.timeout_triggered": _speech_stopped,
        "input_audio_buffer.committed": _committed,
        "input_audio_buffer.cleared": _cleared,
        "output_audio_buffer.cleared": _playback_cleared,
        "response.output_item.done": _item_done,
        "response.output_text.delta": _delta,
        "response.text.delta": _delta,
        "response.output_audio_transcript.delta": _delta,
        "response.audio_transcript.delta": _delta,
        "response.output_text.done": _text_done,
        "response.text.done": _text_done,
        "response.output_audio_transcript.done": _text_done,
        "response.audio_transcript.done": _text_done,
        "response.output_audio.delta": _audio_delta,
        "response.audio.delta": _audio_delta,
        "response.created": _response_created,
        "response.done": _response_done,
        "error": _error,
    }

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _forget(self, places: Iterable[Place]) -> None:
        for place in places:
            for kept in (self._texts, self._output_bytes, self.cut):
                kept.pop(place, None)

    def _answered(self, kind: str, match: Callable[[ClientEvent], bool] = lambda _: True) -> Sent | None:
        """Take the oldest pending event of a type that `match` accepts. Few are ever pending: audio is elsewhere."""
        for event_id, sent in self.pending.items():
            if sent.event.type == kind and match(sent.event):
                return self.pending.pop(event_id)
        return None

    def _answered_about(self, kind: str, raw: JSON) -> None:
        self._answered(kind, lambda event: _given(event, "item_id") == text_of(raw, "item_id"))

    def _insert(self, item_id: str, item: JSON, previous: str | None) -> None:
        """Put an item after `previous` (None: first). Rare, and so the cost of a new dict is no matter."""
        pairs = self.items.items()
        before = {} if previous is None else dict(itertools.takewhile(lambda pair: pair[0] != previous, pairs))
        if previous is not None:
            before[previous] = self.items[previous]
        self.items = {**before, item_id: item, **{key: old for key, old in pairs if key not in before}}

    def _is_enough(self, commit: ClientEvent) -> bool:
        """Whether a commit has enough audio. The refusal of one that has not comes after the answers to later ones."""
        order = self.pending[str(commit.event_id)].order
        return sum(audio.end_ms - audio.start_ms for audio in self.audio if audio.order < order) >= _LEAST_MS

    def _take_audio(self, belongs: Callable[[Sent], bool]) -> None:
        """Forget the audio up to the last that `belongs` to an item now, or to nothing."""
        self.dropped_ms = 0.0
        while self.audio and belongs(self.audio[0]):
            self.audio.popleft()

    def _forget_old_audio(self) -> None:
        listening = self._detects_turns and not self.speaking
        kept = _UNHEARD_MS if listening else _KEPT_MS
        while self._audio_ms - self.audio[0].end_ms > kept:
            oldest = self.audio.popleft()
            self.dropped_ms += 0 if listening else oldest.end_ms - oldest.start_ms


def _merge(old: JSON, new: JSON) -> JSON:
    """The settings after an update: what it leaves out stays, its values replace, its halves of `audio` complete."""
    merged = {
        key: _merge(_object(old, key), value) for key, value in new.items() if key in _MERGED and _object(new, key)
    }
    return {**old, **new, **merged}


def _bytes_per_ms(session: JSON, side: str) -> int:
    """Of a session's input or output audio; the beta names its formats another way."""
    kind = _object(_object(_object(session, "audio"), side), "format").get("type") or session.get(
        f"{side}_audio_format"
    )
    return _G711_BYTES_PER_MS if kind in _G711 else _PCM_BYTES_PER_MS


def _given(ours: Any, name: str) -> Any:
    """A field of an event or item of ours: of a class that has it, or as it goes on the wire."""
    raw = ours if isinstance(ours, dict) else getattr(ours, "raw", None) or {}
    return getattr(ours, name, None) or raw.get(name)


def _creates(event: ClientEvent, item: JSON) -> bool:
    """Whether `item` is the one that an event creates. Where ours has no id, its type has to do."""
    ours = _given(event, "item")
    name = "id" if _given(ours, "id") else "type"
    return bool(_given(ours, name) == item.get(name))


def _size(audio: str) -> int:
    """The bytes that base64 stands for."""
    return len(audio) * 3 // 4 - audio.count("=", -2)


def _place(raw: JSON) -> Place:
    index = raw.get("content_index")
    return text_of(raw, "item_id"), index if isinstance(index, int) else 0


def _object(raw: JSON, name: str) -> JSON:
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def _number(raw: JSON, name: str) -> float | None:
    value = raw.get(name)
    return value if isinstance(value, int | float) else None


def text_of(raw: JSON, name: str) -> str:
    """A field that is text; empty if it is none."""
    value = raw.get(name)
    return value if isinstance(value, str) else ""
