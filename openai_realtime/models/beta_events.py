"""The beta's events, as they really were on the wire: those that today's API lacks, or has in another shape.

The public spec gives the beta's deltas today's names; servers that speak the beta do not. From recorded traffic and
https://platform.openai.com/docs/guides/realtime#beta-to-ga-migration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from attrs import field, frozen

from .audio import Voice
from .base import UNSET, Between, Maybe, Model, abridged
from .beta import (
    BetaAudioFormat,
    BetaModalities,
    RealtimeSessionCreateRequest,
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionSessionCreateRequest,
    RealtimeTranscriptionSessionCreateResponse,
)
from .binary import from_base64
from .events import ClientEvent, ContentEvent, ServerEvent
from .items import ResponseInputItem
from .responses import Metadata, RealtimeResponse
from .server_events import ResponseCreated, ResponseDone, SessionCreated, SessionUpdated
from .sessions import MaxOutputTokens, Prompt
from .tools import FunctionTool, ToolChoice

__all__ = [
    "BetaRealtimeResponse",
    "BetaResponseConfig",
    "BetaResponseCreate",
    "BetaResponseCreated",
    "BetaResponseDone",
    "BetaSessionCreated",
    "BetaSessionUpdate",
    "BetaSessionUpdated",
    "ResponseAudioDelta",
    "ResponseAudioDone",
    "ResponseAudioTranscriptDelta",
    "ResponseAudioTranscriptDone",
    "ResponseTextDelta",
    "ResponseTextDone",
    "TranscriptionSessionCreated",
    "TranscriptionSessionUpdate",
    "TranscriptionSessionUpdated",
]

# --- client ----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False, eq=False)
class BetaSessionUpdate(ClientEvent):
    """Change the session. Answer: `BetaSessionUpdated`."""

    type: Literal["session.update"] = "session.update"
    session: RealtimeSessionCreateRequest


@frozen(kw_only=True, repr=False, eq=False)
class TranscriptionSessionUpdate(ClientEvent):
    """Change the transcription session. Answer: `TranscriptionSessionUpdated`."""

    type: Literal["transcription_session.update"] = "transcription_session.update"
    session: RealtimeTranscriptionSessionCreateRequest


@frozen(kw_only=True, repr=False, eq=False)
class BetaResponseConfig(Model):
    """The settings of one response, where they differ from the session's. The token limit goes by two names."""

    modalities: Maybe[BetaModalities] = UNSET
    instructions: Maybe[str] = UNSET
    voice: Maybe[Voice] = UNSET
    output_audio_format: Maybe[BetaAudioFormat] = UNSET
    tools: Maybe[Sequence[FunctionTool]] = UNSET
    tool_choice: Maybe[ToolChoice | str] = UNSET
    temperature: Maybe[Annotated[float, Between(0.6, 1.2)]] = UNSET
    max_output_tokens: Maybe[MaxOutputTokens] = UNSET
    max_response_output_tokens: Maybe[MaxOutputTokens] = UNSET
    conversation: Maybe[Literal["auto", "none"] | str] = UNSET
    metadata: Maybe[Metadata | None] = UNSET
    prompt: Maybe[Prompt | None] = UNSET
    input: Maybe[Sequence[ResponseInputItem]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class BetaResponseCreate(ClientEvent):
    """Make the model respond. Answers: `BetaResponseCreated` to `BetaResponseDone`."""

    type: Literal["response.create"] = "response.create"
    response: Maybe[BetaResponseConfig] = UNSET


# --- server ----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False, eq=False)
class BetaSessionCreated(SessionCreated):
    """The first event of a session, with its defaults."""

    session: RealtimeSessionCreateResponse


@frozen(kw_only=True, repr=False, eq=False)
class BetaSessionUpdated(SessionUpdated):
    """The whole session, after ``session.update``."""

    session: RealtimeSessionCreateResponse


@frozen(kw_only=True, repr=False, eq=False)
class TranscriptionSessionCreated(ServerEvent):
    """The first event of a transcription session, with its defaults."""

    type: Literal["transcription_session.created"] = "transcription_session.created"
    session: RealtimeTranscriptionSessionCreateResponse


@frozen(kw_only=True, repr=False, eq=False)
class TranscriptionSessionUpdated(ServerEvent):
    """The whole transcription session, after ``transcription_session.update``."""

    type: Literal["transcription_session.updated"] = "transcription_session.updated"
    session: RealtimeTranscriptionSessionCreateResponse


@frozen(kw_only=True, repr=False, eq=False)
class BetaRealtimeResponse(RealtimeResponse):
    """A response in the beta's fields, the current ones, or a mix."""

    modalities: Maybe[Sequence[Literal["text", "audio"]]] = UNSET
    voice: Maybe[Voice | None] = UNSET
    output_audio_format: Maybe[BetaAudioFormat | str | None] = UNSET
    temperature: Maybe[float | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class BetaResponseCreated(ResponseCreated):
    """A response has begun."""

    response: BetaRealtimeResponse


@frozen(kw_only=True, repr=False, eq=False)
class BetaResponseDone(ResponseDone):
    """A response has ended, well or not: see its `status`."""

    response: BetaRealtimeResponse


@frozen(kw_only=True, repr=False, eq=False)
class ResponseTextDelta(ContentEvent):
    """More of the model's text."""

    type: Literal["response.text.delta"] = "response.text.delta"
    delta: str


@frozen(kw_only=True, repr=False, eq=False)
class ResponseTextDone(ContentEvent):
    """All of the model's text."""

    type: Literal["response.text.done"] = "response.text.done"
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class ResponseAudioDelta(ContentEvent):
    """More of the model's speech."""

    type: Literal["response.audio.delta"] = "response.audio.delta"
    delta: str = field(repr=abridged)

    @property
    def audio(self) -> bytes:
        """The audio, in the session's output format. Raises DecodeError if it is not base64."""
        return from_base64(self.delta)


@frozen(kw_only=True, repr=False, eq=False)
class ResponseAudioDone(ContentEvent):
    """The model's speech is complete."""

    type: Literal["response.audio.done"] = "response.audio.done"


@frozen(kw_only=True, repr=False, eq=False)
class ResponseAudioTranscriptDelta(ContentEvent):
    """More of the words of the model's speech."""

    type: Literal["response.audio_transcript.delta"] = "response.audio_transcript.delta"
    delta: str


@frozen(kw_only=True, repr=False, eq=False)
class ResponseAudioTranscriptDone(ContentEvent):
    """All the words of the model's speech."""

    type: Literal["response.audio_transcript.done"] = "response.audio_transcript.done"
    transcript: str
