"""The routes of a `WebApp` for aiohttp.web."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

from .messages import Handler, SocketHandler, WebRequest, WebResponse, not_a_websocket, response_headers, too_large

_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)
_KEY = "openai-insecure-api-key"  # browsers' libraries send it as the name of a sub-protocol
# aiohttp warns of sub-protocols that it cannot choose from.
logging.getLogger("aiohttp.websocket").addFilter(lambda record: _KEY not in record.getMessage())


def routes(
    handlers: Mapping[tuple[str, str], Handler], sockets: Mapping[str, SocketHandler], *, prefix: str, max_body: int
) -> list[web.RouteDef]:
    """Return aiohttp's routes to `handlers` and `sockets`."""
    http = [web.route(method, prefix + path, _http(handler, max_body)) for (method, path), handler in handlers.items()]
    return [*http, *(web.get(prefix + path, _socket(handler)) for path, handler in sockets.items())]


@asynccontextmanager
async def listening(route_table: Sequence[web.RouteDef], host: str, port: int) -> AsyncIterator[str]:
    """Serve routes by themselves; gives the URL. Raises OSError if the port is taken."""
    app = web.Application()
    app.add_routes(route_table)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"http://{host}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def _http(handler: Handler, max_body: int) -> web.Handler:  # type: ignore[name-defined]
    async def handle(request: web.Request) -> web.StreamResponse:
        body = await _body(request, max_body)
        if body is None:
            return _response(too_large(max_body))
        return _response(await handler(_request(request, body)))

    return handle


def _socket(handler: SocketHandler) -> web.Handler:  # type: ignore[name-defined]
    async def handle(request: web.Request) -> web.StreamResponse:
        if not web.WebSocketResponse().can_prepare(request):
            return _response(not_a_websocket())
        socket = _Socket(request)
        refusal = await handler(_request(request, b""), socket)
        if request.transport is not None and request.transport.get_write_buffer_size():
            request.transport.abort()  # a browser that does not read would hold it for ever
        return _response(refusal) if refusal is not None else socket.response

    return handle


async def _body(request: web.Request, limit: int) -> bytes | None:
    """Return the whole body, whatever limit the application has; None if it is larger than `limit` bytes."""
    body = b""
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    return body


def _request(request: web.Request, body: bytes) -> WebRequest:
    return WebRequest(
        method=request.method,
        path=request.path,
        headers={name.lower(): value for name, value in request.headers.items()},
        query=dict(request.query),
        body=body,
        native=request,
    )


def _response(response: WebResponse) -> web.Response:
    return web.Response(status=response.status, body=response.body or None, headers=response_headers(response))


class _Socket:
    """An aiohttp WebSocket."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.response: web.WebSocketResponse = web.WebSocketResponse()

    async def accept(self, subprotocol: str | None = None) -> None:
        self.response = web.WebSocketResponse(
            protocols=[subprotocol] if subprotocol else (), heartbeat=20, max_msg_size=16 * 2**20, timeout=2
        )
        await self.response.prepare(self._request)

    async def receive(self) -> str | bytes | None:
        message = await self.response.receive()
        return message.data if message.type in _DATA else None

    async def send(self, text: str) -> None:
        await self.response.send_str(text)

    async def close(self, code: int, reason: str) -> None:
        # A send that was cancelled while it waited leaves aiohttp's drain cancelled for all who come later.
        await self.response.close(code=code, message=reason.encode(), drain=False)
