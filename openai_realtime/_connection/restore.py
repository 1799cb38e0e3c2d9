"""What happens when a session's connection is lost: the policy, the plan of what is restored, and how that is told.

There is no resume in the API: a new connection is a new, empty session. Pure values and functions; `recovery` acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from openai_realtime._codec.check import check
from openai_realtime._codec.converter import structure
from openai_realtime._codec.hints import field_hints
from openai_realtime.errors import ConnectionClosedError, InvalidRequestError, SessionExpiredError
from openai_realtime.models.base import Model
from openai_realtime.models.events import ClientEvent
from openai_realtime.models.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    InputText,
    Item,
    OutputText,
    SystemMessage,
    TextPart,
    UserMessage,
)

from .reconnect import Lost, RestorePlan
from .tracker import JSON, Place, SessionTracker, text_of

_RECOVERABLE: Final = (1001, 1005, 1006, 1011, 1012, 1013, 1015)
_FATAL: Final = ("invalid_api_key", "insufficient_quota", "invalid_model", "missing_model", "beta_api_shape_disabled")
_NOT_RESENT: Final[Mapping[str, str]] = {
    "response.cancel": "the response ended with its connection",
    "output_audio_buffer.clear": "the playback ended with its connection",
    "conversation.item.truncate": "the speech is only text in the new session",
}
_UNDER_WAY: Final = {
    True: "it was under way; what was said so far is kept",
    False: "it was under way outside the conversation, which has nothing of it",
}
_INCOMPLETE: Final = ("in_progress", "incomplete")


def is_recoverable(ended: ConnectionClosedError, *, of_error: bool = True) -> bool:
    """Whether a new connection may do better. A normal close is meant, and some errors come again every time.

    `of_error` is False if other events came after the last error, so that it is not what ended the connection.
    """
    error = ended.event.get("error") if of_error and isinstance(ended.event, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code not in _FATAL and (ended.code in _RECOVERABLE or isinstance(ended, SessionExpiredError))


def plan_restore(conversation: SessionTracker, cause: ConnectionClosedError, *, server_keeps_it: bool) -> RestorePlan:
    """The plan for a lost conversation. On a call the server keeps it: there only events are sent again."""
    unanswered = conversation.unanswered()
    events = tuple(event for event in unanswered if event.type not in _NOT_RESENT)
    lost = [
        Lost(what="event", id=str(event.event_id), reason=f"{event.type}: {_NOT_RESENT[event.type]}")
        for event in unanswered
        if event.type in _NOT_RESENT
    ]
    if server_keeps_it:
        return RestorePlan(cause=cause, session=None, items=(), events=events, lost=tuple(lost))
    items = {item_id: _restored(conversation, item_id) for item_id in conversation.items}
    return RestorePlan(
        cause=cause,
        session=_settings(conversation),
        items=tuple(item for item, _ in items.values() if item is not None),
        events=events,
        lost=(*lost, *_lost_work(conversation), *_lost_items(items)),
    )


def _settings(conversation: SessionTracker) -> ClientEvent | None:
    """One event with all settings of the lost session, of the class that set them."""
    if conversation.update is None:
        return None
    data = {"type": conversation.update.type, "session": conversation.settings}
    return structure(data, type(conversation.update))


def _lost_work(conversation: SessionTracker) -> list[Lost]:
    lost = [Lost(what="response", id=name, reason=_UNDER_WAY[own]) for name, own in conversation.responses.items()]
    if conversation.dropped_ms:
        reason = f"the first {conversation.dropped_ms:.0f} ms of more than two minutes of speech"
        lost.append(Lost(what="audio", id=None, reason=reason))
    if conversation.translates:
        lost.append(Lost(what="audio", id=None, reason="how far the translation got is not known"))
    return lost


def _lost_items(items: Mapping[str, tuple[Item | None, str]]) -> list[Lost]:
    return [Lost(what="item", id=item_id, reason=reason) for item_id, (_, reason) in items.items() if reason]


def _restored(conversation: SessionTracker, item_id: str) -> tuple[Item | None, str]:
    """An item for the new session, and what of it is lost; no item if nothing is left."""
    raw = conversation.items[item_id]
    kind = text_of(raw, "type")
    restore = _RESTORE.get((kind, text_of(raw, "role") if kind == "message" else ""))
    if restore is None:
        return None, f"{kind or 'an item without type'}: the server does not take it back"
    item, reason = restore(conversation, item_id)
    try:
        if item is not None:
            check(item)
    except InvalidRequestError as error:  # a server's odd field must not be in the way of the others
        return None, f"{kind}: {error}"
    return item, reason


def _message(cls: Any, part: Any) -> Callable[[SessionTracker, str], tuple[Item | None, str]]:
    """The rule for messages of a class: their words as `part`, and images as they are."""

    def restore(conversation: SessionTracker, item_id: str) -> tuple[Item | None, str]:
        places = conversation.parts(item_id)
        parts = [_part(conversation, place, part) for place in places]
        content = [part for part in parts if part is not None]
        reason = ""
        if any(place in conversation.cut for place in places):
            reason = "truncated speech: its words were cut by its share of the time"
        elif len(content) < len(parts) or not parts:
            reason = "no transcript of its audio came" if parts else "nothing of it came"
        return (cls(id=item_id, content=content) if content else None), reason

    return restore


def _part(conversation: SessionTracker, place: Place, cls: Any) -> Model | None:
    text, raw = conversation.text(place), conversation.part(place)
    if not text:
        return _evolved(raw, InputImage) if raw.get("image_url") else None
    # The beta and servers like it say "text" where today's API says "output_text".
    return TextPart(text=text) if raw.get("type") in ("text", "audio") else cls(text=text)


def _listed(_: SessionTracker, __: str) -> tuple[Item | None, str]:
    return None, ""  # the server lists the tools of MCP servers anew


def _call(conversation: SessionTracker, item_id: str) -> tuple[Item | None, str]:
    raw = conversation.items[item_id]
    if raw.get("status") in _INCOMPLETE:
        return None, "function_call: its arguments had not all come"
    return _evolved(raw, FunctionCall), ""


def _output(conversation: SessionTracker, item_id: str) -> tuple[Item | None, str]:
    return _evolved(conversation.items[item_id], FunctionCallOutput), ""


def _evolved(raw: JSON, cls: Any) -> Any:
    """The item or part without what only the server sets, and without what nobody here knows."""
    known = field_hints(cls).keys() - {"status", "object"}
    return structure({key: value for key, value in raw.items() if key in known and value is not None}, cls)


_RESTORE: Final[Mapping[Any, Callable[[SessionTracker, str], tuple[Item | None, str]]]] = {
    ("message", "user"): _message(UserMessage, InputText),
    ("message", "assistant"): _message(AssistantMessage, OutputText),
    ("message", "system"): _message(SystemMessage, InputText),
    ("function_call", ""): _call,
    ("function_call_output", ""): _output,
    ("mcp_list_tools", ""): _listed,
}
