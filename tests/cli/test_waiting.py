import threading

import pytest
from support.cli import DEADLINE, run

from openai_realtime.cli import waiting as module
from openai_realtime.cli.waiting import waiting
from openai_realtime.emulator import Emulator, faults


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.0)


def test_a_long_wait_is_told(at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told, said = threading.Event(), []

    def remember(text: str) -> None:
        said.append(text)
        told.set()

    monkeypatch.setattr(module, "print_stderr", remember)
    with waiting("api.openai.com"):
        assert told.wait(DEADLINE)
    assert said == ["Waiting for api.openai.com (Ctrl-C ends it)."]


def test_a_short_wait_is_not_and_leaves_no_thread(capsys: pytest.CaptureFixture[str]) -> None:
    before = {*threading.enumerate()}
    with waiting("api.openai.com"):
        pass
    assert {*threading.enumerate()} <= before
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", [["secret"], ["chat"]])
def test_a_command_says_for_whom_it_waits(at_once: None, emulator: Emulator, command: list[str]) -> None:
    for operation in ("create_realtime_client_secret", "connect"):
        emulator.inject_fault(faults.Delay(seconds=0.2), operation=operation)
    result = run(*command, input="")
    assert result.exit_code == 0
    host = emulator.base_url.removeprefix("http://").removesuffix("/v1")
    assert result.stderr == f"Waiting for {host} (Ctrl-C ends it).\n"
