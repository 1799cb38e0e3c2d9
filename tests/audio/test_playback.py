"""What was heard of the model's speech, and how the server is told when the user interrupts."""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import Any

import pytest
from support.session_by_hand import Line

from openai_realtime import (
    AsyncRealtimeClient,
    ConversationItemAdded,
    ConversationItemDeleted,
    Reconnected,
    ReconnectPolicy,
)
from openai_realtime.audio import PlaybackStream
from openai_realtime.audio.playback import Playback
from openai_realtime.emulator import Emulator
from openai_realtime.emulator.faults import Drop

pytestmark = pytest.mark.anyio


def audio(line: Line, milliseconds: int, item_id: str = "i1", response_id: str = "r1", **fields: Any) -> None:
    delta = base64.b64encode(bytes(round(48 * milliseconds))).decode()
    place = {"item_id": item_id, "response_id": response_id, "output_index": 0, "content_index": 0}
    line.hear("response.output_audio.delta", **{**place, "delta": delta, **fields})


def words(line: Line, text: str, item_id: str = "i1") -> None:
    place = {"item_id": item_id, "response_id": "r1", "output_index": 0, "content_index": 0}
    line.hear("response.output_audio_transcript.delta", **place, delta=text)


def speech_started(line: Line) -> None:
    line.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")


def truncated(item_id: str, milliseconds: int) -> dict[str, Any]:
    return {
        "type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": milliseconds
    }  # fmt: skip


async def commands(line: Line) -> list[dict[str, Any]]:
    """What was sent, without the ids."""
    await line.settle()
    return [{name: value for name, value in one.items() if name != "event_id"} for one in line.wire]


async def test_a_player_that_pulls_has_heard_what_it_took() -> None:
    line = Line(playback := Playback())
    line.begin()
    audio(line, 300)
    assert len(playback.read(48 * 200)) == 48 * 200
    assert (playback.heard_ms("i1"), playback.queued_ms) == (200, 100)
    speech_started(line)
    assert playback.read(9_999) == b""
    assert await commands(line) == [truncated("i1", 200)]


async def test_a_sink_is_written_to_and_cleared_and_says_what_it_played() -> None:
    sink = PlaybackStream()
    line = Line(playback := Playback(sink))
    line.begin()
    audio(line, 300)
    audio(line, 300)
    sink.read(48 * 450)
    assert playback.heard_ms("i1") == 450
    speech_started(line)
    assert sink.queued == 0
    assert await commands(line) == [truncated("i1", 450)]
    line.end()
    audio(line, 100, "i2", "r2")
    sink.read(48 * 50)
    assert (playback.heard_ms("i2"), playback.queued_ms) == (50, 50)


async def test_an_interruption_by_another_thread_leaves_nothing_that_was_just_being_written() -> None:
    class Interrupted(PlaybackStream):
        def write(self, pcm: Any) -> None:
            self.thread = threading.Thread(target=playback.interrupt)
            self.thread.start()
            self.thread.join(0.1)  # it has to wait for this write
            super().write(pcm)

    line = Line(playback := Playback(sink := Interrupted()))
    line.begin()
    audio(line, 300)
    sink.thread.join(30)
    assert (sink.queued, playback.queued_ms) == (0, 0)


async def test_a_program_reports_what_it_played() -> None:
    line = Line(playback := Playback("reports"))
    line.begin()
    audio(line, 300)
    playback.report(ms=20)
    playback.report(size=960)
    assert playback.heard_ms("i1") == 40
    speech_started(line)
    assert await commands(line) == [truncated("i1", 40)]


async def test_the_clock_plays_in_real_time_and_not_while_there_is_nothing() -> None:
    now = 100.0
    line = Line(playback := Playback("clock", clock=lambda: now))
    line.begin()
    audio(line, 300)
    now += 0.2
    assert playback.heard_ms("i1") == pytest.approx(200, abs=0.1)
    now += 10
    assert playback.queued_ms == 0
    audio(line, 300)
    now += 0.1
    assert playback.heard_ms("i1") == pytest.approx(400, abs=0.1)


async def test_nobody_can_have_heard_more_than_came() -> None:
    line = Line(playback := Playback("reports"))
    line.begin()
    audio(line, 100)
    playback.report(ms=57_340)
    speech_started(line)  # the item grows still
    assert await commands(line) == [truncated("i1", 100)]


async def test_what_was_heard_to_the_end_is_not_truncated() -> None:
    line = Line(playback := Playback())
    line.begin()
    audio(line, 100)
    line.hear("response.output_audio.done", item_id="i1", response_id="r1", output_index=0, content_index=0)
    line.end()
    playback.read(48 * 100)
    speech_started(line)
    assert await commands(line) == []


async def test_every_item_that_is_audible_is_cut_and_one_that_is_not_yet_is_deleted() -> None:
    line = Line(playback := Playback())
    line.begin()
    audio(line, 100, "i1")
    audio(line, 100, "i2")
    playback.read(48 * 60)
    line.end()
    speech_started(line)
    speech_started(line)
    assert await commands(line) == [truncated("i1", 60), {"type": "conversation.item.delete", "item_id": "i2"}]


