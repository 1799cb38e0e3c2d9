import json
import re

import pytest
from support.cli import error_line, process, run

from openai_realtime import decode_server_event
from openai_realtime.cli.commands.demo import _cost
from openai_realtime.emulator import Emulator, faults


def test_demo_without_a_key_runs_on_the_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.invalid/v1")
    result = run("demo")
    assert (result.exit_code, result.stderr) == (0, "")
    first, *_ = result.stdout.splitlines()
    assert re.fullmatch(
        r"OPENAI_API_KEY is not set: using the built-in emulator at http://127\.0\.0\.1:\d+/v1; "
        r"nothing leaves this machine\.",
        first,
    )
    assert result.stdout.count("ek_***") == 3
    assert len(re.findall(r"HTTP 200 in .*\n +request id +req_", result.stdout)) == 3
    assert re.search(r"4\. A text turn\n.*\n  said +Say hello\.\n  answer +Say hello\.\n", result.stdout)
    assert re.search(r"said +Say goodbye\.\n  answer +Say goodbye\.\n  audio +0\.7 s of PCM16", result.stdout)
    assert len(re.findall(r"  events +\d+ in \d+ ms\n  tokens +\d+ in, \d+ out\n", result.stdout)) == 2
    assert "All 5 worked" in result.stdout


def test_demo_with_a_key_asks_the_server_and_never_shows_it(emulator: Emulator) -> None:
    result = run("demo")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Using the API at {emulator.base_url} with the key in OPENAI_API_KEY.\n")
    assert emulator.api_key not in result.stdout
    paths = [request.path.removeprefix("/v1/realtime/") for request in emulator.requests]
    assert paths == ["client_secrets", "sessions", "transcription_sessions", "/v1/realtime?model=gpt-realtime-2.1"]


def test_demo_on_the_emulator_although_there_is_a_key(emulator: Emulator) -> None:
    result = run("demo", "--emulator")
    assert result.exit_code == 0
    assert result.stdout.startswith("Using the built-in emulator at ")
    assert emulator.requests == []


def test_demo_takes_a_retired_beta_kindly(retired: Emulator) -> None:
    result = run("demo")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("HTTP 400: retired; the API ended its beta") == 2
    assert "3 worked; 2 of the beta are retired" in result.stdout


def test_demo_of_a_retired_beta_without_request_id(retired: Emulator) -> None:
    gone = {"error": {"message": "gone", "type": "invalid_request_error", "code": "beta_api_shape_disabled"}}
    retired.inject_fault(
        faults.HTTPResponse(status=400, body=json.dumps(gone), headers={"x-request-id": ""}),
        operation="create_realtime_session",
    )
    assert run("demo").stdout.count("request id") == 2


def test_demo_fails_if_the_secret_does(emulator: Emulator) -> None:
    emulator.inject_fault(faults.HTTPResponse(status=403), operation="create_realtime_client_secret")
    result = run("demo")
    assert result.exit_code == 1
    assert error_line(result).startswith("Error: HTTP 403")


def test_demo_fails_if_the_session_does(emulator: Emulator) -> None:
    emulator.inject_fault(faults.HTTPResponse(status=403), operation="connect")
    result = run("demo")
    assert result.exit_code == 1
    assert "4. A text turn" not in result.stdout
    assert error_line(result).startswith("Error: HTTP 403")


def test_demo_of_a_server_that_tells_no_usage(emulator: Emulator) -> None:
    response = {"id": "r", "status": "completed", "usage": None}
    assert _cost(decode_server_event(json.dumps({"type": "response.done", "response": response}))) == []


def test_demo_of_another_server_needs_its_key(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    result = run("demo", "--base-url", emulator.base_url)
    assert result.exit_code == 2
    assert error_line(result).startswith("Error: no API key")


def test_a_process_demonstrates_without_a_key_and_without_colours() -> None:
    result = process("demo")
    assert (result.returncode, result.stderr) == (0, "")
    assert "All 5 worked" in result.stdout
    assert "\x1b" not in result.stdout
