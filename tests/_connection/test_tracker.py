"""What the reducer knows of a session after the events of both sides. No sockets."""

from __future__ import annotations

import base64
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from support.session import DIALECTS, JSON, VAD, Session, message, session, silence, update

from openai_realtime import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    FunctionCallOutput,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
    UnknownEvent,
    UserMessage,
    decode_client_event,
    decode_server_event,
    encode,
)
from openai_realtime._connection import unanswered
from openai_realtime._connection.ids import identified
from openai_realtime._connection.tracker import SessionTracker
from openai_realtime.conversation import Conversation
from openai_realtime.models import UnknownObject
from openai_realtime.models.beta import BetaSessionUpdate, TranscriptionSessionUpdate
from openai_realtime.models.events import ClientEvent, Dialect
from openai_realtime.models.translation_events import SessionInputAudioBufferAppend

TRACES = Path(__file__).parents[3] / "shared" / "traces"


# --- items and their order --------------------------------------------------------------------------------------------


def test_items_are_in_the_order_of_their_predecessors() -> None:
    conversation = Session()
    conversation.adds("a")
    conversation.adds("b", "a")
    conversation.adds("d", "b")
    conversation.adds("c", "b")
    assert list(conversation.told) == ["a", "b", "c", "d"]


def test_an_item_whose_predecessor_is_unknown_or_null_comes_last() -> None:
    conversation = Session()
    conversation.adds("a")
    conversation.adds("b", "item_of_nobody")
    conversation.adds("c", None)
    conversation.says("conversation.item.added", item={"id": "d"})
    assert list(conversation.told) == ["a", "b", "c", "d"]


def test_an_item_at_the_root_comes_first() -> None:
    conversation = Session()
    conversation.adds("a")
    create = conversation.sends(
        ConversationItemCreate(item=UserMessage(id="first", content=[]), previous_item_id="root")
    )
    assert conversation.pending[create.event_id].event is create
    conversation.adds("b", "a")  # of the server, in between
    conversation.adds("first")
    assert list(conversation.told) == ["first", "a", "b"]
    assert not conversation.pending


def test_an_item_that_is_told_twice_keeps_its_place() -> None:
    conversation = Session()
    for item_id, previous in (("a", None), ("b", "a"), ("c", "b")):
        conversation.adds(item_id, previous)
    conversation.adds("a", None, again=True)
    conversation.adds("b", "a", again=True)
    assert list(conversation.told) == ["a", "b", "c"]
    assert conversation.told["b"]["again"]


@pytest.mark.parametrize("item", [None, "x", {}, {"id": None}, {"id": 3}])
@pytest.mark.parametrize("previous", ["a", "b", None])
def test_an_item_without_an_id_is_none(item: Any, previous: str | None) -> None:
    conversation = Session()
    conversation.adds("a")
    conversation.adds("b", "a")
    conversation.says("conversation.item.added", previous_item_id=previous, item=item)
    assert list(conversation.told) == ["a", "b"]


@pytest.mark.parametrize("done", ["conversation.item.done", "response.output_item.done"])
def test_done_replaces_the_item_and_does_not_move_it(done: str) -> None:
    conversation = Session()
    conversation.adds("a", None, status="in_progress")
    conversation.adds("b", "a")
    # The API says null here for some items whose place it told before.
    conversation.says(done, previous_item_id=None, item={"id": "a", "status": "completed"})
    conversation.says(done, item={"id": "out_of_band", "status": "completed"})
    assert list(conversation.told) == ["a", "b"]
    assert conversation.told["a"]["status"] == "completed"


def test_the_beta_names_its_events_otherwise() -> None:
    conversation = Session()
    conversation.says("conversation.item.created", item=message("a"))
    conversation.says("response.audio_transcript.delta", item_id="a", content_index=0, delta="Hel")
    conversation.says("response.audio_transcript.delta", item_id="a", content_index=0, delta="lo")
    assert conversation.text(("a", 0)) == "Hello"
    conversation.says("response.audio_transcript.done", item_id="a", content_index=0, transcript="Hello.")
    conversation.says("response.text.delta", item_id="a", content_index=1, delta="World")
    assert [conversation.text(place) for place in conversation.parts("a")] == ["Hello.", "World"]
    conversation.says("response.text.done", item_id="a", content_index=1, text="World!")
    assert conversation.text(("a", 1)) == "World!"


