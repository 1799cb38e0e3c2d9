"""Memory of open connections and of a slow consumer, each kind in a fresh process: ``memory.py KIND URL CA uvloop``."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import ssl
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import uvloop
from harness import KEY, REPETITIONS, Server, allow_many_files, child, interleave, report, row, serve
from table import Row

CONNECTIONS = 1_000
_AT_ONCE = 50  # connections being opened
DELTAS = 100_000
MARKS = (DELTAS // 10, DELTAS // 2, DELTAS)
PAUSE_EVERY = 20  # events the slow consumer reads before it sleeps

Open = Callable[[], Awaitable[Any]]


def memory() -> int:
    """KiB of this process: what it has for itself, and its share of what it has with others."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


# --- in the child: one way to open a connection each ------------------------------------------------------------------


async def _ours(server: Server, stack: contextlib.AsyncExitStack) -> Open:
    from openai_realtime import AsyncRealtimeClient  # noqa: PLC0415 - each child loads one client only

    options: Any = {"base_url": server.websocket, "api_key": KEY, "ssl": server.client_context()}
    client = await stack.enter_async_context(AsyncRealtimeClient(**options))

    async def opened() -> Any:
        manager = client.connect(model="idle")
        connection = await manager.__aenter__()
        await connection.receive()
        return manager, connection  # a manager that nobody holds closes its connection

    return opened


async def _aiohttp(server: Server, stack: contextlib.AsyncExitStack) -> Open:
    import aiohttp  # noqa: PLC0415

    connector = aiohttp.TCPConnector(limit=0, ssl=server.client_context())
    session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))

    async def opened() -> Any:
        socket = await session.ws_connect(f"{server.websocket}/realtime?model=idle", decode_text=False)
        await socket.receive()
        return socket

    return opened


async def _openai(server: Server, stack: contextlib.AsyncExitStack) -> Open:
    import openai  # noqa: PLC0415

    client = await stack.enter_async_context(openai.AsyncOpenAI(base_url=server.websocket, api_key=KEY))
    context = server.client_context()
    options: Any = {"ssl": context} if isinstance(context, ssl.SSLContext) else {}

    async def opened() -> Any:
        manager = client.realtime.connect(model="idle", websocket_connection_options=options)
        connection = await manager.__aenter__()
        await connection.recv()
        return manager, connection

    return opened


async def _idle(kind: Callable[..., Awaitable[Open]], server: Server) -> float:
    """KiB that each of many open connections takes."""
    async with contextlib.AsyncExitStack() as stack:
        opened = await kind(server, stack)
        held = await _hold(opened, _AT_ONCE)  # what is needed once is there now
        gc.collect()
        before = memory()
        held += await _hold(opened, CONNECTIONS)
        gc.collect()
        taken = (memory() - before) / CONNECTIONS
        if (sockets := _open_sockets()) < len(held):
            raise RuntimeError(
                f"only {sockets} of {len(held)} connections are open: the figure would be of closed ones"
            )
        return taken


def _open_sockets() -> int:
    """TCP connections of this process to 127.0.0.1 that both sides hold open."""
    process: Any = psutil.Process()
    return sum(one.status == psutil.CONN_ESTABLISHED for one in process.net_connections("tcp"))


async def _hold(opened: Open, count: int) -> list[Any]:
    """Many connections, not all at once: the server's queue of new ones is short."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one() -> Any:
        async with gate:
            return await opened()

    return await asyncio.gather(*(one() for _ in range(count)))


async def _slow_consumer(server: Server) -> dict[str, float]:
    """MiB by which the process has grown, at most, up to so many events; of these it reads fewer than come."""
    from openai_realtime import AsyncRealtimeClient, ResponseCreate  # noqa: PLC0415

    options: Any = {"base_url": server.websocket, "api_key": KEY}
    count, most, grown, full = 0, 0, {}, False
    async with AsyncRealtimeClient(**options) as client, client.connect(model=f"delta-{DELTAS}") as connection:
        await connection.receive()
        before = memory()
        await connection.send(ResponseCreate())
        events: Any = connection
        async for event in events:
            count += len(event.audio) > 0
            if not count % PAUSE_EVERY:
                await asyncio.sleep(0.001)
                most, full = max(most, memory()), full or connection._inbox.full  # noqa: SLF001
            if count in MARKS:
                grown[f"{count:,}"] = (most - before) / 1024
            if count == DELTAS:
                break
    if not full:
        raise RuntimeError("the buffer was never full: that shows nothing")
    return grown


_KINDS = {"ours": _ours, "aiohttp": _aiohttp, "openai": _openai}


def _in_child(kind: str, url: str, ca: str, loop: str) -> None:
    allow_many_files()
    server = Server(url, "", ca)
    work: Any = _slow_consumer(server) if kind == "slow" else _idle(_KINDS[kind], server)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None) as runner:
        print(json.dumps(runner.run(work)), flush=True)
    # Closing a thousand connections one by one is nobody's interest here.


# --- the parent -------------------------------------------------------------------------------------------------------


def connections(*, tls: bool, loop: str) -> Row:
    """KiB a connection, ours beside bare aiohttp and openai."""
    key = "memory " + ("tls" if tls else "plain") + (" uvloop" if loop == "uvloop" else "")
    with serve(tls=tls) as server:
        kinds = {kind: partial(child, "memory.py", kind, server.websocket, server.ca, loop) for kind in _KINDS}
        samples = interleave(kinds, REPETITIONS, warm=False)
    return row(key, samples, limit="aiohttp", peer="openai")


def slow_consumer() -> Row:
    """Once only: it takes long, and shows a course and no cost."""
    with serve() as server:
        seen = child("memory.py", "slow", server.websocket, "", "asyncio")
    samples = {name: [mebibytes] for name, mebibytes in seen.items()}
    first, middle, last = samples
    return row("slow consumer", samples, ours=last, limit=first, peer=middle)


def measure() -> list[Row]:
    """All rows of this script."""
    rows = [connections(tls=tls, loop=loop) for tls in (False, True) for loop in ("asyncio", "uvloop")]
    return [*rows, slow_consumer()]


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in (*_KINDS, "slow"):
        _in_child(*sys.argv[1:])
    else:
        report(measure)
