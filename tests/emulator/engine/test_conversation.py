"""Items, and what a test says of them."""

import json
import time
from collections.abc import Callable
from typing import Any

import pybase64
import pytest
from support.wire import (
    ADDED,
    CANCEL,
    DEADLINE,
    RESPOND,
    TEXT_ONLY,
    Wire,
    append,
    message,
    tone,
)

from openai_realtime import ConfigurationError
from openai_realtime.emulator import Emulator, McpToolCall, Reply, ToolCall

pytestmark = pytest.mark.anyio


async def test_items_by_place(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(
            message("a", id="a"),
            message("b", id="b"),
            {**message("c", id="c"), "previous_item_id": "root"},
            {**message("d", id="d"), "previous_item_id": "a"},
        )
        events = [(await wire.expect(*ADDED))[0] for _ in range(4)]
        assert [event["previous_item_id"] for event in events] == [None, "a", None, "a"]
        await wire.send(
            {**message("e"), "previous_item_id": "nowhere", "event_id": "mine"},
            {**message("f", id="a"), "event_id": "dup"},
        )
        unknown, duplicate = await wire.error(), await wire.error()
        assert (unknown["code"], unknown["event_id"]) == ("item_create_invalid_previous_item_id", "mine")
        assert (duplicate["code"], duplicate["event_id"]) == ("item_create_duplicate_item_id", "dup")


async def test_history_and_function_outputs(emulator: Emulator) -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi!"}]}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "12 degrees"}
    call = {"type": "function_call", "name": "weather", "call_id": "call_1", "arguments": "{}"}
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        for item in (said, call, output):
            await wire.send({"type": "conversation.item.create", "item": item})
        events = await wire.expect(*ADDED, *ADDED, *ADDED)
        assert events[0]["item"] == {**said, "id": events[0]["item"]["id"], "status": "completed"}
        assert events[4]["item"] == {**output, "id": events[4]["item"]["id"]}


async def test_the_output_of_a_call_that_nobody_made(emulator: Emulator) -> None:
    call = {"type": "function_call", "id": "made", "name": "weather", "call_id": "call_1", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "12 degrees"}
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send({"type": "conversation.item.create", "event_id": "e", "item": output})
        assert await wire.error() == {
            "type": "invalid_request_error",
            "code": "invalid_tool_call_id",
            "message": "Tool call ID 'call_1' not found in conversation.",
            "param": None,
            "event_id": "e",
        }
        await wire.send({"type": "conversation.item.create", "item": call})
        await wire.expect(*ADDED)
        await wire.send({"type": "conversation.item.delete", "item_id": "made"})
        await wire.expect("conversation.item.deleted")
        await wire.send({"type": "conversation.item.create", "item": output})
        assert (await wire.error())["code"] == "invalid_tool_call_id"


async def test_azure_sends_content_parts_twice_and_no_rate_limits(emulator: Emulator) -> None:
    async with Wire(emulator, "?model=mine", prefix="/openai/v1/realtime") as wire:
        await wire.expect("session.created")
        await wire.send(TEXT_ONLY, RESPOND)
        events = await wire.until("response.done")
        parts = [event for event in events if "content_part" in event["type"]]
        assert [event["content"] == event["part"] for event in parts] == [True, True]
        await wire.send(message("Hi"))
        await wire.expect(*ADDED)


async def test_models_that_reason_begin_the_next_item_before_they_end_the_one_before(emulator: Emulator) -> None:
    reply = Reply(text="One moment.", tool_calls=[ToolCall(name="weather"), ToolCall(name="time")])
    for model, order in (("gpt-realtime-2.1", "a0 a1 d0 a2 d1 d2"), ("gpt-realtime", "a0 d0 a1 d1 a2 d2")):
        emulator.reply(reply)
        async with Wire(emulator, f"?model={model}") as wire:
            await wire.expect("session.created")
            await wire.send(TEXT_ONLY, RESPOND)
            events = await wire.until("response.done")
        items = [event for event in events if event["type"].startswith("response.output_item")]
        short = [f"{event['type'].split('.')[2][0]}{event['output_index']}" for event in items]
        assert " ".join(short) == order
        assert [item["status"] for item in events[-1]["response"]["output"]] == ["completed"] * 3
        added = [event for event in events if event["type"] == "conversation.item.added"]
        assert [event["previous_item_id"] for event in added[1:]] == [event["item"]["id"] for event in added[:-1]]


@pytest.mark.parametrize("interrupts", [True, False])
async def test_a_turn_that_ends_while_a_response_is_active_is_answered_after_it(
    emulator: Emulator, *, interrupts: bool
) -> None:
    """The user begins and ends within one append, before a cancelled response is done."""
    emulator.reply(Reply(text="It was a dark and stormy night.", pause_after=6), "Sorry.")
    detection = {"type": "server_vad", "interrupt_response": interrupts}
    update = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send({"type": "session.update", "session": update}, RESPOND)
        await wire.until("response.output_audio.delta")
        await wire.send(append(tone(1000) + bytes(48_000)))
        await wire.until("input_audio_buffer.committed")
        if not interrupts:
            emulator.resume()
        first = (await wire.until("response.done"))[-1]["response"]
        assert first["status"] == ("cancelled" if interrupts else "completed")
        second = (await wire.until("response.done"))[-1]["response"]
        assert second["status"] == "completed"
        assert second["output"][0]["content"][0]["transcript"] == "Sorry."


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.create", "response": {"instructions": None, "metadata": {"a": "b"}}},
        {"type": "response.create", "event_id": None},
        {"type": "response.create", "response": None},
        {"type": "response.create", "response": {"tools": [{"type": "function", "name": "f", "description": None}]}},
    ],
)
async def test_null_in_an_optional_field_is_absent(emulator: Emulator, event: dict[str, Any]) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(event)
        await wire.expect("response.created")
    assert emulator.sessions[-1].received[0].type == "response.create"


