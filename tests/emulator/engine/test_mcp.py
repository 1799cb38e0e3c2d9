"""MCP in the emulator: tools are listed, calls are approved or denied, and no secret of a server comes back."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.wire import ADDED, RESPOND, TEXT_ONLY, Wire, message, types

from openai_realtime import (
    AsyncRealtimeClient,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpTool,
    RealtimeCreateClientSecretRequest,
    RealtimeSessionConfig,
    ResponseConfig,
    ResponseDone,
    UserMessage,
)
from openai_realtime.emulator import Emulator, McpToolCall, Reply
from openai_realtime.models import McpError, McpListedTool, McpListToolsCompleted, ResponseMcpCallCompleted

pytestmark = pytest.mark.anyio

SECRET = "oauth-token-of-the-mcp-server"
READ = McpListedTool(name="read", input_schema={"type": "object"}, annotations={"readOnlyHint": True})
WRITE = McpListedTool(name="write", input_schema={"type": "object"})
LISTED = ("mcp_list_tools.in_progress", *ADDED, "mcp_list_tools.completed")
CALLED = ("response.mcp_call.in_progress", "conversation.item.done", "response.mcp_call.completed")
CALL = McpToolCall(server_label="docs", name="read", arguments='{"page": 7}', output="Page seven.")
BEGUN = ("response.created", "response.output_item.added", "conversation.item.added")


@pytest.fixture
async def emulator(anyio_backend: str) -> AsyncIterator[Emulator]:
    async with asyncio.timeout(30), Emulator() as emulator:
        emulator.mcp_server("docs", READ, WRITE)
        yield emulator


def tool(**given: Any) -> dict[str, Any]:
    return {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example/mcp", **given}


def using(*tools: dict[str, Any]) -> dict[str, Any]:
    return {"type": "session.update", "session": {**TEXT_ONLY["session"], "tools": tools}}


def answer(request_id: str, *, approve: bool, **fields: Any) -> dict[str, Any]:
    item = {"type": "mcp_approval_response", "id": "mine", "approval_request_id": request_id, "approve": approve}
    return {"type": "conversation.item.create", "item": {**item, **fields}}


async def response(wire: Wire) -> tuple[list[str], dict[str, Any]]:
    """The types of one response's events up to its rate limits, and the response."""
    events = await wire.until("rate_limits.updated")
    return types(events), next(event["response"] for event in events if event["type"] == "response.done")


async def nothing_more(wire: Wire) -> None:
    """Answers to two messages and nothing in between: what was under way would have come."""
    for text in ("One.", "Two."):
        await wire.send(message(text))
        await wire.expect(*ADDED)


async def test_tools_are_listed_when_a_session_gets_a_server(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(using(tool()))
        _, progress, added, done, completed = await wire.expect("session.updated", *LISTED)
        item = done["item"]
        assert (added["item"], done["previous_item_id"]) == (item, None)
        assert (item["type"], item["server_label"]) == ("mcp_list_tools", "docs")
        assert [listed["name"] for listed in item["tools"]] == ["read", "write"]
        assert progress["item_id"] == completed["item_id"] == item["id"]
        await wire.send(using(tool()))  # the same again: nothing new to list
        await wire.expect("session.updated")
        await nothing_more(wire)
        await wire.send(using(tool(allowed_tools=["write"])))
        listed = (await wire.expect("session.updated", *LISTED))[3]["item"]["tools"]
        assert [entry["name"] for entry in listed] == ["write"]


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (None, ["read", "write"]),
        ([], []),
        ({"read_only": True}, ["read"]),
        ({"read_only": False}, ["write"]),
        ({"tool_names": ["read", "write"], "read_only": False}, ["write"]),
        ({}, []),
    ],
)
async def test_only_allowed_tools_are_listed(emulator: Emulator, allowed: Any, names: list[str]) -> None:
    async with Wire(emulator) as wire:
        await wire.send(using(tool(allowed_tools=allowed)))
        done = (await wire.expect("session.created", "session.updated", *LISTED))[-2]
        assert [listed["name"] for listed in done["item"]["tools"]] == names


