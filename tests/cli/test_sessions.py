"""The commands that hold a session: chat, say and transcribe."""

import asyncio
import contextlib
import io
import json
import math
import os
import re
import select
import signal
import struct
import subprocess
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, Self

import click
import pytest
from click.testing import CliRunner, Result

from openai_realtime import decode_server_event, encode
from openai_realtime.cli import main
from openai_realtime.cli.connection import Connection
from openai_realtime.cli.output import printable
from openai_realtime.cli.turns import ResponseFailedError
from openai_realtime.emulator import Emulator, LiveFault, Reply
from openai_realtime.errors import APITimeoutError, RealtimeEventError
from openai_realtime.models.responses import FailureDetails

# As attributes of the package these names are the commands.
chat_module = sys.modules["openai_realtime.cli.chat"]
transcribe_module = sys.modules["openai_realtime.cli.transcribe"]

DEADLINE = 20.0  # seconds; the most that any wait takes
SECOND = b"".join(struct.pack("<h", round(9000 * math.sin(index * math.pi / 40))) for index in range(24_000))
PAUSE = bytes(24_000)  # half a second, which ends a turn
FAILED = json.dumps(
    {
        "type": "conversation.item.input_audio_transcription.failed",
        "item_id": "x",
        "error": {"message": "too \x1b[31m loud"},
    }
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own shell: no key, no server, no proxy, no wish for colours."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "COLUMNS", "LINES", "PYTHONIOENCODING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", server.api_key)
        yield server


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that was started with SIGINT ignored (as in a background job) gives that to its children: undo it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="openai-realtime", **options)


def error_line(result: Result) -> str:
    """The one line on stderr."""
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.removesuffix("\n")


def config_seen(emulator: Emulator) -> list[Any]:
    """The session's settings, once the model has answered."""
    seen: list[Any] = []

    def look(_: str) -> bool:
        (connection,) = emulator._connections
        seen.append(connection.session._config)  # type: ignore[attr-defined]
        return True

    emulator.reply(Reply(text="Yes.", audio=SECOND), when=look)
    return seen


def wav(path: Path, *pieces: bytes, rate: int = 24_000, channels: int = 1) -> str:
    with wave.open(str(path), "wb") as writer:
        writer.setparams((channels, 2, rate, 0, "NONE", ""))
        writer.writeframes(b"".join(pieces))
    return str(path)


class Terminal:
    """A process with a terminal of its own, in which ^C is Ctrl-C. `stdout` may be elsewhere."""

    def __init__(self, *arguments: str, columns: int = 80, stdout: Any = None) -> None:
        self.master, slave = os.openpty()
        # Opened anew by a session's leader, a terminal becomes the one whose Ctrl-C is the session's.
        code = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execv(sys.executable, sys.argv[1:])"
        command = [sys.executable, "-c", code, sys.executable, "-m", "openai_realtime", *arguments]
        environment = {**os.environ, "COLUMNS": str(columns)}
        self.process = subprocess.Popen(  # noqa: S603
            command, stdin=slave, stdout=stdout or slave, stderr=slave, start_new_session=True, env=environment
        )
        os.close(slave)
        self.seen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)
        os.close(self.master)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, text: str) -> str:
        """What comes, up to `text`; more may stay in `seen`."""
        while text not in self.seen:
            assert self._more(), f"it ended after {self.seen!r}"
        before, found, self.seen = self.seen.partition(text)
        return before + found

    def end(self) -> int:
        """The exit code. What came until then is in `seen`."""
        while self._more():
            pass
        return self.process.wait(DEADLINE)

    def interrupted(self) -> int:
        """The exit code after Ctrl-C at a prompt. readline may miss one that comes just before it listens."""
        for _ in range(10):
            self.type("\x03")
            ready, _, _ = select.select([self.master], [], [], 2.0)
            if ready:
                break
        return self.end()

    def _more(self) -> bool:
        ready, _, _ = select.select([self.master], [], [], DEADLINE)
        assert ready, f"nothing more after {self.seen!r}"
        with contextlib.suppress(OSError):  # Linux's way to say that the other side is closed
            data = os.read(self.master, 65536)
            self.seen += data.decode(errors="replace")
            return bool(data)
        return False