async def test_null_where_a_value_is_needed_is_missing(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send({"type": "conversation.item.create", "previous_item_id": None, **message("Hi")})
        await wire.expect(*ADDED)
        await wire.send({"type": "conversation.item.create", "event_id": "e", "item": None})
        error = await wire.error()
        assert (error["code"], error["param"], error["event_id"]) == ("missing_required_parameter", "item", "e")
        pcm = {"type": "audio/pcm"}
        session = {"type": "realtime", "audio": {"input": {"format": pcm}}}
        await wire.send({"type": "session.update", "session": session})
        assert (await wire.error())["param"] == "session.audio.input.format.rate"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Reply(failure="no"), "failure: str is not FailureDetails or None"),  # type: ignore[arg-type]
        (lambda: Reply(text=1), "text: int is not str or None"),  # type: ignore[arg-type]
        (lambda: Reply(tool_calls=["f"]), "tool_calls: str is not ToolCall or McpToolCall"),  # type: ignore[list-item]
        (lambda: Reply(tool_calls="f"), "tool_calls: str is not a list"),  # type: ignore[arg-type]
        (lambda: Reply(incomplete="x"), "incomplete: 'x' is neither"),  # type: ignore[arg-type]
        (lambda: Reply(pause_after=-1), "pause_after: -1 is not a number from 0 on"),
        (lambda: ToolCall(name="f", arguments=[]), "arguments: list is not str"),  # type: ignore[arg-type]
        (lambda: McpToolCall(server_label="l", name=None), "name: NoneType is not str"),  # type: ignore[arg-type]
        (lambda: Emulator().mcp_server("docs", "search"), "tools: str is not McpListedTool"),  # type: ignore[arg-type]
        (lambda: Emulator().mcp_server(1), "server_label: int is not a text"),  # type: ignore[arg-type]
        (lambda: Emulator().reply("a", when=1), "when: int is neither"),  # type: ignore[arg-type]
        (lambda: Emulator().queue_transcripts(1), "transcript: int is neither a text nor FailureDetails"),  # type: ignore[arg-type]
    ],
)
def test_what_a_test_says_is_checked_when_it_says_it(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        make()


async def test_arguments_of_a_call_may_be_a_mapping(emulator: Emulator) -> None:
    emulator.reply(Reply(tool_calls=[ToolCall(name="weather", arguments={"city": "Rome"})]))
    async with Wire(emulator) as wire:
        await wire.send(RESPOND)
        done = (await wire.until("response.done"))[-1]
    assert done["response"]["output"][0]["arguments"] == '{"city":"Rome"}'


async def test_a_function_makes_the_reply_of_the_conversation(emulator: Emulator) -> None:
    emulator.reply(lambda items: f"There are {len(items)} items.", when=lambda text: text != "")
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(TEXT_ONLY, message("One"), message("Two"), RESPOND)
        done = (await wire.until("response.done"))[-1]
    assert done["response"]["output"][0]["content"][0]["text"] == "There are 2 items."


async def test_a_test_sees_what_a_session_knows(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(TEXT_ONLY, message("One", id="one"), RESPOND)
        await wire.until("response.done")
        (session,) = emulator.sessions
        assert [event.type for event in session.received] == [
            "session.update",
            "conversation.item.create",
            "response.create",
        ]
        assert [item.type for item in session.conversation] == ["message", "message"]
        assert session.settings["output_modalities"] == ["text"]


async def test_a_defect_closes_with_1011_and_a_traceback(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: object) -> str:
        raise ZeroDivisionError

    emulator.reply(broken)
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(RESPOND)
        assert (await wire.closed())[0] == 1011
    assert "ZeroDivisionError" in caplog.text


async def test_a_client_that_misbehaves_delays_no_other(emulator: Emulator) -> None:
    """One sends much audio at once, one sends without end, one reads nothing, one has sent half a frame."""
    loud = json.dumps(append(tone(60_000)))
    async with Wire(emulator) as quiet, Wire(emulator) as flood, Wire(emulator) as half, Wire(emulator) as wire:
        await wire.expect("session.created")
        half.socket._writer.transport.write(b"\x81\xfe\x00\x10half")
        for _ in range(20):
            emulator.reply(Reply(text="word " * 2000))
        await quiet.send(*[RESPOND, CANCEL] * 20, loud, loud)
        await flood.send(*[{"type": "response.cancel"}] * 2000)
        slowest = 0.0
        for _ in range(50):
            started = time.perf_counter()
            await wire.send(message("Hi"))
            await wire.expect(*ADDED)
            slowest = max(slowest, time.perf_counter() - started)
    assert slowest < DEADLINE  # a machine that is busy is no fault; each of them alone would have been one for ever


async def test_a_cleared_buffer_leaves_no_answer_owed_for_ever(emulator: Emulator) -> None:
    """One turn waits for the answer, the next is cut off by `clear`."""
    emulator.reply(Reply(text="It was a dark and stormy night.", pause_after=6), "Sorry.")
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(RESPOND)
        await wire.until("response.output_audio.delta")
        await wire.send(append(tone(1000) + bytes(48_000) + tone(1000)))
        await wire.until("response.done")
        await wire.send({"type": "input_audio_buffer.clear"})
        assert (await wire.until("response.done"))[-1]["response"]["status"] == "completed"


async def test_items_that_bring_their_audio(emulator: Emulator) -> None:
    def spoken(audio: str) -> dict[str, Any]:
        item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
        return {"type": "conversation.item.create", "item": item}

    audio = pybase64.b64encode(tone(200)).decode()
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(spoken("?"), spoken(audio))
        assert (await wire.error())["param"] == "item.content[0].audio"
        added, _ = await wire.expect(*ADDED)
        assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        await wire.send({"type": "conversation.item.retrieve", "item_id": added["item"]["id"]})
        (retrieved,) = await wire.expect("conversation.item.retrieved")
        assert retrieved["item"]["content"][0]["audio"] == audio


async def test_delete_retrieve_truncate(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(message("a", id="a"), {"type": "conversation.item.retrieve", "item_id": "a"})
        *_, retrieved = await wire.expect(*ADDED, "conversation.item.retrieved")
        assert retrieved["item"]["content"] == [{"type": "input_text", "text": "a"}]
        truncate = {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 0}
        await wire.send(
            truncate, {"type": "conversation.item.delete", "item_id": "a"}, {**truncate, "event_id": "gone"}
        )
        assert (await wire.error())["message"] == "Only model output audio messages can be truncated"
        (deleted,) = await wire.expect("conversation.item.deleted")
        assert deleted["item_id"] == "a"
        error = await wire.error()
        assert (error["code"], error["event_id"]) == ("item_truncate_invalid_item_id", "gone")
        for name in ("delete", "retrieve"):
            await wire.send({"type": f"conversation.item.{name}", "item_id": "a"})
            error = await wire.error()
            assert error["code"] == f"item_{name}_invalid_item_id"
            assert error["message"] == f"Error {name[:-1]}ing item: the item with id 'a' does not exist."


async def test_truncating_what_was_said(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(message("Hello."), RESPOND)
        item = (await wire.until("response.done"))[-1]["response"]["output"][0]["id"]
        await wire.until("rate_limits.updated")
        truncate = {"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": 57340}
        await wire.send(
            truncate, {**truncate, "audio_end_ms": 200}, {"type": "conversation.item.retrieve", "item_id": item}
        )
        error = await wire.error()
        assert (error["code"], error["message"]) == (
            "invalid_value",
            "Audio content of 360ms is already shorter than 57340ms",
        )
        truncated, retrieved = await wire.expect("conversation.item.truncated", "conversation.item.retrieved")
        assert (truncated["item_id"], truncated["content_index"], truncated["audio_end_ms"]) == (item, 0, 200)
        (part,) = retrieved["item"]["content"]
        assert (part["transcript"], len(pybase64.b64decode(part["audio"]))) == ("", 200 * 48)


async def test_truncating_goes_by_the_format_of_the_item(emulator: Emulator) -> None:
    pcmu = {"audio": {"output": {"format": {"type": "audio/pcmu"}}}}
    async with Wire(emulator) as wire:
        await wire.send(message("Hello."), {**RESPOND, "response": pcmu})
        item = (await wire.until("response.done"))[-1]["response"]["output"][0]["id"]
        await wire.until("rate_limits.updated")
        truncate = {"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": 361}
        retrieve = {"type": "conversation.item.retrieve", "item_id": item}
        await wire.send(truncate, {**truncate, "audio_end_ms": 120}, retrieve)
        assert (await wire.error())["message"] == "Audio content of 360ms is already shorter than 361ms"
        _, retrieved = await wire.expect("conversation.item.truncated", "conversation.item.retrieved")
        assert len(pybase64.b64decode(retrieved["item"]["content"][0]["audio"])) == 120 * 8


async def test_truncating_a_part_that_is_not_there(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(message("Hello."), RESPOND)
        item = (await wire.until("response.done"))[-1]["response"]["output"][0]
        await wire.until("rate_limits.updated")
        await wire.send(
            {"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 1, "audio_end_ms": 100},
            {"type": "conversation.item.retrieve", "item_id": item["id"]},
        )
        assert (await wire.error())["message"] == "Only model output audio messages can be truncated"
        (retrieved,) = await wire.expect("conversation.item.retrieved")
        assert retrieved["item"]["content"][0]["transcript"] == "Hello."


async def test_the_voice_is_fixed_once_it_was_heard(emulator: Emulator) -> None:
    update = {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}}
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(update, message("Hello."), RESPOND)
        events = await wire.until("rate_limits.updated")
        assert events[0]["session"]["audio"]["output"]["voice"] == "cedar"
        changed = {"type": "realtime", "audio": {"output": {"voice": "marin"}}}
        await wire.send({"type": "session.update", "session": changed}, update)
        error = await wire.error()
        assert (error["code"], error["message"]) == (
            "cannot_update_voice",
            "Cannot update a conversation's voice if assistant audio is present.",
        )
        await wire.expect("session.updated")
