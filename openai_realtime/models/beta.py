"""The beta's sessions: POST /realtime/sessions and POST /realtime/transcription_sessions.

The API ended the beta on 2026-05-12; dated Azure versions and compatible servers still have it. The public spec asks
for a ``client_secret`` in the request and leaves it out of the answer; on the wire it is the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from attrs import field, frozen

from .audio import AudioTranscription, NoiseReduction, Voice
from .base import LOCAL, UNSET, Between, Length, Maybe, Model, ResponseInfo, masked
from .sessions import (
    ExpiresAfter,
    MaxOutputTokens,
    Prompt,
    RealtimeModel,
    RealtimeSession,
    RealtimeTranscriptionSession,
    Tracing,
    Truncation,
)
from .tools import FunctionTool

__all__ = [
    "BetaAudioFormat",
    "BetaClientSecret",
    "BetaClientSecretConfig",
    "BetaTranscriptionClientSecretConfig",
    "BetaTurnDetection",
    "RealtimeSessionCreateRequest",
    "RealtimeSessionCreateResponse",
    "RealtimeTranscriptionSessionCreateRequest",
    "RealtimeTranscriptionSessionCreateResponse",
]

BetaAudioFormat: TypeAlias = Literal["pcm16", "g711_ulaw", "g711_alaw"]
BetaModalities: TypeAlias = Annotated[Sequence[Literal["text", "audio"]], Length(1, 2)]


@frozen(kw_only=True, repr=False, eq=False)
class BetaTurnDetection(Model):
    """Turn detection of the beta, both kinds in one object. Times are milliseconds, `threshold` is 0 to 1."""

    type: Maybe[Literal["server_vad", "semantic_vad"]] = UNSET
    threshold: Maybe[Annotated[float, Between(0, 1)]] = UNSET
    prefix_padding_ms: Maybe[Annotated[int, Between(0, 1e9)]] = UNSET
    silence_duration_ms: Maybe[Annotated[int, Between(0, 1e9)]] = UNSET
    eagerness: Maybe[Literal["low", "medium", "high", "auto"]] = UNSET
    create_response: Maybe[bool] = UNSET
    interrupt_response: Maybe[bool] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class BetaClientSecret(Model):
    """The beta's ephemeral key, usable for a minute; `expires_at` is UNIX seconds."""

    value: str = field(repr=masked)
    expires_at: int


@frozen(kw_only=True, repr=False, eq=False)
class BetaClientSecretConfig(Model):
    """How long the ephemeral key of a beta session shall be usable."""

    expires_after: Maybe[ExpiresAfter] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class BetaTranscriptionClientSecretConfig(Model):
    """The same for a beta transcription session, which calls it `expires_at`."""

    expires_at: Maybe[ExpiresAfter] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeSessionCreateRequest(Model):
    """Body of POST /realtime/sessions (beta). `temperature` is 0.6 to 1.2 and has no successor."""

    model: Maybe[RealtimeModel] = UNSET
    modalities: Maybe[BetaModalities] = UNSET
    instructions: Maybe[str] = UNSET
    voice: Maybe[Voice] = UNSET
    input_audio_format: Maybe[BetaAudioFormat] = UNSET
    output_audio_format: Maybe[BetaAudioFormat] = UNSET
    input_audio_transcription: Maybe[AudioTranscription | None] = UNSET
    input_audio_noise_reduction: Maybe[NoiseReduction | None] = UNSET
    turn_detection: Maybe[BetaTurnDetection | None] = UNSET
    tools: Maybe[Sequence[FunctionTool]] = UNSET
    tool_choice: Maybe[str] = UNSET
    temperature: Maybe[Annotated[float, Between(0.6, 1.2)]] = UNSET
    max_response_output_tokens: Maybe[MaxOutputTokens] = UNSET
    speed: Maybe[Annotated[float, Between(0.25, 1.5)]] = UNSET
    tracing: Maybe[Tracing | None] = UNSET
    truncation: Maybe[Truncation] = UNSET
    prompt: Maybe[Prompt | None] = UNSET
    client_secret: Maybe[BetaClientSecretConfig] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeSessionCreateResponse(RealtimeSession):
    """The created session. Servers answer in the beta's fields, the current ones, or a mix; all are here."""

    client_secret: Maybe[BetaClientSecret | None] = field(default=UNSET, repr=masked)
    modalities: Maybe[BetaModalities | None] = UNSET
    voice: Maybe[Voice | None] = UNSET
    input_audio_format: Maybe[BetaAudioFormat | str | None] = UNSET
    output_audio_format: Maybe[BetaAudioFormat | str | None] = UNSET
    input_audio_transcription: Maybe[AudioTranscription | None] = UNSET
    input_audio_noise_reduction: Maybe[NoiseReduction | None] = UNSET
    turn_detection: Maybe[BetaTurnDetection | None] = UNSET
    temperature: Maybe[float | None] = UNSET
    max_response_output_tokens: Maybe[MaxOutputTokens | None] = UNSET
    speed: Maybe[float | None] = UNSET
    http: ResponseInfo | None = field(default=None, eq=False, repr=False, metadata=LOCAL)


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranscriptionSessionCreateRequest(Model):
    """Body of POST /realtime/transcription_sessions (beta)."""

    modalities: Maybe[BetaModalities] = UNSET
    input_audio_format: Maybe[BetaAudioFormat] = UNSET
    input_audio_transcription: Maybe[AudioTranscription | None] = UNSET
    input_audio_noise_reduction: Maybe[NoiseReduction | None] = UNSET
    turn_detection: Maybe[BetaTurnDetection | None] = UNSET
    include: Maybe[Sequence[str]] = UNSET
    client_secret: Maybe[BetaTranscriptionClientSecretConfig] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranscriptionSessionCreateResponse(RealtimeTranscriptionSession):
    """The created session, in the beta's fields, the current ones, or a mix."""

    client_secret: Maybe[BetaClientSecret | None] = field(default=UNSET, repr=masked)
    modalities: Maybe[BetaModalities | None] = UNSET
    input_audio_format: Maybe[BetaAudioFormat | str | None] = UNSET
    input_audio_transcription: Maybe[AudioTranscription | None] = UNSET
    input_audio_noise_reduction: Maybe[NoiseReduction | None] = UNSET
    turn_detection: Maybe[BetaTurnDetection | None] = UNSET
    http: ResponseInfo | None = field(default=None, eq=False, repr=False, metadata=LOCAL)
