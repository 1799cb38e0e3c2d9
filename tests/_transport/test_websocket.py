"""A socket whose peer does not read, or goes at a bad moment: no send hangs, and no new socket is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anyio
import attrs
import pytest
from aiohttp import web
from support.lifetime import nothing_left
from support.recovery import POLICY, Gate, greeting, lose, nothing
from support.scripted import KEY, Peer, serving

from openai_realtime import (
    APITimeoutError,
    AsyncRealtimeClient,
    AsyncRealtimeConnection,
    ConnectionClosedError,
    ConnectOptions,
    InputAudioBufferAppend,
    RateLimitsUpdated,
    Reconnected,
    ReconnectPolicy,
    ResponseCreate,
    RestorePlan,
    RetryPolicy,
    UserMessage,
)
from openai_realtime._connection.reconnect import Recovery
from openai_realtime._transport import websocket
from openai_realtime._transport.targets import ConnectTarget

pytestmark = pytest.mark.anyio
DEADLINE = 30
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
    transport, size = connection._link.socket._tcp, -1
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


async def test_a_send_that_is_cancelled_while_it_waits_for_room_cancels_no_other() -> None:
    end = asyncio.Event()
    async with blocked(end, code=4000) as (connection, pushing):
        for _ in range(2):
            other = asyncio.create_task(connection.append_audio(MUCH))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(other), 0.05)
            other.cancel()
            with pytest.raises(asyncio.CancelledError):
                await other
        assert not pushing.done()
        assert not connection.closed
        end.set()


async def test_a_connection_that_closed_by_itself_when_all_was_sent_can_be_closed() -> None:
    read = asyncio.Event()

    async def slow(peer: Peer) -> None:
        transport: Any = peer.request.transport
        transport.pause_reading()
        await read.wait()
        transport.resume_reading()

    async with nothing_left(), serving(greeting(slow)) as client:
        connection = await client.connect(model="m")
        tcp, protocol = connection._link.socket._tcp, connection._link.socket._response.connection.protocol  # type: ignore[union-attr]
        while not tcp.get_write_buffer_size():
            tcp.write(b"\x8a\x80\0\0\0\0" * 100_000)  # pongs
        tcp.close()
        read.set()
        async with asyncio.timeout(DEADLINE):
            while protocol.transport is not None:  # type: ignore[union-attr]  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0)
        await connection.close()
        assert connection.closed


async def test_close_ends_a_send_that_waits_for_room() -> None:
    async with blocked(asyncio.Event()) as (connection, _):
        await connection.close()
        assert connection.closed


async def test_a_send_that_waits_for_room_is_told_when_the_new_connection_does_not_get_it() -> None:
    cut = asyncio.Event()

    async def deaf(peer: Peer) -> None:
        transport: Any = peer.request.transport
        transport.pause_reading()
        await cut.wait()
        peer.abort()

    async def push() -> None:
        while True:
            await connection.send(InputAudioBufferAppend.from_bytes(MUCH))

    policy = attrs.evolve(POLICY, on_reconnect=lambda plan: attrs.evolve(plan, events=()))
    async with (
        nothing_left(),
        serving(greeting(deaf), greeting(nothing)) as client,
        client.connect(model="m", reconnect=policy) as connection,
    ):
        pushing = asyncio.create_task(push())
        await until_nothing_is_written(connection)
        cut.set()
        with pytest.raises(ConnectionClosedError, match=r"input_audio_buffer\.append was lost with the connection"):
            await pushing
        assert not connection.closed


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
        closing.set_result(asyncio.create_task(connection.close()))  # it runs when the reader waits next
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


async def test_a_refused_attempt_leaves_the_next_socket_its_time_to_close() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.refuse("server_error", 1011, "try again")

    async with (
        nothing_left(),
        serving(refuse, greeting(nothing)) as client,
        asyncio.timeout(DEADLINE),
        client.connect(model="m") as connection,
    ):
        assert connection._link.socket._close_timeout == websocket._CLOSE


async def test_an_attempt_that_hangs_is_not_told_by_what_the_one_before_met() -> None:
    keys = iter([KEY])

    async def key() -> str:
        for found in keys:
            return found
        await asyncio.Event().wait()
        raise AssertionError

    async def refuse(peer: Peer) -> None:
        await peer.refuse("server_error", 1011, "try again")

    async with nothing_left(), serving(refuse) as client, asyncio.timeout(DEADLINE):
        with pytest.raises(APITimeoutError) as timeout:
            await client.with_options(api_key=key).connect(model="m", options=ConnectOptions(open_timeout=1))
        assert str(timeout.value) == "no session within 1 seconds"


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
        assert connection._link.socket._heartbeat is not None
        assert connection._link.socket._heartbeat._timer is None  # it has nothing to do
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
    monkeypatch.setattr("openai_realtime._transport.websocket._CLOSE", 0.01)
    async with blocked(asyncio.Event()) as (connection, _):
        await connection.close()
        assert connection.closed


# --- an upgrade without an answer, and closes that are interrupted ----------------------------------------------------


@asynccontextmanager
async def silent(*, after: int) -> AsyncIterator[AsyncRealtimeClient]:
    """A client of a server that greets and cuts its first connections, and answers the upgrade of no later one."""
    upgrades = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal upgrades
        upgrades += 1
        if upgrades > after:
            await asyncio.Event().wait()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        peer = Peer(socket, request)
        await peer.greet()
        await lose(peer)
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        async with AsyncRealtimeClient(base_url=url, api_key=KEY, retry=RetryPolicy(max_retries=0)) as client:
            yield client
    finally:
        await runner.cleanup()
    assert upgrades == after + 1


HASTY = ConnectOptions(open_timeout=0.5)


async def test_an_upgrade_without_an_answer_ends() -> None:
    async with nothing_left(), asyncio.timeout(DEADLINE), silent(after=0) as client:
        with pytest.raises(APITimeoutError, match=r"no session within 0\.5 seconds"):
            await client.connect(model="m", options=HASTY).__aenter__()


async def test_an_upgrade_without_an_answer_ends_during_a_reconnect_too() -> None:
    policy = ReconnectPolicy(retry=RetryPolicy(max_retries=0))
    # The first upgrade is answered, and has the usual time for it.
    async with nothing_left(), asyncio.timeout(DEADLINE), silent(after=1) as client:
        async with client.connect(model="m", reconnect=policy) as connection:
            assert connection._link._recovery is not None
            connection._link._recovery._options = HASTY
            with pytest.raises(ConnectionClosedError, match="1006") as caught:
                await connection.wait_for(Reconnected)
        assert isinstance(caught.value.__cause__, APITimeoutError)


async def leave_by_a_scope(use: Any, ready: asyncio.Event) -> None:
    """Every wait inside a cancelled scope is cancelled, those of the close too."""
    with anyio.CancelScope() as scope:

        async def cancel() -> None:
            await ready.wait()
            scope.cancel()

        cancelling = asyncio.create_task(cancel())
        await use()
    assert scope.cancelled_caught
    await cancelling


async def leave_by_two_cancels(use: Any, ready: asyncio.Event) -> None:
    """The second comes during the close."""
    using = asyncio.create_task(use())
    await ready.wait()
    using.cancel()
    await asyncio.sleep(0)
    using.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await using


LEAVE = pytest.mark.parametrize("leave", [leave_by_a_scope, leave_by_two_cancels])


@LEAVE
async def test_an_interrupted_close_cuts_the_connection(leave: Any) -> None:
    ready, left = asyncio.Event(), asyncio.Event()

    async def use() -> None:
        async with client.connect(model="m") as connection:
            async for _ in connection:
                ready.set()

    async def until_left(peer: Peer) -> None:
        try:
            await peer.socket.receive()
        finally:
            left.set()

    async with nothing_left(), serving(greeting(until_left)) as client:
        await leave(use, ready)
        await left.wait()


@LEAVE
async def test_an_interrupted_close_of_a_deaf_peer_cuts_the_connection(leave: Any) -> None:
    """It waits for an answer to its close that never comes."""
    ready = asyncio.Event()

    async def use() -> None:
        async with client.connect(model="m") as connection:
            async for _ in connection:
                ready.set()

    async def deaf(peer: Peer) -> None:
        transport: Any = peer.request.transport
        transport.pause_reading()
        await asyncio.Event().wait()

    async with nothing_left(), serving(greeting(deaf)) as client:
        await leave(use, ready)


@LEAVE
@pytest.mark.parametrize("moment", ["function", "first event"])
async def test_an_interrupted_close_ends_a_reconnect(leave: Any, moment: str) -> None:
    ready, ended = asyncio.Event(), []

    async def ask(plan: RestorePlan) -> RestorePlan:
        if moment == "function":
            ready.set()
            await asyncio.Event().wait()
        return plan

    async def second(peer: Peer) -> None:
        ready.set()
        try:
            await peer.socket.receive()
        finally:
            ended.append(peer)

    async def use() -> None:
        policy = ReconnectPolicy(on_reconnect=ask)
        async with client.connect(model="m", reconnect=policy) as connection:
            async for _ in connection:
                pass

    async with nothing_left(), serving(greeting(lose), second) as client:
        await leave(use, ready)
    assert len(ended) == (moment != "function")


async def test_closes_at_once_all_wait_for_the_answer() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(peer: Peer) -> None:
        peer.socket._autoclose = False
        message = await peer.socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)
        asked.set()
        await answer.wait()
        await peer.socket.close()

    async with nothing_left(), serving(greeting(slow)) as client, client.connect(model="m") as connection:
        closing = [asyncio.create_task(connection.close()) for _ in range(3)]
        await asked.wait()
        assert not connection._link.socket._tcp.is_closing()
        assert not any(task.done() for task in closing)
        answer.set()
        await asyncio.gather(*closing)
        assert connection.closed
