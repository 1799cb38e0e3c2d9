"""What `connect` gives, and what it takes."""

from __future__ import annotations

from typing import Any

import pytest
from support.recovery import greeting, nothing
from support.scripted import KEY, Peer, serving

from openai_realtime import (
    APITimeoutError,
    ClientStateError,
    ConfigurationError,
    ConnectionClosedError,
    ConnectOptions,
    InvalidRequestError,
    RateLimitsUpdated,
    RealtimeClient,
    RealtimeSessionConfig,
    RetryPolicy,
)
from openai_realtime.emulator import Emulator

pytestmark = pytest.mark.anyio

TEXT = RealtimeSessionConfig(output_modalities=["text"])


async def test_a_connection_can_be_awaited_and_closed_by_hand() -> None:
    async with serving(greeting(nothing)) as client:
        connection = await client.connect(model="m")
        assert not connection.closed
        await connection.close()
        assert connection.closed


async def test_what_connect_gives_can_be_used_twice() -> None:
    async with serving(greeting(nothing)) as client:
        connecting = client.connect(model="m")
        async with connecting as first, await connecting as second:
            assert first is not second


async def test_one_connect_is_for_one_block_at_a_time() -> None:
    """The second would take the place of the first, which nobody would close."""
    async with serving(greeting(nothing)) as client:
        connecting = client.connect(model="m")
        for _ in range(2):  # one after the other is fine
            async with connecting as connection:
                with pytest.raises(ClientStateError, match="call connect once for each block"):
                    await connecting.__aenter__()
                assert not connection.closed
            assert connection.closed


def test_one_blocking_connect_is_for_one_block_at_a_time() -> None:
    with Emulator() as emulator, RealtimeClient(**emulator.client_options) as client:
        connecting = client.connect(model="gpt-realtime-2.1")
        for _ in range(2):
            with connecting as connection:
                with pytest.raises(ClientStateError, match="call connect once for each block"):
                    connecting.__enter__()
                assert not connection.closed
            assert connection.closed


async def test_query_and_headers_go_with_the_upgrade() -> None:
    seen = []

    async def note(peer: Peer) -> None:
        seen.append((dict(peer.request.query), peer.request.headers))
        await peer.greet()

    async with serving(note) as client:
        more: Any = {"query": {"intent": "transcription", "guardrails": "a&b"}, "headers": {"X-Tenant": "7"}}
        async with client.connect(model="m", **more):
            pass
        async with client.connect_translation(model="t", **more):
            pass
    (query, headers), (other, _) = seen
    assert query == {"model": "m", "intent": "transcription", "guardrails": "a&b"}
    assert other["model"] == "t"
    assert (headers["X-Tenant"], headers["Authorization"]) == ("7", f"Bearer {KEY}")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"query": {"model": "other"}}, InvalidRequestError),
        ({"query": {"n": 5}}, InvalidRequestError),
        ({"query": "a=b"}, InvalidRequestError),
        ({"headers": {"Authorization": "Bearer x"}}, ConfigurationError),
        ({"headers": {"X": "a\r\nY: b"}}, ConfigurationError),
        ({"headers": ["X"]}, ConfigurationError),
        ({"dialect": "translation"}, InvalidRequestError),
        ({"dialect": None}, InvalidRequestError),
    ],
)
async def test_bad_query_headers_and_dialects_are_refused_before_the_network(given: Any, error: Any) -> None:
    async with serving(greeting(nothing)) as client:
        with pytest.raises(error, match=r"query|headers|header|dialect"):
            client.connect(model="m", **given)


async def test_settings_that_the_server_does_not_take_in_time_end_the_connection() -> None:
    async with serving(greeting(nothing)) as client:
        with pytest.raises(APITimeoutError, match=r"session\.update within 0\.05 seconds.*wait_for_session=False"):
            await client.connect(model="m", session=TEXT, timeout=0.05)


async def test_a_server_that_waits_for_the_clients_first_event_is_reached_without_waiting_for_a_session() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("session.update")
        await peer.receive_type("input_audio_buffer.append")
        await peer.send("rate_limits.updated", rate_limits=[])

    options = ConnectOptions(wait_for_session=False)
    async with (
        serving(script) as client,
        client.connect(model="m", session=TEXT, options=options) as connection,
    ):
        await connection.append_audio(bytes(2))
        assert await connection.wait_for(RateLimitsUpdated, 10)


@pytest.mark.parametrize(("early", "told"), [(None, "no event came"), ("overloaded", "only an error came.*overloaded")])
async def test_a_session_that_does_not_begin_is_told_with_what_came_instead(early: str | None, told: str) -> None:
    async def script(peer: Peer) -> None:
        if early:
            await peer.send("error", error={"message": early})

    options = ConnectOptions(open_timeout=1)
    async with serving(script, retry=RetryPolicy(max_retries=0)) as client:
        with pytest.raises(APITimeoutError, match=f"took the connection and {told}.*wait_for_session=False"):
            await client.connect(model="m", options=options)


async def test_a_connection_in_a_block_of_its_own_is_closed_there() -> None:
    async with serving(greeting(nothing)) as client:
        async with await client.connect(model="m") as connection:
            pass
        with pytest.raises(ConnectionClosedError):
            await connection.append_audio(bytes(2))
