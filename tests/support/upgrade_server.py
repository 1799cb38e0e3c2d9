"""A server that shows what a client asked for when it connected."""

from __future__ import annotations

import ssl
from typing import Any, Self

from aiohttp import web

from openai_realtime import (
    AsyncRealtimeClient,
    RetryPolicy,
)

MODEL = "gpt-realtime-2.1"


KEY = "sk-made-up-0123456789"


class UpgradeServer:
    """A server that lets everybody in, after it has answered the first requests with the statuses in `refusals`."""

    def __init__(self, *refusals: int, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[web.BaseRequest] = []
        self._refusals = list(refusals)
        self._tls = tls

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._runner.addresses[0][1]}"

    def client(self, **options: Any) -> AsyncRealtimeClient:
        settings = {"base_url": self.origin + "/v1", "api_key": KEY, "retry": RetryPolicy(initial_delay=0)}
        return AsyncRealtimeClient(**(settings | options))  # type: ignore[misc]

    def azure(self, **options: Any) -> AsyncRealtimeClient:
        return AsyncRealtimeClient(azure_endpoint=self.origin, retry=RetryPolicy(initial_delay=0), **options)

    def sent(self, name: str) -> list[str | None]:
        return [request.headers.get(name) for request in self.requests]

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        if self._refusals:
            return web.Response(status=self._refusals.pop(0))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('{"type":"session.created","session":{"type":"realtime"}}')
        async for _ in socket:
            pass
        return socket
