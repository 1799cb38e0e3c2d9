"""The emulator, judged over raw HTTP: what it must answer is written out here as the API documents it."""

import asyncio
import gc
import io
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from hypothesis import given, settings, strategies as st

from openai_realtime import ConfigurationError
from openai_realtime.emulator import Emulator, ReceivedRequest, faults, ids
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.server import bodies, sdp
from openai_realtime.emulator.server.http import OPERATIONS
from openai_realtime.emulator.server.state import State
from openai_realtime.emulator.sessions.defaults import INSTRUCTIONS
from openai_realtime.emulator.wire import Answer, History
from openai_realtime.errors import ClientStateError

pytestmark = pytest.mark.anyio

DEADLINE = aiohttp.ClientTimeout(total=30)

OFFER = """\
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 110
c=IN IP4 0.0.0.0
a=mid:0
a=sendrecv
a=setup:actpass
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=rtpmap:110 telephone-event/48000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:1
a=sctp-port:5000
m=video 9 UDP/TLS/RTP/SAVPF 96
a=mid:2
a=rtpmap:96 VP8/90000
""".replace("\n", "\r\n")


@pytest.fixture
async def emulator(anyio_backend: str) -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def http(emulator: Emulator) -> AsyncIterator[aiohttp.ClientSession]:
    async with session_for(emulator) as session:
        yield session


def session_for(emulator: Emulator, headers: dict[str, str] | None = None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        base_url=emulator.base_url + "/",
        headers=headers if headers is not None else {"Authorization": f"Bearer {emulator.api_key}"},
        timeout=DEADLINE,
    )


async def post(http: aiohttp.ClientSession, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
    async with http.post(path, json=body, **options) as answer:
        assert answer.content_type == "application/json"
        assert re.fullmatch(r"req_[0-9a-f]{32}", answer.headers["x-request-id"])
        return answer.status, await answer.json()


async def refused(http: aiohttp.ClientSession, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
    """The error of a 400."""
    status, answer = await post(http, path, body, **options)
    assert status == 400
    assert list(answer) == ["error"]
    assert answer["error"].pop("type") == "invalid_request_error"
    error: dict[str, Any] = answer["error"]
    return error


SERVER_VAD = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}
PCM = {"type": "audio/pcm", "rate": 24000}


def golden_session(**changes: Any) -> dict[str, Any]:
    """The session of a client secret for which nothing was given."""
    audio_input = {"format": PCM, "transcription": None, "noise_reduction": None, "turn_detection": SERVER_VAD}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        "instructions": INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": 0,
        "audio": {"input": audio_input, "output": {"format": PCM, "voice": "marin", "speed": 1.0}},
        "include": None,
        **changes,
    }


async def test_client_secret_with_all_defaults(http: aiohttp.ClientSession) -> None:
    before = int(time.time())
    async with http.post("realtime/client_secrets") as answer:
        body = await answer.json()
        headers = answer.headers
    assert answer.status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["openai-version"] == "2020-10-01"
    assert headers["openai-processing-ms"].isdigit()
    assert {"openai-organization", "openai-project"} <= {name.lower() for name in headers}
    assert not [name for name in headers if name.lower().startswith("x-ratelimit")]
    assert list(body) == ["value", "expires_at", "session"]
    assert re.fullmatch(r"ek_[0-9a-f]{32}", body["value"])
    created = int(body["value"][3:11], 16)
    assert before <= created <= time.time()
    assert body["expires_at"] == created + 600
    assert re.fullmatch(r"sess_[0-9A-Za-z]{21}", body["session"].pop("id"))
    assert body["session"] == golden_session()


async def test_client_secret_of_a_second_generation_model(http: aiohttp.ClientSession) -> None:
    session = {"type": "realtime", "model": "gpt-realtime-2.1-mini"}
    body = (await post(http, "realtime/client_secrets", {"session": session}))[1]["session"]
    assert body["audio"]["output"]["voice"] == "marin"
    assert body["audio"]["input"]["turn_detection"] == SERVER_VAD
    session["model"] = "gpt-realtime-2025-08-28"
    body = (await post(http, "realtime/client_secrets", {"session": session}))[1]["session"]
    assert body["audio"]["output"]["voice"] == "alloy"
    assert body["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 200


async def test_client_secret_keeps_what_was_asked_for(http: aiohttp.ClientSession) -> None:
    mcp = {"type": "mcp", "server_label": "x", "server_url": "https://x.test", "authorization": "s3cret"}
    session = {
        "type": "realtime",
        "output_modalities": ["text"],
        "instructions": "Be brief.",
        "tools": [{"type": "function", "name": "f"}, {**mcp, "headers": {"X-Key": "s3cret"}}],
        "prompt": {"id": "pmpt_1"},
        "max_output_tokens": 100,
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "gpt-realtime-whisper", "delay": "low"},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": {"type": "semantic_vad", "create_response": False},
            },
            "output": {"voice": {"id": "voice_1"}, "speed": 1},
        },
    }
    request = {"session": session, "expires_after": {"anchor": "created_at", "seconds": 10}}
    body = (await post(http, "realtime/client_secrets", request))[1]
    assert body["expires_at"] == int(body["value"][3:11], 16) + 10
    assert body["session"].pop("id")
    redacted = {"authorization": "<redacted>", "headers": {"X-Key": "<redacted>"}}
    assert body["session"] == golden_session(
        output_modalities=["text"],
        instructions="Be brief.",
        tools=[
            {"type": "function", "name": "f", "description": None, "parameters": None},
            {**mcp, "allowed_tools": None, "require_approval": "always", **redacted},
        ],
        prompt={"id": "pmpt_1", "version": None, "variables": None},
        max_output_tokens=100,
        audio={
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "gpt-realtime-whisper", "language": None, "prompt": None},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": {
                    "type": "semantic_vad",
                    "eagerness": "auto",
                    "create_response": False,
                    "interrupt_response": True,
                },
            },
            "output": {"format": PCM, "voice": {"id": "voice_1"}, "speed": 1.0},
        },
    )


