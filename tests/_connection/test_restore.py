"""What is planned after a loss: which items, settings and events a new session gets, and what is told to be lost."""

from __future__ import annotations

import base64
import json
from typing import Any

import attrs
import pytest
from hypothesis import given, strategies as st
from support.session import DIALECTS, JSON, Session, message, session, silence, update

from openai_realtime import (
    AssistantMessage,
    ConnectionClosedError,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemTruncate,
    FunctionCall,
    FunctionCallOutput,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    InputImage,
    InputText,
    Lost,
    OutputAudioBufferClear,
    OutputText,
    Reconnected,
    ReconnectPolicy,
    ResponseCancel,
    ResponseCreate,
    RestorePlan,
    RetryPolicy,
    SessionExpiredError,
    SessionUpdate,
    SystemMessage,
    UserMessage,
    decode_server_event,
    encode,
    structure_request,
)
from openai_realtime._codec.check import check
from openai_realtime._connection.restore import is_recoverable, plan_restore
from openai_realtime.models.beta import BetaSessionUpdate, TranscriptionSessionUpdate
from openai_realtime.models.events import ClientEvent, Dialect
from openai_realtime.models.items import TextPart
from openai_realtime.models.translation_events import SessionInputAudioBufferAppend, TranslationSessionUpdate

CAUSE = ConnectionClosedError(1006, "gone")
TOKEN = "mcp-token-abcdef-123456"


def plan(conversation: Session, *, server_keeps_it: bool = False) -> RestorePlan:
    return plan_restore(conversation, CAUSE, server_keeps_it=server_keeps_it)


def plan_of(*items: Any) -> RestorePlan:
    conversation = Session()
    for item in items:
        conversation.adds(item["id"], None, **{key: value for key, value in item.items() if key != "id"})
    return plan(conversation)


def user(*parts: Any, **more: Any) -> dict[str, Any]:
    return message("u", *parts, role="user", **more)


# --- items ------------------------------------------------------------------------------------------------------------

CALL = {"id": "c", "type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{ "a": 1}\n'}
OUTPUT = {"id": "o", "type": "function_call_output", "call_id": "call_1", "output": "{}"}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"}
TOOLS = {"id": "l", "type": "mcp_list_tools", "server_label": "s", "tools": []}

RESTORED: list[tuple[dict[str, Any], Any]] = [
    (user({"type": "input_text", "text": "Hi"}), UserMessage(id="u", content=[InputText(text="Hi")])),
    (user({"type": "input_audio", "transcript": "Hi"}), UserMessage(id="u", content=[InputText(text="Hi")])),
    (
        user({"type": "input_text", "text": "Look"}, IMAGE, status="completed", object="realtime.item"),
        UserMessage(id="u", content=[InputText(text="Look"), InputImage(image_url=IMAGE["image_url"], detail="low")]),
    ),
    (
        user({**IMAGE, "detail": None, "new_field": 1}),
        UserMessage(id="u", content=[InputImage(image_url=IMAGE["image_url"])]),
    ),
    (
        message("a", {"type": "output_text", "text": "Hi"}, phase="final_answer"),
        AssistantMessage(id="a", content=[OutputText(text="Hi")]),
    ),
    (
        message("a", {"type": "output_audio", "transcript": "Hi"}, status="completed"),
        AssistantMessage(id="a", content=[OutputText(text="Hi")]),
    ),
    (message("a", {"type": "text", "text": "Hi"}), AssistantMessage(id="a", content=[TextPart(text="Hi")])),
    (message("a", {"type": "audio", "transcript": "Hi"}), AssistantMessage(id="a", content=[TextPart(text="Hi")])),
    (
        message("s", {"type": "input_text", "text": "Be brief"}, role="system"),
        SystemMessage(id="s", content=[InputText(text="Be brief")]),
    ),
    (
        {**CALL, "status": "completed", "object": "realtime.item", "new_field": [1]},
        FunctionCall(id="c", call_id="call_1", name="f", arguments=CALL["arguments"]),
    ),
    ({**OUTPUT, "status": None}, FunctionCallOutput(id="o", call_id="call_1", output="{}")),
]


@pytest.mark.parametrize(("item", "restored"), RESTORED)
def test_what_an_item_becomes(item: dict[str, Any], restored: Any) -> None:
    made = plan_of(item)
    assert made.items == (restored,)
    assert made.lost == ()
    check(ConversationItemCreate(item=made.items[0]))


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (user({"type": "input_audio", "transcript": None}), "no transcript of its audio came"),
        (message("a"), "nothing of it came"),
        (message("a", {"type": "output_audio"}), "no transcript of its audio came"),
        ({**CALL, "status": "in_progress", "arguments": '{ "a'}, "function_call: its arguments had not all come"),
        ({**CALL, "status": "incomplete"}, "function_call: its arguments had not all come"),
        ({"id": "m", "type": "mcp_call"}, "mcp_call: the server does not take it back"),
        ({"id": "m", "type": "mcp_approval_request"}, "mcp_approval_request: the server does not take it back"),
        ({"id": "m", "type": "mcp_approval_response"}, "mcp_approval_response: the server does not take it back"),
        ({"id": "n", "type": "brand.new"}, "brand.new: the server does not take it back"),
        ({"id": "n", "type": None}, "an item without type: the server does not take it back"),
        ({"id": "n", "type": ["x"], "role": {}}, "an item without type: the server does not take it back"),
        (message("n", {"type": "text", "text": "x"}, role="new"), "message: the server does not take it back"),
        ({**CALL, "name": None}, "function_call: name: missing; needs a string"),
        ({**OUTPUT, "output": 3}, "function_call_output: output: 3 is not a string"),
    ],
)
def test_an_item_that_cannot_be_restored_is_told(item: dict[str, Any], reason: str) -> None:
    other = message("other", {"type": "output_text", "text": "Hi"})
    made = plan_of(item, other)
    assert [kept.id for kept in made.items] == ["other"]  # type: ignore[union-attr]
    (lost,) = made.lost
    assert (lost.what, lost.id) == ("item", item["id"])
    assert lost.reason.startswith(reason)


