import importlib.metadata
import re

import pytest
from support.cli import run

from openai_realtime.emulator import Emulator, faults


def test_doctor_finds_all_well_and_contacts_the_base_url_only(emulator: Emulator) -> None:
    result = run("doctor")
    assert result.exit_code == 0, result.stdout
    lines = result.stdout.splitlines()
    assert [line[:15].split() for line in lines[:8]] == [
        ["ok", "Python"],
        ["ok", "Libraries"],
        ["ok", "Key"],
        ["ok", "Base", "URL"],
        ["ok", "Network"],
        ["ok", "Access"],
        ["ok", "WebSocket"],
        ["ok", "Model"],
    ]
    assert lines[-1] == "All is well."
    assert emulator.api_key not in result.stdout
    asked, *others = emulator.requests
    assert [other.path for other in others] == ["/v1/realtime?model=gpt-realtime-2.1", "/v1/models"]
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
        (faults.HTTPResponse(status=401), "the server does not know this key"),
        (faults.HTTPResponse(status=403), "the key may not do this"),
        (faults.HTTPResponse(status=404), "a base URL ends in /v1"),
        (faults.HTTPResponse(status=429), "too many requests, or no credit"),
        (faults.HTTPResponse(status=500), "try again later"),
        (faults.Drop(), "breaks off: look at the proxy settings"),
        (faults.HTTPResponse(body="<html>", content_type="text/html"), "a proxy or a login page is in between"),
    ],
)
def test_doctor_says_what_to_do_about_a_refusal(emulator: Emulator, fault: faults.Fault, fix: str) -> None:
    emulator.inject_fault(fault, operation="create_realtime_client_secret")
    result = run("doctor")
    assert result.exit_code == 1
    assert re.search(rf"^FAIL +Access .*\n +-> .*{re.escape(fix)}", result.stdout, re.MULTILINE), result.stdout
    assert [request.path for request in emulator.requests].count("/v1/realtime/client_secrets") == 1


def test_doctor_on_a_terminal(emulator: Emulator) -> None:
    emulator.inject_fault(faults.HTTPResponse(status=401), operation="create_realtime_client_secret")
    result = run("doctor", env={"FORCE_COLOR": "1", "COLUMNS": "80"})
    plain = re.sub(r"\x1b\[[\d;]*m", "", result.stdout)
    assert plain != result.stdout
    assert re.search(r"^FAIL +Access +HTTP 401", plain, re.MULTILINE)
    assert max(map(len, plain.splitlines())) <= 80


def test_doctor_run_from_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.requires", not_installed)
    assert re.search(r"^ok +Libraries +openai-realtime [\d.]+$", run("doctor", "--emulator").stdout, re.MULTILINE)
