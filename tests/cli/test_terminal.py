import json
import os
import re
import threading

import pytest
from support.cli import DEADLINE, error_line, process, run

from openai_realtime.cli import terminal
from openai_realtime.cli.terminal import one_line, printable, waiting
from openai_realtime.emulator import Emulator, faults


def test_what_a_server_says_cannot_break_the_line_or_steer_the_terminal(emulator: Emulator) -> None:
    message = {"message": "two\nlines \x1b[31mand colour, key ek_0123456789abcdef", "type": "x", "code": "y"}
    emulator.inject_fault(
        faults.HTTPResponse(status=400, body=json.dumps({"error": message})), operation="create_realtime_client_secret"
    )
    line = error_line(run("secret"))
    assert re.search(r"two lines \W?\[31mand colour, key ek_\*\*\*", line)
    assert line.isprintable()


def test_one_line_is_printable_and_without_secrets() -> None:
    assert one_line("a\r\n b\t\x1b[2J\x07 sk-proj-abcdef") == "a b ?[2J? sk-***"


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_a_terminal_gets_colours_in_a_frame_that_fits(emulator: Emulator, columns: int) -> None:
    text = "Speak slowly, and [bold]do not[/bold] shout. " * 3
    terminal = {"FORCE_COLOR": "1", "COLUMNS": str(columns)}
    result = run("secret", "--instructions", text, env=terminal)
    assert "\x1b[" in result.stdout
    plain = re.sub(r"\x1b\[[\d;]*m", "", result.stdout).splitlines()
    frame = [line for line in plain if line.startswith(("╭", "│", "╰"))]
    assert {len(line) for line in frame} == {min(columns, 100)}
    assert "[bold]do" in "".join(plain)


def test_a_process_with_an_old_encoding_prints_any_text(emulator: Emulator) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    result = process("secret", "--instructions", "Grüße, 你好", env=environment, encoding="latin-1")
    assert (result.returncode, result.stderr) == (0, "")
    assert r"Grüße, \u4f60\u597d" in result.stdout


def test_printable_keeps_what_languages_need() -> None:
    text = "می\u200cخواهم 🏳️‍🌈\n"  # noqa: RUF001 - Persian
    assert printable(text) == text
    assert printable("\ud800") == ""


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "_PATIENCE", 0.0)


def test_a_long_wait_is_told(at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told, said = threading.Event(), []

    def remember(text: str) -> None:
        said.append(text)
        told.set()

    monkeypatch.setattr(terminal, "print_stderr", remember)
    with waiting("api.openai.com"):
        assert told.wait(DEADLINE)
    assert said == ["Waiting for api.openai.com (Ctrl-C ends it)."]


def test_a_short_wait_is_not_and_leaves_no_thread(capsys: pytest.CaptureFixture[str]) -> None:
    before = {*threading.enumerate()}
    with waiting("api.openai.com"):
        pass
    assert {*threading.enumerate()} <= before
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", [["secret"], ["chat"]])
def test_a_command_says_for_whom_it_waits(at_once: None, emulator: Emulator, command: list[str]) -> None:
    for operation in ("create_realtime_client_secret", "connect"):
        emulator.inject_fault(faults.Delay(seconds=0.2), operation=operation)
    result = run(*command, input="")
    assert result.exit_code == 0
    host = emulator.base_url.removeprefix("http://").removesuffix("/v1")
    assert result.stderr == f"Waiting for {host} (Ctrl-C ends it).\n"
