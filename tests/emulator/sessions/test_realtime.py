"""A session's settings and its life, judged frame by frame with a bare client."""

import re
from typing import Any

import pytest
from support.sessions import turn_until
from support.wire import (
    TEXT_ONLY,
    Wire,
)

from openai_realtime.emulator import Emulator

pytestmark = pytest.mark.anyio


async def test_the_session_as_recorded(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        (created,) = await wire.expect("session.created")
    session = created["session"]
    assert re.fullmatch(r"sess_[0-9A-Za-z]{21}", session.pop("id"))
    assert session.pop("instructions").startswith("Your knowledge cutoff is 2023-10.")
    assert 3590 < session.pop("expires_at") - emulator._state.now() <= 3600
    detection = {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
        "idle_timeout_ms": None,
        "create_response": True,
        "interrupt_response": True,
    }
    pcm = {"type": "audio/pcm", "rate": 24000}
    heard = {"format": pcm, "transcription": None, "noise_reduction": None, "turn_detection": detection}
    assert session == {
        "type": "realtime",
        "object": "realtime.session",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
        "audio": {"input": heard, "output": {"format": pcm, "voice": "alloy", "speed": 1.0}},
    }


async def test_an_update_keeps_what_it_leaves_out(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        (created,) = await wire.expect("session.created")
        heard = {"transcription": {"model": "whisper-1"}, "turn_detection": None}
        await wire.send(
            {"type": "session.update", "session": {"type": "realtime", "audio": {"input": heard}, "model": "gpt-audio"}}
        )
        await wire.send({"type": "session.update", "session": {"type": "realtime", "instructions": "Sing."}})
        _, updated = await wire.expect("session.updated", "session.updated")
        session = updated["session"]
        assert session["instructions"] == "Sing."
        assert session["audio"]["input"]["turn_detection"] is None
        assert session["audio"]["input"]["transcription"] == {"model": "whisper-1", "language": None, "prompt": None}
        same = ("id", "model", "expires_at", "tools")
        assert {key: session[key] for key in same} == {key: created["session"][key] for key in same}


@pytest.mark.parametrize(
    ("session", "code", "param", "message"),
    [
        (
            {"type": "realtime", "instructions": "x", "bogus_field": 1},
            "unknown_parameter",
            "session.bogus_field",
            "Unknown parameter: 'session.bogus_field'.",
        ),
        (
            {"instructions": "x"},
            "missing_required_parameter",
            "session.type",
            "Missing required parameter: 'session.type'.",
        ),
        (
            {
                "type": "realtime",
                "instructions": "x",
                "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}},
            },
            "integer_below_min_value",
            "session.audio.input.format.rate",
            (
                "Invalid 'session.audio.input.format.rate': integer below minimum value. Expected a "
                "value >= 24000, but got "
                "16000 instead."
            ),
        ),
        (
            {"type": "transcription"},
            "invalid_parameter",
            "session.type",
            "Passing a transcription session update event to a realtime session is not allowed.",
        ),
        (
            {"type": "realtime", "tools": [{"type": "function", "name": "f", "parameters": {"type": "string"}}]},
            "invalid_function_parameters",
            "session.tools[0].parameters",
            (
                "Invalid schema for function 'f': schema must be a JSON Schema of 'type: \"object\"', "
                "got 'type: 'string''."
            ),
        ),
    ],
)
async def test_an_update_is_all_or_nothing(
    emulator: Emulator, session: dict[str, Any], code: str, param: str, message: str
) -> None:
    async with Wire(emulator) as wire:
        (created,) = await wire.expect("session.created")
        await wire.send({"type": "session.update", "session": session, "event_id": "mine"})
        assert await wire.error() == {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": param,
            "event_id": "mine",
        }
        await wire.send({"type": "session.update", "session": {"type": "realtime"}})
        (updated,) = await wire.expect("session.updated")
        assert updated["session"] == created["session"]


@pytest.mark.parametrize(
    ("frame", "code", "param", "message"),
    [
        (
            {"type": "nope", "event_id": "mine"},
            "invalid_value",
            "type",
            (
                "Invalid value: 'nope'. Supported values are: 'session.update', 'session.close', "
                "'input_audio_buffer.append', "
                "'session.input_audio_buffer.append', 'input_audio_buffer.commit', 'input_audio_buffer.clear', "
                "'conversation.item.create', 'conversation.item.truncate', 'conversation.item.delete', "
                "'conversation.item.retrieve', 'response.create', and 'response.cancel'."
            ),
        ),
        ({"event_id": "mine"}, "missing_required_parameter", "type", "Missing required parameter: 'type'."),
        (
            {"type": "conversation.item.create", "event_id": "mine", "item": {"type": "message", "role": "user"}},
            "missing_required_parameter",
            "item.content",
            "Missing required parameter: 'item.content'.",
        ),
        (
            {
                "type": "conversation.item.create",
                "event_id": "mine",
                "item": {"type": "message", "role": "user", "content": [{"type": "input_text"}]},
            },
            "missing_required_parameter",
            "item.content[0].text",
            "Missing required parameter: 'item.content[0].text'.",
        ),
        (
            {"type": "input_audio_buffer.append", "event_id": "mine", "audio": "?"},
            "invalid_value",
            "audio",
            "Invalid 'audio'. Expected base64-encoded audio bytes, but got an invalid value.",
        ),
    ],
)
async def test_bad_events(emulator: Emulator, frame: Any, code: str, param: str, message: str) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(frame)
        error = await wire.error()
        assert error == {
            "type": "invalid_request_error",
            "code": code,
            "param": param,
            "message": message,
            "event_id": "mine",
        }


async def test_what_is_no_event_at_all(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send("{nope", "[1]")
        await wire.socket.send_bytes(b"\0\1")
        await wire.send(TEXT_ONLY)
        errors = [await wire.error() for _ in range(3)]
        assert [error["code"] for error in errors] == ["invalid_json", "invalid_type", "invalid_event"]
        assert errors[0]["message"].startswith("Invalid event: failed to parse JSON value. ")
        assert errors[2]["message"] == "Expected a text WebSocket message; binary frames are not supported."
        assert [error["event_id"] for error in errors] == [None] * 3
        await wire.expect("session.updated")


async def test_a_session_ends_after_an_hour(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        emulator.advance(3500)
        await wire.send(TEXT_ONLY)
        await wire.expect("session.updated")
        emulator.advance(101)
        assert (await wire.error())["code"] == "session_expired"
        assert await wire.closed() == (1001, "Your session hit the maximum duration of 60 minutes.")


async def test_a_session_ends_by_itself(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        (created,) = await wire.expect("session.created")
        emulator.advance(created["session"]["expires_at"] - emulator._state.now() - 0.1)
        assert (await wire.error())["code"] == "session_expired"
        assert await wire.closed() == (1001, "Your session hit the maximum duration of 60 minutes.")


async def test_a_session_that_ends_by_itself_undisturbed(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai_realtime.emulator.sessions.base.SESSION_SECONDS", 1)
    async with Wire(emulator) as wire:
        await wire.until("error")
        assert (await wire.closed())[0] == 1001


async def test_a_connection_that_ends_takes_its_timer_along(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        (connection,) = emulator._sessions.connections
        emulator.advance(1)
        timer = connection._timer
        await turn_until(lambda: connection._timer is not timer)
        assert timer.cancelled()
        assert not connection._timer.cancelled()
    await turn_until(lambda: not emulator._sessions.connections)
    assert connection._timer.cancelled()
