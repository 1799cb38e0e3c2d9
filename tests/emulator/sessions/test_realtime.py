"""The emulator's WebSocket, judged frame by frame with a bare client: what must come is written out as recorded."""

import asyncio
import json
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pybase64
import pytest
from support.wire import (
    ADDED,
    BETA_RETIRED,
    CANCEL,
    DEADLINE,
    RESPOND,
    SAID,
    TEXT_ONLY,
    Wire,
    append,
    message,
    silence,
    tone,
    types,
)

from openai_realtime import AsyncRealtimeClient, ConfigurationError, InputAudioBufferDtmfEventReceived
from openai_realtime.emulator import Emulator, McpToolCall, Reply, ToolCall, faults
from openai_realtime.emulator.script import Script
from openai_realtime.emulator.sessions.realtime import LiveSession
from openai_realtime.models.base import UNSET
from openai_realtime.models.responses import FailureDetails
from openai_realtime.models.server_events import ErrorDetails

pytestmark = pytest.mark.anyio


# --- who may come in --------------------------------------------------------------------------------------------------


@pytest.fixture
async def emulator(anyio_backend: str) -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@pytest.mark.parametrize(
    ("path", "headers", "code", "message", "close"),
    [
        (
            "?model=gpt-realtime",
            {"Authorization": "Bearer sk-proj-abcdefghueba"},
            "invalid_api_key",
            (
                "Incorrect API key provided: sk-proj-****ueba. You can find your API key at "
                "https://platform.openai.com/account/api-keys."
            ),
            (3000, "invalid_request_error.invalid_api_key"),
        ),
        (
            "?model=gpt-realtime",
            {},
            None,
            "Missing bearer or basic authentication in header",
            (3000, "invalid_request_error"),
        ),
        (
            "?model=nope",
            None,
            "invalid_model",
            (
                'Model "nope" is not supported in realtime mode. See '
                "https://platform.openai.com/docs/models for a list of "
                "supported models."
            ),
            (4000, "invalid_request_error.invalid_model"),
        ),
        (
            "",
            None,
            "missing_model",
            "You must provide a model parameter, for example wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5",
            (4000, "invalid_request_error.missing_model"),
        ),
        (
            "?model=gpt-realtime&intent=transcription",
            None,
            "invalid_model",
            "You must not provide a model parameter for transcription sessions.",
            (4000, "invalid_request_error.invalid_model"),
        ),
        (
            "?model=gpt-realtime-whisper",
            None,
            "invalid_model",
            'Model "gpt-realtime-whisper" is a transcription model and cannot be used as the realtime session model',
            (4000, "invalid_request_error.invalid_model"),
        ),
        (
            "?intent=nope",
            None,
            "invalid_value",
            "Invalid value: 'nope'. Supported values are: 'realtime' and 'transcription'.",
            (4000, "invalid_request_error.invalid_value"),
        ),
    ],
)
async def test_refusals_come_after_the_upgrade(  # noqa: PLR0913, PLR0917 - a table
    emulator: Emulator,
    path: str,
    headers: dict[str, str] | None,
    code: str | None,
    message: str,
    close: tuple[int, str],
) -> None:
    async with Wire(emulator, path, **({} if headers is None else {"headers": headers})) as wire:
        error = await wire.error()
        assert (error["code"], error["message"], error["type"]) == (code, message, "invalid_request_error")
        assert await wire.closed() == close


@pytest.mark.parametrize("path", ["?model=gpt-realtime", "?intent=transcription"])
async def test_the_beta_is_over(emulator: Emulator, path: str) -> None:
    headers = {"Authorization": f"Bearer {emulator.api_key}", "OpenAI-Beta": "realtime=v1"}
    async with Wire(emulator, path, headers=headers) as wire:
        error = await wire.error()
        assert (error["code"], error["message"]) == ("beta_api_shape_disabled", BETA_RETIRED)
        assert await wire.closed() == (4000, "invalid_request_error.beta_api_shape_disabled")


async def test_browsers_authenticate_by_subprotocol(emulator: Emulator) -> None:
    protocols = ["realtime", f"openai-insecure-api-key.{emulator.api_key}"]
    async with Wire(emulator, headers={}, protocols=protocols) as wire:
        await wire.expect("session.created")
        assert wire.socket.protocol == "realtime"
    assert (
        emulator.requests[0].headers["sec-websocket-protocol"]
        == "realtime, openai-insecure-api-key.***".replace(", ", ",")
        or emulator.requests[0].headers["sec-websocket-protocol"] == "realtime, openai-insecure-api-key.***"
    )
    assert emulator.api_key not in str(emulator.requests[0].headers)
    async with Wire(emulator, headers={}, protocols=[*protocols, "openai-beta.realtime-v1"]) as wire:
        assert (await wire.error())["code"] == "beta_api_shape_disabled"


@pytest.mark.parametrize("others", [["realtime"], []])
async def test_a_browsers_key_is_not_logged(
    emulator: Emulator, caplog: pytest.LogCaptureFixture, others: list[str]
) -> None:
    protocols = [*others, f"openai-insecure-api-key.{emulator.api_key}"]
    async with Wire(emulator, headers={}, protocols=protocols) as wire:
        await wire.expect("session.created")
    assert emulator.api_key not in caplog.text


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"?model={model}"
            for model in ("gpt-nope", "gpt-4", "gpt-4o-transcribe-2025-03-20", "gpt-realtime-translate")
        ),
        *(f"/translations?model={model}" for model in ("gpt-realtime", "gpt-realtime-translated", "whisper-1")),
    ],
)
async def test_models_of_another_kind_are_refused(emulator: Emulator, path: str) -> None:
    async with Wire(emulator, path) as wire:
        assert (await wire.error())["code"] == "invalid_model"
        assert await wire.closed() == (4000, "invalid_request_error.invalid_model")


async def test_an_update_names_a_model_that_transcribes(emulator: Emulator) -> None:
    heard = {"transcription": {"model": "gpt-nope"}}
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send({"type": "session.update", "session": {"type": "realtime", "audio": {"input": heard}}})
        error = await wire.error()
    assert (error["code"], error["param"]) == ("invalid_value", "session.audio.input.transcription.model")


async def test_azure(emulator: Emulator) -> None:
    options: dict[str, Any] = {"prefix": "/openai/v1/realtime"}
    async with Wire(emulator, "?model=my-own", headers={"api-key": emulator.api_key}, **options) as wire:
        (created,) = await wire.expect("session.created")
        assert created["session"]["model"] == "my-own"
    async with Wire(emulator, f"?model=my-own&api-key={emulator.api_key}", headers={}, **options) as wire:
        await wire.expect("session.created")
    assert emulator.requests[1].path == "/openai/v1/realtime?model=my-own&api-key=***"


