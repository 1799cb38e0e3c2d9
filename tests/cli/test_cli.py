import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest
from support.cli import DEADLINE, SECOND, error_line, process, run, wav
from support.processes import fresh

from openai_realtime.cli import main
from openai_realtime.emulator import Emulator, faults


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["secret", "--modle", "x"], "No such option"),
        (["secrets"], "No such command 'secrets'"),
        (["secret", "--config", "/no/such/file"], "Invalid value for '--config': '/no/such/file': No such file"),
        (["secret", "--expires-after", "soon"], "Invalid value for '--expires-after'"),
        (["secret", "--timeout", "0"], "Invalid value for '--timeout'"),
        (["secret", "--output", "-"], "--output takes a file; --json prints on standard output."),
        (["secret", "--output", "/no/such/directory/file"], "--output: the directory of /no/such/directory/file is"),
        (["secret", "--output", "/"], "Invalid value for '--output'"),
        (["secret", "--emulator", "--base-url", "http://127.0.0.1:1/v1"], "--emulator and --base-url exclude"),
        (["--base-url", "ftp://x/v1", "secret"], "base_url: needs the form https://HOST/v1"),
        (["call", "reject"], "Missing argument 'CALL_ID'"),
        (["call", "reject", "rtc_1", "--status-code", "200"], "status_code: 200 is not between 300 and 699"),
        (["call", "hangup", "../x"], "call_id: '../x' is not a call id"),
        (["transcription-session", "--voice", "ash"], "No such option"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(emulator: Emulator, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert error_line(result).startswith(f"Error: {message}")
    assert emulator.requests == []


def test_wrong_usage_points_to_the_right_help() -> None:
    assert error_line(run("call", "reject", "--oops")).endswith("(see openai-realtime call reject --help)")


@pytest.mark.parametrize("arguments", [[], ["call"]])
def test_no_command_is_wrong_usage_with_help(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: openai-realtime")


def test_help_tells_where_the_key_comes_from_and_there_is_no_flag_for_it() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "OPENAI_API_KEY only" in " ".join(result.stdout.split())
    assert run("--api-key", "sk-x", "secret").exit_code == 2


def test_version() -> None:
    assert re.fullmatch(r"openai-realtime, version [\d.]+\n", run("--version").stdout)


def test_debug_shows_the_traceback_and_then_the_line(emulator: Emulator) -> None:
    emulator.inject_fault(faults.HTTPResponse(status=404), operation="create_realtime_client_secret")
    result = run("secret", "--debug")
    assert result.exit_code == 1
    assert result.stderr.startswith("Traceback (most recent call last):")
    error, advice = result.stderr.splitlines()[-2:]
    assert error.startswith("Error: HTTP 404")
    assert advice == "-> no API there: a base URL ends in /v1 for most servers"


def test_a_bug_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("openai_realtime.cli.commands.secret.client_secret_request", broken)
    result = run("secret")
    assert (result.exit_code, error_line(result)) == (1, "Error: KeyError: 'oops'")


def test_a_process_tells_apart_bad_input_and_a_refusal(emulator: Emulator) -> None:
    result = process("call", "hangup", "rtc_unknown")
    assert (result.returncode, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: HTTP 404")
    result = process("secret", "--expires-after", "1")
    assert (result.returncode, error_line(result)) == (2, "Error: --expires-after: 1 is not between 10 and 7200")


def test_ctrl_c_during_a_call_is_exit_130_without_traceback(interruptible: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        command = [sys.executable, "-m", "openai_realtime", "--base-url", url, "secret"]
        environment = {**os.environ, "OPENAI_API_KEY": "sk-any"}
        with subprocess.Popen(  # noqa: S603
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            try:
                connection, _ = server.accept()
                with connection:
                    child.send_signal(signal.SIGINT)
                    output, errors = child.communicate(timeout=DEADLINE)
            finally:
                child.kill()
    assert (child.returncode, output, errors.strip()) == (130, b"", b"")


@pytest.mark.parametrize("command", [["chat"], ["say", "Hi", "--output", "{}/a.wav"], ["transcribe", "{}/talk.wav"]])
def test_a_refusal_is_one_line_and_exit_1(emulator: Emulator, command: list[str], tmp_path: Path) -> None:
    wav(tmp_path / "talk.wav", SECOND)
    os.environ["OPENAI_API_KEY"] = "sk-wrong"
    result = run(*(argument.format(tmp_path) for argument in command), input="Hi\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: HTTP 401 invalid_api_key: Incorrect API key provided")
    assert not (tmp_path / "a.wav").exists()


def test_no_thread_is_left_behind(emulator: Emulator, tmp_path: Path) -> None:
    before = {*threading.enumerate()}
    run("transcribe", wav(tmp_path / "a.wav", SECOND))
    run("say", "Hi", "--output", str(tmp_path / "b.wav"))
    run("chat", input="Hi\n")
    assert {*threading.enumerate()} <= before


def test_the_help_has_the_first_line_of_each_command_and_imports_none() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        _, command, _ = main.resolve_command(context, [name])
        assert main.commands[name].help == (command.help or "").partition("\n")[0]
    code = "import sys; from openai_realtime.cli import main; main(['--help'], standalone_mode=False)"
    loaded = f"import atexit; atexit.register(lambda: print(*sys.modules)); {code}"
    modules = fresh(f"import sys; {loaded}").split()
    assert not {"aiohttp", "openai_realtime.emulator", "openai_realtime._client"} & {*modules}