async def test_client_secret_keeps_half_of_a_character(http: aiohttp.ClientSession) -> None:
    session = {"type": "realtime", "instructions": "party \ud83c"}
    status, body = await post(http, "realtime/client_secrets", {"session": session})
    assert (status, body["session"]["instructions"]) == (200, "party \ud83c")


async def test_client_secret_with_turn_detection_off(http: aiohttp.ClientSession) -> None:
    session = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    body = (await post(http, "realtime/client_secrets", {"session": session}))[1]["session"]
    assert body["audio"]["input"]["turn_detection"] is None


async def test_client_secret_for_transcription(http: aiohttp.ClientSession) -> None:
    transcription = {"model": "gpt-4o-transcribe", "language": "de"}
    session = {"type": "transcription", "audio": {"input": {"transcription": transcription}}}
    body = (await post(http, "realtime/client_secrets", {"session": session}))[1]["session"]
    assert re.fullmatch(r"sess_[0-9A-Za-z]{21}", body.pop("id"))
    vad = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}
    assert body == {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "expires_at": 0,
        "include": None,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": {**transcription, "prompt": None},
                "noise_reduction": None,
                "turn_detection": vad,
            }
        },
    }


async def test_transcription_without_turns(http: aiohttp.ClientSession) -> None:
    audio_input: dict[str, Any] = {"transcription": {"model": "gpt-live-transcribe"}}
    request = {"session": {"type": "transcription", "audio": {"input": audio_input}}}
    body = (await post(http, "realtime/client_secrets", request))[1]["session"]
    assert body["audio"]["input"]["turn_detection"] is None
    audio_input["turn_detection"] = {"type": "server_vad"}
    assert await refused(http, "realtime/client_secrets", request) == {
        "message": "Turn detection is not supported for this transcription model.",
        "param": "session.audio.input.turn_detection",
        "code": "invalid_value",
    }


async def test_translation_client_secret(http: aiohttp.ClientSession) -> None:
    audio = {"input": {"transcription": {"model": "gpt-realtime-whisper"}}, "output": {"language": "es"}}
    request = {
        "session": {"model": "gpt-realtime-translate", "audio": audio},
        "expires_after": {"anchor": "created_at", "seconds": 60},
    }
    status, body = await post(http, "realtime/translations/client_secrets", request)
    assert status == 200
    assert re.fullmatch(r"ek_[0-9a-f]{32}", body["value"])
    assert re.fullmatch(r"sess_[0-9A-Za-z]{21}", body["session"].pop("id"))
    assert body["expires_at"] == int(body["value"][3:11], 16) + 60
    assert body["session"] == {
        "type": "translation",
        "expires_at": body["expires_at"],
        "model": "gpt-realtime-translate",
        "audio": {
            "input": {"transcription": {"model": "gpt-realtime-whisper"}, "noise_reduction": None},
            "output": {"language": "es"},
        },
    }


async def test_beta_session(http: aiohttp.ClientSession) -> None:
    status, body = await post(http, "realtime/sessions", {"model": "gpt-4o-realtime-preview", "voice": "verse"})
    assert status == 200
    assert re.fullmatch(r"sess_[0-9A-Za-z]{21}", body.pop("id"))
    secret = body.pop("client_secret")
    assert secret["expires_at"] == int(secret["value"][3:11], 16) + 60
    assert body == {
        "object": "realtime.session",
        "expires_at": 0,
        "model": "gpt-4o-realtime-preview",
        "modalities": ["audio", "text"],
        "instructions": INSTRUCTIONS,
        "voice": "verse",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "input_audio_transcription": None,
        "input_audio_noise_reduction": None,
        "turn_detection": {
            name: value
            for name, value in {**SERVER_VAD, "silence_duration_ms": 200}.items()
            if name != "idle_timeout_ms"
        },
        "tools": [],
        "tool_choice": "auto",
        "temperature": 0.8,
        "max_response_output_tokens": "inf",
        "speed": 1.0,
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
    }


async def test_beta_transcription_session(http: aiohttp.ClientSession) -> None:
    request = {
        "input_audio_transcription": {"model": "gpt-4o-transcribe"},
        "turn_detection": None,
        "client_secret": {"expires_at": {"anchor": "created_at", "seconds": 30}},
    }
    status, body = await post(http, "realtime/transcription_sessions", request)
    assert status == 200
    assert re.fullmatch(r"sess_[0-9A-Za-z]{21}", body.pop("id"))
    secret = body.pop("client_secret")
    assert secret["expires_at"] == int(secret["value"][3:11], 16) + 30
    assert body == {
        "object": "realtime.transcription_session",
        "expires_at": 0,
        "modalities": ["audio", "text"],
        "input_audio_format": "pcm16",
        "input_audio_transcription": {"model": "gpt-4o-transcribe", "language": None, "prompt": ""},
        "input_audio_noise_reduction": None,
        "turn_detection": None,
        "include": None,
    }


async def test_beta_retired() -> None:
    async with Emulator(beta_retired=True) as emulator, session_for(emulator) as http:
        for path in ("realtime/sessions", "realtime/transcription_sessions"):
            status, body = await post(http, path, {})
            assert status == 400
            assert body == {
                "error": {
                    "message": "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
                    "type": "invalid_request_error",
                    "code": "beta_api_shape_disabled",
                    "param": "",
                }
            }
        assert (await post(http, "realtime/client_secrets", {}))[0] == 200