async def client_secret(emulator: Emulator, session: dict[str, Any]) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(emulator.base_url + "/realtime/client_secrets", json={"session": session}, headers=headers) as answer,
    ):
        return {"Authorization": f"Bearer {(await answer.json())['value']}"}


async def test_client_secrets_bring_their_session(emulator: Emulator) -> None:
    session = {"type": "realtime", "model": "gpt-realtime-2.1", "instructions": "Be short."}
    headers = await client_secret(emulator, session)
    async with Wire(emulator, "", headers=headers) as wire:
        (created,) = await wire.expect("session.created")
        assert (created["session"]["model"], created["session"]["instructions"]) == ("gpt-realtime-2.1", "Be short.")
        assert created["session"]["audio"]["output"]["voice"] == "marin"
    listening = await client_secret(emulator, {"type": "transcription"})
    async with Wire(emulator, "", headers=listening) as wire:
        (created,) = await wire.expect("session.created")
        assert created["session"]["object"] == "realtime.transcription_session"
    emulator.advance(601)
    async with Wire(emulator, headers=headers) as wire:
        assert (await wire.error())["code"] == "invalid_api_key"
        assert (await wire.closed())[0] == 3000


async def beta_secret(emulator: Emulator, path: str, settings: dict[str, Any]) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    url = f"{emulator.base_url}/realtime/{path}"
    async with aiohttp.ClientSession() as http, http.post(url, json=settings, headers=headers) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['client_secret']['value']}"}


async def test_client_secrets_of_the_beta_bring_their_session() -> None:
    settings: dict[str, Any] = {"voice": "sage", "modalities": ["text"], "temperature": 0.6, "turn_detection": None}
    said = {"input_audio_transcription": {"model": "whisper-1"}}
    beta = {"OpenAI-Beta": "realtime=v1"}
    async with Emulator(beta=True) as emulator:
        key = await beta_secret(emulator, "sessions", {**settings, "client_secret": {"expires_after": {"seconds": 30}}})
        listening = await beta_secret(emulator, "transcription_sessions", said)
        async with Wire(emulator, "", headers={**key, **beta}) as wire:
            session = (await wire.socket.receive_json(timeout=DEADLINE))["session"]
            assert {name: session[name] for name in settings} == settings
            assert (session["model"], session["client_secret"]) == ("gpt-4o-realtime-preview", None)
        async with Wire(emulator, "", headers={**listening, **beta}) as wire:
            created = await wire.socket.receive_json(timeout=DEADLINE)
            assert created["type"] == "transcription_session.created"
            assert created["session"]["input_audio_transcription"]["model"] == "whisper-1"
        async with Wire(emulator, "?model=gpt-realtime", headers=key) as wire:  # and without the beta
            (created,) = await wire.expect("session.created")
            assert (created["session"]["model"], created["session"]["output_modalities"]) == ("gpt-realtime", ["text"])
            assert "temperature" not in created["session"]


async def test_a_handshake_can_fail_by_http(emulator: Emulator) -> None:
    emulator.inject_fault(faults.HTTPResponse(status=403), operation="connect")
    with pytest.raises(aiohttp.WSServerHandshakeError) as failure:
        async with Wire(emulator):
            pass
    assert failure.value.status == 403
    async with Wire(emulator) as wire:
        await wire.expect("session.created")


async def test_without_an_upgrade_there_is_no_such_page(emulator: Emulator) -> None:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    async with aiohttp.ClientSession() as http, http.get(emulator.base_url + "/realtime", headers=headers) as answer:
        assert answer.status == 404


# --- the session ------------------------------------------------------------------------------------------------------


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


# --- a text turn ------------------------------------------------------------------------------------------------------


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


# --- items ------------------------------------------------------------------------------------------------------------


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
        (lambda: Emulator().queue_transcripts(1), "transcript: int is not a text"),  # type: ignore[arg-type]
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


# --- function calls ---------------------------------------------------------------------------------------------------


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


# --- audio ------------------------------------------------------------------------------------------------------------


def hearing(**given: Any) -> dict[str, Any]:
    """An update of the input's settings."""
    return {"type": "session.update", "session": {"type": "realtime", "audio": {"input": given}}}


COMMIT = {"type": "input_audio_buffer.commit"}
TURN = ("input_audio_buffer.committed", *ADDED)


async def test_push_to_talk(emulator: Emulator) -> None:
    audio = tone(300)
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection=None), append(audio[:10_000]), append(audio[10_000:]), COMMIT, RESPOND)
        events = await wire.until("rate_limits.updated")
        assert types(events)[2:6] == [*TURN, "response.created"]
        committed, added = events[2], events[3]
        assert (committed["previous_item_id"], added["item"]["id"]) == (None, committed["item_id"])
        assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        played = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
        assert b"".join(map(pybase64.b64decode, played)) == audio
        done = next(event for event in events if event["type"] == "response.output_audio_transcript.done")
        assert done["transcript"] == "0.3 seconds of speech."
        await wire.send({"type": "conversation.item.retrieve", "item_id": committed["item_id"]})
        (retrieved,) = await wire.expect("conversation.item.retrieved")
        assert pybase64.b64decode(retrieved["item"]["content"][0]["audio"]) == audio


async def test_commits_of_too_little_and_clear(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection=None))
        await wire.until("session.updated")
        await wire.send({**COMMIT, "event_id": "none"})
        error = await wire.error()
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "none")
        assert error["message"] == (
            "Error committing input audio buffer: buffer too small. "
            "Expected at least 100ms of audio, but buffer only has 0.00ms of audio."
        )
        await wire.send(append(tone(50)), COMMIT)
        assert "only has 50.00ms" in (await wire.error())["message"]
        await wire.send(append(silence(100)), {"type": "input_audio_buffer.clear"}, COMMIT)
        await wire.expect("input_audio_buffer.cleared")
        assert "only has 0.00ms" in (await wire.error())["message"]


async def test_the_commit_error_comes_after_later_answers() -> None:
    async with Emulator(speed=20) as emulator, Wire(emulator) as wire:
        await wire.send(hearing(turn_detection=None), COMMIT, append(silence(100)), COMMIT)
        await wire.until("session.updated")
        await wire.expect(*TURN, "error")


