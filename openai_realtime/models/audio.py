"""Audio settings of a session: formats, voices, noise reduction, transcription, turn detection.

From https://platform.openai.com/docs/api-reference/realtime-sessions and, where it is silent, recorded traffic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, TypeAlias

from attrs import frozen

from .base import ABSENT, UNSET, Assigned, Maybe, Model, UnknownObject
from .constraints import Between, Length

__all__ = [
    "AudioFormat",
    "AudioPcm",
    "AudioPcma",
    "AudioPcmu",
    "AudioTranscription",
    "NoiseReduction",
    "SemanticVad",
    "ServerVad",
    "TranscriptionModel",
    "TurnDetection",
    "Voice",
    "VoiceId",
]

TranscriptionModel: TypeAlias = (
    Literal[
        "whisper-1",
        "gpt-transcribe",
        "gpt-live-transcribe",
        "gpt-4o-mini-transcribe",
        "gpt-4o-mini-transcribe-2025-12-15",
        "gpt-4o-transcribe",
        "gpt-4o-transcribe-diarize",
        "gpt-realtime-whisper",
    ]
    | str
)
"""A transcription model's name; the named ones are known, any other is sent as it is."""
TURNLESS_MODELS: Final = ("gpt-realtime-whisper", "gpt-live-transcribe")
"""Those that transcribe while the user speaks, and take no turn detection."""


@frozen(kw_only=True, repr=False, eq=False)
class AudioPcm(Model):
    """PCM16, little-endian, mono. The API takes 24,000 samples a second only, compatible servers others too."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Annotated[int, Between(8000, 48_000)] = 24_000


@frozen(kw_only=True, repr=False, eq=False)
class AudioPcmu(Model):
    """G.711 μ-law, mono, 8 kHz."""

    type: Literal["audio/pcmu"] = "audio/pcmu"


@frozen(kw_only=True, repr=False, eq=False)
class AudioPcma(Model):
    """G.711 A-law, mono, 8 kHz."""

    type: Literal["audio/pcma"] = "audio/pcma"


AudioFormat: TypeAlias = AudioPcm | AudioPcmu | AudioPcma | UnknownObject
BETA_FORMATS: Final[Mapping[str, AudioPcm | AudioPcmu | AudioPcma]] = {
    "pcm16": AudioPcm(),
    "g711_ulaw": AudioPcmu(),
    "g711_alaw": AudioPcma(),
}
"""The names of the formats in the beta."""


@frozen(kw_only=True, repr=False, eq=False)
class VoiceId(Model):
    """A custom voice, by its id (``voice_1234``)."""

    id: str


Voice: TypeAlias = (
    Literal["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"] | str | VoiceId
)
"""A voice's name, or `VoiceId` for a custom one."""


@frozen(kw_only=True, repr=False, eq=False)
class NoiseReduction(Model):
    """Filters the input audio: ``near_field`` for headsets, ``far_field`` for laptops and rooms.

    An absent `strength` keeps what the session has (1 at first). To turn the filter off send None in its place.
    """

    type: Assigned[Literal["near_field", "far_field"]] = ABSENT
    strength: Maybe[float] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class AudioTranscription(Model):
    """Transcription of the input audio.

    `language` and `languages` are ISO-639-1 codes. `delay` is for ``gpt-realtime-whisper``; `keywords` and
    `languages` are for ``gpt-transcribe`` and ``gpt-live-transcribe``. The server answers null where it has nothing.
    """

    model: Assigned[TranscriptionModel] = ABSENT
    language: Maybe[str | None] = UNSET
    languages: Maybe[Annotated[Sequence[str], Length(1)] | None] = UNSET
    keywords: Maybe[Sequence[str] | None] = UNSET
    prompt: Maybe[str | None] = UNSET
    delay: Maybe[Literal["minimal", "low", "medium", "high", "xhigh"]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ServerVad(Model):
    """Turn detection by loudness. Times are milliseconds, `threshold` is 0 to 1.

    `idle_timeout_ms` makes the model speak up after that much silence.
    """

    type: Literal["server_vad"] = "server_vad"
    threshold: Assigned[Annotated[float, Between(0.0, 1.0)]] = ABSENT
    prefix_padding_ms: Assigned[Annotated[int, Between(0, 10**9)]] = ABSENT
    silence_duration_ms: Assigned[Annotated[int, Between(0, 10**9)]] = ABSENT
    create_response: Assigned[bool] = ABSENT
    interrupt_response: Assigned[bool] = ABSENT
    idle_timeout_ms: Assigned[Annotated[int, Between(5000, 30000)] | None] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class SemanticVad(Model):
    """Turn detection by what is said; `eagerness` is how soon the model takes the turn."""

    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Assigned[Literal["low", "medium", "high", "auto"]] = ABSENT
    create_response: Assigned[bool] = ABSENT
    interrupt_response: Assigned[bool] = ABSENT


TurnDetection: TypeAlias = ServerVad | SemanticVad | UnknownObject
