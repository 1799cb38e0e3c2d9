"""REST: POST /realtime/client_secrets by ours, by raw aiohttp with the same bytes, and by openai's clients."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp
import httpx
import openai
from harness import KEY, Server, Stopwatch, pairs, report, row, run, serve
from table import Row

from openai_realtime import (
    AsyncRealtimeClient,
    RealtimeClient,
    RealtimeCreateClientSecretRequest,
    RealtimeCreateClientSecretResponse,
    RealtimeSessionConfig,
    decode,
    encode,
)
from openai_realtime._codec.check import check

CALLS = 480
IN_FLIGHT = 16
MICRO = 1e6
REQUEST = RealtimeCreateClientSecretRequest(
    session=RealtimeSessionConfig(model="gpt-realtime", instructions="Answer in one short sentence.")
)
BODY = encode(REQUEST)
SESSION: Any = {"type": "realtime", "model": "gpt-realtime", "instructions": "Answer in one short sentence."}
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "Accept": "application/json"}

Figures = tuple[float, float]
"""Microseconds a call: on the wall, and of CPU."""


async def ours(server: Server, in_flight: int) -> Figures:
    """Our async client."""
    options: Any = {"base_url": server.rest, "api_key": KEY}
    async with AsyncRealtimeClient(**options) as client:
        return await _timed(lambda: client.create_realtime_client_secret(REQUEST), in_flight)


async def theirs(server: Server, in_flight: int) -> Figures:
    """Return the async client of openai."""
    async with openai.AsyncOpenAI(base_url=server.rest, api_key=KEY) as client:
        return await _timed(lambda: client.realtime.client_secrets.create(session=SESSION), in_flight)


async def raw(server: Server, in_flight: int) -> Figures:
    """aiohttp, which posts the same bytes and reads the same answer."""
    async with _session() as session:
        return await _timed(lambda: _post(session, server, BODY), in_flight)


async def raw_with_codec(server: Server, in_flight: int) -> Figures:
    """aiohttp, and the work that makes requests and answers classes: what a client of this design is above."""

    async def call() -> RealtimeCreateClientSecretResponse:
        check(REQUEST)
        return decode(await _post(session, server, encode(REQUEST)), RealtimeCreateClientSecretResponse)

    async with _session() as session:
        return await _timed(call, in_flight)


def _session() -> aiohttp.ClientSession:
    """With the settings of ours."""
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=600, connect=5)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout)


async def _post(session: aiohttp.ClientSession, server: Server, body: bytes) -> bytes:
    async with session.post(f"{server.rest}/realtime/client_secrets", data=body, headers=HEADERS) as response:
        return await response.read()


async def raw_httpx(server: Server, in_flight: int) -> Figures:
    """httpx, which does the same; openai's clients stand on it."""
    async with httpx.AsyncClient(headers=HEADERS) as client:
        return await _timed(lambda: client.post(f"{server.rest}/realtime/client_secrets", content=BODY), in_flight)


async def _timed(call: Callable[[], Awaitable[Any]], in_flight: int) -> Figures:
    async def several(count: int) -> None:
        for _ in range(count):
            await call()

    await asyncio.gather(*(several(1) for _ in range(in_flight)))  # the connections are open now
    with Stopwatch() as watch:
        await asyncio.gather(*(several(CALLS // in_flight) for _ in range(in_flight)))
    return watch.wall / CALLS * MICRO, watch.cpu / CALLS * MICRO


def ours_blocking(server: Server) -> Figures:
    """Our blocking client, both threads counted."""
    options: Any = {"base_url": server.rest, "api_key": KEY}
    with RealtimeClient(**options) as client:
        return _timed_blocking(lambda: client.create_realtime_client_secret(REQUEST))


def theirs_blocking(server: Server) -> Figures:
    """Return the blocking client of openai."""
    with openai.OpenAI(base_url=server.rest, api_key=KEY) as client:
        return _timed_blocking(lambda: client.realtime.client_secrets.create(session=SESSION))


def _timed_blocking(call: Callable[[], Any]) -> Figures:
    call()
    with Stopwatch() as watch:
        for _ in range(CALLS):
            call()
    return watch.wall / CALLS * MICRO, watch.cpu / CALLS * MICRO


def measure() -> list[Row]:
    """All rows of this script."""
    rows = []
    with serve() as server:
        for key, in_flight in (("rest sequential", 1), ("rest concurrent", IN_FLIGHT)):
            kinds = {
                "ours": ours,
                "aiohttp": raw,
                "with codec": raw_with_codec,
                "openai async": theirs,
                "httpx": raw_httpx,
            }
            wall, cpu = pairs({name: partial(run, work, server, in_flight) for name, work in kinds.items()})
            rows.append(row(key, wall, limit="aiohttp", peer="openai async"))
            rows.append(row(f"{key} cpu", cpu, limit="aiohttp", peer="openai async"))
            rows.append(row(f"{key} floor", cpu, ours="with codec", limit="aiohttp"))
        wall, cpu = pairs({"ours": partial(ours_blocking, server), "openai sync": partial(theirs_blocking, server)})
    rows.append(row("rest blocking", wall, peer="openai sync"))
    rows.append(row("rest blocking cpu", cpu, peer="openai sync"))
    return rows


if __name__ == "__main__":
    report(measure)
