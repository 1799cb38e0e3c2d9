"""The loggers of the package. They tell what happened by status, type and size: never content, never a secret."""

from __future__ import annotations

import logging

from .errors import APIStatusError

HTTP = logging.getLogger("openai_realtime.http")
"""Requests and upgrades: each at DEBUG, refusals and retries at INFO."""
SESSION = logging.getLogger("openai_realtime.session")
"""Sessions: events by type and size at DEBUG, reconnects and ends at INFO."""


def outcome(error: BaseException) -> str:
    """Say what kind of error it is, without its text, which a server may have written."""
    kind = type(error).__name__
    return f"{kind} ({error.status})" if isinstance(error, APIStatusError) else kind


def event_type(event_type: object) -> str:
    """Return the type of an event, if it looks like one: any text may stand there."""
    known = isinstance(event_type, str) and event_type.isascii() and event_type.replace(".", "_").isidentifier()
    return str(event_type) if known else "an event without a proper type"
