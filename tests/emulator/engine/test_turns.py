"""The user's turns: turn detection, push to talk, silence."""

import asyncio
import math
from typing import Any

import pybase64
import pytest
from support.sessions import COMMIT, IDLE, TIMED_OUT, TURN, hearing, turn_until
from support.wire import (
    ADDED,
    RESPOND,
    TEXT_ONLY,
    Wire,
    append,
    message,
    silence,
    tone,
    types,
)

from openai_realtime.emulator import Emulator, Reply

pytestmark = pytest.mark.anyio


async def test_push_to_talk(emulator: Emulator) -> None:
    audio = tone(300)
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection=None), append(audio[:10_000]), append(audio[10_000:]), COMMIT, RESPOND)
        events = await wire.until("rate_limits.updated")
        assert types(events)[2:6] == [*TURN, "response.created"]
        committed, added = events[2], events[3]
        assert (committed["previous_item_id"], added["item"]["id"]) == (None, committed["item_id"])
        assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        played = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
        assert b"".join(map(pybase64.b64decode, played)) == audio
        done = next(event for event in events if event["type"] == "response.output_audio_transcript.done")
        assert done["transcript"] == "0.3 seconds of speech."
        await wire.send({"type": "conversation.item.retrieve", "item_id": committed["item_id"]})
        (retrieved,) = await wire.expect("conversation.item.retrieved")
        assert pybase64.b64decode(retrieved["item"]["content"][0]["audio"]) == audio


async def test_commits_of_too_little_and_clear(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection=None))
        await wire.until("session.updated")
        await wire.send({**COMMIT, "event_id": "none"})
        error = await wire.error()
        assert (error["code"], error["event_id"]) == ("input_audio_buffer_commit_empty", "none")
        assert error["message"] == (
            "Error committing input audio buffer: buffer too small. "
            "Expected at least 100ms of audio, but buffer only has 0.00ms of audio."
        )
        await wire.send(append(tone(50)), COMMIT)
        assert "only has 50.00ms" in (await wire.error())["message"]
        await wire.send(append(silence(100)), {"type": "input_audio_buffer.clear"}, COMMIT)
        await wire.expect("input_audio_buffer.cleared")
        assert "only has 0.00ms" in (await wire.error())["message"]


async def test_the_commit_error_comes_after_later_answers() -> None:
    async with Emulator(speed=20) as emulator, Wire(emulator) as wire:
        await wire.send(hearing(turn_detection=None), COMMIT, append(silence(100)), COMMIT)
        await wire.until("session.updated")
        await wire.expect(*TURN, "error")


async def test_a_spoken_turn_by_server_vad(emulator: Emulator) -> None:
    """400 ms of silence, 600 ms of speech, 300 ms of silence: in chunks that fit to nothing."""
    audio = silence(400) + tone(600) + silence(300)
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(*(append(audio[start : start + 4_444]) for start in range(0, len(audio), 4_444)))
        started, stopped, committed, added, _ = await wire.expect(
            "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN
        )
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (100, 1200)
        assert len({event["item_id"] for event in (started, stopped, committed)} | {added["item"]["id"]}) == 1
        events = await wire.until("rate_limits.updated")
        played = b"".join(
            pybase64.b64decode(event["delta"]) for event in events if event["type"] == "response.output_audio.delta"
        )
        assert played == silence(300) + tone(600) + silence(200)
        usage = events[-2]["response"]["usage"]
        assert usage["input_token_details"]["audio_tokens"] == 11
        assert usage["output_token_details"]["audio_tokens"] == 22
        await wire.send(append(silence(500)), append(tone(200) + silence(200)))
        started, stopped, committed, *_ = await wire.expect(
            "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN
        )
        # 1300 ms came before, and 500 ms of silence: the clock of the session goes on.
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (1500, 2200)
        assert committed["previous_item_id"] == events[-2]["response"]["output"][0]["id"]