def test_a_deleted_item_is_gone_with_what_was_known_of_it() -> None:
    conversation = session(transcription={"model": "whisper-1"})
    conversation.adds("a", None, **message("a"))
    conversation.adds("b", "a")
    conversation.says("response.output_text.delta", item_id="a", content_index=0, delta="Old")
    conversation.says("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=0)
    conversation.says("input_audio_buffer.committed", item_id="a")
    delete = conversation.sends(ConversationItemDelete(item_id="a"))
    assert delete.event_id in conversation.pending
    conversation.says("conversation.item.deleted", item_id="a")
    assert list(conversation.told) == ["b"]
    assert not conversation.busy
    conversation.adds("a", "b", **message("a", {"type": "output_text", "text": "New"}))
    assert conversation.text(("a", 0)) == "New"
    conversation.says("conversation.item.deleted", item_id="never_there")
    assert list(conversation.told) == ["b", "a"]


# --- words ------------------------------------------------------------------------------------------------------------


def test_words_come_from_deltas_then_from_what_is_done_then_from_the_item() -> None:
    conversation = Session()
    conversation.adds("a", None, **message("a"))
    assert conversation.parts("a") == []
    conversation.says("response.output_audio_transcript.delta", item_id="a", content_index=0, delta="Hel")
    assert conversation.parts("a") == [("a", 0)]
    assert (conversation.text(("a", 0)), conversation.told["a"]["content"]) == ("Hel", [])
    conversation.says("response.output_audio_transcript.done", item_id="a", content_index=0, transcript="Hello")
    assert conversation.text(("a", 0)) == "Hello"
    conversation.says("response.output_text.delta", item_id="a", content_index=1, delta="Bye")
    conversation.says("response.output_text.done", item_id="a", content_index=1, text="Bye.")
    assert [conversation.text(place) for place in conversation.parts("a")] == ["Hello", "Bye."]


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "input_text", "text": "Hi"}, "Hi"),
        ({"type": "input_audio", "transcript": "Hi"}, "Hi"),
        ({"type": "output_audio", "transcript": "Hi"}, "Hi"),
        ({"type": "input_audio", "transcript": None}, ""),
        ("no object", ""),
    ],
)
def test_words_of_an_item_as_it_came(part: Any, text: str) -> None:
    conversation = Session()
    conversation.adds("a", None, **message("a", part))
    assert conversation.text(("a", 0)) == text


def test_the_words_of_the_user_come_later() -> None:
    conversation = session(transcription={"model": "whisper-1"})
    # Streaming models send them during speech, when the item is not there yet.
    conversation.says("conversation.item.input_audio_transcription.delta", item_id="u", content_index=0, delta="He")
    conversation.says("input_audio_buffer.committed", item_id="u")
    conversation.adds("u", None, **message("u", {"type": "input_audio", "transcript": None}, role="user"))
    assert conversation.text(("u", 0)) == "He"
    assert conversation.busy
    conversation.says(
        "conversation.item.input_audio_transcription.completed", item_id="u", content_index=0, transcript="Hello"
    )
    assert conversation.text(("u", 0)) == "Hello"
    assert not conversation.busy


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_words_that_do_not_come_leave_those_that_came(end: str) -> None:
    conversation = session(transcription={"model": "whisper-1"})
    conversation.adds("u", None, **message("u", {"type": "input_audio"}, role="user"))
    conversation.says("input_audio_buffer.committed", item_id="u")
    conversation.says("conversation.item.input_audio_transcription.delta", item_id="u", content_index=0, delta="He")
    conversation.says(f"conversation.item.input_audio_transcription.{end}", item_id="u", content_index=0)
    assert conversation.text(("u", 0)) == "He"
    assert not conversation.busy


def spoken(text: str, milliseconds: int, **settings: Any) -> Session:
    """A session whose item "a" is this speech."""
    conversation = Session()
    conversation.says("session.created", session=settings)
    conversation.adds("a", None, **message("a", {"type": "output_audio", "transcript": text}))
    per_ms = int(conversation.conversation._bytes_per_ms)
    audio = base64.b64encode(bytes(milliseconds * per_ms)).decode()
    conversation.says("response.output_audio.delta", item_id="a", content_index=0, delta=audio)
    return conversation


