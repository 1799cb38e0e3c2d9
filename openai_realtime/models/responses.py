"""Responses: what you ask for, what the server answers, and what it cost.

From https://platform.openai.com/docs/api-reference/realtime-server-events/response/done; `reasoning_tokens` is from
recorded traffic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from attrs import field, frozen

from .audio import AudioFormat, Voice
from .base import ABSENT, UNSET, Assigned, Maybe, Model, redacted
from .constraints import Length
from .items import AssistantMessage, FunctionCall, Item, ResponseInputItem
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
    instructions: Maybe[str | None] = UNSET
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

    type: Assigned[str | None] = ABSENT
    code: Assigned[str | None] = ABSENT
    message: Assigned[str | None] = field(default=ABSENT, repr=redacted)
    param: Maybe[str | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeResponseStatus(Model):
    """Why a response ended as it did: `reason` if it was cut short, `error` if it failed."""

    type: Assigned[Literal["completed", "cancelled", "incomplete", "failed"]] = ABSENT
    reason: Maybe[Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"] | None] = UNSET
    error: Maybe[FailureDetails | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class CachedTokenDetails(Model):
    """Input tokens that came from the cache, by kind."""

    text_tokens: Assigned[int] = ABSENT
    audio_tokens: Assigned[int] = ABSENT
    image_tokens: Assigned[int] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class InputTokenDetails(Model):
    """Input tokens by kind; `cached_tokens` of them came from the cache."""

    text_tokens: Assigned[int] = ABSENT
    audio_tokens: Assigned[int] = ABSENT
    image_tokens: Assigned[int] = ABSENT
    cached_tokens: Assigned[int] = ABSENT
    cached_tokens_details: Assigned[CachedTokenDetails | None] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class OutputTokenDetails(Model):
    """Output tokens by kind; `reasoning_tokens` of them were thought and not said."""

    text_tokens: Assigned[int] = ABSENT
    audio_tokens: Assigned[int] = ABSENT
    reasoning_tokens: Maybe[int] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeResponseUsage(Model):
    """What a response cost, in tokens."""

    total_tokens: Assigned[int] = ABSENT
    input_tokens: Assigned[int] = ABSENT
    output_tokens: Assigned[int] = ABSENT
    input_token_details: Assigned[InputTokenDetails | None] = ABSENT
    output_token_details: Assigned[OutputTokenDetails | None] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeResponse(Model):
    """A response as the server has it. `usage` and `status_details` are null until there is something to say."""

    id: Assigned[str] = ABSENT
    object: Maybe[Literal["realtime.response"]] = UNSET
    status: Assigned[Literal["completed", "cancelled", "failed", "incomplete", "in_progress"]] = ABSENT
    status_details: Assigned[RealtimeResponseStatus | None] = ABSENT
    output: Assigned[Sequence[Item]] = ABSENT
    conversation_id: Assigned[str | None] = ABSENT
    output_modalities: Assigned[Sequence[Literal["text", "audio"]]] = ABSENT
    max_output_tokens: Assigned[int | Literal["inf"] | None] = ABSENT
    audio: Assigned[ResponseAudioConfig | None] = ABSENT
    usage: Assigned[RealtimeResponseUsage | None] = ABSENT
    metadata: Assigned[Mapping[str, str] | None] = ABSENT

    @property
    def text(self) -> str:
        """What the model said; of speech the transcript."""
        messages = (item for item in _listed(self.output) if isinstance(item, AssistantMessage))
        return "".join(_words(part) for message in messages for part in _listed(message.content))

    @property
    def function_calls(self) -> list[FunctionCall]:
        """The functions that the model wants to be called before it answers; none if this is its answer."""
        return [item for item in _listed(self.output) if isinstance(item, FunctionCall)]


def _listed(value: Any) -> Sequence[Any]:
    """Return a list as a server sent it; an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def _words(part: Any) -> str:
    """Return the words of a part of a message, which a server may send without any."""
    found = getattr(part, "text", None) or getattr(part, "transcript", None)
    return found if isinstance(found, str) else ""
