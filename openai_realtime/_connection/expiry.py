"""`Expiry`: announces the end of a session before it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from openai_realtime._codec.raw import number_in, object_in
from openai_realtime._transport.websocket import Entry
from openai_realtime.models.events import ServerEvent

from .reconnect_policy import SessionExpiring, until_renewal

_BEFORE = 60.0  # seconds before the end, when it is announced


class Expiry:
    """A timer that hands out a `SessionExpiring` a minute before the end of a session."""

    __slots__ = ("_put", "_timer")

    def __init__(self, put: Callable[[Entry], object]) -> None:
        self._put = put
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, event: ServerEvent) -> None:
        """Take the end from an event with the settings in force."""
        self.cancel()
        expires_at = number_in(object_in(event.raw or {}, "session"), "expires_at")
        delay = until_renewal(expires_at, _BEFORE, time.time())
        if delay is not None and expires_at is not None:
            self._timer = asyncio.get_running_loop().call_later(delay, self._announce, expires_at)

    def cancel(self) -> None:
        """Hand out nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _announce(self, expires_at: float) -> None:
        self._put((SessionExpiring(expires_at=expires_at), 0))
