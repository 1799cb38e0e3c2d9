"""Who may open a session, and which one."""

import logging
from typing import Any

import aiohttp
import pytest
from support.wire import (
    BETA_RETIRED,
    DEADLINE,
    Wire,
)

from openai_realtime.emulator import Emulator, faults

pytestmark = pytest.mark.anyio


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


async def test_the_key_of_a_gateway_is_in_no_record(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "openai_realtime.emulator")
    async with Wire(emulator, "?model=gpt-realtime&X-Access-Token=hush&subscription_key=hush&deployment=d") as wire:
        await wire.expect("session.created")
    path = "/v1/realtime?model=gpt-realtime&X-Access-Token=***&subscription_key=***&deployment=d"
    assert emulator.requests[0].path == path
    assert path in caplog.text
    assert "hush" not in caplog.text


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
