"""Client secrets: what mints one, and what comes back."""

from __future__ import annotations

from typing import Annotated, Literal

from attrs import field, frozen

from .base import UNSET, Maybe, Model, UnknownObject, masked
from .constraints import Between
from .http import HTTPResult
from .sessions import (
    RealtimeSession,
    RealtimeSessionConfig,
    RealtimeTranscriptionSession,
    RealtimeTranscriptionSessionConfig,
)

__all__ = ["ExpiresAfter", "RealtimeCreateClientSecretRequest", "RealtimeCreateClientSecretResponse"]


@frozen(kw_only=True, repr=False, eq=False)
class ExpiresAfter(Model):
    """How long a client secret opens sessions: 10 to 7200 seconds, 600 if not given. A started session outlives it."""

    anchor: Maybe[Literal["created_at"]] = UNSET
    seconds: Maybe[Annotated[int, Between(10, 7200)]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeCreateClientSecretRequest(Model):
    """Body of POST /realtime/client_secrets; everything has a default."""

    session: Maybe[RealtimeSessionConfig | RealtimeTranscriptionSessionConfig] = UNSET
    expires_after: Maybe[ExpiresAfter] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeCreateClientSecretResponse(HTTPResult):
    """A client secret (``ek_...``) for a browser or phone, until `expires_at` (UNIX seconds), and its session."""

    value: str = field(repr=masked)
    expires_at: int
    session: RealtimeSession | RealtimeTranscriptionSession | UnknownObject
