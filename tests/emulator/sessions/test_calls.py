"""Sidebands of calls."""

import asyncio
import json
import re
import time
from typing import Any

import aiohttp
import pytest
from support.wire import (
    ADDED,
    DEADLINE,
    RESPOND,
    Wire,
    message,
    types,
)

from openai_realtime import AsyncRealtimeClient, ConfigurationError, InputAudioBufferDtmfEventReceived
from openai_realtime.emulator import Emulator
from openai_realtime.models.base import UNSET

pytestmark = pytest.mark.anyio


async def operate(emulator: Emulator, path: str, body: Any) -> int:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{emulator.base_url}/realtime/calls/{path}", json=body, headers=headers) as answer,
    ):
        return answer.status


async def test_the_sideband_of_a_call(emulator: Emulator) -> None:
    call = emulator.incoming_call()
    accepted = {"type": "realtime", "model": "gpt-realtime-2.1", "instructions": "Be kind."}
    assert await operate(emulator, f"{call}/accept", accepted) == 200
    async with Wire(emulator, f"?call_id={call}") as wire:
        await wire.send({"type": "session.update", "session": {"type": "realtime"}})
        (updated,) = await wire.expect("session.updated")  # and no session.created
        session = updated["session"]
        assert (session["model"], session["instructions"]) == ("gpt-realtime-2.1", "Be kind.")
        assert session["id"].startswith("sess_u0_")
        await wire.send(message("Say hello to the caller."), RESPOND)
        names = types([json.loads((await wire.socket.receive(DEADLINE)).data) for _ in range(20)])
        assert "response.output_audio.delta" not in names
        played = [name for name in names if name.startswith("output_audio_buffer") or name == "response.done"]
        assert played == ["output_audio_buffer.started", "response.done", "output_audio_buffer.stopped"]
    async with Wire(emulator, f"?call_id={call}") as wire:  # the session goes on with the call
        await wire.send(message("Again."))
        added, _ = await wire.expect(*ADDED)
        assert added["previous_item_id"]
        assert await operate(emulator, f"{call}/hangup", None) == 200
        assert (await wire.closed())[0] == 1000


NO_CALL = {
    "message": "No session found for the provided call_id",
    "type": "invalid_request_error",
    "param": "",
    "code": "call_id_not_found",
}


async def test_a_call_that_is_not_there_and_one_that_a_client_secret_may_not_control(emulator: Emulator) -> None:
    secret, _ = emulator._state.mint(600, {"type": "realtime"})
    keys = (("rtc_nowhere", emulator.api_key), (emulator.incoming_call(), secret))
    async with aiohttp.ClientSession() as http:
        for call, key in keys:
            url = f"{emulator.base_url}/realtime?call_id={call}"
            upgrade = {"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            headers = {**upgrade, "Sec-WebSocket-Key": "a" * 22 + "==", "Authorization": f"Bearer {key}"}
            async with http.get(url, headers=headers) as answer:
                assert (answer.status, await answer.json()) == (404, {"error": NO_CALL})


async def test_the_playback_of_a_call_can_be_cut() -> None:
    clear = {"type": "output_audio_buffer.clear"}
    async with Emulator(speed=1) as emulator:
        call = emulator.incoming_call()
        async with Wire(emulator, f"?call_id={call}") as wire:
            await wire.send(message("word " * 40), RESPOND)
            while (event := json.loads((await wire.socket.receive(DEADLINE)).data))["type"] != "rate_limits.updated":
                pass
            await wire.send(clear, clear, message("Next."))
            event = json.loads((await wire.socket.receive(DEADLINE)).data)
            assert event["type"] == "output_audio_buffer.cleared"
            assert re.fullmatch("event_[0-9a-f]{16}", event["event_id"])
            await wire.expect(*ADDED)
        async with Wire(emulator) as wire:
            await wire.expect("session.created")
            await wire.send(clear)
            assert (await wire.error())["param"] == "type"


async def pressed(wire: Wire, count: int) -> list[Any]:
    """The next events as they are: those of keys have no id."""
    return [json.loads((await wire.socket.receive(DEADLINE)).data) for _ in range(count)]


async def test_the_keys_that_a_caller_presses(emulator: Emulator) -> None:
    call = emulator.incoming_call()
    emulator.send_dtmf(call, "1")
    emulator.send_dtmf(call, "2")
    await asyncio.sleep(0)  # so that they come before the client does
    async with Wire(emulator, f"?call_id={call}") as wire, Wire(emulator) as other:
        before = await pressed(wire, 2)
        emulator.send_dtmf(call, "#A")
        events = before + await pressed(wire, 2)
        assert [event["event"] for event in events] == ["1", "2", "#", "A"]
        for event in events:
            assert set(event) == {"type", "event", "received_at"}
            assert event["type"] == "input_audio_buffer.dtmf_event_received"
            assert abs(event["received_at"] - time.time()) < 60
        await other.expect("session.created")
        await other.send(message("Hello."))
        await other.expect(*ADDED)  # who talks to somebody else hears no keys


async def test_keys_that_cannot_be_pressed(emulator: Emulator) -> None:
    with pytest.raises(ConfigurationError, match="call_id: no call 'rtc_nowhere'"):
        emulator.send_dtmf("rtc_nowhere", "1")
    call = emulator.incoming_call()
    for keys in ("", "12E", "a"):
        with pytest.raises(ConfigurationError, match=re.escape(f"keys: {keys!r} is not made of #*0123456789ABCD")):
            emulator.send_dtmf(call, keys)
    assert await operate(emulator, f"{call}/hangup", None) == 200
    with pytest.raises(ConfigurationError, match="no call"):
        emulator.send_dtmf(call, "1")


async def test_our_client_hears_keys(emulator: Emulator) -> None:
    call = emulator.incoming_call()
    async with (
        AsyncRealtimeClient(**emulator.client_options) as client,
        client.connect(call_id=call) as connection,
    ):
        emulator.send_dtmf(call, "9")
        event = await connection.wait_for(InputAudioBufferDtmfEventReceived, DEADLINE)
        assert (event.event, event.event_id) == ("9", UNSET)