async def test_a_spoken_turn_by_server_vad(emulator: Emulator) -> None:
    """400 ms of silence, 600 ms of speech, 300 ms of silence: in chunks that fit to nothing."""
    audio = silence(400) + tone(600) + silence(300)
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(*(append(audio[start : start + 4_444]) for start in range(0, len(audio), 4_444)))
        started, stopped, committed, added, _ = await wire.expect(
            "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN
        )
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (100, 1200)
        assert len({event["item_id"] for event in (started, stopped, committed)} | {added["item"]["id"]}) == 1
        events = await wire.until("rate_limits.updated")
        played = b"".join(
            pybase64.b64decode(event["delta"]) for event in events if event["type"] == "response.output_audio.delta"
        )
        assert played == silence(300) + tone(600) + silence(200)
        usage = events[-2]["response"]["usage"]
        assert usage["input_token_details"]["audio_tokens"] == 11
        assert usage["output_token_details"]["audio_tokens"] == 22
        await wire.send(append(silence(500)), append(tone(200) + silence(200)))
        started, stopped, committed, *_ = await wire.expect(
            "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN
        )
        # 1300 ms came before, and 500 ms of silence: the clock of the session goes on.
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (1500, 2200)
        assert committed["previous_item_id"] == events[-2]["response"]["output"][0]["id"]


@pytest.mark.parametrize(
    ("settings", "loudness", "start", "end"),
    [
        ({"prefix_padding_ms": 0}, 8000, 400, 1200),
        ({"prefix_padding_ms": 900}, 8000, 0, 1200),
        ({"silence_duration_ms": 600}, 8000, 100, 1600),
        ({"threshold": 1.0}, 3000, 100, 1200),
        ({"threshold": 0.1}, 300, 100, 1200),
    ],
)
async def test_the_settings_of_server_vad(
    emulator: Emulator, settings: dict[str, Any], loudness: int, start: int, end: int
) -> None:
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection={"type": "server_vad", **settings}))
        await wire.until("session.updated")
        await wire.send(append(silence(400) + tone(600, loudness) + silence(700)))
        started, stopped = await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (start, end)


async def test_what_is_too_quiet_is_no_speech(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(append(tone(600, 300) + silence(700)), message("Hello."))
        await wire.expect(*ADDED)


@pytest.mark.parametrize(("eagerness", "end"), [("high", 600), ("auto", 1000), ("low", 1800)])
async def test_semantic_vad_waits_as_it_is_eager(emulator: Emulator, eagerness: str, end: int) -> None:
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection={"type": "semantic_vad", "eagerness": eagerness}))
        await wire.until("session.updated")
        await wire.send(append(tone(200) + silence(2000)))
        _, stopped = await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
        assert stopped["audio_end_ms"] == end


async def test_vad_without_responses(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection={"type": "server_vad", "create_response": False}))
        await wire.until("session.updated")
        await wire.send(append(tone(200) + silence(200)), message("And now?"))
        await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN, *ADDED)


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
async def test_g711(emulator: Emulator, kind: str) -> None:
    quiet, loud = {"audio/pcmu": (0xFF, 0x80), "audio/pcma": (0xD5, 0xAA)}[kind]
    audio = bytes([quiet]) * 8 * 400 + bytes([loud, loud ^ 0x80]) * 4 * 200 + bytes([quiet]) * 8 * 200
    async with Wire(emulator) as wire:
        await wire.send(hearing(format={"type": kind}))
        await wire.until("session.updated")
        await wire.send(append(audio))
        started, stopped = await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (100, 800)
        events = await wire.until("response.done")  # in PCM: the formats differ, so there is a hum
        played = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
        assert len(b"".join(map(pybase64.b64decode, played))) == len("0.7 seconds of speech.") * 60 * 48


