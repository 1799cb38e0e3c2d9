"""The HTTP sessions of a client: what its WebSockets share, what is kept of each, and how aiohttp is told to wait."""

from __future__ import annotations

import asyncio
import gc
import weakref

import aiohttp
import pytest
from aiohttp.abc import ResolveResult
from support.door import KEY, MODEL, Door
from support.http_server import Server as RawServer, answer, connect, failure

from openai_realtime._config import Timeout
from openai_realtime._transport.http import _client_timeout
from openai_realtime._transport.pool import Pool
from openai_realtime.errors import APIStatusError

pytestmark = pytest.mark.anyio

DEADLINE = 10.0


async def test_all_connections_share_one_session() -> None:
    async with asyncio.timeout(DEADLINE), Door() as door, door.client() as client:
        async with client.connect(model=MODEL), client.connect(model=MODEL):
            pass
        sessions = client._transport.pool._upgrading
        assert len(sessions) == 1
        async with client.with_options(timeout=Timeout(total=9.0)).connect(model=MODEL):
            assert [timeout.total for timeout in sessions] == [600.0, 9.0]


@pytest.mark.filterwarnings("error")
async def test_nothing_warns_when_a_client_of_an_injected_session_is_dropped_unclosed() -> None:
    async with asyncio.timeout(DEADLINE), Door() as door, aiohttp.ClientSession() as session:
        client = door.client(http_session=session)
        async with client.connect(model=MODEL):
            pool = weakref.ref(client._transport.pool)
        (upgrading,) = client._transport.pool._upgrading.values()
        del client
        gc.collect()
        assert pool() is None
        assert upgrading.closed
        assert not session.closed


async def test_an_injected_session_keeps_its_headers_and_traces_for_a_websocket() -> None:
    started: list[str] = []

    async def note(_: object, __: object, params: aiohttp.TraceRequestStartParams) -> None:
        started.append(params.url.path)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(note)
    headers = {"X-Gateway": "g1", "Authorization": "Basic of the session"}
    async with asyncio.timeout(DEADLINE), Door() as door:
        async with (
            aiohttp.ClientSession(headers=headers, trace_configs=[trace]) as session,
            door.client(http_session=session) as client,
            client.connect(model=MODEL),
        ):
            pass
        assert door.sent("X-Gateway") == ["g1"]
        assert door.sent("Authorization") == [f"Bearer {KEY}"]
    assert started == ["/v1/realtime"]


async def test_a_client_that_is_closed_while_it_connects_lets_the_injected_session_finish() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def resolve(*_: object, **__: object) -> list[ResolveResult]:
        entered.set()
        await leave.wait()
        return [{"hostname": "localhost", "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    async with asyncio.timeout(DEADLINE), Door() as door:
        port = int(door.origin.rpartition(":")[2])
        connector = aiohttp.TCPConnector()
        connector._resolver.resolve = resolve  # type: ignore[method-assign]
        async with aiohttp.ClientSession(connector=connector) as session:
            client = door.client(http_session=session, base_url=f"http://localhost:{port}/v1")
            manager = client.connect(model=MODEL)
            opening = asyncio.create_task(manager.__aenter__())
            await entered.wait()
            await client.close()
            leave.set()
            await opening
            await manager.__aexit__(None, None, None)


async def test_a_refusal_tells_every_value_of_a_repeated_header() -> None:
    refused = answer(403, '{"error": {"message": "no"}}', x_word="one\r\nx-word: two")
    async with RawServer(refused) as server, connect(server) as client:
        error = await failure(client.connect(model=MODEL).__aenter__())
        assert isinstance(error, APIStatusError)
        assert error.headers["x-word"] == "one, two"


@pytest.mark.parametrize(
    ("read", "total", "sock_read"),
    [(5.0, 5.0, None), (6.0, 5.0, None), (1.0, 5.0, 1.0), (1.0, None, 1.0), (None, 5.0, None)],
)
def test_a_read_timeout_that_can_never_ring_costs_no_timer(
    read: float | None, total: float | None, sock_read: float | None
) -> None:
    timeout = _client_timeout(Timeout(read=read, total=total))
    assert (timeout.sock_read, timeout.total) == (sock_read, total)


def test_a_pool_that_was_never_used_has_nothing_to_let_go_of() -> None:
    pool = weakref.ref(Pool())
    assert pool() is None