def form(sdp: str | None, session: str | None = None, **more: str) -> aiohttp.FormData:
    data = aiohttp.FormData()
    if sdp is not None:
        data.add_field("sdp", sdp, content_type="application/sdp")
    if session is not None:
        data.add_field("session", session, content_type="application/json")
    for name, value in more.items():
        data.add_field(name, value, content_type="text/plain")
    return data


async def test_call_from_a_form(http: aiohttp.ClientSession) -> None:
    session = json.dumps({"type": "realtime", "model": "gpt-realtime", "instructions": "Grüße"}, ensure_ascii=False)
    async with http.post("realtime/calls", data=form(OFFER, session)) as answer:
        body = await answer.text()
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert re.fullmatch(r"/v1/realtime/calls/rtc_u0_[0-9A-Za-z]{21}", answer.headers["Location"])
    assert answer.headers["Access-Control-Expose-Headers"] == "Location, X-Request-Id"
    assert body.startswith("v=0\r\n")
    assert body.endswith("\r\n")


async def test_call_with_a_client_secret_and_a_bare_offer(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    secret = (await post(http, "realtime/client_secrets", {}))[1]["value"]
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/sdp"}
    async with (
        session_for(emulator, headers) as browser,
        browser.post("realtime/calls?model=x", data=OFFER) as answer,
    ):
        assert answer.status == 201
        assert await answer.text()


@pytest.mark.parametrize("operation", ["hangup", "reject"])
async def test_call_ends(http: aiohttp.ClientSession, operation: str) -> None:
    async with http.post("realtime/calls", data=OFFER, headers={"Content-Type": "application/sdp"}) as answer:
        call = answer.headers["Location"].removeprefix("/v1/")
    async with http.post(f"{call}/refer", json={"target_uri": "tel:+14155550123"}) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
    async with http.post(f"{call}/{operation}") as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["Content-Length"] == "0"
    call_id = call.rpartition("/")[2]
    for path, body in (("hangup", None), ("refer", {"target_uri": "sip:a@b.test"}), ("accept", {"type": "realtime"})):
        status, error = await post(http, f"{call}/{path}", body)
        assert status == 404
        assert error["error"] == {
            "message": f"No call found with id '{call_id}'.",
            "type": "invalid_request_error",
            "param": "call_id",
            "code": "call_id_not_found",
        }


async def test_incoming_call(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    call_id = emulator.incoming_call()
    assert re.fullmatch(r"rtc_u0_[0-9A-Za-z]{21}", call_id)
    accepted = {"type": "realtime", "model": "gpt-realtime"}
    async with http.post(f"realtime/calls/{call_id}/accept", json=accepted) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
    async with http.post(f"realtime/calls/{call_id}/reject", json={"status_code": 486}) as answer:
        assert answer.status == 200


async def test_a_call_lasts_an_hour(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    call_id = emulator.incoming_call()
    emulator.advance(3601)
    assert (await post(http, f"realtime/calls/{call_id}/hangup"))[0] == 404
    emulator.incoming_call()
    assert call_id not in emulator._state._calls


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (form(None, "{}"), {"message": "Missing required parameter: 'sdp'.", "param": "sdp"}),
        (form(OFFER, "{}"), {"message": "Missing required parameter: 'session.type'.", "param": "session.type"}),
        (form(OFFER, "{"), {"code": "invalid_json", "param": "session"}),
        (form(OFFER, "[]"), {"message": "Invalid type for 'session': expected an object, but got an array instead."}),
        (form(OFFER, model="x"), {"message": "Unknown parameter: 'model'."}),
        (form("hello"), {"message": "Failed to parse SDP: expected a line that starts with v=, got 'hello'"}),
        (form(" "), {"message": "Failed to parse SDP: EOF", "code": "invalid_offer", "param": ""}),
        (form("v=0\r\nm=audio\r\n"), {"message": "Failed to parse SDP: bad media line 'm=audio'"}),
    ],
)
async def test_bad_call(http: aiohttp.ClientSession, data: aiohttp.FormData, error: dict[str, str]) -> None:
    async with http.post("realtime/calls", data=data()) as answer:
        assert answer.status == 400
        assert error.items() <= (await answer.json())["error"].items()


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        (
            "application/json",
            (
                "Unsupported content type: 'application/json'. This API method only accepts 'multipart/form-data' or "
                "'application/sdp' requests, but you specified the header 'Content-Type: application/json'. Please try "
                "again with a supported content type."
            ),
        ),
        ("multipart/form-data", "Could not parse multipart form."),
    ],
)
async def test_call_in_a_wrong_envelope(http: aiohttp.ClientSession, content_type: str, message: str) -> None:
    async with http.post("realtime/calls", data=OFFER, headers={"Content-Type": content_type}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"] == message


def test_sdp_answer_mirrors_the_offer() -> None:
    session, audio, channel, video = re.split(r"(?m)^(?=m=)", sdp.answer(OFFER))
    assert "a=group:BUNDLE 0 1\r\n" in session
    assert audio.splitlines()[0] == "m=audio 9 UDP/TLS/RTP/SAVPF 111"
    wanted = {
        "a=mid:0",
        "a=setup:passive",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
    }
    assert wanted <= set(audio.splitlines())
    assert "a=rtpmap:63" not in audio
    assert re.search(r"a=fingerprint:sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}\r\n", audio)
    assert channel.splitlines()[0] == "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
    assert {"a=mid:1", "a=sctp-port:5000", "a=setup:passive"} <= set(channel.splitlines())
    assert video == "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive\r\n"


def test_sdp_answer_to_a_phone() -> None:
    offer = "v=0\ns=-\na=sendrecv\nm=audio 4000 RTP/AVP 101 8 0\na=rtpmap:101 telephone-event/8000\na=recvonly\n"
    answer = sdp.answer(offer + "a=setup:passive\n")
    assert "m=audio 9 RTP/AVP 0\r\n" in answer
    assert {"a=sendonly", "a=setup:active"} <= set(answer.splitlines())
    assert "BUNDLE" not in answer
    assert "a=mid" not in answer


def test_sdp_answer_without_a_common_codec_or_media() -> None:
    assert "m=audio 0 RTP/AVP 96\r\n" in sdp.answer("v=0\nm=audio 9 RTP/AVP 96\na=rtpmap:96 speex/8000\n")
    assert sdp.answer("v=0\n").endswith("a=ice-lite\r\n")


INCORRECT = "Incorrect API key provided: {}. You can find your API key at https://platform.openai.com/account/api-keys."


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, {"message": "Missing bearer or basic authentication in header", "code": None, "param": None}),
        ({"Authorization": "Basic dTpw"}, {"message": "Missing bearer or basic authentication in header"}),
        ({"Authorization": "Bearer"}, {"message": "Missing bearer or basic authentication in header"}),
        (
            {"Authorization": "Bearer sk-proj-0123456789ueba"},
            {"message": INCORRECT.format("sk-proj-****ueba"), "code": "invalid_api_key", "param": None},
        ),
        ({"api-key": "0123456789abcdef"}, {"message": INCORRECT.format("****cdef")}),
        ({"Authorization": "Bearer sk-abc"}, {"message": INCORRECT.format("sk-****")}),
        (
            {"Authorization": "Bearer ek_" + "0" * 28 + "dead"},
            {"message": INCORRECT.format("ek_****dead"), "code": "invalid_api_key"},
        ),
    ],
)
async def test_bad_key(emulator: Emulator, headers: dict[str, str], error: dict[str, Any]) -> None:
    async with session_for(emulator, headers) as http:
        status, body = await post(http, "realtime/client_secrets", {})
    assert status == 401
    assert body["error"]["type"] == "invalid_request_error"
    assert error.items() <= body["error"].items()


