"""What only a certain moment shows, without a socket."""

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.sessions import IDLE, TIMED_OUT
from support.wire import (
    RESPOND,
    TEXT_ONLY,
    append,
    tone,
)

from openai_realtime.emulator import Reply, ToolCall
from openai_realtime.emulator.script import Script
from openai_realtime.emulator.sessions.realtime import LiveSession

pytestmark = pytest.mark.anyio


def test_a_session_ends_once() -> None:
    session = LiveSession({"type": "realtime", "model": "gpt-realtime"}, Script(), time.time)
    session.expire()
    assert getattr(session.pull(math.inf), "type", None) == "error"
    session.expire()
    assert session.pull(math.inf) is None


class Call:
    """The session of a call, in a time that the test tells."""

    def __init__(self, reply: Reply) -> None:
        script = Script()
        script.add(reply, None)
        self.session = LiveSession({"type": "realtime", "model": "gpt-realtime"}, script, time.time, sideband=True)

    def send(self, at: float, *events: Any) -> None:
        self.session.timeline.now = max(self.session.timeline.now, at)
        for event in events:
            list(self.session.receive(self.session.read(json.dumps(event))))

    def each(self, until: float) -> Iterator[Any]:
        """The events that are due, one by one."""
        return iter(lambda: self.session.pull(until), None)

    def pull(self, until: float) -> list[Any]:
        """The events that are due."""
        return list(self.each(until))


def test_speech_over_a_response_in_a_call() -> None:
    call = Call(Reply(text="one two three four five six seven", pause_after=7))
    call.send(0, RESPOND)
    begun = call.pull(10)
    assert begun[-1].type == "response.output_audio_transcript.delta"
    call.send(0, append(tone(200)))
    events = call.pull(10)
    assert [event.type for event in events] == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "conversation.item.truncated",
    ]
    done, truncated = events[-2:]
    assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")
    assert events[1].response_id == done.response.id
    # From the first sound to the second it is two waits, to the pause one more.
    item = done.response.output[0].id
    assert (truncated.item_id, truncated.content_index, truncated.audio_end_ms) == (item, 0, 90)


def played_out(seconds: float) -> tuple[Call, list[Any]]:
    """A call whose response is made, and after so many seconds still heard."""
    call = Call(Reply(text="word " * 40))
    call.send(0, RESPOND)
    events = call.pull(seconds)
    assert [event.type for event in events][-2:] == ["response.done", "rate_limits.updated"]
    return call, events


def test_speech_over_the_rest_of_a_response_in_a_call() -> None:
    call, events = played_out(8)
    item = events[-2].response.output[0].id
    call.send(8, append(tone(200)), {"type": "conversation.item.retrieve", "item_id": item})
    _, cleared, truncated, retrieved = call.pull(8)
    assert (cleared.type, cleared.response_id) == ("output_audio_buffer.cleared", events[-2].response.id)
    assert (truncated.type, truncated.item_id) == ("conversation.item.truncated", item)
    # The sound begins after the times until the response, its first delta, three words more and the sound itself.
    assert truncated.audio_end_ms == 8000 - 10 - 200 - 3 * 15 - 60
    assert len(retrieved.item.content[0].to_bytes()) == truncated.audio_end_ms * 48
    assert [event.type for event in call.pull(100)] == []


def test_speech_over_a_response_that_the_client_deleted() -> None:
    call, events = played_out(8)
    call.send(8, {"type": "conversation.item.delete", "item_id": events[-2].response.output[0].id})
    call.send(8, append(tone(200)))
    assert [event.type for event in call.pull(8)] == [
        "conversation.item.deleted",
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
    ]


def test_speech_over_a_response_whose_item_the_client_deleted_before_it_sounded() -> None:
    call = Call(Reply(text="one two three four five six seven", pause_after=7))
    call.send(0, RESPOND)
    added = next(event for event in call.each(10) if event.type == "conversation.item.added")
    call.send(0, {"type": "conversation.item.delete", "item_id": added.item.id})
    call.pull(10)
    call.send(0, append(tone(200)))
    types = [event.type for event in call.pull(10)]
    assert types[:2] == ["input_audio_buffer.speech_started", "output_audio_buffer.cleared"]
    assert types[-1] == "response.done"


def test_after_an_idle_timeout_time_goes_on_from_there() -> None:
    session = LiveSession({"type": "realtime", "model": "gpt-realtime"}, Script(), time.time)
    list(session.receive(session.read(json.dumps(TEXT_ONLY))))
    list(session.receive(session.read(json.dumps(IDLE))))
    list(session.receive(session.read(json.dumps(RESPOND))))
    while session.pull(1.0) is not None:
        pass
    assert session.next_due == 6.0
    assert session.pull(5.9) is None
    assert [getattr(session.pull(6.5), "type", None) for _ in TIMED_OUT] == [*TIMED_OUT[:-1], None]
    assert session.next_due == 6.51
    assert getattr(session.pull(6.51), "type", None) == "response.created"


@pytest.mark.parametrize("deltas", range(1, 9))
def test_a_response_that_is_cancelled_just_before_its_pause_ends(deltas: int) -> None:
    script = Script()
    script.add(Reply(text="one two three four five six seven eight", pause_after=deltas), None)
    session = LiveSession({"type": "realtime", "model": "gpt-realtime"}, script, time.time)
    list(session.receive(session.read('{"type": "response.create", "response": {"output_modalities": ["text"]}}')))
    said = 0
    while said < deltas:
        event = session.pull(math.inf)
        said += event is not None and event.type == "response.output_text.delta"
    list(session.receive(session.read('{"type": "response.cancel"}')))
    types = []
    while (event := session.pull(math.inf)) is not None:
        types.append(event.type)
    assert "response.done" in types


@pytest.mark.parametrize("model", ["gpt-realtime", "gpt-realtime-2.1"])
def test_a_response_ends_with_its_last_item(model: str) -> None:
    """Clients answer a call as soon as its item is done: then no response may be active any more."""
    script = Script()
    script.add(Reply(text="Let me see.", tool_calls=[ToolCall(name="weather")]), None)
    session = LiveSession({"type": "realtime", "model": model}, script, time.time)
    list(session.receive(session.read(json.dumps(RESPOND))))
    times = [(event.type, session.timeline.now) for event in iter(lambda: session.pull(10), None)]
    done = [moment for kind, moment in times if kind in ("response.output_item.done", "response.done")]
    assert len(done) == 3
    assert done[-2] == done[-1] > next(moment for kind, moment in times if kind == "response.created")
