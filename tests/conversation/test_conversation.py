"""What a conversation holds after the events of a session, in whatever order they came."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, strategies as st

from openai_realtime import (
    AssistantMessage,
    ConversationItemCreate,
    FunctionCall,
    FunctionCallOutput,
    Reconnected,
    SystemMessage,
    UserMessage,
    decode_server_event,
)
from openai_realtime._codec.check import check
from openai_realtime.conversation import Caption, Conversation, Prices, Usage

Event = dict[str, Any]
LISTENING = {"audio": {"input": {"transcription": {"model": "whisper-1"}}}}
TRANSCRIPTION = "conversation.item.input_audio_transcription"


def feed(conversation: Conversation, *events: Event) -> Conversation:
    for event in events:
        conversation.received(decode_server_event(json.dumps(event)))
    return conversation


def after(*events: Event, keep_audio: bool = False) -> Conversation:
    return feed(Conversation(keep_audio=keep_audio), *events)


def session(**settings: Any) -> Event:
    return {"type": "session.created", "session": settings}


def added(item_id: str, previous: Any = None, **item: Any) -> Event:
    return {"type": "conversation.item.added", "previous_item_id": previous, "item": {"id": item_id, **item}}


def user(item_id: str, text: str, previous: Any = None) -> Event:
    content = [{"type": "input_text", "text": text}]
    return added(item_id, previous, type="message", role="user", status="completed", content=content)


def spoken(item_id: str, previous: Any = None) -> list[Event]:
    """A user's speech, before its transcript comes."""
    content = [{"type": "input_audio", "transcript": None}]
    return [
        {"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": previous},
        added(item_id, previous, type="message", role="user", status="completed", content=content),
    ]


def transcribed(item_id: str, text: str, **fields: Any) -> Event:
    return {"type": f"{TRANSCRIPTION}.completed", "item_id": item_id, "content_index": 0, "transcript": text, **fields}


def made(item_id: str, response_id: str = "resp_1", **item: Any) -> Event:
    return {"type": "response.output_item.added", "response_id": response_id, "output_index": 0,
            "item": {"id": item_id, "status": "in_progress", **item}}  # fmt: skip


def content(kind: str, item_id: str, response_id: str = "resp_1", **fields: Any) -> Event:
    return {"type": f"response.{kind}", "item_id": item_id, "response_id": response_id, "content_index": 0, **fields}


def done(response_id: str = "resp_1", status: str = "completed", **fields: Any) -> Event:
    return {"type": "response.done", "response": {"id": response_id, "status": status, **fields}}


def created(response_id: str = "resp_1", **fields: Any) -> Event:
    return {"type": "response.created", "response": {"id": response_id, "conversation_id": "conv_1", **fields}}


def says(text: str, item_id: str, previous: Any, milliseconds: int = 0, response_id: str = "resp_1") -> list[Event]:
    """A whole spoken answer."""
    message = {"type": "message", "role": "assistant"}
    audio = base64.b64encode(bytes(48 * milliseconds)).decode()
    end = {"id": item_id, **message, "status": "completed", "content": [{"type": "output_audio", "transcript": text}]}
    return [
        created(response_id),
        made(item_id, response_id, **message),
        added(item_id, previous, **message, status="in_progress", content=[]),
        *(content("output_audio_transcript.delta", item_id, response_id, delta=word + " ") for word in text.split()),
        content("output_audio.delta", item_id, response_id, delta=audio),
        content("output_audio_transcript.done", item_id, response_id, transcript=text),
        {"type": "conversation.item.done", "previous_item_id": None, "item": end},
        done(response_id, output=[end]),
    ]


def ids(conversation: Conversation) -> list[str]:
    return [item.id for item in conversation.items]


def test_items_stand_where_the_server_says_they_do() -> None:
    conversation = after(user("a", "1"), user("c", "3", "a"), user("b", "2", "a"), user("front", "0"))
    assert ids(conversation) == ["front", "a", "b", "c"]


