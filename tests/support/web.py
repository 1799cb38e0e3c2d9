"""Web services on real ports: a `WebApp` under aiohttp.web and under uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from aiohttp import web

from openai_realtime.web.app import WebApp

DEADLINE = 30


async def until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds that nothing tells of."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


@asynccontextmanager
async def under_aiohttp(app: WebApp) -> AsyncIterator[str]:
    """The base URL of an app mounted below ``/voice`` of an aiohttp.web application."""
    application = web.Application()
    application.add_routes(app.aiohttp_routes("/voice"))
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/voice"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def under_uvicorn(app: Any, path: str = "") -> AsyncIterator[str]:
    """The base URL of an ASGI app."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="on", ws="wsproto", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        await until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{path}"
    finally:
        server.should_exit = True
        await asyncio.wait([serving], timeout=DEADLINE)