async def test_a_key_that_is_no_text(emulator: Emulator) -> None:
    reader, writer = await asyncio.wait_for(asyncio.open_connection(*address(emulator)), 10)
    lines = [b"POST /v1/realtime/sessions HTTP/1.1", b"Host: x", b"Authorization: Bearer sk-\xff\xfe\xff\xfe\xff"]
    writer.write(b"\r\n".join([*lines, b"Connection: close", b"", b""]))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"sk-****????" in answer


def address(emulator: Emulator) -> tuple[str, int]:
    return "127.0.0.1", int(emulator.base_url.removesuffix("/v1").rpartition(":")[2])


async def test_client_secret_expires(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    secret = (await post(http, "realtime/client_secrets", {"expires_after": {"seconds": 10}}))[1]["value"]
    async with session_for(emulator, {"Authorization": f"bearer {secret}"}) as browser:
        assert (await post(browser, "realtime/client_secrets", {}))[0] == 200
        emulator.advance(10)
        status, body = await post(browser, "realtime/client_secrets", {})
        assert status == 401
        assert body["error"]["code"] == "invalid_api_key"
        assert body["error"]["message"].startswith(f"The client secret ek_****{secret[-4:]} has expired.")
        emulator.advance(3600)
        assert (await post(http, "realtime/client_secrets", {}))[0] == 200  # forgets the old ones
        message = (await post(browser, "realtime/client_secrets", {}))[1]["error"]["message"]
    assert message == INCORRECT.format(f"ek_****{secret[-4:]}")


async def test_azure(emulator: Emulator) -> None:
    base = emulator.base_url.removesuffix("/v1") + "/openai/v1/"
    async with aiohttp.ClientSession(base, headers={"api-key": emulator.api_key}, timeout=DEADLINE) as http:
        transcription = {"model": "my-ears"}
        session = {"type": "realtime", "model": "my-deployment", "audio": {"input": {"transcription": transcription}}}
        status, body = await post(http, "realtime/client_secrets", {"session": session})
        assert (status, body["session"]["model"]) == (200, "my-deployment")
        call_id = emulator.incoming_call()
        async with http.post(f"realtime/calls/{call_id}/hangup") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("session", "code", "param", "message"),
    [
        ({"bogus_field": 1}, "unknown_parameter", "bogus_field", "Unknown parameter: 'session.bogus_field'."),
        ({"modalities": ["text"]}, "unknown_parameter", "modalities", "Unknown parameter: 'session.modalities'."),
        (
            {"type": "x"},
            "invalid_value",
            "type",
            "Invalid value: 'x'. Supported values are: 'realtime' and 'transcription'.",
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "x"}}}},
            "invalid_value",
            "audio.input.turn_detection.eagerness",
            "Invalid value: 'x'. Supported values are: 'low', 'medium', 'high', and 'auto'.",
        ),
        (
            {"max_output_tokens": "many"},
            "invalid_value",
            "max_output_tokens",
            "Invalid value: 'many'. Supported values are: 'inf'.",
        ),
        (
            {"max_output_tokens": 5000},
            "integer_above_max_value",
            "max_output_tokens",
            (
                "Invalid 'session.max_output_tokens': integer above maximum value. "
                "Expected a value <= 4096, but got 5000 instead."
            ),
        ),
        (
            {"audio": {"output": {"speed": 0.1}}},
            "decimal_below_min_value",
            "audio.output.speed",
            (
                "Invalid 'session.audio.output.speed': decimal below minimum value. "
                "Expected a value >= 0.25, but got 0.1 instead."
            ),
        ),
        (
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}},
            "decimal_above_max_value",
            "audio.input.turn_detection.threshold",
            (
                "Invalid 'session.audio.input.turn_detection.threshold': decimal above maximum value. "
                "Expected a value <= 1, but got 2 instead."
            ),
        ),
        (
            {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
            "integer_below_min_value",
            "audio.input.format.rate",
            (
                "Invalid 'session.audio.input.format.rate': integer below minimum value. "
                "Expected a value >= 24000, but got 16000 instead."
            ),
        ),
        (
            {"audio": {"input": {"format": "pcm16"}}},
            "invalid_type",
            "audio.input.format",
            "Invalid type for 'session.audio.input.format': expected an object, but got a string instead.",
        ),
        (
            {"model": 5},
            "invalid_type",
            "model",
            "Invalid type for 'session.model': expected a string, but got an integer instead.",
        ),
        (
            {"instructions": None},
            "invalid_type",
            "instructions",
            "Invalid type for 'session.instructions': expected a string, but got null instead.",
        ),
        (
            {"parallel_tool_calls": 1.5},
            "invalid_type",
            "parallel_tool_calls",
            "Invalid type for 'session.parallel_tool_calls': expected a boolean, but got a decimal instead.",
        ),
        (
            {"audio": {"output": {"speed": False}}},
            "invalid_type",
            "audio.output.speed",
            "Invalid type for 'session.audio.output.speed': expected a decimal, but got a boolean instead.",
        ),
        (
            {"tools": {}},
            "invalid_type",
            "tools",
            "Invalid type for 'session.tools': expected an array, but got an object instead.",
        ),
        (
            {"tool_choice": []},
            "invalid_type",
            "tool_choice",
            (
                "Invalid type for 'session.tool_choice': expected one of 'none', 'auto', 'required' or an object, "
                "but got an array instead."
            ),
        ),
        (
            {"output_modalities": []},
            "empty_array",
            "output_modalities",
            (
                "Invalid 'session.output_modalities': empty array. Expected an array with minimum length 1, "
                "but got an empty array instead."
            ),
        ),
        (
            {"output_modalities": ["text", "audio"]},
            "array_above_max_length",
            "output_modalities",
            (
                "Invalid 'session.output_modalities': array too long. Expected an array with maximum length 1, "
                "but got an array with length 2 instead."
            ),
        ),
        (
            {"tools": [{"type": "mcp", "server_label": "x"}]},
            "missing_required_parameter",
            "tools[0].server_url",
            "Missing required parameter: 'session.tools[0].server_url'.",
        ),
        (
            {"tools": [{"type": "mcp", "server_label": "x", "tunnel_id": "7"}]},
            "invalid_value",
            "tools[0].tunnel_id",
            (
                "Invalid 'session.tools[0].tunnel_id': string does not match pattern. "
                "Expected a string that matches 'tunnel_[a-z0-9]{32}'."
            ),
        ),
        (
            {"model": "nope"},
            "invalid_model",
            "model",
            (
                'Model "nope" is not supported in realtime mode. '
                "See https://platform.openai.com/docs/models for a list of supported models."
            ),
        ),
    ],
)
async def test_bad_session(
    http: aiohttp.ClientSession, session: dict[str, Any], code: str, param: str, message: str
) -> None:
    error = await refused(http, "realtime/client_secrets", {"session": {"type": "realtime", **session}})
    assert error == {"message": message, "param": f"session.{param}", "code": code}


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("client_secrets", {"session": {}}, {"message": "Missing required parameter: 'session.type'."}),
        ("client_secrets", {"expires_after": {"seconds": 5}}, {"code": "integer_below_min_value"}),
        ("client_secrets", [], {"message": "Invalid type for 'body': expected an object, but got an array instead."}),
        ("client_secrets", "x", {"message": "Invalid type for 'body': expected an object, but got a string instead."}),
        ("sessions", {"model": "x"}, {"code": "invalid_model", "param": "model"}),
        ("sessions", {"session": {}}, {"code": "unknown_parameter", "param": "session"}),
        ("sessions", {"client_secret": "x"}, {"code": "invalid_type", "param": "client_secret"}),
        ("transcription_sessions", {"model": "gpt-4o-transcribe"}, {"message": "Unknown parameter: 'model'."}),
        ("translations/client_secrets", {}, {"message": "Missing required parameter: 'session'."}),
        ("translations/client_secrets", {"session": {}}, {"param": "session.model"}),
        ("translations/client_secrets", {"session": {"model": "x"}}, {"code": "invalid_model"}),
        ("calls/rtc_1/accept", {}, {"message": "Missing required parameter: 'type'."}),
        ("calls/rtc_1/accept", {"type": "realtime", "model": "x"}, {"code": "invalid_model", "param": "model"}),
        ("calls/rtc_1/reject", {"status_code": 200}, {"code": "integer_below_min_value", "param": "status_code"}),
        ("calls/rtc_1/refer", {}, {"message": "Missing required parameter: 'target_uri'."}),
        (
            "calls/rtc_1/refer",
            {"target_uri": ""},
            {
                "code": "empty_string",
                "message": "Invalid 'target_uri': empty string. Expected a string with minimum length 1, "
                "but got an empty string instead.",
            },
        ),
    ],
)
async def test_bad_body(http: aiohttp.ClientSession, path: str, body: Any, error: dict[str, str]) -> None:
    assert error.items() <= (await refused(http, f"realtime/{path}", body)).items()