def shown(text: str) -> list[str]:
    """What a terminal shows after `text`: lines, without empty ones. It knows what rich sends, and nothing else."""
    lines, row, column = [""], 0, 0
    for control, code, plain in re.findall(r"(\x1b\[([?\d;]*[A-Za-z]))|([^\x1b])", text):
        if control:
            if code.endswith("A"):
                row -= int(code[:-1] or 1)
                assert row >= 0, "above the first line"
            elif code == "2K":
                lines[row] = ""
            else:
                assert code[-1] in "mhl", code
        elif plain == "\n":
            row += 1
            lines += [""] * (row - len(lines) + 1)
        elif plain == "\r":
            column = 0
        else:
            lines[row] = lines[row].ljust(column)[:column] + plain + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines if line.strip()]


# --- which server -----------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("command", [["chat"], ["say", "Hi", "--output", "{}/a.wav"], ["transcribe", "{}/talk.wav"]])
def test_a_refusal_is_one_line_and_exit_1(emulator: Emulator, command: list[str], tmp_path: Path) -> None:
    wav(tmp_path / "talk.wav", SECOND)
    os.environ["OPENAI_API_KEY"] = "sk-wrong"
    result = run(*(argument.format(tmp_path) for argument in command), input="Hi\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: HTTP 401 invalid_api_key: Incorrect API key provided")
    assert not (tmp_path / "a.wav").exists()


def test_the_timeout_holds_for_opening_a_session() -> None:
    assert Connection().connect_options.open_timeout == 10.0
    assert Connection(timeout=2.5).connect_options.open_timeout == 2.5


# --- chat -------------------------------------------------------------------------------------------------------------


def test_chat_answers_every_line_of_a_pipe(emulator: Emulator) -> None:
    result = run("chat", input="one\n\n  \ntwo")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "one\ntwo\n", "")


def test_chat_sends_its_options(emulator: Emulator) -> None:
    seen = config_seen(emulator)
    assert run("chat", "--model", "gpt-realtime", "--instructions", "Be brief.", input="Hi\n").stdout == "Yes.\n"
    assert emulator.requests[0].path == "/v1/realtime?model=gpt-realtime"
    assert (seen[0]["instructions"], seen[0]["output_modalities"]) == ("Be brief.", ["text"])


def test_chat_leaves_the_servers_instructions_alone(emulator: Emulator) -> None:
    seen = config_seen(emulator)
    run("chat", input="Hi\n")
    assert "instructions" not in seen[0]


def test_chat_in_a_pipe_ends_with_a_failed_answer(emulator: Emulator) -> None:
    emulator.reply(Reply(failure=FailureDetails(type="server_error", code="oops", message="Out of \x1b[31mwords")))
    result = run("chat", input="one\ntwo\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result) == "Error: the answer is failed: Out of ?[31mwords"


def test_chat_says_why_an_answer_is_not_whole(emulator: Emulator) -> None:
    emulator.reply(Reply(text="So far", incomplete="max_output_tokens"))
    result = run("chat", input="one\ntwo\n")
    assert (result.exit_code, result.stdout) == (0, "So far\ntwo\n")
    assert error_line(result) == "Warning: the answer is incomplete: max_output_tokens"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (LiveFault(kind="drop", at="response.output_text.delta"), "Error: closed with 1006: "),
        (
            LiveFault(kind="close", at="response.output_text.delta", code=1011, reason="no"),
            "Error: closed with 1011: no",
        ),
        (
            LiveFault(kind="close", at="response.output_text.delta", code=1000),
            "Error: the server closed the session before the answer was complete",
        ),
        (
            LiveFault(
                kind="message", at="response.output_text.delta", message='{"type":"error","error":{"message":"Sorry."}}'
            ),
            "Error: error: Sorry.",
        ),
    ],
)
def test_chat_in_a_pipe_ends_with_the_session(emulator: Emulator, fault: LiveFault, message: str) -> None:
    emulator.disturb(fault)
    result = run("chat", input="one\ntwo\n")
    assert result.exit_code == 1
    assert error_line(result).startswith(message)


