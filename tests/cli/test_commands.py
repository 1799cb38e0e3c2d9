import contextlib
import importlib.metadata
import json
import os
import re
import select
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from openai_realtime import __main__ as entry
from openai_realtime._codec.converter import decode_server_event
from openai_realtime.cli import main
from openai_realtime.cli.demo import _cost
from openai_realtime.cli.doctor import Check, check_base_url, check_key, check_libraries, check_network, required
from openai_realtime.cli.output import facts, http_facts, mask, moment, one_line, short, write_private
from openai_realtime.emulator import Emulator, Fault
from openai_realtime.models import EmptyResult, HTTPInfo, RealtimeCreateClientSecretResponse, VoiceId
from openai_realtime.models.beta import RealtimeSessionCreateResponse

DEADLINE = 20.0  # seconds; the most that any wait takes
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-pwd:hidden\r\n"

# Made for these tests, for 127.0.0.1, good for a hundred years; it protects nothing.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoL9wztREKfs/u7Je
/dV0NAKfQA4gUT4Pb9CKb0tibBahRANCAAS2eNw6ZgmRJ1XmWJdiSFuZKllEQnX1
RTW4cv56U56ODhM6wCRR++t7PUbOFpFQXDh5LjlienMyYAbKSN4j+9Kt
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUIengwXiLzGRuF2onXIRjK4YKJ5UwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTA2MDIyNFoYDzIxMjYxMDI4
MDYwMjI0WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS2eNw6ZgmRJ1XmWJdiSFuZKllEQnX1RTW4cv56U56ODhM6wCRR++t7
PUbOFpFQXDh5LjlienMyYAbKSN4j+9Kto2QwYjAdBgNVHQ4EFgQUbuqMME2jE62J
ElTW+Nol91JwSN4wHwYDVR0jBBgwFoAUbuqMME2jE62JElTW+Nol91JwSN4wDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQCASQ/E1+pj0P00h0utMXTsGJbVrJm+yQ/FUyAqayvYZgIgPhlUrC6YuvHmtOMt
iJJNzxAVgx+Mmy15EOr8prCqFf0=
-----END CERTIFICATE-----
"""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own shell: no key, no server, no proxy, no wish for colours."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "COLUMNS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator() as server:
        use(monkeypatch, server)
        yield server


@pytest.fixture
def retired(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(beta_retired=True) as server:
        use(monkeypatch, server)
        yield server


def use(monkeypatch: pytest.MonkeyPatch, server: Emulator) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", server.api_key)


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="openai-realtime", **options)


def write(path: Path, data: Any) -> str:
    path.write_text(json.dumps(data))
    return str(path)


def error_line(result: Result | subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr."""
    assert result.stderr.endswith("\n")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr.removesuffix("\n")


# --- the operations: what is asked, and what is printed -------------------------------------------------------------


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


@pytest.mark.parametrize("command", ["session", "transcription-session", "translation-secret"])
def test_the_other_commands_take_their_own_fields(emulator: Emulator, tmp_path: Path, command: str) -> None:
    settings: dict[str, Any] = {"input_audio_format": "g711_ulaw"}
    if command == "translation-secret":
        settings = {"session": {"model": "gpt-realtime-translate"}}
    assert run(command, "--config", write(tmp_path / "settings.json", settings)).exit_code == 0
    assert emulator.requests[0].json == settings


@pytest.mark.parametrize("command", ["session", "transcription-session"])
def test_the_beta_commands_warn_in_one_line(emulator: Emulator, command: str) -> None:
    line = error_line(run(command, "--json"))
    assert line.startswith(f"Warning: create_realtime_{command.replace('-', '_')} ")
    assert line.endswith("on the command line: openai-realtime secret")


def test_a_retired_operation_says_what_to_run_instead(retired: Emulator) -> None:
    result = run("session")
    warning, error, end = result.stderr.split("\n")
    assert (result.exit_code, result.stdout, end) == (1, "", "")
    assert warning.startswith("Warning: ")
    assert error.startswith("Error: HTTP 400 beta_api_shape_disabled")
    assert error.endswith("on the command line: openai-realtime secret")


# --- calls ----------------------------------------------------------------------------------------------------------


def open_call() -> str:
    call_id = json.loads(run("call", "create", "-", "--json", input=OFFER).stdout)["call_id"]
    assert isinstance(call_id, str)
    return call_id