async def test_a_server_out_of_reach_and_one_that_nobody_described(emulator: Emulator) -> None:
    emulator.mcp_server("docs", reachable=False)
    async with Wire(emulator) as wire:
        await wire.send(using(tool()))
        events = await wire.until("mcp_list_tools.failed")
        assert types(events)[-2:] == ["mcp_list_tools.in_progress", "mcp_list_tools.failed"]
        await wire.send(using(tool(server_label="other")))
        assert (await wire.expect("session.updated", *LISTED))[3]["item"]["tools"] == []


async def test_a_server_for_one_response_only(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[CALL]), Reply(tool_calls=[CALL]))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY)
        await wire.until("session.updated")
        await wire.send({**RESPOND, "response": {"tools": [tool(require_approval="never")]}})
        events = await wire.until(CALLED[-1])
        assert types(events)[0] == "mcp_list_tools.in_progress"
        assert "mcp_list_tools.completed" in types(events)
        await wire.send(RESPOND)  # the session itself has no server: to call it wants approval
        assert (await response(wire))[1]["output"][0]["type"] == "mcp_approval_request"
        await wire.send(using(tool(server_label="other")))
        await wire.expect("session.updated", *LISTED)
        await wire.send({**RESPOND, "response": {"tools": [tool()]}})
        await wire.until("rate_limits.updated")
        await wire.send(using(tool(server_label="other")))  # it is known still
        await wire.expect("session.updated")
        await nothing_more(wire)


async def test_a_session_that_begins_with_a_server(emulator: Emulator) -> None:
    config = RealtimeSessionConfig(tools=[McpTool(server_label="docs", server_url="https://docs.example/mcp")])
    async with AsyncRealtimeClient(**emulator.client_options) as client:
        secret = await client.create_realtime_client_secret(RealtimeCreateClientSecretRequest(session=config))
    headers = {"Authorization": f"Bearer {secret.value}"}
    async with Wire(emulator, headers=headers) as wire:
        await wire.expect("session.created", *LISTED)


async def test_a_call_that_is_accepted_with_a_server(emulator: Emulator) -> None:
    call = emulator.incoming_call()
    config = RealtimeSessionConfig(tools=[McpTool(server_label="docs", server_url="https://docs.example/mcp")])
    async with AsyncRealtimeClient(**emulator.client_options) as client:
        await client.accept_realtime_call(call, session=config)
        async with Wire(emulator, f"?call_id={call}") as wire:
            await wire.expect(*LISTED)


async def test_a_call_with_approval(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[CALL]))
    async with Wire(emulator) as wire:
        await wire.send(using(tool()))
        await wire.until("mcp_list_tools.completed")
        await wire.send(message("Read page seven."), RESPOND)
        await wire.expect(*ADDED)
        names, asked = await response(wire)
        assert names == [
            *BEGUN,
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
        (request,) = asked["output"]
        assert request == {
            "type": "mcp_approval_request",
            "id": request["id"],
            "server_label": "docs",
            "name": "read",
            "arguments": '{"page": 7}',
        }
        await wire.send(answer(request["id"], approve=True), RESPOND)
        await wire.expect(*ADDED)
        names, called = await response(wire)
        assert names == [
            *BEGUN,
            "response.mcp_call_arguments.delta",
            "response.mcp_call_arguments.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
        (item,) = called["output"]
        assert item == {
            "type": "mcp_call",
            "id": item["id"],
            "server_label": "docs",
            "name": "read",
            "arguments": '{"page": 7}',
            "approval_request_id": request["id"],
            "output": None,
            "error": None,
        }
        progress, done, completed = await wire.expect(*CALLED)
        assert done["item"] == {**item, "output": "Page seven."}
        assert progress["item_id"] == completed["item_id"] == item["id"]
        assert progress["output_index"] == completed["output_index"] == 0
        await wire.send({"type": "conversation.item.retrieve", "item_id": item["id"]}, RESPOND)
        assert (await wire.expect("conversation.item.retrieved"))[0]["item"] == done["item"]
        assert (await response(wire))[1]["output"][0]["content"] == [{"type": "output_text", "text": "Page seven."}]


@pytest.mark.parametrize(("reason", "told"), [({"reason": "Not today."}, "Not today."), ({}, "Denied.")])
async def test_a_call_that_is_denied(emulator: Emulator, reason: dict[str, str], told: str) -> None:
    emulator.reply(Reply(tool_calls=[CALL]), when="page seven")  # a rule: it would ask again for ever
    async with Wire(emulator) as wire:
        await wire.send(using(tool()))
        await wire.until("mcp_list_tools.completed")
        await wire.send(message("Read page seven."), RESPOND)
        _, asked = await response(wire)
        await wire.send(answer(asked["output"][0]["id"], approve=False, **reason), RESPOND)
        await wire.expect(*ADDED)
        _, denied = await response(wire)
        assert [part["text"] for item in denied["output"] for part in item["content"]] == [told]
        await nothing_more(wire)


async def test_answers_to_what_nobody_asked(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[CALL]))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY)
        await wire.until("session.updated")
        await wire.send({**answer("nothing", approve=True), "event_id": "odd"})
        error = await wire.error()
        assert (error["code"], error["event_id"]) == ("item_create_invalid_approval_request_id", "odd")
        assert error["message"] == "Error creating item: no approval request with id 'nothing' is pending."
        await wire.send(RESPOND)
        request_id = (await response(wire))[1]["output"][0]["id"]
        await wire.send(answer(request_id, approve=True), answer(request_id, approve=True, id="again"))
        await wire.expect(*ADDED)
        assert (await wire.error())["param"] == "item.approval_request_id"


