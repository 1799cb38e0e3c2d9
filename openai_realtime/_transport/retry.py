"""When a failed request is sent again, and after how long: the policy and the decision; who sends does the waiting."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import field, frozen

from openai_realtime._validators import number
from openai_realtime.errors import APIConnectionError, APIStatusError

__all__ = ["RetryPolicy"]

_RETRIED = (408, 409, 429)
_FINAL_CODES = ("insufficient_quota",)


_delay: Any = number("retry", "0 or more seconds", lambda value: value >= 0)
_count: Any = number("retry", "a whole number from 0", lambda value: isinstance(value, int) and value >= 0)


@frozen(kw_only=True)
class RetryPolicy:
    """How failed requests are sent again: `max_retries` more times, after growing delays in seconds.

    A server that asks for a longer wait than `give_up_after` gets no retry.
    """

    max_retries: int = field(default=2, validator=_count)
    initial_delay: float = field(default=0.5, validator=_delay)
    max_delay: float = field(default=8.0, validator=_delay)
    give_up_after: float = field(default=60.0, validator=_delay)


def delays(policy: RetryPolicy, jitter: Callable[[], float] = random.random) -> Iterator[float]:
    """Yield the seconds before each retry: doubling up to the limit, each up to a quarter shorter by chance."""
    delay = policy.initial_delay
    for _ in range(policy.max_retries):
        yield min(delay, policy.max_delay) * (1 - 0.25 * jitter())
        delay *= 2


def delay_after(
    error: APIConnectionError | APIStatusError, policy: RetryPolicy, backoff: Iterator[float]
) -> float | None:
    """Decide about a failed attempt: the seconds until the next one, None if `error` is final."""
    if isinstance(error, APIConnectionError):
        return next(backoff, None)
    if not is_retryable(error.status, error.headers, error.code):
        return None
    return next_delay(policy, backoff, error.headers)


def is_retryable(status: int, headers: Mapping[str, str], code: str | None) -> bool:
    """Decide whether a response is worth another try. The server's own word (``x-should-retry``) wins."""
    said = headers.get("x-should-retry")
    if said in ("true", "false"):
        return said == "true"
    return (status in _RETRIED or status >= 500) and code not in _FINAL_CODES  # noqa: PLR2004


def server_delay(headers: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Read the seconds the server asks to wait (``retry-after-ms``, ``retry-after``), None if it does not say."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    after = headers.get("retry-after")
    seconds = _number(after)
    return seconds if seconds is not None else _until(after, now)


def next_delay(policy: RetryPolicy, backoff: Iterator[float], headers: Mapping[str, str]) -> float | None:
    """Choose the seconds before the next try after a response, None if there is no next try."""
    delay = next(backoff, None)
    asked = server_delay(headers)
    if delay is None or asked is None:
        return delay
    return asked if asked <= policy.give_up_after else None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if value >= 0 else None


def _until(text: str | None, now: Callable[[], datetime]) -> float | None:
    try:
        date = parsedate_to_datetime(text or "")
        return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now()).total_seconds())
    except (ValueError, OverflowError):  # no date, or one so far off that Python has none
        return None
