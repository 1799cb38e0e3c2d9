"""The session of a client and the event loops that it is used in, one after the other."""

import asyncio
from collections.abc import Iterator

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
