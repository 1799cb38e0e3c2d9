"""What one client does costs the others little: bounds on what is read, kept and said."""

import io
import json
import logging
import threading
from typing import Any

import aiohttp
import pytest
from support.wire import ADDED, RESPOND, TEXT_ONLY, Wire, append, message, tone

from openai_realtime.emulator import Emulator
from openai_realtime.emulator.server import bodies, shared
from openai_realtime.emulator.server.worker import Worker
from openai_realtime.emulator.sessions.base import Session
from openai_realtime.emulator.wire import MAX_VALUES, has_too_many_values

pytestmark = pytest.mark.anyio


def where_it_runs(monkeypatch: pytest.MonkeyPatch, owner: Any) -> list[bool]:
    """Whether each call of ``owner.read`` from now on is in this thread, in which the emulator's event loop is."""
    read, here, seen = owner.read, threading.get_ident(), []

    def recorded(*args: Any) -> Any:
        seen.append(threading.get_ident() == here)
        return read(*args)

    monkeypatch.setattr(owner, "read", recorded)
    return seen


async def test_a_worker_has_one_thread_for_what_is_large() -> None:
    worker, here = Worker(), threading.get_ident()
    assert await worker.run(16 * 1024, threading.get_ident) == here
    beside = await worker.run(16 * 1024 + 1, threading.get_ident)
    assert await worker.run(1 << 20, threading.get_ident) == beside != here
    with pytest.raises(ValueError, match="seven"):
        await worker.run(1 << 20, int, "seven")
    worker.close()
    assert beside not in [thread.ident for thread in threading.enumerate()]


async def test_a_large_message_is_read_beside_the_event_loop(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = where_it_runs(monkeypatch, Session)
    async with Wire(emulator) as wire:
        await wire.send(message("small"), append(tone(1000)), message("word " * 10_000), {"type": "no" * 10_000})
        await wire.send('{"type": ' * 2000, {"type": "response.cancel"})
        while "Cancellation" not in (await wire.get()).get("error", {}).get("message", ""):
            pass
    assert seen == [True, False, False, False, False, True]


async def test_a_large_body_is_read_beside_the_event_loop(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = where_it_runs(monkeypatch, bodies)
    for instructions in ("word", "word " * 10_000):
        assert (await post(emulator, {"session": {"type": "realtime", "instructions": instructions}}))[0] == 200
    assert seen == [True, False]


async def post(emulator: Emulator, body: Any) -> tuple[int, Any]:
    """Mint a client secret; give the status and the answer."""
    headers = {"Authorization": f"Bearer {emulator.api_key}", "Content-Type": "application/json"}
    data = io.BytesIO(json.dumps(body).encode())
    url = f"{emulator.base_url}/realtime/client_secrets"
    async with aiohttp.ClientSession(headers=headers) as http, http.post(url, data=data) as answer:
        return answer.status, await answer.json()


MANY = [{"type": "input_text", "text": "a"}] * (MAX_VALUES // 3 + 1)


async def test_an_event_with_too_many_values_is_refused_and_the_session_goes_on(emulator: Emulator) -> None:
    item = {"type": "message", "role": "user", "content": MANY}
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY)
        await wire.until("session.updated")
        await wire.send({"type": "conversation.item.create", "item": item})
        assert (await wire.error())["message"] == f"The JSON has more than {MAX_VALUES} values."
        await wire.send(message("word, " * MAX_VALUES), RESPOND)  # a text may have as many commas as it likes
        await wire.expect(*ADDED)
        said = (await wire.until("response.done"))[-1]["response"]["output"][0]["content"][0]["text"]
    assert said == ("word, " * MAX_VALUES)[:10_000].strip()  # and the parrot does not repeat it for an hour


async def test_a_body_with_too_many_values_is_refused(emulator: Emulator) -> None:
    status, answer = await post(emulator, {"session": {f"x{number}": number for number in range(MAX_VALUES)}})
    assert (status, answer["error"]["message"]) == (400, f"The JSON has more than {MAX_VALUES} values.")


@pytest.mark.parametrize(
    ("text", "many"),
    [
        ("[" + "1," * (MAX_VALUES - 2) + "1]", False),
        ("[" + "1," * MAX_VALUES + "1]", True),
        ("[" * (MAX_VALUES + 1), True),
        ("{" + ",".join(f'"{number}": 1' for number in range(MAX_VALUES)) + "}", True),
        (json.dumps("," * (2 * MAX_VALUES)), False),
        ("," * (2 * MAX_VALUES), False),  # not JSON, which is another matter
    ],
)
def test_values_are_counted(text: str, many: bool) -> None:  # noqa: FBT001 - a column of the table
    assert has_too_many_values(text) is has_too_many_values(text.encode()) is many


async def test_a_sideband_that_does_not_read_is_cut_off_and_the_others_go_on(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared, "_MAX_BEHIND", 100)
    long = "word " * 1000
    path = f"?call_id={emulator.incoming_call()}"
    async with Wire(emulator, path) as deaf, Wire(emulator, path) as wire:
        await deaf.send(TEXT_ONLY)
        await wire.until("session.updated")
        connection: Any = deaf.socket._conn
        connection.transport.pause_reading()
        while not any(record.levelno == logging.WARNING for record in caplog.records):
            emulator.reply(long)
            await wire.send(RESPOND)
            assert (await wire.until("response.done"))[-1]["response"]["status"] == "completed"
        assert "a client that does not read its events is cut off" in caplog.text
        await wire.send(message("still there"))
        await wire.until("conversation.item.done")
