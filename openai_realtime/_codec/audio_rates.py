"""How much audio a millisecond is, by a session's settings."""

from __future__ import annotations

from typing import Final, Literal

from openai_realtime.models.audio import BETA_FORMATS, AudioPcma, AudioPcmu

from .raw import JSON, number_in, object_in, text_in

_G711: Final = (AudioPcmu().type, AudioPcma().type)
PCM_BYTES_PER_MS: Final = 48.0
"""Of PCM16 at 24 kHz, which a session has by default."""


def bytes_per_ms(session: JSON, side: Literal["input", "output"]) -> float:
    """Return the bytes of a millisecond of a session's audio."""
    is_g711 = format_type(session, side) in _G711
    samples_per_ms = (number_in(_format(session, side), "rate") or (8_000 if is_g711 else 24_000)) / 1000
    return samples_per_ms if is_g711 else 2 * samples_per_ms


def format_type(session: JSON, side: Literal["input", "output"]) -> str:
    """Return the type of a session's audio format, such as ``audio/pcmu``, also for the beta's names."""
    kind = text_in(_format(session, side), "type") or text_in(session, f"{side}_audio_format")
    return BETA_FORMATS[kind].type if kind in BETA_FORMATS else kind


def _format(session: JSON, side: str) -> JSON:
    return object_in(object_in(object_in(session, "audio"), side), "format")
