"""Every exception of the SDK. Catch `RealtimeError` for all of them.

::

    RealtimeError
    ├── ConfigurationError          a setting is missing or wrong; nothing was sent
    ├── InvalidRequestError         a request that the API would refuse; nothing was sent
    ├── ClientStateError            a client that is closed, or used where it cannot work
    ├── DecodeError                 text that is not the JSON it should be
    ├── WebhookVerificationError    a webhook that OpenAI did not sign
    ├── RealtimeEventError          the server's `error` event about something that was sent
    ├── ResponseEndedError          a wait for a part of a response that ended without it
    ├── UnreadEventsError           a wait that cannot end, because nobody reads
    ├── ConnectionClosedError       a session that is over
    │   └── SessionExpiredError     over because of its age
    └── APIError
        ├── APIConnectionError      no answer: refused, reset, DNS, TLS, proxy
        │   └── APITimeoutError     no answer in time
        ├── APIResponseError        an answer that is not what the API promises
        └── APIStatusError          an answer of 3xx, 4xx or 5xx
            ├── BadRequestError             400
            │   └── BetaRetiredError        400 beta_api_shape_disabled
            ├── AuthenticationError         401
            ├── PermissionDeniedError       403
            ├── NotFoundError               404
            ├── ConflictError               409
            ├── UnprocessableEntityError    422
            ├── RateLimitError              429
            └── InternalServerError         5xx

No text of an exception holds a secret: keys are masked, also where a server echoes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ._problems import Problem
from ._redaction import redact, redact_body

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BetaRetiredError",
    "ClientStateError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionClosedError",
    "DecodeError",
    "InternalServerError",
    "InvalidRequestError",
    "NotFoundError",
    "PermissionDeniedError",
    "Problem",
    "RateLimitError",
    "RealtimeError",
    "RealtimeEventError",
    "ResponseEndedError",
    "SessionExpiredError",
    "UnprocessableEntityError",
    "UnreadEventsError",
    "WebhookVerificationError",
]

_MAX_LINE = 500
_MAX_PROBLEMS = 20  # that a text names
_MAX_SEARCHED = 10_000  # characters of a page in which its title is looked for


class RealtimeError(Exception):
    """The root of all errors of this package."""


class ConfigurationError(RealtimeError, ValueError):
    """A setting is missing or wrong. Nothing was sent."""


class ClientStateError(RealtimeError, RuntimeError):
    """The client is closed, belongs to another event loop, or cannot block where it was called."""


class DecodeError(RealtimeError, ValueError):
    """Text that should hold a JSON object and does not."""


class InvalidRequestError(RealtimeError, ValueError):
    """The request has fields that the API would refuse; `problems` names every one. Nothing was sent."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        more = len(self.problems) - _MAX_PROBLEMS
        texts = [*map(str, self.problems[:_MAX_PROBLEMS]), *([f"and {more} more"] if more > 0 else [])]
        return redact("; ".join(texts))

    def to_json(self) -> dict[str, Any]:
        """Give the body with which the API refuses such a request, and all problems as ``problems``.

        A web handler returns it with 422.
        """
        found = [problem.to_json() for problem in self.problems]
        first: Mapping[str, Any] = found[0] if found else {"path": None, "kind": None}
        detail = {
            "message": str(self).encode(errors="backslashreplace").decode(),
            "type": "invalid_request_error",
            "param": first["path"],
            "code": first["kind"],
            "problems": found,
        }
        return {"error": detail}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class RealtimeEventError(RealtimeError):
    """The server's `error` event about something that was sent; `body` is the event, `event_id` the client event's."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(redact_body(body))
        self.body: Any = self.args[0]
        detail = _detail(self.body)
        self.message: str = str(detail.get("message") or "no message")
        self.type: str | None = _text(detail.get("type"))
        self.code: str | None = _text(detail.get("code"))
        self.param: str | None = _text(detail.get("param"))
        self.event_id: str | None = _text(detail.get("event_id"))

    def __str__(self) -> str:
        param = f" (param {self.param})" if self.param else ""
        return _one_line(f"{self.code or self.type or 'error'}: {self.message}{param}")


class WebhookVerificationError(RealtimeError, ValueError):
    """A webhook that none of the secrets signed, or that is too old, too new or malformed."""


class ResponseEndedError(RealtimeError):
    """A response ended without the event that was waited for, or without the answer that was asked for.

    `status` is how it ended: ``failed``, ``cancelled``, ``incomplete`` or ``completed``; `code` says why, if the server
    did, and `body` is its ``response.done`` event.
    """

    def __init__(self, body: Mapping[str, Any]) -> None:
        super().__init__(redact_body(body))
        self.body: Any = self.args[0]
        response = _object(self.body, "response")
        details = _object(response, "status_details")
        error = _object(details, "error")
        self.response_id: str | None = _text(response.get("id"))
        self.status: str = str(response.get("status") or "unknown")
        self.code: str | None = _text(error.get("code") or error.get("type") or details.get("reason"))
        self.message: str | None = _text(error.get("message"))

    def __str__(self) -> str:
        why = ": ".join(text for text in (self.code, self.message) if text)
        without = ", without the event that was waited for" if self.status == "completed" else ""
        return _one_line(f"the response ended as {self.status}{why and f' ({why})'}{without}")


class UnreadEventsError(RealtimeError):
    """Nobody reads, the buffer of unread events is full, and so what is waited for cannot come."""


class ConnectionClosedError(RealtimeError):
    """The session is over: WebSocket close `code` and `reason`, and the last `error` event, if there was one."""

    def __init__(self, code: int, reason: str, event: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, redact(reason), redact_body(event))
        self.code: int = self.args[0]
        self.reason: str = self.args[1]
        self.event: Any = self.args[2]

    def __str__(self) -> str:
        message = _detail(self.event).get("message")
        last = f"; last error: {message}" if message and message != self.reason else ""
        return _one_line(f"closed with {self.code}: {self.reason or 'no reason given'}{last}")


class SessionExpiredError(ConnectionClosedError):
    """1001: the session reached the age that the API allows, 60 minutes."""


class APIError(RealtimeError):
    """A call that was sent, or was about to be, and brought no usable answer."""


class APIConnectionError(APIError):
    """No answer came: the connection was refused, reset or cut, or DNS, TLS or a proxy failed."""

    def __init__(self, message: str) -> None:
        super().__init__(redact(message))


class APITimeoutError(APIConnectionError):
    """No answer came within the configured time."""


class _AnsweredError(APIError):
    """What an error with an HTTP answer carries. Headers and body are the answer's, with secrets masked."""

    def __init__(self, message: str, *, status: int, headers: Mapping[str, str], body: Any = None) -> None:
        super().__init__(redact(message))
        self.status = status
        self.headers = {name.lower(): redact(value) for name, value in headers.items() if name.lower() != "set-cookie"}
        self.body = redact_body(body)
        self.request_id = self.headers.get("x-request-id") or self.headers.get("apim-request-id")

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword arguments do not pickle by themselves: make an empty one, then restore its state.
        return _unpickle, (type(self), self.args), self.__dict__


