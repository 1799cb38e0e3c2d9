import io
from pathlib import Path

import pytest
from support.cli import PAUSE, SECOND, Terminal, shown, wav

from openai_realtime.cli import progress
from openai_realtime.cli.progress import Screen
from openai_realtime.emulator import Emulator


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_a_terminal_shows_every_line_and_no_bar_in_the_end(
    emulator: Emulator, interruptible: None, tmp_path: Path, columns: int
) -> None:
    texts = [f"Turn {number}." for number in range(8)]
    emulator.queue_transcripts(*texts)
    with Terminal("transcribe", wav(tmp_path / "a.wav", *[SECOND, PAUSE] * 8), columns=columns) as terminal:
        assert terminal.end() == 0
    assert "━" in terminal.seen
    assert shown(terminal.seen) == texts


def test_a_terminal_shows_the_words_while_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{number}" for number in range(40)]
    console = progress.Console(file=io.StringIO(), force_terminal=True, width=60)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    screen = Screen(10.0, as_json=False)
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
    emulator.queue_transcripts("One.", "Two.")
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