def test_chat_cannot_be_used_to_steer_the_terminal(emulator: Emulator) -> None:
    emulator.reply("red \x1b[31m\r\x07\x9b\ttab\nline ü 👩‍👧")
    assert run("chat", input="Hi\n").stdout == "red [31m\ttab\nline ü 👩‍👧\n"


def test_printable_keeps_what_languages_need() -> None:
    text = "می\u200cخواهم 🏳️‍🌈\n"  # noqa: RUF001 - Persian
    assert printable(text) == text
    assert printable("\ud800") == ""


def test_chat_takes_any_bytes_and_any_encoding(emulator: Emulator) -> None:
    assert run("chat", input=b"a\xff\n").stdout == "a�\n"
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "openai_realtime", "chat"]
    result = subprocess.run(  # noqa: S603
        command, input="ü\n".encode("latin-1"), capture_output=True, env=environment, timeout=DEADLINE, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "ü\n".encode("latin-1"), b"")


def delta(item_id: str, text: str | None) -> Any:
    event = {"type": "response.output_text.delta", "response_id": "r", "item_id": item_id, "delta": text}
    return decode_server_event(json.dumps(event))


def test_each_message_of_an_answer_begins_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [delta("a", "Let me"), delta("a", " see."), delta("b", "It is"), delta("b", None), delta("b", " five.")]
    monkeypatch.setattr(chat_module, "ask", lambda *_: events)
    chat_module._print_answer(None, "What time is it?")
    assert capsys.readouterr().out == "Let me see.\nIt is five.\n"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ('{"status":"failed"}', "the answer is failed"),
        ('{"status":"failed","status_details":{"error":{"code":"c"}}}', "the answer is failed: c"),
    ],
)
def test_a_failure_without_a_reason(response: str, message: str) -> None:
    judge = sys.modules["openai_realtime.cli.turns"]._judge
    with pytest.raises(ResponseFailedError) as failed:
        judge(decode_server_event(f'{{"type":"response.done","response":{response}}}'))
    assert failed.value.message == message


# --- chat in a terminal -----------------------------------------------------------------------------------------------


def test_ctrl_c_stops_the_answer_and_the_conversation_goes_on(emulator: Emulator, interruptible: None) -> None:
    emulator.reply(Reply(text="one two three four", pause_after=2), "Still here.")
    with Terminal("chat") as terminal:
        assert "Ctrl-C stops an answer" in terminal.until("> ")
        terminal.type("count\n")
        terminal.until("one two")
        terminal.type("\x03")
        assert "three" not in terminal.until("Stopping the answer.")
        terminal.until("> ")
        terminal.type("are you there?\n")
        terminal.until("Still here.")
        terminal.until("> ")
        terminal.type("\x04")
        assert terminal.end() == 0


def test_ctrl_c_after_the_answer_was_complete_waits_for_nothing(emulator: Emulator, interruptible: None) -> None:
    """The server has nothing to cancel, and the events that nobody read belong to no later answer."""
    emulator.disturb(LiveFault(kind="delay", at="response.done", seconds=0.3))
    with Terminal("chat") as terminal:
        terminal.until("> ")
        terminal.type("one\n")
        terminal.until("one\r\none")
        terminal.type("\x03")
        terminal.until("> ")
        terminal.type("two\n")
        assert "one" not in terminal.until("two\r\ntwo\r\n")
        terminal.until("> ")
        terminal.type("\x04")
        assert terminal.end() == 0


def test_ctrl_c_at_the_prompt_ends_the_conversation(emulator: Emulator, interruptible: None) -> None:
    with Terminal("chat") as terminal:
        terminal.until("> ")
        assert terminal.interrupted() == 130
    assert "Traceback" not in terminal.seen


