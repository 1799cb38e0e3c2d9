import os
import socket
from typing import Any

import pytest
from support.cli import error_line, run

from openai_realtime.cli.diagnosis import advise
from openai_realtime.emulator import Emulator, faults
from openai_realtime.errors import (
    APIConnectionError,
    APIResponseError,
    APITimeoutError,
    ConfigurationError,
    ConnectionClosedError,
    InvalidRequestError,
    error_from_response,
)

KEY = "sk-0123456789abcdef0123"


def refused(status: int, code: str | None = None) -> Exception:
    return error_from_response(status, {}, {"error": {"code": code}})


@pytest.mark.parametrize(
    ("error", "options", "advice"),
    [
        (ConfigurationError("no API key"), {}, "export OPENAI_API_KEY=sk-..."),
        (refused(401), {"api_key": "sk-1234"}, "copy the whole key, or make one at"),
        (refused(401), {"api_key": KEY}, "the server does not know this key"),
        (
            refused(401),
            {"api_key": "sk-1234", "base_url": "http://127.0.0.1:9/v1"},
            "the server does not know this key",
        ),
        (refused(403), {"api_key": KEY}, "the key may not do this"),
        (refused(404), {"api_key": KEY, "base_url": "https://x.test"}, "no API there: the base URL of most servers"),
        (
            refused(404),
            {"api_key": KEY, "base_url": "https://api.openai.com"},
            "OpenAI's is https://api.openai.com/v1",
        ),
        (refused(404), {"api_key": KEY}, "no API there: a base URL ends in /v1"),
        (refused(404, "call_id_not_found"), {"api_key": KEY}, "the call is over or never was"),
        (refused(404, "model_not_found"), {"api_key": KEY}, "name a model of this server with --model"),
        (refused(429), {"api_key": KEY}, "too many requests, or no credit"),
        (refused(503), {"api_key": KEY}, "try again later"),
        (refused(422), {"api_key": KEY}, ""),
        (InvalidRequestError([]), {}, ""),
        (KeyError("a bug"), {}, ""),
        (APIResponseError("<html>", status=200, headers={}), {"api_key": KEY}, "no API there: a base URL ends in /v1"),
        (ConnectionClosedError(1006, ""), {"api_key": KEY}, "openai-realtime doctor checks the settings"),
        (ConfigurationError("proxy: no"), {"api_key": KEY}, "openai-realtime doctor checks the settings"),
        (
            ConfigurationError("base_url: http"),
            {"api_key": KEY, "base_url": "http://x.test/v1"},
            "correct OPENAI_BASE_URL or --base-url",
        ),
    ],
)
def test_an_error_has_the_advice_of_doctor(error: Exception, options: Any, advice: str) -> None:
    assert advise(error, options, {}).startswith(advice)
    assert bool(advise(error, options, {})) == bool(advice)


def test_without_a_key_there_is_a_way_out() -> None:
    assert run("secret").stderr.splitlines()[-1].endswith("to try it without one: --emulator")


def test_a_host_that_takes_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    result = run("secret", "--base-url", url, env={"OPENAI_API_KEY": KEY})
    assert "is a server running there?" in result.stderr.splitlines()[-1]
    assert result.stderr.endswith("--emulator needs none\n")


def test_a_host_that_speaks_no_tls(emulator: Emulator) -> None:
    options: Any = {"base_url": emulator.base_url.replace("http:", "https:"), "timeout": 10.0}
    assert "no TLS there" in advise(APIConnectionError("reset"), options, os.environ)


def test_a_host_that_answers_the_probe_and_not_the_request(emulator: Emulator) -> None:
    assert advise(APITimeoutError("late"), {"timeout": 10.0}, os.environ).startswith("--timeout SECONDS waits longer")
    assert advise(APIConnectionError("reset"), {}, os.environ).startswith("the host answers and then breaks off")


def test_a_base_url_without_v1(emulator: Emulator) -> None:
    emulator.inject_fault(
        faults.HTTPResponse(status=404, body="<title>Not here</title>"), operation="create_realtime_client_secret"
    )
    url = emulator.base_url.removesuffix("/v1")
    result = run("secret", "--base-url", url)
    assert result.exit_code == 1
    assert result.stderr.endswith(f"-> no API there: the base URL of most servers ends in /v1; try {url}/v1\n")


def test_http_to_another_machine_needs_a_flag() -> None:
    result = run("secret", "--base-url", "http://gateway.test/v1", env={"OPENAI_API_KEY": KEY})
    assert error_line(result).startswith("Error: base_url: http to gateway.test would send the key in the clear")
    assert "--insecure-http" in result.stderr.splitlines()[-1]


def test_advice_for_the_emulator_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("call", "hangup", "rtc_unknown", "--emulator").stderr.count("\n") == 1
