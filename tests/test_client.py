"""The nine operations on the wire and as typed results; configuration, deprecations and refusals of the client."""

import asyncio
import email
import email.policy
import inspect
import json
import linecache
import re
import traceback
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import attrs
import pytest
from hypothesis import example, given, strategies as st
from support.http_server import EPHEMERAL, KEY, OFFER, SDP, Received, Server, answer, api_error, connect, failure

from openai_realtime import ClientOptions, RetryPolicy, __version__
from openai_realtime._client import AsyncRealtimeClient, _check_call_id
from openai_realtime._sync.client import RealtimeClient
from openai_realtime.emulator import Emulator
from openai_realtime.errors import (
    APIResponseError,
    BadRequestError,
    BetaRetiredError,
    ClientStateError,
    ConfigurationError,
    InvalidRequestError,
)
from openai_realtime.models import (
    UNSET,
    AudioPcm,
    EmptyResult,
    ExpiresAfter,
    HTTPInfo,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeCall,
    RealtimeCreateClientSecretRequest,
    RealtimeCreateClientSecretResponse,
    RealtimeSession,
    RealtimeSessionConfig,
    RealtimeTranslationAudioConfig,
    RealtimeTranslationAudioOutput,
    RealtimeTranslationClientSecretCreateRequest,
    RealtimeTranslationClientSecretCreateResponse,
    RealtimeTranslationSessionConfig,
)
from openai_realtime.models.beta import (
    BetaClientSecret,
    RealtimeSessionCreateRequest,
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionSessionCreateRequest,
    RealtimeTranscriptionSessionCreateResponse,
)

pytestmark = pytest.mark.anyio

Call = Callable[[AsyncRealtimeClient], Coroutine[Any, Any, Any]]

BETA = RealtimeSessionCreateRequest(model="gpt-4o-realtime-preview", voice="alloy", turn_detection=None)
BETA_TRANSCRIPTION = RealtimeTranscriptionSessionCreateRequest(input_audio_format="pcm16")
SESSION = RealtimeSessionConfig(
    model="gpt-realtime-2.1",
    instructions="Be brief. \u00dcber alles.",
    audio=RealtimeAudioConfig(
        input=RealtimeAudioInput(format=AudioPcm(rate=24000), turn_detection=None),
        output=RealtimeAudioOutput(voice="marin", speed=1.0),
    ),
)
SESSION_JSON = {
    "type": "realtime",
    "model": "gpt-realtime-2.1",
    "instructions": "Be brief. \u00dcber alles.",
    "audio": {
        "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None},
        "output": {"voice": "marin", "speed": 1.0},
    },
}
TRANSLATION = RealtimeTranslationClientSecretCreateRequest(
    session=RealtimeTranslationSessionConfig(
        model="gpt-realtime-translate",
        audio=RealtimeTranslationAudioConfig(output=RealtimeTranslationAudioOutput(language="es")),
    ),
    expires_after=ExpiresAfter(anchor="created_at", seconds=60),
)

# What the API answers, written from its documentation.
SECRET_JSON = {
    "value": EPHEMERAL,
    "expires_at": 1790000600,
    "session": {
        "type": "realtime",
        "object": "realtime.session",
        "id": "sess_C9CiUVUzUzYIssh3ELY1d",
        "model": "gpt-realtime-2.1",
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": 0,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
        },
        "include": None,
        "a_field_of_next_year": {"deep": [1]},
    },
}
BETA_JSON = {
    "id": "sess_001",
    "object": "realtime.session",
    "model": "gpt-4o-realtime-preview",
    "modalities": ["audio", "text"],
    "instructions": "You are a friendly assistant.",
    "voice": "alloy",
    "input_audio_format": "pcm16",
    "output_audio_format": "pcm16",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": None,
    "tools": [],
    "tool_choice": "none",
    "temperature": 0.7,
    "max_response_output_tokens": 200,
    "speed": 1.1,
    "tracing": "auto",
    "client_secret": {"value": EPHEMERAL, "expires_at": 1790000060},
}
BETA_TRANSCRIPTION_JSON = {
    "id": "sess_BBwZc7cFV3XizEyKGDCGL",
    "object": "realtime.transcription_session",
    "modalities": ["audio", "text"],
    "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200},
    "input_audio_format": "pcm16",
    "input_audio_transcription": {"model": "gpt-4o-transcribe", "language": None, "prompt": ""},
    "client_secret": None,
}
TRANSLATION_JSON = {
    "value": EPHEMERAL,
    "expires_at": 1790000600,
    "session": {
        "id": "sess_1",
        "type": "translation",
        "expires_at": 1790003600,
        "model": "gpt-realtime-translate",
        "audio": {"input": {"transcription": None, "noise_reduction": None}, "output": {"language": "es"}},
    },
}