def test_done_moves_nothing() -> None:
    moved = {**user("b", "2", None), "type": "conversation.item.done"}
    assert ids(after(user("a", "1"), user("b", "2", "a"), moved)) == ["a", "b"]


def test_a_server_that_never_says_what_comes_before_appends() -> None:
    assert ids(after(user("a", "1"), user("b", "2"), user("c", "3", "0"))) == ["a", "b", "c"]


def test_an_item_that_is_told_twice_is_as_it_was_told_last_and_keeps_its_words() -> None:
    conversation = after(user("a", "Count to ten."), user("b", "Now.", "a"), user("a", "Count."))
    assert [(item.id, item.text) for item in conversation.items] == [("a", "Count to ten."), ("b", "Now.")]
    assert conversation.items[0].raw["content"][0]["text"] == "Count."


def test_what_is_said_out_of_band_is_forgotten_though_its_words_name_no_response() -> None:
    conversation = after(
        {"type": "response.created", "response": {"id": "r", "conversation_id": None}},
        {"type": "response.output_text.delta", "item_id": "x", "content_index": 0, "delta": "aside"},
    )
    assert conversation.item("x") is not None
    output = [{"id": "x", "type": "message"}]
    feed(conversation, {"type": "response.done", "response": {"id": "r", "conversation_id": None, "output": output}})
    assert conversation.item("x") is None


@pytest.mark.parametrize("before", [[], [user("b", "2", "c")]])
def test_an_item_that_is_said_to_stand_behind_itself_is_the_last(before: list[Event]) -> None:
    conversation = after(*before, user("a", "1", "a"))
    assert ids(conversation)[-1] == "a"
    assert "a" not in ids(feed(conversation, {"type": "conversation.item.deleted", "item_id": "a"}))


def test_what_the_client_puts_first_is_first() -> None:
    conversation = after(user("a", "1"))
    conversation.sent(ConversationItemCreate(previous_item_id="root", item=UserMessage(id="b", content=[])))
    assert ids(feed(conversation, user("b", "2"))) == ["b", "a"]


def test_words_are_there_as_they_come() -> None:
    events = says("Good day to you", "b", None)
    assert after(*events[:5]).captions == [Caption(item_id="b", role="assistant", text="Good day", final=False)]
    assert after(*events).captions == [Caption(item_id="b", role="assistant", text="Good day to you", final=True)]


def test_a_late_transcript_lands_on_its_item() -> None:
    events = [session(**LISTENING), *spoken("a"), *says("Yes.", "b", "a"), *spoken("c", "b")]
    conversation = after(*events, transcribed("c", "And then?"), transcribed("a", "Is it?"))
    assert [caption.text for caption in conversation.captions] == ["Is it?", "Yes.", "And then?"]


def test_speech_is_shown_before_it_is_an_item() -> None:
    deltas = [{"type": f"{TRANSCRIPTION}.delta", "item_id": "a", "delta": text} for text in ("What ", "time")]
    conversation = after(session(**LISTENING), *deltas)
    assert conversation.items == []
    assert conversation.captions == [Caption(item_id="a", role="user", text="What time", final=False)]
    feed(conversation, *spoken("a"), transcribed("a", "What time is it?"))
    assert conversation.take_captions() == [Caption(item_id="a", role="user", text="What time is it?", final=True)]


def test_each_caption_is_taken_once_in_order() -> None:
    conversation = after(session(**LISTENING), *spoken("a"), *says("Yes.", "b", "a"))
    assert conversation.take_captions() == []  # the answer waits for the question
    feed(conversation, transcribed("a", "Is it?"))
    assert [caption.text for caption in conversation.take_captions()] == ["Is it?", "Yes."]
    assert conversation.take_captions() == []
    feed(conversation, user("first", "Earlier", None))
    assert [caption.text for caption in conversation.take_captions()] == ["Earlier"]


