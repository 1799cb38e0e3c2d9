"""Those who follow a session are told of every event, before anybody reads it, and cannot end it."""

from __future__ import annotations

import logging
from typing import Any
from unittest.mock import AsyncMock

import pytest
from support.recovery import POLICY, greeting
from support.scripted import Peer, serving

from openai_realtime import (
    ClientEvent,
    InputAudioBufferAppend,
    InvalidRequestError,
    RateLimitsUpdated,
    RealtimeEventError,
    RealtimeSessionConfig,
    Reconnected,
    ResponseCreate,
    ServerEvent,
)

pytestmark = pytest.mark.anyio

TEXT = RealtimeSessionConfig(output_modalities=["text"])


class Follower:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.connection: Any = None

    def opened(self, connection: Any) -> None:
        self.seen.append("opened")
        self.connection = connection

    def closed(self) -> None:
        self.seen.append("closed")

    def sent(self, event: ClientEvent) -> None:
        self.seen.append(f"> {event.type}")

    def received(self, event: ServerEvent) -> None:
        self.seen.append(f"< {event.type}")


async def test_an_observer_is_told_of_each_event_in_order_before_anybody_reads_it() -> None:
    async def script(peer: Peer) -> None:
        await peer.answers(1)
        await peer.receive_type("input_audio_buffer.append")
        await peer.send("rate_limits.updated", rate_limits=[])

    follower = Follower()
    async with (
        serving(greeting(script)) as client,
        client.connect(model="m", session=TEXT, observers=[follower]) as connection,
    ):
        assert follower.connection is connection
        await connection.append_audio(bytes(4))
        await connection.wait_for(RateLimitsUpdated, 10)
        assert connection.unread == 3  # nobody has read
    assert follower.seen == [
        "< session.created",
        "> session.update",
        "< session.updated",
        "opened",
        "> input_audio_buffer.append",
        "< rate_limits.updated",
        "closed",
    ]


async def test_an_observer_is_told_of_errors_that_a_caller_gets() -> None:
    async def script(peer: Peer) -> None:
        event = await peer.receive()
        await peer.send("error", error={"message": "no", "event_id": event["event_id"]})

    follower = Follower()
    async with (
        serving(greeting(script)) as client,
        client.connect(model="m", observers=[follower]) as connection,
    ):
        with pytest.raises(RealtimeEventError):
            await connection.update_session(TEXT)
    assert follower.seen[-2:] == ["< error", "closed"]


async def test_an_observer_is_told_where_the_connection_was_replaced() -> None:
    async def first(peer: Peer) -> None:
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.receive_type("response.create")

    follower = Follower()
    async with (
        serving(greeting(first), greeting(second)) as client,
        client.connect(model="m", reconnect=POLICY, observers=[follower]) as connection,
    ):
        await connection.wait_for(Reconnected, 10)
        await connection.send(ResponseCreate())
    assert follower.seen == [
        "< session.created",
        "opened",
        "< openai_realtime.reconnected",
        "< session.created",
        "> response.create",
        "closed",
    ]


@pytest.mark.parametrize("where", ["opened", "sent", "received"])
async def test_an_observer_that_raises_is_reported_once_and_the_session_goes_on(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(peer: Peer) -> None:
        for _ in range(2):
            await peer.receive_type("response.create")
        await peer.send("rate_limits.updated", rate_limits=[])

    def fail(_: Any) -> None:
        raise LookupError("a defect")

    broken, follower = Follower(), Follower()
    setattr(broken, where, fail)
    with caplog.at_level(logging.ERROR, logger="openai_realtime"):
        async with (
            serving(greeting(script)) as client,
            client.connect(model="m", observers=[broken, follower]) as connection,
        ):
            for _ in range(2):
                await connection.send(ResponseCreate())
            await connection.wait_for(RateLimitsUpdated, 10)
            (error,) = connection.observer_errors
    assert isinstance(error, LookupError)
    assert [record.name for record in caplog.records] == ["openai_realtime.session"]
    assert follower.seen[-4:] == ["> response.create"] * 2 + ["< rate_limits.updated", "closed"]


class Asynchronous(Follower):
    """Nobody would await it."""

    async def received(self, event: ServerEvent) -> None:  # type: ignore[override]
        super().received(event)


class AsynchronousAtTheEnd(Follower):
    async def closed(self) -> None:  # type: ignore[override]
        super().closed()


@pytest.mark.parametrize(
    "observers", [[5], [object()], [Follower, None], [Asynchronous()], [AsynchronousAtTheEnd()], [AsyncMock()]]
)
async def test_what_is_no_observer_is_refused_before_the_network(observers: Any) -> None:
    async with serving(greeting(Peer.greet)) as client:
        with pytest.raises(InvalidRequestError, match=r"observers\[\d\]"):
            await client.connect(model="m", observers=observers)


async def test_audio_is_an_event_only_for_those_who_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    original = InputAudioBufferAppend.__init__

    def counted(self: Any, **fields: Any) -> None:
        made.append(fields)
        original(self, **fields)

    async def script(peer: Peer) -> None:
        event = await peer.receive_type("input_audio_buffer.append")
        assert event == {"type": event["type"], "event_id": event["event_id"], "audio": "AQID"}
        await peer.send("rate_limits.updated", rate_limits=[])

    monkeypatch.setattr(InputAudioBufferAppend, "__init__", counted)
    for observers in ([], [Follower()]):
        async with (
            serving(greeting(script)) as client,
            client.connect(model="m", observers=observers) as connection,
        ):
            await connection.append_audio(bytearray(b"\1\2\3"))
            await connection.wait_for(RateLimitsUpdated, 10)
        assert len(made) == len(observers)