@attrs.frozen
class Operation:
    """One operation: how it is called, what it sends, what the API answers, and what comes out."""

    name: str
    call: Call
    path: str
    sent: Any
    answered: Any
    result: type


OPERATIONS = [
    Operation(
        "create_realtime_client_secret",
        lambda client: client.create_realtime_client_secret(
            RealtimeCreateClientSecretRequest(session=SESSION, expires_after=ExpiresAfter(seconds=600))
        ),
        "/v1/realtime/client_secrets",
        {"session": SESSION_JSON, "expires_after": {"seconds": 600}},
        SECRET_JSON,
        RealtimeCreateClientSecretResponse,
    ),
    Operation(
        "create_realtime_session",
        lambda client: client.create_realtime_session(BETA),
        "/v1/realtime/sessions",
        {"model": "gpt-4o-realtime-preview", "voice": "alloy", "turn_detection": None},
        BETA_JSON,
        RealtimeSessionCreateResponse,
    ),
    Operation(
        "create_realtime_transcription_session",
        lambda client: client.create_realtime_transcription_session(BETA_TRANSCRIPTION),
        "/v1/realtime/transcription_sessions",
        {"input_audio_format": "pcm16"},
        BETA_TRANSCRIPTION_JSON,
        RealtimeTranscriptionSessionCreateResponse,
    ),
    Operation(
        "create_realtime_translation_client_secret",
        lambda client: client.create_realtime_translation_client_secret(TRANSLATION),
        "/v1/realtime/translations/client_secrets",
        {
            "session": {"model": "gpt-realtime-translate", "audio": {"output": {"language": "es"}}},
            "expires_after": {"anchor": "created_at", "seconds": 60},
        },
        TRANSLATION_JSON,
        RealtimeTranslationClientSecretCreateResponse,
    ),
    Operation(
        "accept_realtime_call",
        lambda client: client.accept_realtime_call("rtc_u2-1", SESSION),
        "/v1/realtime/calls/rtc_u2-1/accept",
        SESSION_JSON,
        None,
        EmptyResult,
    ),
    Operation(
        "reject_realtime_call",
        lambda client: client.reject_realtime_call("rtc_u2-1", status_code=486),
        "/v1/realtime/calls/rtc_u2-1/reject",
        {"status_code": 486},
        None,
        EmptyResult,
    ),
    Operation(
        "refer_realtime_call",
        lambda client: client.refer_realtime_call("rtc_u2-1", "tel:+14155550123"),
        "/v1/realtime/calls/rtc_u2-1/refer",
        {"target_uri": "tel:+14155550123"},
        None,
        EmptyResult,
    ),
    Operation(
        "hangup_realtime_call",
        lambda client: client.hangup_realtime_call("rtc_u2-1"),
        "/v1/realtime/calls/rtc_u2-1/hangup",
        None,
        None,
        EmptyResult,
    ),
]
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
ignore_retired = pytest.mark.filterwarnings("ignore:.* belongs to the beta:DeprecationWarning")


def api_answer(operation: Operation) -> bytes:
    facts = {"x_request_id": "req_1", "openai_processing_ms": "12"}
    if operation.answered is None:
        return answer(200, b"", None, **facts)
    return answer(200, json.dumps(operation.answered), **facts)


async def exchange(call: Call, step: bytes, **options: Any) -> tuple[Any, Received]:
    """The result of `call` on a server that answers `step`, and the one request it got."""
    async with Server(step) as server, connect(server, **options) as client:
        result = await call(client)
    (received,) = server.received
    return result, received


# --- every operation on the wire -------------------------------------------------------------------------------------


