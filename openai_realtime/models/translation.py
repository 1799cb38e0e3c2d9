"""Translation sessions and their client secrets.

From https://platform.openai.com/docs/api-reference/realtime-sessions/create-realtime-translation-client-secret.
"""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from .base import UNSET, Maybe, Model, masked
from .client_secrets import ExpiresAfter
from .http import HTTPResult

__all__ = [
    "RealtimeTranslationAudioConfig",
    "RealtimeTranslationAudioInput",
    "RealtimeTranslationAudioOutput",
    "RealtimeTranslationClientSecretCreateRequest",
    "RealtimeTranslationClientSecretCreateResponse",
    "RealtimeTranslationSession",
    "RealtimeTranslationSessionConfig",
    "TranslationNoiseReduction",
    "TranslationTranscription",
]


@frozen(kw_only=True, repr=False, eq=False)
class TranslationTranscription(Model):
    """Transcription of the source language; the translation itself does not need it."""

    model: str


@frozen(kw_only=True, repr=False, eq=False)
class TranslationNoiseReduction(Model):
    """Filters the input audio; here `type` must be given."""

    type: Literal["near_field", "far_field"]
    strength: Maybe[float] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranslationAudioInput(Model):
    """How the session hears. None turns transcription or noise reduction off."""

    transcription: Maybe[TranslationTranscription | None] = UNSET
    noise_reduction: Maybe[TranslationNoiseReduction | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranslationAudioOutput(Model):
    """The language to translate into, as an ISO-639-1 code."""

    language: Maybe[str] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranslationAudioConfig(Model):
    """The audio of a translation session, in and out."""

    input: Maybe[RealtimeTranslationAudioInput] = UNSET
    output: Maybe[RealtimeTranslationAudioOutput] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranslationSessionConfig(Model):
    """The settings of a translation session; `model` is fixed at creation (``gpt-realtime-translate``)."""

    model: str
    audio: Maybe[RealtimeTranslationAudioConfig] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranslationSession(Model):
    """A translation session as the server has it; `expires_at` is UNIX seconds."""

    id: str
    type: Literal["translation"] = "translation"
    expires_at: int
    model: str
    audio: RealtimeTranslationAudioConfig


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranslationClientSecretCreateRequest(Model):
    """Body of POST /realtime/translations/client_secrets."""

    session: RealtimeTranslationSessionConfig
    expires_after: Maybe[ExpiresAfter] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeTranslationClientSecretCreateResponse(HTTPResult):
    """A client secret (``ek_...``) for translation, until `expires_at` (UNIX seconds), and its session."""

    value: str = field(repr=masked)
    expires_at: int
    session: RealtimeTranslationSession