async def test_who_speaks_interrupts_the_model(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one two three four five six seven", pause_after=5))
    async with Wire(emulator) as wire:
        await wire.send(message("Count."), RESPOND)
        for _ in range(2):  # after three words, a sound, a word: five deltas
            await wire.until("response.output_audio_transcript.delta")
        await wire.until("response.output_audio.delta")
        await wire.until("response.output_audio_transcript.delta")
        await wire.send(append(tone(200)))
        await wire.until("input_audio_buffer.speech_started")
        events = await wire.until("response.done")
        assert types(events) == [
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        response = events[-1]["response"]
        assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        item = response["output"][0]
        assert (item["status"], item["content"][0]["transcript"]) == ("incomplete", "one two three four")
        await wire.send(
            {"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 0, "audio_end_ms": 100}
        )
        await wire.expect("conversation.item.truncated")
        await wire.send(append(silence(200)))
        await wire.until("response.done")


async def test_nobody_interrupts_if_it_is_not_wanted(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one two three", pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, hearing(turn_detection={"type": "server_vad", "interrupt_response": False}), RESPOND)
        await wire.until("response.output_text.delta")
        await wire.send(append(tone(200) + silence(200)))
        await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN)
        emulator.resume()
        assert (await wire.until("response.done"))[-1]["response"]["status"] == "completed"


# --- when nobody speaks -----------------------------------------------------------------------------------------------

IDLE = hearing(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000})
TIMED_OUT = ("input_audio_buffer.timeout_triggered", *TURN, "response.created")


async def test_the_model_speaks_up_after_a_silence(emulator: Emulator) -> None:
    emulator.reply(Reply(text="Hello.", audio=silence(1000)), "Are you there?")
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, append(silence(9000)))  # a silence before any answer is none
        await wire.expect("session.created", "session.updated", "session.updated")
        await wire.send({**RESPOND, "response": {"output_modalities": ["audio"]}})
        await wire.until("rate_limits.updated")
        await wire.send(append(silence(5980)), message("And?"))
        await wire.expect(*ADDED)  # a second is still to be played, then five are not over
        await wire.send(append(silence(20)))
        timeout, committed, added, _, _ = await wire.expect(*TIMED_OUT)
        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (10000, 15000)
        assert timeout["item_id"] == committed["item_id"] == added["item"]["id"]
        assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        done = (await wire.until("rate_limits.updated"))[-2]
        assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Are you there?"}]
        await wire.send(append(silence(5000)))
        timeout, *_ = await wire.expect(*TIMED_OUT)  # again, while nobody speaks
        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (15000, 20000)


async def test_who_speaks_stops_the_idle_timeout(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        detection = {"type": "server_vad", "idle_timeout_ms": 5000, "create_response": False}
        await wire.send(TEXT_ONLY, hearing(turn_detection=detection), RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(append(silence(4000) + tone(200) + silence(9000)))
        await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN)
        await wire.send(message("Hello."))
        await wire.expect(*ADDED)


async def test_who_asks_for_an_answer_stops_the_idle_timeout(emulator: Emulator) -> None:
    emulator.reply("one", Reply(text="one two", pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(RESPOND)
        await wire.until("response.output_text.delta")
        await stays_quiet(wire)


async def test_who_speaks_over_an_answer_is_not_idle(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one two three", pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("response.output_text.delta")
        await wire.send(append(tone(200)))
        await wire.until("response.done")
        emulator.advance(60)
        for text in ("Hello.", "Hello?"):
            await wire.send(message(text))
            await wire.expect(*ADDED)


async def stays_quiet(wire: Wire) -> None:
    """Nothing comes of a long silence; the second answer shows that nothing came after the first either."""
    await wire.send(append(silence(9000)))
    for text in ("Hello.", "Hello?"):
        await wire.send(message(text))
        await wire.expect(*ADDED)


async def test_no_idle_timeout_after_a_response_out_of_band(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, {**RESPOND, "response": {"conversation": "none"}})
        await wire.until("rate_limits.updated")
        await stays_quiet(wire)


async def test_an_idle_timeout_that_is_not_wanted_any_more(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(hearing(turn_detection=None))
        await wire.expect("session.updated")
        await stays_quiet(wire)


async def turn_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0)


async def test_time_passes_once_for_a_call_with_two_sidebands(emulator: Emulator) -> None:
    path = f"?call_id={emulator.incoming_call()}"
    async with Wire(emulator, path), Wire(emulator, path):
        await turn_until(lambda: len(emulator._sessions.connections) == 2)
        session = next(iter(emulator._sessions.calls.values())).session
        session._context.idle.start(now=0, seconds=5, start_ms=0)
        emulator.advance(2)
        await turn_until(lambda: session.next_due != 5)
        assert session.next_due == 3


async def test_without_a_speed_the_emulator_rests_while_the_user_is_silent(emulator: Emulator) -> None:
    pulls = 0

    def counted(until: float) -> Any:
        nonlocal pulls
        pulls += 1
        return pull(until)

    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        (connection,) = emulator._sessions.connections
        session: Any = connection.session
        assert session.next_due < math.inf
        pull, session.pull = session.pull, counted
        for _ in range(100):
            await asyncio.sleep(0)
        assert pulls <= 2


async def test_a_silence_can_be_told_instead_of_sent(emulator: Emulator) -> None:
    emulator.reply(Reply(text="Hello.", audio=silence(1000)))
    async with Wire(emulator) as wire:
        await wire.send(IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(TEXT_ONLY)
        await wire.expect("session.updated")
        emulator.advance(6)
        timeout, *_ = await wire.expect(*TIMED_OUT)
        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (0, 0)
        await wire.until("rate_limits.updated")
        emulator.advance(5)
        await wire.expect(*TIMED_OUT)


async def test_at_lifes_speed_the_silence_takes_its_time() -> None:
    async with Emulator(speed=20) as emulator, Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        await wire.expect(*TIMED_OUT)  # nobody sends audio: time alone tells


# --- transcription ----------------------------------------------------------------------------------------------------


async def test_the_user_is_transcribed(emulator: Emulator) -> None:
    emulator.queue_transcripts("Hello, my name is Marcelo.")
    async with Wire(emulator) as wire:
        await wire.send(hearing(transcription={"model": "gpt-realtime-whisper"}))
        await wire.until("session.updated")
        for _ in range(4):
            await wire.send(append(tone(300)))
        await wire.send(append(silence(300)))
        events = await wire.until(f"{SAID}.completed")
        events += await wire.until("rate_limits.updated")
    during = types(events)[: types(events).index("input_audio_buffer.speech_stopped")]
    assert during == ["input_audio_buffer.speech_started", f"{SAID}.delta"]
    deltas = [event for event in events if event["type"] == f"{SAID}.delta"]
    assert "".join(event["delta"] for event in deltas) == "Hello, my name is Marcelo."
    (completed,) = (event for event in events if event["type"] == f"{SAID}.completed")
    assert {event["item_id"] for event in deltas} == {events[0]["item_id"], completed["item_id"]}
    assert completed["transcript"] == "Hello, my name is Marcelo."
    assert completed["usage"] == {"type": "duration", "seconds": 2}
    done = next(event for event in events if event["type"] == "response.output_audio_transcript.done")
    assert done["transcript"] == "Hello, my name is Marcelo."


def listening(**given: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": given}}}


async def test_a_transcription_session(emulator: Emulator) -> None:
    emulator.queue_transcripts("One.", "Two words.")
    async with Wire(emulator, "?intent=transcription") as wire:
        (created,) = await wire.expect("session.created")
        session = created["session"]
        assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
        assert not {"model", "voice", "tools", "instructions"} & set(session)
        detection = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}
        assert session["audio"]["input"]["turn_detection"] == detection
        await wire.send(listening(transcription={"model": "gpt-4o-transcribe", "language": "en"}))
        (updated,) = await wire.expect("session.updated")
        transcription = {"model": "gpt-4o-transcribe", "language": "en", "prompt": None}
        assert updated["session"]["audio"]["input"]["transcription"] == transcription
        await wire.send(append(tone(400) + silence(200)))
        events = await wire.until(f"{SAID}.completed")
        assert types(events) == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            *TURN,
            f"{SAID}.delta",
            f"{SAID}.completed",
        ]
        assert events[-1]["usage"] == {
            "type": "tokens",
            "total_tokens": 7,
            "input_tokens": 6,
            "output_tokens": 1,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 6},
        }
        await wire.send(append(tone(400) + silence(200)), {**RESPOND, "event_id": "no"})
        error = next(event for event in await wire.until("error") if event["type"] == "error")["error"]
        assert (error["code"], error["event_id"]) == ("invalid_parameter", "no")
        assert (await wire.until(f"{SAID}.completed"))[-1]["transcript"] == "Two words."


@pytest.mark.parametrize(
    ("model", "text", "usage"),
    [
        ("whisper-1", "Two words.\n", {"type": "duration", "seconds": 1}),
        ("gpt-transcribe", "Two words.", {"type": "duration", "seconds": 1}),
        ("gpt-live-transcribe", "Two words.", {"type": "duration", "seconds": 1}),
    ],
)
async def test_transcription_by_commit(emulator: Emulator, model: str, text: str, usage: Any) -> None:
    emulator.queue_transcripts("Two words.")
    async with Wire(emulator, "?intent=transcription") as wire:
        await wire.send(listening(transcription={"model": model}, turn_detection=None))
        await wire.until("session.updated")
        await wire.send(append(tone(400)), append(tone(100)), COMMIT)
        events = await wire.until(f"{SAID}.completed")
        early = [f"{SAID}.delta"] if model == "gpt-live-transcribe" else []
        assert types(events) == [*early, *TURN, f"{SAID}.delta", f"{SAID}.completed"]
        deltas = [event["delta"] for event in events if event["type"] == f"{SAID}.delta"]
        assert "".join(deltas) == events[-1]["transcript"] == text
        assert len({event["item_id"] for event in events if "item_id" in event}) == 1
        assert events[-1]["usage"] == usage
        await wire.send(append(silence(200)), COMMIT)
        assert (await wire.until(f"{SAID}.completed"))[-1]["transcript"] == ""


async def test_turns_with_a_model_that_has_none(emulator: Emulator) -> None:
    async with Wire(emulator, "?intent=transcription") as wire:
        await wire.expect("session.created")
        await wire.send(
            listening(transcription={"model": "gpt-live-transcribe"}, turn_detection={"type": "server_vad"})
        )
        assert (await wire.error())["message"] == "Turn detection is not supported for this transcription model."
        await wire.send({"type": "session.update", "session": {"type": "realtime"}})
        assert (await wire.error())["code"] == "invalid_parameter"


# --- faults -----------------------------------------------------------------------------------------------------------


async def lost(wire: Wire) -> aiohttp.WSMsgType:
    """What a bare client sees at the end of a connection that nobody closed."""
    received = await wire.socket.receive(DEADLINE)
    assert wire.socket.close_code == 1006
    return received.type


@pytest.mark.parametrize("kind", [faults.Drop, faults.HalfFrame])
async def test_a_connection_is_cut(emulator: Emulator, kind: type[faults.Fault]) -> None:
    emulator.inject_fault(kind(at=3))
    emulator.inject_fault(kind(at="response.done"))
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(message("Hello."), message("Hello?"))
        await wire.expect(*ADDED)
        await lost(wire)
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("Hello."), RESPOND)
        await wire.until("response.output_item.done")
        await lost(wire)
    async with Wire(emulator) as wire:
        await wire.expect("session.created")


async def test_accept_and_close(emulator: Emulator) -> None:
    error = ErrorDetails(type="invalid_request_error", code="insufficient_quota", message="No money.")
    emulator.inject_fault(faults.Close(error=error, code=4000, reason="invalid_request_error.insufficient_quota"))
    emulator.inject_fault(faults.Close(code=1012, reason="restart"))
    async with Wire(emulator) as wire:
        assert (await wire.error())["code"] == "insufficient_quota"
        assert await wire.closed() == (4000, "invalid_request_error.insufficient_quota")
    async with Wire(emulator) as wire:
        assert await wire.closed() == (1012, "restart")


async def test_silence_does_not_even_answer_pings(emulator: Emulator) -> None:
    emulator.inject_fault(faults.Silence(at="session.updated"))
    async with Wire(emulator, heartbeat=0.1) as wire:
        await wire.expect("session.created")
        await wire.send(TEXT_ONLY)
        assert (await wire.socket.receive(DEADLINE)).type is aiohttp.WSMsgType.ERROR
    async with Wire(emulator, autoping=False) as wire:  # where there is no fault, they are
        await wire.expect("session.created")
        await wire.socket.ping(b"there?")
        answer = await wire.socket.receive(DEADLINE)
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"there?")


async def test_messages_that_no_client_expects(emulator: Emulator) -> None:
    odd = [
        '{"type": "surprise.event", "x": [1]}',
        "{nope",
        b"\0\1",
        json.dumps({"type": "pad", "pad": "x" * 5_000_000}),
    ]
    emulator.inject_fault(*(faults.Message(at=1, message=text) for text in odd))
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        assert [(await wire.socket.receive(DEADLINE)).data for _ in odd] == odd
        await wire.send(TEXT_ONLY)
        await wire.expect("session.updated")


async def test_late_and_out_of_order(emulator: Emulator) -> None:
    emulator.inject_fault(faults.Delay(at=1, seconds=0.01), faults.Swap(at="conversation.item.added"))
    async with Wire(emulator) as wire:
        await wire.send(message("a"), message("b"))
        await wire.expect("session.created", *reversed(ADDED), *ADDED)


async def test_what_is_late_is_overtaken_on_another_connection(emulator: Emulator) -> None:
    emulator.inject_fault(faults.Delay(at=1, seconds=600))
    async with Wire(emulator) as late, Wire(emulator) as wire:
        await late.expect("session.created")
        await wire.expect("session.created")
        await late.send(message("a"))
        waiting = asyncio.create_task(late.get())
        for _ in range(10):
            await wire.send(message("b"))
            await wire.expect(*ADDED)
        assert not waiting.done()
        waiting.cancel()


async def test_a_swap_hides_no_later_fault(emulator: Emulator) -> None:
    """It sends two events at once, and with them goes past the number at which the next fault is to come."""
    emulator.inject_fault(faults.Swap(at=1), faults.Close(at=2, code=1012))
    async with Wire(emulator) as wire:
        await wire.send(message("a"))
        await wire.expect("session.created", *reversed(ADDED))
        assert await wire.closed() == (1012, "")


async def test_faults_now(emulator: Emulator) -> None:
    async with Wire(emulator) as wire, Wire(emulator) as other:
        await wire.expect("session.created")
        await other.expect("session.created")
        emulator.inject_fault(faults.Message(message='{"type": "x"}'), now=True)
        assert (await wire.socket.receive_json(timeout=DEADLINE)) == {"type": "x"}
        assert (await other.socket.receive_json(timeout=DEADLINE)) == {"type": "x"}
        emulator.inject_fault(faults.Expire(), now=True)
        assert (await wire.error())["code"] == "session_expired"
        assert (await wire.closed())[0] == 1001
        assert (await other.error())["code"] == "session_expired"


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [
        (faults.Drop, {"at": -1}, "at: -1 is neither a number of events nor the type of one"),
        (faults.Swap, {"at": None}, "at: None is neither"),
        (faults.Expire, {"at": ""}, "at: '' is neither"),
        (faults.Delay, {"seconds": -1}, "seconds: -1 is not a number from 0 on"),
        (faults.Delay, {"seconds": "1"}, "seconds: '1' is not a number from 0 on"),
        (faults.Close, {"code": 0}, "code: 0 is not between 1000 and 4999"),
        (faults.HTTPResponse, {"status": 99}, "status: 99 is not between 200 and 599"),
        (faults.Message, {"message": {"type": "x"}}, "message: dict is neither text nor bytes"),
    ],
)
def test_a_fault_that_means_nothing_is_refused(kind: type[faults.Fault], given: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        kind(**given)


@pytest.mark.parametrize(
    ("fault", "where", "text"),
    [
        ("drop", {}, "fault: str is no class of openai_realtime.emulator.faults"),
        (faults.HTTPResponse(503), {}, "fault: HTTPResponse cannot happen to a session"),
        (faults.Swap(), {"operation": "connect"}, "fault: Swap cannot happen to a connect"),
        (faults.Drop(), {"operation": "connect", "now": True}, "now: there is no open request of connect"),
    ],
)
def test_a_fault_in_the_wrong_place_is_refused(fault: Any, where: Any, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        Emulator().inject_fault(fault, **where)


async def test_speed() -> None:
    """At life's speed 500 words take so long that what is sent at their first is answered before their last."""
    asked = (TEXT_ONLY, message("word " * 500), RESPOND)
    async with Emulator(speed=1) as emulator, Wire(emulator) as wire:
        await wire.send(*asked)
        await wire.until("response.output_text.delta")
        await wire.send(message("meanwhile"))
        types = [event["type"] for event in await wire.until("conversation.item.added")]
        assert "response.done" not in types
    async with asyncio.timeout(DEADLINE), Emulator(speed=1000) as emulator, Wire(emulator) as wire:
        await wire.send(*asked)
        await wire.until("response.done")
        await wire.expect("rate_limits.updated")


async def test_at_lifes_speed_a_response_can_be_cancelled() -> None:
    async with Emulator(speed=1) as emulator, Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, message("word " * 500), RESPOND)
        await wire.until("response.output_text.delta")
        await wire.send(RESPOND, CANCEL)
        assert (await wire.until("error"))[-1]["error"]["code"] == "conversation_already_has_active_response"
        response = (await wire.until("response.done"))[-1]["response"]
        assert response["status_details"]["reason"] == "client_cancelled"


async def test_the_emulator_ends_with_sessions_open() -> None:
    async with Emulator() as emulator, Wire(emulator) as wire:
        await wire.expect("session.created")
        await emulator.__aexit__()
        assert (await wire.closed())[0] == 1001


async def test_many_connections_at_once(emulator: Emulator) -> None:
    async def talk(number: int) -> str:
        async with Wire(emulator) as wire:
            await wire.send(TEXT_ONLY, message(f"number {number}"), RESPOND)
            text: str = (await wire.until("response.output_text.done"))[-1]["text"]
            return text

    assert await asyncio.gather(*map(talk, range(30))) == [f"number {number}" for number in range(30)]


# --- calls ------------------------------------------------------------------------------------------------------------


async def operate(emulator: Emulator, path: str, body: Any) -> int:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{emulator.base_url}/realtime/calls/{path}", json=body, headers=headers) as answer,
    ):
        return answer.status


async def test_the_sideband_of_a_call(emulator: Emulator) -> None:
    call = emulator.incoming_call()
    accepted = {"type": "realtime", "model": "gpt-realtime-2.1", "instructions": "Be kind."}
    assert await operate(emulator, f"{call}/accept", accepted) == 200
    async with Wire(emulator, f"?call_id={call}") as wire:
        await wire.send({"type": "session.update", "session": {"type": "realtime"}})
        (updated,) = await wire.expect("session.updated")  # and no session.created
        session = updated["session"]
        assert (session["model"], session["instructions"]) == ("gpt-realtime-2.1", "Be kind.")
        assert session["id"].startswith("sess_u0_")
        await wire.send(message("Say hello to the caller."), RESPOND)
        names = types([json.loads((await wire.socket.receive(DEADLINE)).data) for _ in range(20)])
        assert "response.output_audio.delta" not in names
        played = [name for name in names if name.startswith("output_audio_buffer") or name == "response.done"]
        assert played == ["output_audio_buffer.started", "response.done", "output_audio_buffer.stopped"]
    async with Wire(emulator, f"?call_id={call}") as wire:  # the session goes on with the call
        await wire.send(message("Again."))
        added, _ = await wire.expect(*ADDED)
        assert added["previous_item_id"]
        assert await operate(emulator, f"{call}/hangup", None) == 200
        assert (await wire.closed())[0] == 1000


NO_CALL = {
    "message": "No session found for the provided call_id",
    "type": "invalid_request_error",
    "param": "",
    "code": "call_id_not_found",
}


async def test_a_call_that_is_not_there_and_one_that_a_client_secret_may_not_control(emulator: Emulator) -> None:
    secret, _ = emulator._state.mint(600, {"type": "realtime"})
    keys = (("rtc_nowhere", emulator.api_key), (emulator.incoming_call(), secret))
    async with aiohttp.ClientSession() as http:
        for call, key in keys:
            url = f"{emulator.base_url}/realtime?call_id={call}"
            upgrade = {"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
            headers = {**upgrade, "Sec-WebSocket-Key": "a" * 22 + "==", "Authorization": f"Bearer {key}"}
            async with http.get(url, headers=headers) as answer:
                assert (answer.status, await answer.json()) == (404, {"error": NO_CALL})


async def test_the_playback_of_a_call_can_be_cut() -> None:
    clear = {"type": "output_audio_buffer.clear"}
    async with Emulator(speed=1) as emulator:
        call = emulator.incoming_call()
        async with Wire(emulator, f"?call_id={call}") as wire:
            await wire.send(message("word " * 40), RESPOND)
            while (event := json.loads((await wire.socket.receive(DEADLINE)).data))["type"] != "rate_limits.updated":
                pass
            await wire.send(clear, clear, message("Next."))
            event = json.loads((await wire.socket.receive(DEADLINE)).data)
            assert event["type"] == "output_audio_buffer.cleared"
            assert re.fullmatch("event_[0-9a-f]{16}", event["event_id"])
            await wire.expect(*ADDED)
        async with Wire(emulator) as wire:
            await wire.expect("session.created")
            await wire.send(clear)
            assert (await wire.error())["param"] == "type"


async def pressed(wire: Wire, count: int) -> list[Any]:
    """The next events as they are: those of keys have no id."""
    return [json.loads((await wire.socket.receive(DEADLINE)).data) for _ in range(count)]


async def test_the_keys_that_a_caller_presses(emulator: Emulator) -> None:
    call = emulator.incoming_call()
    emulator.send_dtmf(call, "1")
    emulator.send_dtmf(call, "2")
    await asyncio.sleep(0)  # so that they come before the client does
    async with Wire(emulator, f"?call_id={call}") as wire, Wire(emulator) as other:
        before = await pressed(wire, 2)
        emulator.send_dtmf(call, "#A")
        events = before + await pressed(wire, 2)
        assert [event["event"] for event in events] == ["1", "2", "#", "A"]
        for event in events:
            assert set(event) == {"type", "event", "received_at"}
            assert event["type"] == "input_audio_buffer.dtmf_event_received"
            assert abs(event["received_at"] - time.time()) < 60
        await other.expect("session.created")
        await other.send(message("Hello."))
        await other.expect(*ADDED)  # who talks to somebody else hears no keys


async def test_keys_that_cannot_be_pressed(emulator: Emulator) -> None:
    with pytest.raises(ConfigurationError, match="call_id: no call 'rtc_nowhere'"):
        emulator.send_dtmf("rtc_nowhere", "1")
    call = emulator.incoming_call()
    for keys in ("", "12E", "a"):
        with pytest.raises(ConfigurationError, match=re.escape(f"keys: {keys!r} is not made of #*0123456789ABCD")):
            emulator.send_dtmf(call, keys)
    assert await operate(emulator, f"{call}/hangup", None) == 200
    with pytest.raises(ConfigurationError, match="no call"):
        emulator.send_dtmf(call, "1")


async def test_our_client_hears_keys(emulator: Emulator) -> None:
    call = emulator.incoming_call()
    async with (
        AsyncRealtimeClient(**emulator.client_options) as client,
        client.connect(call_id=call) as connection,
    ):
        emulator.send_dtmf(call, "9")
        event = await connection.wait_for(InputAudioBufferDtmfEventReceived, DEADLINE)
        assert (event.event, event.event_id) == ("9", UNSET)


# --- translation ------------------------------------------------------------------------------------------------------


async def test_a_translation(emulator: Emulator) -> None:
    emulator.queue_transcripts("How are you")
    emulator.reply("Wie geht es dir")
    options: dict[str, Any] = {"prefix": "/v1/realtime/translations"}
    async with Wire(emulator, "?model=gpt-realtime-translate", **options) as wire:
        (created,) = await wire.expect("session.created")
        assert (created["session"]["type"], created["session"]["model"]) == ("translation", "gpt-realtime-translate")
        audio = {"input": {"transcription": {"model": "gpt-realtime-whisper"}}, "output": {"language": "de"}}
        await wire.send({"type": "session.update", "session": {"audio": audio}})
        (updated,) = await wire.expect("session.updated")
        assert updated["session"]["audio"]["output"]["language"] == "de"
        chunk = {"type": "session.input_audio_buffer.append", "audio": pybase64.b64encode(tone(300)).decode()}
        await wire.send(chunk, chunk, {"type": "session.close"})
        events = [json.loads((await wire.socket.receive(DEADLINE)).data) for _ in range(12)]
        assert await wire.closed() == (1000, "")
    assert events[-1]["type"] == "session.closed"
    told = {name: [event for event in events if event["type"] == f"session.{name}.delta"] for name in TRANSLATED}
    assert "".join(event["delta"] for event in told["input_transcript"]) == "How are you"
    assert "".join(event["delta"] for event in told["output_transcript"]) == "Wie geht es dir"
    assert [event["elapsed_ms"] for event in told["output_audio"]] == [200, 400, 600, 800]
    heard = b"".join(pybase64.b64decode(event["delta"]) for event in told["output_audio"])
    assert heard == tone(600) + silence(200)


@pytest.mark.parametrize("transcribed", [True, False])
async def test_a_translation_that_has_fewer_words(emulator: Emulator, transcribed: bool) -> None:  # noqa: FBT001 - a parameter
    """What was heard is told to the end, if it is told at all."""
    emulator.queue_transcripts("one two three")
    emulator.reply("eins")
    audio = {"input": {"transcription": {"model": "gpt-realtime-whisper"} if transcribed else None}}
    chunk = {"type": "session.input_audio_buffer.append", "audio": pybase64.b64encode(tone(200)).decode()}
    async with Wire(emulator, "?model=gpt-realtime-translate", prefix="/v1/realtime/translations") as wire:
        await wire.send({"type": "session.update", "session": {"audio": audio}}, chunk, {"type": "session.close"})
        events = []
        while (received := await wire.socket.receive(DEADLINE)).type is aiohttp.WSMsgType.TEXT:
            events.append(json.loads(received.data))
    heard = [event["delta"] for event in events if event["type"] == "session.input_transcript.delta"]
    assert heard == (["one", " two", " three"] if transcribed else [])
    assert [event["type"] for event in events].count("session.output_audio.delta") == (3 if transcribed else 1)
    assert events[-1]["type"] == "session.closed"


TRANSLATED = ("input_transcript", "output_transcript", "output_audio")


async def test_a_translation_names_a_model_that_transcribes(emulator: Emulator) -> None:
    def transcribing(model: str) -> dict[str, Any]:
        return {"type": "session.update", "session": {"audio": {"input": {"transcription": {"model": model}}}}}

    async with Wire(emulator, "?model=gpt-realtime-translate", prefix="/v1/realtime/translations") as wire:
        (created,) = await wire.expect("session.created")
        await wire.send({**transcribing("gpt-realtime"), "event_id": "mine"})
        error = await wire.error()
        assert (error["code"], error["event_id"]) == ("invalid_value", "mine")
        assert error["param"] == "session.audio.input.transcription.model"
        assert error["message"].startswith("Invalid value: 'gpt-realtime'. Supported values are: ")
        output = {"type": "session.update", "session": {"audio": {"output": {"language": "de"}}}}
        await wire.send(output)
        (updated,) = await wire.expect("session.updated")
        assert updated["session"]["audio"]["input"] == created["session"]["audio"]["input"]
    async with Wire(emulator, "?model=mine", prefix="/openai/v1/realtime/translations") as wire:
        await wire.send(transcribing("my-whisper"))
        await wire.expect("session.created", "session.updated")


async def test_a_translation_secret_names_a_model_that_transcribes(emulator: Emulator) -> None:
    session = {"model": "gpt-realtime-translate", "audio": {"input": {"transcription": {"model": "nope"}}}}
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    url = f"{emulator.base_url}/realtime/translations/client_secrets"
    async with aiohttp.ClientSession() as http, http.post(url, json={"session": session}, headers=headers) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
        assert (error["code"], error["param"]) == ("invalid_value", "session.audio.input.transcription.model")


async def test_translations_want_a_model_and_their_own_events(emulator: Emulator) -> None:
    options: dict[str, Any] = {"prefix": "/v1/realtime/translations"}
    async with Wire(emulator, "", **options) as wire:
        assert (await wire.error())["code"] == "missing_model"
    async with Wire(emulator, "?model=gpt-realtime-translate", **options) as wire:
        await wire.expect("session.created")
        await wire.send({**RESPOND, "event_id": "mine"}, {"type": "session.input_audio_buffer.append", "audio": "?"})
        errors = [await wire.error(), await wire.error()]
        assert [(error["param"], error["event_id"]) for error in errors] == [("type", "mine"), ("audio", None)]


async def test_a_realtime_session_closes_on_request(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send({"type": "session.input_audio_buffer.append", "audio": ""}, {"type": "session.close"})
        assert (await wire.error())["code"] == "invalid_parameter"
        await wire.socket.receive(DEADLINE)
        assert await wire.closed() == (1000, "")


# --- without a socket: what only a certain moment shows ---------------------------------------------------------------


def test_a_session_ends_once() -> None:
    session = LiveSession({"type": "realtime", "model": "gpt-realtime"}, Script(), time.time)
    session.expire()
    assert getattr(session.pull(math.inf), "type", None) == "error"
    session.expire()
    assert session.pull(math.inf) is None


class Call:
    """The session of a call, in a time that the test tells."""

    def __init__(self, reply: Reply) -> None:
        script = Script()
        script.add(reply, None)
        self.session = LiveSession({"type": "realtime", "model": "gpt-realtime"}, script, time.time, sideband=True)

    def send(self, at: float, *events: Any) -> None:
        self.session.timeline.now = max(self.session.timeline.now, at)
        for event in events:
            list(self.session.receive(json.dumps(event)))

    def each(self, until: float) -> Iterator[Any]:
        """The events that are due, one by one."""
        return iter(lambda: self.session.pull(until), None)

    def pull(self, until: float) -> list[Any]:
        """The events that are due."""
        return list(self.each(until))


def test_speech_over_a_response_in_a_call() -> None:
    call = Call(Reply(text="one two three four five six seven", pause_after=7))
    call.send(0, RESPOND)
    begun = call.pull(10)
    assert begun[-1].type == "response.output_audio_transcript.delta"
    call.send(0, append(tone(200)))
    events = call.pull(10)
    assert [event.type for event in events] == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "conversation.item.truncated",
    ]
    done, truncated = events[-2:]
    assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")
    assert events[1].response_id == done.response.id
    # From the first sound to the second it is two waits, to the pause one more.
    item = done.response.output[0].id
    assert (truncated.item_id, truncated.content_index, truncated.audio_end_ms) == (item, 0, 90)


def played_out(seconds: float) -> tuple[Call, list[Any]]:
    """A call whose response is made, and after so many seconds still heard."""
    call = Call(Reply(text="word " * 40))
    call.send(0, RESPOND)
    events = call.pull(seconds)
    assert [event.type for event in events][-2:] == ["response.done", "rate_limits.updated"]
    return call, events


def test_speech_over_the_rest_of_a_response_in_a_call() -> None:
    call, events = played_out(8)
    item = events[-2].response.output[0].id
    call.send(8, append(tone(200)), {"type": "conversation.item.retrieve", "item_id": item})
    _, cleared, truncated, retrieved = call.pull(8)
    assert (cleared.type, cleared.response_id) == ("output_audio_buffer.cleared", events[-2].response.id)
    assert (truncated.type, truncated.item_id) == ("conversation.item.truncated", item)
    # The sound begins after the times until the response, its first delta, three words more and the sound itself.
    assert truncated.audio_end_ms == 8000 - 10 - 200 - 3 * 15 - 60
    assert len(retrieved.item.content[0].to_bytes()) == truncated.audio_end_ms * 48
    assert [event.type for event in call.pull(100)] == []


def test_speech_over_a_response_that_the_client_deleted() -> None:
    call, events = played_out(8)
    call.send(8, {"type": "conversation.item.delete", "item_id": events[-2].response.output[0].id})
    call.send(8, append(tone(200)))
    assert [event.type for event in call.pull(8)] == [
        "conversation.item.deleted",
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
    ]


def test_speech_over_a_response_whose_item_the_client_deleted_before_it_sounded() -> None:
    call = Call(Reply(text="one two three four five six seven", pause_after=7))
    call.send(0, RESPOND)
    added = next(event for event in call.each(10) if event.type == "conversation.item.added")
    call.send(0, {"type": "conversation.item.delete", "item_id": added.item.id})
    call.pull(10)
    call.send(0, append(tone(200)))
    types = [event.type for event in call.pull(10)]
    assert types[:2] == ["input_audio_buffer.speech_started", "output_audio_buffer.cleared"]
    assert types[-1] == "response.done"


def test_after_an_idle_timeout_time_goes_on_from_there() -> None:
    session = LiveSession({"type": "realtime", "model": "gpt-realtime"}, Script(), time.time)
    list(session.receive(json.dumps(TEXT_ONLY)))
    list(session.receive(json.dumps(IDLE)))
    list(session.receive(json.dumps(RESPOND)))
    while session.pull(1.0) is not None:
        pass
    assert session.next_due == 6.0
    assert session.pull(5.9) is None
    assert [getattr(session.pull(6.5), "type", None) for _ in TIMED_OUT] == [*TIMED_OUT[:-1], None]
    assert session.next_due == 6.51
    assert getattr(session.pull(6.51), "type", None) == "response.created"


@pytest.mark.parametrize("deltas", range(1, 9))
def test_a_response_that_is_cancelled_just_before_its_pause_ends(deltas: int) -> None:
    script = Script()
    script.add(Reply(text="one two three four five six seven eight", pause_after=deltas), None)
    session = LiveSession({"type": "realtime", "model": "gpt-realtime"}, script, time.time)
    list(session.receive('{"type": "response.create", "response": {"output_modalities": ["text"]}}'))
    said = 0
    while said < deltas:
        event = session.pull(math.inf)
        said += event is not None and event.type == "response.output_text.delta"
    list(session.receive('{"type": "response.cancel"}'))
    types = []
    while (event := session.pull(math.inf)) is not None:
        types.append(event.type)
    assert "response.done" in types
