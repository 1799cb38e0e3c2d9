"""The events of the emulator are valid for the `openai` package's pydantic models, which nobody here wrote."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, get_args

import pydantic
import pytest
from openai.types.realtime import RealtimeServerEvent
from support.wire import CANCEL, DEADLINE, RESPOND, TEXT_ONLY, Wire, append, message, silence, tone

from openai_realtime.emulator import Emulator, McpToolCall, Reply, ToolCall, faults
from openai_realtime.models import FailureDetails, McpError, McpListedTool

pytestmark = pytest.mark.anyio

MODELS: dict[str, type[pydantic.BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(RealtimeServerEvent)[0])
}
NOT_EMULATED = {
    "conversation.created",  # the beta's
    "conversation.item.created",  # the beta's
    "conversation.item.input_audio_transcription.segment",
}
FAILED = "conversation.item.input_audio_transcription.failed"
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
DOCS = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example/mcp"}
ERROR = McpError(type="protocol_error", code=-32603, message="No such page.")
READ = McpToolCall(server_label="docs", name="read", arguments='{"page": 7}', output="Page seven.")
FAIL = McpToolCall(server_label="docs", name="read", error=ERROR)


class Judge(Wire):
    """A bare WebSocket whose events are judged as they come. `seen` are their types."""

    def __init__(self, emulator: Emulator, path: str = "?model=gpt-realtime-2.1") -> None:
        super().__init__(emulator, path)
        self.seen: set[str] = set()

    async def get(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads((await self.socket.receive(DEADLINE)).data)
        MODELS[event["type"]].model_validate(event)
        self.seen.add(event["type"])
        return event

    async def done(self) -> dict[str, Any]:
        """The response that ends next."""
        response: dict[str, Any] = (await self.until("response.done"))[-1]["response"]
        return response


Turn: TypeAlias = Callable[[Emulator, Judge], Awaitable[None]]


def update(**settings: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **settings}}


def hearing(**settings: Any) -> dict[str, Any]:
    return update(audio={"input": settings})


def respond(**config: Any) -> dict[str, Any]:
    return {"type": "response.create", "response": config}


def create(**item: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": item}


def about(item_id: str, action: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"conversation.item.{action}", "item_id": item_id, **fields}


async def text(emulator: Emulator, wire: Judge) -> None:
    await wire.send(TEXT_ONLY, message("Say hello."), respond(metadata={"topic": "greeting"}))
    await wire.until("rate_limits.updated")


async def speech(emulator: Emulator, wire: Judge) -> None:
    await wire.send(hearing(transcription={"model": "gpt-4o-transcribe", "language": "en"}))
    await wire.send(append(tone(1000) + silence(600)))
    await wire.until(TRANSCRIBED)


async def committed_speech(emulator: Emulator, wire: Judge) -> None:
    transcription = {"model": "whisper-1", "prompt": "A greeting."}
    await wire.send(hearing(turn_detection=None, transcription=transcription, noise_reduction={"type": "near_field"}))
    await wire.send(append(tone(300)), {"type": "input_audio_buffer.clear"})
    await wire.until("input_audio_buffer.cleared")
    await wire.send(append(tone(300)), {"type": "input_audio_buffer.commit"})
    await wire.until(TRANSCRIBED)


async def settings(emulator: Emulator, wire: Judge) -> None:
    semantic = {"type": "semantic_vad", "eagerness": "low"}
    await wire.send(hearing(format={"type": "audio/pcmu"}, turn_detection=semantic))
    await wire.send(update(tools=[TOOL], tool_choice={"type": "function", "name": "weather"}))
    await wire.send(update(tracing="auto", include=["item.input_audio_transcription.logprobs"], max_output_tokens=900))
    await wire.send(update(truncation={"type": "retention_ratio", "retention_ratio": 0.8}, prompt={"id": "pmpt_1"}))
    for _ in range(4):
        await wire.until("session.updated")


async def function_call(emulator: Emulator, wire: Judge) -> None:
    emulator.reply(Reply(text="One moment.", tool_calls=[ToolCall(name="weather", arguments='{"city": "Rome"}')]))
    await wire.send(update(tools=[TOOL]), message("Weather?"), RESPOND)
    call = (await wire.done())["output"][1]
    await wire.send(create(type="function_call_output", call_id=call["call_id"], output="Sunny."), RESPOND)
    await wire.done()


async def cancelled(emulator: Emulator, wire: Judge) -> None:
    emulator.reply(Reply(text="one two three four five six", pause_after=5))
    await wire.send(message("Count."), RESPOND)
    await wire.until("response.output_audio.delta")
    await wire.send(CANCEL)
    assert (await wire.done())["status"] == "cancelled"


async def interrupted(emulator: Emulator, wire: Judge) -> None:
    emulator.reply(Reply(text="one two three four five six", pause_after=5))
    await wire.send(message("Count."), RESPOND)
    await wire.until("response.output_audio.delta")
    await wire.send(append(tone(1000) + silence(600)))
    assert (await wire.done())["status"] == "cancelled"
    assert (await wire.done())["status"] == "completed"


async def cut_short(emulator: Emulator, wire: Judge) -> None:
    emulator.reply(Reply(text="one two", incomplete="content_filter"), Reply(text="one two three four five six"))
    await wire.send(RESPOND, message("And?"))
    assert (await wire.done())["status"] == "incomplete"
    await wire.send(respond(max_output_tokens=2))
    assert (await wire.done())["status"] == "incomplete"


async def failed(emulator: Emulator, wire: Judge) -> None:
    emulator.reply(Reply(failure=FailureDetails(type="server_error", code="overloaded", message="Try again.")))
    await wire.send(RESPOND)
    assert (await wire.done())["status"] == "failed"


async def out_of_band(emulator: Emulator, wire: Judge) -> None:
    await wire.send(respond(conversation="none", input=[message("Aside.")["item"]], output_modalities=["text"]))
    await wire.done()


async def items(emulator: Emulator, wire: Judge) -> None:
    image = {"type": "input_image", "image_url": PIXEL, "detail": "low"}
    audio = {"type": "input_audio", "audio": append(tone(200))["audio"], "transcript": "Hello."}
    await wire.send(
        create(type="message", role="system", content=[{"type": "input_text", "text": "Be kind."}]),
        create(type="message", role="user", content=[image, audio], id="seen"),
        create(type="message", role="assistant", content=[{"type": "output_text", "text": "Hi."}]),
        about("seen", "retrieve"),
    )
    await wire.until("conversation.item.retrieved")
    await wire.send(RESPOND)
    spoken = (await wire.done())["output"][0]["id"]
    await wire.send(about(spoken, "truncate", content_index=0, audio_end_ms=20), about(spoken, "delete"))
    await wire.until("conversation.item.truncated")
    await wire.until("conversation.item.deleted")


async def mcp(emulator: Emulator, wire: Judge) -> None:
    emulator.mcp_server("docs", McpListedTool(name="read", input_schema={"type": "object"}, annotations={}))
    emulator.reply(Reply(tool_calls=[READ]), Reply(text="Page seven."), Reply(tool_calls=[FAIL]))
    await wire.send(update(tools=[DOCS]), message("Read page seven."))
    await wire.until("mcp_list_tools.completed")
    await wire.send(RESPOND)
    request = (await wire.done())["output"][0]["id"]
    approval = {"type": "mcp_approval_response", "id": "yes", "approval_request_id": request, "approve": True}
    await wire.send(create(**approval), RESPOND)
    await wire.until("response.mcp_call.completed")
    await wire.send(update(tools=[{**DOCS, "require_approval": "never"}]), RESPOND)
    await wire.done()
    await wire.send(RESPOND)
    await wire.until("response.mcp_call.failed")


async def unreachable_mcp(emulator: Emulator, wire: Judge) -> None:
    emulator.mcp_server("docs", reachable=False)
    await wire.send(update(tools=[DOCS]))
    await wire.until("mcp_list_tools.failed")


async def silent_user(emulator: Emulator, wire: Judge) -> None:
    await wire.send(hearing(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000}), RESPOND)
    await wire.until("rate_limits.updated")
    await wire.send(append(silence(9000)))
    await wire.until("input_audio_buffer.timeout_triggered")
    await wire.done()


async def errors(emulator: Emulator, wire: Judge) -> None:
    for event in (CANCEL, {**CANCEL, "event_id": "mine"}, "not JSON", {"type": "nope"}, update(speed=3)):
        await wire.send(event)
        await wire.until("error")
    emulator.inject_fault(faults.Expire(), now=True)
    await wire.until("error")


TURNS: list[Turn] = [
    text,
    speech,
    committed_speech,
    settings,
    function_call,
    cancelled,
    interrupted,
    cut_short,
    failed,
    out_of_band,
    items,
    mcp,
    unreachable_mcp,
    silent_user,
    errors,
]


@pytest.mark.parametrize("turn", TURNS)
async def test_a_turn(realtime_emulator: Emulator, turn: Turn) -> None:
    async with Judge(realtime_emulator) as wire:
        await turn(realtime_emulator, wire)


async def a_transcription(emulator: Emulator) -> set[str]:
    async with Judge(emulator, "?intent=transcription") as wire:
        audio = {"input": {"transcription": {"model": "gpt-realtime-whisper"}, "turn_detection": None}}
        await wire.send({"type": "session.update", "session": {"type": "transcription", "audio": audio}})
        await wire.send(append(tone(1000)), {"type": "input_audio_buffer.commit"})
        await wire.until(TRANSCRIBED)
        audio["input"]["transcription"] = {"model": "gpt-4o-transcribe"}
        session = {"type": "transcription", "audio": audio, "include": ["item.input_audio_transcription.logprobs"]}
        emulator.queue_transcripts("Two words.", FailureDetails(code="audio_unintelligible", message="Too much noise."))
        await wire.send({"type": "session.update", "session": session})
        for end in (TRANSCRIBED, FAILED):
            await wire.send(append(tone(1000)), {"type": "input_audio_buffer.commit"})
            await wire.until(end)
        return wire.seen


async def a_call(emulator: Emulator) -> set[str]:
    call = emulator.incoming_call()
    async with Judge(emulator, f"?call_id={call}") as wire:
        await wire.send(message("Say hello."), RESPOND)
        await wire.until("output_audio_buffer.stopped")
        emulator.send_dtmf(call, "1")
        await wire.until("input_audio_buffer.dtmf_event_received")
        emulator.reply(Reply(text="one two three four five six", pause_after=5))
        await wire.send(RESPOND)
        await wire.until("output_audio_buffer.started")
        await wire.send({"type": "output_audio_buffer.clear"})
        await wire.until("output_audio_buffer.cleared")
        return wire.seen


async def test_all_events_are_judged(realtime_emulator: Emulator) -> None:
    seen = await a_transcription(realtime_emulator) | await a_call(realtime_emulator)
    for turn in TURNS:
        async with Judge(realtime_emulator) as wire:
            await turn(realtime_emulator, wire)
        seen |= wire.seen
    assert seen == MODELS.keys() - NOT_EMULATED