def test_a_second_ctrl_c_ends_the_conversation_even_if_the_server_is_silent(
    emulator: Emulator, interruptible: None
) -> None:
    emulator.reply(Reply(text="one two three", pause_after=1))
    with Terminal("chat") as terminal:
        terminal.until("> ")
        terminal.type("count\n")
        terminal.until("one")
        emulator.disturb_now(LiveFault(kind="silence"))
        terminal.type("\x03")
        terminal.until("Stopping the answer.")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.seen


def test_an_error_in_a_terminal_does_not_end_the_conversation(emulator: Emulator, interruptible: None) -> None:
    emulator.reply(Reply(failure=FailureDetails(message="Out of words")), "Better now.", "Third.")
    emulator.disturb(
        LiveFault(kind="message", at="response.output_text.delta", message='{"type":"error","error":{"code":"odd"}}')
    )
    with Terminal("chat") as terminal:
        terminal.until("> ")
        terminal.type("one\n")
        terminal.until("Error: the answer is failed: Out of words")
        terminal.until("> ")
        terminal.type("two\n")
        terminal.until("Error: odd: no message")
        terminal.until("> ")
        terminal.type("three\n")
        assert "Better" not in terminal.until("Third.")
        terminal.until("> ")
        terminal.type("\x04")
        assert terminal.end() == 0


def test_the_prompt_is_not_part_of_what_goes_into_a_file(
    emulator: Emulator, interruptible: None, tmp_path: Path
) -> None:
    with (tmp_path / "answers").open("wb") as file, Terminal("chat", stdout=file) as terminal:
        terminal.until("> ")
        terminal.type("one\n")
        terminal.until("> ")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert (tmp_path / "answers").read_text() == "one\n"


