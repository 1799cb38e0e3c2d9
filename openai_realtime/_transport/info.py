"""The HTTP facts of a response: `HTTPInfo` from its headers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from openai_realtime.models.http import HTTPInfo, RateLimit

from .messages import Response

_MAX_DIGITS = 18  # what fits 64 bits
_RATE_LIMIT = re.compile(r"x-ratelimit-(?:limit|remaining|reset)-([\w-]+)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def http_info(response: Response, attempts: int, elapsed: float) -> HTTPInfo:
    """Gather what a response says beside its body; `elapsed` is seconds."""
    headers = response.headers
    return HTTPInfo(
        status=response.status,
        headers=headers,
        request_id=headers.get("x-request-id") or headers.get("apim-request-id"),
        processing_ms=_integer(headers.get("openai-processing-ms")),
        rate_limits=_rate_limits(headers),
        attempts=attempts,
        elapsed=elapsed,
    )


def _rate_limits(headers: Mapping[str, str]) -> tuple[RateLimit, ...]:
    limits = [name for name in headers if name.startswith("x-ratelimit-")]
    if not limits:
        return ()
    names = dict.fromkeys(match[1] for match in map(_RATE_LIMIT.fullmatch, limits) if match)
    return tuple(
        RateLimit(
            name=name,
            limit=_integer(headers.get(f"x-ratelimit-limit-{name}")),
            remaining=_integer(headers.get(f"x-ratelimit-remaining-{name}")),
            reset=_seconds(headers.get(f"x-ratelimit-reset-{name}")),
        )
        for name in names
    )


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def _seconds(text: str | None) -> float | None:
    """Read the seconds in a duration as the API writes it: ``20ms``, ``1s``, ``6m0s``."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text or "")
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else None
