import re
import sys
from pathlib import Path

import pytest
from support.cli import PAUSE, SECOND, Terminal, config_seen, error_line, run, wav

from openai_realtime.audio import duration, level, read_wav
from openai_realtime.cli.commands import talk as talk_module
from openai_realtime.emulator import Emulator, Reply, ToolCall, faults
from openai_realtime.models import FailureDetails

SHORT = SECOND[:12_000]


@pytest.fixture(autouse=True)
def soon_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk_module, "_QUIET_BLOCKS", 15)


def test_a_conversation_from_a_file_into_a_file(emulator: Emulator, tmp_path: Path) -> None:
    emulator.queue_transcripts("How are you?")
    emulator.reply(Reply(text="I am fine.", audio=SHORT))
    result = run("talk", "--input", wav(tmp_path / "a.wav", SHORT, PAUSE), "--output", str(tmp_path / "b.wav"))
    assert (result.exit_code, re.sub(r"\d\.\d\d", "N", result.stdout)) == (
        0,
        "you: How are you?\nmodel: I am fine. (after N s)\n",
    )
    assert re.fullmatch(r"1 answer, begun after \d\.\d\d s \(median\); [\d,]+ tokens\.\n", result.stderr)
    heard = read_wav(tmp_path / "b.wav")
    assert SHORT in heard
    assert duration(heard) >= 1.0


def test_the_model_is_interrupted_where_it_was_heard(emulator: Emulator, tmp_path: Path) -> None:
    emulator.queue_transcripts("Count.", "Stop.")
    emulator.reply(Reply(text="One two three four five.", audio=SECOND * 5), Reply(text="Bye.", audio=SHORT))
    path = wav(tmp_path / "a.wav", SHORT, PAUSE * 6, SHORT, PAUSE * 2)
    result = run("talk", "--input", path, "--output", str(tmp_path / "b.wav"))
    you, model, stop, bye = result.stdout.splitlines()
    assert (you, stop) == ("you: Count.", "you: Stop.")
    assert re.fullmatch(r"model: One.* \(after \d\.\d\d s, cut at \d\.\d s\)", model)
    assert "five" not in model
    assert bye.startswith("model: Bye.")
    assert duration(read_wav(tmp_path / "b.wav")) < 5


def test_the_settings_reach_the_session(emulator: Emulator, tmp_path: Path) -> None:
    seen = config_seen(emulator)
    arguments = ["--voice", "cedar", "--instructions", "Be brief.", "--model", "gpt-realtime"]
    assert run("talk", "--input", wav(tmp_path / "a.wav", SHORT, PAUSE), *arguments).exit_code == 0
    assert seen[0]["instructions"] == "Be brief."
    assert seen[0]["audio"]["output"]["voice"] == "cedar"
    assert emulator.requests[0].path.startswith("/v1/realtime?model=gpt-realtime")


def test_tool_calls_and_failures_are_lines(emulator: Emulator, tmp_path: Path) -> None:
    failure = FailureDetails(type="server_error", code="server_error", message="Too \x1b[31mhot.")
    emulator.reply(Reply(tool_calls=[ToolCall(name="weather", arguments='{"city": "Rome"}')]), Reply(failure=failure))
    result = run("talk", "--input", wav(tmp_path / "a.wav", *[SHORT, PAUSE * 2] * 2))
    assert 'tool: weather {"city": "Rome"}' in result.stdout.splitlines()
    assert "error: the answer is failed: Too ?[31mhot." in result.stdout.splitlines()


def test_a_lost_connection_is_replaced(emulator: Emulator, tmp_path: Path) -> None:
    emulator.inject_fault(faults.Drop(at=2))
    result = run("talk", "--input", wav(tmp_path / "a.wav", SHORT, PAUSE * 2, SHORT, PAUSE))
    assert result.exit_code == 0
    assert result.stdout.startswith("you: 0.8 seconds of speech.\nmodel: 0.8 seconds")


def test_a_terminal_shows_what_is_said_and_how_loud(emulator: Emulator, interruptible: None, tmp_path: Path) -> None:
    emulator.queue_transcripts("How are you?")
    emulator.reply(Reply(text="I am fine.", audio=SECOND))
    with Terminal("talk", "--input", wav(tmp_path / "a.wav", SHORT, PAUSE, bytes(480_000))) as terminal:
        terminal.until("How are you?")
        terminal.until("model #")
        terminal.until("I am fine.  ")
        terminal.type("m")
        terminal.until("mic muted")
        terminal.type("q")
        assert terminal.end() == 0
    assert "1 answer, begun after" in terminal.seen
    assert terminal.seen.rfind("\x1b[?25h") > terminal.seen.rfind("\x1b[?25l")


def test_space_interrupts_the_model(emulator: Emulator, interruptible: None, tmp_path: Path) -> None:
    emulator.reply(Reply(text=" ".join(map(str, range(100))), audio=SECOND * 9))
    with Terminal("talk", "--input", wav(tmp_path / "a.wav", SHORT, PAUSE, bytes(480_000))) as terminal:
        for _ in range(8):
            terminal.until("model #")
        terminal.type(" ")
        terminal.until("cut at")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.seen


@pytest.mark.parametrize("echo", ["--echo-cancellation", "--no-echo-cancellation"])
def test_devices(emulator: Emulator, interruptible: None, echo: str) -> None:
    with Terminal("talk", "--audio-backend", "null", echo) as terminal:
        terminal.until("m mutes")
        terminal.type("m")
        terminal.until("mic muted")
        terminal.type("m")
        terminal.until("mic ..........")
        terminal.type("q")
        assert terminal.end() == 0
    assert "0 answers; 0 tokens." in terminal.seen


def test_without_a_key_it_is_the_emulator(tmp_path: Path) -> None:
    result = run("talk", "--input", wav(tmp_path / "a.wav", SHORT, PAUSE), "--output", str(tmp_path / "b.wav"))
    assert result.exit_code == 0
    assert result.stderr.startswith("OPENAI_API_KEY is not set: using the built-in emulator")
    assert "seconds of speech." in result.stdout
    assert level(read_wav(tmp_path / "b.wav")) > 0


def test_what_cannot_work_is_told_at_once(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no.wav").write_bytes(b"ID3")
    result = run("talk", "--input", str(tmp_path / "no.wav"))
    assert result.exit_code == 2
    assert "not a WAV file" in error_line(result)
    result = run("talk", "--audio-backend", "null", "--microphone", "Bose")
    assert (result.exit_code, error_line(result)) == (
        2,
        "Error: no sound device is called 'Bose'; there are: NULL Capture Device",
    )
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    result = run("talk", "--audio-backend", "null")
    assert result.exit_code == 2
    assert "pip install 'openai-realtime[aec]'" in error_line(result)
    assert emulator.requests == []
