"""What type checkers see of the voice layer; nothing here is run."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from openai_realtime import (
    Answer,
    AsyncRealtimeClient,
    FunctionCall,
    FunctionTool,
    Observer,
    RealtimeClient,
    RealtimeSessionConfig,
)
from openai_realtime.audio import PlaybackStream
from openai_realtime.audio.playback import Playback
from openai_realtime.conversation import Caption, Conversation, ItemState, Prices, ResponseSummary, Usage
from openai_realtime.emulator import Emulator
from openai_realtime.leash import Leash
from openai_realtime.models import Item
from openai_realtime.models.items import McpListedTool
from openai_realtime.recording import Entry, Recorder, feed, read
from openai_realtime.telemetry import Telemetry
from openai_realtime.tools import Tool, ToolCall, Tools


def add(a: int, b: int = 0) -> int:
    """Add."""
    return a + b


async def ask() -> bool:
    return True


async def agent(client: AsyncRealtimeClient) -> None:
    async def approve(call: ToolCall) -> bool:
        assert_type(call.output, str | None)
        return await ask()

    tools = Tools(add, Tool(function=add, name="plus", needs_approval=True), approve=approve)
    conversation, playback = Conversation(), Playback(PlaybackStream())
    session = RealtimeSessionConfig(tools=tools.definitions)
    assert_type(tools.definitions, list[FunctionTool])
    with Recorder("session.jsonl") as recorder, Telemetry() as telemetry:
        observers: list[Observer] = [tools, conversation, playback, recorder, telemetry, Leash(seconds=60)]
        async with client.connect(model="m", session=session, observers=observers) as connection:
            answer = await connection.ask("Hello?")
            assert_type(answer, Answer)
            assert_type(answer.text, str)
            assert_type(answer.audio, bytes)
            assert_type(answer.function_calls, Sequence[FunctionCall])
    assert_type(tools.mcp_tools, Mapping[str, Sequence[McpListedTool]])
    assert_type(playback.heard_ms("item"), float)


def blocking(client: RealtimeClient) -> None:
    conversation = Conversation()
    with client.connect(model="m", observers=[Tools(add), conversation, Playback("pull")]) as connection:
        assert_type(connection.ask(b"\0\0"), Answer)


def told(conversation: Conversation) -> None:
    assert_type(conversation.items, list[ItemState])
    assert_type(conversation.take_captions(), list[Caption])
    assert_type(conversation.responses, Mapping[str, ResponseSummary])
    assert_type(conversation.usage + Usage(), Usage)
    assert_type(conversation.cost(Prices(input_text=4)), float)
    assert_type(conversation.to_items(), list[Item])
    assert_type(Conversation.from_json(conversation.to_json()), Conversation)


def recorded(emulator: Emulator) -> None:
    entries: list[Entry] = list(read("session.jsonl"))
    assert_type(entries[0].event, Mapping[str, Any])
    emulator.replay(entries, strict=False)
    feed("session.jsonl", Conversation())
