"""Sessions over a WebSocket on 127.0.0.1: what receiving, sending and closing cost. Costs are CPU time unless named."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any

import aiohttp
import openai
import orjson
import websockets
from harness import KEY, Server, Stopwatch, interleave, report, row, run, serve
from table import Row

from openai_realtime import AsyncRealtimeClient, ConnectOptions, RealtimeClient, ResponseCreate
from openai_realtime._codec.converter import server_event_decoder

EVENTS = 5_550  # 50 turns
TRICKLE = 500
APPENDS = 2_000
UNREAD = 10_000
PCM = bytes(range(256)) * 16  # 4 KiB
START = b'{"type":"response.create"}'
MICRO, MILLI = 1e6, 1e3

# --- each client, connected, its first event read ---------------------------------------------------------------------


@contextlib.asynccontextmanager
async def ours(
    server: Server, model: str, options: ConnectOptions | None = None, observers: Sequence[Any] = ()
) -> AsyncIterator[Any]:
    """Our connection."""
    client: Any = AsyncRealtimeClient(base_url=server.websocket, api_key=KEY)
    async with client, client.connect(model=model, options=options, observers=observers) as connection:
        await connection.receive()
        yield connection


@contextlib.asynccontextmanager
async def theirs(server: Server, model: str) -> AsyncIterator[Any]:
    """Return the connection of openai's async client."""
    client = openai.AsyncOpenAI(base_url=server.websocket, api_key=KEY)
    async with client, client.realtime.connect(model=model) as connection:
        await connection.recv()
        yield connection


@contextlib.asynccontextmanager
async def raw(server: Server, model: str) -> AsyncIterator[Any]:
    """Return an aiohttp WebSocket that gives the bytes of each message."""
    async with aiohttp.ClientSession() as session:
        url = f"{server.websocket}/realtime?model={model}"
        async with session.ws_connect(url, decode_text=False, max_msg_size=0) as socket:
            await socket.receive()
            yield socket


@contextlib.asynccontextmanager
async def plain(server: Server, model: str) -> AsyncIterator[Any]:
    """Return a connection of the `websockets` package, without compression."""
    url = f"ws{server.websocket.removeprefix('http')}/realtime?model={model}"
    async with websockets.connect(url, compression=None, max_size=None) as socket:
        await socket.recv()
        yield socket


# --- receiving: microseconds an event ---------------------------------------------------------------------------------


async def _read(events: AsyncIterable[Any], count: int) -> None:
    async for _ in events:
        count -= 1
        if not count:
            return
    raise RuntimeError(f"the connection ended {count} events too early")


def _read_blocking(events: Iterable[Any], count: int) -> None:
    for _ in events:
        count -= 1
        if not count:
            return
    raise RuntimeError(f"the connection ended {count} events too early")


async def ours_receives(server: Server, model: str, count: int) -> float:
    """By iteration."""
    async with ours(server, model) as connection:
        await connection.send(ResponseCreate())
        with Stopwatch() as watch:
            await _read(connection, count)
    return watch.cpu


async def theirs_receives(server: Server, model: str, count: int) -> float:
    """By iteration."""
    async with theirs(server, model) as connection:
        await connection.response.create()
        with Stopwatch() as watch:
            await _read(connection, count)
    return watch.cpu


async def raw_receives(server: Server, model: str, count: int) -> float:
    """Bytes that nobody decodes: the limit."""
    async with raw(server, model) as socket:
        await socket.send_frame(START, aiohttp.WSMsgType.TEXT)
        with Stopwatch() as watch:
            await _read(socket, count)
    return watch.cpu


async def raw_decodes(server: Server, model: str, count: int) -> float:
    """Return the same bytes, decoded one by one: what a connection that gives events is above."""
    decode = server_event_decoder("realtime")
    async with raw(server, model) as socket:
        await socket.send_frame(START, aiohttp.WSMsgType.TEXT)
        with Stopwatch() as watch:
            for _ in range(count):
                decode((await socket.receive()).data)
    return watch.cpu


