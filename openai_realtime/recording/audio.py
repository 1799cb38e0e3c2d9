"""Where an event holds audio, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from openai_realtime._codec.raw import JSON, decoded_size

FIELDS: Final = {
    "input_audio_buffer.append": "audio",
    "session.input_audio_buffer.append": "audio",
    "response.output_audio.delta": "delta",
    "response.audio.delta": "delta",
    "session.output_audio.delta": "delta",
}
"""The types of event that are audio, and the field that holds it."""


def audio_of(event: JSON) -> str | None:
    """Return the base64 of an event that is audio; None for all others."""
    kind = event.get("type")
    field = FIELDS.get(kind) if isinstance(kind, str) else None
    value = event.get(field) if field else None
    return value if isinstance(value, str) else None


def audio_bytes(event: JSON) -> int:
    """Return how many bytes of audio an event brings."""
    audio = audio_of(event)
    return decoded_size(audio) if audio else 0


def with_audio(value: Any, change: Callable[[str], str]) -> Any:
    """Return a JSON value with the audio of the items in it changed."""
    if isinstance(value, Mapping):
        return {
            name: change(inner) if name == "audio" and isinstance(inner, str) else with_audio(inner, change)
            for name, inner in value.items()
        }
    return [with_audio(inner, change) for inner in value] if isinstance(value, list | tuple) else value
