"""The events of translation sessions: nine of their own, and three that they share with realtime sessions.

From https://platform.openai.com/docs/api-reference/realtime-translation-server-events; no session was recorded yet.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from attrs import field, frozen

from .base import UNSET, Maybe, Model, abridged
from .base64 import MAX_AUDIO, Binary, audio_of, from_base64, to_base64
from .constraints import Length
from .events import ClientEvent, ServerEvent
from .server_events import Error, SessionCreated, SessionUpdated
from .translation import RealtimeTranslationAudioConfig

__all__ = [
    "Error",
    "RealtimeTranslationSessionUpdateRequest",
    "SessionClose",
    "SessionClosed",
    "SessionCreated",
    "SessionInputAudioBufferAppend",
    "SessionInputTranscriptDelta",
    "SessionOutputAudioDelta",
    "SessionOutputTranscriptDelta",
    "SessionUpdated",
    "TranslationSessionUpdate",
]


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranslationSessionUpdateRequest(Model):
    """What can be changed in a translation session."""

    audio: Maybe[RealtimeTranslationAudioConfig] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class TranslationSessionUpdate(ClientEvent):
    """Change the session. Answer: `SessionUpdated`."""

    type: Literal["session.update"] = "session.update"
    session: RealtimeTranslationSessionUpdateRequest


@frozen(kw_only=True, repr=False, eq=False)
class SessionInputAudioBufferAppend(ClientEvent):
    """Add audio, as base64 of PCM16, 24 kHz, mono; go on through silence, in steps of 200 ms. No answer."""

    type: Literal["session.input_audio_buffer.append"] = "session.input_audio_buffer.append"
    audio: Annotated[str, Length(0, MAX_AUDIO)] = field(repr=abridged)

    @classmethod
    def from_bytes(cls, audio: Binary) -> Self:
        """Make the event that adds `audio`, which is PCM16, 24 kHz, mono."""
        return cls(audio=to_base64(audio))

    def to_bytes(self) -> bytes:
        """Read the audio. Raises DecodeError if it is not base64."""
        return from_base64(self.audio)


@frozen(kw_only=True, repr=False, eq=False)
class SessionClose(ClientEvent):
    """There is no more audio. Answers: the rest of the translation, then `SessionClosed`."""

    type: Literal["session.close"] = "session.close"


@frozen(kw_only=True, repr=False, eq=False)
class SessionClosed(ServerEvent):
    """The translation is complete."""

    type: Literal["session.closed"] = "session.closed"


@frozen(kw_only=True, repr=False, eq=False)
class SessionInputTranscriptDelta(ServerEvent):
    """More of what was said, if the session transcribes; `elapsed_ms` is the place in the audio, for alignment."""

    type: Literal["session.input_transcript.delta"] = "session.input_transcript.delta"
    delta: str
    elapsed_ms: Maybe[int | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class SessionOutputTranscriptDelta(ServerEvent):
    """More of the translation's words."""

    type: Literal["session.output_transcript.delta"] = "session.output_transcript.delta"
    delta: str
    elapsed_ms: Maybe[int | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class SessionOutputAudioDelta(ServerEvent):
    """More of the translation's speech, 200 ms of PCM16."""

    type: Literal["session.output_audio.delta"] = "session.output_audio.delta"
    delta: str = field(repr=abridged)
    channels: Maybe[int] = UNSET
    sample_rate: Maybe[int] = UNSET
    format: Maybe[Literal["pcm16"]] = UNSET
    elapsed_ms: Maybe[int | None] = UNSET

    @property
    def audio(self) -> bytes:
        """The audio; empty if it is damaged, see `to_bytes`."""
        return audio_of(self.delta, "")

    def to_bytes(self) -> bytes:
        """Read the audio. Raises DecodeError if it is not base64."""
        return from_base64(self.delta)
