import asyncio
import json
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.cli import DEADLINE, error_line, process, run
from support.webhooks import Service, receiving

from openai_realtime import AsyncRealtimeClient, RealtimeSessionConfig
from openai_realtime.emulator import Emulator
from openai_realtime.web.webhooks import unwrap_webhook

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with asyncio.timeout(2 * DEADLINE), receiving() as service:
        yield service


async def test_a_call_from_the_ring_to_the_end(emulator: Emulator, service: Service, tmp_path: Path) -> None:
    said = tmp_path / "said.wav"
    with wave.open(str(said), "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(b"\1\2" * 2400)
    call = ["ring", "--webhook", service.url, "--from", "+49301234", "--audio", str(said), "--keys", "1#"]
    ringing = asyncio.create_task(asyncio.to_thread(process, *call))
    headers, body = await service.webhooks.get()
    assert unwrap_webhook(headers, body, emulator.webhook_secret)
    data = json.loads(body)["data"]
    assert data["sip_headers"] == [{"name": "From", "value": "<sip:+49301234@sip.example.com>"}]
    call_id = data["call_id"]
    async with AsyncRealtimeClient(**emulator.client_options) as client:
        await client.accept_realtime_call(call_id, RealtimeSessionConfig(model="gpt-realtime-2.1"))
        async with client.connect(call_id=call_id) as connection:
            keys = [(await anext(connection)).raw["event"] for _ in range(2)]
            await client.hangup_realtime_call(call_id)
    result = await ringing
    assert keys == ["1", "#"]
    assert (result.returncode, result.stderr) == (0, "")
    first, *progress, last = result.stdout.splitlines()
    assert first == f"Ringing: {call_id}"
    assert set(progress) == {"Webhook: answered with 200", "Accepted"}
    assert last == "Over: the service hung up; heard 0.0 s of the model"


async def test_a_call_that_is_declined(emulator: Emulator, service: Service) -> None:
    ringing = asyncio.create_task(asyncio.to_thread(process, "ring", "--webhook", service.url))
    _, body = await service.webhooks.get()
    async with AsyncRealtimeClient(**emulator.client_options) as client:
        await client.reject_realtime_call(json.loads(body)["data"]["call_id"], 486)
    result = await ringing
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "Over: rejected with 486; heard 0.0 s of the model"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ctrl_c_hangs_up(
    interruptible: None, emulator: Emulator, service: Service, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "openai_realtime", "ring", "--webhook", service.url]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    await service.webhooks.get()
    assert child.stdout is not None
    assert b"Ringing" in await child.stdout.readline()
    child.send_signal(number)
    output, errors = await child.communicate()
    assert (child.returncode, errors) == (1, b"")
    assert output.endswith(b"Over: the caller hung up; heard 0.0 s of the model\n")


def test_what_cannot_be_rung(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("ring")
    assert result.exit_code == 1
    assert "webhook_url: there is none" in error_line(result)
    assert "no emulator answers at http://127.0.0.1:9/emulator/" in error_line(
        run("ring", "--base-url", "http://127.0.0.1:9/v1")
    )
    monkeypatch.delenv("OPENAI_BASE_URL")
    result = run("ring")
    assert result.exit_code == 2
    assert "no emulator is named" in error_line(result)
