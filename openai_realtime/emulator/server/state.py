"""What one emulator remembers: its key, the client secrets it minted, and the calls that are open."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from openai_realtime.emulator import errors as api_errors, ids

SECRET_TTL = 600
BETA_SECRET_TTL = 60
_CALL_TTL = 3600  # the API ends every session after an hour
_PLAIN = {"type": "realtime"}
_REMEMBERED = 3600  # how long an expired secret is still told apart from an unknown one


class State:
    """Times are UNIX seconds of the emulator's own clock, which `advance` moves forward."""

    def __init__(self, api_key: str | None, *, beta_retired: bool, beta: bool) -> None:
        self.api_key = api_key or ids.api_key()
        self.beta_retired = beta_retired
        self.beta = beta
        self._secrets: dict[str, int] = {}
        self._sessions: dict[str, dict[str, Any]] = {}
        self._calls: dict[str, float] = {}
        self._call_sessions: dict[str, dict[str, Any]] = {}
        self._ahead = 0.0

    def now(self) -> float:
        """Give the time on the emulator's clock."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        self._ahead += seconds

    def mint(self, ttl: int, session: dict[str, Any] | None = None) -> tuple[str, int]:
        """Make a new client secret for `session`, and when it expires, `ttl` seconds from now."""
        now = self.now()
        self._secrets = {value: end for value, end in self._secrets.items() if end + _REMEMBERED > now}
        value, expires_at = ids.client_secret(now), int(now) + ttl
        self._secrets[value] = expires_at
        self._sessions = {key: config for key, config in self._sessions.items() if key in self._secrets}
        if session is not None:
            self._sessions[value] = session
        return value, expires_at

    def authenticate(self, headers: Mapping[str, str]) -> str:
        """Give the key, if it is the API key or a client secret that has not expired. Raises Refusal for all others."""
        key = bearer_token(headers.get("Authorization", "")) or headers.get("api-key", "")  # that is Azure's
        self.check_key(key)
        return key

    def check_key(self, key: str) -> None:
        """Do the same for the bare key, which may be empty."""
        if not key:
            raise api_errors.missing_key()
        if key == self.api_key:
            return
        expires_at = self._secrets.get(key)
        if expires_at is None:
            raise api_errors.wrong_key(key)
        if expires_at <= self.now():
            raise api_errors.expired_secret(key)

    def secret_session(self, key: str) -> dict[str, Any] | None:
        """Give the session that a client secret opens; None for the API key."""
        return self._sessions.get(key)

    def open_call(self, session: dict[str, Any] | None = None) -> str:
        """Open a new call: give its id, with its session if that is known already."""
        now = self.now()
        self._calls = {call: end for call, end in self._calls.items() if end > now}
        call_id = ids.call_id(now)
        self._calls[call_id] = now + _CALL_TTL
        self.set_call_session(call_id, session)
        return call_id

    def set_call_session(self, call_id: str, session: dict[str, Any] | None) -> None:
        """Set what the call's session was asked to be."""
        self._call_sessions = {key: value for key, value in self._call_sessions.items() if key in self._calls}
        self._call_sessions[call_id] = session or _PLAIN

    def use_secret(self, call_id: str, key: str) -> None:
        """Let the session of a call be that of the client secret `key`, but for what the call asked for itself."""
        secret, own = self._sessions.get(key), self._call_sessions[call_id]
        if secret is not None:
            self._call_sessions[call_id] = {**secret, **own} if own != _PLAIN else secret

    def call_session(self, call_id: str) -> dict[str, Any]:
        """Give the config of a call's session. Raises Refusal for a call that never was or has ended."""
        self.check_call(call_id)
        return self._call_sessions[call_id]

    def has_call(self, call_id: str) -> bool:
        """Whether the call is still going on."""
        return self._calls.get(call_id, 0) > self.now()

    def check_call(self, call_id: str) -> None:
        """Raise Refusal for a call that never was or has ended."""
        if not self.has_call(call_id):
            raise api_errors.unknown_call(call_id)

    def end_call(self, call_id: str) -> None:
        """Forget the call."""
        del self._calls[call_id]


def bearer_token(authorization: str) -> str:
    """Give the token in a header; empty for none, and for another scheme."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
