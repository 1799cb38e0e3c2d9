"""What the user said, as the transcription models tell it."""

from typing import Any

import pytest
from support.sessions import COMMIT, TURN, hearing, listening
from support.wire import (
    RESPOND,
    SAID,
    Wire,
    append,
    silence,
    tone,
    types,
)

from openai_realtime.emulator import Emulator
from openai_realtime.models import FailureDetails

pytestmark = pytest.mark.anyio


async def test_the_user_is_transcribed(emulator: Emulator) -> None:
    emulator.queue_transcripts("Hello, my name is Marcelo.")
    async with Wire(emulator) as wire:
        await wire.send(hearing(transcription={"model": "gpt-realtime-whisper"}))
        await wire.until("session.updated")
        for _ in range(4):
            await wire.send(append(tone(300)))
        await wire.send(append(silence(300)))
        events = await wire.until(f"{SAID}.completed")
        events += await wire.until("rate_limits.updated")
    during = types(events)[: types(events).index("input_audio_buffer.speech_stopped")]
    assert during == ["input_audio_buffer.speech_started", f"{SAID}.delta"]
    deltas = [event for event in events if event["type"] == f"{SAID}.delta"]
    assert "".join(event["delta"] for event in deltas) == "Hello, my name is Marcelo."
    (completed,) = (event for event in events if event["type"] == f"{SAID}.completed")
    assert {event["item_id"] for event in deltas} == {events[0]["item_id"], completed["item_id"]}
    assert completed["transcript"] == "Hello, my name is Marcelo."
    assert completed["usage"] == {"type": "duration", "seconds": 2}
    done = next(event for event in events if event["type"] == "response.output_audio_transcript.done")
    assert done["transcript"] == "Hello, my name is Marcelo."


async def test_a_transcription_session(emulator: Emulator) -> None:
    emulator.queue_transcripts("One.", "Two words.")
    async with Wire(emulator, "?intent=transcription") as wire:
        (created,) = await wire.expect("session.created")
        session = created["session"]
        assert (session["type"], session["object"]) == ("transcription", "realtime.transcription_session")
        assert not {"model", "voice", "tools", "instructions"} & set(session)
        detection = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200}
        assert session["audio"]["input"]["turn_detection"] == detection
        await wire.send(listening(transcription={"model": "gpt-4o-transcribe", "language": "en"}))
        (updated,) = await wire.expect("session.updated")
        transcription = {"model": "gpt-4o-transcribe", "language": "en", "prompt": None}
        assert updated["session"]["audio"]["input"]["transcription"] == transcription
        await wire.send(append(tone(400) + silence(200)))
        events = await wire.until(f"{SAID}.completed")
        assert types(events) == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            *TURN,
            f"{SAID}.delta",
            f"{SAID}.completed",
        ]
        assert events[-1]["usage"] == {
            "type": "tokens",
            "total_tokens": 7,
            "input_tokens": 6,
            "output_tokens": 1,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 6},
        }
        await wire.send(append(tone(400) + silence(200)), {**RESPOND, "event_id": "no"})
        error = next(event for event in await wire.until("error") if event["type"] == "error")["error"]
        assert (error["code"], error["event_id"]) == ("invalid_parameter", "no")
        assert (await wire.until(f"{SAID}.completed"))[-1]["transcript"] == "Two words."


@pytest.mark.parametrize(
    ("model", "text", "usage"),
    [
        ("whisper-1", "Two words.\n", {"type": "duration", "seconds": 1}),
        ("gpt-transcribe", "Two words.", {"type": "duration", "seconds": 1}),
        ("gpt-live-transcribe", "Two words.", {"type": "duration", "seconds": 1}),
    ],
)
async def test_transcription_by_commit(emulator: Emulator, model: str, text: str, usage: Any) -> None:
    emulator.queue_transcripts("Two words.")
    async with Wire(emulator, "?intent=transcription") as wire:
        await wire.send(listening(transcription={"model": model}, turn_detection=None))
        await wire.until("session.updated")
        await wire.send(append(tone(400)), append(tone(100)), COMMIT)
        events = await wire.until(f"{SAID}.completed")
        early = [f"{SAID}.delta"] if model == "gpt-live-transcribe" else []
        assert types(events) == [*early, *TURN, f"{SAID}.delta", f"{SAID}.completed"]
        deltas = [event["delta"] for event in events if event["type"] == f"{SAID}.delta"]
        assert "".join(deltas) == events[-1]["transcript"] == text
        assert len({event["item_id"] for event in events if "item_id" in event}) == 1
        assert events[-1]["usage"] == usage
        await wire.send(append(silence(200)), COMMIT)
        assert (await wire.until(f"{SAID}.completed"))[-1]["transcript"] == ""


async def test_turns_with_a_model_that_has_none(emulator: Emulator) -> None:
    async with Wire(emulator, "?intent=transcription") as wire:
        await wire.expect("session.created")
        await wire.send(
            listening(transcription={"model": "gpt-live-transcribe"}, turn_detection={"type": "server_vad"})
        )
        assert (await wire.error())["message"] == "Turn detection is not supported for this transcription model."
        await wire.send({"type": "session.update", "session": {"type": "realtime"}})
        assert (await wire.error())["code"] == "invalid_parameter"


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "gpt-realtime-whisper"])
async def test_a_transcription_that_fails(emulator: Emulator, model: str) -> None:
    """The model hears the user all the same, and the next message is transcribed."""
    failure = FailureDetails(type="transcription_error", code="audio_unintelligible", message="Too much noise.")
    emulator.queue_transcripts(failure, "One.")
    async with Wire(emulator) as wire:
        await wire.send(hearing(transcription={"model": model}))
        await wire.until("session.updated")
        await wire.send(append(tone(600) + silence(600)))
        events = await wire.until(f"{SAID}.failed")
        (committed,) = (event for event in events if event["type"] == "input_audio_buffer.committed")
        assert (events[-1]["item_id"], events[-1]["content_index"]) == (committed["item_id"], 0)
        assert events[-1]["error"] == {
            "type": "transcription_error",
            "code": "audio_unintelligible",
            "message": "Too much noise.",
        }
        assert f"{SAID}.delta" not in types(events)
        if "response.done" not in types(events):
            await wire.until("response.done")
        await wire.send({"type": "conversation.item.retrieve", "item_id": committed["item_id"]})
        retrieved = (await wire.until("conversation.item.retrieved"))[-1]
        assert retrieved["item"]["content"][0]["transcript"] is None
        await wire.send(append(tone(600) + silence(600)))
        assert (await wire.until(f"{SAID}.completed"))[-1]["transcript"] == "One."


@pytest.mark.parametrize(("model", "tokens"), [("gpt-4o-transcribe", ["Two", " words."]), ("whisper-1", [])])
async def test_how_likely_each_word_is(emulator: Emulator, model: str, tokens: list[str]) -> None:
    emulator.queue_transcripts("Two words.")
    async with Wire(emulator) as wire:
        settings = hearing(transcription={"model": model})
        settings["session"]["include"] = ["item.input_audio_transcription.logprobs"]
        await wire.send(settings, append(tone(600) + silence(600)))
        events = await wire.until(f"{SAID}.completed")
    deltas = [event for event in events if event["type"] == f"{SAID}.delta"]
    likely = [entry for event in deltas for entry in event.get("logprobs", [])]
    assert [entry["token"] for entry in likely] == tokens
    assert events[-1].get("logprobs", []) == likely
    assert all(entry["logprob"] < 0 and bytes(entry["bytes"]).decode() == entry["token"] for entry in likely)
