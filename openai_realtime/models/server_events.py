"""The events a server sends. From https://platform.openai.com/docs/api-reference/realtime-server-events.

`obfuscation`, padding against eavesdroppers who measure lengths, and Azure's `content` are from recorded traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attrs import field, frozen

from .base import ABSENT, UNSET, Assigned, Maybe, Model, UnknownObject, abridged, redacted
from .base64 import audio_of, from_base64
from .events import ContentEvent, ItemEvent, OutputEvent, ServerEvent
from .items import Item, Part
from .responses import FailureDetails, InputTokenDetails, RealtimeResponse
from .sessions import RealtimeSession, RealtimeTranscriptionSession
from .translation import RealtimeTranslationSession

__all__ = [
    "ConversationCreated",
    "ConversationItemAdded",
    "ConversationItemCreated",
    "ConversationItemDeleted",
    "ConversationItemDone",
    "ConversationItemInputAudioTranscriptionCompleted",
    "ConversationItemInputAudioTranscriptionDelta",
    "ConversationItemInputAudioTranscriptionFailed",
    "ConversationItemInputAudioTranscriptionSegment",
    "ConversationItemRetrieved",
    "ConversationItemTruncated",
    "ConversationResource",
    "Error",
    "ErrorDetails",
    "InputAudioBufferCleared",
    "InputAudioBufferCommitted",
    "InputAudioBufferDtmfEventReceived",
    "InputAudioBufferSpeechStarted",
    "InputAudioBufferSpeechStopped",
    "InputAudioBufferTimeoutTriggered",
    "LogProb",
    "McpListToolsCompleted",
    "McpListToolsFailed",
    "McpListToolsInProgress",
    "OutputAudioBufferCleared",
    "OutputAudioBufferStarted",
    "OutputAudioBufferStopped",
    "RateLimitStatus",
    "RateLimitsUpdated",
    "ResponseContentPartAdded",
    "ResponseContentPartDone",
    "ResponseCreated",
    "ResponseDone",
    "ResponseFunctionCallArgumentsDelta",
    "ResponseFunctionCallArgumentsDone",
    "ResponseMcpCallArgumentsDelta",
    "ResponseMcpCallArgumentsDone",
    "ResponseMcpCallCompleted",
    "ResponseMcpCallFailed",
    "ResponseMcpCallInProgress",
    "ResponseOutputAudioDelta",
    "ResponseOutputAudioDone",
    "ResponseOutputAudioTranscriptDelta",
    "ResponseOutputAudioTranscriptDone",
    "ResponseOutputItemAdded",
    "ResponseOutputItemDone",
    "ResponseOutputTextDelta",
    "ResponseOutputTextDone",
    "SessionCreated",
    "SessionUpdated",
    "TranscriptionDurationUsage",
    "TranscriptionLanguage",
    "TranscriptionTokenUsage",
]


@frozen(kw_only=True, repr=False, eq=False)
class ErrorDetails(Model):
    """What went wrong; `event_id` is the client event's that caused it, if there was one and it had one."""

    type: str
    code: Assigned[str | None] = ABSENT
    message: str = field(repr=redacted)
    param: Assigned[str | None] = ABSENT
    event_id: Assigned[str | None] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class Error(ServerEvent):
    """Something went wrong. The session goes on, unless the server closes it at once."""

    type: Literal["error"] = "error"
    error: ErrorDetails


@frozen(kw_only=True, repr=False, eq=False)
class SessionCreated(ServerEvent):
    """The first event of a session, with its defaults."""

    type: Literal["session.created"] = "session.created"
    session: RealtimeSession | RealtimeTranscriptionSession | RealtimeTranslationSession | UnknownObject


@frozen(kw_only=True, repr=False, eq=False)
class SessionUpdated(ServerEvent):
    """The whole session, after ``session.update``."""

    type: Literal["session.updated"] = "session.updated"
    session: RealtimeSession | RealtimeTranscriptionSession | RealtimeTranslationSession | UnknownObject