@pytest.mark.parametrize(
    ("heard", "text"),
    [
        (0, ""),
        (-500, ""),
        (100, ""),
        (500, "one two"),
        (600, "one two"),
        (800.0, "one two three"),
        (1000, "one two three four"),
        (5000, "one two three four"),
        (None, ""),
    ],
)
def test_of_truncated_speech_the_share_that_was_heard_remains(heard: Any, text: str) -> None:
    conversation = spoken("one two three four", 1000)
    conversation.says("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=heard)
    assert conversation.text(("a", 0)) == text


def test_speech_of_unknown_length_that_was_truncated_is_not_heard() -> None:
    conversation = Session()
    conversation.adds("a", None, **message("a", {"type": "output_audio", "transcript": "one two"}))
    conversation.says("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=100)
    assert conversation.text(("a", 0)) == ""


@pytest.mark.parametrize(
    "settings",
    [
        {"audio": {"output": {"format": {"type": "audio/pcmu"}}}},
        {"audio": {"output": {"format": {"type": "audio/pcma"}}}},
        {"output_audio_format": "g711_ulaw"},
        {"output_audio_format": "g711_alaw"},
    ],
)
def test_telephone_audio_has_eight_bytes_a_millisecond(settings: dict[str, Any]) -> None:
    conversation = spoken("one two three four", 1000, **settings)
    assert conversation.conversation._bytes_per_ms == 8
    conversation.says("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=500)
    assert conversation.text(("a", 0)) == "one two"


# --- what was sent and is not answered --------------------------------------------------------------------------------

ITEM = UserMessage(id="item_1", content=[])
ANSWERS: list[tuple[ClientEvent, str, dict[str, Any]]] = [
    (update(), "session.updated", {"session": {}}),
    (BetaSessionUpdate(session={}), "session.updated", {"session": {}}),  # type: ignore[arg-type]
    (TranscriptionSessionUpdate(session={}), "transcription_session.updated", {"session": {}}),  # type: ignore[arg-type]
    (InputAudioBufferCommit(), "input_audio_buffer.committed", {"item_id": "i"}),
    (InputAudioBufferClear(), "input_audio_buffer.cleared", {}),
    (OutputAudioBufferClear(), "output_audio_buffer.cleared", {}),
    (ConversationItemCreate(item=ITEM), "conversation.item.added", {"item": {"id": "item_1"}}),
    (ConversationItemCreate(item=ITEM), "conversation.item.created", {"item": {"id": "item_1"}}),
    (ConversationItemDelete(item_id="item_1"), "conversation.item.deleted", {"item_id": "item_1"}),
    (ConversationItemRetrieve(item_id="item_1"), "conversation.item.retrieved", {"item": {"id": "item_1"}}),
    (
        ConversationItemTruncate(item_id="item_1", content_index=0, audio_end_ms=5),
        "conversation.item.truncated",
        {"item_id": "item_1", "content_index": 0, "audio_end_ms": 5},
    ),
    (ResponseCreate(), "response.created", {"response": {"id": "resp_1"}}),
    (ResponseCancel(), "response.done", {"response": {"id": "resp_1"}}),
]


@pytest.mark.parametrize(("event", "answer", "fields"), ANSWERS)
def test_an_event_is_pending_until_it_is_answered(event: ClientEvent, answer: str, fields: dict[str, Any]) -> None:
    conversation = Session()
    conversation.says(answer, **fields)  # to nobody
    first, second = conversation.sends(event), conversation.sends(event)
    assert conversation.unanswered_events() == [first, second]
    assert conversation.busy
    conversation.says("rate_limits.updated", rate_limits=[])
    assert conversation.unanswered_events() == [first, second]
    conversation.says(answer, **fields)
    if answer != "response.done":  # it ends whatever was to be cancelled
        assert conversation.unanswered_events() == [second]
        conversation.says(answer, **fields)
    assert conversation.unanswered_events() == []


@pytest.mark.parametrize("event", [event for event, _, _ in ANSWERS])
def test_an_error_answers_the_event_that_it_names(event: ClientEvent) -> None:
    conversation = Session()
    first, second = conversation.sends(event), conversation.sends(event)
    conversation.says("error", error={"message": "of nobody"})
    conversation.says("error", error={"message": "no", "event_id": second.event_id})
    assert conversation.unanswered_events() == [first]
    assert conversation.update is None


@pytest.mark.parametrize(
    ("event", "answer", "fields"), [each for each in ANSWERS if "item_1" in json.dumps(each[2], default=str)]
)
def test_the_answer_about_another_item_is_none(event: ClientEvent, answer: str, fields: dict[str, Any]) -> None:
    conversation = Session()
    sent = conversation.sends(event)
    conversation.says(answer, **json.loads(json.dumps(fields).replace("item_1", "item_2")))
    assert conversation.unanswered_events() == [sent]


def test_an_item_of_a_new_kind_is_answered_too() -> None:
    conversation = Session()
    named = UnknownObject(type="brand.new", raw={"type": "brand.new", "id": "item_9"})
    nameless = UnknownObject(type="brand.new", raw={"type": "brand.new"})
    first = conversation.sends(ConversationItemCreate(item=named))
    second = conversation.sends(ConversationItemCreate(item=nameless))
    conversation.adds("item_of_the_server", None, type="message")
    assert conversation.unanswered_events() == [first, second]
    conversation.adds("item_9", None, type="brand.new")
    assert conversation.unanswered_events() == [second]
    conversation.adds("item_10", None, type="brand.new")
    assert conversation.unanswered_events() == []


def test_events_given_as_they_are_on_the_wire_are_answered_too() -> None:
    conversation = Session()
    for event, _, _ in ANSWERS:
        wire = json.loads(encode(event))
        conversation.sends(UnknownEvent(type=event.type, raw=wire))
    for _, answer, fields in ANSWERS:
        conversation.says(answer, **fields)
    assert conversation.unanswered_events() == []


def test_what_the_api_never_answers_is_not_pending() -> None:
    conversation = Session()
    conversation.sends(SessionInputAudioBufferAppend.from_bytes(b"12"))
    conversation.sends(UnknownEvent(type="brand.new"))
    assert conversation.unanswered_events() == []
    assert conversation.translates


def test_events_and_audio_are_kept_in_the_order_of_sending() -> None:
    conversation = session(None)
    sent = [
        conversation.sends(event)
        for event in (silence(100), update(), silence(100), InputAudioBufferCommit(), silence(100), ResponseCreate())
    ]
    assert conversation.unanswered_events() == sent


def test_ids_are_filled_in_and_kept() -> None:
    event = identified(ConversationItemCreate(item=UserMessage.from_text("x")))
    assert str(event.event_id).startswith("event_")
    assert event.item.id.startswith("item_")  # type: ignore[union-attr]
    assert identified(event) is event
    output = FunctionCallOutput(call_id="c", output="")
    assert identified(ConversationItemCreate(event_id="mine", item=output)).event_id == "mine"
    new = ConversationItemCreate(event_id="mine", item=UnknownObject(type="new"))
    assert identified(new) is new


def test_a_forked_process_makes_other_ids() -> None:
    code = """
        import os
        from openai_realtime._connection.ids import new_id
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        print(new_id("event"), flush=True)
    """
    command = [sys.executable, "-c", inspect.cleandoc(code)]
    output = subprocess.check_output(command, text=True, timeout=60)  # noqa: S603
    ids = output.split()
    assert len(ids) == len(set(ids)) == 2


# --- responses --------------------------------------------------------------------------------------------------------


def test_a_response_is_under_way_until_it_is_done() -> None:
    conversation = Session()
    conversation.says("response.created", response={"id": "r", "conversation_id": "conv"})
    conversation.says("response.created", response={"id": "beside", "conversation_id": None})
    conversation.says("response.created", response={"id": "beta"})
    assert conversation.responses == {"r": True, "beside": False, "beta": True}
    for name in ("r", "beta"):
        conversation.says("response.done", response={"id": name})
    assert conversation.busy  # a new connection would lose the one beside the conversation too
    conversation.says("response.done", response={"id": "beside"})
    assert not conversation.busy
    conversation.says("response.done", response=None)


# --- settings ---------------------------------------------------------------------------------------------------------


def speaks(conversation: Session, item_id: str) -> None:
    """All that is kept of an item's part: its words, as they come and at the end, and the length of its audio."""
    place = {"item_id": item_id, "content_index": 0}
    conversation.says("response.output_audio.delta", **place, delta="AAAA")
    conversation.says("response.output_audio_transcript.delta", **place, delta="Hel")
    conversation.says("response.output_audio_transcript.done", **place, transcript="Hello")


def kept(conversation: Session) -> tuple[int, ...]:
    """How many parts have words, speech, and a place where they were cut."""
    sequence = conversation.conversation._sequence
    parts = [part for item in (*sequence, *sequence.loose.values()) for part in item.parts]
    kinds = ([part.words for part in parts], [part.audio_ms for part in parts], [part.cut_ms for part in parts])
    return tuple(sum(bool(value) for value in values) for values in kinds)


def test_what_a_response_out_of_band_said_is_forgotten_at_its_end() -> None:
    conversation = session()
    for number in range(3):
        response_id, item_id = f"resp_{number}", f"item_{number}"
        conversation.says("response.created", response={"id": response_id, "conversation_id": None})
        speaks(conversation, item_id)
        assert kept(conversation) == (1, 1, 0)
        output = [{"id": item_id, "type": "message"}, {"id": 5}, "odd", None]
        conversation.says("response.done", response={"id": response_id, "conversation_id": None, "output": output})
        assert kept(conversation) == (0, 0, 0)


def test_what_a_response_of_the_conversation_said_is_kept_at_its_end() -> None:
    conversation = session()
    conversation.adds("item_1", type="message", role="assistant", content=[])
    speaks(conversation, "item_1")
    conversation.says("response.done", response={"id": "resp_1", "output": [{"id": "item_1", "type": "message"}]})
    assert kept(conversation) == (1, 1, 0)


@pytest.mark.parametrize("words", [True, False])
def test_what_a_deleted_item_said_is_forgotten(words: bool) -> None:  # noqa: FBT001 - a parameter
    conversation = session()
    conversation.adds("item_1", type="message", role="assistant", content=[])
    if words:
        speaks(conversation, "item_1")
    else:
        conversation.says("response.output_audio.delta", item_id="item_1", content_index=0, delta="AAAA")
    conversation.says("conversation.item.truncated", item_id="item_1", content_index=0, audio_end_ms=1)
    conversation.says("conversation.item.deleted", item_id="item_1")
    assert kept(conversation) == (0, 0, 0)


def test_settings_are_those_of_all_accepted_updates() -> None:
    conversation = Session()
    updates = [
        update(instructions="a", audio={"input": {"turn_detection": None}, "output": {"voice": "marin"}}),
        update(tools=[], audio={"input": {"transcription": {"model": "whisper-1", "language": "en"}}}),
        update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}}, instructions="b"),
    ]
    for event in updates:
        conversation.sends(event)
        conversation.says("session.updated", session={})
    conversation.says("session.updated", session={})  # of nobody
    refused = conversation.sends(update(instructions="refused"))
    conversation.says("error", error={"event_id": refused.event_id})
    assert conversation.settings == {
        "type": "realtime",
        "instructions": "b",
        "tools": [],
        "audio": {
            "input": {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}},
            "output": {"voice": "marin"},
        },
    }
    assert type(conversation.update) is SessionUpdate