def test_ctrl_c_in_a_pipe_ends_the_program(emulator: Emulator, interruptible: None) -> None:
    emulator.reply(Reply(text="one two three", pause_after=1))
    command = [sys.executable, "-m", "openai_realtime", "chat"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as child:  # type: ignore[call-overload]  # noqa: S603
        try:
            child.stdin.write(b"count\nagain\n")
            child.stdin.close()
            assert child.stdout.read(3) == b"one"
            child.send_signal(signal.SIGINT)
            assert child.wait(DEADLINE) == 130
            assert (child.stdout.read(), child.stderr.read().strip()) == (b"\n", b"")
        finally:
            child.kill()


def test_chat_without_readline(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "readline", None)
    lines = iter(["Hi", ""])
    monkeypatch.setattr(chat_module, "_line", lambda **_: next(lines, None) or stop())
    assert list(chat_module._lines(interactive=True)) == ["Hi"]


def stop() -> NoReturn:
    raise EOFError


# --- say --------------------------------------------------------------------------------------------------------------


def test_say_writes_the_audio_that_the_server_sent(emulator: Emulator, tmp_path: Path) -> None:
    emulator.reply(Reply(text="Hello to you.", audio=SECOND + SECOND[:1000]))
    result = run("say", "Hello", "--output", str(tmp_path / "reply.wav"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"Hello to you.\n1.0 s of speech are in {tmp_path}/reply.wav.\n"
    with wave.open(str(tmp_path / "reply.wav")) as reader:
        assert reader.getparams()[:4] == (1, 2, 24_000, 24_500)
        assert reader.readframes(30_000) == SECOND + SECOND[:1000]
    assert [path.name for path in tmp_path.iterdir()] == ["reply.wav"]


def test_say_sends_its_options(emulator: Emulator, tmp_path: Path) -> None:
    seen = config_seen(emulator)
    options = ["--voice", "cedar", "--instructions", "Whisper.", "--model", "gpt-realtime"]
    assert run("say", "Hello", "--output", str(tmp_path / "a.wav"), *options).exit_code == 0
    assert (seen[0]["instructions"], seen[0]["output_modalities"]) == ("Whisper.", ["audio"])
    assert seen[0]["audio"]["output"] == {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "cedar"}
    assert emulator.requests[0].path == "/v1/realtime?model=gpt-realtime"


def test_say_takes_the_place_of_an_older_file(emulator: Emulator, tmp_path: Path) -> None:
    real, link = tmp_path / "real.wav", tmp_path / "link.wav"
    real.write_text("old")
    link.symlink_to(real)
    assert run("say", "Hello", "--output", str(link)).exit_code == 0
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"RIFF")
    assert {path.name for path in tmp_path.iterdir()} == {"real.wav", "link.wav"}


def test_say_makes_an_ordinary_file(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    assert run("say", "Hello", "--output", str(tmp_path / "a.wav")).exit_code == 0
    assert (tmp_path / "a.wav").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_say_writes_to_a_device_and_leaves_it_there(emulator: Emulator) -> None:
    assert run("say", "Hello", "--output", os.devnull).exit_code == 0
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize(
    ("reply", "fault", "message"),
    [
        (Reply(failure=FailureDetails(message="No.")), None, "the answer is failed: No."),
        (Reply(text="Hm", audio=SECOND), LiveFault(kind="drop", at="response.output_audio.done"), "closed with 1006"),
        (Reply(), None, "the answer has no audio; nothing was written"),
    ],
)
def test_say_without_an_answer_leaves_no_file(
    emulator: Emulator, tmp_path: Path, reply: Reply, fault: LiveFault | None, message: str
) -> None:
    emulator.reply(reply)
    if fault is not None:
        emulator.disturb(fault)
    result = run("say", "Hello", "--output", str(tmp_path / "a.wav"))
    assert result.exit_code == 1
    assert error_line(result).startswith(f"Error: {message}")
    assert list(tmp_path.iterdir()) == []


def test_audio_that_is_none_is_the_servers_fault() -> None:
    event: Any = decode_server_event('{"type":"response.output_audio.delta","delta":"no base64!"}')
    with pytest.raises(click.ClickException) as failed:
        sys.modules["openai_realtime.cli.turns"].sound(event)
    assert (failed.value.message, failed.value.exit_code) == ("the server sent audio that is not base64", 1)


def test_say_that_cannot_finish_its_file_leaves_the_old_one(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.wav").write_text("old")
    monkeypatch.setattr(Path, "replace", full)
    result = run("say", "Hello", "--output", str(tmp_path / "a.wav"))
    assert result.exit_code == 1
    assert "No space left on device" in error_line(result)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_say_keeps_what_there_is_of_an_incomplete_answer(emulator: Emulator, tmp_path: Path) -> None:
    emulator.reply(Reply(text="So far", audio=SECOND, incomplete="content_filter"))
    result = run("say", "Hello", "--output", str(tmp_path / "a.wav"))
    assert result.exit_code == 0
    assert error_line(result) == "Warning: the answer is incomplete: content_filter"
    assert (tmp_path / "a.wav").stat().st_size == 44 + len(SECOND)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Hello"], "Missing option '--output'."),
        (["Hello", "--output", "-"], "--output takes a file; --json prints on standard output."),
        (["Hello", "--output", "/nowhere/a.wav"], "--output: the directory of /nowhere/a.wav is not there, or not"),
        (["  ", "--output", "a.wav"], "TEXT is empty."),
    ],
)
def test_say_refuses_before_it_connects(emulator: Emulator, arguments: list[str], message: str) -> None:
    result = run("say", *arguments)
    assert result.exit_code == 2
    assert error_line(result).startswith(f"Error: {message}")
    assert emulator.requests == []


def test_ctrl_c_leaves_no_file(emulator: Emulator, interruptible: None, tmp_path: Path) -> None:
    emulator.reply(Reply(text="one two three", audio=SECOND, pause_after=3))
    with Terminal("say", "Hello", "--output", str(tmp_path / "a.wav")) as terminal:
        terminal.until("one")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.seen
    assert list(tmp_path.iterdir()) == []


# --- transcribe -------------------------------------------------------------------------------------------------------


def test_transcribe_prints_a_line_a_turn(emulator: Emulator, tmp_path: Path) -> None:
    emulator.hear("One.", " Two\nlines. ", "Three.")
    result = run("transcribe", wav(tmp_path / "a.wav", *[SECOND, PAUSE] * 2, SECOND))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "One.\nTwo lines.\nThree.\n", "")
    assert [request.path for request in emulator.requests] == ["/v1/realtime?intent=transcription"]


def test_transcribe_reads_standard_input(emulator: Emulator, tmp_path: Path) -> None:
    data = Path(wav(tmp_path / "a.wav", SECOND)).read_bytes()
    assert run("transcribe", "-", input=data).stdout == "1.0 seconds of speech.\n"


def test_transcribe_resamples_and_mixes(emulator: Emulator, tmp_path: Path) -> None:
    stereo = b"".join(SECOND[index : index + 2] * 2 for index in range(0, len(SECOND), 2))
    assert run("transcribe", wav(tmp_path / "a.wav", stereo, rate=48_000, channels=2)).stdout == (
        "0.5 seconds of speech.\n"
    )


def test_transcribe_in_real_time(emulator: Emulator, tmp_path: Path) -> None:
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND[:12_000]), "--realtime")
    assert (result.exit_code, result.stdout) == (0, "0.2 seconds of speech.\n")