async def plain_receives(server: Server, model: str, count: int) -> float:
    """Bytes, and orjson; asked for bytes because that is its faster way."""
    async with plain(server, model) as socket:
        await socket.send(START, text=True)
        with Stopwatch() as watch:
            for _ in range(count):
                orjson.loads(await socket.recv(decode=False))
    return watch.cpu


def ours_blocking(server: Server, model: str, count: int) -> float:
    """By iteration, both threads counted."""
    client: Any = RealtimeClient(base_url=server.websocket, api_key=KEY)
    with client, client.connect(model=model) as connection:
        connection.receive()
        connection.send(ResponseCreate())
        with Stopwatch() as watch:
            _read_blocking(connection, count)
    return watch.cpu


def theirs_blocking(server: Server, model: str, count: int) -> float:
    """By iteration, both threads counted."""
    client = openai.OpenAI(base_url=server.websocket, api_key=KEY)
    with client, client.realtime.connect(model=model) as connection:
        connection.recv()
        connection.response.create()
        with Stopwatch() as watch:
            _read_blocking(connection, count)
    return watch.cpu


def bulk(server: Server) -> list[Row]:
    """Events that are there as fast as they can be read."""
    args = server, f"turn-{EVENTS}", EVENTS
    samples = interleave(
        {
            "ours": lambda: run(ours_receives, *args) / EVENTS * MICRO,
            "aiohttp bytes": lambda: run(raw_receives, *args) / EVENTS * MICRO,
            "with codec": lambda: run(raw_decodes, *args) / EVENTS * MICRO,
            "openai async": lambda: run(theirs_receives, *args) / EVENTS * MICRO,
            "websockets + orjson": lambda: run(plain_receives, *args) / EVENTS * MICRO,
            "ours blocking": lambda: ours_blocking(*args) / EVENTS * MICRO,
            "openai sync": lambda: theirs_blocking(*args) / EVENTS * MICRO,
        }
    )
    return [
        row("turn", samples, limit="aiohttp bytes", peer="openai async"),
        row("turn floor", samples, ours="with codec", limit="aiohttp bytes"),
        row("turn websockets", samples, peer="websockets + orjson"),
        row("turn blocking", samples, ours="ours blocking", limit="ours", peer="openai sync"),
    ]


def trickle(server: Server) -> list[Row]:
    """One event a millisecond: what it costs to be woken for each."""
    args = server, f"trickle-{TRICKLE}", TRICKLE
    samples = interleave(
        {
            "ours": lambda: run(ours_receives, *args) / TRICKLE * MICRO,
            "aiohttp bytes": lambda: run(raw_receives, *args) / TRICKLE * MICRO,
            "openai async": lambda: run(theirs_receives, *args) / TRICKLE * MICRO,
            "ours uvloop": lambda: run(ours_receives, *args, fast=True) / TRICKLE * MICRO,
            "openai uvloop": lambda: run(theirs_receives, *args, fast=True) / TRICKLE * MICRO,
            "ours blocking": lambda: ours_blocking(*args) / TRICKLE * MICRO,
            "openai sync": lambda: theirs_blocking(*args) / TRICKLE * MICRO,
        }
    )
    return [
        row("trickle", samples, limit="aiohttp bytes", peer="openai async"),
        row("trickle uvloop", samples, ours="ours uvloop", peer="openai uvloop"),
        row("trickle blocking", samples, ours="ours blocking", peer="openai sync"),
    ]


# --- closing: seconds on the wall -------------------------------------------------------------------------------------


async def ours_closes(server: Server) -> float:
    """With all events unread, decoded and waiting."""
    async with ours(server, f"turn-{UNREAD}", ConnectOptions(buffer_size=2**26)) as connection:
        await connection.send(ResponseCreate())
        async with asyncio.timeout(10):
            while connection.unread < UNREAD:  # noqa: ASYNC110 - nothing tells when that many are there
                await asyncio.sleep(0.01)
        return await _seconds_to(connection.close)


