"""Whatever a server answers, to a request or to an upgrade: a result, or an error of this package that prints."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from support.http_server import DEADLINE, KEY, Server, connect

from openai_realtime import AsyncRealtimeClient, RealtimeError, RetryPolicy

NAMES = st.sampled_from(
    [
        *("location", "retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms", "x-request-id"),
        *("x-ratelimit-limit-requests", "x-ratelimit-reset-tokens", "content-type", "content-encoding", "set-cookie"),
        *("content-length", "transfer-encoding", "connection", "upgrade", "sec-websocket-extensions"),
    ]
)
VALUES = st.binary(max_size=12) | st.sampled_from(
    [
        *(b"1e309", b"99999999999999999999", b"Mon, 01 Jan 2024 00:00:00 +999999999999999", b"http://[", b"/v1/x?a=b"),
        *(
            b"gzip",
            b"chunked",
            b"websocket",
            b"application/json; charset=\xff",
            b"permessage-deflate; a=99",
            KEY.encode(),
        ),
    ]
)
STATUS = st.sampled_from(
    [b"200 OK", b"101 S", b"204 N", b"304 N", b"307 T", b"401 \xff", b"407 P", b"429 T", b"999 X", b""]
)
BODIES = st.binary(max_size=20) | st.sampled_from(
    [
        b"{}",
        b'{"error":[]}',
        b'{"error":{"message":5,"code":{}}}',
        b'{"error":{"message":"\\ud800"}}',
        b"[" * 5000,
        b"NaN",
    ]
)
USES: list[Callable[[AsyncRealtimeClient], Awaitable[Any]]] = [
    lambda client: client.create_realtime_client_secret(),
    lambda client: client.create_realtime_call("v=0\r\n"),
    lambda client: client.hangup_realtime_call("rtc_1"),
    lambda client: client.connect(model="m").__aenter__(),
]


@pytest.mark.parametrize("use", USES)
@given(STATUS, st.lists(st.tuples(NAMES, VALUES), max_size=4), BODIES)
@settings(max_examples=60)
def test_no_response_brings_an_error_of_another_kind(
    use: Callable[[AsyncRealtimeClient], Awaitable[Any]], status: bytes, headers: list[tuple[str, bytes]], body: bytes
) -> None:
    lines = [b"HTTP/1.1 " + status, *(name.encode() + b": " + value for name, value in headers), b"", body]

    async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\r\n".join(lines))
        await writer.drain()
        writer.close()

    async def main() -> None:
        retry = RetryPolicy(max_retries=1, initial_delay=0, give_up_after=0)
        async with Server(step) as server, connect(server, retry=retry) as client:
            shown = ""
            try:
                async with asyncio.timeout(DEADLINE):
                    await use(client)
            except RealtimeError as error:
                shown = str(error)
        assert shown.isprintable()
        assert KEY not in shown

    asyncio.run(main())
