"""The beta's sessions: POST /realtime/sessions and POST /realtime/transcription_sessions.

The API ended the beta on 2026-05-12; dated Azure versions and compatible servers still have it. The public spec asks
for a ``client_secret`` in the request and leaves it out of the answer; on the wire it is the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from attrs import field, frozen

from .audio import AudioTranscription, NoiseReduction, Voice
from .base import LOCAL, NOT_RECEIVED, UNSET, Maybe, Model, abridged, masked
from .base64 import audio_of, from_base64
from .client_secrets import ExpiresAfter
from .constraints import Between, Length
from .events import ClientEvent, ContentEvent, ServerEvent
from .http import HTTPInfo
from .items import ResponseInputItem
from .prompts import Prompt
from .responses import Metadata, RealtimeResponse
from .server_events import ResponseCreated, ResponseDone, SessionCreated, SessionUpdated
from .sessions import MaxOutputTokens, RealtimeModel, RealtimeSession, RealtimeTranscriptionSession, Tracing, Truncation
from .tools import FunctionTool, ToolChoice

__all__ = [
    "BetaAudioFormat",
    "BetaClientSecret",
    "BetaClientSecretConfig",
    "BetaRealtimeResponse",
    "BetaResponseConfig",
    "BetaResponseCreate",
    "BetaResponseCreated",
    "BetaResponseDone",
    "BetaSessionCreated",
    "BetaSessionUpdate",
    "BetaSessionUpdated",
    "BetaTranscriptionClientSecretConfig",
    "BetaTurnDetection",
    "RealtimeSessionCreateRequest",
    "RealtimeSessionCreateResponse",
    "RealtimeTranscriptionSessionCreateRequest",
    "RealtimeTranscriptionSessionCreateResponse",
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

BetaAudioFormat: TypeAlias = Literal["pcm16", "g711_ulaw", "g711_alaw"]
BetaModalities: TypeAlias = Annotated[Sequence[Literal["text", "audio"]], Length(1, 2)]


@frozen(kw_only=True, repr=False, eq=False)
class BetaTurnDetection(Model):
    """Turn detection of the beta, both kinds in one object. Times are milliseconds, `threshold` is 0 to 1."""

    type: Maybe[Literal["server_vad", "semantic_vad"]] = UNSET
    threshold: Maybe[Annotated[float, Between(0.0, 1.0)]] = UNSET
    prefix_padding_ms: Maybe[Annotated[int, Between(0, 10**9)]] = UNSET
    silence_duration_ms: Maybe[Annotated[int, Between(0, 10**9)]] = UNSET
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
    http: HTTPInfo = field(default=NOT_RECEIVED, eq=False, repr=False, metadata=LOCAL)


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
    http: HTTPInfo = field(default=NOT_RECEIVED, eq=False, repr=False, metadata=LOCAL)


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
        """The audio, in the session's output format; empty if it is damaged, see `to_bytes`."""
        return audio_of(self.delta, self.item_id)

    def to_bytes(self) -> bytes:
        """Read the audio. Raises DecodeError if it is not base64."""
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
