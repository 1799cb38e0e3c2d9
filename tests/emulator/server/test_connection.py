"""Faults in the middle of a session."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from support.wire import (
    ADDED,
    CANCEL,
    DEADLINE,
    RESPOND,
    TEXT_ONLY,
    Wire,
    message,
)

from openai_realtime import ConfigurationError
from openai_realtime.emulator import Emulator, faults
from openai_realtime.models.server_events import ErrorDetails

pytestmark = pytest.mark.anyio


async def lost(wire: Wire) -> aiohttp.WSMsgType:
    """What a bare client sees at the end of a connection that nobody closed."""
    received = await wire.socket.receive(DEADLINE)
    assert wire.socket.close_code == 1006
    return received.type


@pytest.mark.parametrize("kind", [faults.Drop, faults.HalfFrame])
async def test_a_connection_is_cut(emulator: Emulator, kind: type[faults.Fault]) -> None:
    emulator.inject_fault(kind(at=3))
    emulator.inject_fault(kind(at="response.done"))
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(message("Hello."), message("Hello?"))
        await wire.expect(*ADDED)
        await lost(wire)
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("Hello."), RESPOND)
        await wire.until("response.output_item.done")
        await lost(wire)
    async with Wire(emulator) as wire:
        await wire.expect("session.created")


async def test_accept_and_close(emulator: Emulator) -> None:
    error = ErrorDetails(type="invalid_request_error", code="insufficient_quota", message="No money.")
    emulator.inject_fault(faults.Close(error=error, code=4000, reason="invalid_request_error.insufficient_quota"))
    emulator.inject_fault(faults.Close(code=1012, reason="restart"))
    async with Wire(emulator) as wire:
        assert (await wire.error())["code"] == "insufficient_quota"
        assert await wire.closed() == (4000, "invalid_request_error.insufficient_quota")
    async with Wire(emulator) as wire:
        assert await wire.closed() == (1012, "restart")


async def test_silence_does_not_even_answer_pings(emulator: Emulator) -> None:
    emulator.inject_fault(faults.Silence(at="session.updated"))
    async with Wire(emulator, heartbeat=0.1) as wire:
        await wire.expect("session.created")
        await wire.send(TEXT_ONLY)
        assert (await wire.socket.receive(DEADLINE)).type is aiohttp.WSMsgType.ERROR
    async with Wire(emulator, autoping=False) as wire:  # where there is no fault, they are
        await wire.expect("session.created")
        await wire.socket.ping(b"there?")
        answer = await wire.socket.receive(DEADLINE)
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"there?")


async def test_messages_that_no_client_expects(emulator: Emulator) -> None:
    odd = [
        '{"type": "surprise.event", "x": [1]}',
        "{nope",
        b"\0\1",
        json.dumps({"type": "pad", "pad": "x" * 5_000_000}),
    ]
    emulator.inject_fault(*(faults.Message(at=1, message=text) for text in odd))
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        assert [(await wire.socket.receive(DEADLINE)).data for _ in odd] == odd
        await wire.send(TEXT_ONLY)
        await wire.expect("session.updated")


async def test_late_and_out_of_order(emulator: Emulator) -> None:
    emulator.inject_fault(faults.Delay(at=1, seconds=0.01), faults.Swap(at="conversation.item.added"))
    async with Wire(emulator) as wire:
        await wire.send(message("a"), message("b"))
        await wire.expect("session.created", *reversed(ADDED), *ADDED)


async def test_what_is_late_is_overtaken_on_another_connection(emulator: Emulator) -> None:
    emulator.inject_fault(faults.Delay(at=1, seconds=600))
    async with Wire(emulator) as late, Wire(emulator) as wire:
        await late.expect("session.created")
        await wire.expect("session.created")
        await late.send(message("a"))
        waiting = asyncio.create_task(late.get())
        for _ in range(10):
            await wire.send(message("b"))
            await wire.expect(*ADDED)
        assert not waiting.done()
        waiting.cancel()


async def test_a_swap_hides_no_later_fault(emulator: Emulator) -> None:
    """It sends two events at once, and with them goes past the number at which the next fault is to come."""
    emulator.inject_fault(faults.Swap(at=1), faults.Close(at=2, code=1012))
    async with Wire(emulator) as wire:
        await wire.send(message("a"))
        await wire.expect("session.created", *reversed(ADDED))
        assert await wire.closed() == (1012, "")


async def test_faults_now(emulator: Emulator) -> None:
    async with Wire(emulator) as wire, Wire(emulator) as other:
        await wire.expect("session.created")
        await other.expect("session.created")
        emulator.inject_fault(faults.Message(message='{"type": "x"}'), now=True)
        assert (await wire.socket.receive_json(timeout=DEADLINE)) == {"type": "x"}
        assert (await other.socket.receive_json(timeout=DEADLINE)) == {"type": "x"}
        emulator.inject_fault(faults.Expire(), now=True)
        assert (await wire.error())["code"] == "session_expired"
        assert (await wire.closed())[0] == 1001
        assert (await other.error())["code"] == "session_expired"


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [
        (faults.Drop, {"at": -1}, "at: -1 is neither a number of events nor the type of one"),
        (faults.Swap, {"at": None}, "at: None is neither"),
        (faults.Expire, {"at": ""}, "at: '' is neither"),
        (faults.Delay, {"seconds": -1}, "seconds: -1 is not a number from 0 on"),
        (faults.Delay, {"seconds": "1"}, "seconds: '1' is not a number from 0 on"),
        (faults.Close, {"code": 0}, "code: 0 is not between 1000 and 4999"),
        (faults.HTTPResponse, {"status": 99}, "status: 99 is not between 200 and 599"),
        (faults.Message, {"message": {"type": "x"}}, "message: dict is neither text nor bytes"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(kind: type[faults.Fault], given: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        kind(**given)


@pytest.mark.parametrize(
    ("fault", "where", "text"),
    [
        ("drop", {}, "fault: str is no class of openai_realtime.emulator.faults"),
        (faults.HTTPResponse(503), {}, "fault: HTTPResponse cannot happen to a session"),
        (faults.Swap(), {"operation": "connect"}, "fault: Swap cannot happen to a connect"),
        (faults.Drop(), {"operation": "connect", "now": True}, "now: there is no open request of connect"),
    ],
)
def test_a_fault_in_the_wrong_place_is_refused(fault: Any, where: Any, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        Emulator().inject_fault(fault, **where)


async def test_speed() -> None:
    """At life's speed 500 words take so long that what is sent at their first is answered before their last."""
    asked = (TEXT_ONLY, message("word " * 500), RESPOND)
    async with Emulator(speed=1) as emulator, Wire(emulator) as wire:
        await wire.send(*asked)
        await wire.until("response.output_text.delta")
        await wire.send(message("meanwhile"))
        types = [event["type"] for event in await wire.until("conversation.item.added")]
        assert "response.done" not in types
    async with asyncio.timeout(DEADLINE), Emulator(speed=1000) as emulator, Wire(emulator) as wire:
        await wire.send(*asked)
        await wire.until("response.done")
        await wire.expect("rate_limits.updated")


async def test_at_lifes_speed_a_response_can_be_cancelled() -> None:
    async with Emulator(speed=1) as emulator, Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("word " * 500), RESPOND)
        await wire.until("response.output_text.delta")
        await wire.send(RESPOND, CANCEL)
        assert (await wire.until("error"))[-1]["error"]["code"] == "conversation_already_has_active_response"
        response = (await wire.until("response.done"))[-1]["response"]
        assert response["status_details"]["reason"] == "client_cancelled"


async def test_the_emulator_ends_with_sessions_open() -> None:
    async with Emulator() as emulator, Wire(emulator) as wire:
        await wire.expect("session.created")
        await emulator.__aexit__()
        assert (await wire.closed())[0] == 1001


async def test_many_connections_at_once(emulator: Emulator) -> None:
    async def talk(number: int) -> str:
        async with Wire(emulator) as wire:
            await wire.send(TEXT_ONLY, message(f"number {number}"), RESPOND)
            text: str = (await wire.until("response.output_text.done"))[-1]["text"]
            return text

    assert await asyncio.gather(*map(talk, range(30))) == [f"number {number}" for number in range(30)]
