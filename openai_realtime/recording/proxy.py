"""`Proxy`: stands in front of an API, for clients in any language, and records their sessions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp import WSMsgType, web
from yarl import URL

from openai_realtime._codec.converter import decode_client_event, decode_server_event
from openai_realtime._connection.tasks import stop
from openai_realtime._redaction import redact
from openai_realtime.errors import DecodeError

from .recorder import Recorder

__all__ = ["Proxy"]

_MAX_MESSAGE: Final = 32 * 1024 * 1024
_MAX_BODY: Final = 16 * 1024 * 1024
_ABNORMAL: Final = 1011
_UNSENDABLE: Final = (None, 1005, 1006, 1015)
# What belongs to one connection, and not to what is sent over it.
_OWN: Final = frozenset(
    {"host", "connection", "upgrade", "transfer-encoding", "content-length", "content-encoding", "accept-encoding"}
)


class Proxy:
    """Forwards every request under ``/v1`` to `base_url`, as it is, and its answer back; keys come from the client.

    Each WebSocket becomes a recording: the first at `path`, the next ones with a number in the name. `opened` is called
    with the path of each that begins.
    """

    def __init__(self, base_url: str, path: Path, opened: Callable[[Path], object] = lambda _: None) -> None:
        self._base = URL(base_url.rstrip("/") + "/")
        self._path = path
        self._opened = opened
        self._count = 0

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[str]:
        """Serve; give the base URL for clients. Raises OSError if the port is taken."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/v1/{path:.*}", self._handle)
        trace = aiohttp.TraceConfig()
        trace.on_request_redirect.append(_refuse)
        async with aiohttp.ClientSession(auto_decompress=False, trace_configs=[trace]) as self._http:
            runner = web.AppRunner(app, shutdown_timeout=1)
            await runner.setup()
            try:
                await web.TCPSite(runner, host, port).start()
                yield f"http://{host}:{runner.addresses[0][1]}/v1"
            finally:
                await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        url = self._base.join(URL(request.match_info["path"])).with_query(request.query_string)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._session(request, url, headers)
            return await self._call(request, url, headers)
        except aiohttp.ClientError as error:
            message = redact(f"the proxy got no answer: {type(error).__name__} {error}")
            return web.json_response({"error": {"message": message}}, status=502)

    async def _call(self, request: web.Request, url: URL, headers: dict[str, str]) -> web.Response:
        body = await request.read()
        async with self._http.request(request.method, url, headers=headers, data=body, allow_redirects=False) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    async def _session(self, request: web.Request, url: URL, headers: dict[str, str]) -> web.StreamResponse:
        asked = [name.strip() for name in headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()]
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("sec-websocket")}
        connecting = self._http.ws_connect(url, headers=headers, protocols=asked, max_msg_size=_MAX_MESSAGE)
        async with connecting as server:
            protocols = [server.protocol] if server.protocol else []
            client = web.WebSocketResponse(protocols=protocols, max_msg_size=_MAX_MESSAGE)
            await client.prepare(request)
            path = self._next_path()
            self._opened(path)
            with Recorder(path) as recorder:
                await _relay(client, server, recorder)
            return client

    def _next_path(self) -> Path:
        self._count += 1
        return self._path if self._count == 1 else self._path.with_stem(f"{self._path.stem}-{self._count}")


async def _refuse(*_: object) -> None:
    raise aiohttp.ClientError("a redirect, which could take the key elsewhere")


async def _relay(client: web.WebSocketResponse, server: aiohttp.ClientWebSocketResponse, recorder: Recorder) -> None:
    ways = [
        asyncio.ensure_future(_pass(client, server, lambda text: recorder.sent(decode_client_event(text)))),
        asyncio.ensure_future(_pass(server, client, lambda text: recorder.received(decode_server_event(text)))),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await stop(ways)


async def _pass(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    target: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    record: Callable[[str], None],
) -> None:
    """Pass on all messages of one side, and how it ends."""
    while (message := await source.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
        if message.type is WSMsgType.TEXT:
            with contextlib.suppress(DecodeError, OSError):  # what is no event, and what no disk takes
                record(message.data)
            await target.send_str(message.data)
        else:
            await target.send_bytes(message.data)
    reason = (message.extra or "").encode() if message.type is WSMsgType.CLOSE else b""
    code = source.close_code
    await target.close(code=_ABNORMAL if code is None or code in _UNSENDABLE else code, message=reason)
