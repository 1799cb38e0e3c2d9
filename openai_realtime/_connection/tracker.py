"""What a session holds, followed from the events that both sides send. No sockets and no clock.

The server keeps no session beyond its connection; who wants to go on elsewhere needs what stood in it. What was said is
a `Conversation`; here is what was sent and not answered, and the settings. Events are read as they came (`raw`), by
type and ids only, so that no odd field can lead it astray.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias

import attrs

from openai_realtime._codec.audio_rates import bytes_per_ms
from openai_realtime._codec.converter import structure
from openai_realtime._codec.raw import JSON, json_of, number_in, object_in, text_in
from openai_realtime.conversation import Conversation, ItemState
from openai_realtime.conversation.items import share_of
from openai_realtime.models.client_events import InputAudioBufferAppend
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.server_events import ConversationItemTruncated

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

    def heard_words(self, heard_ms: float) -> str:
        """Return the words that were played in so many milliseconds."""
        return share_of(self.text, heard_ms, self.length_ms)


class SessionTracker:
    """An observer of a session. It costs the same for the first item and the ten thousandth."""

    def __init__(self) -> None:
        self.conversation = Conversation()
        self.update: ClientEvent | None = None
        """The last settings event that the server accepted, and in `settings` what all of them set."""
        self.settings: JSON = {}
        self.unanswered = Unanswered()
        self.speech = KeptAudio()
        self.translates = False
        """Whether it is a translation that is going on: the API does not tell how far it got."""
        self.transcribes_only = False
        """Whether it is a transcription session, which has turns and takes no items."""
        self.expires_at: float | None = None
        self.changes = 0
        """How many events came, each of which may change what a new session begins with."""
        self._spoken: set[Place] = set()  # what was speech in the session before

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
        self.conversation.sent(event)
        self.unanswered.sent(event)
        if isinstance(event, InputAudioBufferAppend):
            self.speech.append(next(self.unanswered.order), event)
        elif event.type == "session.input_audio_buffer.append":
            self.translates = True

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        self.changes += 1
        self.conversation.received(event)
        raw = event.raw or {}
        handle = self._handlers.get(text_in(raw, "type"))
        if handle is not None:
            handle(self, raw, self.unanswered.received(raw))

    @property
    def items(self) -> list[ItemState]:
        """The items in order, without those of which only the place is known."""
        return [item for item in self.conversation.items if item.raw]

    def restored_speech(self, place: Place) -> RestoredSpeech | None:
        """Return what a part was in the session before, where it was speech; None if it was none."""
        item_id, index = place
        item = self.conversation.item(item_id)
        if place not in self._spoken or item is None:
            return None
        before = ["root", *itertools.takewhile(lambda other: other != item_id, (other.id for other in self.items))]
        return RestoredSpeech(item.part(index).heard_words, item.part(index).heard_ms, before[-1])

    def truncate_as_asked(self) -> None:
        """Hold the truncations that were not answered to be made: what they cut was not heard."""
        for sent in self.unanswered.pending.values():
            if sent.event.type == "conversation.item.truncate":
                truncated = {**sent.json, "type": "conversation.item.truncated"}
                self.conversation.received(structure(truncated, ConversationItemTruncated))

    def follow_on(self, lost: SessionTracker) -> None:
        """Remember of the items that were restored from a `lost` session how long their speech was."""
        for old in lost.items:
            restored = self.conversation.item(old.id) or ItemState(old.id)
            for index, (before, part) in enumerate(zip(old.parts, restored.parts, strict=False)):
                if before.heard_ms:
                    part.audio_ms = before.heard_ms
                    self._spoken.add((old.id, index))

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

    def _on_session_updated(self, raw: JSON, answered: Sequence[Sent]) -> None:
        self._on_session(raw)
        for update in answered:
            self.update = update.event
            self.settings = _merge(self.settings, object_in(json_of(update.event), "session"))

    def _on_item_added(self, raw: JSON, _: Sequence[Sent]) -> None:
        item_id = text_in(object_in(raw, "item"), "id")
        if item_id:
            self.speech.item_added(item_id)

    def _on_item_deleted(self, raw: JSON, _: Sequence[Sent]) -> None:
        item_id = text_in(raw, "item_id")
        self.speech.forget(item_id)
        self._spoken = {place for place in self._spoken if place[0] != item_id}

    def _on_speech_started(self, raw: JSON, _: Sequence[Sent]) -> None:
        self.speech.started(number_in(raw, "audio_start_ms"))

    def _on_speech_stopped(self, raw: JSON, _: Sequence[Sent]) -> None:
        self.speech.stopped(number_in(raw, "audio_end_ms"))

    def _on_committed(self, raw: JSON, answered: Sequence[Sent]) -> None:
        asked = answered[0].order if answered else None
        item_id = text_in(raw, "item_id")
        item = self.conversation.item(item_id)
        self.speech.committed(item_id, asked, known=item is not None and bool(item.raw))

    def _on_cleared(self, _: JSON, answered: Sequence[Sent]) -> None:
        self.speech.cleared(answered[0].order if answered else None)

    def _on_transcribed(self, raw: JSON, _: Sequence[Sent]) -> None:
        self.speech.transcribed(text_in(raw, "item_id"))

    def _on_response_created(self, raw: JSON, _: Sequence[Sent]) -> None:
        if self.unanswered.responses.get(text_in(object_in(raw, "response"), "id")):
            self.speech.answered()

    def _on_answered(self, raw: JSON, answered: Sequence[Sent]) -> None:
        """Do nothing more: what was asked is pending no more."""

    _handlers: ClassVar[Mapping[str, Callable[[Any, JSON, Sequence[Sent]], None]]] = {
        "session.created": _on_session,
        "session.updated": _on_session_updated,
        "transcription_session.created": _on_session,
        "transcription_session.updated": _on_session_updated,
        "conversation.item.added": _on_item_added,
        "conversation.item.created": _on_item_added,
        "conversation.item.deleted": _on_item_deleted,
        "conversation.item.retrieved": _on_answered,
        "conversation.item.truncated": _on_answered,
        "conversation.item.input_audio_transcription.completed": _on_transcribed,
        "conversation.item.input_audio_transcription.failed": _on_transcribed,
        "input_audio_buffer.speech_started": _on_speech_started,
        "input_audio_buffer.speech_stopped": _on_speech_stopped,
        "input_audio_buffer.timeout_triggered": _on_speech_stopped,
        "input_audio_buffer.committed": _on_committed,
        "input_audio_buffer.cleared": _on_cleared,
        "output_audio_buffer.cleared": _on_answered,
        "response.created": _on_response_created,
        "response.done": _on_answered,
        "error": _on_answered,
    }


def _merge(old: JSON, new: JSON) -> JSON:
    """Return the settings after an update: what it leaves out stays, its values replace, its `audio` completes."""
    merged = {
        key: _merge(object_in(old, key), value) for key, value in new.items() if key in _MERGED and object_in(new, key)
    }
    return {**old, **new, **merged}
