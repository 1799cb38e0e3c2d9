"""How much audio a millisecond is, by a session's settings."""

from __future__ import annotations

from typing import Final, Literal

from .raw import JSON, number_in, object_in, text_in

_G711: Final = ("audio/pcmu", "audio/pcma", "g711_ulaw", "g711_alaw")
PCM_BYTES_PER_MS: Final = 48.0
"""Of PCM16 at 24 kHz, which a session has by default."""


def bytes_per_ms(session: JSON, side: Literal["input", "output"]) -> float:
    """Return the bytes of a millisecond of a session's audio; the beta names its formats another way."""
    audio_format = object_in(object_in(object_in(session, "audio"), side), "format")
    kind = text_in(audio_format, "type") or text_in(session, f"{side}_audio_format")
    samples_per_ms = (number_in(audio_format, "rate") or (8_000 if kind in _G711 else 24_000)) / 1000
    return samples_per_ms if kind in _G711 else 2 * samples_per_ms
