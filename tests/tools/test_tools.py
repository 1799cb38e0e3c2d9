"""Calls run side by side, each gets an output that the model can read, and the model is asked to speak once."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from support.session_by_hand import Line

from openai_realtime import (
    APITimeoutError,
    ConfigurationError,
    RealtimeEventError,
    Reconnected,
    ResponseConfig,
    UserMessage,
)
from openai_realtime.tools import Tool, ToolCall, Tools

pytestmark = pytest.mark.anyio

OUTPUT, CREATE = "function_call_output", "response.create"


async def echo(text: str = "") -> str:
    return text


def plain() -> str:
    return threading.current_thread().name


class Slow:
    """A tool that ends when a test says so."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self) -> str:
        await self.go_on.wait()
        return "slow"


def slow_tool(slow: Slow, **options: Any) -> Tool:
    return Tool(function=slow, name="slow", **options)


async def test_an_output_is_sent_at_once_and_one_response_is_asked_for_after_the_end() -> None:
    line = Line(tools := Tools(echo, plain))
    line.begin()
    line.call("echo", "c1", '{"text": "hello"}')
    line.call("plain", "c2")
    await line.until(lambda: len(line.outputs) == 2)
    assert line.sent == [OUTPUT, OUTPUT]
    line.end()
    await line.settle()
    assert line.sent == [OUTPUT, OUTPUT, CREATE]
    assert line.outputs["c1"] == "hello"
    assert line.outputs["c2"] != threading.current_thread().name
    assert [(call.name, call.status) for call in tools.calls] == [("echo", "completed"), ("plain", "completed")]


async def test_the_response_waits_for_all_outputs() -> None:
    slow = Slow()
    line = Line(Tools(echo, slow_tool(slow)))
    line.begin()
    line.call("slow", "c1")
    line.call("echo", "c2")
    line.end()
    await line.settle()
    assert line.sent == [OUTPUT]
    slow.go_on.set()
    await line.settle()
    assert line.sent == [OUTPUT, OUTPUT, CREATE]
    line.begin("r2")
    line.end("r2")
    await line.settle()
    assert line.sent.count(CREATE) == 1


async def test_a_call_that_is_told_of_twice_runs_once() -> None:
    line = Line(tools := Tools(echo))
    line.begin()
    line.call("echo")
    line.call("echo")
    await line.settle()
    assert (len(tools.calls), line.sent) == (1, [OUTPUT])


@pytest.mark.parametrize("item_id", ["another", None])
async def test_a_call_that_is_told_of_under_another_item_id_runs_once(item_id: str | None) -> None:
    line = Line(tools := Tools(echo))
    line.begin()
    for call_id in ("c1", "c2"):
        line.call("echo", call_id)
    call = {"type": "function_call", "call_id": "c1", "name": "echo", "arguments": "{}"}
    line.end(output=[{**call, "id": item_id}, {**call, "id": item_id, "call_id": "c2"}])
    await line.settle()
    assert (len(tools.calls), line.sent) == (2, [OUTPUT, OUTPUT, CREATE])


async def test_a_list_of_tools_without_a_sensible_id_is_passed_over() -> None:
    line = Line(tools := Tools(echo))
    line.hear("mcp_list_tools.completed", item_id={})
    line.begin()
    line.call("echo")
    await line.settle()
    assert (dict(tools.mcp_tools), line.sent) == ({}, [OUTPUT])


async def test_a_call_of_which_only_the_response_tells_runs_too() -> None:
    line = Line(Tools(echo))
    line.begin()
    call = {"id": "i1", "type": "function_call", "call_id": "c1", "name": "echo", "arguments": '{"text": "x"}'}
    place = {"response_id": "r1", "item_id": "i1", "output_index": 0}
    line.hear("response.function_call_arguments.done", **place, call_id="c1", arguments=call["arguments"])
    line.end(output=[call])
    await line.settle()
    assert (line.sent, line.outputs) == ([OUTPUT, CREATE], {"c1": "x"})


