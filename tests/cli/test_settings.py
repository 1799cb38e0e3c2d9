from pathlib import Path

import pytest
from support.cli import error_line, run, write

from openai_realtime.emulator import Emulator


def test_an_error_names_the_file_the_flag_and_every_path(emulator: Emulator, tmp_path: Path) -> None:
    session = {"type": "realtime", "instrucions": "?", "audio": {"output": {"speed": 3.0}}}
    config = write(tmp_path / "session.json", session)
    result = run("secret", "--config", config, "--expires-after", "5")
    assert result.exit_code == 2
    assert error_line(result) == (
        f"Error: {config}: audio.output.speed: 3.0 is not between 0.25 and 1.5; "
        f"{config}: instrucions: unknown field; did you mean 'instructions'?; "
        "--expires-after: 5 is not between 10 and 7200"
    )
    assert emulator.requests == []


def test_paths_of_a_whole_request_stay_whole(tmp_path: Path) -> None:
    config = write(tmp_path / "request.json", {"session": {"type": "realtime", "audio": 5}})
    result = run("secret", "--config", config, "--voice", "ash")
    assert error_line(result).startswith(f"Error: {config}: session.audio: 5 is not ")


def test_a_flag_that_the_session_has_no_place_for(tmp_path: Path) -> None:
    config = write(tmp_path / "session.json", {"type": "transcription"})
    result = run("secret", "--config", config, "--voice", "ash")
    assert result.exit_code == 2
    assert error_line(result).startswith("Error: --voice: unknown field; ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON: unexpected end of data at character 1"),
        ("[]", "a JSON object was expected, not list"),
        ('"\udcff"', "not JSON"),
    ],
)
def test_a_file_that_is_no_json_object(tmp_path: Path, text: str, problem: str) -> None:
    config = tmp_path / "session.json"
    config.write_bytes(text.encode(errors="surrogateescape"))
    result = run("session", "--config", str(config))
    assert result.exit_code == 2
    assert error_line(result).startswith(f"Error: {config}: {problem}")
