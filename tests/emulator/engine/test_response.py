"""Responses, event by event as recorded."""

import math
import re

import pybase64
import pytest
from support.wire import (
    ADDED,
    CANCEL,
    RESPOND,
    TEXT_ONLY,
    Wire,
    message,
    types,
)

from openai_realtime import ConfigurationError
from openai_realtime.emulator import Emulator, Reply, ToolCall
from openai_realtime.models.responses import FailureDetails

pytestmark = pytest.mark.anyio


async def test_a_text_turn_as_recorded(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(TEXT_ONLY, message("Say three words."), RESPOND)
        await wire.expect("session.updated")
        events = await wire.until("rate_limits.updated")
    assert types(events) == [
        *ADDED,
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    by_type = {event["type"]: event for event in reversed(events)}
    added, user = events[0], events[0]["item"]
    assert (added["previous_item_id"], events[1]["previous_item_id"]) == (None, None)
    assert (
        user
        == events[1]["item"]
        == {
            "id": user["id"],
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": "Say three words."}],
        }
    )
    created = by_type["response.created"]["response"]
    assert re.fullmatch(r"resp_[0-9A-Za-z]{21}", created["id"])
    assert re.fullmatch(r"conv_[0-9A-Za-z]{21}", created["conversation_id"])
    assert created == {
        "object": "realtime.response",
        "id": created["id"],
        "status": "in_progress",
        "status_details": None,
        "output": [],
        "conversation_id": created["conversation_id"],
        "output_modalities": ["text"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}},
        "usage": None,
        "metadata": None,
    }
    item = by_type["response.output_item.added"]["item"]
    assert item == {"id": item["id"], "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    assert [event["previous_item_id"] for event in events if event["type"] == "conversation.item.added"] == [
        None,
        user["id"],
    ]
    place = {"response_id": created["id"], "item_id": item["id"], "output_index": 0, "content_index": 0}
    for name in ("response.content_part.added", "response.output_text.delta", "response.output_text.done"):
        assert {key: by_type[name][key] for key in place} == place
    assert by_type["response.content_part.added"]["part"] == {"type": "text", "text": ""}
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    assert [event["delta"] for event in deltas] == ["Say", " three", " words."]
    assert all(event["obfuscation"] for event in deltas)
    assert by_type["response.output_text.done"]["text"] == "Say three words."
    final = {**item, "status": "completed", "content": [{"type": "output_text", "text": "Say three words."}]}
    done = by_type["response.done"]["response"]
    # The quirk: the item before is the first one, and is forgotten.
    assert [(e["previous_item_id"], e["item"]) for e in events if e["type"] == "conversation.item.done"][1] == (
        None,
        final,
    )
    assert by_type["response.output_item.done"]["item"] == final
    assert (done["status"], done["status_details"], done["output"]) == ("completed", None, [final])
    usage = done["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_token_details"] == {"text_tokens": usage["output_tokens"], "audio_tokens": 0}
    (limit,) = by_type["rate_limits.updated"]["rate_limits"]
    assert (limit["name"], limit["limit"] - limit["remaining"]) == ("tokens", usage["total_tokens"])


async def test_the_second_turn_knows_what_came_before_it(emulator: Emulator) -> None:
    async with Wire(emulator, "?model=gpt-realtime-2.1") as wire:
        await wire.send(TEXT_ONLY, message("One."), RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(message("Two."), RESPOND)
        events = await wire.until("response.done")
        added = [event for event in events if event["type"] == "conversation.item.added"]
        done = [event for event in events if event["type"] == "conversation.item.done"]
        assert [event["previous_item_id"] for event in done] == [event["previous_item_id"] for event in added]
        assert added[1]["previous_item_id"] == added[0]["item"]["id"]
        assert added[1]["item"]["phase"] == "final_answer"
        assert events[-1]["response"]["usage"]["output_token_details"]["reasoning_tokens"] == 0


def test_a_reply_of_another_type_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="reply: int is neither a Reply, a text nor a function"):
        Emulator().reply(5)  # type: ignore[arg-type]


async def test_replies_by_queue_and_by_rule(emulator: Emulator) -> None:
    emulator.reply("Blue.", when="sky")
    emulator.reply("Green.", when=re.compile("gr[ae]ss"))
    emulator.reply("Loud.", when=str.isupper)
    emulator.reply("First.", Reply(text="Second."))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY)
        said = []
        for text in ("sky", "sky", "the sky", "grass", "HEY", "parrot"):
            await wire.send(message(text), RESPOND)
            said.append((await wire.until("response.output_text.done"))[-1]["text"])
            await wire.until("rate_limits.updated")
    assert said == ["First.", "Second.", "Blue.", "Green.", "Loud.", "parrot"]


