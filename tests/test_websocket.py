"""A socket whose peer does not read, or goes at a bad moment: no send hangs, and no new socket is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from scripted import Peer, serving
from test_lifetime import nothing_left
from test_recovery import POLICY, Gate, greeting, lose, nothing

from openai_realtime import (
    AsyncRealtimeConnection,
    ConnectionClosedError,
    ConnectOptions,
    InputAudioBufferAppend,
    RateLimitsUpdated,
    Reconnected,
    ResponseCreate,
    UserMessage,
)
from openai_realtime.config import ConnectTarget
from openai_realtime.recovery import Recovery

pytestmark = pytest.mark.anyio
DEADLINE = 10
MUCH = bytes(2**20)


@asynccontextmanager
async def blocked(
    end: Any, *, code: int | None = None, options: ConnectOptions | None = None, policy: Any = None
) -> AsyncIterator[tuple[AsyncRealtimeConnection, asyncio.Task[None]]]:
    """A connection, and a task whose send waits because the peer has stopped reading; at `end` the peer closes."""

    async def deaf(peer: Peer) -> None:
        transport: Any = peer.request.transport
        transport.pause_reading()
        await end.wait()
        if code is None:
            peer.abort()
        else:
            await peer.socket.send_frame(code.to_bytes(2, "big"), aiohttp.WSMsgType.CLOSE)
        await asyncio.Event().wait()

    async def push() -> None:
        while True:
            await connection.send(InputAudioBufferAppend.from_bytes(MUCH))

    async with (
        nothing_left(),
        serving(greeting(deaf)) as client,
        asyncio.timeout(DEADLINE),
        client.connect(model="m", options=options, reconnect=policy) as connection,
    ):
        pushing = asyncio.create_task(push())
        await until_nothing_is_written(connection)
        yield connection, pushing
        with pytest.raises(ConnectionClosedError):
            await pushing


async def until_nothing_is_written(connection: AsyncRealtimeConnection) -> None:
    """Return when the kernel takes no more from the connection."""
    transport, size = connection._socket._tcp, -1
    while transport.get_write_buffer_size() != size or not size:
        size = transport.get_write_buffer_size()
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.mark.parametrize("policy", [None, POLICY], ids=["off", "on"])
@pytest.mark.parametrize("code", [4000, 3000])
async def test_a_send_that_waits_for_room_is_told_when_the_peer_closes(code: int, policy: Any) -> None:
    end = asyncio.Event()
    async with blocked(end, code=code, policy=policy):
        end.set()


async def test_a_send_that_waits_for_room_is_told_when_the_connection_is_cut() -> None:
    end = asyncio.Event()
    async with blocked(end):
        end.set()


async def test_a_send_that_waits_for_room_is_told_when_nobody_answers_pings() -> None:
    async with blocked(asyncio.Event(), options=ConnectOptions(heartbeat=0.05)):
        pass


async def test_close_ends_a_send_that_waits_for_room() -> None:
    async with blocked(asyncio.Event()) as (connection, _):
        await connection.close()
        assert connection.closed


async def test_a_send_on_a_lost_connection_is_told_though_nobody_reads_the_full_buffer() -> None:
    gone = asyncio.Event()

    async def flood(peer: Peer) -> None:
        for _ in range(50):
            await peer.send("response.output_audio.delta", delta="A" * 4000)
        peer.abort()
        gone.set()

    async def send_on() -> None:
        while True:
            await connection.send(ResponseCreate())
            await asyncio.sleep(0)

    options = ConnectOptions(buffer_size=20_000)
    async with (
        nothing_left(),
        serving(greeting(flood)) as client,
        asyncio.timeout(DEADLINE),
        client.connect(model="m", options=options) as connection,
    ):
        await gone.wait()
        with pytest.raises(ConnectionClosedError):
            await send_on()


async def test_an_operation_that_begins_during_a_reconnect_gets_its_answer() -> None:
    async def talk(peer: Peer) -> None:
        await peer.greet()
        await peer.answers(1)

    gate = Gate(talk)
    async with (
        nothing_left(),
        serving(greeting(lose), gate) as client,
        asyncio.timeout(DEADLINE),
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        await gate.reached.wait()
        adding = asyncio.create_task(connection.create_item(UserMessage.from_text("x")))
        await asyncio.sleep(0)
        gate.open.set()
        assert (await adding).item.type == "message"


async def test_close_at_the_moment_of_a_reconnect_closes_the_new_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    closing: asyncio.Future[asyncio.Task[None]] = asyncio.get_running_loop().create_future()
    closed = asyncio.Event()
    original = Recovery.replace

    async def until_closed(peer: Peer) -> None:
        async for _ in peer.socket:
            pass
        closed.set()

    async def replace(self: Recovery, *args: Any, **options: Any) -> Any:
        new = await original(self, *args, **options)
        closing.set_result(asyncio.create_task(connection.close()))
        await asyncio.sleep(0)  # the close runs up to its first wait
        return new

    monkeypatch.setattr(Recovery, "replace", replace)
    async with (
        nothing_left(),
        serving(greeting(lose), greeting(until_closed)) as client,
        asyncio.timeout(DEADLINE),
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        await (await closing)
        await closed.wait()


async def test_an_old_error_is_no_reason_against_a_new_connection() -> None:
    async def recovered(peer: Peer) -> None:
        error = {"type": "invalid_request_error", "code": "invalid_model", "message": "no such transcription model"}
        await peer.send("error", error=error)
        await peer.send("rate_limits.updated", rate_limits=[])
        await lose(peer)

    async with (
        nothing_left(),
        serving(greeting(recovered), greeting(nothing)) as client,
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        assert (await connection.wait_for(Reconnected, DEADLINE)).lost == []


async def test_pings_are_answered_and_pongs_are_taken() -> None:
    async def ping(peer: Peer) -> None:
        peer.socket._autoping = False  # so that the pong is seen here
        await peer.socket.pong(b"unasked")
        await peer.socket.ping(b"hi")
        message = await peer.socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"hi")
        await peer.send("rate_limits.updated", rate_limits=[])

    async with nothing_left(), serving(greeting(ping)) as client, client.connect(model="m") as connection:
        await connection.wait_for(RateLimitsUpdated, DEADLINE)


async def test_a_silent_server_that_answers_pings_is_no_lost_one() -> None:
    async def listen(peer: Peer) -> None:
        peer.socket._autoping = False
        for _ in range(2):
            message = await peer.socket.receive()
            assert message.type is aiohttp.WSMsgType.PING
            await peer.socket.pong(message.data)
        await peer.send("rate_limits.updated", rate_limits=[])

    options = ConnectOptions(heartbeat=0.6)
    async with (
        nothing_left(),
        serving(greeting(listen)) as client,
        client.connect(model="m", options=options) as connection,
    ):
        await connection.wait_for(RateLimitsUpdated, DEADLINE)


async def test_without_a_heartbeat_nobody_pings() -> None:
    async def answer(peer: Peer) -> None:
        peer.socket._autoping = False
        await peer.receive_type("response.create")  # and no ping before
        await peer.send("rate_limits.updated", rate_limits=[])

    options = ConnectOptions(heartbeat=None)
    async with (
        nothing_left(),
        serving(greeting(answer)) as client,
        client.connect(model="m", options=options) as connection,
    ):
        assert connection._socket._heartbeat is not None
        await connection._socket._heartbeat  # it has nothing to do
        await connection.send(ResponseCreate())
        await connection.wait_for(RateLimitsUpdated, DEADLINE)


async def test_a_connection_that_never_was_can_be_closed() -> None:
    async with nothing_left(), serving(greeting(nothing)) as client:
        target, options = ConnectTarget(path="/realtime?model=m"), ConnectOptions()
        connection = AsyncRealtimeConnection(client._transport, target, options, None)
        await connection.close()
        with pytest.raises(ConnectionClosedError, match="by the client"):
            await connection.receive()


async def test_close_is_bounded_though_the_peer_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai_realtime.websocket._CLOSE", 0.01)
    async with blocked(asyncio.Event()) as (connection, _):
        await connection.close()
        assert connection.closed
