"""Tools on a connection to the emulator: MCP servers from their listing to the answer, and the blocking client."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from openai_realtime import (
    UNSET,
    AsyncRealtimeClient,
    McpTool,
    RealtimeClient,
    RealtimeSessionConfig,
    ResponseCreate,
    UserMessage,
)
from openai_realtime.conversation import Conversation
from openai_realtime.emulator import Emulator, McpToolCall, Reply, ToolCall as Called
from openai_realtime.models import McpListedTool, ToolChoiceFunction
from openai_realtime.tools import Tool, ToolCall, Tools

MODEL = "gpt-realtime-2.1"
READ = McpListedTool(name="read", input_schema={"type": "object"})
CALL = McpToolCall(server_label="docs", name="read", arguments='{"page": 7}', output="Page seven.")


@pytest.mark.anyio
@pytest.mark.parametrize("approved", [True, False])
async def test_an_mcp_server_is_listed_approved_called_and_spoken_about(approved: bool) -> None:  # noqa: FBT001
    asked: list[ToolCall] = []

    async def approve(call: ToolCall) -> bool:
        asked.append(call)
        return approved

    tools, conversation = Tools(approve=approve), Conversation()
    server = McpTool(server_label="docs", server_url="https://docs.example/mcp", require_approval="always")
    session = RealtimeSessionConfig(output_modalities=["text"], tools=[server])
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.mcp_server("docs", READ)
        emulator.reply(Reply(tool_calls=[CALL]), "It says seven." if approved else "As you like.")
        async with client.connect(model=MODEL, session=session, observers=[tools, conversation]) as connection:
            await connection.wait_for(lambda _: "docs" in tools.mcp_tools, 10)
            await connection.create_item(UserMessage.from_text("What is on page seven?"))
            await connection.create_response()
            await connection.wait_for(
                lambda _: bool(conversation.captions[1:]) and not conversation.active_response, 10
            )
            assert connection.observer_errors == []
    assert [(call.name, call.server_label, call.arguments) for call in asked] == [("read", "docs", '{"page": 7}')]
    assert conversation.captions[-1].text == ("It says seven." if approved else "As you like.")
    statuses = [one.status for one in conversation.responses.values()]
    assert statuses == ["completed"] * (3 if approved else 2)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("choice", "then"), [("required", "auto"), (ToolChoiceFunction(name="look"), "auto"), ("auto", UNSET)]
)
async def test_who_is_forced_to_call_may_speak_about_the_output(choice: Any, then: Any) -> None:
    """It would call again and again, and never come to speak."""

    def look() -> str:
        return "5"

    tools, conversation = Tools(look), Conversation()
    session = RealtimeSessionConfig(output_modalities=["text"], tools=tools.definitions, tool_choice=choice)
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.reply(Reply(tool_calls=[Called(name="look")]), "It is five.")
        async with client.connect(model=MODEL, session=session, observers=[tools, conversation]) as connection:
            await connection.create_item(UserMessage.from_text("Look"))
            await connection.create_response()
            await connection.wait_for(lambda _: conversation.captions[-1].text == "It is five.", 10)
        asked = [event.response for event in emulator.sessions[-1].received if isinstance(event, ResponseCreate)]
    assert [response.tool_choice for response in asked if response] == [UNSET, then]


def test_a_blocking_program_has_its_tools_called_in_other_threads() -> None:
    threads: list[Any] = []

    def look() -> str:
        threads.append(threading.current_thread())
        return "5"

    def approve(_: ToolCall) -> bool:
        threads.append(threading.current_thread())
        return True

    tools, conversation = Tools(Tool(function=look, needs_approval=True), approve=approve), Conversation()
    session = RealtimeSessionConfig(output_modalities=["text"], tools=tools.definitions)
    with Emulator() as emulator, RealtimeClient(**emulator.client_options) as client:
        emulator.reply(Reply(tool_calls=[Called(name="look")]), "It is five.")
        with client.connect(model=MODEL, session=session, observers=[tools, conversation]) as connection:
            connection.create_item(UserMessage.from_text("How many?"))
            connection.create_response()
            connection.wait_for(lambda _: len(conversation.captions) == 2 and not conversation.active_response, 10)
            tools.say_when_idle("It has become six.", "Tell it.")
            connection.wait_for(lambda _: len(conversation.responses) == 3 and not conversation.active_response, 10)
            assert connection.observer_errors == []
    assert [caption.text for caption in conversation.captions][:2] == ["How many?", "It is five."]
    assert threading.main_thread() not in threads
    assert len(threads) == 2
