"""A session is in the file as it was, without its secrets, and comes out again: as entries, events and as a server."""

from __future__ import annotations

import base64
import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from openai_realtime import (
    AsyncRealtimeClient,
    ConnectionClosedError,
    DecodeError,
    InputAudioBufferAppend,
    RealtimeError,
    RealtimeSessionConfig,
    Reconnected,
    ReconnectPolicy,
    ResponseOutputAudioDelta,
    SessionUpdate,
    UnknownEvent,
    UserMessage,
    decode_server_event,
)
from openai_realtime.conversation import Conversation
from openai_realtime.emulator import Emulator
from openai_realtime.emulator.faults import Drop
from openai_realtime.models import McpTool
from openai_realtime.recording import Recorder, feed, read

MODEL = "gpt-realtime-2.1"
AUDIO = bytes(range(256)) * 40
DELTA = decode_server_event(
    json.dumps({"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "output_index": 0,
                "content_index": 0, "delta": base64.b64encode(AUDIO).decode()})
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.jsonl"


async def talk(client: AsyncRealtimeClient, *observers: Any, text: str = "What time is it?") -> list[str]:
    """A session of two turns: what was answered."""
    session = RealtimeSessionConfig(instructions="Be brief.")
    async with client.connect(model=MODEL, session=session, observers=observers) as connection:
        first = await connection.ask(text)
        await connection.append_audio(bytes(9_600))
        second = await connection.ask("Sure?")
        return [first.text, second.text]


async def recorded(path: Path, **options: Any) -> Conversation:
    conversation = Conversation()
    with Recorder(path, **options) as recorder:
        async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
            emulator.reply("It is noon.", "As I said.")
            await talk(client, recorder, conversation)
    return conversation


@pytest.mark.anyio
async def test_a_recording_gives_the_conversation_that_was(path: Path) -> None:
    conversation = await recorded(path)
    again = Conversation()
    feed(path, again)
    assert again.captions == conversation.captions
    assert again.to_json() == conversation.to_json()
    entries = list(read(path))
    assert entries[0].type == "session.created"
    assert [one.ms for one in entries] == sorted(one.ms for one in entries)
    assert {one.sender for one in entries} == {"client", "server"}


@pytest.mark.anyio
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("audio", ["keep", "drop"])
async def test_a_recording_is_the_server_of_the_same_program(path: Path, strict: bool, audio: Any) -> None:  # noqa: FBT001
    conversation = await recorded(path, audio=audio)
    again = Conversation()
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.replay(read(path), strict=strict)
        assert await talk(client, again) == ["It is noon.", "As I said."]
    texts = [(caption.role, caption.text) for caption in conversation.captions]
    assert [(caption.role, caption.text) for caption in again.captions] == texts


@pytest.mark.anyio
async def test_where_the_recorded_connection_was_replaced_the_replayed_one_goes_on(path: Path) -> None:
    async def program(client: AsyncRealtimeClient, emulator: Emulator | None, *observers: Any) -> list[str]:
        policy = ReconnectPolicy()
        async with client.connect(model=MODEL, reconnect=policy, observers=observers) as connection:
            first = await connection.ask("One?")
            if emulator is not None:
                emulator.inject_fault(Drop(), now=True)
                await connection.wait_for(Reconnected, 10)
            return [first.text, (await connection.ask("Two?")).text]

    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.reply("One.", "Two.")
        with Recorder(path) as recorder:
            await program(client, emulator, recorder)
        emulator.replay(read(path))
        assert await program(client, None) == ["One.", "Two."]


@pytest.mark.anyio
async def test_a_strict_replay_ends_where_the_program_does_something_else(path: Path) -> None:
    await recorded(path)
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.replay(read(path))
        with pytest.raises(RealtimeError, match=r"not_as_recorded|content\[0\]"):
            await talk(client, text="Who are you?")
        emulator.replay(read(path), strict=False)
        assert await talk(client, text="Who are you?") == ["It is noon.", "As I said."]


@pytest.mark.anyio
async def test_a_strict_replay_refuses_what_is_no_event(path: Path) -> None:
    await recorded(path)
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.replay(read(path))
        async with client.connect(model=MODEL) as connection:
            with pytest.raises((ConnectionClosedError, RealtimeError)):
                await connection.create_item(UserMessage.from_text("first"), timeout=30)


@pytest.mark.parametrize(("audio", "kept"), [("keep", len(AUDIO)), ("cut", 33), ("drop", 0)])
def test_audio_is_kept_cut_or_left_out_and_its_length_known(path: Path, audio: Any, kept: int) -> None:
    with Recorder(path, audio=audio) as recorder:
        recorder.received(DELTA)
        recorder.sent(InputAudioBufferAppend.from_bytes(AUDIO))
        recorder.received(decode_server_event(json.dumps({"type": "conversation.item.retrieved", "item": {
            "content": [{"type": "audio", "audio": base64.b64encode(AUDIO).decode()}]}})))  # fmt: skip
    delta, append, item = read(path)
    assert len(base64.b64decode(delta.event["delta"])) == len(base64.b64decode(append.event["audio"])) == kept
    assert len(base64.b64decode(item.event["item"]["content"][0]["audio"])) == kept
    assert (delta.audio_bytes, append.audio_bytes, item.audio_bytes) == (len(AUDIO), len(AUDIO), 0)


def test_no_secret_is_in_the_file(path: Path) -> None:
    tool = McpTool(
        server_label="docs", server_url="https://x.example", authorization="hidden-1", headers={"k": "hidden-2"}
    )
    message = "Incorrect API key provided: sk-proj-hidden3456."
    with Recorder(path) as recorder:
        recorder.sent(SessionUpdate(session=RealtimeSessionConfig(tools=[tool])))
        secret = {"value": "ek_hidden4567890", "expires_at": 1}
        recorder.received(decode_server_event(json.dumps({"type": "error", "error": {"message": message}})))
        recorder.received(
            decode_server_event(json.dumps({"type": "session.created", "session": {"client_secret": secret}}))
        )
    text = path.read_text()
    assert "hidden" not in text
    assert text.count("***") == 4
    assert "https://x.example" in text


def test_the_file_ends_where_it_is_full(path: Path) -> None:
    with Recorder(path, max_bytes=10_000, audio="drop") as recorder:
        for _ in range(1000):
            recorder.received(DELTA)
    assert path.stat().st_size <= 10_000
    assert len(list(read(path))) == 1000 - recorder.dropped > 0


def test_what_a_crash_left_can_be_read(path: Path) -> None:
    program = f"""
import os
from openai_realtime import InputAudioBufferClear
from openai_realtime.recording import Recorder, read
recorder = Recorder({str(path)!r})
recorder.sent(InputAudioBufferClear(event_id="one"))
while not list(read({str(path)!r})):
    pass
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 9  # noqa: S603
    with path.open("ab") as file:
        file.write(b'{"ms": 5, "dir": "cli')
    assert [entry.type for entry in read(path)] == ["input_audio_buffer.clear"]


def test_what_nobody_closed_is_written_at_the_end_of_the_program(path: Path) -> None:
    program = f"""
from openai_realtime import InputAudioBufferClear
from openai_realtime.recording import Recorder
recorder = Recorder({str(path)!r})
recorder.sent(InputAudioBufferClear(event_id="one"))
"""
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)  # noqa: S603
    assert [entry.type for entry in read(path)] == ["input_audio_buffer.clear"]


def test_a_disk_that_is_full_is_told_to_the_connection() -> None:
    recorder = Recorder("/dev/full")
    recorder.received(DELTA)
    with pytest.raises(OSError, match="No space") as raised:
        recorder.close()
    assert raised.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match="No space"):
        recorder.received(DELTA)


@pytest.mark.parametrize("line", ["{", "5", '{"dir": "sideways"}', "[]"])
def test_what_is_no_recording_is_refused_with_its_line(path: Path, line: str) -> None:
    path.write_text(f'{{"version": 1}}\n{line}\n')
    with pytest.raises(DecodeError, match="line 2"):
        list(read(path))


def test_entries_of_events_that_are_audio_have_their_classes(path: Path) -> None:
    with Recorder(path) as recorder:
        recorder.received(DELTA)
    seen: list[Any] = []

    class Follower:
        def sent(self, event: Any) -> None: ...
        def received(self, event: Any) -> None:
            seen.append(event)

    feed(path, Follower())
    assert isinstance(seen[0], ResponseOutputAudioDelta)
    assert seen[0].audio == AUDIO


def test_what_comes_after_the_end_is_counted(path: Path) -> None:
    with Recorder(path) as recorder:
        recorder.received(DELTA)
    recorder.received(DELTA)
    assert recorder.dropped == 1
    assert len(list(read(path))) == 1


def test_what_is_no_json_is_counted_and_the_rest_recorded(path: Path) -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with Recorder(path) as recorder:
        recorder.sent(UnknownEvent(type="deep", raw={"value": deep}))
        recorder.sent(UnknownEvent(type="bytes", raw={"value": b""}))
        recorder.received(DELTA)
    assert recorder.dropped == 2
    assert [entry.type for entry in read(path)] == ["response.output_audio.delta"]


def test_a_secret_in_a_piece_is_masked(path: Path) -> None:
    piece = {"type": "response.output_text.delta", "item_id": "i", "delta": "your key is sk-proj-hidden3456, is it?"}
    with Recorder(path) as recorder:
        recorder.received(decode_server_event(json.dumps(piece)))
    assert [entry.event for entry in read(path)] == [{**piece, "delta": "your key is sk-***, is it?"}]


@pytest.mark.parametrize("sound", ["\u00e4\u00f6", "\ud83d", 'a"}\\\n'])
def test_audio_that_is_none_is_recorded_as_it_came(path: Path, sound: str) -> None:
    delta = {"type": "response.output_audio.delta", "item_id": "i", "delta": sound}
    with Recorder(path) as recorder:
        recorder.received(decode_server_event(json.dumps(delta)))
    assert [entry.event for entry in read(path)] == [delta]
