import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.cli import error_line, run, write

from openai_realtime.emulator import Emulator


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (["secret"], "client_secrets", {}),
        (
            ["secret", "--model", "m", "--voice", "ash", "--instructions", "", "--expires-after", "60"],
            "client_secrets",
            {
                "session": {
                    "type": "realtime",
                    "model": "gpt-realtime",
                    "instructions": "",
                    "audio": {"output": {"voice": "ash"}},
                },
                "expires_after": {"anchor": "created_at", "seconds": 60},
            },
        ),
        (
            ["session", "--model", "m", "--voice", "ash", "--instructions", "Hi.", "--expires-after", "60"],
            "sessions",
            {
                "model": "gpt-realtime",
                "instructions": "Hi.",
                "voice": "ash",
                "client_secret": {"expires_after": {"anchor": "created_at", "seconds": 60}},
            },
        ),
        (
            ["transcription-session", "--model", "gpt-4o-transcribe", "--expires-after", "60"],
            "transcription_sessions",
            {
                "input_audio_transcription": {"model": "gpt-4o-transcribe"},
                "client_secret": {"expires_at": {"anchor": "created_at", "seconds": 60}},
            },
        ),
        (
            ["translation-secret", "--model", "gpt-realtime-translate", "--language", "de", "--expires-after", "60"],
            "translations/client_secrets",
            {
                "session": {"model": "gpt-realtime-translate", "audio": {"output": {"language": "de"}}},
                "expires_after": {"anchor": "created_at", "seconds": 60},
            },
        ),
    ],
)
def test_flags_become_the_request(emulator: Emulator, arguments: list[str], path: str, body: Any) -> None:
    result = run(*("gpt-realtime" if argument == "m" else argument for argument in arguments))
    assert result.exit_code == 0, result.stderr
    (received,) = emulator.requests
    assert (received.path, received.json) == (f"/v1/realtime/{path}", body)
    assert re.search(r"^  secret +ek_\*\*\*$", result.stdout, re.MULTILINE)
    assert re.search(r"^  expires +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(in \d+ (s|min)\)$", result.stdout, re.MULTILINE)
    assert re.search(
        r"^  answer +HTTP 200 in \d+ ms \(server \d+ ms\)\n  request id +req_\w+$", result.stdout, re.MULTILINE
    )
    assert "--json prints it" in result.stdout


def test_secret_takes_a_session_file_and_flags_override_it(emulator: Emulator, tmp_path: Path) -> None:
    session = {"type": "realtime", "instructions": "old", "audio": {"output": {"voice": "ash", "speed": 1.25}}}
    result = run("secret", "--config", write(tmp_path / "session.json", session), "--instructions", "new")
    assert result.exit_code == 0, result.stderr
    assert emulator.requests[0].json == {"session": {**session, "instructions": "new"}}
    assert "instructions    new" in result.stdout


def test_secret_takes_a_whole_request_from_stdin(emulator: Emulator) -> None:
    request = {"session": {"type": "realtime"}, "expires_after": {"anchor": "created_at", "seconds": 30}}
    result = run("secret", "--config", "-", "--voice", "cedar", input=json.dumps(request))
    assert result.exit_code == 0, result.stderr
    session = {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}
    assert emulator.requests[0].json == {**request, "session": session}


def test_the_model_of_a_transcription_secret_goes_where_it_belongs(emulator: Emulator, tmp_path: Path) -> None:
    config = write(tmp_path / "session.json", {"type": "transcription"})
    result = run("secret", "--config", config, "--model", "gpt-4o-transcribe")
    assert result.exit_code == 0, result.stderr
    transcription = {"transcription": {"model": "gpt-4o-transcribe"}}
    assert emulator.requests[0].json == {"session": {"type": "transcription", "audio": {"input": transcription}}}
    assert "transcription   gpt-4o-transcribe" in result.stdout


def test_a_session_file_without_a_type_says_what_it_needs(tmp_path: Path) -> None:
    config = write(tmp_path / "session.json", {"model": "gpt-realtime"})
    result = run("secret", "--config", config)
    assert result.exit_code == 2
    assert error_line(result) == (
        f'Error: {config}: needs "type": "realtime" or "transcription" to be a session, or "session" to be a request'
    )