async def test_a_tool_may_want_no_answer() -> None:
    line = Line(Tools(Tool(function=echo, respond=False)))
    line.begin()
    line.call("echo")
    line.end()
    await line.settle()
    assert line.sent == [OUTPUT]


def fails() -> None:
    raise LookupError("no key sk-secret-1234567890")


def exits() -> None:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("unknown", "{}", "there is no tool 'unknown'"),
        ("echo", '{"text": 5}', "bad arguments: Expected `str`, got `int` - at `$.text`"),
        ("echo", "{", "bad arguments"),
        ("fails", "{}", "LookupError: 'no key sk-***'"),
        ("exits", "{}", "SystemExit: 3"),
        ("slow", "{}", "no result within 0 seconds"),
    ],
)
async def test_what_goes_wrong_is_an_output_and_an_entry(name: str, arguments: str, said: str) -> None:
    line = Line(tools := Tools(echo, Tool(function=fails), exits, slow_tool(Slow(), timeout=0)))
    line.begin()
    line.call(name, arguments=arguments)
    line.end()
    await line.until(lambda: line.sent == [OUTPUT, CREATE])
    assert said.replace("'no key", "no key").rstrip("'") in json.loads(line.outputs["c1"])["error"].replace("'no", "no")
    assert tools.calls[0].status in ("failed", "timed_out")
    assert (tools.calls[0].error is None) == (name == "unknown")


async def test_a_response_that_began_with_the_outputs_is_not_asked_for_again() -> None:
    slow = Slow()
    line = Line(Tools(echo, slow_tool(slow)))
    line.begin()
    line.call("echo", "c1")
    await line.settle()
    line.hear("conversation.item.added", item={"id": "o", "type": OUTPUT, "call_id": "c1", "output": ""})
    line.begin("r2")  # the server's own, for the user spoke
    line.end("r1")
    line.end("r2")
    await line.settle()
    assert line.sent == [OUTPUT]


