"""What a session holds, followed from the events that both sides send. No sockets and no clock.

The server keeps no session beyond its connection; who wants to go on elsewhere needs what stood in it. Events are read
as they came (`raw`), by type and ids only, so that no odd field can lead it astray.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

import attrs

from openai_realtime._codec.rates import PCM_BYTES_PER_MS, bytes_per_ms
from openai_realtime._codec.raw import JSON, decoded_size, json_of, number_in, object_in, place_in, text_in
from openai_realtime.models.client_events import InputAudioBufferAppend
from openai_realtime.models.events import ClientEvent, ServerEvent

from .kept_audio import KeptAudio
from .unanswered import Sent, Unanswered

Place: TypeAlias = tuple[str, int]
"""An item's id and the index of one of its content parts."""

_MERGED: Final = ("audio", "input", "output")  # objects of a session that an update completes; it replaces others
_TRANSCRIPTION: Final = ("transcription", "realtime.transcription_session")


@attrs.frozen
class RestoredSpeech:
    """Speech that is only text in the present session: its words, its length, and the item before it (or "root")."""

    text: str
    length_ms: float
    previous_item_id: str


class SessionTracker:
    """An observer of a session. It costs the same for the first item and the ten thousandth."""

    def __init__(self) -> None:
        self.items: dict[str, JSON] = {}
        """The items in order, by id, as the server sent them last."""
        self.update: ClientEvent | None = None
        """The last settings event that the server accepted, and in `settings` what all of them set."""
        self.settings: JSON = {}
        self.unanswered = Unanswered()
        self.speech = KeptAudio()
        self.translates = False
        """Whether it is a translation that is going on: the API does not tell how far it got."""
        self.transcribes_only = False
        """Whether it is a transcription session, which has turns and takes no items."""
        self.cut: dict[Place, float] = {}
        """Where the model's speech was truncated, in milliseconds."""
        self.expires_at: float | None = None
        self.changes = 0
        """How many events came that may change what a new session begins with."""
        self._texts: dict[Place, list[str]] = {}
        self._output_bytes: dict[Place, int] = {}
        self._spoken_ms: dict[Place, float] = {}
        self._output_bytes_per_ms = PCM_BYTES_PER_MS

    @property
    def busy(self) -> bool:
        """Whether something is under way that a new connection would lose, or an answer is to come."""
        return self.is_speaking or bool(self.unanswered.pending)

    @property
    def is_speaking(self) -> bool:
        """Whether the user or the model speaks, or their words are still to come."""
        speech = self.speech
        return bool(speech.speaking or speech.turns or speech.transcribing or self.unanswered.responses)

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server. It has an event id, and an item that it creates has an id."""
        self.unanswered.sent(event)
        if isinstance(event, InputAudioBufferAppend):
            self.speech.append(next(self.unanswered.order), event)
        elif event.type == "session.input_audio_buffer.append":
            self.translates = True

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        raw = event.raw or {}
        handle = self._handlers.get(text_in(raw, "type"))
        if handle is not None:
            self.changes += 1
            handle(self, raw, self.unanswered.received(raw))

    def text(self, place: Place) -> str:
        """Return what is known of a part's words: its text, or the transcript of its audio as far as it came.

        Of truncated speech it is the share that was heard, to the whole word: the API tells no place in the text.
        """
        part = self.part(place)
        text = "".join(self._texts.get(place, ())) or text_in(part, "text") or text_in(part, "transcript")
        if place not in self.cut:
            return text
        return share_of(text, self.cut[place], self._length_ms(place))

    def restored_speech(self, place: Place) -> RestoredSpeech | None:
        """Return what a part was in the session before, where it was speech; None if it was none."""
        if place not in self._spoken_ms or place[0] not in self.items:
            return None
        before = list(itertools.takewhile(lambda item_id: item_id != place[0], self.items))
        return RestoredSpeech(self.text(place), self._spoken_ms[place], before[-1] if before else "root")

    def truncate_as_asked(self) -> None:
        """Hold the truncations that were not answered to be made: what they cut was not heard."""
        for sent in self.unanswered.pending.values():
            if sent.event.type == "conversation.item.truncate":
                self._on_item_truncated(sent.json, ())

    def follow_on(self, lost: SessionTracker) -> None:
        """Remember of the items that were restored from a `lost` session how long their speech was."""
        for place in (*lost._output_bytes, *lost._spoken_ms):
            length = lost._length_ms(place)
            self._spoken_ms[place] = min(length, lost.cut.get(place, length))

    def _length_ms(self, place: Place) -> float:
        return self._output_bytes.get(place, 0) / self._output_bytes_per_ms or self._spoken_ms.get(place, 0.0)

    def part(self, place: Place) -> JSON:
        """Return a content part as the server sent it last."""
        item_id, index = place
        content = self.items[item_id].get("content")
        part = content[index] if isinstance(content, list) and index < len(content) else {}
        return part if isinstance(part, dict) else {}

    def parts(self, item_id: str) -> list[Place]:
        """List an item's parts, also those of which only deltas came."""
        content = self.items.get(item_id, {}).get("content")
        count = len(content) if isinstance(content, list) else 0
        while (item_id, count) in self._texts or (item_id, count) in self._output_bytes:
            count += 1
        return [(item_id, index) for index in range(count)]

    def unanswered_events(self) -> list[ClientEvent]:
        """Return what was sent and is in nothing yet, in order: events without answer, and audio."""
        sent = [(sent.order, sent.event) for sent in self.unanswered.pending.values()]
        audio = [(audio.order, audio.event) for audio in self.speech.uncommitted]
        return [event for _, event in sorted([*sent, *audio], key=lambda pair: pair[0])]

    def _on_session(self, raw: JSON, _: Sequence[Sent] = ()) -> None:
        session = object_in(raw, "session")
        audio_input = object_in(object_in(session, "audio"), "input") or session
        self.expires_at = number_in(session, "expires_at") or self.expires_at
        self.transcribes_only = text_in(session, "type") in _TRANSCRIPTION or session.get("object") in _TRANSCRIPTION
        self.speech.follow(audio_input, bytes_per_ms(session, "input"))
        self._output_bytes_per_ms = bytes_per_ms(session, "output")

    def _on_session_updated(self, raw: JSON, answered: Sequence[Sent]) -> None:
        self._on_session(raw)
        for update in answered:
            self.update = update.event
            self.settings = _merge(self.settings, object_in(json_of(update.event), "session"))

    def _on_item_added(self, raw: JSON, answered: Sequence[Sent]) -> None:
        item = object_in(raw, "item")
        item_id, previous = text_in(item, "id"), text_in(raw, "previous_item_id")
        if not item_id:
            return
        self.speech.item_added(item_id)
        first = any(json_of(created.event).get("previous_item_id") == "root" for created in answered)
        between = previous in self.items and previous != next(reversed(self.items))
        if (first or between) and item_id not in self.items:
            self._insert(item_id, item, None if first else previous)
        else:
            self.items[item_id] = item

    def _on_item_done(self, raw: JSON, _: Sequence[Sent]) -> None:
        item = object_in(raw, "item")
        if text_in(item, "id") in self.items:
            self.items[text_in(item, "id")] = item

    def _on_item_deleted(self, raw: JSON, _: Sequence[Sent]) -> None:
        item_id = text_in(raw, "item_id")
        self.speech.forget(item_id)
        self._forget(self.parts(item_id))
        self.items.pop(item_id, None)

    def _on_item_truncated(self, raw: JSON, _: Sequence[Sent]) -> None:
        self.cut[place_in(raw)] = max(number_in(raw, "audio_end_ms") or 0, 0)

    def _on_speech_started(self, raw: JSON, _: Sequence[Sent]) -> None:
        self.speech.started(number_in(raw, "audio_start_ms"))

    def _on_speech_stopped(self, raw: JSON, _: Sequence[Sent]) -> None:
        self.speech.stopped(number_in(raw, "audio_end_ms"))

    def _on_committed(self, raw: JSON, answered: Sequence[Sent]) -> None:
        asked = answered[0].order if answered else None
        item_id = text_in(raw, "item_id")
        self.speech.committed(item_id, asked, known=item_id in self.items)

    def _on_cleared(self, _: JSON, answered: Sequence[Sent]) -> None:
        self.speech.cleared(answered[0].order if answered else None)

    def _on_delta(self, raw: JSON, _: Sequence[Sent]) -> None:
        self._texts.setdefault(place_in(raw), []).append(text_in(raw, "delta"))

    def _on_text_done(self, raw: JSON, _: Sequence[Sent] = ()) -> None:
        self._texts[place_in(raw)] = [text_in(raw, "text") or text_in(raw, "transcript")]

    def _on_transcribed(self, raw: JSON, _: Sequence[Sent]) -> None:
        self.speech.transcribed(text_in(raw, "item_id"))
        if text_in(raw, "transcript"):
            self._on_text_done(raw)

    def _on_audio_delta(self, raw: JSON, _: Sequence[Sent]) -> None:
        place = place_in(raw)
        self._output_bytes[place] = self._output_bytes.get(place, 0) + decoded_size(text_in(raw, "delta"))

    def _on_response_created(self, raw: JSON, _: Sequence[Sent]) -> None:
        if self.unanswered.responses.get(text_in(object_in(raw, "response"), "id")):
            self.speech.answered()

    def _on_response_done(self, raw: JSON, _: Sequence[Sent]) -> None:
        output = object_in(raw, "response").get("output")
        for item in output if isinstance(output, list) else ():
            item_id = text_in(item, "id") if isinstance(item, dict) else ""
            if item_id not in self.items:  # what a response out of band said is in no item of the conversation
                self._forget(self.parts(item_id))

    def _on_answered(self, raw: JSON, answered: Sequence[Sent]) -> None:
        """Do nothing more: what was asked is pending no more."""

    _handlers: ClassVar[Mapping[str, Callable[[Any, JSON, Sequence[Sent]], None]]] = {
        "session.created": _on_session,
        "session.updated": _on_session_updated,
        "transcription_session.created": _on_session,
        "transcription_session.updated": _on_session_updated,
        "conversation.item.added": _on_item_added,
        "conversation.item.created": _on_item_added,
        "conversation.item.done": _on_item_done,
        "conversation.item.deleted": _on_item_deleted,
        "conversation.item.retrieved": _on_answered,
        "conversation.item.truncated": _on_item_truncated,
        "conversation.item.input_audio_transcription.delta": _on_delta,
        "conversation.item.input_audio_transcription.completed": _on_transcribed,
        "conversation.item.input_audio_transcription.failed": _on_transcribed,
        "input_audio_buffer.speech_started": _on_speech_started,
        "input_audio_buffer.speech_stopped": _on_speech_stopped,
        "input_audio_buffer.timeout_triggered": _on_speech_stopped,
        "input_audio_buffer.committed": _on_committed,
        "input_audio_buffer.cleared": _on_cleared,
        "output_audio_buffer.cleared": _on_answered,
        "response.output_item.done": _on_item_done,
        "response.output_text.delta": _on_delta,
        "response.text.delta": _on_delta,
        "response.output_audio_transcript.delta": _on_delta,
        "response.audio_transcript.delta": _on_delta,
        "response.output_text.done": _on_text_done,
        "response.text.done": _on_text_done,
        "response.output_audio_transcript.done": _on_text_done,
        "response.audio_transcript.done": _on_text_done,
        "response.output_audio.delta": _on_audio_delta,
        "response.audio.delta": _on_audio_delta,
        "response.created": _on_response_created,
        "response.done": _on_response_done,
        "error": _on_answered,
    }

    def _forget(self, places: Iterable[Place]) -> None:
        for place in places:
            for kept in (self._texts, self._output_bytes, self._spoken_ms, self.cut):
                kept.pop(place, None)

    def _insert(self, item_id: str, item: JSON, previous: str | None) -> None:
        """Put an item after `previous` (None: first). Rare, and so the cost of a new dict is no matter."""
        pairs = self.items.items()
        before = {} if previous is None else dict(itertools.takewhile(lambda pair: pair[0] != previous, pairs))
        if previous is not None:
            before[previous] = self.items[previous]
        self.items = {**before, item_id: item, **{key: old for key, old in pairs if key not in before}}


def share_of(text: str, heard_ms: float, length_ms: float) -> str:
    """Return the part of the text of speech that was heard, to the whole word."""
    share = heard_ms / length_ms if length_ms else 0
    return text if share >= 1 else text[: int(len(text) * share)].rpartition(" ")[0]


def _merge(old: JSON, new: JSON) -> JSON:
    """Return the settings after an update: what it leaves out stays, its values replace, its `audio` completes."""
    merged = {
        key: _merge(object_in(old, key), value) for key, value in new.items() if key in _MERGED and object_in(new, key)
    }
    return {**old, **new, **merged}
