"""Which event of the server answers which event of the client. Values only: no sockets and no clock.

The API names the client's event in errors alone. Other answers are told by what they say (an exact match), and where
that tells nothing by exclusion: they belong to the oldest event that they can answer.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

import attrs

from openai_realtime._codec.audio_rates import PCM_BYTES_PER_MS, bytes_per_ms
from openai_realtime._codec.raw import JSON, decoded_size, is_in_conversation, json_of, object_in, objects_in, text_in
from openai_realtime.models.events import ClientEvent

ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "session.update": ("session.updated",),
    "transcription_session.update": ("transcription_session.updated",),
    "session.close": ("session.closed",),
    "input_audio_buffer.commit": ("input_audio_buffer.committed",),
    "input_audio_buffer.clear": ("input_audio_buffer.cleared",),
    "output_audio_buffer.clear": ("output_audio_buffer.cleared",),
    "conversation.item.create": ("conversation.item.added", "conversation.item.created"),
    "conversation.item.delete": ("conversation.item.deleted",),
    "conversation.item.retrieve": ("conversation.item.retrieved",),
    "conversation.item.truncate": ("conversation.item.truncated",),
    "response.create": ("response.created",),
    "response.cancel": ("response.done",),
}
"""The types of the events that the server answers, and of the answers."""
CREATED_BY: Final = "openai_realtime_event_id"
"""The metadata entry that tells which `response.create` a response comes from."""
NOT_ACTIVE: Final = "response_cancel_not_active"
BUSY: Final = "conversation_already_has_active_response"

_ASKED_BY: Final = {answer: kind for kind, answers in ANSWERS.items() for answer in answers}
_APPENDS: Final = ("input_audio_buffer.append", "session.input_audio_buffer.append")
_ABOUT: Final = {
    BUSY: "response.create",
    NOT_ACTIVE: "response.cancel",
    "input_audio_buffer_commit_empty": "input_audio_buffer.commit",
    "cannot_update_voice": "session.update",
}
"""Which event an error without event_id is about, by its code."""
_PARAMS: Final = {"session": "session.update", "item": "conversation.item.create", "response": "response.create"}
"""The same by the first name in its `param`."""
_ABOUT_NOBODY: Final = ("server_error", "session_expired", "rate_limit_exceeded", "invalid_frame")
_CALLS: Final = ("function_call", "mcp_approval_request")
_LEAST_MS: Final = 100  # the server refuses to commit less


@attrs.frozen
class Sent:
    """A client event, its place in the order of sending, when that was, and how much audio went before since the last.

    `at` is seconds, of whatever clock.
    """

    order: int
    event: ClientEvent
    at: float
    audio_bytes: int

    @functools.cached_property
    def json(self) -> JSON:
        """The event as it goes on the wire, which every answer is held against."""
        return json_of(self.event)


class Unanswered:
    """Feed it every event with `sent` and `received`: what was sent and not answered yet, and what responses run."""

    __slots__ = ("_audio_bytes", "_keeps_ids", "_least", "calls_tools", "changes", "order", "pending", "responses")

    def __init__(self) -> None:
        self.pending: dict[str, Sent] = {}
        """What the server has not answered yet, by event id, oldest first. Input audio is never answered."""
        self.responses: dict[str, bool] = {}
        """The responses under way, and whether they are the conversation's own."""
        self.calls_tools = False
        """Whether the conversation's last response ended in calls, after whose outputs another is asked for."""
        self.changes = 0
        """How many responses began or ended."""
        self.order = itertools.count()
        self._audio_bytes = 0
        self._least = _LEAST_MS * PCM_BYTES_PER_MS
        self._keeps_ids = False

    @property
    def own_responses(self) -> set[str]:
        """The conversation's responses under way: one, but for servers that are not strict."""
        return {name for name, own in self.responses.items() if own}

    @property
    def is_idle(self) -> bool:
        """Whether no response is under way, or asked for, or to be expected."""
        asked = any(sent.event.type == "response.create" for sent in self.pending.values())
        return not (self.responses or asked or self.calls_tools)

    def creates(self) -> bool:
        """Whether a response of the conversation was asked for, and has not begun."""
        asked = (sent.json for sent in self.pending.values() if sent.event.type == "response.create")
        return any(object_in(event, "response").get("conversation") != "none" for event in asked)

    def forget_responses(self) -> None:
        """Hold the conversation's responses to be over, whose ends did not come."""
        self.responses = {name: own for name, own in self.responses.items() if not own}

    def sent(self, event: ClientEvent, at: float = 0) -> None:
        """Follow an event that goes to the server. It has an event id, and an item that it creates has an id."""
        if event.type in _APPENDS:
            self.appended(decoded_size(audio_of(event)))
        elif event.type in ANSWERS:
            self.pending[str(event.event_id)] = Sent(next(self.order), event, at, self._audio_bytes)
            if event.type in ("input_audio_buffer.commit", "input_audio_buffer.clear"):
                self._audio_bytes = 0

    def forget(self, before: float, kept: Collection[str]) -> None:
        """Let go of what was sent before a time, too long ago for an answer, but for the events with the ids `kept`."""
        for sent in list(itertools.takewhile(lambda sent: sent.at < before, self.pending.values())):
            if sent.event.event_id not in kept:
                del self.pending[str(sent.event.event_id)]

    def appended(self, size: int) -> None:
        """Follow input audio, by its bytes."""
        self._audio_bytes += size

    def received(self, raw: JSON) -> list[Sent]:
        """Follow an event of the server; what it answers or refuses, which is pending no more."""
        kind = text_in(raw, "type")
        if kind == "error":
            error = object_in(raw, "error")
            found = self._refused(error)
            if error.get("code") == NOT_ACTIVE:
                self.forget_responses()
            return [] if found is None else [self.pending.pop(str(found.event.event_id))]
        if kind in ("session.created", "session.updated"):
            self._least = _LEAST_MS * bytes_per_ms(object_in(raw, "session"), "input")
        elif kind == "response.created":
            self.changes += 1
            response = object_in(raw, "response")
            own = self.responses[text_in(response, "id")] = is_in_conversation(response)
            self.calls_tools = self.calls_tools and not own
        answered = self._answered(kind, raw)
        if kind == "response.done":
            self.changes += 1
            own = self.responses.pop(self._ended(object_in(raw, "response")), True)
            self.calls_tools = _calls_tools(object_in(raw, "response")) if own else self.calls_tools
        return [self.pending.pop(str(sent.event.event_id)) for sent in answered]

    def _ended(self, response: JSON) -> str:
        """Return the id of the response that is over; of one whose end came damaged, without it, the only one."""
        name = text_in(response, "id")
        return next(iter(self.responses)) if not name and len(self.responses) == 1 else name

    def _answered(self, kind: str, raw: JSON) -> list[Sent]:
        if kind not in _ASKED_BY:
            return []
        if kind == "response.done":
            return [sent for sent in self._asked_for(kind) if self._stops(sent.event, object_in(raw, "response"))]
        if kind == "session.updated":
            # Of updates that are all in force it is the one that says most, of equals the oldest.
            found = [sent for sent in self._asked_for(kind) if _is_answer(sent.json, raw)]
            return [max(found, key=lambda sent: _count(sent.json))] if found else self._first(kind)
        if kind == "input_audio_buffer.committed":
            # The refusal of a commit with too little audio comes after the answers to later ones.
            return self._first(kind, lambda sent: sent.audio_bytes >= self._least) or self._first(kind)
        if kind == "input_audio_buffer.cleared":
            # Some servers say so of a commit that they do not make.
            return self._first(kind) or self._first("input_audio_buffer.committed")
        exact = self._first(kind, lambda sent: _is_answer(sent.json, raw))
        if exact:
            self._keeps_ids = self._keeps_ids or exact[0].event.type == "conversation.item.create"
        return exact or self._first(kind, lambda sent: self._may_answer(sent.json, raw))

    def _asked_for(self, kind: str) -> Iterator[Sent]:
        """Return what events of a type answer, oldest first."""
        asked = _ASKED_BY[kind]
        return (sent for sent in self.pending.values() if sent.event.type == asked)

    def _first(self, kind: str, match: Callable[[Sent], bool] = lambda _: True) -> list[Sent]:
        """Return the oldest of them that `match` accepts, if there is one."""
        return list(itertools.islice(filter(match, self._asked_for(kind)), 1))

    def _stops(self, cancel: ClientEvent, response: JSON) -> bool:
        """Whether the end of a response is what a cancel asked for."""
        wanted = json_of(cancel).get("response_id")
        name = text_in(response, "id")
        if wanted:
            return bool(name == wanted)
        return self.responses.get(name, True) and is_in_conversation(response)

    def _may_answer(self, event: JSON, raw: JSON) -> bool:
        """Whether an answer that does not match may still be meant for `event`."""
        kind = event["type"]
        if kind == "conversation.item.create":
            item = object_in(event, "item")
            return not (self._keeps_ids and item.get("id")) and _look(item) == _look(object_in(raw, "item"))
        if kind == "response.create":  # servers that know no metadata leave it out
            response = object_in(raw, "response")
            return "metadata" not in response or not (
                response["metadata"] or object_in(event, "response").get("metadata")
            )
        return not kind.startswith("conversation.item.")

    def _refused(self, error: JSON) -> Sent | None:
        """Tell what an error is about: the event that it names, or else the only one that can be meant."""
        named = text_in(error, "event_id")
        if named:
            return self.pending.get(named)
        code, param = text_in(error, "code"), text_in(error, "param")
        about = _ABOUT.get(code) or _PARAMS.get(param.partition(".")[0].partition("[")[0])
        if about is not None:
            return next((sent for sent in self.pending.values() if sent.event.type == about), None)
        if len(self.pending) != 1 or code in _ABOUT_NOBODY or text_in(error, "type") in _ABOUT_NOBODY:
            return None
        return next(iter(self.pending.values()))


