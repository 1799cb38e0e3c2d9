import socket

import pytest
from support.cli import DEADLINE, error_line, run

from openai_realtime.emulator import Emulator, faults


def test_no_key_says_what_to_set() -> None:
    result = run("secret")
    assert result.exit_code == 2
    assert error_line(result).startswith("Error: no API key: set OPENAI_API_KEY")


def test_an_api_error_is_one_line_and_exit_1(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789abcdef")
    result = run("secret")
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: HTTP 401 invalid_api_key: ")
    assert "0123456789" not in result.stderr


def test_no_server_is_one_line_and_exit_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    result = run("--base-url", f"http://127.0.0.1:{port}/v1", "secret", env={"OPENAI_API_KEY": "sk-any"})
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: ")


def test_timeout_is_for_one_attempt(emulator: Emulator) -> None:
    emulator.inject_fault(faults.Delay(DEADLINE), operation="create_realtime_call")
    result = run("call", "create", "-", "--timeout", "0.2", input="v=0")
    assert result.exit_code == 1
    assert error_line(result).startswith("Error: ")