def test_json_of_transcribe_is_the_events(emulator: Emulator, tmp_path: Path) -> None:
    emulator.hear("One two.")
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND), "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["type"].rpartition(".")[2] for event in events] == ["delta", "delta", "completed"]
    assert (events[-1]["transcript"], events[-1]["usage"]) == ("One two.", {"type": "duration", "seconds": 1})


@pytest.mark.parametrize("model", ["gpt-live-transcribe", "gpt-realtime-whisper", "whisper-1", "gpt-4o-transcribe"])
def test_models_with_and_without_turns(emulator: Emulator, tmp_path: Path, model: str) -> None:
    emulator.hear("All of it.")
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND), "--model", model)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "All of it.\n", "")


def test_a_model_without_turns_gets_them_from_pauses(emulator: Emulator, tmp_path: Path) -> None:
    emulator.hear("One.", "Two.")
    path = wav(tmp_path / "a.wav", *[SECOND, PAUSE] * 11, SECOND)
    result = run("transcribe", path, "--model", "gpt-live-transcribe")
    assert (result.exit_code, result.stdout) == (0, "One.\nTwo.\n")


@pytest.mark.parametrize("length", [480, 2 * len(SECOND)])
def test_a_file_without_speech(emulator: Emulator, tmp_path: Path, length: int) -> None:
    result = run("transcribe", wav(tmp_path / "a.wav", bytes(length)))
    assert (result.exit_code, result.stdout, error_line(result)) == (0, "", "No speech was found.")


def test_a_turn_that_fails_is_told_and_exit_1(emulator: Emulator, tmp_path: Path) -> None:
    emulator.disturb(LiveFault(kind="message", at="input_audio_buffer.committed", message=FAILED))
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND))
    assert (result.exit_code, result.stdout) == (1, "1.0 seconds of speech.\n")
    assert result.stderr.splitlines() == [
        "Error: a turn could not be transcribed: too ?[31m loud",
        "Error: 1 turn could not be transcribed",
    ]


def test_json_has_the_failed_turn_too(emulator: Emulator, tmp_path: Path) -> None:
    emulator.disturb(LiveFault(kind="message", at="input_audio_buffer.committed", message=FAILED))
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND), "--json")
    assert json.loads(result.stdout.splitlines()[0]) == json.loads(FAILED)
    assert error_line(result) == "Error: 1 turn could not be transcribed"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (LiveFault(kind="drop", at="input_audio_buffer.committed"), "Error: closed with 1006"),
        (
            LiveFault(
                kind="message", at="input_audio_buffer.committed", message='{"type":"error","error":{"code":"x"}}'
            ),
            "Error: x: no message",
        ),
        (
            LiveFault(kind="close", at="conversation.item.input_audio_transcription.completed", code=1000),
            "Error: closed with 1000",
        ),
    ],
)
def test_a_session_that_ends_too_early(emulator: Emulator, tmp_path: Path, fault: LiveFault, message: str) -> None:
    emulator.disturb(fault)
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND))
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith(message)