def test_a_call_without_settings_sends_the_offer_alone(emulator: Emulator, tmp_path: Path) -> None:
    offer = tmp_path / "offer.sdp"
    offer.write_bytes(OFFER.encode())
    result = run("call", "create", str(offer))
    assert result.exit_code == 0, result.stderr
    assert emulator.requests[0].body == OFFER.encode()
    assert emulator.requests[0].headers["content-type"] == "application/sdp"
    assert re.search(r"^  call +rtc_", result.stdout, re.MULTILINE)
    assert re.search(r"^  SDP answer +\d+ lines; --output FILE or --json gives them$", result.stdout, re.MULTILINE)
    assert "v=0" not in result.stdout


def test_a_call_with_settings_sends_both(emulator: Emulator, tmp_path: Path) -> None:
    config = write(tmp_path / "session.json", {"type": "realtime", "instructions": "Sing."})
    assert run("call", "create", "-", "--config", config, "--voice", "ash", input=OFFER).exit_code == 0
    body = emulator.requests[0].body.decode()
    assert OFFER in body
    assert '"instructions":"Sing."' in body
    assert '"audio":{"output":{"voice":"ash"}}' in body


def test_json_of_a_call_has_the_sdp(emulator: Emulator) -> None:
    answer = json.loads(run("call", "create", "-", "--model", "gpt-realtime", "--json", input=OFFER).stdout)
    assert answer["sdp"].startswith("v=0")
    assert answer["location"].endswith(answer["call_id"])


@pytest.mark.parametrize(
    ("arguments", "action", "body", "title"),
    [
        (
            ["accept", "ID", "--model", "gpt-realtime"],
            "accept",
            {"type": "realtime", "model": "gpt-realtime"},
            "Accepted",
        ),
        (["reject", "ID", "--status-code", "486"], "reject", {"status_code": 486}, "Rejected"),
        (["refer", "ID", "tel:+14155550123"], "refer", {"target_uri": "tel:+14155550123"}, "Referred"),
        (["hangup", "ID"], "hangup", None, "Hung up"),
    ],
)
def test_control_of_calls(emulator: Emulator, arguments: list[str], action: str, body: Any, title: str) -> None:
    call_id = open_call()
    result = run("call", *(call_id if argument == "ID" else argument for argument in arguments))
    assert result.exit_code == 0, result.stderr
    assert emulator.requests[-1].path == f"/v1/realtime/calls/{call_id}/{action}"
    assert emulator.requests[-1].json == body
    assert result.stdout.startswith(f"{title} {call_id}")


def test_json_of_a_call_without_a_body_is_an_empty_object(emulator: Emulator) -> None:
    assert run("call", "hangup", open_call(), "--json").stdout == "{}\n"


def test_an_offer_that_is_no_text(tmp_path: Path) -> None:
    offer = tmp_path / "offer.sdp"
    offer.write_bytes(b"\xff\xfe")
    result = run("call", "create", str(offer))
    assert (result.exit_code, error_line(result)) == (2, f"Error: {offer}: not UTF-8 text, so no SDP offer")


# --- bad input ------------------------------------------------------------------------------------------------------


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


def test_something_missing_without_a_file() -> None:
    result = run("translation-secret", "--language", "de")
    assert (result.exit_code, error_line(result)) == (2, "Error: session.model: missing; needs a string")


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


def test_no_key_says_what_to_set() -> None:
    result = run("secret")
    assert result.exit_code == 2
    assert error_line(result).startswith("Error: no API key: set OPENAI_API_KEY")


def test_help_tells_where_the_key_comes_from_and_there_is_no_flag_for_it() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "OPENAI_API_KEY only" in " ".join(result.stdout.split())
    assert run("--api-key", "sk-x", "secret").exit_code == 2


def test_version() -> None:
    assert re.fullmatch(r"openai-realtime, version [\d.]+\n", run("--version").stdout)


# --- errors of the API, the network, and ourselves ------------------------------------------------------------------


