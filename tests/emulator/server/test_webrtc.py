"""Calls over WebRTC, with aiortc as the browser."""

import asyncio
import gc
import itertools
import json
import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from support.hearing import likeness, loud_ms
from support.peer import DEADLINE, Peer, calling
from support.speech import say
from support.wire import RESPOND, Wire, message, tone

from openai_realtime.emulator import Emulator, faults
from openai_realtime.emulator.server.webrtc import Peers

pytestmark = pytest.mark.anyio
SESSION: dict[str, Any] = {"type": "realtime", "model": "gpt-realtime-2.1"}
INTERRUPTION = [
    "input_audio_buffer.speech_started",
    "output_audio_buffer.cleared",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
    "conversation.item.truncated",
]


@pytest.fixture
async def emulator(anyio_backend: str) -> AsyncIterator[Emulator]:
    async with asyncio.timeout(3 * DEADLINE), Emulator() as emulator:
        yield emulator


@pytest.fixture
async def peer(emulator: Emulator) -> AsyncIterator[Peer]:
    async with calling() as peer:
        yield peer


async def turn_until(condition: Any) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def sideband(emulator: Emulator, peer: Peer, key: str = "") -> Wire:
    return Wire(emulator, f"?call_id={peer.call_id}", headers={"Authorization": f"Bearer {key or emulator.api_key}"})


async def secret(emulator: Emulator, session: dict[str, Any]) -> str:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    async with (
        aiohttp.ClientSession(emulator.base_url + "/", headers=headers) as http,
        http.post("realtime/client_secrets", json={"session": session}) as answer,
    ):
        value: str = (await answer.json())["value"]
        return value


async def operate(emulator: Emulator, path: str, data: Any = None, content_type: str = "application/json") -> Any:
    headers = {"Authorization": f"Bearer {emulator.api_key}", "Content-Type": content_type}
    async with (
        aiohttp.ClientSession(emulator.base_url + "/", headers=headers) as http,
        http.post(path, data=data) as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/pcmu", "audio/pcma"])
async def test_a_caller_hears_what_he_said(emulator: Emulator, peer: Peer, kind: str) -> None:
    audio_format = {"type": kind, "rate": 24000} if kind == "audio/pcm" else {"type": kind}
    audio = {"input": {"format": audio_format}, "output": {"format": audio_format}}
    await peer.dial(emulator, emulator.api_key, {**SESSION, "audio": audio})
    await peer.until("session.created")
    said = say("A table for four, please.")
    peer.voice.pcm += said
    await peer.until("output_audio_buffer.stopped")
    assert likeness(said, bytes(peer.heard)) > 0.5
    assert peer.types()[:2] == ["session.created", "input_audio_buffer.speech_started"]
    assert "response.output_audio.delta" not in peer.types()
    played = [kind for kind in peer.types() if kind.startswith("output_audio_buffer") or kind == "response.done"]
    assert played == ["output_audio_buffer.started", "response.done", "output_audio_buffer.stopped"]


async def test_speech_interrupts_the_response_and_the_server_truncates(emulator: Emulator, peer: Peer) -> None:
    emulator.reply("word " * 60)
    await peer.dial(emulator, emulator.api_key, SESSION)
    await peer.until("session.created")
    peer.send(message("Tell me a story."), RESPOND)
    await peer.until("output_audio_buffer.started")
    peer.voice.pcm += tone(600)
    truncated = await peer.until("conversation.item.truncated")
    done = await peer.until("response.done")
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert [kind for kind in peer.types() if kind in INTERRUPTION] == INTERRUPTION
    await peer.until("response.created", 2)
    assert 0 < truncated["audio_end_ms"] == pytest.approx(loud_ms(bytes(peer.heard)), abs=250)


async def test_speech_interrupts_what_is_only_played(emulator: Emulator, peer: Peer) -> None:
    emulator.reply("x" * 60)  # made in under a second, and 3.6 seconds long
    await peer.dial(emulator, emulator.api_key, SESSION)
    await peer.until("session.created")
    peer.send(message("Tell me a story."), RESPOND)
    await peer.until("response.done")
    peer.voice.pcm += tone(600)
    truncated = await peer.until("conversation.item.truncated")
    assert [kind for kind in peer.types() if kind in INTERRUPTION][-3:] == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
    ]
    assert 0 < truncated["audio_end_ms"] < 3600


async def test_a_browser_has_the_session_of_its_secret(emulator: Emulator, peer: Peer) -> None:
    key = await secret(emulator, {**SESSION, "instructions": "Be kind."})
    await peer.dial(emulator, key)
    created = await peer.until("session.created")
    assert created["session"]["instructions"] == "Be kind."
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:  # the call is the server's to steer
        async with sideband(emulator, peer, key):
            pass
    assert refused.value.status == 404
    async with sideband(emulator, peer) as wire:
        await wire.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}})
        await wire.expect("session.updated")