def test_a_model_that_does_not_transcribe(emulator: Emulator, tmp_path: Path) -> None:
    result = run("transcribe", wav(tmp_path / "a.wav", SECOND), "--model", "nope")
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: invalid_value: ")


class Refusing:
    """A connection whose server refuses the commit."""

    async def commit_audio(self) -> NoReturn:
        raise RealtimeEventError({"error": {"code": "server_error", "message": "Sorry."}})


def test_another_refusal_of_the_last_commit_is_an_error() -> None:
    job = transcribe_module._Job(audio=None, model="gpt-live-transcribe", language=None, realtime=False)
    with pytest.raises(RealtimeEventError, match="Sorry"):
        asyncio.run(transcribe_module._finish(Refusing(), job))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("no"), "not a WAV file"),
        (wav, "holds no audio"),
        (lambda path: wav(path, SECOND, rate=44_100), "pip install 'openai-realtime[audio]'"),
    ],
)
def test_a_file_that_cannot_be_sent(
    emulator: Emulator, tmp_path: Path, make: Callable[[Path], object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    make(tmp_path / "a.wav")
    result = run("transcribe", str(tmp_path / "a.wav"))
    assert result.exit_code == 2
    assert error_line(result).startswith(f"Error: {tmp_path}/a.wav: ")
    assert message in error_line(result)
    assert emulator.requests == []


def test_no_such_file() -> None:
    result = run("transcribe", "none.wav")
    assert result.exit_code == 2
    assert "'none.wav': No such file or directory" in error_line(result)


@pytest.mark.parametrize(("model", "detects"), [("gpt-transcribe", True), ("gpt-live-transcribe-2026-09-01", False)])
def test_the_session_of_transcribe(model: str, detects: bool) -> None:  # noqa: FBT001 - a parameter of the table
    job = transcribe_module._Job(audio=None, model=model, language="de", realtime=False)
    assert job.detects_turns == detects
    assert json.loads(encode(job.session(detection=detects))) == {
        "type": "transcription",
        "audio": {
            "input": {
                "transcription": {"model": model, "language": "de"},
                "turn_detection": {"type": "server_vad"} if detects else None,
            }
        },
    }


def test_turns_end_in_a_pause_or_when_they_are_long() -> None:
    loud, quiet = SECOND[:4800], bytes(4800)  # 100 ms
    pauses = transcribe_module._Pauses()
    blocks = [loud, quiet] * 73 + [loud] * 10 + [b"", quiet] + [quiet] * 140 + [loud] * 700
    ends = [index for index, block in enumerate(blocks) if pauses.end_turn(block)]
    assert ends == [157, 157 + 140 + 460]


# --- captions: the words of turns, in any order -----------------------------------------------------------------------


def caption(kind: str, item_id: str, **fields: Any) -> Any:
    prefix = "input_audio_buffer." if kind == "committed" else "conversation.item.input_audio_transcription."
    return decode_server_event(json.dumps({"type": prefix + kind, "item_id": item_id, "content_index": 0, **fields}))


def test_lines_come_in_the_order_of_the_audio() -> None:
    captions = transcribe_module._Captions()
    assert captions.take(caption("delta", "a", delta=" Hello")) == []
    assert captions.waiting == 0  # it is not committed
    for key in "abc":
        assert captions.take(caption("committed", key)) == []
    assert captions.take(caption("completed", "b", transcript="second\n")) == []
    assert (captions.waiting, captions.words) == (2, "Hello second")
    assert captions.take(caption("delta", "a", delta=" there")) == []
    assert captions.take(caption("completed", "a", transcript="Hello there.")) == ["Hello there.", "second"]
    assert captions.take(caption("failed", "c", error={})) == []
    assert (captions.waiting, captions.words, captions.failed, captions.lines) == (0, "", 1, 2)


def test_odd_captions_do_no_harm() -> None:
    captions = transcribe_module._Captions()
    captions.take(caption("committed", "a"))
    captions.take(caption("delta", "a", delta=None))
    assert captions.take(caption("completed", "a", transcript=None)) == []
    assert (captions.waiting, captions.lines) == (0, 0)


class Silent:
    """A connection that says these events and then nothing."""

    def __init__(self, *events: Any) -> None:
        self._events = list(events)
        self.timeouts: list[float | None] = []

    async def receive(self, timeout: float | None) -> Any:
        self.timeouts.append(timeout)
        if not self._events:
            raise APITimeoutError("no event")
        return self._events.pop(0)


def test_a_server_that_never_tells_a_transcript_is_not_waited_for_forever() -> None:
    cleared = decode_server_event('{"type":"input_audio_buffer.cleared"}')
    connection = Silent(caption("committed", "a"), caption("committed", "b"), cleared)
    screen = transcribe_module._Screen(1.0, as_json=False)
    with pytest.raises(APITimeoutError, match="no transcript of 2 turns within 60 seconds"):
        asyncio.run(transcribe_module._listen(connection, transcribe_module._Captions(), screen))
    assert connection.timeouts == [None, None, None, 60.0]


# --- transcribe in a terminal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_a_terminal_shows_every_line_and_no_bar_in_the_end(
    emulator: Emulator, interruptible: None, tmp_path: Path, columns: int
) -> None:
    texts = [f"Turn {number}." for number in range(8)]
    emulator.hear(*texts)
    with Terminal("transcribe", wav(tmp_path / "a.wav", *[SECOND, PAUSE] * 8), columns=columns) as terminal:
        assert terminal.end() == 0
    assert "━" in terminal.seen
    assert shown(terminal.seen) == texts


def test_a_terminal_shows_the_words_while_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{number}" for number in range(40)]
    console = transcribe_module.Console(file=io.StringIO(), force_terminal=True, width=60)
    monkeypatch.setattr(transcribe_module, "Console", lambda **_: console)
    screen = transcribe_module._Screen(10.0, as_json=False)
    with screen:
        screen.sent(4.0)
        screen.show([], " ".join(words))
        console.print(screen._picture())
    picture = console.file.getvalue()
    assert "4.0 of 10.0 s" in picture
    assert "word39" in picture
    assert "word0 " not in picture
    assert "…" in picture


def test_ctrl_c_gives_the_cursor_back(interruptible: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", server.api_key)
        with Terminal("transcribe", wav(tmp_path / "a.wav", SECOND, PAUSE, *[SECOND] * 60), "--realtime") as terminal:
            terminal.until("seconds of speech.")
            terminal.until("\x1b[?25l")  # the bar is there again, and hides the cursor
            terminal.type("\x03")
            assert terminal.end() == 130
    assert "Traceback" not in terminal.seen
    assert terminal.seen.rfind("\x1b[?25h") > terminal.seen.rfind("\x1b[?25l")


def test_progress_goes_to_stderr_and_the_lines_into_a_file(
    emulator: Emulator, interruptible: None, tmp_path: Path
) -> None:
    emulator.hear("One.", "Two.")
    path = wav(tmp_path / "a.wav", SECOND, PAUSE, SECOND)
    with (tmp_path / "lines").open("wb") as file, Terminal("transcribe", path, stdout=file) as terminal:
        assert terminal.end() == 0
    assert (tmp_path / "lines").read_text() == "One.\nTwo.\n"
    assert "━" in terminal.seen
    assert shown(terminal.seen) == []


def test_a_dumb_terminal_gets_no_bar(
    emulator: Emulator, interruptible: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with Terminal("transcribe", wav(tmp_path / "a.wav", SECOND)) as terminal:
        assert terminal.end() == 0
    assert terminal.seen == "1.0 seconds of speech.\r\n"


def test_no_thread_is_left_behind(emulator: Emulator, tmp_path: Path) -> None:
    before = {*threading.enumerate()}
    run("transcribe", wav(tmp_path / "a.wav", SECOND))
    run("say", "Hi", "--output", str(tmp_path / "b.wav"))
    run("chat", input="Hi\n")
    assert {*threading.enumerate()} <= before
