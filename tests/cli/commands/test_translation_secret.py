from pathlib import Path
from typing import Any

import pytest
from support.cli import error_line, run, write

from openai_realtime.emulator import Emulator


@pytest.mark.parametrize("command", ["session", "transcription-session", "translation-secret"])
def test_the_other_commands_take_their_own_fields(emulator: Emulator, tmp_path: Path, command: str) -> None:
    settings: dict[str, Any] = {"input_audio_format": "g711_ulaw"}
    if command == "translation-secret":
        settings = {"session": {"model": "gpt-realtime-translate"}}
    assert run(command, "--config", write(tmp_path / "settings.json", settings)).exit_code == 0
    assert emulator.requests[0].json == settings


def test_something_missing_without_a_file() -> None:
    result = run("translation-secret", "--language", "de")
    assert (result.exit_code, error_line(result)) == (2, "Error: session.model: missing; needs a string")