async def theirs_closes(server: Server) -> float:
    """With as many unread as its buffers take, the rest on its way."""
    async with theirs(server, f"turn-{UNREAD}") as connection:
        await connection.response.create()
        await asyncio.sleep(0.3)  # all buffers on the way fill
        return await _seconds_to(connection.close)


async def plain_closes(server: Server) -> float:
    """Return the same."""
    async with plain(server, f"turn-{UNREAD}") as socket:
        await socket.send(START, text=True)
        await asyncio.sleep(0.3)
        return await _seconds_to(socket.close)


async def _seconds_to(close: Callable[[], Awaitable[None]]) -> float:
    with Stopwatch() as watch:
        await close()
    return watch.wall


async def peers_close(server: Server) -> tuple[float, float]:
    """Both peers at once, because each waits for 10 s."""
    return await asyncio.gather(theirs_closes(server), plain_closes(server))


def close(server: Server) -> list[Row]:
    """Return the peers once only."""
    samples = interleave({"ours": lambda: run(ours_closes, server)})
    theirs_takes, plain_takes = run(peers_close, server)
    samples |= {"openai async": [theirs_takes], "websockets": [plain_takes]}
    return [row("close", samples, limit="websockets", peer="openai async")]


# --- sending ----------------------------------------------------------------------------------------------------------


async def ours_appends(server: Server) -> float:
    """PCM to the socket."""
    async with ours(server, "idle") as connection:
        with Stopwatch() as watch:
            for _ in range(APPENDS):
                await connection.append_audio(PCM)
    return watch.cpu


async def theirs_appends(server: Server) -> float:
    """PCM to the socket, Base64 included, which is the user's work there."""
    async with theirs(server, "idle") as connection:
        with Stopwatch() as watch:
            for _ in range(APPENDS):
                await connection.input_audio_buffer.append(audio=base64.b64encode(PCM).decode())
    return watch.cpu


async def raw_appends(server: Server) -> float:
    """Bytes of the same length that were made before."""
    frame = b'{"type":"input_audio_buffer.append","audio":"%b"}' % base64.b64encode(PCM)
    async with raw(server, "idle") as socket:
        with Stopwatch() as watch:
            for _ in range(APPENDS):
                await socket.send_frame(frame, aiohttp.WSMsgType.TEXT)
    return watch.cpu


async def ours_blocks(server: Server) -> float:
    """Return the longest standstill while 15 MiB are appended."""
    async with ours(server, "idle") as connection:
        return await _longest_standstill(connection.append_audio(PCM * 3840))


async def theirs_blocks(server: Server) -> float:
    """Return the same in one event, as its API takes it."""
    async with theirs(server, "idle") as connection:
        audio = base64.b64encode(PCM * 3840).decode()
        return await _longest_standstill(connection.input_audio_buffer.append(audio=audio))


async def _longest_standstill(work: Awaitable[None]) -> float:
    """Return the longest time between two turns of the event loop while `work` runs."""
    task, longest, before = asyncio.ensure_future(work), 0.0, time.perf_counter()
    while not task.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    await task
    return longest


def append(server: Server) -> list[Row]:
    """Audio towards the server."""
    samples = interleave(
        {
            "ours": lambda: run(ours_appends, server) / APPENDS * MICRO,
            "aiohttp bytes": lambda: run(raw_appends, server) / APPENDS * MICRO,
            "openai async": lambda: run(theirs_appends, server) / APPENDS * MICRO,
        }
    )
    blocked = interleave(
        {
            "ours": lambda: run(ours_blocks, server) * MILLI,
            "openai async": lambda: run(theirs_blocks, server) * MILLI,
        }
    )
    return [
        row("append", samples, limit="aiohttp bytes", peer="openai async"),
        row("append blocks", blocked, peer="openai async"),
    ]


def measure() -> list[Row]:
    """All rows of this script."""
    with serve() as server:
        return [*bulk(server), *trickle(server), *close(server), *append(server)]


if __name__ == "__main__":
    report(measure)
