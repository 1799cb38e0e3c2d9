"""The HTTP facts that come with the result of every call."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .base import LOCAL, NOT_RECEIVED, Model

__all__ = ["EmptyResult", "HTTPInfo", "HTTPResult", "RateLimit"]


@attrs.frozen(kw_only=True)
class RateLimit:
    """One of the API's limits, from the ``x-ratelimit-*`` headers: `reset` is the seconds until it is full again."""

    name: str
    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None


@attrs.frozen(kw_only=True)
class HTTPInfo:
    """The HTTP facts of one answered call. The names in `headers` are lower case.

    `processing_ms` is the server's own time in milliseconds (``openai-processing-ms``), `elapsed` the seconds the
    call took here with its retries, `attempts` how many requests it took. `rate_limits` is empty where the server
    sent no ``x-ratelimit-*`` header, as it does for Realtime credentials.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    request_id: str | None = None
    processing_ms: int | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    attempts: int = 1
    elapsed: float = 0.0


@attrs.frozen(kw_only=True, repr=False, eq=False)
class HTTPResult(Model):
    """The base of the results of HTTP calls; `http`, None on one that was made here, is outside equality and repr."""

    http: HTTPInfo = attrs.field(default=NOT_RECEIVED, eq=False, repr=False, metadata=LOCAL)


@attrs.frozen(kw_only=True, repr=False, eq=False)
class EmptyResult(HTTPResult):
    """The result of a call that the API answers without a body: the HTTP facts are all there is."""
