import re
import signal
import subprocess
import sys
from pathlib import Path

from support.cli import DEADLINE, read_until, run

from openai_realtime import RealtimeClient, RealtimeSessionConfig
from openai_realtime.emulator import Emulator
from openai_realtime.recording import read

TEXT = RealtimeSessionConfig(output_modalities=["text"])


def test_a_session_through_the_proxy_is_recorded_until_ctrl_c(
    interruptible: None, emulator: Emulator, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "openai_realtime", "proxy", "--port", "0", "--base-url", emulator.base_url]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: S603
        try:
            (url,) = re.findall(r"OPENAI_BASE_URL=(\S+)", read_until(child.stdout, "Ctrl-C ends it."))
            emulator.reply("Noon.")
            with (
                RealtimeClient(base_url=url, api_key=emulator.api_key) as client,
                client.connect(model="gpt-realtime-2.1", session=TEXT) as connection,
            ):
                assert connection.ask("What time is it?").text == "Noon."
            assert "session.jsonl" in read_until(child.stdout, "recorded")
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=DEADLINE)
        finally:
            child.kill()
    assert (child.returncode, errors) == (0, b"")
    assert "response.done" in [entry.type for entry in read(tmp_path / "session.jsonl")]


def test_a_port_that_is_taken(emulator: Emulator) -> None:
    port = emulator.base_url.removesuffix("/v1").rpartition(":")[2]
    result = run("proxy", "--emulator", "--port", port)
    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in result.stderr