def test_an_api_error_is_one_line_and_exit_1(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789abcdef")
    result = run("secret")
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: HTTP 401 invalid_api_key: ")
    assert "0123456789" not in result.stderr


def test_what_a_server_says_cannot_break_the_line_or_steer_the_terminal(emulator: Emulator) -> None:
    message = {"message": "two\nlines \x1b[31mand colour, key ek_0123456789abcdef", "type": "x", "code": "y"}
    emulator.fail("create_realtime_client_secret", Fault(status=400, body=json.dumps({"error": message})))
    line = error_line(run("secret"))
    assert re.search(r"two lines \W?\[31mand colour, key ek_\*\*\*", line)
    assert line.isprintable()


def test_no_server_is_one_line_and_exit_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    result = run("--base-url", f"http://127.0.0.1:{port}/v1", "secret", env={"OPENAI_API_KEY": "sk-any"})
    assert (result.exit_code, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: ")


def test_timeout_is_for_one_attempt(emulator: Emulator) -> None:
    emulator.fail("create_realtime_call", Fault(delay=DEADLINE))
    result = run("call", "create", "-", "--timeout", "0.2", input=OFFER)
    assert result.exit_code == 1
    assert error_line(result).startswith("Error: ")


def test_debug_shows_the_traceback_and_then_the_line(emulator: Emulator) -> None:
    emulator.fail("create_realtime_client_secret", Fault(status=404))
    result = run("secret", "--debug")
    assert result.exit_code == 1
    assert result.stderr.startswith("Traceback (most recent call last):")
    assert result.stderr.splitlines()[-1].startswith("Error: HTTP 404")


def test_a_bug_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("openai_realtime.cli.commands.client_secret_request", broken)
    result = run("secret")
    assert (result.exit_code, error_line(result)) == (1, "Error: KeyError: 'oops'")


@pytest.mark.parametrize(
    ("category", "filtered", "code", "line"),
    [
        (DeprecationWarning, "error", 1, "Error: DeprecationWarning: something else"),
        (UserWarning, "always", 0, "Warning: something else"),
    ],
)
def test_other_warnings_keep_their_filters(
    monkeypatch: pytest.MonkeyPatch, category: type[Warning], filtered: Any, code: int, line: str
) -> None:
    def noisy(*_: object) -> EmptyResult:
        warnings.filterwarnings(filtered, message="something else")
        warnings.warn("something else", category, stacklevel=1)
        return EmptyResult()

    monkeypatch.setattr("openai_realtime._sync.client.RealtimeClient.create_realtime_client_secret", noisy)
    result = run("--emulator", "secret")
    assert (result.exit_code, error_line(result)) == (code, line)


# --- json and files -------------------------------------------------------------------------------------------------


def test_json_is_the_answer_whole_and_nothing_else(emulator: Emulator) -> None:
    result = run("secret", "--json")
    answer = json.loads(result.stdout)
    assert re.fullmatch(r"ek_\w{16,}", answer["value"])
    assert answer["session"]["type"] == "realtime"
    assert (result.stdout.count("\n"), result.stderr) == (1, "")


def test_output_is_a_private_file_and_stdout_says_where(emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    result = run("secret", "--output", str(file))
    assert result.exit_code == 0, result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    value = json.loads(file.read_bytes())["value"]
    assert value not in result.stdout
    assert f"The answer is in {file}" in result.stdout


def test_output_makes_an_open_file_private_and_replaces_it(emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    file.write_text("x" * 100_000)
    file.chmod(0o644)
    result = run("secret", "--json", "--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == result.stdout_bytes


def test_a_device_keeps_its_mode() -> None:
    before = Path(os.devnull).stat().st_mode
    write_private(os.devnull, b"x")
    assert Path(os.devnull).stat().st_mode == before


def test_a_file_that_cannot_be_written_costs_no_secret(emulator: Emulator, tmp_path: Path) -> None:
    assert run("secret", "--output", str(tmp_path / "no" / "file")).exit_code == 2
    assert emulator.requests == []


def test_the_emulator_for_one_command_gets_no_key_of_ours(emulator: Emulator) -> None:
    for arguments in (["--emulator", "secret"], ["secret", "--emulator"]):
        assert run(*arguments).exit_code == 0
    assert emulator.requests == []


# --- what is shown of an answer -------------------------------------------------------------------------------------


def test_one_line_is_printable_and_without_secrets() -> None:
    assert one_line("a\r\n b\t\x1b[2J\x07 sk-proj-abcdef") == "a b ?[2J? sk-***"


def test_mask_shows_the_kind_only() -> None:
    assert (mask("ek_1234567890"), mask("whatever")) == ("ek_***", "***")


@pytest.mark.parametrize(
    ("seconds", "distance"),
    [(99, "in 99 s"), (600, "in 10 min"), (7200, "in 2 h"), (0, "in 0 s"), (-30, "30 s ago")],
)
def test_moments_tell_how_far_they_are(seconds: int, distance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    assert moment(1_800_000_000 + seconds).endswith(f":{seconds % 60:02d} ({distance})")


@pytest.mark.parametrize(("value", "text"), [(0, ""), (None, ""), ("soon", ""), (10**30, str(10**30))])
def test_moments_that_are_none(value: Any, text: str) -> None:
    assert moment(value) == text


def test_short_values() -> None:
    assert short(VoiceId(id="voice_1")) == "voice_1"
    assert short(["audio", "text"]) == "audio, text"
    assert short({"a": 1}) == ""
    assert short("x" * 300) == "x" * 200 + "..."


def test_facts_of_an_odd_answer_are_what_it_has() -> None:
    answer = RealtimeSessionCreateResponse(client_secret=None, voice=None, model="m", id="sess_1", audio="?")  # type: ignore[arg-type]
    assert facts(answer) == [("session", "sess_1"), ("model", "m")]
    odd = RealtimeCreateClientSecretResponse(value=5, expires_at="?", session=None)  # type: ignore[arg-type]
    assert facts(odd) == [("secret", "***")]


def test_http_facts() -> None:
    assert http_facts(None) == []
    assert http_facts(HTTPInfo(status=200, headers={}, elapsed=0.25)) == [("answer", "HTTP 200 in 250 ms")]
    full = HTTPInfo(status=201, headers={}, request_id="req_1", processing_ms=3, attempts=2, elapsed=1)
    assert http_facts(full) == [
        ("answer", "HTTP 201 in 1000 ms (server 3 ms), 2 attempts"),
        ("request id", "req_1"),
    ]


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


# --- demo -----------------------------------------------------------------------------------------------------------


def test_demo_without_a_key_runs_on_the_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.invalid/v1")
    result = run("demo")
    assert (result.exit_code, result.stderr) == (0, "")
    first, *_ = result.stdout.splitlines()
    assert re.fullmatch(
        r"OPENAI_API_KEY is not set: using the built-in emulator at http://127\.0\.0\.1:\d+/v1; "
        r"nothing leaves this machine\.",
        first,
    )
    assert result.stdout.count("ek_***") == 3
    assert len(re.findall(r"HTTP 200 in .*\n +request id +req_", result.stdout)) == 3
    assert re.search(r"4\. A text turn\n.*\n  said +Say hello\.\n  answer +Say hello\.\n", result.stdout)
    assert re.search(r"said +Say goodbye\.\n  answer +Say goodbye\.\n  audio +0\.7 s of PCM16", result.stdout)
    assert len(re.findall(r"  events +\d+ in \d+ ms\n  tokens +\d+ in, \d+ out\n", result.stdout)) == 2
    assert "All 5 worked" in result.stdout


def test_demo_with_a_key_asks_the_server_and_never_shows_it(emulator: Emulator) -> None:
    result = run("demo")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Using the API at {emulator.base_url} with the key in OPENAI_API_KEY.\n")
    assert emulator.api_key not in result.stdout
    paths = [request.path.removeprefix("/v1/realtime/") for request in emulator.requests]
    assert paths == ["client_secrets", "sessions", "transcription_sessions", "/v1/realtime?model=gpt-realtime-2.1"]


def test_demo_on_the_emulator_although_there_is_a_key(emulator: Emulator) -> None:
    result = run("demo", "--emulator")
    assert result.exit_code == 0
    assert result.stdout.startswith("Using the built-in emulator at ")
    assert emulator.requests == []


def test_demo_takes_a_retired_beta_kindly(retired: Emulator) -> None:
    result = run("demo")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("HTTP 400: retired; the API ended its beta") == 2
    assert "3 worked; 2 of the beta are retired" in result.stdout


def test_demo_of_a_retired_beta_without_request_id(retired: Emulator) -> None:
    gone = {"error": {"message": "gone", "type": "invalid_request_error", "code": "beta_api_shape_disabled"}}
    retired.fail("create_realtime_session", Fault(status=400, body=json.dumps(gone), headers={"x-request-id": ""}))
    assert run("demo").stdout.count("request id") == 2


def test_demo_fails_if_the_secret_does(emulator: Emulator) -> None:
    emulator.fail("create_realtime_client_secret", Fault(status=403))
    result = run("demo")
    assert result.exit_code == 1
    assert error_line(result).startswith("Error: HTTP 403")


def test_demo_fails_if_the_session_does(emulator: Emulator) -> None:
    emulator.fail("connect", Fault(status=403))
    result = run("demo")
    assert result.exit_code == 1
    assert "4. A text turn" not in result.stdout
    assert error_line(result).startswith("Error: HTTP 403")


def test_demo_of_a_server_that_tells_no_usage(emulator: Emulator) -> None:
    response = {"id": "r", "status": "completed", "usage": None}
    assert _cost(decode_server_event(json.dumps({"type": "response.done", "response": response}))) == []


def test_demo_of_another_server_needs_its_key(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    result = run("demo", "--base-url", emulator.base_url)
    assert result.exit_code == 2
    assert error_line(result).startswith("Error: no API key")


# --- doctor ---------------------------------------------------------------------------------------------------------


def test_doctor_finds_all_well_and_contacts_the_base_url_only(emulator: Emulator) -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.stdout
    lines = result.stdout.splitlines()
    assert [line[:15].split() for line in lines[:6]] == [
        ["ok", "Python"],
        ["ok", "Libraries"],
        ["ok", "Key"],
        ["ok", "Base", "URL"],
        ["ok", "Network"],
        ["ok", "Access"],
    ]
    assert lines[-1] == "All is well."
    assert emulator.api_key not in result.stdout
    (asked,) = emulator.requests
    assert asked.json == {"expires_after": {"anchor": "created_at", "seconds": 10}}


def test_doctor_on_the_emulator() -> None:
    assert run("doctor", "--emulator", "--timeout", "10").exit_code == 0


def test_doctor_without_a_key(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    result = run("doctor")
    assert result.exit_code == 1
    assert re.search(r"^FAIL +Key +OPENAI_API_KEY is not set\n +-> export OPENAI_API_KEY", result.stdout, re.MULTILINE)
    assert re.search(r"^- +Access +not tried$", result.stdout, re.MULTILINE)
    assert result.stdout.endswith("\n1 to fix.\n")
    assert emulator.requests == []


def test_doctor_with_a_base_url_that_is_none(emulator: Emulator) -> None:
    result = run("doctor", "--base-url", "http://elsewhere.invalid/v1")
    assert result.exit_code == 1
    assert re.search(r"^FAIL +Base URL .*\n +-> correct OPENAI_BASE_URL", result.stdout, re.MULTILINE)
    assert re.search(r"^- +Network +not tried$", result.stdout, re.MULTILINE)
    assert emulator.requests == []


@pytest.mark.parametrize(
    ("fault", "fix"),
    [
        (Fault(status=401), "the server does not know this key"),
        (Fault(status=403), "the key may not do this"),
        (Fault(status=404), "a base URL ends in /v1"),
        (Fault(status=429), "too many requests, or no credit"),
        (Fault(status=500), "try again later"),
        (Fault(reset=True), "see the lines above"),
        (Fault(body="<html>", content_type="text/html"), "see the lines above"),
    ],
)
def test_doctor_says_what_to_do_about_a_refusal(emulator: Emulator, fault: Fault, fix: str) -> None:
    emulator.fail("create_realtime_client_secret", fault)
    result = run("doctor")
    assert result.exit_code == 1
    assert re.search(rf"^FAIL +Access .*\n +-> .*{re.escape(fix)}", result.stdout, re.MULTILINE), result.stdout
    assert len(emulator.requests) == 1


def test_doctor_on_a_terminal(emulator: Emulator) -> None:
    emulator.fail("create_realtime_client_secret", Fault(status=401))
    result = run("doctor", env={"FORCE_COLOR": "1", "COLUMNS": "80"})
    plain = re.sub(r"\x1b\[[\d;]*m", "", result.stdout)
    assert plain != result.stdout
    assert re.search(r"^FAIL +Access +HTTP 401", plain, re.MULTILINE)
    assert max(map(len, plain.splitlines())) <= 80


@pytest.mark.parametrize(
    ("key", "ok", "found"),
    [
        ("", False, "not set"),
        (None, False, "not set"),
        ("sk-proj-0123456789abcdef", True, "sk-***"),
        (" sk-proj-0123456789abcdef\n", True, "sk-***"),
        ("sk-...", False, "cut short"),
        ("sk-short", False, "cut short"),
        ("ek_0123456789abcdef", False, "a client secret"),
        ("sk-abc 0123456789abcdef", False, "api_key: "),
        ("my-gateway-key", True, "in another form"),
    ],
)
def test_keys(key: object, ok: bool, found: str) -> None:  # noqa: FBT001 - a parameter of the table
    check = check_key(key)
    assert (check.ok, bool(check.fix)) == (ok, not ok)
    assert found in check.found
    assert "abcdef" not in check.found


def test_the_base_url_of_openai_ends_in_v1() -> None:
    assert check_base_url({}, {}).ok
    check = check_base_url({}, {"OPENAI_BASE_URL": "https://api.openai.com"})
    assert (check.ok, check.fix) == (False, "OpenAI's is https://api.openai.com/v1")


def test_libraries_and_their_least_versions() -> None:
    least = required(["aiohttp>=3.11.11", 'click>=8.1.7; extra == "cli"', "ruff>=0.9; extra == 'test'", "attrs"])
    assert least == {"aiohttp": "3.11.11", "click": "8.1.7"}
    assert check_libraries(least, {"aiohttp": "3.12.0rc1", "click": "8.2"}.__getitem__).ok
    check = check_libraries(least, {"aiohttp": "3.9", "click": "8.2"}.__getitem__)
    assert (check.ok, check.fix) == (False, "pip install 'aiohttp>=3.11.11'")


def test_doctor_run_from_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.requires", not_installed)
    assert re.search(r"^ok +Libraries +openai-realtime [\d.]+$", run("doctor", "--emulator").stdout, re.MULTILINE)


def network(url: str, seconds: float = DEADLINE) -> Check:
    return check_network(urlsplit(url), seconds)


def test_network_of_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    check = network(f"http://127.0.0.1:{port}/v1")
    assert not check.ok
    assert check.fix.startswith("is a server running there?")


def test_network_behind_a_proxy_is_left_to_the_access_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:hidden@proxy.invalid:8080")
    check = network("https://api.openai.com/v1")
    assert (check.ok, check.found) == (None, "through the proxy proxy.invalid; the next line tests it")


def test_network_without_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    check = network("https://api.openai.com/v1")
    assert not check.ok
    assert check.fix.startswith("check the host name")


def test_network_of_a_host_that_no_resolver_takes() -> None:
    check = network("https://ex..ample.com/v1")
    assert not check.ok
    assert check.fix.startswith("check the host name")


def test_network_with_dns_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(DEADLINE))
    try:
        check = network("https://api.openai.com/v1", 0.05)
    finally:
        done.set()
    assert (check.ok, check.found) == (False, "api.openai.com: no answer within 0.05 s")


def test_network_tries_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        monkeypatch.setattr(socket, "create_connection", only_numeric(socket.create_connection))
        assert network(f"http://two.invalid:{port}/v1").found == f"127.0.0.1 port {port} answers"


def only_numeric(connect: Callable[..., socket.socket]) -> Callable[..., socket.socket]:
    """create_connection resolves names itself, which the test above has replaced: connect directly."""

    def direct(address: tuple[str, int], timeout: float) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(timeout)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection

    assert callable(connect)
    return direct


class TlsServer:
    """Takes one connection and shakes hands, or does not."""

    def __init__(self, certificate: Path, *, silent: bool = False) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.silent = silent
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.serve)

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(DEADLINE)
        with connection:
            if self.silent:
                self.done.wait(DEADLINE)
                return
            with contextlib.suppress(OSError):  # the client may not trust us
                self.context.wrap_socket(connection, server_side=True).close()

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join(DEADLINE)
        self.listener.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "certificate.pem"
    file.write_text(CERTIFICATE)
    return file


def test_network_with_a_trusted_certificate(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with TlsServer(certificate) as server:
        check = network(server.url)
    assert (check.ok, check.fix) == (True, "")
    assert re.fullmatch(r"127\.0\.0\.1 port \d+ answers, TLSv1\.3", check.found)


def test_network_with_a_certificate_of_nobody(certificate: Path) -> None:
    with TlsServer(certificate) as server:
        check = network(server.url)
    assert not check.ok
    assert "SSL_CERT_FILE" in check.fix


def test_network_with_a_server_that_says_nothing(certificate: Path) -> None:
    with TlsServer(certificate, silent=True) as server:
        check = network(server.url, 0.1)
    assert (check.ok, check.found) == (False, "127.0.0.1: no answer within 0.1 s")


def test_network_with_a_server_that_speaks_no_tls(emulator: Emulator) -> None:
    check = network(emulator.base_url.replace("http:", "https:"))
    assert not check.ok
    assert check.fix.startswith("no TLS there")


# --- as a process of its own ----------------------------------------------------------------------------------------


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that was started with SIGINT ignored (as in a background job) gives that to its children: undo it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def process(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "openai_realtime", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False, **options)  # noqa: S603


def read_until(stream: Any, text: str) -> str:
    """What `stream` brings until `text` is in it."""
    seen = ""
    while text not in seen:
        ready, _, _ = select.select([stream], [], [], DEADLINE)
        assert ready, f"nothing more after {seen!r}"
        data = os.read(stream.fileno(), 4096)
        assert data, f"it ended after {seen!r}"
        seen += data.decode()
    return seen


def test_a_process_demonstrates_without_a_key_and_without_colours() -> None:
    result = process("demo")
    assert (result.returncode, result.stderr) == (0, "")
    assert "All 5 worked" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_process_prints_json_only(emulator: Emulator) -> None:
    result = process("secret", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["value"].startswith("ek_")


def test_a_process_tells_apart_bad_input_and_a_refusal(emulator: Emulator) -> None:
    result = process("call", "hangup", "rtc_unknown")
    assert (result.returncode, result.stdout) == (1, "")
    assert error_line(result).startswith("Error: HTTP 404")
    result = process("secret", "--expires-after", "1")
    assert (result.returncode, error_line(result)) == (2, "Error: --expires-after: 1 is not between 10 and 7200")


def test_a_process_with_an_old_encoding_prints_any_text(emulator: Emulator) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    result = process("secret", "--instructions", "Grüße, 你好", env=environment, encoding="latin-1")
    assert (result.returncode, result.stderr) == (0, "")
    assert r"Grüße, \u4f60\u597d" in result.stdout


def test_the_emulator_as_a_process_ends_with_ctrl_c(interruptible: None, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "openai_realtime", "emulate", "--port", "0", "--beta-retired"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603
        try:
            seen = read_until(child.stdout, "Ctrl-C ends it.")
            exports = dict(re.findall(r"^export (\w+)=(\S+)$", seen, re.MULTILINE))
            assert f"runs at {exports['OPENAI_BASE_URL']}\n" in seen
            for name, value in exports.items():
                monkeypatch.setenv(name, value)
            assert run("secret").exit_code == 0
            assert run("session").exit_code == 1
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=DEADLINE)
        finally:
            child.kill()
    assert (child.returncode, errors) == (0, b"")


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


# --- the entry point ------------------------------------------------------------------------------------------------


def without(module: str) -> "subprocess.CompletedProcess[str]":
    code = f"import sys; sys.modules[{module!r}] = None; from openai_realtime.__main__ import main; main()"
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


@pytest.mark.parametrize("module", ["click", "rich", "rich.console"])
def test_a_missing_extra_is_one_line_that_says_how_to_install_it(module: str) -> None:
    result = without(module)
    assert (result.returncode, result.stdout) == (2, "")
    assert error_line(result).endswith("pip install 'openai-realtime[cli]'")


def test_another_missing_module_is_no_missing_extra() -> None:
    result = without("aiohttp")
    assert result.returncode == 1
    assert "No module named 'aiohttp'" in result.stderr or "import of aiohttp halted" in result.stderr


def test_the_entry_point(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["openai-realtime", "--version"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert not ended.value.code
    assert capsys.readouterr().out.startswith("openai-realtime, version ")


def test_ctrl_c_while_modules_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("openai_realtime.cli.main", interrupted)
    with pytest.raises(SystemExit, match="130"):
        entry.main()


def test_a_session_file_without_a_type_says_what_it_needs(tmp_path: Path) -> None:
    config = write(tmp_path / "session.json", {"model": "gpt-realtime"})
    result = run("secret", "--config", config)
    assert result.exit_code == 2
    assert error_line(result) == (
        f'Error: {config}: needs "type": "realtime" or "transcription" to be a session, or "session" to be a request'
    )


def test_a_port_that_is_taken(emulator: Emulator) -> None:
    port = emulator.base_url.removesuffix("/v1").rpartition(":")[2]
    result = run("emulate", "--port", port)
    assert result.exit_code == 2
    line = f"cannot listen on 127.0.0.1 port {port}: address already in use; --port 0 takes a free one"
    assert line in error_line(result)
