"""`Expiry`: tells of the end of a session before it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from openai_realtime._codec.raw import number_in, object_in
from openai_realtime.models.events import ServerEvent

from .reconnect_policy import SessionExpiring, until_renewal

_BEFORE = 60.0  # seconds before the end, when it is told


class Expiry:
    """A timer that hands out a `SessionExpiring` a minute before the end of a session."""

    def __init__(self, tell: Callable[[SessionExpiring], None]) -> None:
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, event: ServerEvent) -> None:
        """Take the end from an event with the settings in force."""
        self.cancel()
        expires_at = number_in(object_in(event.raw or {}, "session"), "expires_at")
        delay = until_renewal(expires_at, _BEFORE, time.time())
        if expires_at is not None and delay is not None:
            told = SessionExpiring(expires_at=expires_at)
            self._timer = asyncio.get_running_loop().call_later(delay, self._tell, told)

    def cancel(self) -> None:
        """Tell nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
