"""What an answer of the API says to people: rows of a label and a text, with secrets masked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from openai_realtime.models.audio import VoiceId
from openai_realtime.models.base import UNSET, Model
from openai_realtime.models.http import HTTPInfo

from .terminal import Rows, one_line

_MAX_TEXT: Final = 200


def mask(secret: str) -> str:
    """Show enough of a secret to tell its kind."""
    return "ek_***" if secret.startswith("ek_") else "***"


def format_time(seconds: Any) -> str:
    """Write UNIX seconds as local time and how far away that is; nothing for what is no time, such as the API's 0."""
    if not isinstance(seconds, int) or seconds <= 0:
        return ""
    try:
        local = datetime.fromtimestamp(seconds, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return f"{local:%Y-%m-%d %H:%M:%S} ({_distance(seconds - time.time())})"


def _distance(seconds: float) -> str:
    size = abs(seconds)
    text = f"{size:.0f} s" if size < 100 else f"{size / 60:.0f} min" if size < 6000 else f"{size / 3600:.0f} h"  # noqa: PLR2004
    return f"in {text}" if seconds >= 0 else f"{text} ago"


def format_value(value: Any) -> str:
    """Write one value of an answer on one line. What is absent, null or a whole object shows nothing."""
    if isinstance(value, VoiceId):
        return format_value(value.id)
    if isinstance(value, list):
        return ", ".join(map(format_value, value))
    if not isinstance(value, str | int | float):
        return ""
    text = one_line(str(value))
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "..."


# A label, where its value is in the answers (the first place that has something counts), and how it is written.
# The places are the current session's, inside a client secret or alone, and the beta's.
_FACTS: Final[Sequence[tuple[str, tuple[str, ...], Callable[[Any], str]]]] = (
    ("secret", ("value", "client_secret.value"), lambda value: mask(value) if isinstance(value, str) else "***"),
    ("expires", ("client_secret.expires_at", "expires_at"), format_time),
    ("session", ("session.id", "id"), format_value),
    ("call", ("call_id",), format_value),
    ("location", ("location",), format_value),
    ("SDP answer", ("sdp",), lambda sdp: f"{len(sdp.splitlines())} lines; --output FILE or --json gives them"),
    ("model", ("session.model", "model"), format_value),
    (
        "transcription",
        (
            "session.audio.input.transcription.model",
            "audio.input.transcription.model",
            "input_audio_transcription.model",
        ),
        format_value,
    ),
    ("voice", ("session.audio.output.voice", "audio.output.voice", "voice"), format_value),
    ("language", ("session.audio.output.language",), format_value),
    ("output", ("session.output_modalities", "output_modalities", "modalities"), format_value),
    (
        "turn detection",
        ("session.audio.input.turn_detection.type", "audio.input.turn_detection.type", "turn_detection.type"),
        format_value,
    ),
    ("instructions", ("session.instructions", "instructions"), format_value),
)


def facts(answer: Model) -> Rows:
    """Make the rows that an answer has something for."""
    rows = ((label, next(_found(answer, places), None), write) for label, places, write in _FACTS)
    return [(label, text) for label, value, write in rows if value is not None and (text := write(value))]


def _found(answer: Model, places: Sequence[str]) -> Iterator[Any]:
    """Find the values at `places`: an answer may have anything anywhere, or nothing."""
    for place in places:
        value: Any = answer
        for name in place.split("."):
            value = getattr(value, name, None) if isinstance(value, Model) else None
        if value is not None and value is not UNSET:
            yield value


def http_facts(info: HTTPInfo | None) -> Rows:
    """Say how the answer came, ``HTTP 200 in 12 ms (server 3 ms)``, and the id that support asks for."""
    if info is None:
        return []
    server = f" (server {info.processing_ms} ms)" if info.processing_ms is not None else ""
    attempts = f", {info.attempts} attempts" if info.attempts > 1 else ""
    took = f"HTTP {info.status} in {info.elapsed * 1000:.0f} ms{server}{attempts}"
    return [("answer", took), *request_id(info.request_id)]


def request_id(value: str | None) -> Rows:
    """Make a row for the id of a request, if the server sent one."""
    return [("request id", format_value(value))] if value else []
