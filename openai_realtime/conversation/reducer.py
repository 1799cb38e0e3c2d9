"""`Conversation`: the reducer of a session's events. No sockets and no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Literal, Self

from openai_realtime._codec.audio_rates import PCM_BYTES_PER_MS, bytes_per_ms
from openai_realtime._codec.raw import (
    JSON,
    decoded_size,
    json_of,
    number_in,
    object_in,
    objects_in,
    received_json,
    text_in,
)
from openai_realtime.errors import DecodeError
from openai_realtime.models.base64 import from_base64
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.items import Item

from .history import history
from .items import Caption, ItemState, Part
from .responses import Responses, ResponseSummary
from .sequence import ItemSequence
from .usage import Prices, Usage

__all__ = ["Caption", "Conversation"]

_SESSION: Final = tuple(
    f"{kind}.{how}" for kind in ("session", "transcription_session") for how in ("created", "updated")
)
_ADDED: Final = ("conversation.item.added", "conversation.item.created")
_OUTPUT: Final = ("response.output_item.added", "response.output_item.done")
_AUDIO: Final = ("response.output_audio.delta", "response.audio.delta")
_SPEECH: Final = tuple(f"input_audio_buffer.{what}" for what in ("speech_started", "speech_stopped", "cleared"))
_KINDS: Final = ("output_text", "text", "output_audio_transcript", "audio_transcript")
_WORDS: Final = tuple(f"response.{kind}.delta" for kind in _KINDS)
_WORDS_DONE: Final = tuple(f"response.{kind}.done" for kind in _KINDS)
_MCP: Final = tuple(
    f"{what}.{how}"
    for what in ("response.mcp_call", "mcp_list_tools")
    for how in ("in_progress", "completed", "failed")
)
_TRANSLATED: Final = {"session.input_transcript.delta": "user", "session.output_transcript.delta": "assistant"}


class Conversation:
    """Follows a session: an observer of a connection, or feed it every event by hand, in order.

    It serves all dialects, and the blocking client. Audio is counted, and the model's is kept with `keep_audio`. Where
    the connection was replaced it goes on.
    """

    def __init__(self, *, keep_audio: bool = False) -> None:
        self.usage = Usage()
        """What all responses and transcripts used so far."""
        self.user_is_speaking = False
        """Whether the server hears the user at this moment."""
        self._sequence = ItemSequence()
        self._responses = Responses()
        self._keep_audio = keep_audio
        self._transcribes = False
        self._bytes_per_ms = PCM_BYTES_PER_MS

    @property
    def items(self) -> list[ItemState]:
        """All items in the conversation's order, those of before a reconnect among them."""
        return list(self._sequence)

    def item(self, item_id: str) -> ItemState | None:
        """Return what is known of an item, also of one that has no place in the conversation yet."""
        return self._sequence.find(item_id)

    @property
    def active_response(self) -> ResponseSummary | None:
        """The conversation's own response that is under way."""
        return self._responses.active

    @property
    def responses(self) -> Mapping[str, ResponseSummary]:
        """How the session's responses went, by id, in their order."""
        return self._responses.by_id

    @property
    def failures(self) -> list[ResponseSummary]:
        """The responses that failed or stopped short, with `error` or `reason`."""
        return [one for one in self.responses.values() if one.status in ("failed", "incomplete")]

    @property
    def captions(self) -> list[Caption]:
        """What both sides said in order, with what is being said at the end; of cut speech what was heard."""
        return self._sequence.captions(self._responses.is_in_conversation)

    def take_captions(self) -> list[Caption]:
        """Return the captions that became final since the last call, in order, each exactly once.

        One waits for those before it: the model's answer for the user's late transcript. Of speech that was cut they
        have all that was said, whenever they are taken.
        """
        return self._sequence.take_captions()

    def cost(self, prices: Prices) -> float:
        """Return what the session cost so far, by your prices."""
        return prices.cost(self.usage)

    def to_items(self) -> list[Item]:
        """Return the items that another session can begin with. They are valid at any moment: no call without output.

        Speech becomes its transcript, cut where it was truncated.
        """
        return history(self.items)

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON values, to go on in another process with `from_json`."""
        return {
            "version": 1,
            "items": self._sequence.to_json(),
            "responses": [one.to_json() for one in self.responses.values()],
            "usage": self.usage.to_json(),
            "user_is_speaking": self.user_is_speaking,
            "keep_audio": self._keep_audio,
            "transcribes": self._transcribes,
            "bytes_per_ms": self._bytes_per_ms,
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """Make the conversation that `to_json` wrote."""
        made = cls(keep_audio=state["keep_audio"])
        made._sequence = ItemSequence.from_json(state["items"])
        made._responses = Responses(ResponseSummary.from_json(raw) for raw in state["responses"])
        made.usage, made.user_is_speaking = Usage(**state["usage"]), state["user_is_speaking"]
        made._transcribes, made._bytes_per_ms = state["transcribes"], state["bytes_per_ms"]
        return made

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server."""
        if event.type == "conversation.item.create":
            raw = json_of(event)
            self._sequence.created(raw, text_in(object_in(raw, "item"), "id"))

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        kind = event.type
        handle = self._handlers.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            handle(self, received_json(event))
            if not kind.endswith(".delta"):  # which ends no words
                self._sequence.collect_captions()

    def _on_session(self, raw: JSON) -> None:
        session = object_in(raw, "session")
        audio_input = object_in(object_in(session, "audio"), "input")
        self._transcribes = bool(audio_input.get("transcription") or session.get("input_audio_transcription"))
        self._bytes_per_ms = bytes_per_ms(session, "output")

    def _on_reconnected(self, _: JSON) -> None:
        self.user_is_speaking = False
        self._responses.lose()
        self._sequence.loose.clear()
        self._finish_all()

    def _on_item_added(self, raw: JSON) -> None:
        item = object_in(raw, "item")
        known = self.item(text_in(item, "id"))
        if known is not None and known.raw and self._sequence.has_place(known.id):
            known.raw = self._kept(item)  # and not its words: it may be restored, of which fewer are left
        else:
            self._update(self._sequence.place(text_in(item, "id"), raw), item)

    def _on_item_done(self, raw: JSON) -> None:
        item = object_in(raw, "item")
        state = self.item(text_in(item, "id"))
        if state is not None:
            self._update(state, item)

    def _on_output_item(self, raw: JSON) -> None:
        item, response_id = object_in(raw, "item"), text_in(raw, "response_id")
        state = self._sequence.known(text_in(item, "id"), text_in(item, "role"))
        self._responses.made(response_id, state.id)
        state.response_id = response_id
        self._update(state, item)

    def _update(self, state: ItemState, item: JSON) -> None:
        state.update(self._kept(item))
        if state.role != "assistant":
            for index, content in enumerate(objects_in(item, "content")):
                part = state.part(index)
                part.final = part.final or content.get("type") != "input_audio" or not self._transcribes
        self._sequence.look_again(state.id)

    def _kept(self, item: JSON) -> JSON:
        return item if self._keep_audio else _without_audio(item)

    def _on_item_deleted(self, raw: JSON) -> None:
        self._sequence.delete(text_in(raw, "item_id"))

    def _on_item_truncated(self, raw: JSON) -> None:
        state = self.item(text_in(raw, "item_id"))
        if state is not None:
            state.part(raw.get("content_index")).cut_ms = max(number_in(raw, "audio_end_ms") or 0, 0)

    def _on_speech(self, raw: JSON) -> None:
        self.user_is_speaking = text_in(raw, "type") == _SPEECH[0]

    def _on_committed(self, raw: JSON) -> None:
        self.user_is_speaking = False
        part = self._sequence.place(text_in(raw, "item_id"), raw, "user").part(0)
        part.final = part.final or not self._transcribes

    def _on_transcript_delta(self, raw: JSON) -> None:
        self._part(raw, "user").add(text_in(raw, "delta"))

    def _on_transcript_updated(self, raw: JSON) -> None:
        self._part(raw, "user").words = text_in(raw, "transcript")

    def _on_transcribed(self, raw: JSON) -> None:
        if self._part(raw, "user").finish(text_in(raw, "transcript")):  # servers send the same event several times
            self.usage += Usage.of_transcription(object_in(raw, "usage"))
        self._sequence.look_again(text_in(raw, "item_id"))

    def _on_delta(self, raw: JSON) -> None:
        self._part(raw, "assistant").add(text_in(raw, "delta"))

    def _on_words_done(self, raw: JSON) -> None:
        self._part(raw, "assistant").finish(text_in(raw, "text") or text_in(raw, "transcript"))
        self._sequence.look_again(text_in(raw, "item_id"))

    def _on_audio_delta(self, raw: JSON) -> None:
        part, delta = self._part(raw, "assistant"), text_in(raw, "delta")
        part.audio_ms += decoded_size(delta) / self._bytes_per_ms
        if self._keep_audio:
            part.keep(_bytes(delta))

    def _part(self, raw: JSON, role: Literal["user", "assistant"]) -> Part:
        state = self._sequence.known(text_in(raw, "item_id"), role)
        state.response_id = state.response_id or text_in(raw, "response_id")
        return state.part(raw.get("content_index"))

    def _on_translated(self, raw: JSON) -> None:
        role = _TRANSLATED[text_in(raw, "type")]
        self._sequence.place(f"translation_{role}", {}, role).part(0).add(text_in(raw, "delta"))

    def _finish_all(self, _: JSON | None = None) -> None:
        for state in self._sequence:
            state.finish()

    def _on_response_created(self, raw: JSON) -> None:
        self._responses.created(object_in(raw, "response"))

    def _on_response_done(self, raw: JSON) -> None:
        response = object_in(raw, "response")
        summary = self._responses.done(response)
        self.usage += summary.usage
        self._end_items(summary, objects_in(response, "output"))

    def _end_items(self, summary: ResponseSummary, output: list[JSON]) -> None:
        loose = self._sequence.loose
        for item in output:
            if summary.in_conversation and text_in(item, "id") in loose:  # some servers tell of no item's place
                self._update(self._sequence.place(text_in(item, "id"), {}), item)
            loose.pop(text_in(item, "id"), None)
        for name in [state.id for state in loose.values() if state.response_id == summary.id]:
            del loose[name]
        for state in map(self.item, summary.item_ids):
            if state is not None:
                state.finish()

    def _on_mcp(self, raw: JSON) -> None:
        state = self.item(text_in(raw, "item_id"))
        if state is not None:
            state.status = text_in(raw, "type").rpartition(".")[2]

    _handlers: ClassVar[Mapping[str, Callable[[Any, JSON], None]]] = {
        **dict.fromkeys(_SESSION, _on_session),
        "openai_realtime.reconnected": _on_reconnected,
        **dict.fromkeys(_ADDED, _on_item_added),
        "conversation.item.done": _on_item_done,
        "conversation.item.deleted": _on_item_deleted,
        "conversation.item.truncated": _on_item_truncated,
        "conversation.item.input_audio_transcription.delta": _on_transcript_delta,
        "conversation.item.input_audio_transcription.updated": _on_transcript_updated,
        "conversation.item.input_audio_transcription.completed": _on_transcribed,
        "conversation.item.input_audio_transcription.failed": _on_transcribed,
        **dict.fromkeys(_SPEECH, _on_speech),
        "input_audio_buffer.committed": _on_committed,
        "response.created": _on_response_created,
        **dict.fromkeys(_OUTPUT, _on_output_item),
        **dict.fromkeys(_WORDS, _on_delta),
        **dict.fromkeys(_WORDS_DONE, _on_words_done),
        **dict.fromkeys(_AUDIO, _on_audio_delta),
        "response.done": _on_response_done,
        **dict.fromkeys(_MCP, _on_mcp),
        **dict.fromkeys(_TRANSLATED, _on_translated),
        "session.closed": _finish_all,
    }


def _without_audio(item: JSON) -> JSON:
    """Return an item without the audio that a server may send back."""
    content = item.get("content")
    if not isinstance(content, list) or not any(isinstance(part, dict) and part.get("audio") for part in content):
        return item
    kept = [{k: v for k, v in p.items() if k != "audio"} if isinstance(p, dict) else p for p in content]
    return {**item, "content": kept}


def _bytes(delta: str) -> bytes:
    try:
        return from_base64(delta)
    except DecodeError:  # whoever plays it is told
        return b""