@pytest.mark.parametrize(
    ("settings", "loudness", "start", "end"),
    [
        ({"prefix_padding_ms": 0}, 8000, 400, 1200),
        ({"prefix_padding_ms": 900}, 8000, 0, 1200),
        ({"silence_duration_ms": 600}, 8000, 100, 1600),
        ({"threshold": 1.0}, 3000, 100, 1200),
        ({"threshold": 0.1}, 300, 100, 1200),
    ],
)
async def test_the_settings_of_server_vad(
    emulator: Emulator, settings: dict[str, Any], loudness: int, start: int, end: int
) -> None:
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection={"type": "server_vad", **settings}))
        await wire.until("session.updated")
        await wire.send(append(silence(400) + tone(600, loudness) + silence(700)))
        started, stopped = await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (start, end)


async def test_what_is_too_quiet_is_no_speech(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.expect("session.created")
        await wire.send(append(tone(600, 300) + silence(700)), message("Hello."))
        await wire.expect(*ADDED)


@pytest.mark.parametrize(("eagerness", "end"), [("high", 600), ("auto", 1000), ("low", 1800)])
async def test_semantic_vad_waits_as_it_is_eager(emulator: Emulator, eagerness: str, end: int) -> None:
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection={"type": "semantic_vad", "eagerness": eagerness}))
        await wire.until("session.updated")
        await wire.send(append(tone(200) + silence(2000)))
        _, stopped = await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
        assert stopped["audio_end_ms"] == end


async def test_vad_without_responses(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(hearing(turn_detection={"type": "server_vad", "create_response": False}))
        await wire.until("session.updated")
        await wire.send(append(tone(200) + silence(200)), message("And now?"))
        await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN, *ADDED)


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
async def test_g711(emulator: Emulator, kind: str) -> None:
    quiet, loud = {"audio/pcmu": (0xFF, 0x80), "audio/pcma": (0xD5, 0xAA)}[kind]
    audio = bytes([quiet]) * 8 * 400 + bytes([loud, loud ^ 0x80]) * 4 * 200 + bytes([quiet]) * 8 * 200
    async with Wire(emulator) as wire:
        await wire.send(hearing(format={"type": kind}))
        await wire.until("session.updated")
        await wire.send(append(audio))
        started, stopped = await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
        assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (100, 800)
        events = await wire.until("response.done")  # in PCM: the formats differ, so there is a hum
        played = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
        assert len(b"".join(map(pybase64.b64decode, played))) == len("0.7 seconds of speech.") * 60 * 48


