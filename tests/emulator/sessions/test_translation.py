"""Translation sessions."""

import json
from typing import Any

import aiohttp
import pybase64
import pytest
from support.wire import (
    DEADLINE,
    RESPOND,
    Wire,
    silence,
    tone,
)

from openai_realtime.emulator import Emulator

pytestmark = pytest.mark.anyio


async def test_a_translation(emulator: Emulator) -> None:
    emulator.queue_transcripts("How are you")
    emulator.reply("Wie geht es dir")
    options: dict[str, Any] = {"prefix": "/v1/realtime/translations"}
    async with Wire(emulator, "?model=gpt-realtime-translate", **options) as wire:
        (created,) = await wire.expect("session.created")
        assert (created["session"]["type"], created["session"]["model"]) == ("translation", "gpt-realtime-translate")
        audio = {"input": {"transcription": {"model": "gpt-realtime-whisper"}}, "output": {"language": "de"}}
        await wire.send({"type": "session.update", "session": {"audio": audio}})
        (updated,) = await wire.expect("session.updated")
        assert updated["session"]["audio"]["output"]["language"] == "de"
        chunk = {"type": "session.input_audio_buffer.append", "audio": pybase64.b64encode(tone(300)).decode()}
        await wire.send(chunk, chunk, {"type": "session.close"})
        events = [json.loads((await wire.socket.receive(DEADLINE)).data) for _ in range(12)]
        assert await wire.closed() == (1000, "")
    assert events[-1]["type"] == "session.closed"
    told = {name: [event for event in events if event["type"] == f"session.{name}.delta"] for name in TRANSLATED}
    assert "".join(event["delta"] for event in told["input_transcript"]) == "How are you"
    assert "".join(event["delta"] for event in told["output_transcript"]) == "Wie geht es dir"
    assert [event["elapsed_ms"] for event in told["output_audio"]] == [200, 400, 600, 800]
    heard = b"".join(pybase64.b64decode(event["delta"]) for event in told["output_audio"])
    assert heard == tone(600) + silence(200)


@pytest.mark.parametrize("transcribed", [True, False])
async def test_a_translation_that_has_fewer_words(emulator: Emulator, transcribed: bool) -> None:  # noqa: FBT001 - a parameter
    """What was heard is told to the end, if it is told at all."""
    emulator.queue_transcripts("one two three")
    emulator.reply("eins")
    audio = {"input": {"transcription": {"model": "gpt-realtime-whisper"} if transcribed else None}}
    chunk = {"type": "session.input_audio_buffer.append", "audio": pybase64.b64encode(tone(200)).decode()}
    async with Wire(emulator, "?model=gpt-realtime-translate", prefix="/v1/realtime/translations") as wire:
        await wire.send({"type": "session.update", "session": {"audio": audio}}, chunk, {"type": "session.close"})
        events = []
        while (received := await wire.socket.receive(DEADLINE)).type is aiohttp.WSMsgType.TEXT:
            events.append(json.loads(received.data))
    heard = [event["delta"] for event in events if event["type"] == "session.input_transcript.delta"]
    assert heard == (["one", " two", " three"] if transcribed else [])
    assert [event["type"] for event in events].count("session.output_audio.delta") == (3 if transcribed else 1)
    assert events[-1]["type"] == "session.closed"


TRANSLATED = ("input_transcript", "output_transcript", "output_audio")


async def test_a_translation_names_a_model_that_transcribes(emulator: Emulator) -> None:
    def transcribing(model: str) -> dict[str, Any]:
        return {"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": model}}}}}

    async with Wire(emulator, "?model=gpt-realtime-translate", prefix="/v1/realtime/translations") as wire:
        (created,) = await wire.expect("session.created")
        await wire.send({**transcribing("gpt-realtime"), "event_id": "mine"})
        error = await wire.error()
        assert (error["code"], error["event_id"]) == ("invalid_value", "mine")
        assert error["param"] == "session.audio.input.transcription.model"
        assert error["message"].startswith("Invalid value: 'gpt-realtime'. Supported values are: ")
        output = {"type": "session.update", "session": {"audio": {"output": {"language": "de"}}}}
        await wire.send(output)
        (updated,) = await wire.expect("session.updated")
        assert updated["session"]["audio"]["input"] == created["session"]["audio"]["input"]
    async with Wire(emulator, "?model=mine", prefix="/openai/v1/realtime/translations") as wire:
        await wire.send(transcribing("my-whisper"))
        await wire.expect("session.created", "session.updated")


async def test_a_translation_secret_names_a_model_that_transcribes(emulator: Emulator) -> None:
    session = {"model": "gpt-realtime-translate", "audio": {"input": {"transcription": {"model": "nope"}}}}
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    url = f"{emulator.base_url}/realtime/translations/client_secrets"
    async with aiohttp.ClientSession() as http, http.post(url, json={"session": session}, headers=headers) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
        assert (error["code"], error["param"]) == ("invalid_value", "session.audio.input.transcription.model")


async def test_translations_want_a_model_and_their_own_events(emulator: Emulator) -> None:
    options: dict[str, Any] = {"prefix": "/v1/realtime/translations"}
    async with Wire(emulator, "", **options) as wire:
        assert (await wire.error())["code"] == "missing_model"
    async with Wire(emulator, "?model=gpt-realtime-translate", **options) as wire:
        await wire.expect("session.created")
        await wire.send({**RESPOND, "event_id": "mine"}, {"type": "session.input_audio_buffer.append", "audio": "?"})
        errors = [await wire.error(), await wire.error()]
        assert [(error["param"], error["event_id"]) for error in errors] == [("type", "mine"), ("audio", None)]


async def test_a_realtime_session_closes_on_request(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send({"type": "session.input_audio_buffer.append", "audio": ""}, {"type": "session.close"})
        assert (await wire.error())["code"] == "invalid_parameter"
        await wire.socket.receive(DEADLINE)
        assert await wire.closed() == (1000, "")
