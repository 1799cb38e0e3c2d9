import re
import socket
from pathlib import Path

import pytest
from support.cli import SECOND, error_line, run, wav

from openai_realtime.cli.server import Server
from openai_realtime.emulator import Emulator


def test_the_emulator_for_one_command_gets_no_key_of_ours(emulator: Emulator) -> None:
    for arguments in (["--emulator", "secret"], ["secret", "--emulator"]):
        assert run(*arguments).exit_code == 0
    assert emulator.requests == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chat"], "It repeats what you say."),
        (["say", "Hi", "--output", "{}/reply.wav"], "It repeats your words, and hums in place of a voice."),
        (["transcribe", "{}/talk.wav"], "It understands no words, and tells how long each turn is."),
    ],
)
def test_without_a_key_the_emulator_answers_and_stderr_says_so(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    wav(tmp_path / "talk.wav", SECOND)
    result = run(*(argument.format(tmp_path) for argument in arguments), input="Hi\n")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 2 if "say" in arguments else 1)
    pattern = r"OPENAI_API_KEY is not set: using the built-in emulator at http://127\.0\.0\.1:\d+/v1; "
    assert re.fullmatch(pattern + re.escape(f"nothing leaves this machine. {expected}"), error_line(result))


def test_with_a_key_the_server_answers_and_nothing_is_said_about_it(emulator: Emulator) -> None:
    result = run("chat", input="Hi\n")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Hi\n", "")
    assert [request.path for request in emulator.requests] == ["/v1/realtime?model=gpt-realtime-2.1"]


def test_the_emulator_although_there_is_a_key(emulator: Emulator) -> None:
    result = run("chat", "--emulator", input="Hi\n")
    assert result.stdout == "Hi\n"
    assert error_line(result).startswith("Using the built-in emulator at ")
    assert emulator.requests == []


def test_a_server_named_in_the_environment_needs_its_key(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", emulator.base_url)
    result = run("chat", input="Hi\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no API key" in result.stderr


def test_another_server_needs_its_key(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    result = run("chat", "--base-url", emulator.base_url, input="Hi\n")
    assert result.exit_code == 2
    assert error_line(result).startswith("Error: no API key")


def test_the_timeout_holds_for_opening_a_session() -> None:
    assert Server().connect_options.open_timeout == 30.0
    assert Server(timeout=2.5).connect_options.open_timeout == 2.5


def test_a_flag_allows_http_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    url = "http://gateway.test/v1"
    assert "FAIL  Base URL   base_url: http to gateway.test" in run("doctor", "--base-url", url).stdout
    assert f"ok    Base URL   {url}" in run("doctor", "--base-url", url, "--insecure-http").stdout