@every_operation
@ignore_retired
async def test_the_request_on_the_wire(operation: Operation) -> None:
    _, received = await exchange(operation.call, api_answer(operation))
    assert (received.method, received.target) == ("POST", operation.path)
    headers = {name: value for name, value in received.headers.items() if name not in ("host", "content-length")}
    assert headers.pop("content-type", None) == ("application/json" if operation.sent else None)
    assert "gzip" in headers.pop("accept-encoding")
    assert headers == {
        "accept": "application/json",
        "authorization": f"Bearer {KEY}",
        "user-agent": f"openai-realtime-python/{__version__}",
    }
    assert received.headers["content-length"] == str(len(received.body))
    expected = json.dumps(operation.sent, separators=(",", ":"), ensure_ascii=False) if operation.sent else ""
    assert received.body.decode() == expected


@every_operation
@ignore_retired
async def test_the_typed_result(operation: Operation) -> None:
    result, _ = await exchange(operation.call, api_answer(operation))
    assert type(result) is operation.result
    assert (result.http.status, result.http.request_id, result.http.processing_ms) == (200, "req_1", 12)
    assert (result.http.attempts, result.http.rate_limits) == (1, ())
    assert result.http.headers["x-request-id"] == "req_1"
    assert 0 < result.http.elapsed < 10
    assert result.raw == operation.answered
    assert result == attrs.evolve(result, http=None)
    assert "http" not in repr(result)
    assert EPHEMERAL not in repr(result)


@every_operation
@ignore_retired
async def test_each_operation_raises_what_the_api_says(operation: Operation) -> None:
    step = api_error(400, "invalid_value", x_request_id="req_1")
    async with Server(step) as server, connect(server) as client:
        error = await failure(operation.call(client))
    assert (type(error), error.code, error.request_id) == (BadRequestError, "invalid_value", "req_1")


async def test_a_client_secret() -> None:
    secret, _ = await exchange(OPERATIONS[0].call, api_answer(OPERATIONS[0]))
    assert (secret.value, secret.expires_at) == (EPHEMERAL, 1790000600)
    session = secret.session
    assert type(session) is RealtimeSession
    assert (session.id, session.expires_at, session.tracing, session.parallel_tool_calls) == (
        "sess_C9CiUVUzUzYIssh3ELY1d",
        0,
        None,
        UNSET,
    )
    assert session.audio.input.turn_detection.silence_duration_ms == 500
    assert session.audio.output.voice == "marin"
    assert session.raw["a_field_of_next_year"] == {"deep": [1]}


@ignore_retired
async def test_a_beta_session_in_the_betas_fields() -> None:
    session, _ = await exchange(OPERATIONS[1].call, api_answer(OPERATIONS[1]))
    assert session.client_secret == BetaClientSecret(value=EPHEMERAL, expires_at=1790000060)
    assert (session.voice, session.turn_detection, session.temperature) == ("alloy", None, 0.7)
    assert (session.max_response_output_tokens, session.expires_at) == (200, UNSET)


@ignore_retired
async def test_a_beta_session_in_the_current_fields() -> None:
    session, _ = await exchange(OPERATIONS[1].call, answer(200, json.dumps(SECRET_JSON["session"])))
    assert type(session) is RealtimeSessionCreateResponse
    assert (session.audio.output.voice, session.voice, session.client_secret) == ("marin", UNSET, UNSET)


async def test_a_client_secret_without_a_request() -> None:
    _, received = await exchange(lambda client: client.create_realtime_client_secret(), api_answer(OPERATIONS[0]))
    assert received.body == b"{}"


async def test_a_client_secret_for_transcription() -> None:
    body = SECRET_JSON | {"session": {"type": "transcription", "id": "sess_1"}}
    secret, _ = await exchange(lambda client: client.create_realtime_client_secret(), answer(200, json.dumps(body)))
    assert type(secret.session).__name__ == "RealtimeTranscriptionSession"


async def test_reject_without_a_status() -> None:
    _, received = await exchange(lambda client: client.reject_realtime_call("rtc_1"), answer())
    assert (received.body, received.headers["content-type"]) == (b"{}", "application/json")


@pytest.mark.parametrize("step", [answer(200, "{}"), answer(204, b"", None), answer(202, "ok", "text/plain")])
async def test_control_of_a_call_wants_no_body(step: bytes) -> None:
    result, _ = await exchange(lambda client: client.hangup_realtime_call("rtc_1"), step)
    assert type(result) is EmptyResult


