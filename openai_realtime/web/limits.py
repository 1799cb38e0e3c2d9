"""How often a user may come, and from where: rate limit, same origin, CORS."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

__all__ = ["RateLimiter", "cors_headers", "is_foreign"]

_MAX_USERS: Final = 100_000
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class RateLimiter:
    """At most `count` times within `seconds` for each user. It remembers the last 100,000 users."""

    def __init__(self, count: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._seconds = seconds
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, user: str) -> float:
        """Count one more time for `user` and return 0, or the seconds until there may be one."""
        now = self._clock()
        times = self._times.setdefault(user, deque())
        self._times.move_to_end(user)
        if len(self._times) > _MAX_USERS:
            self._times.popitem(last=False)
        while times and times[0] <= now - self._seconds:
            times.popleft()
        if len(times) >= self._count:
            return times[0] + self._seconds - now
        times.append(now)
        return 0


def is_foreign(headers: Mapping[str, str], origins: Collection[str]) -> bool:
    """Tell whether a browser's request comes from a page of another origin that is not one of `origins`.

    A browser says where its page is from; other programs do not, and are the business of the user's ``authorize``.
    """
    origin = headers.get("origin")
    if origin is None or origin in origins:
        return False
    page = _host_and_port(origin)
    return page is None or page != _host_and_port(f"{origin.partition(':')[0]}://{headers.get('host', '')}")


def _host_and_port(url: str) -> tuple[str, int | None] | None:
    """Return what two URLs of one origin have in common; None for what is no URL."""
    try:
        parts = urlsplit(url)
        return (parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)) if parts.hostname else None
    except ValueError:
        return None


def cors_headers(headers: Mapping[str, str], origins: Collection[str]) -> dict[str, str]:
    """Return what lets a page of one of `origins` send its cookies and read the answer; nothing for all others."""
    origin = headers.get("origin", "")
    if origin not in origins:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