@pytest.mark.parametrize("heard", [0, 40])  # less than a millisecond is nothing
async def test_an_item_of_which_nothing_was_heard_may_be_left(heard: int) -> None:
    line = Line(playback := Playback(unheard="leave"))
    line.begin()
    audio(line, 100)
    playback.read(heard)
    speech_started(line)
    assert await commands(line) == []


async def test_late_audio_of_an_interrupted_response_is_ignored() -> None:
    line = Line(playback := Playback())
    line.begin()
    audio(line, 100)
    playback.read(960)
    speech_started(line)
    audio(line, 100)
    audio(line, 100, "i2")
    assert playback.queued_ms == 0
    line.end(status="cancelled")
    line.begin("r2")
    audio(line, 100, "i3", "r2")
    assert playback.queued_ms == 100


async def test_a_server_that_does_not_interrupt_is_left_alone() -> None:
    line = Line(playback := Playback())
    detection = {"type": "server_vad", "interrupt_response": False}
    line.hear("session.updated", session={"audio": {"input": {"turn_detection": detection}}})
    line.begin()
    audio(line, 100)
    speech_started(line)
    assert playback.queued_ms == 100
    assert await commands(line) == []


async def test_a_program_interrupts_and_the_response_is_cancelled() -> None:
    line = Line(playback := Playback())
    line.begin()
    audio(line, 100)
    playback.read(960)
    await asyncio.to_thread(playback.interrupt)
    assert await commands(line) == [{"type": "response.cancel"}, truncated("i1", 20)]


async def test_a_response_that_was_only_asked_for_is_cancelled_too() -> None:
    line = Line(playback := Playback())
    await line.create_response()
    playback.interrupt()
    assert [one["type"] for one in await commands(line)] == ["response.create", "response.cancel"]


async def test_nothing_is_truncated_where_the_server_plays() -> None:
    line = Line(playback := Playback())
    line.begin()
    words(line, "Once upon")
    line.hear("output_audio_buffer.started", response_id="r1")
    speech_started(line)
    assert await commands(line) == []
    playback.interrupt()
    assert [one["type"] for one in await commands(line)] == ["response.cancel", "output_audio_buffer.clear"]


async def test_telephone_audio_has_eight_bytes_a_millisecond() -> None:
    line = Line(playback := Playback())
    line.hear("session.created", session={"audio": {"output": {"format": {"type": "audio/pcmu"}}}})
    line.begin()
    audio(line, 100)
    assert playback.queued_ms == 600


async def test_speech_that_was_restored_as_text_is_cut_in_the_conversation() -> None:
    text = "One two three four five six seven eight nine ten."
    playback = Playback()
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.reply(text)
        async with client.connect(
            model="gpt-realtime-2.1", reconnect=ReconnectPolicy(), observers=[playback]
        ) as connection:
            answer = await connection.ask("Count.")
            playback.read(48 * 1000)
            emulator.inject_fault(Drop(), now=True)
            await connection.wait_for(Reconnected, 10)
            assert playback.interrupt()
            await connection.wait_for(ConversationItemDeleted, 10)
            await connection.wait_for(ConversationItemAdded, 10)
            item: Any = (await connection.retrieve_item(str(answer.response.output[0].id))).item  # type: ignore[index, union-attr]
            assert text.startswith(item.content[0].text)
            assert len(item.content[0].text) < len(text)


@pytest.mark.parametrize("delta", ["%%%", None, 5, []])
async def test_audio_that_is_none_is_passed_over(delta: Any) -> None:
    line = Line(playback := Playback())
    audio(line, 1, delta=delta)
    assert playback.queued_ms == 0


async def test_a_connection_that_is_gone_is_no_error() -> None:
    line = Line(Playback())
    line.closed = True
    audio(line, 100)
    speech_started(line)
    assert await commands(line) == []


def test_an_interruption_after_the_end_is_sent_nowhere() -> None:
    playback = Playback()

    async def open_and_close(emulator: Emulator) -> None:
        async with (
            AsyncRealtimeClient(**emulator.client_options) as client,
            client.connect(model="gpt-realtime", observers=[playback]),
        ):
            pass

    with Emulator() as emulator:
        asyncio.run(open_and_close(emulator))
    assert playback.interrupt() == []


async def test_a_sink_may_ask_what_is_queued_while_it_is_written_to() -> None:
    seen: list[float] = []

    class Meter(PlaybackStream):
        def write(self, pcm: Any) -> None:
            super().write(pcm)
            seen.append(playback.queued_ms)

    line = Line(playback := Playback(Meter()))
    line.begin()
    hearing = threading.Thread(target=audio, args=(line, 300), daemon=True)
    hearing.start()
    await asyncio.to_thread(hearing.join, 10)
    assert seen == [300]