def _unpickle(cls: type[Exception], args: tuple[Any, ...]) -> Exception:
    error = cls.__new__(cls)
    error.args = args
    return error


class APIResponseError(_AnsweredError):
    """An answer that is not what the API promises: not JSON, of another content type, too large."""

    def __str__(self) -> str:
        return _one_line(f"HTTP {self.status}: {self.args[0]}", self.request_id)


class APIStatusError(_AnsweredError):
    """An answer with an error status. `message`, `type`, `param` and `code` are the API's, or None."""

    def __init__(self, *, status: int, headers: Mapping[str, str], body: Any = None) -> None:
        detail = _detail(body)
        super().__init__(str(detail.get("message") or "no error body"), status=status, headers=headers, body=body)
        self.message: str = self.args[0]
        self.type: str | None = _text(detail.get("type"))
        self.param: str | None = _text(detail.get("param"))
        self.code: str | None = _text(detail.get("code"))
        self.close_code: int | None = None
        self.close_reason: str | None = None

    def __str__(self) -> str:
        kind = f" {self.code or self.type}" if self.code or self.type else ""
        param = f" (param {self.param})" if self.param else ""
        return _one_line(f"HTTP {self.status}{kind}: {self.message}{param}", self.request_id)


class BadRequestError(APIStatusError):
    """400: the request is malformed or has a value the API refuses."""