@pytest.mark.parametrize("transcript_is_late", [False, True])
def test_a_caption_has_all_that_was_said_whenever_it_is_taken(transcript_is_late: bool) -> None:  # noqa: FBT001
    cut = {"type": "conversation.item.truncated", "item_id": "b", "content_index": 0, "audio_end_ms": 500}
    rest = [cut, transcribed("a", "Count.")]
    events = [session(**LISTENING), *spoken("a"), *says("One two three four", "b", "a", 1000)]
    conversation = after(*events, *(rest if transcript_is_late else reversed(rest)))
    assert [caption.text for caption in conversation.take_captions()] == ["Count.", "One two three four"]
    assert [caption.text for caption in conversation.captions] == ["Count.", "One two"]


def test_a_caption_stays_as_it_was_if_another_session_is_told_less() -> None:
    conversation = after(*says("One two", "b", None))
    conversation.received(Reconnected(code=1006, reason="", restored=["b"], resent=[], lost=[]))
    told = {"id": "b", "type": "message", "role": "assistant", "status": "completed"}
    item = {**told, "content": [{"type": "output_text", "text": "One"}]}
    feed(conversation, session(), {"type": "conversation.item.done", "item": item})
    assert [caption.text for caption in conversation.take_captions()] == ["One two"]


def test_a_transcript_that_is_completed_again_and_again_is_one_caption() -> None:
    part = {"type": "input_audio", "transcript": ""}
    item = added("a", type="message", role="user", status="in_progress", content=[part])
    growing = [transcribed("a", text) for text in ("Hello?", "Hello, my name", "Hello, my name is Ann.")]
    conversation = after(session(**LISTENING), item)
    assert [feed(conversation, event).take_captions() for event in growing] == [[], [], []]
    feed(conversation, *says("Hi.", "b", "a"))
    assert [caption.text for caption in conversation.take_captions()] == ["Hello, my name is Ann.", "Hi."]


def test_words_without_an_item_that_is_done_are_a_caption() -> None:
    conversation = after(added("b", type="message", role="assistant", content=[]))
    assert conversation.take_captions() == []
    feed(conversation, content("output_text.delta", "b", delta="Yes"), content("output_text.done", "b", text="Yes."))
    assert [caption.text for caption in conversation.take_captions()] == ["Yes."]


def test_an_item_that_is_put_anew_is_no_new_caption() -> None:
    conversation = after(user("a", "1"), user("b", "2", "a"))
    assert len(conversation.take_captions()) == 2
    feed(conversation, {"type": "conversation.item.deleted", "item_id": "a"}, user("a", "one", None))
    assert conversation.take_captions() == []
    assert [caption.text for caption in conversation.captions] == ["one", "2"]


def test_speech_that_nobody_transcribes_holds_nothing_up() -> None:
    conversation = after(session(audio={"input": {}}), *spoken("a"), *says("Yes.", "b", "a"))
    assert [caption.text for caption in conversation.take_captions()] == ["Yes."]
    feed(conversation, transcribed("a", "after all"))
    assert [caption.text for caption in conversation.take_captions()] == ["after all"]


def test_a_failed_transcript_holds_nothing_up() -> None:
    failed = {"type": f"{TRANSCRIPTION}.failed", "item_id": "a", "content_index": 0, "error": {}}
    conversation = after(session(**LISTENING), *spoken("a"), *says("Yes.", "b", "a"), failed)
    assert [caption.text for caption in conversation.take_captions()] == ["Yes."]


def test_truncated_speech_is_what_was_heard() -> None:
    cut = {"type": "conversation.item.truncated", "item_id": "b", "content_index": 0, "audio_end_ms": 500}
    conversation = after(*says("One two three four", "b", None, 1000), cut)
    item = conversation.items[0]
    assert (item.audio_ms, item.heard_ms, item.text) == (1000, 500, "One two")
    assert conversation.to_items() == [AssistantMessage(id="b", content=AssistantMessage.from_text("One two").content)]