@pytest.mark.parametrize("odd", [None, [], 3, {"audio": None}, {"audio": []}, {"audio": {"input": "x"}}])
def test_odd_settings_do_not_harm(odd: Any) -> None:
    conversation = Session()
    for settings in (odd, {"audio": {"input": {"turn_detection": None}}}, odd):
        conversation.sends(UnknownEvent(type="session.update", raw={"type": "session.update", "session": settings}))
        conversation.says("session.updated", session=odd)
    assert not conversation.pending


def test_the_end_of_the_session_is_known_and_kept() -> None:
    conversation = Session()
    conversation.says("session.created", session={"expires_at": 0})
    assert conversation.expires_at is None
    conversation.says("session.updated", session={"expires_at": 1790000000})
    conversation.says("session.updated", session={})
    assert conversation.expires_at == 1790000000


# --- input audio ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["committed", "cleared"])
def test_push_to_talk_keeps_audio_until_it_is_committed_or_cleared(order: str) -> None:
    conversation = session(None)
    conversation.hears(5000)
    assert len(conversation.audio_kept) == 50
    conversation.sends(InputAudioBufferCommit() if order == "committed" else InputAudioBufferClear())
    more = conversation.hears(300)
    assert len(conversation.audio_kept) == 53
    conversation.says(f"input_audio_buffer.{order}", item_id="u")
    assert conversation.audio_kept == more