class BetaRetiredError(BadRequestError):
    """400 ``beta_api_shape_disabled``: the operation belongs to the beta that the API ended on 2026-05-12.

    `successor` names the method to call instead.
    """

    successor: str | None = None

    def __str__(self) -> str:
        hint = f"; call {self.successor} instead" if self.successor else ""
        return super().__str__() + hint


class AuthenticationError(APIStatusError):
    """401: no key, a wrong key, or an expired client secret."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class NotFoundError(APIStatusError):
    """404: no such call, or a server without this operation."""


class ConflictError(APIStatusError):
    """409: the resource is in another state."""


class UnprocessableEntityError(APIStatusError):
    """422: the request is well formed and cannot be carried out."""


class RateLimitError(APIStatusError):
    """429: too many requests, or no quota left (``code`` is ``insufficient_quota``)."""


class InternalServerError(APIStatusError):
    """5xx: the server failed."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def error_from_response(status: int, headers: Mapping[str, str], body: Any) -> APIStatusError:
    """Make the exception for an answer with an error status; `body` is its decoded JSON, or its text."""
    cls = _BY_STATUS.get(status) or (InternalServerError if status >= 500 else APIStatusError)  # noqa: PLR2004
    error = cls(status=status, headers=headers, body=body)
    if error.code == "beta_api_shape_disabled":
        return BetaRetiredError(status=status, headers=headers, body=body)
    return error


_BY_CODE = {"invalid_api_key": 401, "insufficient_quota": 429, "rate_limit_exceeded": 429, "server_error": 500}
_UNAUTHORIZED = 3000


def error_from_event(event: Mapping[str, Any] | None, code: int, reason: str) -> APIError:
    """Make the exception for a session that the server refuses after the upgrade, by an `error` event and a close.

    It is the one that HTTP would have brought; `close_code` and `close_reason` tell how it came.
    """
    if event is None:
        return APIConnectionError(f"the server closed the connection at once: {code} {reason}".strip())
    detail = _detail(event)
    known = _BY_CODE.get(str(detail.get("code"))) or _BY_CODE.get(str(detail.get("type")))
    error = error_from_response(known or (401 if code == _UNAUTHORIZED else 400), {}, event)
    error.close_code, error.close_reason = code, redact(reason)
    return error


def _text(value: object) -> str | None:
    return redact(str(value)) if value not in (None, "") else None


def _object(body: object, name: str) -> Mapping[str, Any]:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, dict) else {}


def _detail(body: object) -> Mapping[str, Any]:
    """Find the API's error object, or what a gateway or another server sends in its place."""
    if not isinstance(body, dict):
        return {"message": _first_line(body) if isinstance(body, str) else None}
    error = body.get("error")
    if isinstance(error, dict):
        return error
    message = error if isinstance(error, str) else body.get("message") or body.get("detail")
    return {**body, "message": message}


def _first_line(page: str) -> str:
    """Find the first line of a text; of an HTML page its first text, which is the title."""
    lines = re.sub(r"<[^<>]*>", "\n", page[:_MAX_SEARCHED]).splitlines()
    return next((line.strip() for line in lines if line.strip()), "")


def _one_line(text: str, request_id: str | None = None) -> str:
    """Make one line that a terminal can show, and not an endless one."""
    short = text if len(text) <= _MAX_LINE else text[:_MAX_LINE] + "…"
    line = f"{short} [request {request_id[:_MAX_LINE]}]" if request_id else short
    return " ".join("".join(char if char.isprintable() else " " for char in line).split())