FINE_TUNED = "ft:gpt-4o-realtime-preview-2024-12-17:acme::a1"


@pytest.mark.parametrize(
    ("kind", "model", "status"),
    [
        *(("realtime", name, 200) for name in ("gpt-realtime-9.5-mini", "gpt-audio-1.5", "gpt-realtime", FINE_TUNED)),
        *(("realtime", name, 200) for name in ("gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview-2030-01-01")),
        *(("realtime", name, 400) for name in ("gpt-nope", "gpt-4", "gpt-4o", "ft:gpt-4:acme::a1", "ft:", "whisper-1")),
        *(("realtime", name, 400) for name in ("gpt-realtimes", "gpt-realtime-translate", "gpt-realtime-whisper")),
        *(("translation", name, 200) for name in ("gpt-realtime-translate", "gpt-realtime-translate-2026-05-06")),
        *(("translation", name, 400) for name in ("gpt-realtime", "gpt-realtime-translated", "whisper-1")),
        *(("transcription", name, 200) for name in ("whisper-1", "gpt-4o-transcribe-2025-03-20")),
        *(("transcription", name, 400) for name in ("gpt-nope", "gpt-realtime", "whisper-12", "gpt-4o-transcribe-x")),
    ],
)
async def test_each_kind_of_session_has_its_models(
    http: aiohttp.ClientSession, kind: str, model: str, status: int
) -> None:
    path = "realtime/translations/client_secrets" if kind == "translation" else "realtime/client_secrets"
    session: dict[str, Any] = {"type": "realtime", "model": model}
    if kind == "translation":
        session = {"model": model}
    if kind == "transcription":
        session = {"type": "transcription", "audio": {"input": {"transcription": {"model": model}}}}
    assert (await post(http, path, {"session": session}))[0] == status