async def test_who_speaks_interrupts_the_model(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one two three four five six seven", pause_after=5))
    async with Wire(emulator) as wire:
        await wire.send(message("Count."), RESPOND)
        for _ in range(2):  # after three words, a sound, a word: five deltas
            await wire.until("response.output_audio_transcript.delta")
        await wire.until("response.output_audio.delta")
        await wire.until("response.output_audio_transcript.delta")
        await wire.send(append(tone(200)))
        await wire.until("input_audio_buffer.speech_started")
        events = await wire.until("response.done")
        assert types(events) == [
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        response = events[-1]["response"]
        assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        item = response["output"][0]
        assert (item["status"], item["content"][0]["transcript"]) == ("incomplete", "one two three four")
        await wire.send(
            {"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 0, "audio_end_ms": 100}
        )
        await wire.expect("conversation.item.truncated")
        await wire.send(append(silence(200)))
        await wire.until("response.done")


async def test_nobody_interrupts_if_it_is_not_wanted(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one two three", pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, hearing(turn_detection={"type": "server_vad", "interrupt_response": False}), RESPOND)
        await wire.until("response.output_text.delta")
        await wire.send(append(tone(200) + silence(200)))
        await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN)
        emulator.resume()
        assert (await wire.until("response.done"))[-1]["response"]["status"] == "completed"


async def test_the_model_speaks_up_after_a_silence(emulator: Emulator) -> None:
    emulator.reply(Reply(text="Hello.", audio=silence(1000)), "Are you there?")
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, append(silence(9000)))  # a silence before any answer is none
        await wire.expect("session.created", "session.updated", "session.updated")
        await wire.send({**RESPOND, "response": {"output_modalities": ["audio"]}})
        await wire.until("rate_limits.updated")
        await wire.send(append(silence(5980)), message("And?"))
        await wire.expect(*ADDED)  # a second is still to be played, then five are not over
        await wire.send(append(silence(20)))
        timeout, committed, added, _, _ = await wire.expect(*TIMED_OUT)
        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (10000, 15000)
        assert timeout["item_id"] == committed["item_id"] == added["item"]["id"]
        assert added["item"]["content"] == [{"type": "input_audio", "transcript": None}]
        done = (await wire.until("rate_limits.updated"))[-2]
        assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Are you there?"}]
        await wire.send(append(silence(5000)))
        timeout, *_ = await wire.expect(*TIMED_OUT)  # again, while nobody speaks
        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (15000, 20000)


async def test_who_speaks_stops_the_idle_timeout(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        detection = {"type": "server_vad", "idle_timeout_ms": 5000, "create_response": False}
        await wire.send(TEXT_ONLY, hearing(turn_detection=detection), RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(append(silence(4000) + tone(200) + silence(9000)))
        await wire.expect("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", *TURN)
        await wire.send(message("Hello."))
        await wire.expect(*ADDED)


async def test_who_asks_for_an_answer_stops_the_idle_timeout(emulator: Emulator) -> None:
    emulator.reply("one", Reply(text="one two", pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(RESPOND)
        await wire.until("response.output_text.delta")
        await stays_quiet(wire)


async def test_who_speaks_over_an_answer_is_not_idle(emulator: Emulator) -> None:
    emulator.reply(Reply(text="one two three", pause_after=1))
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("response.output_text.delta")
        await wire.send(append(tone(200)))
        await wire.until("response.done")
        emulator.advance(60)
        for text in ("Hello.", "Hello?"):
            await wire.send(message(text))
            await wire.expect(*ADDED)


async def stays_quiet(wire: Wire) -> None:
    """Nothing comes of a long silence; the second answer shows that nothing came after the first either."""
    await wire.send(append(silence(9000)))
    for text in ("Hello.", "Hello?"):
        await wire.send(message(text))
        await wire.expect(*ADDED)


async def test_no_idle_timeout_after_a_response_out_of_band(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, {**RESPOND, "response": {"conversation": "none"}})
        await wire.until("rate_limits.updated")
        await stays_quiet(wire)


async def test_an_idle_timeout_that_is_not_wanted_any_more(emulator: Emulator) -> None:
    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(hearing(turn_detection=None))
        await wire.expect("session.updated")
        await stays_quiet(wire)


async def test_time_passes_once_for_a_call_with_two_sidebands(emulator: Emulator) -> None:
    path = f"?call_id={emulator.incoming_call()}"
    async with Wire(emulator, path), Wire(emulator, path):
        await turn_until(lambda: len(emulator._sessions.connections) == 2)
        session = next(iter(emulator._sessions.calls.values())).session
        session._context.idle.start(now=0, seconds=5, start_ms=0)
        emulator.advance(2)
        await turn_until(lambda: session.next_due != 5)
        assert session.next_due == 3


async def test_without_a_speed_the_emulator_rests_while_the_user_is_silent(emulator: Emulator) -> None:
    pulls = 0

    def counted(until: float) -> Any:
        nonlocal pulls
        pulls += 1
        return pull(until)

    async with Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        (connection,) = emulator._sessions.connections
        session: Any = connection.session
        assert session.next_due < math.inf
        pull, session.pull = session.pull, counted
        for _ in range(100):
            await asyncio.sleep(0)
        assert pulls <= 2


async def test_a_silence_can_be_told_instead_of_sent(emulator: Emulator) -> None:
    emulator.reply(Reply(text="Hello.", audio=silence(1000)))
    async with Wire(emulator) as wire:
        await wire.send(IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        await wire.send(TEXT_ONLY)
        await wire.expect("session.updated")
        emulator.advance(6)
        timeout, *_ = await wire.expect(*TIMED_OUT)
        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (0, 0)
        await wire.until("rate_limits.updated")
        emulator.advance(5)
        await wire.expect(*TIMED_OUT)


async def test_at_lifes_speed_the_silence_takes_its_time() -> None:
    async with Emulator(speed=20) as emulator, Wire(emulator) as wire:
        await wire.send(TEXT_ONLY, IDLE, RESPOND)
        await wire.until("rate_limits.updated")
        await wire.expect(*TIMED_OUT)  # nobody sends audio: time alone tells
