"""Which redirects are followed: those that keep the request whole and stay at its origin, so that no key leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

MAX_REDIRECTS = 5
_KEEP_THE_BODY = (307, 308)


def redirect_target(url: str, status: int, headers: Mapping[str, str]) -> str | None:
    """Find where a redirect that keeps the body leads, None if it leaves the origin (or adds a user to it)."""
    if status not in _KEEP_THE_BODY or not headers.get("location"):
        return None
    try:
        target = urljoin(url, headers["location"])
        same = urlsplit(target)[:2] == urlsplit(url)[:2]
    except ValueError:
        return None
    return target if same else None


def origin(url: str) -> str:
    """Return the scheme, host and port of `url`, empty if it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
