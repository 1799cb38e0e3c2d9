import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from support.cli import DEADLINE, Terminal, config_seen, error_line, run

from openai_realtime import decode_server_event
from openai_realtime.cli.commands import chat as chat_module
from openai_realtime.emulator import Emulator, Reply, faults
from openai_realtime.models.responses import FailureDetails


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
        (faults.Drop(at="response.output_text.delta"), "Error: closed with 1006: "),
        (
            faults.Close(at="response.output_text.delta", code=1011, reason="no"),
            "Error: closed with 1011: no",
        ),
        (
            faults.Close(at="response.output_text.delta", code=1000),
            "Error: the server closed the session before the answer was complete",
        ),
        (
            faults.Message(at="response.output_text.delta", message='{"type":"error","error":{"message":"Sorry."}}'),
            "Error: error: Sorry.",
        ),
    ],
)
def test_chat_in_a_pipe_ends_with_the_session(emulator: Emulator, fault: faults.Fault, message: str) -> None:
    emulator.inject_fault(fault)
    result = run("chat", input="one\ntwo\n")
    assert result.exit_code == 1
    assert error_line(result).startswith(message)


def test_chat_cannot_be_used_to_steer_the_terminal(emulator: Emulator) -> None:
    emulator.reply("red \x1b[31m\r\x07\x9b\ttab\nline ü 👩‍👧")
    assert run("chat", input="Hi\n").stdout == "red [31m\ttab\nline ü 👩‍👧\n"


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
    emulator.inject_fault(faults.Delay(at="response.done", seconds=0.3))
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
        emulator.inject_fault(faults.Silence(), now=True)
        terminal.type("\x03")
        terminal.until("Stopping the answer.")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.seen


def test_an_error_in_a_terminal_does_not_end_the_conversation(emulator: Emulator, interruptible: None) -> None:
    emulator.reply(Reply(failure=FailureDetails(message="Out of words")), "Better now.", "Third.")
    emulator.inject_fault(
        faults.Message(at="response.output_text.delta", message='{"type":"error","error":{"code":"odd"}}')
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


def test_a_connection_that_is_lost_during_an_answer_is_replaced(emulator: Emulator, interruptible: None) -> None:
    emulator.inject_fault(faults.Drop(at="response.output_text.delta"))
    with Terminal("chat") as terminal:
        terminal.until("> ")
        terminal.type("are you there?\n")
        terminal.until("The connection was lost and is there again; the answer begins anew.")
        terminal.until("\r\nare you there?\r\n")
        terminal.until("> ")
        terminal.type("\x04")
        assert terminal.end() == 0


def test_a_connection_that_is_lost_at_the_prompt_is_replaced(emulator: Emulator, interruptible: None) -> None:
    with Terminal("chat") as terminal:
        terminal.until("> ")
        terminal.type("one\n")
        terminal.until("one\r\none\r\n")
        terminal.until("> ")
        emulator.inject_fault(faults.Drop(), now=True)
        terminal.type("two\n")
        assert "Error" not in terminal.until("two\r\ntwo\r\n")
        terminal.until("> ")
        terminal.type("\x04")
        assert terminal.end() == 0


def test_a_line_is_kept_until_a_session_takes_it(emulator: Emulator, interruptible: None) -> None:
    emulator.inject_fault(faults.Close(at="response.output_text.delta", code=1000))
    with Terminal("chat") as terminal:
        terminal.until("> ")
        emulator.inject_fault(faults.HTTPResponse(status=403), operation="connect")
        terminal.type("a long line\n")
        terminal.until("Error: the server closed the session before the answer was complete")
        terminal.until("The line is kept: Enter sends it")
        terminal.until("> ")
        terminal.type("\n")
        terminal.until("Error: HTTP 403")
        terminal.until("The line is kept: Enter sends it")
        terminal.until("> ")
        terminal.type("\n")
        terminal.until("\r\na long line\r\n")
        terminal.until("> ")
        terminal.type("\n")  # nothing is kept any more
        terminal.until("> ")
        terminal.type("\x04")
        assert terminal.end() == 0