@frozen(kw_only=True, repr=False, eq=False)
class RateLimitStatus(Model):
    """What is left of a limit, and the seconds until it is full again."""

    name: Assigned[Literal["requests", "tokens"]] = ABSENT
    limit: Assigned[int] = ABSENT
    remaining: Assigned[int] = ABSENT
    reset_seconds: Assigned[float] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class RateLimitsUpdated(ServerEvent):
    """The rate limits, mostly a moment after ``response.done``; not every server sends them."""

    type: Literal["rate_limits.updated"] = "rate_limits.updated"
    rate_limits: Sequence[RateLimitStatus]


# Milliseconds count from the first byte of audio in the session.


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferSpeechStarted(ItemEvent):
    """Speech began. `item_id` is the user message's that will be; the prefix padding is already taken off."""

    type: Literal["input_audio_buffer.speech_started"] = "input_audio_buffer.speech_started"
    audio_start_ms: int


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferSpeechStopped(ItemEvent):
    """Speech ended; the silence that told is in `audio_end_ms`."""

    type: Literal["input_audio_buffer.speech_stopped"] = "input_audio_buffer.speech_stopped"
    audio_end_ms: int


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferCommitted(ItemEvent):
    """The buffered audio becomes the user message `item_id`."""

    type: Literal["input_audio_buffer.committed"] = "input_audio_buffer.committed"
    previous_item_id: Assigned[str | None] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferCleared(ServerEvent):
    """The buffered audio is gone."""

    type: Literal["input_audio_buffer.cleared"] = "input_audio_buffer.cleared"


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferTimeoutTriggered(ItemEvent):
    """Nobody spoke for ``idle_timeout_ms``; the silence becomes a message and the model speaks up."""

    type: Literal["input_audio_buffer.timeout_triggered"] = "input_audio_buffer.timeout_triggered"
    audio_start_ms: int
    audio_end_ms: int


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferDtmfEventReceived(ServerEvent):
    """A caller pressed the key `event` (SIP only) at `received_at`, UNIX seconds. It has no `event_id`."""

    type: Literal["input_audio_buffer.dtmf_event_received"] = "input_audio_buffer.dtmf_event_received"
    event: str
    received_at: int