async def test_missing_fields_and_names_of_ours_in_an_answer() -> None:
    body = {"http": "theirs", "raw": "theirs", "expires_at": "soon"}
    secret, _ = await exchange(lambda client: client.create_realtime_client_secret(), answer(200, json.dumps(body)))
    assert (secret.value, secret.expires_at, secret.raw) == (UNSET, "soon", body)
    assert type(secret.http) is HTTPInfo


# --- calls -----------------------------------------------------------------------------------------------------------


async def test_a_call_with_a_session_is_a_form() -> None:
    _, received = await exchange(lambda client: client.create_realtime_call(OFFER, SESSION), SDP)
    assert (received.method, received.target) == ("POST", "/v1/realtime/calls")
    assert received.headers["accept"] == "application/sdp, text/plain"
    head = b"Content-Type: " + received.headers["content-type"].encode() + b"\r\n\r\n"
    form = email.message_from_bytes(head + received.body, policy=email.policy.HTTP)
    assert form.get_content_type() == "multipart/form-data"
    parts = list(form.iter_parts())  # type: ignore[attr-defined]
    assert [part["content-disposition"] for part in parts] == ['form-data; name="sdp"', 'form-data; name="session"']
    assert [part["content-type"] for part in parts] == ["application/sdp", "application/json"]
    assert parts[0].get_payload(decode=True) == OFFER.encode()
    assert json.loads(parts[1].get_payload(decode=True)) == SESSION_JSON
    assert {name.lower() for part in parts for name in part} <= {
        "content-disposition",
        "content-type",
        "content-length",
    }


async def test_a_call_without_a_session_is_the_bare_offer() -> None:
    _, received = await exchange(lambda client: client.create_realtime_call(OFFER), SDP)
    assert received.headers["content-type"] == "application/sdp"
    assert received.headers["accept"] == "application/sdp, text/plain"
    assert received.body == OFFER.encode()


async def test_the_result_of_a_call() -> None:
    call, _ = await exchange(lambda client: client.create_realtime_call(OFFER), SDP)
    assert call == RealtimeCall(sdp="v=0\r\n", call_id="rtc_1", location="/v1/realtime/calls/rtc_1")
    assert (call.http.status, call.http.attempts) == (201, 1)


@pytest.mark.parametrize("content_type", ["application/sdp", "text/plain", "Text/Plain; charset=utf-8"])
@pytest.mark.parametrize(
    "location",
    [
        "/v1/realtime/calls/rtc_u2_E4-x",
        "/v1/realtime/calls/rtc_u2_E4-x/",
        "https://api.openai.com/v1/realtime/calls/rtc_u2_E4-x?region=eu",
        "https://example.openai.azure.com/openai/v1/realtime/calls/rtc_u2_E4-x#there",
    ],
)
async def test_the_call_id_is_in_the_location(location: str, content_type: str) -> None:
    step = answer(201, "v=0\r\n", content_type, Location=location)
    call, _ = await exchange(lambda client: client.create_realtime_call(OFFER), step)
    assert (call.call_id, call.location) == ("rtc_u2_E4-x", location)


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (answer(201, "v=0\r\n", "application/sdp"), "no Location header that names the call"),
        (answer(201, "v=0\r\n", "application/sdp", Location="/v1/realtime/calls/"), "no Location header"),
        (answer(201, "v=0\r\n", "application/sdp", Location="https://["), "no Location header"),
        (answer(201, "v=0\r\n", "application/sdp", Location="/"), "no Location header"),
        (answer(201, "", "application/sdp", Location="/v1/realtime/calls/rtc_1"), "the body is empty"),
        (answer(201, "{}", "application/json", Location="/v1/realtime/calls/rtc_1"), "content type application/json"),
        (answer(201, "v=0\r\n", None, Location="/v1/realtime/calls/rtc_1"), "content type"),
    ],
)
async def test_an_answer_that_opens_no_call(step: bytes, problem: str) -> None:
    async with Server(step) as server, connect(server) as client:
        error = await failure(client.create_realtime_call(OFFER))
        assert type(error) is APIResponseError
        assert problem in str(error)
        assert len(server.received) == 1


UNSAFE = [
    "",
    " ",
    ".",
    "..",
    "../x",
    "a/b",
    "a b",
    "a?b",
    "a#b",
    "a%2Fb",
    "a\\b",
    "rtc_\u00e9",
    "\u0661",
    "a\n",
    None,
    5,
]


