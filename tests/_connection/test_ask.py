"""A question and its whole answer, or the reason why there is none; in asyncio and blocking."""

from __future__ import annotations

from typing import Any

import pytest
from support.recovery import POLICY, greeting
from support.scripted import Peer, serving

from openai_realtime import (
    AsyncRealtimeClient,
    ConnectionClosedError,
    FunctionCallOutput,
    InputImage,
    InputText,
    InvalidRequestError,
    RealtimeClient,
    RealtimeSessionConfig,
    ResponseConfig,
    ResponseEndedError,
    UserMessage,
)
from openai_realtime.emulator import Emulator, Reply, ToolCall
from openai_realtime.models import FailureDetails

MODEL = "gpt-realtime-2.1"
TEXT = RealtimeSessionConfig(output_modalities=["text"])
SPEECH = b"\x01\x02" * 24_000


@pytest.mark.anyio
async def test_a_question_has_the_text_the_audio_and_the_calls_of_its_answer() -> None:
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.reply(Reply(text="It is noon.", audio=SPEECH, tool_calls=[ToolCall(name="look")]), "Once more.")
        async with client.connect(model=MODEL) as connection:
            first = await connection.ask("What time is it?")
            second = await connection.ask(SPEECH)
    assert (first.text, first.audio, [call.name for call in first.function_calls]) == ("It is noon.", SPEECH, ["look"])
    assert (second.text, second.function_calls) == ("Once more.", [])
    assert second.response.status == "completed"
    assert (first.response.text, first.response.function_calls) == (first.text, first.function_calls)
    assert f"<{len(SPEECH)} bytes>" in repr(first)


def test_a_blocking_program_asks_the_same() -> None:
    with Emulator() as emulator, RealtimeClient(**emulator.client_options) as client:
        emulator.reply("It is noon.", "As I said.")
        with client.connect(model=MODEL, session=TEXT) as connection:
            answers = [connection.ask(text) for text in ("What time is it?", "Sure?")]
            assert connection.unread <= 1  # the rate limits
    assert [answer.text for answer in answers] == ["It is noon.", "As I said."]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (Reply(failure=FailureDetails(type="requests", code="rate_limit_exceeded")), "failed", "rate_limit_exceeded"),
        (Reply(text="partial", incomplete="max_output_tokens"), "incomplete", "max_output_tokens"),
    ],
)
async def test_a_response_that_did_not_complete_raises_the_servers_reason(reply: Reply, status: str, code: str) -> None:
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.reply(reply)
        async with client.connect(model=MODEL, session=TEXT) as connection:
            with pytest.raises(ResponseEndedError, match=code) as raised:
                await connection.ask("Hello?", ResponseConfig(instructions="Be brief."))
    assert (raised.value.status, raised.value.code) == (status, code)


@pytest.mark.anyio
async def test_an_answer_that_was_lost_with_its_connection_raises() -> None:
    async def first(peer: Peer) -> None:
        event = await peer.receive()
        await peer.add(event["item"])
        asked = await peer.receive_type("response.create")
        response = {"id": "r1", "conversation_id": "c", "metadata": asked["response"]["metadata"]}
        await peer.send("response.created", response=response)
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.answers(1)

    async with (
        serving(greeting(first), greeting(second)) as client,
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        with pytest.raises(ConnectionClosedError):
            await connection.ask("Hello?", timeout=10)


@pytest.mark.anyio
async def test_a_question_may_be_an_item() -> None:
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.reply(Reply(tool_calls=[ToolCall(name="clock")]), "It is noon.")
        async with client.connect(model=MODEL, session=TEXT) as connection:
            picture = UserMessage(content=[InputText(text="What time is it there?"), InputImage.from_bytes(b"png")])
            (call,) = (await connection.ask(picture)).function_calls
            answer = await connection.ask(FunctionCallOutput(call_id=call.call_id, output="12:00"))
    assert (answer.text, answer.function_calls) == ("It is noon.", [])
    assert emulator.sessions[0].conversation[0].content[1].image_url == "data:image/png;base64,cG5n"


@pytest.mark.anyio
@pytest.mark.parametrize("what", [None, 5, ["x"]])
async def test_what_is_neither_text_nor_audio_is_refused(what: Any) -> None:
    async with serving(greeting(Peer.greet)) as client, client.connect(model="m") as connection:
        with pytest.raises(InvalidRequestError, match="what"):
            await connection.ask(what)