@frozen(kw_only=True, repr=False, eq=False)
class ConversationResource(Model):
    """A conversation."""

    id: Assigned[str] = ABSENT
    object: Maybe[Literal["realtime.conversation"]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ConversationCreated(ServerEvent):
    """The session's conversation; the API no longer sends it, compatible servers do."""

    type: Literal["conversation.created"] = "conversation.created"
    conversation: ConversationResource


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemCreated(ServerEvent):
    """An item was added, in the beta's words."""

    type: Literal["conversation.item.created"] = "conversation.item.created"
    previous_item_id: Assigned[str | None] = ABSENT
    item: Item


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemAdded(ServerEvent):
    """An item was added after `previous_item_id`, null for the first; the model's are still empty."""

    type: Literal["conversation.item.added"] = "conversation.item.added"
    previous_item_id: Assigned[str | None] = ABSENT
    item: Item


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemDone(ServerEvent):
    """An item is complete. Its `previous_item_id` can be null where ``conversation.item.added`` had one."""

    type: Literal["conversation.item.done"] = "conversation.item.done"
    previous_item_id: Assigned[str | None] = ABSENT
    item: Item


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemRetrieved(ServerEvent):
    """An item as the server has it, with its audio."""

    type: Literal["conversation.item.retrieved"] = "conversation.item.retrieved"
    item: Item


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemDeleted(ItemEvent):
    """An item is gone."""

    type: Literal["conversation.item.deleted"] = "conversation.item.deleted"


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemTruncated(ItemEvent):
    """The model's audio was cut at `audio_end_ms`, and its transcript was taken away."""

    type: Literal["conversation.item.truncated"] = "conversation.item.truncated"
    content_index: int
    audio_end_ms: int


@frozen(kw_only=True, repr=False, eq=False)
class LogProb(Model):
    """How likely a token was: `logprob` is the natural logarithm, `bytes` the token's UTF-8."""

    token: str
    logprob: float
    bytes: Sequence[int]


@frozen(kw_only=True, repr=False, eq=False)
class TranscriptionLanguage(Model):
    """A language that was heard."""

    code: str


@frozen(kw_only=True, repr=False, eq=False)
class TranscriptionTokenUsage(Model):
    """What a transcription cost, on models that charge by the token."""

    type: Literal["tokens"] = "tokens"
    total_tokens: int
    input_tokens: int
    output_tokens: int
    input_token_details: Assigned[InputTokenDetails] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class TranscriptionDurationUsage(Model):
    """What a transcription cost, on models that charge by the second of audio."""

    type: Literal["duration"] = "duration"
    seconds: float


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemInputAudioTranscriptionDelta(ItemEvent):
    """More of what the user says; some models send it during the speech."""

    type: Literal["conversation.item.input_audio_transcription.delta"] = (
        "conversation.item.input_audio_transcription.delta"
    )
    content_index: Assigned[int] = ABSENT
    delta: Assigned[str] = ABSENT
    logprobs: Maybe[Sequence[LogProb] | None] = UNSET
    obfuscation: Maybe[str] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemInputAudioTranscriptionSegment(ItemEvent):
    """A speaker's stretch of the audio, from `start` to `end` seconds."""

    type: Literal["conversation.item.input_audio_transcription.segment"] = (
        "conversation.item.input_audio_transcription.segment"
    )
    content_index: int
    id: str
    speaker: str
    start: float
    end: float
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemInputAudioTranscriptionCompleted(ItemEvent):
    """All that the user said; it may come even after the response. Old servers leave `usage` out."""

    type: Literal["conversation.item.input_audio_transcription.completed"] = (
        "conversation.item.input_audio_transcription.completed"
    )
    content_index: int
    transcript: str
    usage: Assigned[TranscriptionTokenUsage | TranscriptionDurationUsage | UnknownObject] = ABSENT
    languages: Maybe[Sequence[TranscriptionLanguage]] = UNSET
    logprobs: Maybe[Sequence[LogProb] | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemInputAudioTranscriptionFailed(ItemEvent):
    """The user's audio could not be transcribed."""

    type: Literal["conversation.item.input_audio_transcription.failed"] = (
        "conversation.item.input_audio_transcription.failed"
    )
    content_index: int
    error: FailureDetails


@frozen(kw_only=True, repr=False, eq=False)
class ResponseCreated(ServerEvent):
    """A response has begun."""

    type: Literal["response.created"] = "response.created"
    response: RealtimeResponse


@frozen(kw_only=True, repr=False, eq=False)
class ResponseDone(ServerEvent):
    """A response has ended, well or not: see its `status`. It holds all items, but no audio."""

    type: Literal["response.done"] = "response.done"
    response: RealtimeResponse


@frozen(kw_only=True, repr=False, eq=False)
class ResponseOutputItemAdded(ServerEvent):
    """The response has begun an item."""

    type: Literal["response.output_item.added"] = "response.output_item.added"
    response_id: str
    output_index: int
    item: Item


@frozen(kw_only=True, repr=False, eq=False)
class ResponseOutputItemDone(ServerEvent):
    """The response has ended an item."""

    type: Literal["response.output_item.done"] = "response.output_item.done"
    response_id: str
    output_index: int
    item: Item


@frozen(kw_only=True, repr=False, eq=False)
class ResponseContentPartAdded(ContentEvent):
    """The item has begun a content part. Azure sends it twice, as `content` too."""

    type: Literal["response.content_part.added"] = "response.content_part.added"
    part: Part
    content: Maybe[Part] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseContentPartDone(ContentEvent):
    """The item has ended a content part. Azure sends it twice, as `content` too."""

    type: Literal["response.content_part.done"] = "response.content_part.done"
    part: Part
    content: Maybe[Part] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseOutputTextDelta(ContentEvent):
    """More of the model's text."""

    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    delta: str
    obfuscation: Maybe[str] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseOutputTextDone(ContentEvent):
    """All of the model's text."""

    type: Literal["response.output_text.done"] = "response.output_text.done"
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class ResponseOutputAudioDelta(ContentEvent):
    """More of the model's speech, about a quarter of a second; it comes faster than it plays."""

    type: Literal["response.output_audio.delta"] = "response.output_audio.delta"
    delta: str = field(repr=abridged)

    @property
    def audio(self) -> bytes:
        """The audio, in the session's output format; empty if it is damaged, see `to_bytes`."""
        return audio_of(self.delta, self.item_id)

    def to_bytes(self) -> bytes:
        """Read the audio. Raises DecodeError if it is not base64."""
        return from_base64(self.delta)


@frozen(kw_only=True, repr=False, eq=False)
class ResponseOutputAudioDone(ContentEvent):
    """The model's speech is complete."""

    type: Literal["response.output_audio.done"] = "response.output_audio.done"


@frozen(kw_only=True, repr=False, eq=False)
class ResponseOutputAudioTranscriptDelta(ContentEvent):
    """More of the words of the model's speech, ahead of the audio."""

    type: Literal["response.output_audio_transcript.delta"] = "response.output_audio_transcript.delta"
    delta: str
    obfuscation: Maybe[str] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseOutputAudioTranscriptDone(ContentEvent):
    """All the words of the model's speech."""

    type: Literal["response.output_audio_transcript.done"] = "response.output_audio_transcript.done"
    transcript: str


@frozen(kw_only=True, repr=False, eq=False)
class ResponseFunctionCallArgumentsDelta(OutputEvent):
    """More of a function call's arguments."""

    type: Literal["response.function_call_arguments.delta"] = "response.function_call_arguments.delta"
    call_id: str
    delta: str
    obfuscation: Maybe[str] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseFunctionCallArgumentsDone(OutputEvent):
    """All of a function call's arguments, as JSON text."""

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    call_id: str
    name: str
    arguments: str


@frozen(kw_only=True, repr=False, eq=False)
class ResponseMcpCallArgumentsDelta(OutputEvent):
    """More of an MCP call's arguments."""

    type: Literal["response.mcp_call_arguments.delta"] = "response.mcp_call_arguments.delta"
    delta: str
    obfuscation: Maybe[str | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseMcpCallArgumentsDone(OutputEvent):
    """All of an MCP call's arguments, as JSON text."""

    type: Literal["response.mcp_call_arguments.done"] = "response.mcp_call_arguments.done"
    arguments: str


@frozen(kw_only=True, repr=False, eq=False)
class ResponseMcpCallInProgress(ItemEvent):
    """The server calls an MCP tool; this may come after ``response.done``."""

    type: Literal["response.mcp_call.in_progress"] = "response.mcp_call.in_progress"
    output_index: int


@frozen(kw_only=True, repr=False, eq=False)
class ResponseMcpCallCompleted(ItemEvent):
    """An MCP tool answered."""

    type: Literal["response.mcp_call.completed"] = "response.mcp_call.completed"
    output_index: int


@frozen(kw_only=True, repr=False, eq=False)
class ResponseMcpCallFailed(ItemEvent):
    """The call of an MCP tool failed; why is in the item."""

    type: Literal["response.mcp_call.failed"] = "response.mcp_call.failed"
    output_index: int


@frozen(kw_only=True, repr=False, eq=False)
class McpListToolsInProgress(ItemEvent):
    """The server asks an MCP server for its tools."""

    type: Literal["mcp_list_tools.in_progress"] = "mcp_list_tools.in_progress"


@frozen(kw_only=True, repr=False, eq=False)
class McpListToolsCompleted(ItemEvent):
    """The tools are listed in the item `item_id`, which may come before or after this."""

    type: Literal["mcp_list_tools.completed"] = "mcp_list_tools.completed"


@frozen(kw_only=True, repr=False, eq=False)
class McpListToolsFailed(ItemEvent):
    """The MCP server's tools could not be listed."""

    type: Literal["mcp_list_tools.failed"] = "mcp_list_tools.failed"


@frozen(kw_only=True, repr=False, eq=False)
class OutputAudioBufferStarted(ServerEvent):
    """The server began to play the response's audio."""

    type: Literal["output_audio_buffer.started"] = "output_audio_buffer.started"
    response_id: str


@frozen(kw_only=True, repr=False, eq=False)
class OutputAudioBufferStopped(ServerEvent):
    """All of the response's audio was played; this comes after ``response.done``."""

    type: Literal["output_audio_buffer.stopped"] = "output_audio_buffer.stopped"
    response_id: str


@frozen(kw_only=True, repr=False, eq=False)
class OutputAudioBufferCleared(ServerEvent):
    """The playback was cut off: the user spoke, or the client asked."""

    type: Literal["output_audio_buffer.cleared"] = "output_audio_buffer.cleared"
    response_id: str
