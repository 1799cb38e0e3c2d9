"""Sessions of the current API, the client secrets that open them, and calls.

A ``...Config`` is what you ask for; `RealtimeSession` and `RealtimeTranscriptionSession` are what the server answers,
with every default filled in and null where nothing is set. From https://platform.openai.com/docs/api-reference/realtime-sessions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from attrs import frozen

from .audio import AudioFormat, AudioTranscription, NoiseReduction, TurnDetection, Voice
from .base import ABSENT, UNSET, Assigned, Maybe, Model
from .constraints import Between, Length
from .prompts import Prompt
from .tools import Tool, ToolChoice

__all__ = [
    "Include",
    "MaxOutputTokens",
    "RealtimeAudioConfig",
    "RealtimeAudioInput",
    "RealtimeAudioOutput",
    "RealtimeModel",
    "RealtimeSession",
    "RealtimeSessionAudio",
    "RealtimeSessionAudioInput",
    "RealtimeSessionAudioOutput",
    "RealtimeSessionConfig",
    "RealtimeTranscriptionAudioConfig",
    "RealtimeTranscriptionSession",
    "RealtimeTranscriptionSessionAudio",
    "RealtimeTranscriptionSessionConfig",
    "Reasoning",
    "RetentionRatioTruncation",
    "TokenLimits",
    "Tracing",
    "TracingConfig",
    "Truncation",
]

RealtimeModel: TypeAlias = (
    Literal[
        "gpt-realtime",
        "gpt-realtime-1.5",
        "gpt-realtime-2",
        "gpt-realtime-2.1",
        "gpt-realtime-2.1-mini",
        "gpt-realtime-2025-08-28",
        "gpt-4o-realtime-preview",
        "gpt-4o-realtime-preview-2024-10-01",
        "gpt-4o-realtime-preview-2024-12-17",
        "gpt-4o-realtime-preview-2025-06-03",
        "gpt-4o-mini-realtime-preview",
        "gpt-4o-mini-realtime-preview-2024-12-17",
        "gpt-realtime-mini",
        "gpt-realtime-mini-2025-10-06",
        "gpt-realtime-mini-2025-12-15",
        "gpt-audio-1.5",
        "gpt-audio-mini",
        "gpt-audio-mini-2025-10-06",
        "gpt-audio-mini-2025-12-15",
    ]
    | str
)
"""A realtime model's name; the named ones are known, any other is sent as it is."""

OutputModalities: TypeAlias = Annotated[
    Sequence[Literal["text", "audio"]], Length(1, 1, '["text"] or ["audio"], which brings its words')
]
Include: TypeAlias = Literal["item.input_audio_transcription.logprobs"]
MaxOutputTokens: TypeAlias = Annotated[int, Between(1, 4096)] | Literal["inf"]


@frozen(kw_only=True, repr=False, eq=False)
class TracingConfig(Model):
    """What a session's trace is called in the Traces Dashboard; `metadata` is any JSON object."""

    workflow_name: Maybe[str] = UNSET
    group_id: Maybe[str] = UNSET
    metadata: Maybe[Mapping[str, Any]] = UNSET


Tracing: TypeAlias = Literal["auto"] | TracingConfig


