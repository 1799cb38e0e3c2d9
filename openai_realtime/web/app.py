"""`WebApp`: routes of HTTP requests and of WebSockets, for aiohttp.web and for ASGI.

It mounts into FastAPI, Starlette, Django, Quart and Litestar as an ASGI app, and gives aiohttp.web its routes. No web
framework is needed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from .asgi import AsgiSocket, Message, Receive, Send, body_of, path_of, request_of, respond
from .messages import Handler, SocketHandler, WebResponse, not_a_websocket, too_large, unknown_path

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["WebApp"]

MAX_BODY: Final = 256 * 1024  # bytes: an SDP offer has some 5 KiB, a webhook less


async def _nothing() -> None:
    """Start or close what needs neither."""


class WebApp:
    """Routes to handlers. An instance is an ASGI app; `aiohttp_routes` gives the same to aiohttp.web.

    `on_start` and `on_close` begin and end what the handlers have under way: an ASGI lifespan calls them. A mounted app
    gets no lifespan, and aiohttp.web knows none: there call them yourself.
    """

    def __init__(
        self,
        routes: Mapping[tuple[str, str], Handler],
        sockets: Mapping[str, SocketHandler] | None = None,
        *,
        on_start: Callable[[], Awaitable[None]] = _nothing,
        on_close: Callable[[], Awaitable[None]] = _nothing,
        max_body: int = MAX_BODY,
    ) -> None:
        self._routes = dict(routes)
        self._sockets = dict(sockets or {})
        self._on_start = on_start
        self._on_close = on_close
        self._max_body = max_body

    def aiohttp_routes(self, prefix: str = "") -> list[web.RouteDef]:
        """Return the routes for ``app.add_routes``, each path behind `prefix`."""
        from .aiohttp_server import routes  # noqa: PLC0415 - an ASGI service never loads it

        return routes(self._routes, self._sockets, prefix=prefix, max_body=self._max_body)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            response = await self._response(scope, receive)
        except ConnectionError:  # half a request: there is nobody to answer
            return
        await respond(send, response)

    async def _response(self, scope: Mapping[str, Any], receive: Receive) -> WebResponse:
        path = path_of(scope)
        handler = self._routes.get((scope["method"], path))
        if handler is None:
            allowed = [method for method, known in self._routes if known == path]
            return unknown_path(allowed) if allowed or path not in self._sockets else not_a_websocket()
        body = await body_of(receive, self._max_body)
        return too_large(self._max_body) if body is None else await handler(request_of(scope, path, body))

    async def _socket(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        path = path_of(scope)
        handler, socket = self._sockets.get(path), AsgiSocket(receive, send)
        refusal = unknown_path([]) if handler is None else await handler(request_of(scope, path, b""), socket)
        if refusal is not None:
            await socket.refuse(refusal, can_respond="websocket.http.response" in scope.get("extensions", {}))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._on_start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._on_close()
        await send({"type": "lifespan.shutdown.complete"})
