"""The session of a client and the event loops that it is used in, one after the other."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from support.threads import DEADLINE, KEY, Server

from openai_realtime import AsyncRealtimeClient, ClientStateError


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def client(server: Server) -> AsyncRealtimeClient:
    return AsyncRealtimeClient(api_key=KEY, base_url=server.base_url)


async def called(client: AsyncRealtimeClient, server: Server) -> int:
    """How many connections the server has seen after another call."""
    assert (await client.create_realtime_client_secret()).value == "ek_1"
    return server.connections


def test_a_client_starts_anew_when_its_event_loop_has_ended(client: AsyncRealtimeClient, server: Server) -> None:
    assert [asyncio.run(called(client, server)) for _ in range(3)] == [1, 2, 3]
    asyncio.run(client.close())
    with pytest.raises(ClientStateError, match="the client is closed"):
        asyncio.run(called(client, server))


def test_a_client_starts_anew_beside_an_event_loop_that_stands_still(
    client: AsyncRealtimeClient, server: Server
) -> None:
    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert [runner.run(called(client, server)) for runner in (first, second, first)] == [1, 2, 3]
        second.run(client.close())


def test_the_end_of_an_event_loop_closes_the_connections(client: AsyncRealtimeClient, server: Server) -> None:
    asyncio.run(called(client, server))
    assert server.dropped.wait(DEADLINE)


def test_two_running_event_loops_are_refused(client: AsyncRealtimeClient, server: Server) -> None:
    async def use() -> None:
        await called(client, server)
        with pytest.raises(ClientStateError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, called(client, server))
        with pytest.raises(ClientStateError, match="another event loop"):
            await asyncio.to_thread(asyncio.run, client.close())
        assert await called(client, server) == 1
        await client.close()

    asyncio.run(use())


def answer(value: str) -> bytes:
    body = b'{"value": "%s", "expires_at": 1, "session": {"type": "realtime"}}' % value.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.anyio
async def test_what_a_server_says_unasked_is_not_the_answer_to_the_next_request() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer("ek_asked"))
        await heard.wait()
        writer.write(answer("ek_unasked"))
        await reader.read()
        writer.close()

    def idle() -> list[Any]:
        connections: Any = client._transport.pool.session().connector
        return [protocol for kept in connections._conns.values() for protocol, _ in kept]

    heard = asyncio.Event()
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with asyncio.timeout(DEADLINE), server, AsyncRealtimeClient(api_key=KEY, base_url=url) as client:
        assert (await client.create_realtime_client_secret()).value == "ek_asked"
        heard.set()
        while not idle()[0].should_close:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
        assert (await client.create_realtime_client_secret()).value == "ek_asked"
