"""The `openai` package's own clients hold sessions with the emulator, asyncio and blocking.

Each conversation is written once, as a generator that asks its driver to send an event or to receive up to some type.
"""

import asyncio
import base64
import math
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

import openai
import pytest
from openai.types.realtime import (
    ConversationItemInputAudioTranscriptionCompletedEvent,
    RealtimeErrorEvent,
    ResponseDoneEvent,
    ResponseTextDeltaEvent,
    SessionCreatedEvent,
    SessionUpdatedEvent,
)

from openai_realtime.emulator import Emulator, Reply, ToolCall

pytestmark = pytest.mark.anyio

DEADLINE = 30.0
Command: TypeAlias = dict[str, Any] | str
"""An event to send, or the type of the last event to wait for."""
Talk: TypeAlias = Generator[Command, list[Any], None]


def update(**session: Any) -> Command:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def say(text: str) -> Command:
    content = [{"type": "input_text", "text": text}]
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}


def append(audio: bytes) -> Command:
    return {"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}


RESPOND: Command = {"type": "response.create"}
SILENCE = bytes(48 * 600)
SPEECH = b"".join(round(8000 * math.sin(index / 19)).to_bytes(2, "little", signed=True) for index in range(24 * 500))


def types(events: list[Any]) -> list[str]:
    return [event.type for event in events]


def text_turn(emulator: Emulator) -> Talk:
    (created,) = yield "session.created"
    assert isinstance(created, SessionCreatedEvent)
    yield update(output_modalities=["text"])
    (updated,) = yield "session.updated"
    assert isinstance(updated, SessionUpdatedEvent)
    yield say("Say hello.")
    yield RESPOND
    events = yield "response.done"
    deltas = [event for event in events if isinstance(event, ResponseTextDeltaEvent)]
    assert "".join(event.delta for event in deltas) == "Say hello."
    done = events[-1]
    assert isinstance(done, ResponseDoneEvent)
    assert done.response.status == "completed"
    assert done.response.usage
    assert done.response.usage.total_tokens
    yield {"type": "nope", "event_id": "mine"}
    *_, error = yield "error"
    assert isinstance(error, RealtimeErrorEvent)
    assert (error.error.code, error.error.event_id) == ("invalid_value", "mine")


def audio_turn(emulator: Emulator) -> Talk:
    yield "session.created"
    yield append(SILENCE)
    yield append(SPEECH)
    yield append(SILENCE)
    events = yield "response.done"
    assert types(events)[:6] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert (events[0].audio_start_ms, events[1].audio_end_ms) == (300, 1300)
    played = b"".join(base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta")
    assert SPEECH in played
    assert events[-1].response.output[0].content[0].transcript == "1.0 seconds of speech."


def function_call_turn(emulator: Emulator) -> Talk:
    emulator.reply(Reply(tool_calls=[ToolCall(name="get_weather", arguments='{"city": "London"}')]))
    yield "session.created"
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    yield update(output_modalities=["text"], tools=[tool])
    yield say("What is the weather in London?")
    yield RESPOND
    events = yield "response.done"
    call = events[-1].response.output[0]
    assert (call.type, call.name, call.arguments) == ("function_call", "get_weather", '{"city": "London"}')
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "It is foggy."}
    yield {"type": "conversation.item.create", "item": output}
    yield RESPOND
    events = yield "response.done"
    assert events[-1].response.output[0].content[0].text == "It is foggy."


def interruption(emulator: Emulator) -> Talk:
    emulator.reply(Reply(text="one two three four five six seven eight", pause_after=8))
    yield "session.created"
    yield say("Count.")
    yield RESPOND
    yield "response.output_audio.delta"
    yield append(SPEECH)
    events = yield "response.done"
    assert "input_audio_buffer.speech_started" in types(events)
    response = events[-1].response
    assert (response.status, response.status_details.reason) == ("cancelled", "turn_detected")
    item = response.output[0]
    yield {"type": "conversation.item.truncate", "item_id": item.id, "content_index": 0, "audio_end_ms": 90}
    *_, truncated = yield "conversation.item.truncated"
    assert (truncated.item_id, truncated.audio_end_ms) == (item.id, 90)
    yield append(SILENCE)
    events = yield "response.done"
    assert events[-1].response.status == "completed"


def transcription_session(emulator: Emulator) -> Talk:
    emulator.queue_transcripts("The words that were said.")
    (created,) = yield "session.created"
    assert created.session.type == "transcription"
    settings = {"transcription": {"model": "gpt-4o-transcribe"}}
    yield {"type": "session.update", "session": {"type": "transcription", "audio": {"input": settings}}}
    yield "session.updated"
    yield append(SPEECH + SILENCE)
    *events, completed = yield "conversation.item.input_audio_transcription.completed"
    deltas = [event.delta for event in events if event.type == "conversation.item.input_audio_transcription.delta"]
    assert isinstance(completed, ConversationItemInputAudioTranscriptionCompletedEvent)
    assert "".join(deltas) == completed.transcript == "The words that were said."
    assert completed.usage.type == "tokens"


CONVERSATIONS = [text_turn, audio_turn, function_call_turn, interruption, transcription_session]


def where(talk: Callable[[Emulator], Talk]) -> dict[str, Any]:
    if talk is transcription_session:
        return {"extra_query": {"intent": "transcription"}}
    return {"model": "gpt-realtime"}


def client_options(emulator: Emulator) -> dict[str, Any]:
    return {**emulator.client_options, "max_retries": 0, "timeout": DEADLINE, "_strict_response_validation": True}


@pytest.mark.parametrize("conversation", CONVERSATIONS)
async def test_asyncio(realtime_emulator: Emulator, conversation: Callable[[Emulator], Talk]) -> None:
    talk = conversation(realtime_emulator)
    async with (
        asyncio.timeout(DEADLINE),
        openai.AsyncOpenAI(**client_options(realtime_emulator)) as client,
        client.realtime.connect(**where(conversation)) as connection,
    ):
        answer: list[Any] | None = None
        while (command := next(talk, None) if answer is None else _send(talk, answer)) is not None:
            answer = None
            if isinstance(command, dict):
                await connection.send(command)  # type: ignore[arg-type]
                continue
            answer = [await connection.recv()]
            while answer[-1].type != command:
                answer.append(await connection.recv())


@pytest.mark.parametrize("conversation", CONVERSATIONS)
def test_blocking(realtime_emulator: Emulator, conversation: Callable[[Emulator], Talk]) -> None:
    talk = conversation(realtime_emulator)
    with (
        openai.OpenAI(**client_options(realtime_emulator)) as client,
        client.realtime.connect(**where(conversation)) as connection,
    ):
        deadline = threading.Timer(DEADLINE, connection.close)  # recv has no deadline of its own
        deadline.start()
        try:
            answer: list[Any] | None = None
            while (command := next(talk, None) if answer is None else _send(talk, answer)) is not None:
                answer = None
                if isinstance(command, dict):
                    connection.send(command)  # type: ignore[arg-type]
                    continue
                answer = [connection.recv()]
                while answer[-1].type != command:
                    answer.append(connection.recv())
        finally:
            deadline.cancel()
            deadline.join()


def _send(talk: Talk, answer: list[Any]) -> Command | None:
    try:
        return talk.send(answer)
    except StopIteration:
        return None


async def test_a_bad_key(realtime_emulator: Emulator) -> None:
    options = {**client_options(realtime_emulator), "api_key": "sk-nobody"}
    async with (
        asyncio.timeout(DEADLINE),
        openai.AsyncOpenAI(**options) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        error = await connection.recv()
        assert isinstance(error, RealtimeErrorEvent)
        assert error.error.code == "invalid_api_key"
