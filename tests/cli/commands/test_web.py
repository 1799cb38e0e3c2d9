import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from support.cli import DEADLINE, read_until, run

from openai_realtime.emulator import Emulator


def test_the_page_is_served_until_ctrl_c(interruptible: None) -> None:
    command = [sys.executable, "-m", "openai_realtime", "web", "--port", "0", "--emulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603
        try:
            seen = read_until(child.stdout, "Ctrl-C ends it.")
            (url,) = re.findall(r"http://127\.0\.0\.1:\d+/", seen)
            for path, text in (
                ("", "<title>Talk to the model</title>"),
                ("realtime.js", "export class RealtimeSession"),
            ):
                with urllib.request.urlopen(url + path, timeout=DEADLINE) as response:  # noqa: S310 - of this machine
                    assert text in response.read().decode()
                    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
            secret = urllib.request.Request(url + "client_secret", data=b"", method="POST")  # noqa: S310
            with urllib.request.urlopen(secret, timeout=DEADLINE) as response:  # noqa: S310
                assert b'"value":"ek_' in response.read()
            # By a name that somebody made to lead here.
            foreign = urllib.request.Request(secret.full_url, b"", {"Host": "evil.example"}, method="POST")  # noqa: S310
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(foreign, timeout=DEADLINE)  # noqa: S310
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=DEADLINE)
        finally:
            child.kill()
    assert child.returncode == 0
    assert b"built-in emulator" in errors
    assert b"Traceback" not in errors


def test_a_port_that_is_taken(emulator: Emulator) -> None:
    port = emulator.base_url.removesuffix("/v1").rpartition(":")[2]
    result = run("web", "--emulator", "--port", port)
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1 port {port}: address already in use" in result.stderr