def test_what_is_left_of_an_item_is_restored_and_the_rest_told() -> None:
    made = plan_of(user({"type": "input_text", "text": "Hi"}, {"type": "input_audio", "transcript": None}))
    assert made.items == (UserMessage(id="u", content=[InputText(text="Hi")]),)
    assert made.lost == (Lost(what="item", id="u", reason="no transcript of its audio came"),)


def test_a_list_of_mcp_tools_comes_anew_and_is_no_loss() -> None:
    made = plan_of(TOOLS)
    assert (made.items, made.lost) == ((), ())


def test_words_that_came_so_far_are_restored() -> None:
    conversation = Session()
    conversation.says("response.created", response={"id": "resp_1", "conversation_id": "conv"})
    conversation.says("response.created", response={"id": "beside", "conversation_id": None})
    conversation.adds("a", None, **message("a", status="in_progress"))
    for delta in ("Once ", "upon"):
        conversation.says("response.output_audio_transcript.delta", item_id="a", content_index=0, delta=delta)
    made = plan(conversation)
    assert made.items == (AssistantMessage(id="a", content=[OutputText(text="Once upon")]),)
    own, beside = made.lost
    assert own == Lost(what="response", id="resp_1", reason="it was under way; what was said so far is kept")
    assert (beside.what, beside.id) == ("response", "beside")
    assert "outside the conversation" in beside.reason


@pytest.mark.parametrize(("heard", "words"), [(500, "one two"), (0, "")])
def test_truncated_speech_is_restored_by_its_share_and_that_is_told(heard: int, words: str) -> None:
    conversation = Session()
    conversation.adds("a", None, **message("a", {"type": "output_audio", "transcript": "one two three four"}))
    audio = silence(1000).audio
    conversation.says("response.output_audio.delta", item_id="a", content_index=0, delta=audio)
    conversation.says("conversation.item.truncated", item_id="a", content_index=0, audio_end_ms=heard)
    made = plan(conversation)
    assert made.items == ((AssistantMessage(id="a", content=[OutputText(text=words)]),) if words else ())
    (lost,) = made.lost
    assert (lost.what, lost.id) == ("item", "a")
    assert "truncated" in lost.reason


def test_items_keep_their_order() -> None:
    conversation = Session()
    previous = None
    for index in range(5):
        conversation.adds(str(index), previous, **message(str(index), {"type": "output_text", "text": "x"}))
        previous = str(index)
    conversation.adds("2b", "2", **message("2b", {"type": "output_text", "text": "x"}))
    assert [item.id for item in plan(conversation).items] == ["0", "1", "2", "2b", "3", "4"]  # type: ignore[union-attr]


KINDS = ({}, *({"type": "message", "role": role} for role in ("user", "assistant", "system")), CALL, OUTPUT)
NAMES = ("type", "role", "content", "name", "arguments", "output", "call_id")


