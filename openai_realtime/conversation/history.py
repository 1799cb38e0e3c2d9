"""The items that another session can be given, so that it knows what was said in this one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from openai_realtime._codec.raw import objects_in, text_in
from openai_realtime.models.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputImage,
    InputText,
    Item,
    OutputText,
    SystemMessage,
    UserMessage,
)

from .items import ItemState

_MESSAGES: Final[dict[str, tuple[Any, Any]]] = {
    "user": (UserMessage, InputText),
    "assistant": (AssistantMessage, OutputText),
    "system": (SystemMessage, InputText),
}


def history(items: Sequence[ItemState]) -> list[Item]:
    """Return what a server takes back of `items`: words, images, and the calls that have an output."""
    answered = _calls(items, "function_call") & _calls(items, "function_call_output")
    return [restored for item in items if (restored := _restored(item, answered)) is not None]


def _calls(items: Iterable[ItemState], kind: str) -> set[str]:
    return {text_in(item.raw, "call_id") for item in items if item.type == kind and item.status != "in_progress"} - {""}


def _restored(item: ItemState, answered: set[str]) -> Item | None:
    call_id = text_in(item.raw, "call_id")
    if item.role in _MESSAGES:
        return _message(item)
    if call_id in answered and item.type == "function_call":
        name, arguments = text_in(item.raw, "name"), text_in(item.raw, "arguments")
        return FunctionCall(id=item.id, call_id=call_id, name=name, arguments=arguments)
    if call_id in answered and item.type == "function_call_output":
        return FunctionCallOutput(id=item.id, call_id=call_id, output=text_in(item.raw, "output"))
    return None


def _message(item: ItemState) -> Item | None:
    message, text = _MESSAGES[item.role]
    raw = objects_in(item.raw, "content")
    content: list[Any] = []
    for index, part in enumerate(item.parts):
        url = text_in(raw[index], "image_url") if index < len(raw) else ""
        if url:
            content.append(InputImage(image_url=url))
        elif words := part.heard_words:
            content.append(text(text=words))
    restored: Item | None = message(id=item.id, content=content) if content and item.type == "message" else None
    return restored
