"""`Expiry`: tells of the end of a session before it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from .reconnect import SessionExpiring, until_renewal

_BEFORE = 60.0  # seconds before the end, when it is told


class Expiry:
    """A timer that hands out a `SessionExpiring` a minute before the end of a session."""

    def __init__(self, tell: Callable[[SessionExpiring], None]) -> None:
        self._tell = tell
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, session: Any) -> None:
        """Take the end from the settings in force, as the server told them."""
        self.cancel()
        expires_at = getattr(session, "expires_at", None)
        if isinstance(expires_at, int | float):
            delay = until_renewal(expires_at, _BEFORE, time.time())
            if delay is not None:
                event = SessionExpiring(expires_at=expires_at)
                self._timer = asyncio.get_running_loop().call_later(delay, self._tell, event)

    def cancel(self) -> None:
        """Tell nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