async def test_the_beta_and_calls_have_the_same_models(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    assert (await refused(http, "realtime/sessions", {"model": "gpt-4"}))["code"] == "invalid_model"
    path = f"realtime/calls/{emulator.incoming_call()}/accept"
    error = await refused(http, path, {"type": "realtime", "model": "whisper-1"})
    assert error["message"] == (
        'Model "whisper-1" is a transcription model and cannot be used as the realtime session model'
    )


async def test_unknown_transcription_model(http: aiohttp.ClientSession) -> None:
    request = {"input_audio_transcription": {"model": "nova-2"}}
    error = await refused(http, "realtime/transcription_sessions", request)
    assert error["param"] == "input_audio_transcription.model"
    assert error["message"].startswith("Invalid value: 'nova-2'. Supported values are: 'whisper-1', ")


@pytest.mark.parametrize("body", ["{", "", "\xff"])
async def test_body_that_is_not_json(http: aiohttp.ClientSession, body: str) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    async with http.post("realtime/client_secrets", data=body.encode("latin-1"), headers=headers) as answer:
        if not body:
            assert answer.status == 200
            return
        assert answer.status == 400
        assert (await answer.json())["error"] == {
            "message": "Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_json",
        }


async def test_body_of_a_wrong_type(http: aiohttp.ClientSession) -> None:
    async with http.post("realtime/client_secrets", data=b"{}", headers={"Content-Type": "text/plain"}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "unsupported_content_type"


async def test_too_large_a_body(http: aiohttp.ClientSession) -> None:
    body = io.BytesIO(b" " * (16 << 20) + b"{}")
    async with http.post("realtime/client_secrets", data=body) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]["message"] == "The request body is too large."


async def test_unknown_route(http: aiohttp.ClientSession) -> None:
    for path in ("realtime/nothing", "realtime/calls//hangup", "realtime/calls/a/b/hangup"):
        status, body = await post(http, path)
        assert status == 404
        assert body["error"] == {
            "message": f"Invalid URL (POST /v1/{path})",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }


async def test_wrong_method(http: aiohttp.ClientSession) -> None:
    async with http.get("realtime/client_secrets") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
        assert (await answer.json())["error"]["message"] == (
            "Not allowed to GET on /v1/realtime/client_secrets. "
            "(HINT: Perhaps you meant to use a different HTTP method?)"
        )
    async with http.post("models") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET")


async def test_models(http: aiohttp.ClientSession) -> None:
    async with http.get("models") as answer:
        listed = await answer.json()
    ends = {model["id"]: model["shutdown_date"] for model in listed["data"]}
    assert listed["object"] == "list"
    assert {"gpt-realtime-2.1", "gpt-realtime-translate", "gpt-live-transcribe"} <= set(ends)
    assert (ends["gpt-realtime-2.1"], ends["gpt-realtime"], ends["whisper-1"]) == (None, "2027-01-20", "2027-02-26")
    async with http.get("models/gpt-realtime") as answer:
        assert await answer.json() in listed["data"]
    async with http.get("models/gpt-4o") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"] == {
            "message": "The model 'gpt-4o' does not exist",
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        }


