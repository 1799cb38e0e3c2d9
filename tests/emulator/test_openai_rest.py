"""The `openai` package's own clients against the emulator: its makers' types, checked strictly, accept every answer."""

from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from openai.types.beta.realtime import TranscriptionSession
from openai.types.beta.realtime.session_create_response import SessionCreateResponse
from openai.types.realtime import (
    RealtimeSessionCreateRequestParam,
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionSessionCreateRequestParam,
    RealtimeTranscriptionSessionCreateResponse,
)

from openai_realtime.emulator import Emulator

pytestmark = pytest.mark.anyio

SESSION = RealtimeSessionCreateRequestParam(
    type="realtime",
    model="gpt-realtime-2.1",
    tools=[{"type": "function", "name": "f", "parameters": {"type": "object"}}],
    audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}},
)
TRANSCRIPTION = RealtimeTranscriptionSessionCreateRequestParam(
    type="transcription", audio={"input": {"transcription": {"model": "gpt-4o-transcribe", "language": "en"}}}
)
OFFER = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"


@pytest.fixture
def client(realtime_emulator: Emulator) -> Iterator[openai.OpenAI]:
    options = realtime_emulator.client_options
    with openai.OpenAI(**options, max_retries=0, timeout=30, _strict_response_validation=True) as client:
        yield client


@pytest.fixture
async def async_client(anyio_backend: str, realtime_emulator: Emulator) -> AsyncIterator[openai.AsyncOpenAI]:
    options = realtime_emulator.client_options
    async with openai.AsyncOpenAI(**options, max_retries=0, timeout=30, _strict_response_validation=True) as client:
        yield client


def test_client_secret(client: openai.OpenAI) -> None:
    secret = client.realtime.client_secrets.create(
        session=SESSION, expires_after={"anchor": "created_at", "seconds": 60}
    )
    assert secret.value.startswith("ek_")
    assert secret.expires_at == int(secret.value[3:11], 16) + 60
    session = secret.session
    assert isinstance(session, RealtimeSessionCreateResponse)
    assert session.model == "gpt-realtime-2.1"
    assert session.audio
    assert session.audio.output
    assert session.audio.output.voice == "marin"
    assert session.tools
    assert session.tools[0].type == "function"


def test_client_secret_for_transcription(client: openai.OpenAI) -> None:
    session = client.realtime.client_secrets.create(session=TRANSCRIPTION).session
    assert isinstance(session, RealtimeTranscriptionSessionCreateResponse)
    assert session.object == "realtime.transcription_session"
    assert session.audio
    assert session.audio.input
    assert session.audio.input.transcription
    assert session.audio.input.transcription.language == "en"


def test_translation_client_secret(client: openai.OpenAI) -> None:
    secret = client.realtime.translations.client_secrets.create(
        session={"model": "gpt-realtime-translate", "audio": {"output": {"language": "es"}}}
    )
    assert secret.value.startswith("ek_")
    assert secret.session.type == "translation"
    assert secret.session.expires_at == secret.expires_at
    assert secret.session.audio.output
    assert secret.session.audio.output.language == "es"


def test_beta_sessions(client: openai.OpenAI) -> None:
    session = client.beta.realtime.sessions.create(model="gpt-4o-realtime-preview", voice="alloy", modalities=["text"])
    assert isinstance(session, SessionCreateResponse)
    assert (session.voice, session.modalities) == ("alloy", ["text"])
    assert session.client_secret.value.startswith("ek_")
    transcription = client.beta.realtime.transcription_sessions.create(
        input_audio_transcription={"model": "whisper-1"}, turn_detection={"type": "server_vad", "threshold": 0.3}
    )
    assert isinstance(transcription, TranscriptionSession)
    assert transcription.turn_detection
    assert transcription.turn_detection.threshold == 0.3
    assert transcription.turn_detection.silence_duration_ms == 200
    assert transcription.client_secret.expires_at == int(transcription.client_secret.value[3:11], 16) + 60


def test_calls(client: openai.OpenAI, realtime_emulator: Emulator) -> None:
    bare = client.realtime.calls.create(sdp=OFFER)
    assert bare.text.startswith("v=0\r\n")
    call = client.realtime.calls.create(sdp=OFFER, session=SESSION)
    assert call.response.status_code == 201
    call_id = call.response.headers["location"].rpartition("/")[2]
    assert call_id.startswith("rtc_")
    client.realtime.calls.accept(call_id, type="realtime", model="gpt-realtime", instructions="Be brief.")
    client.realtime.calls.refer(call_id, target_uri="tel:+14155550123")
    client.realtime.calls.hangup(call_id)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.realtime.calls.hangup(call_id)
    assert unknown.value.code == "call_id_not_found"
    client.realtime.calls.reject(realtime_emulator.incoming_call(), status_code=486)


async def test_async_client(async_client: openai.AsyncOpenAI, realtime_emulator: Emulator) -> None:
    secret = await async_client.realtime.client_secrets.create(session=SESSION)
    assert isinstance(secret.session, RealtimeSessionCreateResponse)
    translation = await async_client.realtime.translations.client_secrets.create(
        session={"model": "gpt-realtime-translate"}
    )
    assert translation.session.model == "gpt-realtime-translate"
    session = await async_client.beta.realtime.sessions.create(model="gpt-4o-realtime-preview")
    assert isinstance(session, SessionCreateResponse)
    assert session.max_response_output_tokens == "inf"
    transcription = await async_client.beta.realtime.transcription_sessions.create(modalities=["text"])
    assert transcription.modalities == ["text"]
    call = await async_client.realtime.calls.create(sdp=OFFER, session=SESSION)
    call_id = call.response.headers["location"].rpartition("/")[2]
    await async_client.realtime.calls.accept(call_id, type="realtime")
    await async_client.realtime.calls.refer(call_id, target_uri="tel:+14155550123")
    await async_client.realtime.calls.reject(call_id)
    await async_client.realtime.calls.hangup(realtime_emulator.incoming_call())


def test_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as wrong:
        client.with_options(api_key="sk-proj-1234567890abcdef").realtime.client_secrets.create()
    assert wrong.value.code == "invalid_api_key"
    assert "sk-proj-****cdef" in str(wrong.value)
    with pytest.raises(openai.BadRequestError) as bad:
        client.realtime.client_secrets.create(session=SESSION, extra_body={"bogus": 1})
    assert (bad.value.code, bad.value.param) == ("unknown_parameter", "bogus")
    assert bad.value.request_id


def test_beta_retired() -> None:
    with Emulator(beta_retired=True) as emulator, openai.OpenAI(**emulator.client_options, max_retries=0) as client:
        with pytest.raises(openai.BadRequestError) as retired:
            client.beta.realtime.sessions.create(model="gpt-4o-realtime-preview")
        assert retired.value.code == "beta_api_shape_disabled"


def test_a_client_secret_opens_a_call(client: openai.OpenAI) -> None:
    secret = client.realtime.client_secrets.create(session=SESSION)
    call = client.with_options(api_key=secret.value).realtime.calls.create(sdp=OFFER)
    assert call.response.headers["content-type"] == "text/plain; charset=utf-8"
