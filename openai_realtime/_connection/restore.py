"""The plan of what is restored when a session's connection is lost.

There is no resume in the API: a new connection is a new, empty session. Pure values and functions; `reconnect` acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from openai_realtime._codec.annotations import field_hints
from openai_realtime._codec.check import check
from openai_realtime._codec.converter import structure
from openai_realtime._codec.raw import JSON, text_in
from openai_realtime.conversation import ItemState
from openai_realtime.errors import ConnectionClosedError, InvalidRequestError, SessionExpiredError
from openai_realtime.models.base import Model
from openai_realtime.models.client_events import InputAudioBufferAppend, InputAudioBufferCommit
from openai_realtime.models.events import ClientEvent
from openai_realtime.models.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    OutputText,
    SystemMessage,
    TextPart,
    UserMessage,
)

from .reconnect_policy import Lost, RestorePlan
from .tracker import SessionTracker

_RECOVERABLE: Final = (1001, 1005, 1006, 1011, 1012, 1013, 1015)
_FATAL: Final = ("invalid_api_key", "insufficient_quota", "invalid_model", "missing_model", "beta_api_shape_disabled")
_NOT_RESENT: Final[Mapping[str, str]] = {
    "response.cancel": "the response ended with its connection",
    "session.close": "the session ended without it",
    "output_audio_buffer.clear": "the playback ended with its connection",
    "conversation.item.truncate": "the speech is only text in the new session, cut to what was played",
}
_UNDER_WAY: Final = "it was under way; what was said so far is kept"
_ASIDE: Final = "it was under way outside the conversation, which has nothing of it"
_OLD: Final = "its transcript had not all come, and of its audio more than two minutes ago nothing is kept"
_HARMLESS: Final = (
    "session.update",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "response.cancel",
)
ASKED_ON_CALLS: Final = ("conversation.item.create", "conversation.item.delete")
_INCOMPLETE: Final = ("in_progress", "incomplete")


def is_recoverable(ended: ConnectionClosedError, *, of_error: bool = True) -> bool:
    """Whether a new connection may do better. A normal close is meant, and some errors come again every time.

    `of_error` is False if other events came after the last error, so that it is not what ended the connection.
    """
    error = ended.event.get("error") if of_error and isinstance(ended.event, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code not in _FATAL and (ended.code in _RECOVERABLE or isinstance(ended, SessionExpiredError))


def plan_restore(tracker: SessionTracker, cause: ConnectionClosedError, *, server_keeps_it: bool) -> RestorePlan:
    """Make the plan for a lost session. On a call the server keeps it: there only events are sent again."""
    unanswered = tracker.unanswered_events()
    if server_keeps_it:
        return _plan_on_call(unanswered, cause, tracker)
    tracker.truncate_as_asked()
    items, again = {item.id: _restored(tracker, item) for item in tracker.items}, []
    for turn in tracker.speech.turns:
        if tracker.transcribes_only or turn == tracker.speech.unanswered_turn:
            again += _turn_again(tracker, turn)
            items[turn] = (None, "" if tracker.speech.turns[turn] else _OLD)
        elif turn not in items:
            items[turn] = _restored_turn(tracker, turn)
    lost = [_lost_event(event, _NOT_RESENT[event.type]) for event in unanswered if event.type in _NOT_RESENT]
    return RestorePlan(
        cause=cause,
        session=_settings(tracker),
        items=tuple(item for item, _ in items.values() if item is not None),
        events=(*again, *(event for event in unanswered if event.type not in _NOT_RESENT)),
        lost=(*lost, *_lost_work(tracker), *_lost_items(items), *_lost_transcripts(tracker, items)),
    )


def _plan_on_call(
    unanswered: Sequence[ClientEvent], cause: ConnectionClosedError, tracker: SessionTracker
) -> RestorePlan:
    """Send again what does no harm if the server did it already, or what it can be asked about (`ASKED_ON_CALLS`)."""
    again = tuple(event for event in unanswered if event.type in (*_HARMLESS, *ASKED_ON_CALLS))
    lost = [
        _lost_event(event, "whether the server did it is not known")
        for event in unanswered
        if event not in again and not isinstance(event, InputAudioBufferAppend)
    ]
    milliseconds = tracker.speech.milliseconds()
    if milliseconds:
        lost.append(Lost(what="audio", id=None, reason=f"whether {milliseconds:.0f} ms reached the call is not known"))
    return RestorePlan(cause=cause, session=None, items=(), events=again, lost=tuple(lost))


def _lost_event(event: ClientEvent, reason: str) -> Lost:
    return Lost(what="event", id=str(event.event_id), reason=f"{event.type}: {reason}")


def _turn_again(tracker: SessionTracker, turn: str) -> list[ClientEvent]:
    """Return the events that bring a turn about once more."""
    audio: list[ClientEvent] = [appended.event for appended in tracker.speech.turns[turn]]
    return [*audio, InputAudioBufferCommit()] if audio and not tracker.speech.detects_turns else audio


def _restored_turn(tracker: SessionTracker, item_id: str) -> tuple[Item | None, str]:
    """Make an item of a turn, with its audio: the server keeps its id, and does not answer it once more."""
    audio = tracker.speech.audio_of(item_id)
    return (UserMessage(id=item_id, content=[InputAudio(audio=audio)]), "") if audio else (None, _OLD)


def _settings(tracker: SessionTracker) -> ClientEvent | None:
    """Make one event with all settings of the lost session, of the class that set them."""
    if tracker.update is None:
        return None
    data = {"type": tracker.update.type, "session": tracker.settings}
    return structure(data, type(tracker.update))


def _lost_work(tracker: SessionTracker) -> list[Lost]:
    responses = tracker.unanswered.responses
    lost = [Lost(what="response", id=name, reason=_UNDER_WAY if own else _ASIDE) for name, own in responses.items()]
    if tracker.speech.dropped_ms:
        reason = (
            f"the first {tracker.speech.dropped_ms:.0f} ms of more than two minutes that the server said nothing of"
        )
        lost.append(Lost(what="audio", id=None, reason=reason))
    if tracker.translates:
        lost.append(Lost(what="audio", id=None, reason="how far the translation got is not known"))
    return lost


def _lost_items(items: Mapping[str, tuple[Item | None, str]]) -> list[Lost]:
    return [Lost(what="item", id=item_id, reason=reason) for item_id, (_, reason) in items.items() if reason]


def _lost_transcripts(tracker: SessionTracker, items: Mapping[str, tuple[Item | None, str]]) -> list[Lost]:
    reason = "its speech is restored; whether a transcript comes is the server's choice"
    waiting = [name for name in items if name in tracker.speech.transcribing and items[name][0] is not None]
    return [Lost(what="transcript", id=name, reason=reason) for name in waiting]


def _restored(tracker: SessionTracker, state: ItemState) -> tuple[Item | None, str]:
    """Make an item for the new session, and tell what of it is lost; no item if nothing is left."""
    kind = state.type
    restore = _RESTORE.get((kind, text_in(state.raw, "role") if kind == "message" else ""))
    if restore is None:
        return None, f"{kind or 'an item without type'}: the server does not take it back"
    item, reason = restore(tracker, state)
    try:
        if item is not None:
            check(item)
    except InvalidRequestError as error:  # a server's odd field must not be in the way of the others
        return None, f"{kind}: {error}"
    return item, reason


def _message(cls: Any, part: Any) -> Callable[[SessionTracker, ItemState], tuple[Item | None, str]]:
    """Make the rule for messages of a class: their words as `part`, and images as they are."""

    def restore(tracker: SessionTracker, state: ItemState) -> tuple[Item | None, str]:
        if state.id in tracker.speech.transcribing:  # half a sentence would stand as all of it
            return _restored_turn(tracker, state.id)
        told = state.raw.get("content")
        count = max(len(told) if isinstance(told, list) else 0, len(state.parts))
        parts = [_part(state, index, part) for index in range(count)]
        content = [part for part in parts if part is not None]
        reason = ""
        if any(part.cut_ms is not None for part in state.parts):
            reason = "truncated speech: its words were cut by its share of the time"
        elif len(content) < len(parts) or not parts:
            reason = "no transcript of its audio came" if parts else "nothing of it came"
        return (cls(id=state.id, content=content) if content else None), reason

    return restore


def _part(state: ItemState, index: int, cls: Any) -> Model | None:
    content = state.raw.get("content")
    told = content[index] if isinstance(content, list) and index < len(content) else {}
    raw = told if isinstance(told, dict) else {}
    part = state.part(index)
    text = part.heard_words
    if not text and part.cut_ms is None:
        text = text_in(raw, "text") or text_in(raw, "transcript")
    if not text:
        return _evolved(raw, InputImage) if raw.get("image_url") else None
    # The beta and servers like it say "text" where today's API says "output_text".
    return TextPart(text=text) if raw.get("type") in ("text", "audio") else cls(text=text)


def _listed(_: SessionTracker, __: ItemState) -> tuple[Item | None, str]:
    return None, ""  # the server lists the tools of MCP servers anew


def _call(_: SessionTracker, state: ItemState) -> tuple[Item | None, str]:
    raw = state.raw
    if raw.get("status") in _INCOMPLETE:
        return None, "function_call: its arguments had not all come"
    return _evolved(raw, FunctionCall), ""


def _output(_: SessionTracker, state: ItemState) -> tuple[Item | None, str]:
    return _evolved(state.raw, FunctionCallOutput), ""


def _evolved(raw: JSON, cls: Any) -> Any:
    """Return the item or part without what only the server sets, and without what nobody here knows."""
    known = field_hints(cls).keys() - {"status", "object"}
    return structure({key: value for key, value in raw.items() if key in known and value is not None}, cls)


_RESTORE: Final[Mapping[Any, Callable[[SessionTracker, ItemState], tuple[Item | None, str]]]] = {
    ("message", "user"): _message(UserMessage, InputText),
    ("message", "assistant"): _message(AssistantMessage, OutputText),
    ("message", "system"): _message(SystemMessage, InputText),
    ("function_call", ""): _call,
    ("function_call_output", ""): _output,
    ("mcp_list_tools", ""): _listed,
}
