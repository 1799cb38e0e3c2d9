"""A peer that is slow is not gone, and one that is gone is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.recovery import greeting
from support.scripted import KEY, Peer, serving

from openai_realtime import (
    AsyncRealtimeClient,
    ConnectionClosedError,
    ConnectOptions,
    RateLimitsUpdated,
    UnknownEvent,
)

pytestmark = pytest.mark.anyio


async def test_a_large_message_that_comes_slowly_is_life() -> None:
    payload = json.dumps({"type": "brand.new", "audio": "A" * 100_000}).encode()
    frame = b"\x81\x7f" + len(payload).to_bytes(8, "big") + payload  # a text frame of a server: not masked

    async def trickle(peer: Peer) -> None:
        transport = peer.request.transport
        assert transport is not None
        for start in range(0, len(frame), 5000):
            transport.write(frame[start : start + 5000])
            await asyncio.sleep(0.1)

    async with (
        serving(greeting(trickle)) as client,
        client.connect(model="m", options=ConnectOptions(heartbeat=0.8)) as connection,
    ):
        event = await connection.wait_for(UnknownEvent, 30)
        assert len(event.raw["audio"]) == 100_000  # type: ignore[index]


@contextlib.asynccontextmanager
async def slow_uplink(client: AsyncRealtimeClient, rate: int) -> AsyncIterator[AsyncRealtimeClient]:
    """A client whose bytes go up over a line of `rate` bytes a second, and come down as they are."""
    port = int(client._transport.config.base_url.rpartition(":")[2].partition("/")[0])
    tasks: set[asyncio.Task[Any]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while data := await reader.read(16_384):
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(len(data) * pause)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        for way in (copy(reader, there_writer, 1 / rate), copy(there_reader, writer, 0)):
            tasks.add(asyncio.create_task(way))

    server = await asyncio.start_server(relay, "127.0.0.1", 0, limit=16_384)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with AsyncRealtimeClient(base_url=url, api_key=KEY) as slow:
            yield slow
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_audio_that_goes_out_slowly_is_life_and_an_answers_time_counts_when_it_is_out() -> None:
    async def script(peer: Peer) -> None:
        while (await peer.receive())["type"] != "input_audio_buffer.commit":
            pass
        await peer.send("input_audio_buffer.committed", item_id="u")

    options = ConnectOptions(heartbeat=1.0)
    async with (
        serving(greeting(script)) as client,
        slow_uplink(client, 2_500_000) as slow,
        slow.connect(model="m", options=options) as connection,
    ):
        await connection.append_audio(bytes(12_000_000))
        assert (await connection.commit_audio(timeout=5.5)).item_id == "u"


async def test_a_peer_that_takes_nothing_any_more_is_noticed() -> None:
    async def deaf(peer: Peer) -> None:
        assert peer.request.transport is not None
        peer.request.transport.pause_reading()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async with (
        serving(greeting(deaf)) as client,
        client.connect(model="m", options=ConnectOptions(heartbeat=0.3)) as connection,
    ):
        with pytest.raises(ConnectionClosedError, match="stopped answering pings"):
            await connection.append_audio(bytes(60_000_000))


async def test_without_a_heartbeat_nothing_is_watched() -> None:
    async def later(peer: Peer) -> None:
        await asyncio.sleep(0.2)
        await peer.send("rate_limits.updated", rate_limits=[])

    async with (
        serving(greeting(later)) as client,
        client.connect(model="m", options=ConnectOptions(heartbeat=None)) as connection,
    ):
        assert await connection.wait_for(RateLimitsUpdated, 10)
