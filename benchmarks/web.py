"""A web service: client secrets through the broker, sessions through the relay, beside what does no more than that."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import aiohttp
from harness import HERE, allow_many_files, interleave, pairs, report, row, run, serve
from services import HEADERS
from table import Row

CALLS = 960
IN_FLIGHT = 16
SESSIONS = 100
INTERVAL = 0.2  # seconds of audio in an append, and between two
ROUNDS = 15  # appends of each session that are measured
WARM = 5  # and that are not
MICRO, MILLI = 1e6, 1e3
APPEND = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(9600)).decode()})

Sample = dict[str, float]


@contextlib.contextmanager
def service(kind: str, upstream: str) -> Iterator[str]:
    """Return a service of services.py in a process of its own; its URL."""
    command = [sys.executable, str(HERE / "services.py"), kind, upstream]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            output: Any = process.stdout
            yield output.readline().strip()
        finally:
            process.kill()


async def mint(url: str) -> tuple[float, float]:
    """Microseconds a client secret: on the wall, and of the service's CPU."""

    async def several(count: int) -> None:
        for _ in range(count):
            async with http.post(f"{url}/client_secret", headers={"x-user": "ada"}) as response:
                response.raise_for_status()
                await response.read()

    async with _client() as http:
        await asyncio.gather(*(several(4) for _ in range(IN_FLIGHT)))
        cpu, started = await _cpu(http, url), time.perf_counter()
        await asyncio.gather(*(several(CALLS // IN_FLIGHT) for _ in range(IN_FLIGHT)))
        wall = time.perf_counter() - started
        return wall / CALLS * MICRO, (await _cpu(http, url) - cpu) / CALLS * MICRO


async def talk(url: str, *, is_service: bool) -> Sample:
    """Sessions that send audio and get it back: percentiles of the time that takes, and the share of a core."""
    async with _client() as http, contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(_socket(http, url)) for _ in range(SESSIONS)]
        await _all_rounds(sockets, WARM)
        cpu, started = await _cpu(http, url) if is_service else 0, time.perf_counter()
        times = await _all_rounds(sockets, ROUNDS)
        share = (await _cpu(http, url) - cpu) / (time.perf_counter() - started) * 100 if is_service else 0
    hundredths = statistics.quantiles(times, n=100)
    return {"share": share, "p50": hundredths[49] * MILLI, "p99": hundredths[98] * MILLI}


def _socket(http: aiohttp.ClientSession, url: str) -> Any:
    return http.ws_connect(f"{url}/realtime?model=echo", headers={**HEADERS, "x-user": "ada"})


async def _all_rounds(sockets: list[aiohttp.ClientWebSocketResponse], count: int) -> list[float]:
    taken = await asyncio.gather(*(_rounds(each, count, place / SESSIONS) for place, each in enumerate(sockets)))
    return [seconds for times in taken for seconds in times]


async def _rounds(socket: aiohttp.ClientWebSocketResponse, count: int, phase: float) -> list[float]:
    """Seconds from an append to its echo; `phase` spreads the sessions over the interval."""
    times, due = [], time.perf_counter() + phase * INTERVAL
    for _ in range(count):
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        started = time.perf_counter()
        await socket.send_str(APPEND)
        while '"response.output_audio.delta"' not in (await socket.receive_str())[:100]:
            pass
        times.append(time.perf_counter() - started)
        due += INTERVAL
    return times


def _client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())


async def _cpu(http: aiohttp.ClientSession, url: str) -> float:
    async with http.get(f"{url}/cpu") as response:
        return float(await response.json())


def mints() -> list[Row]:
    """Client secrets through each service."""

    def one(kind: str, upstream: str) -> tuple[float, float]:
        with service(kind, upstream) as url:
            figures: tuple[float, float] = run(mint, url, fast=True)
            return figures

    with serve() as server:
        wall, cpu = pairs({kind: partial(one, kind, server.rest) for kind in ("ours", "aiohttp", "openai")})
    return [row(key, samples, limit="aiohttp", peer="openai") for key, samples in (("mint", wall), ("mint cpu", cpu))]


def relays() -> list[Row]:
    """Sessions through each relay, and how much longer they took than without one."""
    samples: dict[str, list[Sample]] = {"ours": [], "aiohttp": [], "direct": []}

    def one(kind: str, upstream: str) -> float:
        if kind == "direct":
            sample = run(partial(talk, upstream, is_service=False), fast=True)
        else:
            with service(kind, upstream) as url:
                sample = run(partial(talk, url, is_service=True), fast=True)
        samples[kind].append(sample)
        return 0

    with serve() as server:
        interleave({kind: partial(one, kind, server.websocket) for kind in samples}, warm=False)
    rows = [_relay_row("relay", samples, "share", 0)]
    for name in ("p50", "p99"):
        direct = statistics.median(sample[name] for sample in samples["direct"])
        rows.append(_relay_row(f"relay {name}", samples, name, direct))
    return rows


def _relay_row(key: str, samples: dict[str, list[Sample]], name: str, direct: float) -> Row:
    return row(
        key,
        {kind: [sample[name] - direct for sample in samples[kind]] for kind in ("ours", "aiohttp")},
        limit="aiohttp",
    )


def measure() -> list[Row]:
    """All rows of this script."""
    allow_many_files()
    return [*mints(), *relays()]


if __name__ == "__main__":
    report(measure)