async def test_null_instructions_of_a_response_are_those_of_the_session(emulator: Emulator) -> None:
    emulator.reply("Blue.")
    async with Wire(emulator) as wire:
        await wire.send({"type": "response.create", "response": {"instructions": None}})
        assert (await wire.until("response.done"))[-1]["response"]["status"] == "completed"


async def test_responses_that_fail_or_stop_short(emulator: Emulator) -> None:
    failure = FailureDetails(type="server_error", code="server_error", message="Sorry about that!")
    emulator.reply(Reply(failure=failure), Reply(text="Well,", incomplete="content_filter"))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, RESPOND)
        await wire.until("session.updated")
        _, failed = await wire.expect("response.created", "response.done")
        assert failed["response"]["status_details"] == {
            "type": "failed",
            "error": {"type": "server_error", "code": "server_error", "message": "Sorry about that!"},
        }
        assert (failed["response"]["status"], failed["response"]["output"]) == ("failed", [])
        assert failed["response"]["usage"]["total_tokens"] == 0
        await wire.send(RESPOND)
        short = (await wire.until("response.done"))[-1]["response"]
        assert (short["status"], short["output"][0]["status"]) == ("incomplete", "incomplete")
        assert short["status_details"] == {"type": "incomplete", "reason": "content_filter"}
        await wire.send({"type": "response.create", "response": {"max_output_tokens": 2, "instructions": "x"}})
        await wire.send(message("one two three four five"), CANCEL)


async def test_max_output_tokens(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("one two three four five"))
        await wire.send({"type": "response.create", "response": {"max_output_tokens": 3}})
        response = (await wire.until("response.done"))[-1]["response"]
        assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
        assert response["output"][0]["content"] == [{"type": "output_text", "text": "one two"}]


