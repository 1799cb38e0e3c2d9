import os
import wave
from pathlib import Path
from typing import NoReturn

import pytest
from support.cli import SECOND, Terminal, config_seen, error_line, run

from openai_realtime.emulator import Emulator, Reply, faults
from openai_realtime.models.responses import FailureDetails


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
        (Reply(text="Hm", audio=SECOND), faults.Drop(at="response.output_audio.done"), "closed with 1006"),
        (Reply(), None, "the answer has no audio; nothing was written"),
    ],
)
def test_say_without_an_answer_leaves_no_file(
    emulator: Emulator, tmp_path: Path, reply: Reply, fault: faults.Fault | None, message: str
) -> None:
    emulator.reply(reply)
    if fault is not None:
        emulator.inject_fault(fault)
    result = run("say", "Hello", "--output", str(tmp_path / "a.wav"))
    assert result.exit_code == 1
    assert error_line(result).startswith(f"Error: {message}")
    assert list(tmp_path.iterdir()) == []


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