@pytest.mark.parametrize("call_id", UNSAFE)
async def test_a_call_id_cannot_leave_its_place_in_the_path(call_id: Any) -> None:
    async with Server(answer()) as server, connect(server) as client:
        for call in (
            client.accept_realtime_call(call_id, SESSION),
            client.reject_realtime_call(call_id),
            client.refer_realtime_call(call_id, "tel:+1"),
            client.hangup_realtime_call(call_id),
        ):
            assert str(await failure(call)).startswith("call_id: ")
        assert server.connections == 0


@given(st.text())
@example("rtc_u2-1")
@example("a" * 10_000 + "/")
def test_only_plain_names_are_call_ids(call_id: str) -> None:
    if re.fullmatch(r"[A-Za-z0-9_-]+", call_id):
        _check_call_id(call_id)
    else:
        with pytest.raises(InvalidRequestError) as caught:
            _check_call_id(call_id)
        assert len(str(caught.value)) < 200


# --- refused before any network use ----------------------------------------------------------------------------------

BAD_SPEED = RealtimeSessionConfig(audio=RealtimeAudioConfig(output=RealtimeAudioOutput(speed=3.0)))


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (
            lambda client: client.create_realtime_client_secret(RealtimeCreateClientSecretRequest(session=BAD_SPEED)),
            "session.audio.output.speed: 3.0 is not between 0.25 and 1.5",
        ),
        (lambda client: client.create_realtime_client_secret({}), "is not"),
        (lambda client: client.create_realtime_client_secret(SESSION), "is not"),
        (lambda client: client.create_realtime_session(RealtimeSessionCreateRequest(temperature=2.0)), "temperature: "),
        (lambda client: client.create_realtime_session(None), "is not"),
        (lambda client: client.create_realtime_transcription_session(BETA), "is not"),
        (lambda client: client.create_realtime_translation_client_secret(SESSION), "is not"),
        (lambda client: client.create_realtime_call(""), "sdp: "),
        (lambda client: client.create_realtime_call(b"v=0"), "sdp: "),
        (lambda client: client.create_realtime_call("v=\ud800"), "sdp: "),
        (lambda client: client.create_realtime_call(OFFER, BAD_SPEED), "session.audio.output.speed: "),
        (lambda client: client.create_realtime_call(OFFER, {"type": "realtime"}), "session: "),
        (lambda client: client.accept_realtime_call("rtc_1", BAD_SPEED), "audio.output.speed: "),
        (lambda client: client.accept_realtime_call("rtc_1", None), "is not"),
        (lambda client: client.reject_realtime_call("rtc_1", 200), "status_code: 200 is not between 300 and 699"),
        (lambda client: client.reject_realtime_call("rtc_1", "486"), "status_code: "),
        (lambda client: client.refer_realtime_call("rtc_1", ""), "target_uri: "),
        (lambda client: client.refer_realtime_call("rtc_1", None), "target_uri: "),
    ],
)
@ignore_retired
async def test_a_bad_request_is_not_sent(call: Call, problem: str) -> None:
    keys: list[str] = []
    async with Server(answer()) as server, connect(server, api_key=lambda: keys.append(KEY) or KEY) as client:
        error = await failure(call(client))
        assert type(error) is InvalidRequestError
        assert problem in str(error)
        assert (server.connections, keys) == (0, [])


# --- the retired beta ------------------------------------------------------------------------------------------------

RETIRED = answer(
    400,
    '{"error":{"message":"The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",'
    '"type":"invalid_request_error","code":"beta_api_shape_disabled","param":""}}',
)


def caller(record: warnings.WarningMessage) -> str:
    """What the comment says at the end of the line that the warning points at."""
    assert record.category is DeprecationWarning
    assert record.filename == __file__
    return linecache.getline(record.filename, record.lineno).partition("# the caller of ")[2].strip()


