"""A recording as one page that needs nothing else: timeline, waveforms, captions, latencies, tools."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from attrs import asdict

from openai_realtime._codec.audio_rates import PCM_BYTES_PER_MS, bytes_per_ms, format_type
from openai_realtime._codec.converter import dumps
from openai_realtime._codec.raw import object_in
from openai_realtime.audio.g711 import LAWS
from openai_realtime.audio.pcm import WIDTH, unpack
from openai_realtime.errors import DecodeError
from openai_realtime.models.base64 import from_base64

from .audio import audio_of
from .reading import Entry
from .report import Report

__all__ = ["page"]

_STEP_MS: Final = 20
_PLACE: Final = "/* the recording */"


def page(entries: Sequence[Entry], report: Report) -> str:
    """Return the HTML of a recording, explained by `report`."""
    turns = [{**asdict(turn), "usage": turn.usage.to_json()} for turn in report.turns]
    data = {
        "duration": report.duration_ms,
        "network": report.network_ms,
        "usage": report.usage.to_json(),
        "turns": turns,
        "errors": report.errors,
        "captions": [asdict(caption) for caption in report.conversation.captions],
        "waves": {"user": _waves(entries, "client", "input"), "model": _waves(entries, "server", "output")},
        "marks": [[entry.ms, entry.type] for entry in entries if entry.type.startswith("input_audio_buffer.speech")],
    }
    template = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
    # No text of a session may end the script that it stands in.
    return template.replace(_PLACE, dumps(data).decode().replace("<", "\\u003c"))


def _waves(entries: Iterable[Entry], sender: str, side: Literal["input", "output"]) -> list[list[Any]]:
    """Return stretches of sound: when each begins, and its peaks, one for 20 ms.

    What comes faster than life is laid end to end, and cut where the user interrupts, as it is played.
    """
    waves: list[list[Any]] = []
    end, per_ms, kind = 0.0, PCM_BYTES_PER_MS, ""
    for entry in entries:
        if entry.type in ("session.created", "session.updated"):
            session = object_in(entry.event, "session")
            per_ms, kind = bytes_per_ms(session, side), format_type(session, side)
        if sender == "server" and entry.type == "input_audio_buffer.speech_started" and waves and end > entry.ms:
            start, peaks = waves[-1]
            del peaks[max(int((entry.ms - start) / _STEP_MS), 0) :]
            end = entry.ms
        if entry.sender != sender or not entry.audio_bytes:
            continue
        if not waves or entry.ms > end + 2 * _STEP_MS:
            waves.append([entry.ms, []])
            end = entry.ms
        duration = entry.audio_bytes / per_ms
        waves[-1][1].extend(_peaks(entry, kind, max(int(duration / _STEP_MS), 1)))
        end += duration
    return waves


def _peaks(entry: Entry, kind: str, count: int) -> list[int]:
    """Return how loud each of `count` parts is, from 0 to 100; 1 where the recording has only the length."""
    try:
        audio = from_base64(audio_of(entry.event) or "")
    except DecodeError:
        audio = b""
    pcm = LAWS[kind][0](audio) if kind in LAWS else audio[: len(audio) // WIDTH * WIDTH]
    if len(audio) < entry.audio_bytes or not pcm:
        return [1] * count
    samples = unpack(pcm)
    size = len(samples) // count
    steps = (samples[start * size : (start + 1) * size] for start in range(count))
    return [round(max(*step, -min(step)) / 327.68) for step in steps]
