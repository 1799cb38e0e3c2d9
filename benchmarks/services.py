"""The web services that web.py measures: ``services.py KIND UPSTREAM`` prints its URL and serves until it is killed.

Each mints client secrets at /client_secret and relays WebSockets at /realtime; /cpu tells the CPU seconds it has used.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import openai
from aiohttp import WSMsgType, web
from harness import KEY, allow_many_files

from openai_realtime import AsyncRealtimeClient, RealtimeSessionConfig
from openai_realtime.web.broker import Broker, BrokerSettings

SESSION: Any = {"type": "realtime", "model": "gpt-realtime", "instructions": "Answer in one short sentence."}
HEADERS = {"Authorization": f"Bearer {KEY}"}


def broker(app: web.Application, upstream: str) -> None:
    """Ours, with all that it does besides: who may, how often, with which settings, for how long."""
    options: Any = {"base_url": upstream, "api_key": KEY}
    settings = BrokerSettings(
        session=RealtimeSessionConfig(model="echo", instructions=SESSION["instructions"]),
        authorize=lambda request: request.headers["x-user"],
        salt="sixteen characters or more",
        rate=10**9,
    )
    app.add_routes(Broker(AsyncRealtimeClient(**options), settings).app.aiohttp_routes())


def bare(app: web.Application, upstream: str) -> None:
    """Post the same bytes, and pass messages on in both directions; nothing else."""

    async def mint(_: web.Request) -> web.Response:
        body = {"session": SESSION}
        async with app["http"].post(f"{upstream}/realtime/client_secrets", json=body, headers=HEADERS) as response:
            return web.Response(body=await response.read(), content_type="application/json")

    async def relay(request: web.Request) -> web.WebSocketResponse:
        browser = web.WebSocketResponse()
        await browser.prepare(request)
        async with app["http"].ws_connect(f"{upstream}/realtime?model=echo", headers=HEADERS) as session:
            await asyncio.wait(
                [asyncio.create_task(_pipe(browser, session)), asyncio.create_task(_pipe(session, browser))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        return browser

    async def client(app: web.Application) -> Any:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as app["http"]:
            yield

    app.cleanup_ctx.append(client)
    app.add_routes([web.post("/client_secret", mint), web.get("/realtime", relay)])


async def _pipe(source: Any, target: Any) -> None:
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await target.send_str(message.data)


def theirs(app: web.Application, upstream: str) -> None:
    """Return what one writes with openai's client."""
    client = openai.AsyncOpenAI(base_url=upstream, api_key=KEY)

    async def mint(_: web.Request) -> web.Response:
        secret = await client.realtime.client_secrets.create(session=SESSION)
        return web.json_response({"value": secret.value, "expires_at": secret.expires_at})

    app.add_routes([web.post("/client_secret", mint)])


KINDS: dict[str, Callable[[web.Application, str], None]] = {"ours": broker, "aiohttp": bare, "openai": theirs}


async def _cpu(_: web.Request) -> web.Response:
    return web.json_response(time.process_time())


async def main(kind: str, upstream: str) -> None:
    """Serve until killed."""
    app = web.Application()
    KINDS[kind](app, upstream)
    app.add_routes([web.get("/cpu", _cpu)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    allow_many_files()
    asyncio.run(main(*sys.argv[1:]))