@pytest.mark.parametrize("kind", KINDS)
@given(item=st.dictionaries(st.sampled_from(NAMES), JSON), known=st.booleans())
def test_no_odd_item_is_in_the_way_of_a_plan(
    kind: dict[str, Any],
    item: dict[str, Any],
    known: bool,  # noqa: FBT001
) -> None:
    conversation = Session()
    conversation.says(
        "conversation.item.added", item={**({**item, **kind} if known else {**kind, **item}), "id": "odd"}
    )
    conversation.adds("u", "odd", **user({"type": "input_text", "text": "Hi"}))
    made = plan(conversation)
    for restored in made.items:
        check(ConversationItemCreate(item=restored))
        encode(restored)
    assert "u" in [restored.id for restored in made.items]  # type: ignore[union-attr]
    assert {lost.id for lost in made.lost} <= {"odd"}


# --- settings ---------------------------------------------------------------------------------------------------------


LANGUAGE = {"audio": {"output": {"language": "es"}}}
SETTINGS: list[tuple[type[ClientEvent], dict[str, Any], str]] = [
    (SessionUpdate, {"type": "realtime", "instructions": "x"}, "session.updated"),
    (SessionUpdate, {"type": "transcription", "audio": {"input": {"turn_detection": None}}}, "session.updated"),
    (BetaSessionUpdate, {"instructions": "x", "modalities": ["text"]}, "session.updated"),
    (TranscriptionSessionUpdate, {"input_audio_format": "g711_ulaw"}, "transcription_session.updated"),
    (TranslationSessionUpdate, LANGUAGE, "session.updated"),
]


@pytest.mark.parametrize(("cls", "settings", "answer"), SETTINGS)
def test_settings_are_of_the_class_that_set_them(cls: type[ClientEvent], settings: dict[str, Any], answer: str) -> None:
    event = structure_request({"type": attrs.fields(cls).type.default, "session": settings}, cls)
    conversation = Session()
    assert plan(conversation).session is None
    sent = conversation.sends(event)
    assert plan(conversation).session is None  # not accepted yet
    assert plan(conversation).events == (sent,)
    conversation.says(answer, session={})
    planned: Any = plan(conversation).session
    assert type(planned) is cls
    assert json.loads(encode(planned)) == {"type": event.type, "session": settings}
    check(planned)


def test_settings_of_several_updates_are_one() -> None:
    conversation = Session()
    for event in (update(instructions="a", tools=[]), update(instructions="b")):
        conversation.sends(event)
        conversation.says("session.updated", session={})
    made = plan(conversation)
    assert json.loads(encode(made.session)) == {  # type: ignore[arg-type]
        "type": "session.update",
        "session": {"type": "realtime", "instructions": "b", "tools": []},
    }


def test_no_secret_is_in_the_repr_of_a_plan() -> None:
    conversation = Session()
    tool = {"type": "mcp", "server_label": "s", "server_url": "https://example.com", "authorization": TOKEN}
    conversation.sends(update(tools=[{**tool, "headers": {"X-Key": TOKEN}}]))
    assert TOKEN not in repr(plan(conversation))  # not answered yet: it is among the events
    conversation.says("session.updated", session={})
    made = plan(conversation)
    assert TOKEN in encode(made.session).decode()  # type: ignore[arg-type]
    assert TOKEN not in repr(made) + str(made)


# --- events -----------------------------------------------------------------------------------------------------------


def test_unanswered_events_and_audio_go_again_in_their_order() -> None:
    conversation = session(None)
    sent = [
        conversation.sends(event)
        for event in (
            silence(100),
            InputAudioBufferClear(),
            silence(100),
            InputAudioBufferCommit(),
            ConversationItemCreate(item=UserMessage.from_text("x")),
            ConversationItemDelete(item_id="x"),
            ResponseCreate(),
        )
    ]
    made = plan(conversation)
    assert list(made.events) == sent
    assert made.lost == ()


def test_what_ended_with_the_connection_does_not_go_again() -> None:
    conversation = Session()
    events = [
        conversation.sends(event)
        for event in (
            ResponseCancel(),
            OutputAudioBufferClear(),
            ConversationItemTruncate(item_id="a", content_index=0, audio_end_ms=1),
        )
    ]
    made = plan(conversation)
    assert made.events == ()
    assert [(lost.what, lost.id) for lost in made.lost] == [("event", event.event_id) for event in events]
    assert [lost.reason.partition(":")[0] for lost in made.lost] == [event.type for event in events]


def test_lost_audio_is_told() -> None:
    conversation = session(None)
    for _ in range(125):
        conversation.sends(silence(1000))
    conversation.sends(SessionInputAudioBufferAppend.from_bytes(b""))
    long, translated = plan(conversation).lost
    assert (long.what, long.id) == (translated.what, translated.id) == ("audio", None)
    assert long.reason.startswith("the first 4000 ms")
    assert "translation" in translated.reason


