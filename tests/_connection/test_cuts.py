"""A session of speech over a line that is cut behind any byte: the turn is in the new session, or told as lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.lifetime import nothing_left

from openai_realtime import (
    AsyncRealtimeClient,
    ConnectionClosedError,
    InputAudioBufferCommitted,
    RealtimeSessionConfig,
    Reconnected,
    ReconnectPolicy,
    RetryPolicy,
    structure_request,
)
from openai_realtime.emulator import Emulator, Reply, ToolCall

pytestmark = pytest.mark.anyio

MODEL = "gpt-realtime-2.1"
POLICY = ReconnectPolicy(retry=RetryPolicy(max_retries=3, initial_delay=0.01))
SPEECH = b"\x00\x20" * 24_000
SIZE = 6_000  # bytes that come down until the turn is answered, about
CUTS = 20


class Line:
    """A relay to a server that cuts its first connection after so many bytes from there."""

    def __init__(self, port: int, cut_after: int) -> None:
        self._port = port
        self._left: int | None = cut_after
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left, self._left = self._left, None
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        for way in (copy(reader, there_writer, None), copy(there_reader, writer, left)):
            self._tasks.add(asyncio.create_task(way))


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
    with contextlib.suppress(ConnectionError), contextlib.closing(writer):
        while data := await reader.read(4096):
            writer.write(data[:left])
            await writer.drain()
            left = None if left is None else left - len(data)
            if left is not None and left <= 0:
                await asyncio.sleep(0.01)  # what was written is out
                writer.transport.abort()
                return


def session(*, detects: bool) -> RealtimeSessionConfig:
    detection = {"type": "server_vad"} if detects else None
    audio = {"input": {"turn_detection": detection, "transcription": {"model": "gpt-4o-transcribe"}}}
    return structure_request({"type": "realtime", "output_modalities": ["text"], "audio": audio}, RealtimeSessionConfig)


async def talk(connection: Any, *, detects: bool) -> None:
    with contextlib.suppress(ConnectionClosedError):  # of an operation whose answer was lost for good
        await connection.append_audio(SPEECH)
        if detects:
            await connection.append_audio(bytes(48_000))
        else:
            await connection.commit_audio(timeout=10)
            await connection.create_response(timeout=10)


@pytest.mark.parametrize("detects", [True, False], ids=["turn detection", "push to talk"])
@pytest.mark.parametrize("number", range(CUTS))
async def test_a_turn_outlives_a_cut_behind_any_byte(number: int, detects: bool) -> None:  # noqa: FBT001 - a parameter
    cut_after = 1_000 + number * SIZE // CUTS + number * 37 % 101
    async with nothing_left(), Emulator() as emulator:
        port = int(emulator.base_url.rpartition(":")[2].partition("/")[0])
        emulator.queue_transcripts("Please do not delete my account", "Please do not delete my account")
        emulator.reply(Reply(tool_calls=[ToolCall(name="now", arguments="{}")]), "It is noon.", "Again.")
        async with (
            Line(port, cut_after).serving() as url,
            AsyncRealtimeClient(base_url=url, api_key=emulator.api_key) as client,
        ):
            try:
                connection = await client.connect(model=MODEL, session=session(detects=detects), reconnect=POLICY)
            except ConnectionClosedError:
                return  # cut before it was open
            talking = asyncio.create_task(talk(connection, detects=detects))
            turns, reconnected, answered = await follow(connection)
            await talking
            await connection.close()
    if reconnected is None:
        return  # it all came before the cut
    places = {
        turn: (turn in reconnected.restored, ("item", turn) in [(lost.what, lost.id) for lost in reconnected.lost])
        for turn in turns
    }
    for turn, (restored, lost) in places.items():
        spoken_again = detects and reconnected.resent_audio_ms > 0
        assert restored or lost or spoken_again, turn
        assert not (restored and lost), turn
    assert turns or answered or reconnected.resent_audio_ms or reconnected.resent


async def follow(connection: Any) -> tuple[list[str], Reconnected | None, bool]:
    """The turns that were committed before the connection was replaced, that event, and whether a response was done."""
    turns: list[str] = []
    reconnected, answered = None, False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            async for event in connection:
                if isinstance(event, Reconnected):
                    reconnected = event
                    if turns:
                        break
                if isinstance(event, InputAudioBufferCommitted) and reconnected is None:
                    turns.append(event.item_id)
                if event.type == "response.done":
                    answered = True
                    break
    return turns, reconnected, answered
