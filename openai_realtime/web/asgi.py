"""ASGI scopes and messages as `WebRequest`, `WebResponse` and `WebSocket`, and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from .messages import WebRequest, WebResponse, response_headers

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


def path_of(scope: Mapping[str, Any]) -> str:
    """Return the path below where the app is mounted: frameworks differ in whether ``path`` has the mount point."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return (path.removeprefix(root) if root else path) or "/"


def request_of(scope: Mapping[str, Any], path: str, body: bytes) -> WebRequest:
    """Return the request of an HTTP or WebSocket scope."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    if "subprotocols" in scope:  # some servers leave the header out
        headers["sec-websocket-protocol"] = ", ".join(scope["subprotocols"])
    query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
    method = scope.get("method", "GET")
    return WebRequest(method=method, path=path, headers=headers, query=query, body=body, native=scope)


async def body_of(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body; None if it is larger than `limit` bytes. Raises ConnectionError if a part never came."""
    size, chunks = 0, []
    async for chunk in _chunks(receive):
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client is gone")
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def respond(send: Send, response: WebResponse, kind: str = "http.response") -> None:
    """Send a whole response."""
    await send({"type": f"{kind}.start", "status": response.status, "headers": _headers(response)})
    await send({"type": f"{kind}.body", "body": response.body})


def _headers(response: WebResponse) -> list[tuple[bytes, bytes]]:
    headers = {**response_headers(response), "content-length": str(len(response.body))}
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


class AsgiSocket:
    """An ASGI WebSocket, as a `WebSocket`."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._open = False

    async def accept(self, subprotocol: str | None = None) -> None:
        """Take the connection."""
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
        self._open = True

    async def receive(self) -> str | bytes | None:
        """Return the next message; None after the last."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._open = False
            return None
        text = message.get("text")
        return text if text is not None else bytes(message.get("bytes") or b"")

    async def send(self, text: str) -> None:
        """Send a text message. Raises ConnectionError when the peer is gone."""
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as error:  # servers differ in what they raise when the peer is gone
            raise ConnectionError(str(error)) from error

    async def close(self, code: int, reason: str) -> None:
        """Close, unless the peer has."""
        if self._open:
            self._open = False
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def refuse(self, response: WebResponse, *, can_respond: bool) -> None:
        """Answer the upgrade with a response where the server can; with its plain refusal, 403, where not."""
        if can_respond:
            await respond(self._send, response, "websocket.http.response")
        else:
            await self._send({"type": "websocket.close", "code": 1008, "reason": ""})
