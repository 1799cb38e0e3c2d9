import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from support.control import ControlAPI
from support.sessions import hearing
from support.wire import ADDED, DEADLINE, RESPOND, SAID, TEXT_ONLY, Wire, append, message, tone

from openai_realtime import ConfigurationError, InvalidRequestError
from openai_realtime.emulator import Emulator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


def text_of(events: list[dict[str, Any]]) -> Any:
    return events[-1]["response"]["output"][0]["content"][0]["text"]


SCRIPT = {
    "transcripts": ["What time is it?"],
    "replies": [
        {"text": "Let me see.", "tool_calls": [{"name": "time", "arguments": {"zone": "UTC"}}], "pause_after": 1},
        "Half past nine.",
        {"when": "weather", "text": "Rain."},
    ],
    "mcp_servers": [{"server_label": "docs", "tools": [{"name": "search", "input_schema": {"type": "object"}}]}],
}


async def test_a_program_scripts_a_tool_turn_and_reads_what_happened(emulator: Emulator) -> None:
    control = ControlAPI(emulator)
    await control.post("script", SCRIPT)
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(TEXT_ONLY, message("Time?"), RESPOND)
        await wire.until("response.output_text.delta")
        await control.post("resume")
        call = (await wire.until("response.done"))[-1]["response"]["output"][1]
        assert (call["name"], call["arguments"]) == ("time", '{"zone":"UTC"}')
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "09:30"}
        await wire.send({"type": "conversation.item.create", "item": output}, RESPOND)
        assert text_of(await wire.until("response.done")) == "Half past nine."
        await wire.send(message("And the weather?"), RESPOND)
        assert text_of(await wire.until("response.done")) == "Rain."
        (session,) = (await control.ask("GET", "sessions"))[1]["sessions"]
    assert session["settings"]["model"] == "gpt-realtime"
    assert [event["type"] for event in session["received"]][:2] == ["session.update", "conversation.item.create"]
    assert [item["type"] for item in session["conversation"]][:3] == ["message", "message", "function_call"]
    assert emulator.requests[-1].path == "/v1/realtime?model=gpt-realtime"  # its own are not among them
    (request,) = (await control.ask("GET", "requests"))[1]["requests"]
    assert (request["method"], request["headers"]["authorization"]) == ("GET", "***")


async def test_what_the_user_says_and_audio_of_the_model(emulator: Emulator) -> None:
    audio = tone(200)
    script = {"transcripts": ["Hello?"], "replies": [{"text": "Hi", "audio": base64.b64encode(audio).decode()}]}
    await ControlAPI(emulator).post("script", script)
    async with Wire(emulator) as wire:
        await wire.send(append(tone(1000) + bytes(48_000)))
        events = await wire.until("response.done")
    deltas = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
    assert b"".join(map(base64.b64decode, deltas)) == audio


async def test_a_program_lets_a_transcription_fail(emulator: Emulator) -> None:
    script = {"transcripts": [{"failure": {"code": "audio_unintelligible", "message": "Noise."}}, {"text": "Hello?"}]}
    await ControlAPI(emulator).post("script", script)
    async with Wire(emulator) as wire:
        await wire.send(hearing(transcription={"model": "gpt-4o-transcribe"}))
        await wire.send(append(tone(1000) + bytes(48_000)))
        failed = (await wire.until(f"{SAID}.failed"))[-1]
        assert failed["error"] == {"code": "audio_unintelligible", "message": "Noise."}
        await wire.send(append(tone(1000) + bytes(48_000)))
        assert (await wire.until(f"{SAID}.completed"))[-1]["transcript"] == "Hello?"