def test_a_clear_that_nobody_sent_takes_nothing() -> None:
    conversation = session(None)
    kept = conversation.hears(300)
    conversation.says("input_audio_buffer.cleared")
    conversation.says("input_audio_buffer.committed", item_id="u")
    assert conversation.audio_kept == kept


def test_a_commit_of_too_little_is_refused_late_and_not_taken_for_the_next() -> None:
    conversation = session(None)
    conversation.hears(50, chunk=50)
    refused = conversation.sends(InputAudioBufferCommit())
    conversation.hears(300)
    conversation.sends(InputAudioBufferCommit())
    more = conversation.hears(100)
    conversation.says("input_audio_buffer.committed", item_id="u")  # the API reports the refusal up to a second later
    assert conversation.unanswered_events() == [refused, *more]
    conversation.says("error", error={"code": "input_audio_buffer_commit_empty", "event_id": refused.event_id})
    assert conversation.unanswered_events() == more
    assert conversation.busy  # the turn's item has not come
    conversation.adds("u")
    assert not conversation.busy


def test_with_turn_detection_the_silence_before_speech_is_cut_to_two_seconds_when_the_server_tells_of_speech() -> None:
    conversation = session()
    conversation.hears(60_000)
    assert len(conversation.audio_kept) == 600  # the server may not have heard it
    assert conversation.dropped_ms == 0
    assert not conversation.busy
    conversation.says("input_audio_buffer.speech_started", item_id="u", audio_start_ms=59_000)
    assert len(conversation.audio_kept) == 30
    conversation.hears(10_000)
    assert len(conversation.audio_kept) == 130
    assert conversation.busy


