"""What one emulator remembers: its key, the client secrets it minted, and the calls that are open."""

from __future__ import annotations

import time
from collections.abc import Mapping

from . import api_errors, ids

SECRET_TTL = 600
BETA_SECRET_TTL = 60
_CALL_TTL = 3600  # the API ends every session after an hour
_REMEMBERED = 3600  # how long an expired secret is still told apart from an unknown one


class State:
    """Times are UNIX seconds of the emulator's own clock, which `advance` moves forward."""

    def __init__(self, *, beta_retired: bool) -> None:
        self.api_key = ids.api_key()
        self.beta_retired = beta_retired
        self._secrets: dict[str, int] = {}
        self._calls: dict[str, float] = {}
        self._ahead = 0.0

    def now(self) -> float:
        """The time on the emulator's clock."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._ahead += seconds

    def mint(self, ttl: int) -> tuple[str, int]:
        """A new client secret and when it expires, `ttl` seconds from now."""
        now = self.now()
        self._secrets = {value: end for value, end in self._secrets.items() if end + _REMEMBERED > now}
        value, expires_at = ids.client_secret(now), int(now) + ttl
        self._secrets[value] = expires_at
        return value, expires_at

    def authenticate(self, headers: Mapping[str, str]) -> None:
        """Let pass who has the API key or a client secret that has not expired. Raises Refusal for all others."""
        key = _key(headers)
        if not key:
            raise api_errors.missing_key()
        if key == self.api_key:
            return
        expires_at = self._secrets.get(key)
        if expires_at is None:
            raise api_errors.wrong_key(key)
        if expires_at <= self.now():
            raise api_errors.expired_secret(key)

    def open_call(self) -> str:
        """The id of a new call."""
        now = self.now()
        self._calls = {call: end for call, end in self._calls.items() if end > now}
        call_id = ids.call_id(now)
        self._calls[call_id] = now + _CALL_TTL
        return call_id

    def check_call(self, call_id: str) -> None:
        """Raises Refusal for a call that never was or has ended."""
        if self._calls.get(call_id, 0) <= self.now():
            raise api_errors.unknown_call(call_id)

    def end_call(self, call_id: str) -> None:
        """Forget the call."""
        del self._calls[call_id]


def _key(headers: Mapping[str, str]) -> str:
    """The bearer token, or what Azure's clients send in ``api-key``."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("api-key", "")