async def test_faults_calls_keys_and_the_clock(emulator: Emulator) -> None:
    control = ControlAPI(emulator)
    faults = [
        {"fault": "http_response", "operation": "create_realtime_client_secret", "status": 503, "times": 2},
        {"fault": "close", "code": 1012, "reason": "restart", "at": "response.created"},
    ]
    await control.post("script", {"faults": faults})
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {emulator.api_key}"}) as http:
        for status in (503, 503, 200):
            async with http.post(emulator.base_url + "/realtime/client_secrets") as answer:
                assert answer.status == status
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(RESPOND)
        assert await wire.closed() == (1012, "restart")
    call_id = (await control.post("calls"))["call_id"]
    await control.post("dtmf", {"call_id": call_id, "keys": "1"})
    async with aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bearer {emulator.api_key}"}
        async with http.ws_connect(f"{emulator.base_url}/realtime?call_id={call_id}", headers=headers) as socket:
            assert (await socket.receive_json(timeout=DEADLINE))["event"] == "1"
            await control.post("script", {"faults": [{"fault": "message", "message": "{}", "now": True}]})
            assert await socket.receive_json(timeout=DEADLINE) == {}
            await control.post("clock", {"seconds": 4000})
            assert (await socket.receive_json(timeout=DEADLINE))["error"]["code"] == "session_expired"


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("script", {"replies": [{"txt": "a"}]}, "Unknown parameter: 'replies[0].txt'."),
        ("script", {"replies": [{"tool_calls": [{}]}]}, "Missing required parameter: 'replies[0].tool_calls[0].name'."),
        ("script", {"faults": [{"fault": "dorp"}]}, "Invalid value: 'dorp'. Supported values are: 'drop', "),
        ("script", {"faults": [{"fault": "drop", "seconds": 1}]}, "faults[0].seconds: a Drop has no such field"),
        ("script", {"faults": [{"fault": "delay"}]}, "faults[0].seconds: missing"),
        ("script", {"faults": [{"fault": "close", "code": 1}]}, "faults[0].code: 1 is not between 1000 and 4999"),
        ("script", {"faults": [{"fault": "swap", "operation": "connect"}]}, "fault: Swap cannot happen to a connect"),
        ("script", {"replies": [{"audio": "?"}]}, "replies[0].audio: not base64"),
        ("script", [], "Invalid type for 'body': expected an object, but got an array instead."),
        ("dtmf", {"call_id": "rtc_1"}, "Missing required parameter: 'keys'."),
        ("dtmf", {"call_id": "rtc_1", "keys": "1"}, "call_id: no call 'rtc_1'"),
        ("clock", {"seconds": "1"}, "seconds: str is not int or float"),
        ("nothing", {}, "Invalid URL (POST /emulator/nothing)"),
    ],
)
async def test_what_means_nothing_is_refused_by_its_path(emulator: Emulator, path: str, body: Any, text: str) -> None:
    status, answer = await ControlAPI(emulator).ask("POST", path, body)
    assert status in (400, 404)
    assert answer["error"]["message"].startswith(text)
    async with Wire(emulator) as wire:  # and nothing of it has happened
        await wire.expect("session.created")
        await wire.send(message("Hi"))
        await wire.expect(*ADDED)


async def test_the_door_is_for_this_machine_only(emulator: Emulator) -> None:
    control = ControlAPI(emulator)
    status, _ = await control.ask("GET", "requests", headers={"Host": "evil.example"})  # a name that leads here
    assert status == 403
    status, _ = await control.ask("POST", "script", headers={"Content-Type": "text/plain"}, data="{}")  # as a form may
    assert status == 400


async def test_the_control_api_describes_itself(emulator: Emulator) -> None:
    status, description = await ControlAPI(emulator).ask("GET", "openapi.json")
    assert status == 200
    assert description["openapi"] == "3.1.0"
    schemas = description["components"]["schemas"]
    for path, methods in description["paths"].items():
        for method in methods:
            status, _ = await ControlAPI(emulator).ask(method.upper(), path.removeprefix("/emulator/"), {})
            assert status in (200, 400)
    speech = [{"type": "string"}, {"$ref": "#/components/schemas/ScriptedSpeech"}]
    assert schemas["ScriptDocument"]["properties"]["transcripts"] == {"type": "array", "items": {"anyOf": speech}}
    assert schemas["ScriptedFault"]["properties"]["times"] == {"type": "integer", "minimum": 1, "maximum": 1000}
    assert schemas["ScriptedCall"]["required"] == ["name"]
    references = [text for text in json.dumps(description).split('"') if text.startswith("#/components/schemas/")]
    assert {reference.rpartition("/")[2] for reference in references} <= schemas.keys()


def test_python_follows_the_same_script() -> None:
    with pytest.raises(InvalidRequestError, match=r"mcp_servers\[0\]\.server_label: missing"):
        Emulator().follow({"mcp_servers": [{}]})
    with pytest.raises(ConfigurationError, match=r"replies\[0\]\.tool_calls\[0\]\.output: a ToolCall has"):
        Emulator().follow({"replies": [{"tool_calls": [{"name": "f", "output": "x"}]}]})


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none(speed: float) -> None:
    with pytest.raises(ConfigurationError, match="is not above 0"):
        Emulator(speed=speed)
