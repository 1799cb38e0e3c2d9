"""Many connections that stream audio in real time from one process, and one conversation that grows long."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, NamedTuple

import attrs
import openai
from harness import KEY, Server, Stopwatch, allow_many_files, child, interleave, report, row, run, serve
from table import Row

from openai_realtime import AsyncRealtimeClient, ReconnectPolicy, UserMessage

SIZES = (100, 300, 1_000)
CHUNK = bytes(9600)  # 200 ms of PCM16 at 24 kHz, as long as what server.py sends
INTERVAL = 0.2  # seconds; at 0.1 a thousand connections need a whole core, and a full core's share tells nothing
SECONDS = 2.0  # that are measured
HELD = 0.98  # the least share of the chunks that must pass for the load to count as real time
ITEMS = 10_000
PART = 1_000  # items at either end that are compared
_AT_ONCE = 50


@attrs.define
class Load:
    """What all connections of a process share."""

    go: asyncio.Event
    gate: asyncio.Semaphore
    opening: int
    opened: asyncio.Event
    sent: int = 0
    received: int = 0


class Line(NamedTuple):
    """An open connection: how it sends audio, and the audio of each event."""

    append: Callable[[bytes], Awaitable[None]]
    heard: AsyncIterable[bytes]


async def stream(lines: Sequence[AbstractAsyncContextManager[Line]]) -> dict[str, float]:
    """Return the per cent of a core that connections take, and the smaller share of chunks that passed."""
    size = len(lines)
    load = Load(asyncio.Event(), asyncio.Semaphore(_AT_ONCE), size, asyncio.Event())
    talks = [asyncio.create_task(_talk(line, number / size, load)) for number, line in enumerate(lines)]
    await load.opened.wait()
    load.go.set()
    await asyncio.sleep(3 * INTERVAL)
    load.sent = load.received = 0
    with Stopwatch() as watch:
        await asyncio.sleep(SECONDS)
    passed = min(load.sent, load.received) / (size * watch.wall / INTERVAL)
    for talk in talks:
        talk.cancel()
    await asyncio.gather(*talks, return_exceptions=True)
    return {"share": 100 * watch.cpu / watch.wall, "passed": passed}


async def _talk(manager: AbstractAsyncContextManager[Line], phase: float, load: Load) -> None:
    async with load.gate:
        line = await manager.__aenter__()
    try:
        load.opening -= 1
        if not load.opening:
            load.opened.set()
        await load.go.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(_listen(line, load))
            group.create_task(_speak(line, phase, load))
    finally:
        await manager.__aexit__(None, None, None)


async def _speak(line: Line, phase: float, load: Load) -> None:
    """Send a chunk every interval; `phase` spreads the connections over it."""
    loop = asyncio.get_running_loop()
    due = loop.time() + phase * INTERVAL
    while True:
        await asyncio.sleep(max(due - loop.time(), 0))
        await line.append(CHUNK)
        load.sent += 1
        due += INTERVAL


async def _listen(line: Line, load: Load) -> None:
    async for audio in line.heard:
        load.received += len(audio) == len(CHUNK)


async def ours(server: Server, observers: Sequence[Sequence[Any]]) -> dict[str, float]:
    """Measure connections of one client, as many as there are lists of observers."""
    options: Any = {"base_url": server.websocket, "api_key": KEY}
    async with AsyncRealtimeClient(**options) as client:
        return await stream([_our_line(client, each) for each in observers])


@contextlib.asynccontextmanager
async def _our_line(client: AsyncRealtimeClient, observers: Sequence[Any]) -> AsyncIterator[Line]:
    async with client.connect(model="stream", observers=observers) as connection:
        await connection.receive()
        events: Any = connection
        yield Line(connection.append_audio, (event.audio async for event in events))


async def theirs(server: Server, size: int) -> dict[str, float]:
    """Measure connections of openai's client."""
    async with openai.AsyncOpenAI(base_url=server.websocket, api_key=KEY) as client:
        return await stream([_their_line(client) for _ in range(size)])


@contextlib.asynccontextmanager
async def _their_line(client: openai.AsyncOpenAI) -> AsyncIterator[Line]:
    async with client.realtime.connect(model="stream") as connection:
        await connection.recv()

        async def append(pcm: bytes) -> None:
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())

        events: Any = connection
        yield Line(append, (base64.b64decode(event.delta) async for event in events))


def streams() -> list[Row]:
    """CPU shares of the sizes, each beside the smallest."""
    passed: dict[str, list[float]] = {str(size): [] for size in SIZES}

    def one(size: int) -> float:
        with serve() as server:
            figures: dict[str, float] = child("scale.py", str(size), server.websocket)
        passed[str(size)].append(figures["passed"])
        return figures["share"]

    samples = interleave({str(size): partial(one, size) for size in SIZES}, warm=False)
    return [_stream_row(str(size), samples, statistics.median(passed[str(size)])) for size in SIZES]


def _stream_row(size: str, samples: dict[str, list[float]], passed: float) -> Row:
    first = str(SIZES[0])
    line = row(f"stream {size}", samples, ours=size, limit="" if size == first else first)
    # The share of a core that cannot keep up stops growing, and would look linear.
    return line if passed >= HELD else line._replace(note=f"not in real time: {passed:.0%} of the chunks passed")


async def long_conversation(server: Server) -> tuple[float, float]:
    """CPU microseconds of creating an item and reading its event: of the first and of the last items.

    With reconnect, because only then the client keeps the conversation.
    """
    ends: list[float] = []
    options: Any = {"base_url": server.websocket, "api_key": KEY}
    async with (
        AsyncRealtimeClient(**options) as client,
        client.connect(model="items", reconnect=ReconnectPolicy()) as connection,
    ):
        reading = asyncio.create_task(_read(connection))
        for _ in range(ITEMS // PART):
            started = time.process_time()
            for number in range(PART):
                await connection.create_item(UserMessage.from_text(f"Item {number}."))
            ends.append((time.process_time() - started) / PART * 1e6)
        reading.cancel()
    return ends[0], ends[-1]


async def _read(connection: Any) -> None:
    async for _ in connection:
        pass


def conversation() -> Row:
    """Early beside late."""
    with serve() as server:
        figures = [run(long_conversation, server) for _ in range(6)][1:]  # the first warms up
    early, late = zip(*figures, strict=True)
    return row("long conversation", {"early": list(early), "late": list(late)}, ours="late", limit="early")


def measure() -> list[Row]:
    """All rows of this script."""
    return [*streams(), conversation()]


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].isdigit():
        allow_many_files()
        print(json.dumps(run(ours, Server(sys.argv[2], "", ""), [()] * int(sys.argv[1]))))
    else:
        report(measure)