def test_cut_words_that_another_session_was_told_are_not_cut_again() -> None:
    cut = {"type": "conversation.item.truncated", "item_id": "b", "content_index": 0, "audio_end_ms": 500}
    content = [{"type": "output_text", "text": "One two"}]
    told = {"id": "b", "type": "message", "role": "assistant", "status": "completed", "content": content}
    conversation = after(*says("One two three four", "b", None, 1000), cut, session())
    feed(conversation, added("b", **told), {"type": "conversation.item.done", "item": told})
    assert (conversation.items[0].heard_ms, conversation.items[0].text) == (500, "One two")


@pytest.mark.parametrize("format_", ["audio/pcmu", "audio/pcma"])
def test_audio_of_a_telephone_counts_eight_bytes_a_millisecond(format_: str) -> None:
    events = says("Yes.", "b", None, 1000)
    assert after(session(audio={"output": {"format": {"type": format_}}}), *events).items[0].audio_ms == 6000


def test_audio_is_kept_only_if_asked_for() -> None:
    assert after(*says("Yes.", "b", None, 10)).items[0].audio == b""
    kept = after(*says("Yes.", "b", None, 10), keep_audio=True)
    assert Conversation.from_json(json.loads(json.dumps(kept.to_json()))).items[0].audio == bytes(480)


@pytest.mark.parametrize("kept", [True, False])
def test_audio_that_a_server_sends_back_is_kept_only_if_asked_for(kept: bool) -> None:  # noqa: FBT001
    part = {"type": "input_audio", "audio": "AAAA", "transcript": "Hi"}
    event = added("a", type="message", role="user", content=[part, "odd"])
    (item,) = after(event, keep_audio=kept).items
    assert ("audio" in item.raw["content"][0]) == kept
    assert item.text == "Hi"


def test_audio_that_is_none_is_no_audio() -> None:
    conversation = after(content("output_audio.delta", "b", delta="%%%"), keep_audio=True)
    item = conversation.item("b")
    assert item is not None
    assert item.audio == b""


def test_deleted_items_are_gone() -> None:
    conversation = after(user("a", "1"), user("b", "2", "a"))
    assert len(conversation.take_captions()) == 2
    feed(conversation, {"type": "conversation.item.deleted", "item_id": "a"}, user("c", "3", "b"))
    assert ids(conversation) == ["b", "c"]
    assert [caption.text for caption in conversation.take_captions()] == ["3"]


def test_history_has_no_call_without_output() -> None:
    call = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
    events = [user("a", "Weather?"), made("f", **call), added("f", "a", **call, status="in_progress"),
              {"type": "conversation.item.done", "item": {"id": "f", **call, "status": "completed"}}]  # fmt: skip
    conversation = after(*events)
    assert [type(item) for item in conversation.to_items()] == [UserMessage]
    feed(conversation, added("o", "f", type="function_call_output", call_id="call_1", output="rain"))
    assert conversation.to_items()[1:] == [
        FunctionCall(id="f", call_id="call_1", name="weather", arguments="{}"),
        FunctionCallOutput(id="o", call_id="call_1", output="rain"),
    ]


def test_history_of_a_system_message_and_an_image() -> None:
    system = added("s", type="message", role="system", content=[{"type": "input_text", "text": "Be brief."}])
    image = added("i", "s", type="message", role="user", content=[{"type": "input_image", "image_url": "data:,x"}])
    first, second = after(system, image).to_items()
    assert first == SystemMessage(id="s", content=SystemMessage.from_text("Be brief.").content)
    assert isinstance(second, UserMessage)


def test_mcp_items_have_the_servers_last_word() -> None:
    call = {"type": "mcp_call", "server_label": "docs", "name": "find", "arguments": "{}"}
    conversation = after(added("m", **call), {"type": "response.mcp_call.failed", "item_id": "m", "output_index": 0})
    assert [(item.type, item.status) for item in conversation.items] == [("mcp_call", "failed")]
    assert conversation.to_items() == []