async def test_sidebands_see_the_same_session(emulator: Emulator, peer: Peer) -> None:
    await peer.dial(emulator, emulator.api_key, SESSION)
    async with sideband(emulator, peer) as one, sideband(emulator, peer) as other:
        for wire in (one, other):
            await wire.send({"type": "session.update", "session": {"type": "realtime"}})
            await next_of(wire, "session.updated")
        await peer.until("session.updated", 2)
        seen = len(peer.events)
        peer.send(message("Hello."), RESPOND)
        await peer.until("output_audio_buffer.stopped")
        for wire in (one, other):
            events = [await next_of(wire, event["type"]) for event in peer.events[seen:]]
            assert events == peer.events[seen:]
        await one.send({"type": "output_audio_buffer.clear"}, {"type": "nonsense"})
        assert (await peer.until("error"))["error"]["param"] == "type"


async def next_of(wire: Wire, kind: str) -> dict[str, Any]:
    """The next event of a type, past those of before."""
    while True:
        event: dict[str, Any] = await wire.socket.receive_json(timeout=DEADLINE)
        if event["type"] == kind:
            return event


@pytest.mark.parametrize(("audio", "video"), [("sendrecv", True), ("recvonly", False), ("", False)])
async def test_offers_of_other_shapes(emulator: Emulator, audio: str, *, video: bool) -> None:
    emulator.reply("Hello there.")
    async with calling(audio, video=video) as peer:
        await peer.dial(emulator, emulator.api_key, SESSION)
        await peer.until("session.created")
        peer.send(RESPOND)
        await peer.until("output_audio_buffer.stopped")
        assert (loud_ms(bytes(peer.heard)) > 400) == bool(audio)


async def test_a_call_is_hung_up(emulator: Emulator, peer: Peer) -> None:
    await peer.dial(emulator, emulator.api_key, SESSION)
    await peer.until("session.created")
    async with sideband(emulator, peer) as wire:
        assert (await operate(emulator, f"realtime/calls/{peer.call_id}/hangup"))[0] == 200
        assert await wire.closed() == (1000, "")
    await turn_until(lambda: peer.peer.connectionState == "closed")


async def test_a_caller_who_is_gone_ends_the_call(emulator: Emulator, peer: Peer) -> None:
    await peer.dial(emulator, emulator.api_key, SESSION)
    await peer.until("session.created")
    async with sideband(emulator, peer) as wire:
        await peer.close()
        assert await wire.closed() == (1000, "")
    assert (await operate(emulator, f"realtime/calls/{peer.call_id}/hangup"))[0] == 404


async def test_a_closed_session_ends_the_call(emulator: Emulator, peer: Peer) -> None:
    await peer.dial(emulator, emulator.api_key, SESSION)
    await peer.until("session.created")
    peer.send({"type": "session.close"})
    await peer.until("session.closed")
    await turn_until(lambda: peer.peer.connectionState == "closed")


@pytest.mark.parametrize("calls", [1, 2])
async def test_the_emulator_hangs_up_before_it_stops_and_leaves_no_task(calls: int) -> None:
    async with asyncio.timeout(3 * DEADLINE), calling() as peer, calling() as gone:
        before = asyncio.all_tasks()
        async with Emulator() as emulator:
            for one in (peer, gone)[:calls]:
                await one.dial(emulator, emulator.api_key, SESSION)
                await one.until("session.created")
            await gone.close()
        await turn_until(lambda: peer.peer.connectionState == "closed")
        await turn_until(lambda: asyncio.all_tasks() <= before)


async def test_faults_happen_to_a_call(emulator: Emulator, peer: Peer) -> None:
    emulator.inject_fault(faults.Message('{"type": "made.up"}', at=1))
    await peer.dial(emulator, emulator.api_key, SESSION)
    await peer.until("made.up")
    emulator.inject_fault(faults.Drop(), now=True)
    await turn_until(lambda: peer.peer.connectionState == "closed")


async def test_an_offer_that_cannot_be_answered(emulator: Emulator, peer: Peer) -> None:
    offer = re.sub("a=ice-ufrag:.*\r\n", "", await peer.offer())
    status, body = await operate(emulator, "realtime/calls", offer, "application/sdp")
    assert (status, json.loads(body)["error"]["code"]) == (400, "invalid_offer")
    assert not emulator._sessions.calls


async def test_an_offer_that_is_cancelled_at_any_step_leaves_no_socket(emulator: Emulator, peer: Peer) -> None:
    offer, peers = await peer.offer(), Peers(emulator._sessions)
    for steps in itertools.count():
        answering = asyncio.create_task(peers.answer(emulator.incoming_call(), offer, (), azure=False))
        for _ in range(steps):
            await asyncio.sleep(0)
        if not answering.cancel():
            break
        with pytest.raises(asyncio.CancelledError):
            await answering
        gc.collect()  # which warns of what is left
        assert not emulator._sessions.calls
    assert steps > 1
    await turn_until(lambda: emulator._sessions.connections)
    await emulator._sessions.close()
    await peers.close()


async def test_without_aiortc_no_media_flow(emulator: Emulator, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai_realtime.emulator.server.webrtc", None)
    status, body = await operate(emulator, "realtime/calls", await peer.offer(), "application/sdp")
    assert (status, body.startswith("v=0")) == (201, True)
    assert not emulator._sessions.calls