def test_what_the_server_said_nothing_of_is_bounded_and_missed_until_it_tells_of_speech_behind_it() -> None:
    conversation = session()
    conversation.hears(300_000, chunk=1000)
    assert len(conversation.audio_kept) == 121
    assert conversation.dropped_ms == 179_000
    conversation.says("input_audio_buffer.speech_started", item_id="u", audio_start_ms=299_000)
    assert conversation.dropped_ms == 0


def test_with_turn_detection_audio_is_kept_from_the_end_of_speech_on() -> None:
    conversation = session()
    conversation.hears(3000)
    conversation.says("input_audio_buffer.speech_started", item_id="u", audio_start_ms=2500)
    conversation.hears(5000)
    conversation.says("input_audio_buffer.speech_stopped", item_id="u", audio_end_ms=7500)
    more = conversation.hears(200)
    conversation.says("input_audio_buffer.committed", item_id="u")
    assert len(conversation.audio_kept) == 7
    assert conversation.audio_kept[-2:] == more
    conversation.adds("u")
    assert not conversation.busy


def test_without_the_end_of_speech_all_audio_so_far_is_spoken() -> None:
    conversation = session()
    conversation.says("input_audio_buffer.speech_started", item_id="u")
    conversation.hears(1000)
    conversation.says("input_audio_buffer.timeout_triggered", item_id="u", audio_end_ms=None)
    more = conversation.hears(200)
    conversation.says("input_audio_buffer.committed", item_id="u")
    assert conversation.audio_kept == more


def test_speech_of_more_than_two_minutes_is_cut_at_its_beginning_and_that_is_known() -> None:
    conversation = session(None)
    conversation.hears(125_000, chunk=1000)
    assert len(conversation.audio_kept) == 121
    assert conversation.dropped_ms == 4000
    conversation.sends(InputAudioBufferCommit())
    conversation.says("input_audio_buffer.committed", item_id="u")
    assert conversation.dropped_ms == 0  # it is in an item: nothing of it can be lost any more


def test_dropped_speech_that_was_cleared_is_not_missed() -> None:
    conversation = session(None)
    conversation.hears(125_000, chunk=1000)
    conversation.says("input_audio_buffer.cleared")  # of another client, or of the server's own
    assert conversation.dropped_ms == 4000
    conversation.sends(InputAudioBufferClear())
    conversation.says("input_audio_buffer.cleared")
    assert conversation.dropped_ms == 0