def test_the_active_response_and_those_that_failed() -> None:
    aside = created("aside", conversation_id=None)
    conversation = after(created(), aside)
    assert conversation.active_response is not None
    assert conversation.active_response.id == "resp_1"
    failed = {"type": "failed", "error": {"type": "server_error", "code": "rate_limit_exceeded"}}
    short = {"type": "incomplete", "reason": "max_output_tokens"}
    feed(conversation, done(status="failed", status_details=failed), done("aside", "incomplete", status_details=short))
    assert conversation.active_response is None
    assert [(one.id, one.reason or one.error["code"]) for one in conversation.failures] == [
        ("resp_1", "rate_limit_exceeded"),
        ("aside", "max_output_tokens"),
    ]


def test_what_is_said_out_of_band_is_no_part_of_the_conversation() -> None:
    events = [created(conversation_id=None), made("x", type="message", role="assistant"),
              content("output_text.delta", "x", delta="positive")]  # fmt: skip
    conversation = after(*events)
    assert (conversation.items, conversation.captions) == ([], [])
    assert conversation.item("x") is not None
    assert feed(conversation, done()).item("x") is None


def test_the_servers_that_tell_of_no_place_have_their_items_at_the_end() -> None:
    message = {"id": "b", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    delta = content("text.delta", "b", delta="Hi")
    assert after(user("a", "Hello"), created(), delta, done(output=[message])).items[1].text == "Hi"


def test_a_translation_has_the_captions_of_both_sides() -> None:
    conversation = after(
        {"type": "session.input_transcript.delta", "delta": "Guten Tag"},
        {"type": "session.output_transcript.delta", "delta": "Good day"},
    )
    assert [(one.role, one.text, one.final) for one in conversation.captions] == [
        ("user", "Guten Tag", False),
        ("assistant", "Good day", False),
    ]
    feed(conversation, {"type": "session.closed"})
    assert [one.text for one in conversation.take_captions()] == ["Guten Tag", "Good day"]


def test_a_cumulative_transcript_replaces_what_came() -> None:
    updated = [{"type": f"{TRANSCRIPTION}.updated", "item_id": "a", "transcript": text} for text in ("he", "hello")]
    assert after(*updated).captions[0].text == "hello"


def test_it_goes_on_where_the_connection_was_replaced() -> None:
    half = [*says("One two three", "b", "a")[:5], {"type": "input_audio_buffer.speech_started", "item_id": "z"}]
    conversation = after(user("a", "Count."), *half)
    assert conversation.user_is_speaking
    conversation.received(Reconnected(code=1006, reason="", restored=["a", "b"], resent=[], lost=[]))
    restored = [user("a", "Count."), added("b", "a", type="message", role="assistant",
                content=[{"type": "output_text", "text": "One two"}])]  # fmt: skip
    feed(conversation, session(), *restored, user("c", "Go on.", "b"))
    assert not conversation.user_is_speaking
    assert conversation.responses["resp_1"].status == "lost"
    assert [caption.text for caption in conversation.take_captions()] == ["Count.", "One two", "Go on."]


USAGE = {
    "total_tokens": 300, "input_tokens": 200, "output_tokens": 100,
    "input_token_details": {"text_tokens": 80, "audio_tokens": 110, "image_tokens": 10, "cached_tokens": 64,
                            "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0}},
    "output_token_details": {"text_tokens": 30, "audio_tokens": 70, "reasoning_tokens": 5},
}  # fmt: skip


def test_usage_adds_up_and_has_a_price() -> None:
    duration = {"type": "duration", "seconds": 30}
    tokens = {"type": "tokens", "input_tokens": 12, "output_tokens": 3, "input_token_details": {"audio_tokens": 10}}
    conversation = after(done("r1", usage=USAGE), done("r2", usage=USAGE), done("r3", usage=None),
                         transcribed("a", "x", usage=duration), transcribed("b", "y", usage=tokens))  # fmt: skip
    one = conversation.responses["r1"].usage
    assert one == Usage(input_text=80, input_audio=110, input_image=10, cached_text=60, cached_audio=4, output_text=30,
                        output_audio=70, reasoning=5)  # fmt: skip
    both = conversation.usage
    assert (both.input_tokens, both.output_tokens, both.cached_tokens) == (400, 200, 128)
    assert (both.transcription_seconds, both.transcription_audio, both.transcription_output) == (30, 10, 3)
    prices = Prices(input_text=1e6, cached_text=1e5, transcription_minute=2)
    assert conversation.cost(prices) == pytest.approx(2 * (20 + 6) + 1)


def test_a_transcription_that_is_told_several_times_is_counted_once() -> None:
    twice = [transcribed("a", "Hello.", usage={"type": "duration", "seconds": 2})] * 3
    assert after(user("a", ""), *twice).usage.transcription_seconds == 2


def test_tokens_that_a_server_does_not_split_are_text() -> None:
    assert Usage.of_response({"input_tokens": 7, "output_tokens": 5}) == Usage(input_text=7, output_text=5)
    assert Usage.of_response({"input_tokens": -7, "output_tokens": "5"}) == Usage()


SESSION = [
    session(**LISTENING), *spoken("a"), *says("One two three", "b", "a", 300), transcribed("a", "Count.", usage=USAGE),
    {"type": "conversation.item.truncated", "item_id": "b", "content_index": 0, "audio_end_ms": 200},
    *spoken("c", "b"), created("r2"), {"type": f"{TRANSCRIPTION}.delta", "item_id": "c", "delta": "St"},
    content("output_text.delta", "d", "r2", delta="Stop"), done("r2", "cancelled", usage=USAGE),
    {"type": "conversation.item.deleted", "item_id": "a"}, user("e", "Bye", "b"),
]  # fmt: skip


@given(st.sets(st.integers(0, len(SESSION)), max_size=4))
def test_it_can_move_to_another_process_at_any_moment(moves: set[int]) -> None:
    conversation = Conversation()
    for index, event in enumerate(SESSION):
        if index in moves:
            conversation = Conversation.from_json(json.loads(json.dumps(conversation.to_json())))
        feed(conversation, event)
    assert conversation.to_json() == after(*SESSION).to_json()


@given(st.permutations(SESSION))
def test_any_order_is_survived_and_each_caption_is_taken_once_at_most(events: list[Event]) -> None:
    conversation, taken = Conversation(), []
    for event in events:
        taken += feed(conversation, event).take_captions()
    assert len({caption.item_id for caption in taken}) == len(taken)
    for item in conversation.to_items():
        check(item)


@pytest.mark.parametrize("odd", [None, 5, "x", [], {"id": 5}, {"content": 5, "id": "a"}, {"content": [5], "id": "a"}])
def test_odd_fields_lead_nowhere(odd: Any) -> None:
    fields = ("session", "item", "response", "item_id", "content_index", "delta", "usage", "audio_end_ms", "transcript")
    for event in SESSION:
        conversation = after(*SESSION[:4], {**event, **dict.fromkeys(fields, odd)})
        json.dumps([conversation.to_json(), str(conversation.captions), str(conversation.to_items())])


def test_very_many_deltas_cost_memory_for_their_words_only() -> None:
    delta = decode_server_event(json.dumps(content("output_text.delta", "b", delta="ab")))
    audio = decode_server_event(json.dumps(content("output_audio.delta", "b", delta="AAAA" * 100)))
    conversation = Conversation()
    tracemalloc.start()
    for _ in range(50_000):  # a cost that grows with what came would take hours
        conversation.received(delta)
        conversation.received(audio)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    item = conversation.item("b")
    assert item is not None
    assert grown < 1_000_000
    assert len(item.text) == 100_000