@frozen(kw_only=True, repr=False, eq=False)
class TokenLimits(Model):
    """The most tokens the conversation may have after the instructions."""

    post_instructions: Maybe[Annotated[int, Between(0, 10**9)]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RetentionRatioTruncation(Model):
    """When the conversation outgrows the model, keep this share of it, 0 to 1."""

    type: Literal["retention_ratio"] = "retention_ratio"
    retention_ratio: Annotated[float, Between(0.0, 1.0)]
    token_limits: Maybe[TokenLimits] = UNSET


Truncation: TypeAlias = Literal["auto", "disabled"] | RetentionRatioTruncation


@frozen(kw_only=True, repr=False, eq=False)
class Reasoning(Model):
    """How hard a reasoning model such as ``gpt-realtime-2.1`` thinks."""

    effort: Maybe[Literal["none", "minimal", "low", "medium", "high", "xhigh"]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeAudioInput(Model):
    """How the session hears. None turns transcription, noise reduction or turn detection off."""

    format: Maybe[AudioFormat] = UNSET
    transcription: Maybe[AudioTranscription | None] = UNSET
    noise_reduction: Maybe[NoiseReduction | None] = UNSET
    turn_detection: Maybe[TurnDetection | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeAudioOutput(Model):
    """How the session speaks; `speed` is a factor. The voice is fixed once the model has spoken."""

    format: Maybe[AudioFormat] = UNSET
    voice: Maybe[Voice] = UNSET
    speed: Maybe[Annotated[float, Between(0.25, 1.5)]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeAudioConfig(Model):
    """The audio of a realtime session, in and out."""

    input: Maybe[RealtimeAudioInput] = UNSET
    output: Maybe[RealtimeAudioOutput] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeSessionConfig(Model):
    """The settings of a realtime session. What is left out keeps the server's default.

    `output_modalities` is ``["audio"]`` (with a transcript) or ``["text"]``; `max_output_tokens` is 1 to 4096 or
    ``"inf"``.
    """

    type: Literal["realtime"] = "realtime"
    model: Maybe[RealtimeModel] = UNSET
    output_modalities: Maybe[OutputModalities] = UNSET
    instructions: Maybe[str] = UNSET
    audio: Maybe[RealtimeAudioConfig] = UNSET
    include: Maybe[Sequence[Include] | None] = UNSET
    tracing: Maybe[Tracing | None] = UNSET
    tools: Maybe[Sequence[Tool]] = UNSET
    tool_choice: Maybe[ToolChoice] = UNSET
    parallel_tool_calls: Maybe[bool] = UNSET
    reasoning: Maybe[Reasoning] = UNSET
    max_output_tokens: Maybe[MaxOutputTokens] = UNSET
    truncation: Maybe[Truncation] = UNSET
    prompt: Maybe[Prompt | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeSessionAudioInput(Model):
    """How a session hears; None is what is turned off."""

    format: Assigned[AudioFormat] = ABSENT
    transcription: Assigned[AudioTranscription | None] = ABSENT
    noise_reduction: Assigned[NoiseReduction | None] = ABSENT
    turn_detection: Assigned[TurnDetection | None] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeSessionAudioOutput(Model):
    """How a session speaks."""

    format: Assigned[AudioFormat] = ABSENT
    voice: Assigned[Voice] = ABSENT
    speed: Assigned[Annotated[float, Between(0.25, 1.5)]] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeSessionAudio(Model):
    """The audio of a session, in and out."""

    input: Assigned[RealtimeSessionAudioInput] = ABSENT
    output: Assigned[RealtimeSessionAudioOutput] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeSession(Model):
    """A realtime session as the server has it, with all defaults and None where nothing is set.

    `expires_at` is UNIX seconds, 0 until the session is opened. It is no request: for that there is
    `RealtimeSessionConfig`.
    """

    type: Literal["realtime"] = "realtime"
    id: Assigned[str] = ABSENT
    object: Assigned[Literal["realtime.session"]] = ABSENT
    model: Assigned[RealtimeModel] = ABSENT
    expires_at: Assigned[int | None] = ABSENT
    output_modalities: Assigned[Sequence[Literal["text", "audio"]]] = ABSENT
    instructions: Assigned[str] = ABSENT
    audio: Assigned[RealtimeSessionAudio] = ABSENT
    include: Assigned[Sequence[Include] | None] = ABSENT
    tracing: Assigned[Tracing | None] = ABSENT
    tools: Assigned[Sequence[Tool]] = ABSENT
    tool_choice: Assigned[ToolChoice] = ABSENT
    parallel_tool_calls: Maybe[bool] = UNSET
    reasoning: Maybe[Reasoning | None] = UNSET
    max_output_tokens: Assigned[MaxOutputTokens] = ABSENT
    truncation: Assigned[Truncation] = ABSENT
    prompt: Assigned[Prompt | None] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranscriptionAudioConfig(Model):
    """The audio of a transcription session: it only listens."""

    input: Maybe[RealtimeAudioInput] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranscriptionSessionConfig(Model):
    """The settings of a transcription session; the model goes into ``audio.input.transcription``."""

    type: Literal["transcription"] = "transcription"
    audio: Maybe[RealtimeTranscriptionAudioConfig] = UNSET
    include: Maybe[Sequence[Include] | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranscriptionSessionAudio(Model):
    """The audio of a transcription session."""

    input: Assigned[RealtimeSessionAudioInput] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranscriptionSession(Model):
    """A transcription session as the server has it. `expires_at` is UNIX seconds, 0 until it is opened."""

    type: Literal["transcription"] = "transcription"
    id: Assigned[str] = ABSENT
    object: Assigned[str] = ABSENT
    expires_at: Assigned[int | None] = ABSENT
    audio: Assigned[RealtimeTranscriptionSessionAudio] = ABSENT
    include: Assigned[Sequence[Include] | None] = ABSENT