@pytest.mark.parametrize(
    ("settings", "bytes_per_ms"),
    [
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}, 48),
        ({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, 8),
        ({"audio": {"input": {"format": {"type": "audio/pcma"}}}}, 8),
        ({"input_audio_format": "pcm16"}, 48),
        ({"input_audio_format": "g711_ulaw"}, 8),
        ({"input_audio_format": "g711_alaw"}, 8),
        ({"audio": {"input": {"format": {"type": ["odd"]}}}}, 48),
        ({}, 48),
    ],
)
def test_the_length_of_audio_depends_on_its_format(settings: dict[str, Any], bytes_per_ms: int) -> None:
    conversation = Session()
    conversation.says("session.created", session=settings)
    conversation.sends(InputAudioBufferAppend.from_bytes(bytes(bytes_per_ms * 1000)))
    assert conversation.audio[0].end_ms == 1000


@pytest.mark.parametrize("size", [4096, 4097, 4098, 0])
def test_the_padding_of_base64_is_no_audio(size: int) -> None:
    conversation = session(None)
    for _ in range(3):
        conversation.sends(InputAudioBufferAppend.from_bytes(bytes(size)))
    assert conversation.audio[-1].end_ms == pytest.approx(3 * size / 48)


def test_the_beta_says_at_the_top_whether_turns_are_detected() -> None:
    conversation = Session()
    conversation.says("transcription_session.created", session={"turn_detection": VAD})
    conversation.hears(10_000)
    assert conversation.speech.detects_turns
    conversation.says(
        "transcription_session.updated", session={"turn_detection": None, "input_audio_transcription": {"model": "w"}}
    )
    assert not conversation.speech.detects_turns
    conversation.says("input_audio_buffer.committed", item_id="u")
    conversation.adds("u")
    assert conversation.busy  # its words are still to come


# --- odd fields -------------------------------------------------------------------------------------------------------

NAMES = ("session", "item", "item_id", "previous_item_id", "content_index", "delta", "text", "transcript")
MORE_NAMES = ("audio_end_ms", "response", "error")
FIELDS = st.dictionaries(st.sampled_from((*NAMES, *MORE_NAMES)), JSON, max_size=6)


@given(
    events=st.lists(
        st.tuples(st.sampled_from(sorted({*SessionTracker._handlers, *Conversation._handlers})), FIELDS), max_size=6
    ),
    dialect=st.sampled_from(DIALECTS),
)
def test_no_field_raises_or_loses_an_item(events: list[tuple[str, dict[str, Any]]], dialect: Dialect) -> None:
    conversation = session(None)
    for item_id, previous in (("a", None), ("b", "a"), ("c", "b")):
        conversation.adds(item_id, previous, **message(item_id))
    conversation.sends(ConversationItemCreate(event_id="evt", item=ITEM, previous_item_id="root"))
    conversation.hears(300)
    for kind, fields in events:
        before, gone = set(conversation.told), fields.get("item_id")
        conversation.received(decode_server_event(json.dumps({"type": kind, **fields}), dialect=dialect))
        deleted = {gone} if kind == "conversation.item.deleted" and isinstance(gone, str) else set()
        assert before - deleted <= set(conversation.told)
        assert "" not in conversation.told
        assert all(isinstance(item, dict) for item in conversation.told.values())
        for item_id in conversation.told:
            assert all(isinstance(conversation.text(place), str) for place in conversation.parts(item_id))
        conversation.hears(100)
        assert isinstance(conversation.unanswered_events(), list)


@pytest.mark.parametrize("type_", [None, 3, ["x"], {"a": 1}])
def test_an_event_whose_type_is_no_text_is_passed_over(type_: Any) -> None:
    conversation = Session()
    conversation.received(decode_server_event(json.dumps({"type": type_})))
    assert not conversation.told


def test_an_event_of_our_own_is_passed_over() -> None:
    conversation = Session()
    conversation.received(UnknownEvent(type="conversation.item.added"))
    assert not conversation.told


# --- the cost does not grow -------------------------------------------------------------------------------------------


class Counting(dict[str, Any]):
    """A dict that counts who goes through it."""

    walked = 0

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            Counting.walked += 1
            yield key

    def items(self) -> Any:
        for pair in super().items():
            Counting.walked += 1
            yield pair

    def values(self) -> Any:
        for value in super().values():
            Counting.walked += 1
            yield value


