"""The connection and the emulator, written apart from each other, hold whole turns together."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from openai_realtime import (
    AsyncRealtimeClient,
    AuthenticationError,
    BadRequestError,
    ConversationItemInputAudioTranscriptionCompleted,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InvalidRequestError,
    NotFoundError,
    RealtimeEventError,
    RealtimeSessionConfig,
    RealtimeTranscriptionSessionConfig,
    ResponseConfig,
    ResponseDone,
    ResponseOutputAudioDelta,
    UserMessage,
    structure_request,
)
from openai_realtime.emulator import Emulator

pytestmark = pytest.mark.anyio
MODEL = "gpt-realtime-2.1"
TEXT = RealtimeSessionConfig(output_modalities=["text"])
SPEECH = b"".join(struct.pack("<h", int(8000 * math.sin(i / 10))) for i in range(24_000))  # a second, PCM16 at 24 kHz
SILENCE = bytes(48_000)
WAIT = 10


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with asyncio.timeout(30), Emulator() as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AsyncRealtimeClient]:
    async with AsyncRealtimeClient(**emulator.client_options) as client:
        yield client


async def test_two_text_turns_and_an_item_that_is_not_there(client: AsyncRealtimeClient) -> None:
    async with client.connect(model=MODEL, session=TEXT) as connection:
        for text in ("Say hello", "and goodbye"):
            added = await connection.create_item(UserMessage.from_text(text))
            made = await connection.create_response()
            done = await connection.wait_for(ResponseDone, WAIT)
            assert done.response.id == made.response.id
            assert done.response.output[0].content[0].text == text
        assert added.previous_item_id is not None
        assert (await connection.retrieve_item(added.item.id)).item == added.item
        assert (await connection.delete_item(added.item.id)).item_id == added.item.id
        with pytest.raises(RealtimeEventError, match="does not exist"):
            await connection.delete_item(added.item.id)
        assert await connection.cancel_response() is None


async def test_a_spoken_turn_with_server_vad(client: AsyncRealtimeClient) -> None:
    async with client.connect(model=MODEL) as connection:
        await connection.append_audio(SPEECH + SILENCE)
        started = await connection.wait_for(InputAudioBufferSpeechStarted, WAIT)
        committed = await connection.wait_for(InputAudioBufferCommitted, WAIT)
        assert committed.item_id == started.item_id
        audio = b""
        async for event in connection:
            match event:
                case ResponseOutputAudioDelta():
                    audio += event.audio
                case ResponseDone():
                    break
    assert SPEECH[:1000] in audio


async def test_push_to_talk_and_a_commit_of_nothing(client: AsyncRealtimeClient) -> None:
    config = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    async with client.connect(model=MODEL, session=structure_request(config, RealtimeSessionConfig)) as connection:
        with pytest.raises(RealtimeEventError, match="input_audio_buffer_commit_empty"):
            await connection.commit_audio()
        await connection.append_audio(SPEECH)
        committed = await connection.commit_audio()
        await connection.create_response()
        done = await connection.wait_for(ResponseDone, WAIT)
        assert done.response.status == "completed"
        assert committed.previous_item_id is None


async def test_a_response_outside_the_conversation_runs_beside(client: AsyncRealtimeClient) -> None:
    async with client.connect(model=MODEL, session=TEXT) as connection:
        beside = ResponseConfig(conversation="none", metadata={"topic": "title"}, input=[UserMessage.from_text("x")])
        made = await connection.create_response(beside)
        assert made.response.conversation_id is None
        assert made.response.metadata["topic"] == "title"


async def test_a_transcription_session(client: AsyncRealtimeClient) -> None:
    config = {"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
    session = structure_request(config, RealtimeTranscriptionSessionConfig)
    async with client.connect(intent="transcription", session=session) as connection:
        await connection.append_audio(SPEECH + SILENCE)
        completed = await connection.wait_for(ConversationItemInputAudioTranscriptionCompleted, WAIT)
        assert completed.transcript
        assert completed.usage.type == "tokens"


async def test_a_client_secret_opens_its_session(client: AsyncRealtimeClient, emulator: Emulator) -> None:
    secret = await client.create_realtime_client_secret()
    async with (
        AsyncRealtimeClient(base_url=emulator.base_url, api_key=secret.value) as browser,
        browser.connect(model=MODEL, session=TEXT) as connection,
    ):
        await connection.create_item(UserMessage.from_text("hi"))


async def test_refusals_are_the_errors_of_http(client: AsyncRealtimeClient) -> None:
    stranger = client.with_options(api_key="sk-not-the-key-1234")
    for refused, target, kind in (
        (stranger, {"model": MODEL}, AuthenticationError),
        (client, {"model": "no-such-model"}, BadRequestError),
        (client, {"call_id": "rtc_unknown"}, NotFoundError),
    ):
        with pytest.raises(kind):
            async with refused.connect(**target):  # type: ignore[arg-type]
                pass


@pytest.mark.parametrize("wrong", [{"output_modalities": ["text"]}, "Say hello", UserMessage.from_text("Say hello")])
async def test_what_is_no_response_is_told_the_right_call(client: AsyncRealtimeClient, wrong: Any) -> None:
    async with client.connect(model=MODEL) as connection:
        with pytest.raises(InvalidRequestError, match="structure_request makes one from a dict; create_item takes"):
            await connection.create_response(wrong)
