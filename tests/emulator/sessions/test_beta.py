"""The emulator in the beta's dialect: by frame, with our client, and with the beta client of `openai`."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import openai
import pybase64
import pytest
from support.wire import BETA_RETIRED, CANCEL, RESPOND, SAID, Wire, append, message, silence, tone, types

from openai_realtime import (
    AsyncRealtimeClient,
    AudioTranscription,
    BadRequestError,
    ConversationItemCreate,
    ConversationItemInputAudioTranscriptionCompleted,
    UserMessage,
)
from openai_realtime._codec.converter import decode_server_event
from openai_realtime.emulator import Emulator, McpToolCall, Reply, ToolCall
from openai_realtime.emulator.engine.usage import text_tokens
from openai_realtime.emulator.sessions.defaults import INSTRUCTIONS
from openai_realtime.models import ConversationItemCreated
from openai_realtime.models.beta import (
    BetaResponseConfig,
    BetaResponseCreate,
    BetaResponseDone,
    BetaSessionUpdate,
    BetaSessionUpdated,
    RealtimeSessionCreateRequest,
    RealtimeTranscriptionSessionCreateRequest,
    ResponseAudioDelta,
    ResponseTextDelta,
    TranscriptionSessionCreated,
    TranscriptionSessionUpdate,
    TranscriptionSessionUpdated,
)
from openai_realtime.models.events import UnknownEvent

pytestmark = pytest.mark.anyio

MODEL = "gpt-4o-realtime-preview"
TEXT_ONLY = {"type": "session.update", "session": {"modalities": ["text"]}}
CREATED = "conversation.item.created"


@pytest.fixture
async def emulator(anyio_backend: str) -> AsyncIterator[Emulator]:
    async with asyncio.timeout(30), Emulator(beta=True) as emulator:
        yield emulator


class BetaWire(Wire):
    """A bare WebSocket that asks for the beta."""

    def __init__(self, emulator: Emulator, path: str = f"?model={MODEL}", **options: Any) -> None:
        headers = {"Authorization": f"Bearer {emulator.api_key}", "OpenAI-Beta": "realtime=v1"}
        super().__init__(emulator, path, **{"headers": headers, **options})

    async def get(self) -> dict[str, Any]:
        text = (await self.socket.receive(10)).data
        event = decode_server_event(text, dialect="beta")
        assert not isinstance(event, UnknownEvent), text
        assert re.fullmatch(r"event_[0-9A-Za-z]{21}", str(event.event_id))
        loaded: dict[str, Any] = json.loads(text)
        return loaded


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": session}


async def test_only_who_asks_for_the_beta_gets_it(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        (created,) = await wire.expect("session.created")
        assert created["session"]["type"] == "realtime"
    async with BetaWire(emulator) as wire:
        (created,) = await wire.expect("session.created")
        assert "type" not in created["session"]


async def test_browsers_ask_by_subprotocol(emulator: Emulator) -> None:
    protocols = ["realtime", f"openai-insecure-api-key.{emulator.api_key}", "openai-beta.realtime-v1"]
    async with BetaWire(emulator, headers={}, protocols=protocols) as wire:
        (created,) = await wire.expect("session.created")
        assert created["session"]["modalities"] == ["audio", "text"]


async def test_the_session(emulator: Emulator) -> None:
    async with BetaWire(emulator) as wire:
        (created,) = await wire.expect("session.created")
        session = created["session"]
        assert session == {
            "id": session["id"],
            "object": "realtime.session",
            "expires_at": session["expires_at"],
            "model": MODEL,
            "modalities": ["audio", "text"],
            "instructions": session["instructions"],
            "voice": "alloy",
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "input_audio_transcription": None,
            "input_audio_noise_reduction": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 200,
                "idle_timeout_ms": None,
                "create_response": True,
                "interrupt_response": True,
            },
            "tools": [],
            "tool_choice": "auto",
            "temperature": 0.8,
            "max_response_output_tokens": "inf",
            "speed": 1.0,
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "client_secret": None,
        }


async def test_an_update_in_the_betas_fields(emulator: Emulator) -> None:
    given = {
        "modalities": ["text"],
        "instructions": "Be brief.",
        "voice": "sage",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_alaw",
        "input_audio_transcription": {"model": "whisper-1", "language": "en", "prompt": None},
        "input_audio_noise_reduction": {"type": "near_field"},
        "tool_choice": "none",
        "temperature": 0.7,
        "max_response_output_tokens": 200,
        "speed": 1.5,
        "tracing": "auto",
    }
    async with BetaWire(emulator) as wire:
        (created,) = await wire.expect("session.created")
        await wire.send(update(**given, turn_detection={"threshold": 0.7}))
        (updated,) = await wire.expect("session.updated")
        detection = {**created["session"]["turn_detection"], "threshold": 0.7}
        assert updated["session"] == {**created["session"], **given, "turn_detection": detection}
        await wire.send(update(turn_detection=None, modalities=["audio", "text"]))
        (updated,) = await wire.expect("session.updated")
        assert updated["session"] == {**created["session"], **given, "modalities": ["audio", "text"]} | {
            "turn_detection": None
        }


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        (update(type="realtime"), "unknown_parameter", "session.type"),
        (update(output_modalities=["text"]), "unknown_parameter", "session.output_modalities"),
        (update(temperature=2.0), "decimal_above_max_value", "session.temperature"),
        (
            update(input_audio_transcription={"model": "nope"}),
            "invalid_value",
            "session.input_audio_transcription.model",
        ),
        ({"type": "transcription_session.update", "session": {}}, "invalid_parameter", "session.type"),
    ],
)
async def test_updates_that_the_beta_does_not_know(
    emulator: Emulator, event: dict[str, Any], code: str, param: str
) -> None:
    async with BetaWire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send({**event, "event_id": "mine"})
        error = await wire.error()
        assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")


async def test_a_text_turn(emulator: Emulator) -> None:
    async with BetaWire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("Say hello."), RESPOND)
        await wire.expect("session.created", "session.updated")
        events = await wire.until("rate_limits.updated")
    assert types(events) == [
        CREATED,
        "response.created",
        "response.output_item.added",
        CREATED,
        "response.content_part.added",
        "response.text.delta",
        "response.text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    user, model = (event for event in events if event["type"] == CREATED)
    assert (user["previous_item_id"], user["item"]["object"]) == (None, "realtime.item")
    assert model["previous_item_id"] == user["item"]["id"]
    deltas = [event for event in events if event["type"] == "response.text.delta"]
    assert "".join(event["delta"] for event in deltas) == "Say hello."
    assert not any("obfuscation" in event for event in events)
    response = events[-2]["response"]
    assert response == {
        "object": "realtime.response",
        "id": response["id"],
        "status": "completed",
        "status_details": None,
        "output": [
            {
                "id": model["item"]["id"],
                "object": "realtime.item",
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "text", "text": "Say hello."}],
            }
        ],
        "conversation_id": response["conversation_id"],
        "modalities": ["text"],
        "voice": "alloy",
        "output_audio_format": "pcm16",
        "temperature": 0.8,
        "max_output_tokens": "inf",
        "usage": response["usage"],
        "metadata": None,
    }


async def test_a_spoken_turn(emulator: Emulator) -> None:
    emulator.queue_transcripts("How are you?")
    async with BetaWire(emulator) as wire:
        await wire.send(update(temperature=0.6))
        await wire.send(append(silence(400) + tone(600) + silence(300)))
        await wire.expect("session.created", "session.updated")
        events = await wire.until("response.done")
        assert [name for name in types(events) if not name.endswith(".delta")] == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            CREATED,
            "response.created",
            "response.output_item.added",
            CREATED,
            "response.content_part.added",
            "response.audio.done",
            "response.audio_transcript.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
        ]
        audio = b"".join(
            pybase64.b64decode(event["delta"]) for event in events if event["type"] == "response.audio.delta"
        )
        assert tone(600) in audio
        words = [event["delta"] for event in events if event["type"] == "response.audio_transcript.delta"]
        assert "".join(words) == "How are you?"
        response = events[-1]["response"]
        assert (response["modalities"], response["temperature"]) == (["audio", "text"], 0.6)
        (item,) = response["output"]
        assert item["content"] == [{"type": "audio", "transcript": "How are you?"}]
        await wire.send({"type": "conversation.item.retrieve", "item_id": item["id"]})
        (part,) = (await wire.until("conversation.item.retrieved"))[-1]["item"]["content"]
        assert (part["type"], pybase64.b64decode(part["audio"])) == ("audio", audio)


async def test_settings_of_one_response(emulator: Emulator) -> None:
    given = {
        "modalities": ["text"],
        "voice": "verse",
        "output_audio_format": "g711_ulaw",
        "metadata": {"number": "1"},
        "max_response_output_tokens": 2,
        "conversation": "none",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "one two three"}]}],
    }
    async with BetaWire(emulator) as wire:
        await wire.send({**RESPOND, "response": given})
        response = (await wire.until("response.done"))[-1]["response"]
    assert response["output"][0]["content"] == [{"type": "text", "text": "one two"}]
    assert (response["status"], response["conversation_id"]) == ("incomplete", None)
    assert response["metadata"] == {"number": "1"}
    assert (response["voice"], response["output_audio_format"], response["max_output_tokens"]) == (
        "verse",
        "g711_ulaw",
        2,
    )


async def test_a_function_call(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[ToolCall(name="get_weather", arguments='{"city": "London"}')]))
    weather = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    async with BetaWire(emulator) as wire:
        await wire.send(update(tools=[weather], modalities=["text"]), message("And the weather?"), RESPOND)
        await wire.until("response.created")
        events = await wire.until("response.done")
        assert types(events) == [
            "response.output_item.added",
            CREATED,
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.done",
        ]
        assert not any("obfuscation" in event for event in events)
        (call,) = events[-1]["response"]["output"]
        assert (call["object"], call["arguments"]) == ("realtime.item", '{"city": "London"}')
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Fog."}
        await wire.send({"type": "conversation.item.create", "item": output}, RESPOND)
        events = await wire.until("response.done")
        (created,) = (event for event in events[:3] if event["type"] == CREATED)
        assert created["item"]["object"] == "realtime.item"
        assert events[-1]["response"]["output"][0]["content"] == [{"type": "text", "text": "Fog."}]


async def test_items_of_other_kinds_stay_as_they_are(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[McpToolCall(server_label="docs", name="read")]))
    async with BetaWire(emulator) as wire:
        await wire.send(RESPOND)
        (item,) = (await wire.until("response.done"))[-1]["response"]["output"]
        assert set(item) == {"type", "id", "server_label", "name", "arguments"}


async def test_history_in_the_betas_parts(emulator: Emulator) -> None:
    parts = [
        {"type": "text", "text": "It is foggy."},
        {"type": "audio", "transcript": "Very."},
        {"type": "odd", "value": 1},
    ]
    item = {"type": "message", "id": "old", "role": "assistant", "content": parts[:2]}
    async with BetaWire(emulator, "?model=gpt-realtime-2.1") as wire:
        await wire.expect("session.created")
        await wire.send({"type": "conversation.item.create", "item": item})
        (created,) = await wire.expect(CREATED)
        assert created["item"]["content"] == parts[:2]
        await wire.send({"type": "conversation.item.create", "item": {**item, "content": parts}})
        assert (await wire.error())["param"] == "item.content[2].type"
        await wire.send(TEXT_ONLY, RESPOND)
        response = (await wire.until("response.done"))[-1]["response"]
        assert "phase" not in response["output"][0]
        usage = response["usage"]
        assert usage["input_tokens"] == text_tokens(INSTRUCTIONS) + text_tokens("It is foggy. Very.")
        await wire.expect("rate_limits.updated")
        await wire.send({"type": "conversation.item.delete", "item_id": "old"}, {**CANCEL, "event_id": "none"})
        await wire.expect("conversation.item.deleted")
        assert (await wire.error())["code"] == "response_cancel_not_active"


async def test_a_transcription_session(emulator: Emulator) -> None:
    emulator.queue_transcripts("Two words.")
    async with BetaWire(emulator, "?intent=transcription") as wire:
        (created,) = await wire.expect("transcription_session.created")
        session = created["session"]
        assert session == {
            "id": session["id"],
            "object": "realtime.transcription_session",
            "expires_at": session["expires_at"],
            "modalities": ["audio", "text"],
            "input_audio_format": "pcm16",
            "input_audio_transcription": None,
            "input_audio_noise_reduction": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 200,
            },
            "include": None,
            "client_secret": None,
        }
        transcription = {"model": "gpt-4o-transcribe", "language": "en", "prompt": None}
        await wire.send(
            {"type": "transcription_session.update", "session": {"input_audio_transcription": transcription}}
        )
        (updated,) = await wire.expect("transcription_session.updated")
        assert updated["session"] == {**session, "input_audio_transcription": transcription}
        await wire.send(append(tone(400) + silence(300)))
        events = await wire.until(f"{SAID}.completed")
        assert types(events) == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            CREATED,
            f"{SAID}.delta",
            f"{SAID}.completed",
        ]
        assert events[-1]["transcript"] == "Two words."
        await wire.send(RESPOND, CANCEL, update(voice="alloy"))
        assert [(await wire.error())["code"] for _ in range(3)] == ["invalid_parameter"] * 3


async def test_on_azure_a_model_may_have_any_name(emulator: Emulator) -> None:
    options = {"prefix": "/openai/v1/realtime"}
    async with BetaWire(emulator, "?model=mine", **options) as wire:
        await wire.send(update(input_audio_transcription={"model": "my-whisper"}))
        await wire.expect("session.created", "session.updated")


async def test_azures_preview_is_the_beta(emulator: Emulator) -> None:
    options: dict[str, Any] = {"headers": {"api-key": emulator.api_key}, "prefix": "/openai/realtime"}
    path = "?api-version=2025-04-01-preview&deployment=my-own"
    async with BetaWire(emulator, path, **options) as wire:
        (created,) = await wire.expect("session.created")
        assert (created["session"]["model"], "type" in created["session"]) == ("my-own", False)
    async with Emulator() as retired:
        options["headers"] = {"api-key": retired.api_key}
        async with Wire(retired, path, **options) as wire:
            assert (await wire.error())["code"] == "beta_api_shape_disabled"


async def test_our_client(emulator: Emulator) -> None:
    async with (
        AsyncRealtimeClient(**emulator.client_options) as client,
        client.connect(model=MODEL, dialect="beta") as connection,
    ):
        await connection.send(BetaSessionUpdate(session=RealtimeSessionCreateRequest(voice="sage")))
        updated = await connection.wait_for(BetaSessionUpdated, 10)
        assert updated.session.voice == "sage"
        await connection.send(ConversationItemCreate(item=UserMessage.from_text("Say hello.")))
        created = await connection.wait_for(ConversationItemCreated, 10)
        assert isinstance(created.item, UserMessage)
        await connection.send(BetaResponseCreate(response=BetaResponseConfig(modalities=["text"])))
        text = ""
        async for event in connection:
            if isinstance(event, ResponseTextDelta):
                text += event.delta
            if isinstance(event, BetaResponseDone):
                break
        assert text == "Say hello."
        await connection.send(BetaResponseCreate())
        assert len((await connection.wait_for(ResponseAudioDelta, 10)).audio) > 0
        done = await connection.wait_for(BetaResponseDone, 10)
        assert (done.response.voice, done.response.modalities) == ("sage", ["audio", "text"])


async def test_our_client_transcribes(emulator: Emulator) -> None:
    emulator.queue_transcripts("Good morning.")
    config = RealtimeTranscriptionSessionCreateRequest(input_audio_transcription=AudioTranscription(model="whisper-1"))
    async with (
        AsyncRealtimeClient(**emulator.client_options) as client,
        client.connect(intent="transcription", dialect="beta") as connection,
    ):
        assert isinstance(await connection.receive(10), TranscriptionSessionCreated)
        await connection.send(TranscriptionSessionUpdate(session=config))
        updated = await connection.wait_for(TranscriptionSessionUpdated, 10)
        assert updated.session.input_audio_transcription.model == "whisper-1"
        await connection.append_audio(tone(400) + silence(300))
        told = await connection.wait_for(ConversationItemInputAudioTranscriptionCompleted, 10)
        assert told.transcript == "Good morning.\n"


async def test_our_client_is_told_that_the_beta_is_over(anyio_backend: str) -> None:
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        with pytest.raises(BadRequestError, match=re.escape(BETA_RETIRED)):
            await client.connect(model=MODEL, dialect="beta").__aenter__()


async def test_the_beta_client_of_openai(emulator: Emulator) -> None:
    url = emulator.base_url.replace("http", "ws", 1)  # left to itself it takes wss://
    client = openai.AsyncOpenAI(api_key=emulator.api_key, websocket_base_url=url, max_retries=0)
    async with client, client.beta.realtime.connect(model=MODEL) as connection:
        assert (await connection.recv()).type == "session.created"
        await connection.session.update(session={"modalities": ["text"], "temperature": 0.9})
        updated = await connection.recv()
        assert updated.type == "session.updated"
        assert (updated.session.modalities, updated.session.temperature) == (["text"], 0.9)
        part: Any = {"type": "input_text", "text": "Say hello."}
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": [part]})
        await connection.response.create()
        events = [await connection.recv()]
        while events[-1].type != "response.done":
            events.append(await connection.recv())
        assert events[0].type == CREATED
        assert "".join(event.delta for event in events if event.type == "response.text.delta") == "Say hello."
        response = events[-1].response
        assert (response.modalities, response.voice, response.temperature) == (["text"], "alloy", 0.9)
        assert response.output[0].content[0].text == "Say hello."