async def test_an_answer_that_is_refused_can_be_given_again(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[CALL]))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("Hello.", id="taken"), RESPOND)
        request_id = (await response(wire))[1]["output"][0]["id"]
        await wire.send(answer(request_id, approve=True, id="taken"))
        assert (await wire.error())["code"] == "item_create_duplicate_item_id"
        await wire.send(answer(request_id, approve=True))
        await wire.expect(*ADDED)


@pytest.mark.parametrize(
    ("wanted", "asks"),
    [
        (None, ["read", "write"]),
        ("always", ["read", "write"]),
        ("never", []),
        ({"never": {"read_only": True}}, ["write"]),
        ({"never": {"tool_names": ["write"]}}, ["read"]),
        ({"always": {"tool_names": ["read"]}, "never": {"tool_names": ["read", "write"]}}, ["read"]),
        ({"always": {"tool_names": ["read"]}}, ["read", "write"]),
    ],
)
async def test_who_needs_approval(emulator: Emulator, wanted: Any, asks: list[str]) -> None:
    calls = [McpToolCall(server_label="docs", name=name) for name in ("read", "write")]
    emulator.reply(Reply(tool_calls=calls))
    async with Wire(emulator) as wire:
        await wire.send(using(tool(require_approval=wanted)), RESPOND)
        output = (await response(wire))[1]["output"]
        assert [item["name"] for item in output if item["type"] == "mcp_approval_request"] == asks
        assert [item["name"] for item in output if item["type"] == "mcp_call"] == [
            call.name for call in calls if call.name not in asks
        ]


async def test_a_tool_that_nobody_described_is_not_read_only(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[McpToolCall(server_label="docs", name="delete")]))
    async with Wire(emulator) as wire:
        await wire.send(using(tool(require_approval={"never": {"read_only": True}})), RESPOND)
        assert (await response(wire))[1]["output"][0]["type"] == "mcp_approval_request"


async def test_a_call_that_fails(emulator: Emulator) -> None:
    error = McpError(type="http_error", code=503, message="Closed on Sundays.")
    failing = McpToolCall(server_label="docs", name="read", output="never seen", error=error)
    emulator.reply(Reply(text="Let me look.", tool_calls=[failing]))
    async with Wire(emulator) as wire:
        await wire.send(using(tool(require_approval="never")))
        await wire.until("mcp_list_tools.completed")
        await wire.send(RESPOND)
        assert [item["type"] for item in (await response(wire))[1]["output"]] == ["message", "mcp_call"]
        _, done, failed = await wire.expect(*CALLED[:2], "response.mcp_call.failed")
        assert failed["output_index"] == 1
        assert done["item"]["output"] is None
        assert done["item"]["error"] == {"type": "http_error", "code": 503, "message": "Closed on Sundays."}
        await wire.send(RESPOND)
        assert (await response(wire))[1]["output"][0]["content"][0]["text"] == "Closed on Sundays."