def test_ten_thousand_items_are_not_gone_through_for_one_more() -> None:
    conversation = Session()
    sequence = conversation.conversation._sequence
    sequence._placed = Counting()
    Counting.walked = 0
    previous = None
    for index in range(10_000):
        item_id = f"item_{index}"
        create = ConversationItemCreate(item=UserMessage(id=item_id, content=[]))
        conversation.sends(create)
        conversation.adds(item_id, previous)
        conversation.says("conversation.item.done", item={"id": item_id})
        conversation.says("response.output_text.delta", item_id=item_id, content_index=0, delta="x")
        previous = item_id
    assert isinstance(sequence._placed, Counting)  # no copy was made
    assert len(sequence._placed) == 10_000
    assert Counting.walked == 0
    assert not conversation.pending


def test_ten_thousand_pending_events_are_answered_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = Session()
    ids = [f"item_{index}" for index in range(10_000)]
    for item_id in ids:
        conversation.sends(ConversationItemCreate(item=UserMessage(id=item_id, content=[])))
    looked, original = [], unanswered._is_answer

    def counted(*args: Any) -> bool:
        looked.append(args)
        return original(*args)

    monkeypatch.setattr(unanswered, "_is_answer", counted)
    for item_id in ids:
        conversation.adds(item_id)
    assert len(looked) == len(ids)
    assert not conversation.pending


# --- recorded sessions, where they are --------------------------------------------------------------------------------


def recorded() -> list[Path]:
    paths = sorted(TRACES.glob("*.jsonl")) if TRACES.exists() else []
    return [path for path in paths if path.stem != "spec_examples"]


@pytest.mark.parametrize("path", [None, *recorded()], ids=lambda path: path.stem if path else "golden")
def test_a_recorded_session_is_followed_to_its_end(path: Path | None) -> None:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path else GOLDEN
    beta = any("beta" in str(line.get("era")) for line in lines)
    conversation, added, deleted = Session(), [], set()
    for line in (line for line in lines if "event" in line):
        text, dialect = json.dumps(line["event"]), "beta" if beta else "realtime"
        if line["dir"] == "client":
            conversation.sent(identified(decode_client_event(text, dialect=dialect)))  # type: ignore[arg-type]
            continue
        conversation.received(decode_server_event(text, dialect=dialect))  # type: ignore[arg-type]
        event = line["event"]
        if event["type"] in ("conversation.item.added", "conversation.item.created"):
            added.append(event["item"]["id"])
        if event["type"] == "conversation.item.deleted":
            deleted.add(event["item_id"])
    assert set(conversation.told) == set(added) - deleted
    done = {event["response"]["id"] for event in events_of(lines, "response.done")}
    created = {event["response"]["id"] for event in events_of(lines, "response.created")}
    assert set(conversation.unanswered.responses) == created - done
    said = [event["transcript"] for event in events_of(lines, "response.output_audio_transcript.done")]
    texts = [conversation.text(place) for item_id in conversation.told for place in conversation.parts(item_id)]
    assert set(said) <= set(texts)


def events_of(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line["event"] for line in lines if line.get("dir") == "server" and line["event"]["type"] == kind]


def golden() -> Iterator[dict[str, Any]]:
    """A text turn as it is on the wire, for where no recorded session is."""
    server: Any = [
        {"type": "session.created", "session": {"id": "sess_1", "expires_at": 1790000000}},
        {"type": "conversation.item.added", "previous_item_id": None, "item": message("u", role="user")},
        {"type": "response.created", "response": {"id": "resp_1", "conversation_id": "conv_1"}},
        {"type": "conversation.item.added", "previous_item_id": "u", "item": message("a")},
        {"type": "response.output_audio_transcript.delta", "item_id": "a", "content_index": 0, "delta": "Hi"},
        {"type": "response.output_audio_transcript.done", "item_id": "a", "content_index": 0, "transcript": "Hi"},
        {"type": "response.done", "response": {"id": "resp_1"}},
    ]
    create = {"type": "conversation.item.create", "event_id": "e", "item": message("u", role="user")}
    yield {"dir": "client", "event": create}
    yield from ({"dir": "server", "event": event} for event in server)


GOLDEN = list(golden())