FIELDS = st.sampled_from(
    [
        "session",
        "type",
        "model",
        "audio",
        "input",
        "output",
        "format",
        "rate",
        "voice",
        "speed",
        "transcription",
        "language",
        "languages",
        "turn_detection",
        "threshold",
        "tools",
        "name",
        "server_label",
        "server_url",
        "headers",
        "prompt",
        "variables",
        "expires_after",
        "seconds",
        "client_secret",
        "sdp",
        "truncation",
        "retention_ratio",
        "include",
        "tracing",
        "metadata",
        "target_uri",
        "status_code",
        "noise_reduction",
        "tool_choice",
    ]
)
VALUES = st.recursive(
    st.sampled_from(
        [
            None,
            True,
            0,
            -1,
            0.5,
            1e300,
            5000,
            "",
            "it's",
            '"',
            "realtime",
            "transcription",
            "server_vad",
            "function",
            "mcp",
            "audio/pcm",
            "auto",
            "gpt-realtime",
            "é😀",
            " or ",
            "between 1 and 2",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=400)
@given(operation=st.sampled_from(sorted(OPERATIONS)), body=st.dictionaries(FIELDS, VALUES, max_size=5))
def test_every_json_gets_an_answer(operation: str, body: dict[str, Any]) -> None:
    headers = {"content-type": "application/json"}
    received = ReceivedRequest(method="POST", path="/v1/x", headers=headers, body=json.dumps(body).encode())
    state = State(None, beta_retired=False, beta=False)
    try:
        asked = OPERATIONS[operation]
        answer = asked.answer(state, received, bodies.read(received, asked.body), state.open_call())
    except Refusal as refusal:
        answer = refusal.answer()
        assert 400 <= answer.status < 500
        assert json.loads(answer.body)["error"]["message"]
    assert isinstance(answer, Answer)


SECRET = "create_realtime_client_secret"


async def test_faults_come_in_order_and_once(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    emulator.inject_fault(faults.HTTPResponse(status=500), operation=SECRET)
    emulator.inject_fault(
        faults.HTTPResponse(status=429, headers={"Retry-After": "1", "x-request-id": "req_1"}), operation=SECRET
    )
    status, body = await post(http, "realtime/client_secrets")
    assert status == 500
    assert body["error"] == {"message": "Internal Server Error", "type": "server_error", "param": None, "code": None}
    async with http.post("realtime/client_secrets") as answer:
        assert answer.status == 429
        assert (answer.headers["Retry-After"], answer.headers["x-request-id"]) == ("1", "req_1")
        error = (await answer.json())["error"]
        assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
    assert (await post(http, "realtime/client_secrets"))[0] == 200


async def test_a_fault_is_for_its_operation(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    emulator.inject_fault(faults.HTTPResponse(status=503), operation="create_realtime_session")
    assert (await post(http, "realtime/client_secrets"))[0] == 200
    assert (await post(http, "realtime/sessions"))[0] == 503
    with pytest.raises(
        ConfigurationError, match="operation: 'nothing' is none of session, connect, create_realtime_client"
    ):
        emulator.inject_fault(faults.HTTPResponse(status=500), operation="nothing")


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "body"),
    [
        (faults.HTTPResponse(body="<html>"), 200, "application/json", b"<html>"),
        (faults.HTTPResponse(body="<html>", status=502, content_type="text/html"), 502, "text/html", b"<html>"),
        (faults.HTTPResponse(body=b"\xff\x00"), 200, "application/json", b"\xff\x00"),
        (faults.HTTPResponse(body=[1, None], status=201), 201, "application/json", b"[1,null]"),
        (faults.HTTPResponse(status=302, headers={"Location": "/x"}), 302, None, b""),
        (
            faults.HTTPResponse(status=599),
            599,
            "application/json",
            b'{"error":{"message":"Error","type":"server_error",',
        ),
    ],
)
async def test_bodies_of_faults(
    emulator: Emulator, fault: faults.Fault, status: int, content_type: str | None, body: bytes
) -> None:
    emulator.inject_fault(fault, operation=SECRET)
    async with session_for(emulator) as http, http.post("realtime/client_secrets", allow_redirects=False) as answer:
        assert answer.status == status
        assert answer.headers.get("Content-Type") == content_type
        assert (await answer.read()).startswith(body)


async def test_a_wrong_content_type_only(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    emulator.inject_fault(faults.HTTPResponse(content_type="text/html"), operation=SECRET)
    async with http.post("realtime/client_secrets") as answer:
        assert answer.headers["Content-Type"] == "text/html"
        assert json.loads(await answer.read())["value"]


async def test_delay(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    emulator.inject_fault(faults.Delay(0.01), operation=SECRET)
    emulator.inject_fault(faults.Delay(600), operation=SECRET)
    assert (await post(http, "realtime/client_secrets"))[0] == 200
    with pytest.raises(TimeoutError):
        await post(http, "realtime/client_secrets", timeout=aiohttp.ClientTimeout(total=0.05))


async def test_hang_until_the_client_gives_up(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    emulator.inject_fault(faults.Silence(), operation=SECRET)
    with pytest.raises(TimeoutError):
        await post(http, "realtime/client_secrets", timeout=aiohttp.ClientTimeout(total=0.05))
    assert (await post(http, "realtime/client_secrets"))[0] == 200
    assert len(emulator.requests) == 2


async def test_reset(emulator: Emulator) -> None:
    emulator.inject_fault(faults.Drop(), operation=SECRET)
    reader, writer = await asyncio.wait_for(asyncio.open_connection(*address(emulator)), 10)
    writer.write(b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises(ConnectionResetError):  # an orderly end would read as b""
        await asyncio.wait_for(reader.read(), 10)
    writer.close()
    with pytest.raises(ConnectionResetError):
        await writer.wait_closed()


@pytest.mark.parametrize("path", ["client_secrets", "calls/{}/hangup"])
async def test_truncated_body(emulator: Emulator, http: aiohttp.ClientSession, path: str) -> None:
    for operation in (SECRET, "hangup_realtime_call"):
        emulator.inject_fault(faults.HTTPResponse(truncate=True), operation=operation)
    async with http.post("realtime/" + path.format(emulator.incoming_call())) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_client_that_leaves_in_mid_request(
    emulator: Emulator, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.wait_for(asyncio.open_connection(*address(emulator)), 10)
    writer.write(b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    writer.close()
    await writer.wait_closed()
    assert (await post(http, "realtime/client_secrets"))[0] == 200
    assert len(emulator.requests) == 1
    assert not caplog.records


async def test_requests_are_recorded(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    headers = {"X-A": "1", "api-key": "s3cret", "Proxy-Authorization": "Basic s3cret"}
    await post(http, "realtime/client_secrets?x=1", {"a": [None]}, headers=headers)
    async with http.post("realtime/calls/a%2Fb/hangup", headers=[("X-A", "1"), ("X-A", "2")]) as answer:
        assert (await answer.json())["error"]["message"] == "No call found with id 'a/b'."
    first, second = emulator.requests
    assert (first.method, first.path, first.json) == ("POST", "/v1/realtime/client_secrets?x=1", {"a": [None]})
    assert first.body == b'{"a": [null]}'
    assert first.content_type == "application/json"
    assert (first.headers["authorization"], first.headers["api-key"], first.headers["x-a"]) == ("***", "***", "1")
    assert "s3cret" not in str(first.headers)
    assert (second.path, second.body, second.json) == ("/v1/realtime/calls/a%2Fb/hangup", b"", None)
    assert second.headers["x-a"] == "1, 2"
    assert "null" not in repr(first)


async def test_what_is_kept_of_requests_is_bounded(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    """Who has no key, and asks for what is not there, takes no memory."""
    for headers, path in (({"Authorization": "Bearer x"}, "realtime/client_secrets"), ({}, "nowhere")):
        async with http.post(path, data=b"{" + b" " * 1_000_000 + b"}", headers=headers) as answer:
            assert answer.status in (401, 404)
        assert (emulator.requests[-1].path, emulator.requests[-1].body) == (f"/v1/{path}", b"")


def test_a_history_keeps_the_last_entries_that_fit() -> None:
    history = History[str](count=3, size=10)
    for entry in ("a", "b", "c", "d"):
        history.keep(entry, 2)
    assert history == ["b", "c", "d"]
    history.keep("e", 7)
    assert history == ["d", "e"]
    history.replace("e", "f", 0)
    history.keep("g", 8)
    assert history == ["d", "f", "g"]
    history.keep("h", 100)
    assert history == ["h"]
    history.replace("gone", "x", 0)
    history.clear()
    history.keep("i", 10)
    assert history == ["i"]


async def test_a_defect_is_an_answer_and_a_traceback(
    emulator: Emulator, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(emulator._state, "mint", broken)
    status, body = await post(http, "realtime/client_secrets")
    assert (status, body["error"]["type"]) == (500, "server_error")
    assert "ZeroDivisionError" in caplog.text


async def test_pcm_without_a_rate(http: aiohttp.ClientSession) -> None:
    session = {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcm"}}}}
    status, body = await post(http, "realtime/client_secrets", {"session": session})
    assert status == 400
    assert body["error"]["message"] == "Missing required parameter: 'session.audio.output.format.rate'."


def status_of(emulator: Emulator) -> bytes:
    """The first line of an answer, by the plainest client there is."""
    with socket.create_connection(address(emulator), timeout=30) as connection:
        connection.sendall(b"POST /v1/realtime/client_secrets HTTP/1.0\r\n\r\n")
        return connection.makefile("rb").readline()


def test_blocking_form_and_idempotent_close() -> None:
    before = threading.active_count()
    with Emulator() as emulator:
        assert emulator.client_options == {"base_url": emulator.base_url, "api_key": emulator.api_key}
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", emulator.base_url)
        assert re.fullmatch(r"sk-emulator-[\w-]{43}", emulator.api_key)
        assert status_of(emulator) == b"HTTP/1.0 401 Unauthorized\r\n"
        with pytest.raises(ClientStateError, match="running already"):
            emulator.start()
        emulator.close()
        emulator.close()
    assert threading.active_count() == before
    with pytest.raises(ClientStateError, match="not running"):
        _ = emulator.base_url
    with emulator:  # and once more
        assert status_of(emulator)


def test_two_emulators_have_their_own_keys() -> None:
    with Emulator() as one, Emulator() as two:
        assert one.base_url != two.base_url
        assert one.api_key != two.api_key


async def test_it_runs_once(emulator: Emulator) -> None:
    with pytest.raises(ClientStateError, match="running already"):
        await emulator.__aenter__()
    with pytest.raises(ClientStateError, match="running already"):
        emulator.start()
    await emulator.__aexit__()
    await emulator.__aexit__()  # idempotent
    with pytest.raises(ClientStateError, match="not running"):
        _ = emulator.base_url


async def test_a_port_that_is_taken(emulator: Emulator) -> None:
    port = address(emulator)[1]
    with pytest.raises(OSError, match="address already in use"):
        Emulator(port=port).start()
    other = Emulator(port=port)
    with pytest.raises(OSError, match="address already in use"):
        await other.__aenter__()
    with pytest.raises(ClientStateError):
        _ = other.base_url


def test_a_port_that_is_none() -> None:
    with pytest.raises(OverflowError):
        Emulator(port=70000).start()


def test_ipv6() -> None:
    with Emulator(host="::1") as emulator:
        assert re.fullmatch(r"http://\[::1\]:\d+/v1", emulator.base_url)


def test_close_does_not_wait_for_hanging_requests() -> None:
    with Emulator() as emulator:
        thread = emulator._thread
        emulator.inject_fault(faults.Silence(), operation=SECRET)
        connection = socket.create_connection(address(emulator), timeout=30)
        connection.sendall(b"POST /v1/realtime/client_secrets HTTP/1.0\r\n\r\n")
        deadline = time.monotonic() + 5
        while not emulator.requests:
            assert time.monotonic() < deadline
    assert thread is not None
    assert not thread.is_alive()  # else `close` gave up
    assert connection.recv(100) == b""
    connection.close()


async def test_many_clients_at_once(emulator: Emulator, http: aiohttp.ClientSession) -> None:
    answers = await asyncio.gather(*(post(http, "realtime/client_secrets", {}) for _ in range(50)))
    assert {status for status, _ in answers} == {200}
    assert len({body["value"] for _, body in answers}) == 50
    assert len(emulator.requests) == 50


def test_ids_tell_their_time() -> None:
    # From a recorded event of 2024-10-10T22:06:05Z, whose id starts with AGvaH after the prefix.
    assert ids.object_id("event_", 1728597965)[:11] == "event_AGvaH"
    assert ids.client_secret(0x697D1FEF).startswith("ek_697d1fef")


def test_a_connection_accepted_just_before_the_end_is_closed(recwarn: pytest.WarningsRecorder) -> None:
    for _ in range(20):
        with Emulator() as emulator:
            socket.create_connection(("127.0.0.1", urlsplit(emulator.base_url).port or 0), timeout=30).close()
        gc.collect()
    assert [str(warning.message) for warning in recwarn] == []