async def test_a_response_that_is_cancelled_makes_no_call(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[CALL, CALL], pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(using(tool(require_approval="never")))
        await wire.until("mcp_list_tools.completed")
        await wire.send(RESPOND)
        await wire.until("response.mcp_call_arguments.delta")
        await wire.send({"type": "response.cancel"})
        events = await wire.until("response.done")
        assert types(events)[0] == "response.mcp_call_arguments.done"
        (item,) = events[-1]["response"]["output"]
        assert (item["arguments"], item["output"]) == ('{"page":', None)
        await nothing_more(wire)


async def test_out_of_band_calls_leave_the_conversation_alone(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[CALL]), Reply(tool_calls=[CALL]))
    async with Wire(emulator) as wire:
        await wire.send(using(tool(require_approval="never")))
        await wire.until("mcp_list_tools.completed")
        await wire.send({**RESPOND, "response": {"conversation": "none"}})
        names, _ = await response(wire)
        assert not [name for name in names if name.startswith("conversation.item")]
        await wire.expect(CALLED[0], CALLED[-1])
        await wire.send(using(tool()), {**RESPOND, "response": {"conversation": "none"}})
        request_id = (await response(wire))[1]["output"][0]["id"]
        await wire.send(answer(request_id, approve=True), {**RESPOND, "response": {"conversation": "none"}})
        assert (await response(wire))[1]["output"][0]["type"] == "message"  # the call waits for the conversation's turn
        await wire.send(RESPOND)
        assert (await response(wire))[1]["output"][0]["type"] == "mcp_call"


async def test_history_may_hold_what_servers_had(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        item = {"type": "mcp_list_tools", "server_label": "docs", "tools": []}
        await wire.send({"type": "conversation.item.create", "item": item})
        added, _ = await wire.expect(*ADDED)
        assert added["item"]["id"].startswith("item_")
        call = {"type": "mcp_call", "id": "c", "server_label": "docs", "name": "read", "arguments": "{}"}
        await wire.send(message("Hello."), {"type": "conversation.item.create", "item": call}, TEXT_ONLY, RESPOND)
        assert (await response(wire))[1]["output"][0]["content"][0]["text"] == "Hello."


async def test_the_authorization_of_a_server_never_comes_back(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    emulator.reply(Reply(tool_calls=[CALL]))
    given = tool(authorization=SECRET, headers={"X-Key": SECRET})
    async with Wire(emulator) as wire:
        await wire.send(using(given), {**RESPOND, "response": {"tools": [given]}})
        events = [await wire.get(), *await wire.until("rate_limits.updated")]
        await wire.send(using({**given, "authorization": [SECRET]}))
        events += await wire.until("error")
        (connection,) = emulator._sessions.connections
        received = repr(connection.session.received)
    assert SECRET not in json.dumps(events)
    assert SECRET not in caplog.text
    assert SECRET not in received
    assert SECRET not in repr(emulator.requests)


async def test_our_client_approves(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[CALL]))
    docs = McpTool(server_label="docs", server_url="https://docs.example/mcp", require_approval="always")
    config = RealtimeSessionConfig(output_modalities=["text"], tools=[docs])
    async with (
        AsyncRealtimeClient(**emulator.client_options) as client,
        client.connect(model="gpt-realtime-2.1", session=config) as connection,
    ):
        listed = await connection.wait_for(McpListToolsCompleted, 10)
        found = (await connection.retrieve_item(listed.item_id)).item
        assert [entry.name for entry in found.tools] == ["read", "write"]
        await connection.create_item(UserMessage.from_text("Read page seven."))
        await connection.create_response()
        asked = (await connection.wait_for(ResponseDone, 10)).response.output[0]
        assert isinstance(asked, McpApprovalRequest)
        await connection.create_item(McpApprovalResponse(id="yes", approval_request_id=asked.id, approve=True))
        await connection.create_response()
        call = (await connection.wait_for(ResponseDone, 10)).response.output[0]
        assert isinstance(call, McpCall)
        assert call.approval_request_id == asked.id
        completed = await connection.wait_for(ResponseMcpCallCompleted, 10)
        assert (await connection.retrieve_item(completed.item_id)).item.output == "Page seven."
        await connection.create_response(ResponseConfig(tool_choice="none"))
        done = await connection.wait_for(ResponseDone, 10)
        assert done.response.output[0].content[0].text == "Page seven."
