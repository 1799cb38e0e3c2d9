"""Responses: what you ask for, what the server answers, and what it cost.

From https://platform.openai.com/docs/api-reference/realtime-server-events/response/done; `reasoning_tokens` is from
recorded traffic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from attrs import field, frozen

from .audio import AudioFormat, Voice
from .base import UNSET, Maybe, Model, redacted
from .constraints import Length
from .items import Item, ResponseInputItem
from .prompts import Prompt
from .sessions import MaxOutputTokens, OutputModalities, Reasoning
from .tools import Tool, ToolChoice

__all__ = [
    "CachedTokenDetails",
    "FailureDetails",
    "InputTokenDetails",
    "Metadata",
    "OutputTokenDetails",
    "RealtimeResponse",
    "RealtimeResponseStatus",
    "RealtimeResponseUsage",
    "ResponseAudioConfig",
    "ResponseAudioOutput",
    "ResponseConfig",
]

Metadata: TypeAlias = Annotated[Mapping[str, Annotated[str, Length(0, 512)]], Length(0, 16)]
"""Up to 16 texts of up to 512 characters, by names of up to 64."""


@frozen(kw_only=True, repr=False, eq=False)
class ResponseAudioOutput(Model):
    """How a response speaks."""

    format: Maybe[AudioFormat] = UNSET
    voice: Maybe[Voice] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseAudioConfig(Model):
    """The audio of a response."""

    output: Maybe[ResponseAudioOutput] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseConfig(Model):
    """The settings of one response, where they differ from the session's.

    `conversation` ``"none"`` keeps the response out of the conversation; such responses run side by side, and
    `metadata` tells them apart. `input` takes the place of the conversation, an empty one too.
    """

    output_modalities: Maybe[OutputModalities] = UNSET
    instructions: Maybe[str] = UNSET
    audio: Maybe[ResponseAudioConfig] = UNSET
    conversation: Maybe[Literal["auto", "none"] | str] = UNSET
    input: Maybe[Sequence[ResponseInputItem]] = UNSET
    metadata: Maybe[Metadata | None] = UNSET
    tools: Maybe[Sequence[Tool]] = UNSET
    tool_choice: Maybe[ToolChoice] = UNSET
    parallel_tool_calls: Maybe[bool] = UNSET
    reasoning: Maybe[Reasoning] = UNSET
    max_output_tokens: Maybe[MaxOutputTokens] = UNSET
    prompt: Maybe[Prompt | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class FailureDetails(Model):
    """Why a response or a transcription failed."""

    type: Maybe[str | None] = UNSET
    code: Maybe[str | None] = UNSET
    message: Maybe[str | None] = field(default=UNSET, repr=redacted)
    param: Maybe[str | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeResponseStatus(Model):
    """Why a response ended as it did: `reason` if it was cut short, `error` if it failed."""

    type: Maybe[Literal["completed", "cancelled", "incomplete", "failed"]] = UNSET
    reason: Maybe[Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"] | None] = UNSET
    error: Maybe[FailureDetails | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class CachedTokenDetails(Model):
    """Input tokens that came from the cache, by kind."""

    text_tokens: Maybe[int] = UNSET
    audio_tokens: Maybe[int] = UNSET
    image_tokens: Maybe[int] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class InputTokenDetails(Model):
    """Input tokens by kind; `cached_tokens` of them came from the cache."""

    text_tokens: Maybe[int] = UNSET
    audio_tokens: Maybe[int] = UNSET
    image_tokens: Maybe[int] = UNSET
    cached_tokens: Maybe[int] = UNSET
    cached_tokens_details: Maybe[CachedTokenDetails | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class OutputTokenDetails(Model):
    """Output tokens by kind; `reasoning_tokens` of them were thought and not said."""

    text_tokens: Maybe[int] = UNSET
    audio_tokens: Maybe[int] = UNSET
    reasoning_tokens: Maybe[int] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeResponseUsage(Model):
    """What a response cost, in tokens."""

    total_tokens: Maybe[int] = UNSET
    input_tokens: Maybe[int] = UNSET
    output_tokens: Maybe[int] = UNSET
    input_token_details: Maybe[InputTokenDetails | None] = UNSET
    output_token_details: Maybe[OutputTokenDetails | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeResponse(Model):
    """A response as the server has it. `usage` and `status_details` are null until there is something to say."""

    id: Maybe[str] = UNSET
    object: Maybe[Literal["realtime.response"]] = UNSET
    status: Maybe[Literal["completed", "cancelled", "failed", "incomplete", "in_progress"]] = UNSET
    status_details: Maybe[RealtimeResponseStatus | None] = UNSET
    output: Maybe[Sequence[Item]] = UNSET
    conversation_id: Maybe[str | None] = UNSET
    output_modalities: Maybe[Sequence[Literal["text", "audio"]]] = UNSET
    max_output_tokens: Maybe[int | Literal["inf"] | None] = UNSET
    audio: Maybe[ResponseAudioConfig | None] = UNSET
    usage: Maybe[RealtimeResponseUsage | None] = UNSET
    metadata: Maybe[Mapping[str, str] | None] = UNSET