async def test_the_deprecation_names_the_successor_and_the_callers_line() -> None:
    async with Server(answer(200, json.dumps(BETA_JSON))) as server, connect(server) as client:
        with warnings.catch_warnings(record=True) as record:
            warnings.simplefilter("always")
            await client.create_realtime_session(BETA)  # the caller of one
            await client.create_realtime_transcription_session(BETA_TRANSCRIPTION)  # the caller of the other
            await asyncio.gather(client.create_realtime_session(BETA))  # the caller of gather
            await asyncio.create_task(client.create_realtime_session(BETA))  # the caller of create_task
    assert [caller(entry) for entry in record] == ["one", "the other", "gather", "create_task"]
    assert str(record[0].message).startswith("create_realtime_session belongs to the beta")
    assert str(record[1].message).startswith("create_realtime_transcription_session belongs to the beta")
    assert all(str(entry.message).endswith("call create_realtime_client_secret instead") for entry in record)


def test_the_deprecation_through_the_blocking_client() -> None:
    with (
        Emulator() as emulator,
        RealtimeClient(**emulator.client_options) as client,
        warnings.catch_warnings(record=True) as record,
    ):
        warnings.simplefilter("always")
        client.create_realtime_session(BETA)  # the caller of one
        client.create_realtime_transcription_session(BETA_TRANSCRIPTION)  # the caller of the other
    assert [caller(entry) for entry in record] == ["one", "the other"]
    assert all(str(entry.message).endswith("call create_realtime_client_secret instead") for entry in record)


async def test_a_deprecation_that_is_an_error_leaves_nothing_behind() -> None:
    async with Server(answer()) as server, connect(server) as client:
        with pytest.raises(DeprecationWarning):  # and no "coroutine was never awaited", which would be an error too
            client.create_realtime_session(BETA)
        assert server.connections == 0


def test_the_beta_operations_are_coroutines_for_type_checkers() -> None:
    for name in ("create_realtime_session", "create_realtime_transcription_session"):
        assert inspect.signature(getattr(AsyncRealtimeClient, name)).return_annotation.startswith("Coroutine[")


@ignore_retired
@pytest.mark.parametrize("operation", OPERATIONS[1:3], ids=lambda operation: operation.name)
async def test_where_the_beta_is_gone_the_error_names_the_successor(operation: Operation) -> None:
    async with Server(RETIRED) as server, connect(server) as client:
        error = await failure(operation.call(client))
    assert type(error) is BetaRetiredError
    assert (error.code, error.successor, len(server.received)) == (
        "beta_api_shape_disabled",
        "create_realtime_client_secret",
        1,
    )
    assert str(error).endswith("; call create_realtime_client_secret instead")


async def test_the_same_error_elsewhere_has_no_successor() -> None:
    async with Server(RETIRED) as server, connect(server) as client:
        error = await failure(client.create_realtime_client_secret())
    assert (type(error), error.successor) == (BetaRetiredError, None)


# --- configuration, as the server sees it ----------------------------------------------------------------------------


def clear_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID"):
        monkeypatch.delenv(f"OPENAI_{name}", raising=False)
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)


def set_environment(monkeypatch: pytest.MonkeyPatch, base_url: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", base_url)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-env")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-env")


async def test_a_client_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(api_answer(OPERATIONS[0])) as server:
        set_environment(monkeypatch, server.base_url)
        async with AsyncRealtimeClient() as client:
            await client.create_realtime_client_secret()
    (received,) = server.received
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert (received.headers["openai-organization"], received.headers["openai-project"]) == ("org-env", "proj-env")


async def test_a_client_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    clear_environment(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "")
    async with AsyncRealtimeClient() as client:  # made at import time, by programs that may never call
        with pytest.raises(ConfigurationError, match="no API key: set OPENAI_API_KEY"):
            await client.create_realtime_client_secret()
        with pytest.raises(ConfigurationError, match="no API key: set OPENAI_API_KEY"):
            await client.connect(model="m")


async def test_headers_of_the_options() -> None:
    _, received = await exchange(
        lambda client: client.create_realtime_client_secret(),
        api_answer(OPERATIONS[0]),
        organization="org-1",
        project="proj-1",
        safety_identifier="user-hash",
        default_headers={"X-Team": "voice", "user-agent": "mine/1", "accept": "*/*", "CONTENT-TYPE": "text/plain"},
    )
    assert received.headers["openai-organization"] == "org-1"
    assert received.headers["openai-project"] == "proj-1"
    assert received.headers["openai-safety-identifier"] == "user-hash"
    assert received.headers["x-team"] == "voice"
    assert received.headers["user-agent"] == "mine/1"
    assert (received.headers["accept"], received.headers["content-type"]) == ("application/json",) * 2


