import re
import signal
import subprocess
import sys

import pytest
from support.cli import DEADLINE, error_line, read_until, run

from openai_realtime.emulator import Emulator


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
