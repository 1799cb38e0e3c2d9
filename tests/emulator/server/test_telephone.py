"""Phone calls from the ring to the end, with a service that takes webhooks on a real port."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.control import ControlAPI
from support.hearing import likeness
from support.sound import wav
from support.speech import say
from support.webhooks import Service, receiving
from support.wire import DEADLINE, Wire, silence, tone

from openai_realtime import AsyncRealtimeClient, ConfigurationError, RealtimeSessionConfig
from openai_realtime.emulator import Emulator, PhoneCall
from openai_realtime.emulator.server import telephone
from openai_realtime.errors import ClientStateError
from openai_realtime.models.webhooks import RealtimeCallIncoming
from openai_realtime.web.webhooks import unwrap_webhook

pytestmark = pytest.mark.anyio
SESSION = RealtimeSessionConfig(model="gpt-realtime-2.1")


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with asyncio.timeout(3 * DEADLINE), receiving() as service:
        yield service


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


async def ended(call: PhoneCall) -> str:
    async with asyncio.timeout(DEADLINE):
        return await asyncio.wrap_future(call.ended)


async def answer(emulator: Emulator, call: PhoneCall) -> None:
    async with AsyncRealtimeClient(**emulator.client_options) as client:
        await client.accept_realtime_call(call.call_id, SESSION)
    async with asyncio.timeout(DEADLINE):
        assert await asyncio.wrap_future(call.answered)


async def test_the_webhook_is_signed_and_comes_again_until_it_is_taken(emulator: Emulator, service: Service) -> None:
    service.statuses += [500, 302]
    headers = [("From", "<sip:+14155550199@example.com>"), ("Via", "one"), ("Via", "two")]
    call = emulator.ring(service.url, sip_headers=headers)
    came = [await service.webhooks.get() for _ in range(3)]
    events = [unwrap_webhook(headers, body, emulator.webhook_secret) for headers, body in came]
    assert len({headers["webhook-id"] for headers, _ in came}) == len({body for _, body in came}) == 1
    (event, *_) = events
    assert isinstance(event, RealtimeCallIncoming)
    assert event.data.call_id == call.call_id
    assert [(header.name, header.value) for header in event.data.sip_headers] == headers
    await answer(emulator, call)
    assert call.deliveries == [500, 302, 200]
    assert repr(call) == f"<PhoneCall {call.call_id} answered>"
    call.hang_up()
    assert await ended(call) == "the caller hung up"
    assert service.webhooks.empty()


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (lambda client, call: client.reject_realtime_call(call, 486), "rejected with 486"),
        (lambda client, call: client.reject_realtime_call(call), "rejected with 603"),
        (lambda client, call: client.refer_realtime_call(call, "tel:+14155550100"), "referred to tel:+14155550100"),
        (lambda client, call: client.hangup_realtime_call(call), "the service hung up"),
    ],
)
async def test_the_caller_knows_what_was_done(
    emulator: Emulator, service: Service, operation: Callable[..., Awaitable[Any]], reason: str
) -> None:
    service.statuses += [503] * 100  # it is rung at no more once it is answered
    call = emulator.ring(service.url)
    await service.webhooks.get()
    async with AsyncRealtimeClient(**emulator.client_options) as client:
        await operation(client, call.call_id)
    assert await ended(call) == reason
    assert call.answered.result() is False
    assert repr(call).endswith("ended>")


async def test_a_call_that_nobody_answers_is_over(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "RING_SECONDS", 0.05)
    call = emulator.ring("http://127.0.0.1:9/")  # where nobody listens
    assert await ended(call) == "nobody answered"
    assert set(call.deliveries) == {None}
    with pytest.raises(ConfigurationError, match="no call"):
        emulator.send_dtmf(call.call_id, "1")


async def test_the_caller_speaks_presses_keys_and_hears_the_answer(emulator: Emulator, service: Service) -> None:
    call = emulator.ring(service.url, audio=tone(500), keys="12#")
    await answer(emulator, call)
    async with Wire(emulator, f"?call_id={call.call_id}") as wire:
        keys = [(await wire.socket.receive_json(timeout=DEADLINE))["event"] for _ in range(3)]
        assert keys == ["1", "2", "#"]
        while (await wire.socket.receive_json(timeout=DEADLINE))["type"] != "output_audio_buffer.stopped":
            pass
        assert tone(500) in call.heard
        emulator.reply("Goodbye.")
        said = call.talk(tone(300))
        while (await wire.socket.receive_json(timeout=DEADLINE))["type"] != "response.done":
            pass
        async with asyncio.timeout(DEADLINE):
            await asyncio.wrap_future(said)
        call.send_dtmf("A")
        while (await wire.socket.receive_json(timeout=DEADLINE))["type"] != "input_audio_buffer.dtmf_event_received":
            pass
        call.hang_up()
        while (message := await wire.socket.receive(DEADLINE)).type.name != "CLOSE":
            pass
        assert message.data == 1000
    assert await ended(call) == "the caller hung up"


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/pcmu"])
async def test_with_time_the_caller_interrupts(service: Service, tmp_path: Path, kind: str) -> None:
    said = say("A table for four, please.")
    audio_format: dict[str, Any] = {"type": kind, "rate": 24000} if kind == "audio/pcm" else {"type": kind}
    audio = {"input": {"format": audio_format}, "output": {"format": audio_format}}
    file = tmp_path / "said.wav"
    file.write_bytes(wav(said).getvalue())
    async with Emulator(speed=4) as emulator:
        call = emulator.ring(service.url, audio=file)
        await answer(emulator, call)
        async with Wire(emulator, f"?call_id={call.call_id}") as wire:
            await wire.send({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
            while (await wire.socket.receive_json(timeout=DEADLINE))["type"] != "output_audio_buffer.stopped":
                pass
            assert likeness(said, call.heard) > 0.5
            before = len(call.heard)
            emulator.reply("word " * 60)
            call.talk(tone(300) + silence(1000))
            while (await wire.socket.receive_json(timeout=DEADLINE))["type"] != "output_audio_buffer.started":
                pass
            call.talk(tone(300))
            while (event := await wire.socket.receive_json(timeout=DEADLINE))["type"] != "conversation.item.truncated":
                pass
            assert 0 < event["audio_end_ms"] < 18_000
            assert before < len(call.heard)
            call.hang_up()
    assert await ended(call) == "the caller hung up"


async def test_an_emulator_that_stops_ends_its_calls(service: Service) -> None:
    before = asyncio.all_tasks()
    async with Emulator(webhook_url=service.url, webhook_secret="a secret of the team") as emulator:
        ringing, talking = emulator.ring(), emulator.ring(audio=tone(100))
        headers, body = await service.webhooks.get()
        assert unwrap_webhook(headers, body, "a secret of the team").id
        await answer(emulator, talking)
        async with Wire(emulator, f"?call_id={talking.call_id}") as wire:
            await wire.socket.receive_json(timeout=DEADLINE)
    assert await ended(ringing) == "the emulator stopped"
    assert await ended(talking)
    async with asyncio.timeout(DEADLINE):
        while asyncio.all_tasks() - before:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


def test_a_program_without_a_loop_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "RING_SECONDS", 0.05)
    with Emulator(webhook_url="http://127.0.0.1:9/") as emulator:
        call = emulator.ring()
        assert call.ended.result(DEADLINE) == "nobody answered"
        assert emulator.calls == [call]
        monkeypatch.setattr(telephone, "_REMEMBERED", 3)
        for _ in range(5):
            emulator.ring().ended.result(DEADLINE)
        assert len(emulator.calls) == 3


def test_what_cannot_be_rung() -> None:
    with pytest.raises(ConfigurationError, match="webhook_url: there is none"):
        Emulator().ring()
    with pytest.raises(ClientStateError, match="not running"):
        Emulator(webhook_url="http://127.0.0.1:9/").ring()
    with Emulator(webhook_url="http://127.0.0.1:9/") as emulator, pytest.raises(ConfigurationError, match="keys: 'x'"):
        emulator.ring(keys="x")


async def test_a_program_in_any_language_rings(emulator: Emulator, service: Service) -> None:
    control = ControlAPI(emulator)
    audio = base64.b64encode(tone(100)).decode()
    header = {"name": "From", "value": "sip:somebody"}
    body = {"webhook_url": service.url, "audio": audio, "keys": "1", "sip_headers": [header]}
    call_id = (await control.post("calls", body))["call_id"]
    _, webhook = await service.webhooks.get()
    assert json.loads(webhook)["data"]["sip_headers"] == [header]
    (shown,) = (await control.ask("GET", "calls"))[1]["calls"]
    assert (shown["call_id"], shown["answered"], shown["ended"]) == (call_id, False, None)
    await control.post("hang_up", {"call_id": call_id})
    assert await ended(emulator.calls[0]) == "the caller hung up"
    (shown,) = (await control.ask("GET", "calls"))[1]["calls"]
    assert shown == {
        "call_id": call_id,
        "deliveries": [200],
        "answered": False,
        "ended": "the caller hung up",
        "heard_ms": 0,
    }
    for wrong, name in (
        ({"audio": "?"}, "audio"),
        ({"keys": 1}, "keys"),
        ({"webhook_url": service.url, "keys": "x"}, "keys"),
    ):
        status, answered = await control.ask("POST", "calls", wrong)
        assert (status, name in answered["error"]["message"]) == (400, True)
    assert (await control.ask("POST", "hang_up", {"call_id": "rtc_1"}))[0] == 400
