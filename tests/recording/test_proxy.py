"""A client talks through the proxy as if it was not there, and what it says is in a file, without its key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from openai_realtime import (
    AsyncRealtimeClient,
    ConnectionClosedError,
    RealtimeCreateClientSecretRequest,
    RealtimeError,
    RealtimeSessionConfig,
    SessionExpiredError,
)
from openai_realtime.conversation import Conversation
from openai_realtime.emulator import Emulator
from openai_realtime.emulator.faults import Drop
from openai_realtime.recording import feed, read
from openai_realtime.recording.proxy import Proxy

pytestmark = pytest.mark.anyio
TEXT = RealtimeSessionConfig(output_modalities=["text"])
MODEL = "gpt-realtime-2.1"


@asynccontextmanager
async def through(emulator: Emulator, path: Path) -> AsyncIterator[AsyncRealtimeClient]:
    async with (
        Proxy(emulator.base_url, path).listening("127.0.0.1", 0) as url,
        AsyncRealtimeClient(base_url=url, api_key=emulator.api_key) as client,
    ):
        yield client


async def test_sessions_and_requests_pass_and_each_session_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with Emulator() as emulator, through(emulator, path) as client:
        emulator.reply("Hello.", "Again.")
        for text in ("Hello.", "Again."):
            async with client.connect(model=MODEL, session=TEXT) as connection:
                assert (await connection.ask("Hello?")).text == text
        secret = await client.create_realtime_client_secret(RealtimeCreateClientSecretRequest(session=TEXT))
        assert secret.value.startswith("ek_")
        key = emulator.api_key
    for name, text in (("a.jsonl", "Hello."), ("a-2.jsonl", "Again.")):
        conversation = Conversation()
        feed(tmp_path / name, conversation)
        assert [caption.text for caption in conversation.captions] == ["Hello?", text]
        assert key not in (tmp_path / name).read_text()


async def test_closes_pass_with_their_code_and_reason(tmp_path: Path) -> None:
    async with (
        Emulator() as emulator,
        through(emulator, tmp_path / "a.jsonl") as client,
        client.connect(model=MODEL) as connection,
    ):
        emulator.advance(3601)
        with pytest.raises(SessionExpiredError):
            async for _ in connection:
                pass


async def test_what_is_no_event_passes_and_is_not_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with (
        Emulator() as emulator,
        Proxy(emulator.base_url, path).listening("127.0.0.1", 0) as url,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {emulator.api_key}"}) as http,
        http.ws_connect(f"{url}/realtime?model={MODEL}", protocols=["realtime"]) as socket,
    ):
        assert socket.protocol == "realtime"
        assert (await socket.receive_json())["type"] == "session.created"
        await socket.send_str("{")
        assert (await socket.receive_json())["error"]["code"] == "invalid_json"
        await socket.send_bytes(b"{}")
        assert (await socket.receive_json())["error"]["code"] == "invalid_event"
    assert [entry.type for entry in read(path)] == ["session.created", "error", "error"]


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with (
        Proxy("http://127.0.0.1:9/v1", tmp_path / "a.jsonl").listening("127.0.0.1", 0) as url,
        AsyncRealtimeClient(base_url=url, api_key="sk-secret-1234567890") as client,
    ):
        with pytest.raises(RealtimeError, match=r"502|no answer"):
            await client.connect(model=MODEL)


async def test_a_connection_that_was_cut_is_a_failure_for_the_client(tmp_path: Path) -> None:
    async with (
        Emulator() as emulator,
        through(emulator, tmp_path / "a.jsonl") as client,
        client.connect(model=MODEL) as connection,
    ):
        emulator.inject_fault(Drop(), now=True)
        with pytest.raises(ConnectionClosedError) as raised:
            async for _ in connection:
                pass
    assert raised.value.code == 1011
