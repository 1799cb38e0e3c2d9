"""Requests, responses and WebSockets as every web framework has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from attrs import field, frozen

from openai_realtime._codec.converter import dumps
from openai_realtime.errors import ConfigurationError

_TOO_LARGE: Final = 413
_NOT_FOUND: Final = 404
_NOT_ALLOWED: Final = 405
_UPGRADE_REQUIRED: Final = 426


@frozen(kw_only=True)
class WebRequest:
    """A request as every framework has it; header names are in lower case. `native` is the framework's own object."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    native: Any = field(default=None, repr=False)


@frozen(kw_only=True)
class WebResponse:
    """The answer to a request. It is never stored by a cache."""

    status: int = 200
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(factory=dict, repr=False)

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> WebResponse:
        """Make a response of a JSON value."""
        return cls(status=status, body=dumps(value), headers=headers or {})

    @classmethod
    def error(cls, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> WebResponse:
        """Make a response in the API's error shape."""
        return cls.json({"error": {"message": message, "type": "invalid_request_error", "code": code}}, status, headers)


class WebSocket(Protocol):
    """A browser's WebSocket, whichever framework holds it."""

    async def accept(self, subprotocol: str | None = None) -> None:
        """Take the connection."""

    async def receive(self) -> str | bytes | None:
        """Return the next message, text or binary; None after the last."""

    async def send(self, text: str) -> None:
        """Send a text message, and wait until there is room for it. Raises ConnectionError when the peer is gone."""

    async def close(self, code: int, reason: str) -> None:
        """Close with a code, which the peer may have done already."""


def check_websocket(websocket: object) -> None:
    """Refuse the WebSocket of a web framework itself. Raises ConfigurationError that says how to serve it."""
    if hasattr(websocket, "send_bytes"):
        raise ConfigurationError(
            f"websocket: a {type(websocket).__name__} is a framework's own; serve your function with "
            "openai_realtime.web.app.WebApp: FastAPI and Starlette mount it, aiohttp.web takes its aiohttp_routes()"
        )


Handler: TypeAlias = Callable[[WebRequest], Awaitable[WebResponse]]
SocketHandler: TypeAlias = Callable[[WebRequest, WebSocket], Awaitable[WebResponse | None]]


def unknown_path(allowed: Sequence[str]) -> WebResponse:
    """Answer a request to a path that is not there, or not with this method."""
    if allowed:
        return WebResponse.error(_NOT_ALLOWED, "method_not_allowed", "use " + ", ".join(allowed))
    return WebResponse.error(_NOT_FOUND, "not_found", "there is nothing at this path")


def too_large(limit: int) -> WebResponse:
    """Answer a request whose body is larger than `limit` bytes."""
    return WebResponse.error(_TOO_LARGE, "body_too_large", f"the body is over {limit} bytes")


def not_a_websocket() -> WebResponse:
    """Answer a plain request where only a WebSocket is."""
    return WebResponse.error(_UPGRADE_REQUIRED, "upgrade_required", "open a WebSocket here", {"Upgrade": "websocket"})


def response_headers(response: WebResponse) -> dict[str, str]:
    """Return all headers of a response: it is for one user and for now."""
    kind = {"Content-Type": response.content_type} if response.body else {}
    return {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **kind, **response.headers}