def _is_answer(event: JSON, raw: JSON) -> bool:
    """Whether an answer says that it is meant for `event`."""
    kind = event["type"]
    if kind == "conversation.item.create":
        name = text_in(object_in(event, "item"), "id")
        return bool(name) and name == object_in(raw, "item").get("id")
    if kind == "conversation.item.retrieve":
        return bool(event.get("item_id") == object_in(raw, "item").get("id"))
    if kind.startswith("conversation.item."):
        return bool(event.get("item_id") == raw.get("item_id"))
    if kind == "response.create":
        asked = object_in(object_in(event, "response"), "metadata")
        answered = object_in(raw, "response").get("metadata")
        return bool(asked) and isinstance(answered, dict) and asked.items() <= answered.items()
    return _holds(object_in(raw, "session"), object_in(event, "session"))


def _holds(settings: Any, update: Any) -> bool:
    """Whether the settings in force are those of an update."""
    if isinstance(update, dict):
        return isinstance(settings, dict) and all(_holds(settings.get(name), value) for name, value in update.items())
    return bool(settings == update)


def _calls_tools(response: JSON) -> bool:
    return any(item.get("type") in _CALLS for item in objects_in(response, "output"))


def _count(value: Any) -> int:
    """Count the values that an object holds."""
    return sum(map(_count, value.values())) if isinstance(value, dict) else 1


def _look(item: JSON) -> Any:
    """Tell what an item is, but for its id and words."""
    kinds = [text_in(part, "type") for part in objects_in(item, "content")]
    return item.get("type"), item.get("role"), item.get("call_id"), kinds


def audio_of(event: ClientEvent) -> str:
    """Return the base64 of an append, whatever its class."""
    return text_in(json_of(event), "audio")