def test_on_a_call_the_server_keeps_the_conversation() -> None:
    conversation = Session()
    conversation.adds("u", None, **user({"type": "input_text", "text": "Hi"}))
    conversation.sends(update(instructions="x"))
    conversation.says("session.updated", session={})
    conversation.says("response.created", response={"id": "resp_1"})
    create, cancel = conversation.sends(ResponseCreate()), conversation.sends(ResponseCancel())
    made = plan(conversation, server_keeps_it=True)
    # Of a cancel nothing worse can come than that nothing is active; a response might be spoken twice.
    assert (made.session, made.items, made.events) == (None, (), (cancel,))
    assert [lost.id for lost in made.lost] == [create.event_id]
    assert made.cause is CAUSE


# --- whether to try ---------------------------------------------------------------------------------------------------

RECOVERABLE = {1001, 1005, 1006, 1011, 1012, 1013, 1015}


@pytest.mark.parametrize("code", [*range(1000, 1016), 3000, 4000, 4999])
def test_which_close_codes_are_worth_a_new_connection(code: int) -> None:
    assert is_recoverable(ConnectionClosedError(code, "")) is (code in RECOVERABLE)
    assert is_recoverable(SessionExpiredError(code, ""))


@pytest.mark.parametrize(
    "code", ["invalid_api_key", "insufficient_quota", "invalid_model", "missing_model", "beta_api_shape_disabled"]
)
def test_errors_that_come_again_every_time_are_not(code: str) -> None:
    assert not is_recoverable(ConnectionClosedError(1011, "", {"error": {"code": code}}))
    assert not is_recoverable(SessionExpiredError(1001, "", {"error": {"code": code}}))


@pytest.mark.parametrize(
    "event", [None, {}, {"error": None}, {"error": "x"}, {"error": {"code": ["x"]}}, {"error": {}}]
)
def test_other_errors_are_no_reason_against_it(event: Any) -> None:
    assert is_recoverable(ConnectionClosedError(1011, "", event))
    assert is_recoverable(ConnectionClosedError(1011, "", {"error": {"code": "session_expired"}}))


# --- how it is told ---------------------------------------------------------------------------------------------------


def test_the_event_that_tells_of_it_is_written_and_read() -> None:
    lost = Lost(what="item", id="a", reason="r")
    event = Reconnected(code=1006, reason="gone", restored=["u"], resent=["event_1"], lost=[lost])
    wire = json.loads(encode(event))
    assert wire == {
        "type": "openai_realtime.reconnected",
        "code": 1006,
        "reason": "gone",
        "restored": ["u"],
        "resent": ["event_1"],
        "resent_audio_ms": 0,
        "lost": [{"what": "item", "id": "a", "reason": "r"}],
    }
    assert decode_server_event(encode(event)).raw == wire
    assert "gone" in repr(event)


def test_keys_in_the_reason_of_a_close_are_masked() -> None:
    key = "sk-proj-abcdefgh12345678"
    cause = ConnectionClosedError(1011, f"bad {key}", {"error": {"message": key}})
    made = plan_restore(Session(), cause, server_keeps_it=False)
    event = Reconnected(code=made.cause.code, reason=made.cause.reason, restored=[], resent=[], lost=[])
    assert key not in repr(made) + repr(event) + encode(event).decode()


def test_the_policy_tries_more_often_than_a_request() -> None:
    policy = ReconnectPolicy()
    assert policy.retry == RetryPolicy(max_retries=8)
    assert (policy.renew_before, policy.on_reconnect) == (None, None)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_dialect_has_this_event(dialect: Dialect) -> None:
    event = Reconnected(code=1006, reason="", restored=[], resent=[], lost=[])
    assert not isinstance(decode_server_event(encode(event), dialect=dialect), Reconnected)


def test_a_truncation_that_was_not_answered_cuts_the_restored_words() -> None:
    conversation = Session()
    part = {"type": "output_audio", "transcript": "one two three four"}
    conversation.adds("a", None, **message("a", part))
    audio = base64.b64encode(bytes(1000 * 48)).decode()
    conversation.says("response.output_audio.delta", item_id="a", content_index=0, delta=audio)
    asked = conversation.sends(ConversationItemTruncate(item_id="a", audio_end_ms=500, content_index=0))
    made = plan(conversation)
    assert [item.content[0].text for item in made.items] == ["one two"]  # type: ignore[union-attr]
    assert {(lost.what, lost.id) for lost in made.lost} == {("event", asked.event_id), ("item", "a")}