async def asynchronous_key() -> str:
    return "sk-asynchronous"


@pytest.mark.parametrize(
    ("source", "expected"),
    [("sk-text ", "sk-text"), (lambda: "sk-function", "sk-function"), (asynchronous_key, "sk-asynchronous")],
)
async def test_the_kinds_of_keys(source: Any, expected: str) -> None:
    def call(client: AsyncRealtimeClient) -> Coroutine[Any, Any, Any]:
        return client.create_realtime_client_secret()

    _, received = await exchange(call, api_answer(OPERATIONS[0]), api_key=source)
    assert received.headers["authorization"] == f"Bearer {expected}"


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({"api_key": "azure-key-0123456789"}, "api-key", "azure-key-0123456789"),
        ({"azure_ad_token_provider": lambda: "entra-0123456789"}, "authorization", "Bearer entra-0123456789"),
    ],
)
async def test_azure(monkeypatch: pytest.MonkeyPatch, options: Any, header: str, value: str) -> None:
    async with Server(api_answer(OPERATIONS[0])) as server, Server(answer()) as other:
        set_environment(monkeypatch, other.base_url)
        async with AsyncRealtimeClient(azure_endpoint=server.origin, timeout=10, **options) as client:
            await client.create_realtime_client_secret()
    (received,) = server.received
    assert received.target == "/openai/v1/realtime/client_secrets"
    assert received.headers[header] == value
    assert {"authorization", "api-key"} & received.headers.keys() == {header}
    assert not {name for name in received.headers if name.startswith("openai-")}
    assert KEY not in str(received.headers)
    assert other.connections == 0


@pytest.mark.parametrize("options", [{"base_url": "http://api.openai.com/v1"}, {"timeout": -1}, {"nonsense": 1}])
def test_a_refused_configuration_shows_no_key(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    fine = AsyncRealtimeClient()
    for make in (AsyncRealtimeClient, fine.with_options):
        with pytest.raises(ConfigurationError) as caught:
            make(api_key=KEY, **options)
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert KEY not in "".join(shown.format())


# --- against the emulator --------------------------------------------------------------------------------------------


@every_operation
@ignore_retired
async def test_each_operation_against_the_emulator(operation: Operation) -> None:
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        call_id = emulator.incoming_call()
        if "_realtime_call" in operation.name and operation.name != "accept_realtime_call":
            arguments = {"refer_realtime_call": ("tel:+14155550123",)}.get(operation.name, ())
            if operation.name != "reject_realtime_call":
                await client.accept_realtime_call(call_id, SESSION)
            result = await getattr(client, operation.name)(call_id, *arguments)
        elif operation.name == "accept_realtime_call":
            result = await client.accept_realtime_call(call_id, SESSION)
        else:
            result = await operation.call(client)
    assert type(result) is operation.result
    assert result.http.status == 200
    assert result.http.request_id
    last = emulator.requests[-1]
    assert (last.method, last.path.replace(call_id, "rtc_u2-1")) == ("POST", operation.path)


async def test_a_call_against_the_emulator_and_its_own_secret() -> None:
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        call = await client.create_realtime_call(OFFER, SESSION)
        assert call.sdp.startswith("v=0")
        secret = await client.create_realtime_client_secret()
        second = await client.with_options(api_key=secret.value).create_realtime_call(OFFER)
        assert second.call_id != call.call_id
        await client.hangup_realtime_call(call.call_id)


@ignore_retired
async def test_the_emulator_without_the_beta() -> None:
    async with Emulator(beta_retired=True) as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        error = await failure(client.create_realtime_session(BETA))
        assert (type(error), error.successor) == (BetaRetiredError, "create_realtime_client_secret")


async def test_a_wrong_key_against_the_emulator() -> None:
    async with Emulator() as emulator:
        wrong = ClientOptions(base_url=emulator.base_url, api_key=KEY, retry=RetryPolicy(max_retries=0))
        async with AsyncRealtimeClient(**wrong) as client:
            error = await failure(client.create_realtime_client_secret())
        assert (error.status, error.code) == (401, "invalid_api_key")
        assert type(await failure(client.create_realtime_client_secret())) is ClientStateError