async def test_it_waits_while_the_user_speaks_and_for_the_answer_that_the_server_gives() -> None:
    line = Line(Tools(echo))
    detection = {"type": "server_vad", "create_response": True}
    line.hear("session.created", session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}})
    line.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    line.begin()
    line.call("echo")
    line.end()
    await line.settle()
    line.hear("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="u")
    await line.settle()
    assert line.sent == [OUTPUT]
    line.begin("r2")  # it does not have the output: no word of the server came
    line.end("r2")
    await line.settle()
    assert line.sent == [OUTPUT, CREATE]


@pytest.mark.parametrize("policy", ["continue", "cancel"])
async def test_an_interrupted_call_goes_on_or_is_given_up(policy: Any) -> None:
    slow = Slow()
    line = Line(tools := Tools(slow_tool(slow, when_interrupted=policy)))
    line.begin()
    line.call("slow")
    line.end()
    await line.settle()
    line.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    await line.settle()
    slow.go_on.set()
    await line.settle()
    line.hear("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="u")
    await line.settle()
    given_up = policy == "cancel"
    assert tools.calls[0].status == ("cancelled" if given_up else "completed")
    assert line.sent == ([OUTPUT] if given_up else [OUTPUT, CREATE])
    assert ("interrupted" in line.outputs["c1"]) == given_up


async def test_a_call_that_is_interrupted_before_it_began_has_an_output_too() -> None:
    line = Line(tools := Tools(slow_tool(Slow(), when_interrupted="cancel")))
    line.begin()
    line.call("slow")
    line.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    line.end()
    line.hear("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="u")
    tools.say_when_idle("It is noon.")
    await line.settle()
    assert (tools.calls[0].status, line.sent) == ("cancelled", [OUTPUT, "message", CREATE])


async def test_who_begins_to_speak_as_a_response_ends_is_not_talked_over() -> None:
    line = Line(Tools(echo))
    line.begin()
    line.call("echo")
    await line.settle()
    line.end()
    line.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")  # both came at once
    await line.settle()
    assert line.sent == [OUTPUT]


def reconnected(*restored: str) -> Reconnected:
    return Reconnected(code=1006, reason="", restored=restored, resent=[], lost=[])


@pytest.mark.parametrize("has_it", [True, False])
async def test_a_call_is_answered_in_the_new_session_if_that_has_it(has_it: bool) -> None:  # noqa: FBT001
    slow = Slow()
    line = Line(tools := Tools(slow_tool(slow)))
    line.begin()
    line.call("slow")
    await line.settle()
    line.received(reconnected(*["item_c1"] * has_it))
    slow.go_on.set()
    await line.settle()
    assert line.sent == ([OUTPUT, CREATE] if has_it else [])
    assert (tools.calls[0].status, tools.calls[0].output) == ("completed" if has_it else "lost", "slow")


@pytest.mark.parametrize("ended", [False, True])
async def test_a_response_about_outputs_that_was_lost_is_asked_for_again(ended: bool) -> None:  # noqa: FBT001
    line = Line(Tools(echo))
    line.begin()
    line.call("echo")
    line.end()
    await line.settle()
    line.begin("r2")
    if ended:
        line.end("r2")
    line.received(reconnected("item_c1"))
    await line.settle()
    assert line.sent == ([OUTPUT, CREATE] if ended else [OUTPUT, CREATE, CREATE])
    line.begin("r3")
    line.end("r3")
    line.received(reconnected("item_c1"))
    await line.settle()
    assert line.sent.count(CREATE) == (1 if ended else 2)


async def test_a_connection_that_ended_makes_the_call_lost() -> None:
    line = Line(tools := Tools(echo))
    line.begin()
    line.call("echo")
    line.closed = True
    line.end()
    await line.settle()
    assert (tools.calls[0].status, line.sent) == ("lost", [])


async def test_a_tool_that_needs_approval_asks() -> None:
    asked: list[ToolCall] = []

    def approve(call: ToolCall) -> bool:
        asked.append(call)
        return call.arguments != "{}"

    line = Line(tools := Tools(Tool(function=echo, needs_approval=True), approve=approve))
    line.begin()
    line.call("echo", "c1")
    line.call("echo", "c2", '{"text": "go"}')
    line.end()
    await line.until(lambda: CREATE in line.sent)
    assert sorted(asked, key=lambda call: call.call_id) == tools.calls  # side by side, in threads
    assert [call.status for call in tools.calls] == ["refused", "completed"]
    assert line.outputs == {"c1": '{"error":"the user did not approve this call"}', "c2": "go"}


async def test_an_approval_that_takes_too_long_or_raises_is_none() -> None:
    async def never(call: ToolCall) -> bool:
        if call.arguments == "{}":
            await asyncio.Event().wait()
        raise LookupError("no user")

    tool = Tool(function=echo, needs_approval=True)
    line = Line(tools := Tools(tool, approve=never, approval_timeout=0))
    line.begin()
    line.call("echo", "c1")
    line.call("echo", "c2", '{"text": "x"}')
    await line.until(lambda: len(line.outputs) == 2)
    assert [call.status for call in tools.calls] == ["refused", "refused"]


def test_a_tool_that_needs_approval_needs_somebody_to_ask() -> None:
    with pytest.raises(ConfigurationError, match="approve"):
        Tools(Tool(function=echo, needs_approval=True))


async def test_the_model_says_that_it_takes_a_moment() -> None:
    decided = asyncio.Event()

    async def approve(_: ToolCall) -> bool:
        await decided.wait()
        return True

    tool = Tool(function=echo, needs_approval=True)
    line = Line(Tools(tool, approve=approve, say_while_waiting="One moment, please."))
    line.begin()
    line.call("echo")
    line.end()
    await line.settle()
    (filler,) = line.wire
    assert filler["response"]["instructions"].endswith("One moment, please.")
    assert (filler["response"]["input"], filler["response"]["tool_choice"]) == ([], "none")
    line.begin("r2")
    decided.set()
    await line.settle()
    assert line.sent == [CREATE, OUTPUT]
    line.end("r2")
    await line.settle()
    assert line.sent == [CREATE, OUTPUT, CREATE]


def mcp_item(kind: str, item_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": item_id, "type": kind, "server_label": "docs", "name": "read", "arguments": "{}", **fields}


@pytest.mark.parametrize("approved", [True, False])
async def test_calls_of_mcp_servers_are_approved_and_spoken_about(approved: bool) -> None:  # noqa: FBT001
    line = Line(tools := Tools(approve=lambda _: approved))
    line.begin()
    item = mcp_item("mcp_approval_request", "m1")
    line.hear("conversation.item.done", item=item)
    line.hear("response.output_item.done", response_id="r1", output_index=0, item=item)
    line.end()
    await line.until(lambda: CREATE in line.sent)
    assert line.sent == ["mcp_approval_response", CREATE]
    response = line.wire[0]["item"]
    assert (response["approval_request_id"], response["approve"]) == ("m1", approved)
    assert tools.calls[0].server_label == "docs"


@pytest.mark.parametrize("late", [True, False])
async def test_the_model_is_asked_when_the_mcp_call_is_done_also_after_its_response(late: bool) -> None:  # noqa: FBT001
    line = Line(Tools())
    line.begin()
    line.hear("response.output_item.done", response_id="r1", output_index=0, item=mcp_item("mcp_call", "m1"))
    if late:
        line.end()
        await line.settle()
        assert line.sent == []
    line.hear("response.mcp_call.completed", item_id="m1", output_index=0)
    if not late:
        line.end()
    await line.settle()
    assert line.sent == [CREATE]


@pytest.mark.parametrize("order", [1, -1])
async def test_the_tools_of_an_mcp_server_are_known_when_both_events_are_there(order: int) -> None:
    line = Line(tools := Tools())
    listing = {"id": "l", "type": "mcp_list_tools", "server_label": "docs", "tools": [{"name": "read"}]}
    events: list[dict[str, Any]] = [
        {"type": "conversation.item.done", "item": listing},
        {"type": "mcp_list_tools.completed", "item_id": "l"},
    ]
    for event in events[::order]:
        assert "docs" not in tools.mcp_tools
        line.hear(**event)
    assert [tool.name for tool in tools.mcp_tools["docs"]] == ["read"]


async def test_what_is_to_be_said_waits_until_nothing_is_under_way() -> None:
    slow = Slow()
    line = Line(tools := Tools(slow_tool(slow)))
    line.begin()
    line.call("slow")
    tools.say_when_idle("The parcel has arrived.", "Tell the user.")
    tools.say_when_idle(UserMessage.from_text("And now?"))
    line.end()
    await line.settle()
    assert line.sent == []
    slow.go_on.set()
    await line.settle()
    assert line.sent == [OUTPUT, CREATE]
    line.begin("r2")
    line.end("r2")
    await line.settle()
    assert line.sent == [OUTPUT, CREATE, "message", CREATE]
    assert line.wire[2]["item"]["content"][0]["text"] == "The parcel has arrived."
    assert line.wire[3]["response"]["instructions"] == "Tell the user."
    line.begin("r3")
    line.end("r3")
    await line.settle()
    assert line.wire[4]["item"]["role"] == "user"


async def test_it_can_be_said_from_another_thread_and_before_the_connection_is_open() -> None:
    tools = Tools()
    tools.say_when_idle("Early.")
    line = Line(tools)
    await line.settle()
    line.begin()
    line.end()
    await asyncio.to_thread(tools.say_when_idle, "Late.")
    await line.settle()
    assert line.sent == ["message", CREATE, "message", CREATE]


class Refusing(Line):
    async def create_response(self, response: Any = None) -> None:
        raise RealtimeEventError({"error": {"type": "server_error", "message": "not now"}})


async def test_a_refused_response_is_logged_and_asked_for_once(caplog: pytest.LogCaptureFixture) -> None:
    line = Refusing(Tools(echo))
    line.begin()
    line.call("echo")
    line.end()
    await line.settle()
    assert line.sent == [OUTPUT]
    assert caplog.text.count("not now") == 1


async def test_a_response_that_the_server_never_begins_is_waited_for_no_longer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Silent(Line):
        async def create_response(self, response: Any = None) -> None:
            await super().create_response(response)
            raise APITimeoutError("no answer within 30 seconds")

    line = Silent(tools := Tools())
    tools.say_when_idle("One.")
    tools.say_when_idle("Two.")
    await line.settle()
    assert line.sent == ["message", CREATE] * 2


@pytest.mark.parametrize("answered", [True, False])
async def test_an_answer_that_the_server_could_not_give_by_itself_is_waited_for_no_longer(answered: bool) -> None:  # noqa: FBT001
    line = Line(tools := Tools())
    detection = {"type": "server_vad"}
    line.hear("session.created", session={"audio": {"input": {"turn_detection": detection}}})
    line.hear("input_audio_buffer.speech_stopped", audio_end_ms=900, item_id="u")
    tools.say_when_idle("News.")
    await line.settle()
    assert line.sent == []
    if answered:
        line.begin()
        line.end()
    else:
        line.hear("error", error={"type": "server_error", "message": "sorry", "event_id": None})
        line.hear("response.done", response={"id": "r0"})
    await line.settle()
    assert line.sent == ["message", CREATE]


async def test_the_definitions_are_those_of_the_session() -> None:
    (definition,) = Tools(Tool(function=echo, name="say", description="Says it.")).definitions
    assert (definition.name, definition.description) == ("say", "Says it.")


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"name of its own.*echo, echo"):
        Tools(echo, Tool(function=plain, name="echo"))


async def test_a_tool_that_waits_for_what_is_cancelled_has_failed() -> None:
    async def wait() -> None:
        forever = asyncio.ensure_future(asyncio.Event().wait())
        forever.cancel()
        await forever

    line = Line(tools := Tools(wait))
    line.begin()
    line.call("wait")
    line.end()
    await line.until(lambda: CREATE in line.sent)
    assert (tools.calls[0].status, json.loads(line.outputs["c1"])) == ("failed", {"error": "the tool was cancelled"})


async def test_arguments_nested_beyond_reason_are_answered() -> None:
    line = Line(Tools(echo))
    line.begin()
    line.call("echo", "c1", '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}")
    await line.until(lambda: line.outputs)
    assert "bad arguments" in line.outputs["c1"]


@pytest.mark.parametrize(
    ("tools", "asked", "warnings"),
    [([], {}, 1), ([{"type": "function", "name": "plain"}], {}, 1), (None, {}, 0), ([], {"tools": []}, 0),
     ([{"type": "function", "name": "echo"}, {"type": "function", "name": "plain"}], {}, 0)],
)  # fmt: skip
async def test_a_session_without_the_definitions_is_told_once(
    tools: Any, asked: dict[str, Any], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line(Tools(echo, plain))
    line.hear("session.created", session={"tools": []})
    line.hear("session.updated", session={"tools": tools})
    if asked:
        await line.create_response(ResponseConfig(**asked))
    for response_id in ("r1", "r2"):
        line.begin(response_id)
        line.end(response_id)
    assert [record.message.count("tools.definitions") for record in caplog.records] == [1] * warnings


async def test_a_connection_that_is_closed_before_the_model_is_asked_is_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = Line(tools := Tools(echo))
    line.closed = True
    tools.say_when_idle("It is noon.")
    await line.settle()
    assert (line.sent, caplog.records) == ([], [])
