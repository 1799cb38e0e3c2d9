"""Nothing is lost without a word: wherever a session is cut, each thing in it is in exactly one place.

What was sent or announced is answered, to be sent again, restored, or lost. Sessions are made by chance of speech, with
and without turn detection and transcripts, of text and of tools, and cut behind each of their events.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings, strategies as st
from support.session import Session, message, silence

from openai_realtime import (
    ConnectionClosedError,
    ConversationItemCreate,
    FunctionCallOutput,
    InputAudioBufferAppend,
    InputAudioBufferCommit,
    InputText,
    ResponseCreate,
    UserMessage,
)
from openai_realtime._connection.reconnect_policy import RestorePlan
from openai_realtime._connection.restore import plan_restore
from openai_realtime.models.base64 import from_base64
from openai_realtime.models.events import ClientEvent

CAUSE = ConnectionClosedError(1006, "cut")


@attrs.define
class Truth:
    """What a session has in it up to some event, told by who wrote it."""

    sent: dict[str, ClientEvent] = attrs.Factory(dict)
    answered: set[str] = attrs.Factory(set)
    items: set[str] = attrs.Factory(set)
    responses: set[str] = attrs.Factory(set)
    audio_ms: float = 0
    understood_ms: float = 0
    """Of the audio, what is in items that need it no more."""


class Writer:
    """Plays both sides of a session, and yields after each event."""

    def __init__(self, *, detects: bool, transcribes: bool) -> None:
        self.session, self.truth = Session(), Truth()
        self._detects, self._transcribes = detects, transcribes
        self._numbers = itertools.count()
        turn_detection = {"type": "server_vad"} if detects else None
        transcription = {"model": "whisper-1"} if transcribes else None
        audio = {"input": {"turn_detection": turn_detection, "transcription": transcription}}
        self.session.says("session.created", session={"type": "realtime", "audio": audio})

    def speech(self, milliseconds: int) -> Iterator[None]:
        turn, start = f"turn_{next(self._numbers)}", self.truth.audio_ms
        yield from self._append(milliseconds // 2)
        if self._detects:
            self.session.says("input_audio_buffer.speech_started", item_id=turn, audio_start_ms=start)
            yield
        yield from self._append(milliseconds // 2)
        commit = self._send(InputAudioBufferCommit()) if not self._detects else None
        if self._detects:
            self.session.says("input_audio_buffer.speech_stopped", item_id=turn, audio_end_ms=self.truth.audio_ms)
        yield
        self.session.says("input_audio_buffer.committed", item_id=turn, previous_item_id=None)
        self.truth.items.add(turn)
        self.truth.answered |= {commit} if commit else set()
        yield
        self.session.adds(turn, None, **message(turn, {"type": "input_audio", "transcript": None}, role="user"))
        self.truth.understood_ms += 0 if self._transcribes else milliseconds
        yield
        if self._transcribes:
            transcription = "conversation.item.input_audio_transcription"
            self.session.says(f"{transcription}.delta", item_id=turn, content_index=0, delta="half a")
            yield
            self.session.says(f"{transcription}.completed", item_id=turn, content_index=0, transcript="half a sentence")
            self.truth.understood_ms += milliseconds
            yield
        yield from self.response(asked=not self._detects, tool=False)

    def text(self) -> Iterator[None]:
        item = UserMessage(id=f"item_{next(self._numbers)}", content=[InputText(text="Hi")])
        yield from self._create(item, message(item.id, {"type": "input_text", "text": "Hi"}, role="user"))  # type: ignore[arg-type]
        yield from self.response(asked=True, tool=False)

    def tool(self) -> Iterator[None]:
        yield from self.response(asked=True, tool=True)
        number = next(self._numbers)
        output = FunctionCallOutput(id=f"output_{number}", call_id="call", output="{}")
        wire = {"id": output.id, "type": "function_call_output", "call_id": "call", "output": "{}"}
        yield from self._create(output, wire)
        yield from self.response(asked=True, tool=False)

    def response(self, *, asked: bool, tool: bool) -> Iterator[None]:
        create = self._send(ResponseCreate()) if asked else None
        yield
        number = next(self._numbers)
        name, item = f"resp_{number}", f"said_{number}"
        self.session.says("response.created", response={"id": name, "conversation_id": "c", "metadata": None})
        self.truth.answered |= {create} if create else set()
        self.truth.responses.add(name)
        yield
        call = {"id": item, "type": "function_call", "name": "f", "call_id": "call", "arguments": ""}
        self.session.adds(item, None, **(call if tool else message(item)), status="in_progress")
        self.truth.items.add(item)
        yield
        if not tool:
            self.session.says("response.output_audio_transcript.delta", item_id=item, content_index=0, delta="Well")
            yield
        part = {"type": "output_audio", "transcript": "Well then"}
        done = {**call, "arguments": "{}"} if tool else message(item, part)
        self.session.says("conversation.item.done", item={**done, "status": "completed"})
        yield
        self.session.says("response.done", response={"id": name, "conversation_id": "c", "output": []})
        self.truth.responses.discard(name)
        yield

    def _append(self, milliseconds: int) -> Iterator[None]:
        self.session.sends(silence(milliseconds))
        self.truth.audio_ms += milliseconds
        yield

    def _create(self, item: Any, wire: dict[str, Any]) -> Iterator[None]:
        create = self._send(ConversationItemCreate(item=item))
        yield
        self.session.adds(wire["id"], None, **wire)
        self.truth.answered.add(create)
        self.truth.items.add(wire["id"])
        yield

    def _send(self, event: ClientEvent) -> str:
        event = self.session.sends(event)
        self.truth.sent[str(event.event_id)] = event
        return str(event.event_id)


def check_the_sum(truth: Truth, plan: RestorePlan, session: Session) -> None:
    again = [str(event.event_id) for event in plan.events if str(event.event_id) in truth.sent]
    lost = Counter((lost.what, lost.id) for lost in plan.lost)
    for event_id in truth.sent:
        places = [event_id in truth.answered, event_id in again, ("event", event_id) in lost]
        assert places.count(True) == 1, (truth.sent[event_id], places)

    restored = [getattr(item, "id", None) for item in plan.items]
    assert len(set(restored)) == len(restored)
    for item_id in truth.items:
        spoken_again = item_id == session.speech.unanswered_turn and item_id in session.speech.turns
        places = [item_id in restored, ("item", item_id) in lost, spoken_again]
        assert places.count(True) == 1, (item_id, places)
    assert set(restored) <= truth.items

    assert {name for what, name in lost if what == "response"} == truth.responses
    assert max(lost.values(), default=1) == 1

    sizes = [len(from_base64(event.audio)) for event in plan.events if isinstance(event, InputAudioBufferAppend)]
    sizes += [len(from_base64(audio)) for item in plan.items for audio in audio_in(item)]
    assert truth.understood_ms + sum(sizes) / 48 + session.dropped_ms == truth.audio_ms
    assert "half a" not in [part.text for item in plan.items for part in getattr(item, "content", ()) if text_in(part)]


def audio_in(item: Any) -> Iterator[str]:
    yield from (part.audio for part in getattr(item, "content", ()) if getattr(part, "audio", None))


def text_in(part: Any) -> bool:
    return isinstance(getattr(part, "text", None), str)


TURNS = st.lists(
    st.one_of(st.just(("text",)), st.just(("tool",)), st.tuples(st.just("speech"), st.sampled_from([200, 1000, 3000]))),
    min_size=1,
    max_size=4,
)


@given(turns=TURNS, detects=st.booleans(), transcribes=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_wherever_a_session_is_cut_each_thing_in_it_is_in_exactly_one_place(
    turns: list[Any],
    detects: bool,  # noqa: FBT001 - a parameter
    transcribes: bool,  # noqa: FBT001 - as above
) -> None:
    writer = Writer(detects=detects, transcribes=transcribes)
    for kind, *arguments in turns:
        for _ in getattr(writer, kind)(*arguments):
            check_the_sum(writer.truth, plan_restore(writer.session, CAUSE, server_keeps_it=False), writer.session)
