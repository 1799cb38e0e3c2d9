import contextlib
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from support.cli import DEADLINE, error_line, read_until, run

from openai_realtime import RealtimeClient, ResponseDone
from openai_realtime.emulator import Emulator
from openai_realtime.recording import Recorder


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - where a user may let it listen
def test_the_emulator_as_a_process_ends_with_ctrl_c(
    interruptible: None, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    command = [sys.executable, "-m", "openai_realtime", "emulate", "--port", "0", "--beta-retired", "--host", host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603
        try:
            seen = read_until(child.stdout, "Ctrl-C ends it.")
            exports = dict(re.findall(r"^export (\w+)=(\S+)$", seen, re.MULTILINE))
            assert f"runs at {exports['OPENAI_BASE_URL']}\n" in seen
            assert exports["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")
            assert ("From other machines: http://" in seen) == (host != "127.0.0.1")
            for name, value in exports.items():
                monkeypatch.setenv(name, value)
            assert run("secret").exit_code == 0
            assert run("session").exit_code == 1
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=DEADLINE)
        finally:
            child.kill()
    assert (child.returncode, errors) == (0, b"")


def test_a_port_that_is_taken(emulator: Emulator) -> None:
    port = emulator.base_url.removesuffix("/v1").rpartition(":")[2]
    result = run("emulate", "--port", port)
    assert result.exit_code == 2
    line = f"cannot listen on 127.0.0.1 port {port}: address already in use; --port 0 takes a free one"
    assert line in error_line(result)


@contextlib.contextmanager
def emulating(*flags: str) -> Iterator[tuple[dict[str, str], subprocess.Popen[bytes]]]:
    """A process of the emulator, and the variables that it says to export."""
    command = [sys.executable, "-m", "openai_realtime", "emulate", "--port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603
        try:
            seen = read_until(child.stdout, "Ctrl-C ends it.")
            yield dict(re.findall(r"^export (\w+)=(\S+)$", seen, re.MULTILINE)), child
        finally:
            child.terminate()  # killed, it would leave its files
            child.wait(DEADLINE)


def answer(exports: dict[str, str], **options: Any) -> str:
    """What the model says first."""
    options |= {"base_url": exports["OPENAI_BASE_URL"], "api_key": exports["OPENAI_API_KEY"]}
    with RealtimeClient(**options) as client, client.connect(model="gpt-realtime-2.1") as connection:
        connection.create_response()
        content: Any = connection.wait_for(ResponseDone, timeout=DEADLINE).response.output[0]
        return str(content.content[0].transcript)


YAML = """
replies:
  - Half past nine.
  - {when: weather, text: Rain.}
"""


@pytest.mark.parametrize(("name", "text"), [("a.yaml", YAML), ("a.json", '{"replies": ["Half past nine."]}')])
def test_a_script_and_a_key(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with emulating("--script", str(path), "--api-key", "sk-mine", "--speed", "50") as (exports, _):
        assert exports["OPENAI_API_KEY"] == "sk-mine"
        assert answer(exports) == "Half past nine."


def test_tls_and_a_log(tmp_path: Path) -> None:
    with emulating("--tls", "--log") as (exports, child):
        assert exports["OPENAI_BASE_URL"].startswith("https://127.0.0.1:")
        assert exports["SSL_CERT_FILE"] == exports["NODE_EXTRA_CA_CERTS"]
        context = ssl.create_default_context(cafile=exports["SSL_CERT_FILE"])
        assert answer(exports, ssl=context) == "Hello."
        seen = read_until(child.stderr, "< response.done")
        assert "/v1/realtime?model=gpt-realtime-2.1 WebSocket open" in seen
        assert "> response.create, " in seen
        assert exports["OPENAI_API_KEY"] not in seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_authority_of_its_certificate_goes_with_it(interruptible: None, number: signal.Signals) -> None:
    with emulating("--tls") as (exports, child):
        folder = Path(exports["SSL_CERT_FILE"]).parent
        assert folder.exists()
        child.send_signal(number)
        _, errors = child.communicate(timeout=DEADLINE)
        assert (child.returncode, errors, folder.exists()) == (0, b"", False)


def test_a_signal_that_is_ignored_stays_ignored(interruptible: None) -> None:
    """A terminal that goes does not end what nohup started."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with emulating() as (exports, child):
            child.send_signal(signal.SIGHUP)
            assert answer(exports) == "Hello."
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=DEADLINE)
            assert child.returncode == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_certificate_of_ones_own(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "cert.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with emulating("--cert", str(tmp_path / "cert.pem")) as (exports, _):
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        assert answer(exports, ssl=context) == "Hello."
    (tmp_path / "bad.pem").write_text("no certificate")
    result = run("emulate", "--cert", str(tmp_path / "bad.pem"))
    assert result.exit_code == 2
    assert "--cert: " in error_line(result)


def test_a_recording_is_played_again(emulator: Emulator, tmp_path: Path) -> None:
    emulator.reply("As it was.")
    with (
        Recorder(tmp_path / "session.jsonl") as recorder,
        RealtimeClient(**emulator.client_options) as client,
        client.connect(model="gpt-realtime-2.1", observers=[recorder]) as connection,
    ):
        connection.create_response()
        connection.wait_for(ResponseDone, timeout=DEADLINE)
    with emulating("--replay", str(tmp_path / "session.jsonl")) as (exports, _):
        assert answer(exports) == "As it was."


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.json", '{"replies": [{"txt": "a"}]}', "replies[0].txt: unknown field"),
        ("a.json", "{", "not JSON"),
        ("a.yaml", "replies: [a", "not YAML"),
        ("a.yml", "faults: [{fault: delay}]", "faults[0].seconds: missing"),
        ("a.yml", "- a", "a list of 1 is not"),
    ],
)
def test_a_bad_script_names_the_file_and_the_path(tmp_path: Path, name: str, text: str, line: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    result = run("emulate", "--port", "0", "--script", str(path))
    assert result.exit_code == 2
    assert f"{path}: " in result.stderr
    assert line in result.stderr


def test_it_says_what_its_webhooks_are_signed_with() -> None:
    with emulating("--webhook", "http://127.0.0.1:9/") as (exports, _):
        assert exports["OPENAI_WEBHOOK_SECRET"].startswith("whsec_")
    with emulating() as (exports, _):
        assert "OPENAI_WEBHOOK_SECRET" not in exports