async def test_one_response_at_a_time(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one two three", pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, RESPOND)
        active = (await wire.until("response.created"))[-1]["response"]["id"]
        await wire.until("response.output_text.delta")
        await wire.send({**RESPOND, "event_id": "second"})
        assert await wire.error() == {
            "type": "invalid_request_error",
            "code": "conversation_already_has_active_response",
            "message": f"Conversation already has an active response in progress: {active}. "
            "Wait until the response is finished before creating a new one.",
            "param": None,
            "event_id": "second",
        }
        emulator.resume()
        assert (await wire.until("response.done"))[-1]["response"]["status"] == "completed"
        await wire.send(RESPOND)
        await wire.until("response.done")


async def test_cancel(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one two three", pause_after=2))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, {**CANCEL, "event_id": "early"})
        await wire.until("session.updated")
        error = await wire.error()
        assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "early")
        assert error["message"] == "Cancellation failed: no active response found"
        await wire.send(message("Go."), RESPOND)
        await wire.until("response.output_text.delta")
        await wire.until("response.output_text.delta")
        await wire.send(CANCEL)
        events = await wire.expect(
            "response.output_text.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        )
        assert events[0]["text"] == "one two"
        assert events[2]["item"]["status"] == "incomplete"
        assert events[-1]["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        await wire.send(message("Next."))
        await wire.expect(*ADDED)  # and no rate limits for a cancelled response


async def test_cancelled_before_anything_was_said(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one", pause_after=0))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, RESPOND)
        created = (await wire.until("response.created"))[-1]["response"]
        await wire.until("response.content_part.added")
        await wire.send({**CANCEL, "response_id": created["id"]})
        response = (await wire.until("response.done"))[-1]["response"]
        assert response["status"] == "cancelled"
        await wire.send({**CANCEL, "response_id": created["id"]})
        assert (await wire.error())["code"] == "response_cancel_not_active"


async def test_responses_out_of_band_run_side_by_side(emulator: Emulator) -> None:
    emulator.reply(Reply(text="main line", pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("Hello."), RESPOND)
        await wire.until("response.output_text.delta")
        aside = {"conversation": "none", "metadata": {"topic": "aside"}, "input": [message("Classify.")["item"]]}
        await wire.send({"type": "response.create", "response": aside})
        events = await wire.until("rate_limits.updated")
        assert types(events) == [
            "response.created",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
        response = events[-2]["response"]
        assert (response["metadata"], response["conversation_id"]) == ({"topic": "aside"}, None)
        assert response["output"][0]["content"][0]["text"] == "Classify."
        emulator.resume()
        assert (await wire.until("response.done"))[-1]["response"]["output"][0]["content"][0]["text"] == "main line"


async def test_input_by_reference(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("First.", id="first"), message("Second."))
        reference = {"type": "item_reference", "id": "first"}
        await wire.send({"type": "response.create", "response": {"input": [reference]}})
        assert (await wire.until("response.output_text.done"))[-1]["text"] == "First."
        await wire.until("rate_limits.updated")
        reference = {"type": "item_reference", "id": "nowhere"}
        await wire.send({"type": "response.create", "response": {"input": [reference]}})
        assert (await wire.error())["message"] == "Error retrieving item: the item with id 'nowhere' does not exist."


async def test_a_spoken_answer_to_a_text(emulator: Emulator) -> None:
    emulator.reply("Hello there, how are you today?")
    async with Wire(emulator) as wire:
        await wire.send(message("Hello."), RESPOND)
        events = await wire.until("rate_limits.updated")
    names = types(events)
    assert names[3:9] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
    ]
    assert names[-7:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    parts = [event["part"] for event in events if "part" in event]
    assert parts == [
        {"type": "audio", "transcript": ""},
        {"type": "audio", "transcript": "Hello there, how are you today?"},
    ]
    content = events[-2]["response"]["output"][0]["content"]
    assert content == [{"type": "output_audio", "transcript": "Hello there, how are you today?"}]
    sizes = [
        len(pybase64.b64decode(event["delta"])) for event in events if event["type"].endswith("output_audio.delta")
    ]
    assert sizes[0] == 4800
    assert set(sizes[1:-1]) == {256 * 48}
    assert sum(sizes) == 31 * 60 * 48
    details = events[-2]["response"]["usage"]["output_token_details"]
    assert details["audio_tokens"] == math.ceil(31 * 60 / 50)


async def test_a_function_call_as_recorded(emulator: Emulator) -> None:
    arguments = '{  \n  "city": "London" \n} \n'
    emulator.reply(Reply(tool_calls=[ToolCall(name="get_weather", arguments=arguments)]))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("What is the weather in London?"), RESPOND)
        events = (await wire.until("rate_limits.updated"))[4:]
        assert types(events) == [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
        item = events[1]["item"]
        assert re.fullmatch(r"call_[0-9A-Za-z]{16}", item["call_id"])
        assert item == {
            "id": item["id"],
            "type": "function_call",
            "status": "in_progress",
            "name": "get_weather",
            "call_id": item["call_id"],
            "arguments": "",
        }
        deltas = [event for event in events if event["type"].endswith("arguments.delta")]
        assert "".join(event["delta"] for event in deltas) == arguments
        assert {event["call_id"] for event in deltas} == {item["call_id"]}
        (done,) = (event for event in events if event["type"].endswith("arguments.done"))
        assert (done["name"], done["arguments"], done["call_id"]) == ("get_weather", arguments, item["call_id"])
        assert events[-2]["response"]["output"] == [{**item, "status": "completed", "arguments": arguments}]
        output = {"type": "function_call_output", "call_id": item["call_id"], "output": "It is foggy."}
        await wire.send({"type": "conversation.item.create", "item": output}, RESPOND)
        added, *rest = await wire.until("response.done")
        assert (added["previous_item_id"], "status" in added["item"]) == (item["id"], False)
        assert rest[-1]["response"]["output"][0]["content"][0]["text"] == "It is foggy."


async def test_several_calls_after_a_word(emulator: Emulator) -> None:
    emulator.reply(Reply(text="Wait.", tool_calls=[ToolCall(name="f"), ToolCall(name="g")]))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, RESPOND)
        events = await wire.until("response.done")
        output = events[-1]["response"]["output"]
        assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
        assert [event["output_index"] for event in events if event["type"] == "response.output_item.done"] == [0, 1, 2]
