"""Tolerant looks into JSON as a server sent it: a field that is not of the wanted kind counts as empty.

Who follows a session reads events this way, by type and ids only, so that no odd field can lead it astray.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from openai_realtime.models.base import Model
from openai_realtime.models.events import ClientEvent, ServerEvent

from .converter import converter

JSON: TypeAlias = Mapping[str, Any]


def received_json(event: ServerEvent) -> JSON:
    """Return an event of the server as it came; one that was made here, as it would have come."""
    return event.raw if event.raw is not None else json_of(event)


def json_of(model: ClientEvent | Model) -> JSON:
    """Return the JSON object that `model` travels as."""
    written: JSON = converter.unstructure(model)
    return written


def text_in(raw: JSON, name: str) -> str:
    """Return a text field; empty if it is none."""
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def object_in(raw: JSON, name: str) -> JSON:
    """Return an object field; empty if it is none."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def objects_in(raw: JSON, name: str) -> list[JSON]:
    """Return the objects of a list field; none if it is no list."""
    value = raw.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list | tuple) else []


def number_in(raw: JSON, name: str) -> float | None:
    """Return a number field; None if it is none."""
    value = raw.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def count_in(raw: JSON, name: str) -> int:
    """Return a field that counts something; 0 if it is no number or negative."""
    return max(int(number_in(raw, name) or 0), 0)


def place_in(raw: JSON) -> tuple[str, int]:
    """Return which content part an event is about: the item's id and the part's index."""
    index = raw.get("content_index")
    return text_in(raw, "item_id"), index if isinstance(index, int) else 0


def is_in_conversation(response: JSON) -> bool:
    """Whether a response is the conversation's own: one out of band has null there, servers of the beta say nothing."""
    return response.get("conversation_id", "") is not None


def decoded_size(audio: str) -> int:
    """Return the number of bytes that base64 stands for."""
    return len(audio) * 3 // 4 - audio.count("=", -2)
