"""Every event of every dialect: reading, writing, names, and what `openai`'s own types say about them."""

import json
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import attrs
import pytest
from hypothesis import given, settings, strategies as st
from openai.types import realtime as today
from openai.types.beta import realtime as beta
from pydantic import BaseModel
from support.models import instances

from openai_realtime import models
from openai_realtime._codec.annotations import field_hints, is_model, tags
from openai_realtime._codec.check import check
from openai_realtime._codec.converter import _server_hooks, decode, decode_client_event, decode_server_event, encode
from openai_realtime._codec.dialects import event_classes
from openai_realtime.errors import ConfigurationError, DecodeError, InvalidRequestError
from openai_realtime.models import (
    UNSET,
    AssistantMessage,
    AudioPart,
    ClientEvent,
    ConversationItemAdded,
    ConversationItemCreate,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemTruncate,
    Error,
    Event,
    FailureDetails,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputAudioBufferAppend,
    InputAudioBufferDtmfEventReceived,
    InputImage,
    InputText,
    ItemReference,
    McpCall,
    McpError,
    McpListTools,
    OutputAudio,
    OutputText,
    RealtimeResponse,
    RealtimeSession,
    RealtimeSessionConfig,
    RealtimeTranscriptionSession,
    RealtimeTranscriptionSessionConfig,
    RealtimeTranslationSession,
    RealtimeTranslationSessionUpdateRequest,
    ResponseConfig,
    ResponseContentPartAdded,
    ResponseCreate,
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputTextDelta,
    ServerEvent,
    SessionCreated,
    SessionInputAudioBufferAppend,
    SessionOutputAudioDelta,
    SessionUpdate,
    SystemMessage,
    TextPart,
    TranscriptionDurationUsage,
    TranscriptionTokenUsage,
    TranslationSessionUpdate,
    UnknownEvent,
    UnknownObject,
    UserMessage,
    beta as beta_models,
)
from openai_realtime.models.base64 import _log_damage
from openai_realtime.models.beta import (
    BetaResponseDone,
    BetaSessionCreated,
    BetaSessionUpdate,
    RealtimeSessionCreateRequest,
    RealtimeSessionCreateResponse,
    ResponseAudioDelta,
)
from openai_realtime.models.events import Dialect

TRACES = Path(__file__).parents[3] / "shared" / "traces"
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
TABLES = {(side, dialect): event_classes(side, dialect) for side in (ServerEvent, ClientEvent) for dialect in DIALECTS}
EVENTS = [(side, dialect, cls) for (side, dialect), table in TABLES.items() for cls in table.values()]


def read(text: str | bytes, side: type[Event], dialect: Dialect = "realtime") -> Event:
    """Decode an event of either direction."""
    reader = decode_server_event if side is ServerEvent else decode_client_event
    return reader(text, dialect=dialect)


def same(one: Any, other: Any) -> bool:
    """Equal as JSON, where 1, 1.0 and true are three things."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


# --- golden samples: every type of every dialect, in the shapes that servers really send -----------------------------

IDS = {"response_id": "resp_1", "item_id": "item_2", "output_index": 0}
PART = {**IDS, "content_index": 0}
NOISE = {"obfuscation": "xK3vQ"}
USER = {"id": "item_1", "type": "message", "status": "completed", "role": "user", "content": []}
SPOKEN = {**USER, "content": [{"type": "input_audio", "transcript": None}]}
SHOWN = {
    **USER,
    "content": [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "image_url": "data:,", "detail": "low"},
    ],
}
SAID = {
    "id": "item_2",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "phase": "final_answer",
    "content": [{"type": "output_audio", "transcript": "Hi"}, {"type": "output_text", "text": "Hi"}],
}
CALL = {"id": "item_2", "type": "function_call", "name": "f", "call_id": "call_1", "arguments": '{ \n "a": 1}\n'}
OUTPUT = {"id": "item_3", "type": "function_call_output", "call_id": "call_1", "output": "{}"}
LISTED = {"id": "i", "type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "t", "input_schema": {"a": []}}]}
ASKED = {"id": "i", "type": "mcp_approval_request", "server_label": "s", "name": "t", "arguments": "{}"}
ALLOWED = {"id": "j", "type": "mcp_approval_response", "approval_request_id": "i", "approve": True, "reason": None}
FAILED = {**ASKED, "type": "mcp_call", "output": None, "error": {"type": "http_error", "code": 502, "message": "Bad"}}
ITEMS = [USER, SPOKEN, SHOWN, SAID, CALL, OUTPUT, LISTED, ASKED, ALLOWED, FAILED]
SYSTEM = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]}
TEXT = {"type": "text", "text": ""}
AUDIO = {"type": "audio", "transcript": ""}
TOKENS = {"text_tokens": 14, "audio_tokens": 26, "image_tokens": 0}
USAGE = {
    "total_tokens": 146,
    "input_tokens": 40,
    "output_tokens": 106,
    "input_token_details": {**TOKENS, "cached_tokens": 0, "cached_tokens_details": TOKENS},
    "output_token_details": {"text_tokens": 29, "audio_tokens": 77, "reasoning_tokens": 17},
}
FORMAT = {"type": "audio/pcm", "rate": 24000}
VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}
HEARD = {"format": FORMAT, "transcription": None, "noise_reduction": None, "turn_detection": {**VAD, "extra": None}}
SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime-2.1",
    "output_modalities": ["audio"],
    "instructions": "Hi.",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "include": None,
    "expires_at": 1784858052,
    "audio": {"input": HEARD, "output": {"format": FORMAT, "voice": "marin", "speed": 1.0}},
}
LISTENING = {
    "type": "transcription",
    "object": "realtime.transcription_session",
    "id": "sess_1",
    "expires_at": 1784858052,
    "audio": {"input": {"transcription": {"model": "gpt-live-transcribe", "languages": ["de"], "prompt": ""}}},
}
TRANSLATION = {
    "type": "translation",
    "id": "sess_1",
    "model": "gpt-realtime-translate",
    "expires_at": 1784858052,
    "audio": {"input": {"transcription": None}, "output": {"language": "de"}},
}
BETA_SESSION = {
    "id": "sess_1",
    "object": "realtime.session",
    "model": "gpt-4o-realtime-preview",
    "modalities": ["text"],
    "voice": {"name": "alloy", "type": "openai"},
    "input_audio_format": "pcm16",
    "output_audio_format": None,
    "turn_detection": {**VAD, "auto_truncate": False},
    "max_response_output_tokens": "inf",
    "expires_at": 1,
}
BETA_LISTENING = {
    "id": "sess_1",
    "object": "realtime.transcription_session",
    "input_audio_format": "pcm16",
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": VAD,
    "include": ["x"],
}
RESPONSE = {
    "object": "realtime.response",
    "id": "resp_1",
    "conversation_id": "conv_1",
    "metadata": None,
    "output_modalities": ["audio"],
    "max_output_tokens": "inf",
    "audio": {"output": {"format": FORMAT, "voice": "marin"}},
}
BEGUN = {**RESPONSE, "status": "in_progress", "status_details": None, "output": [], "usage": None}
ENDED = {**RESPONSE, "status": "completed", "status_details": None, "output": ITEMS, "usage": USAGE}
BROKEN = {"type": "server_error", "code": None, "message": "Sorry", "param": None}
CUT = {
    **ENDED,
    "conversation_id": None,
    "metadata": {"topic": "a"},
    "status": "failed",
    "status_details": {"type": "failed", "error": BROKEN},
}
BETA_RESPONSE = {
    "object": "realtime.response",
    "id": "resp_1",
    "status": "cancelled",
    "modalities": ["text"],
    "status_details": {"type": "cancelled", "reason": "turn_detected"},
    "temperature": None,
    "voice": "alloy",
    "output": [{**SAID, "object": "realtime.item", "content": [TEXT, AUDIO]}],
    "output_audio_format": "pcm16",
}
PREFIX = "conversation.item.input_audio_transcription"
SPEECH = {"item_id": "item_1", "content_index": 0}
LOGPROBS = {"logprobs": [{"token": "Hi", "logprob": -0.01, "bytes": [72, 105]}]}

SERVER: list[tuple[str, dict[str, Any]]] = [
    (
        "error",
        {"error": {"type": "invalid_request_error", "code": None, "message": "No.", "param": "a", "event_id": None}},
    ),
    ("error", {"error": {"type": "server_error", "message": "No."}}),
    ("session.created", {"session": SESSION}),
    ("session.updated", {"session": LISTENING}),
    ("rate_limits.updated", {"rate_limits": [{"name": "tokens", "limit": 9, "remaining": 8, "reset_seconds": 0.002}]}),
    ("input_audio_buffer.speech_started", {"item_id": "item_1", "audio_start_ms": 1556}),
    ("input_audio_buffer.speech_stopped", {"item_id": "item_1", "audio_end_ms": 4224}),
    ("input_audio_buffer.committed", {"item_id": "item_1", "previous_item_id": None}),
    ("input_audio_buffer.cleared", {}),
    ("input_audio_buffer.timeout_triggered", {"item_id": "item_1", "audio_start_ms": 0, "audio_end_ms": 9}),
    ("input_audio_buffer.dtmf_event_received", {"event": "9", "received_at": 1763605109}),
    ("conversation.created", {"conversation": {"id": "conv_1", "object": "realtime.conversation"}}),
    ("conversation.item.created", {"previous_item_id": None, "item": {**USER, "object": "realtime.item"}}),
    *(("conversation.item.added", {"previous_item_id": "item_0", "item": item}) for item in ITEMS),
    ("conversation.item.done", {"previous_item_id": None, "item": SAID}),
    ("conversation.item.retrieved", {"item": SPOKEN}),
    ("conversation.item.deleted", {"item_id": "item_1"}),
    ("conversation.item.truncated", {"item_id": "item_2", "content_index": 0, "audio_end_ms": 1500}),
    (f"{PREFIX}.delta", {**SPEECH, **NOISE, "delta": " Hello", **LOGPROBS}),
    (f"{PREFIX}.segment", {**SPEECH, "id": "seg_1", "speaker": "A", "start": 0.5, "end": 1.25, "text": "Hello"}),
    (f"{PREFIX}.completed", {**SPEECH, "transcript": "Hello", "usage": {"type": "duration", "seconds": 3}, **LOGPROBS}),
    (
        f"{PREFIX}.completed",
        {
            **SPEECH,
            "transcript": "",
            "languages": [{"code": "de"}],
            "usage": {
                "type": "tokens",
                "total_tokens": 3,
                "input_tokens": 2,
                "output_tokens": 1,
                "input_token_details": TOKENS,
            },
        },
    ),
    (f"{PREFIX}.failed", {**SPEECH, "error": {**BROKEN, "code": "DeploymentNotFound"}}),
    ("response.created", {"response": BEGUN}),
    ("response.done", {"response": ENDED}),
    ("response.done", {"response": CUT}),
    ("response.output_item.added", {"response_id": "resp_1", "output_index": 0, "item": {**CALL, "arguments": ""}}),
    ("response.output_item.done", {"response_id": "resp_1", "output_index": 0, "item": SAID}),
    ("response.content_part.added", {**PART, "part": TEXT, "content": TEXT}),
    ("response.content_part.done", {**PART, "part": {**AUDIO, "transcript": "Hi"}}),
    ("response.output_text.delta", {**PART, **NOISE, "delta": "H"}),
    ("response.output_text.done", {**PART, "text": "Hi"}),
    ("response.output_audio.delta", {**PART, "delta": "AAD/fw=="}),
    ("response.output_audio.done", PART),
    ("response.output_audio_transcript.delta", {**PART, **NOISE, "delta": "H"}),
    ("response.output_audio_transcript.done", {**PART, "transcript": "Hi"}),
    ("response.function_call_arguments.delta", {**IDS, **NOISE, "call_id": "call_1", "delta": "{"}),
    ("response.function_call_arguments.done", {**IDS, "call_id": "call_1", "name": "f", "arguments": "{ }\n"}),
    ("response.mcp_call_arguments.delta", {**IDS, "delta": "{", "obfuscation": None}),
    ("response.mcp_call_arguments.done", {**IDS, "arguments": "{}"}),
    ("response.mcp_call.in_progress", {"item_id": "i", "output_index": 0}),
    ("response.mcp_call.completed", {"item_id": "i", "output_index": 0}),
    ("response.mcp_call.failed", {"item_id": "i", "output_index": 0}),
    ("mcp_list_tools.in_progress", {"item_id": "i"}),
    ("mcp_list_tools.completed", {"item_id": "i"}),
    ("mcp_list_tools.failed", {"item_id": "i"}),
    ("output_audio_buffer.started", {"response_id": "resp_1"}),
    ("output_audio_buffer.stopped", {"response_id": "resp_1"}),
    ("output_audio_buffer.cleared", {"response_id": "resp_1"}),
]
CLIENT: list[tuple[str, dict[str, Any]]] = [
    (
        "session.update",
        {"session": {"type": "realtime", "instructions": "Hi.", "audio": {"input": {"turn_detection": None}}}},
    ),
    ("session.update", {"session": {"type": "transcription", "audio": {"input": {"format": FORMAT}}}}),
    ("input_audio_buffer.append", {"audio": "AAD/fw=="}),
    ("input_audio_buffer.commit", {}),
    ("input_audio_buffer.clear", {}),
    ("output_audio_buffer.clear", {}),
    *(
        ("conversation.item.create", {"previous_item_id": "root", "item": item})
        for item in (USER, SYSTEM, OUTPUT, ALLOWED)
    ),
    ("conversation.item.delete", {"item_id": "item_1"}),
    ("conversation.item.retrieve", {"item_id": "item_1"}),
    ("conversation.item.truncate", {"item_id": "item_2", "content_index": 0, "audio_end_ms": 1500}),
    ("response.create", {}),
    (
        "response.create",
        {
            "response": {
                "conversation": "none",
                "metadata": {"topic": "a"},
                "output_modalities": ["text"],
                "input": [{"type": "item_reference", "id": "item_1"}, SYSTEM],
                "tool_choice": "none",
                "audio": {"output": {"voice": {"id": "voice_1"}}},
                "max_output_tokens": 100,
            }
        },
    ),
    ("response.cancel", {"response_id": "resp_1"}),
]
TRANSLATION_SERVER = [
    SERVER[0],
    ("session.created", {"session": TRANSLATION}),
    ("session.updated", {"session": TRANSLATION}),
    ("session.closed", {}),
    ("session.input_transcript.delta", {"delta": "Hello", "elapsed_ms": None}),
    ("session.output_transcript.delta", {"delta": "Hallo", "elapsed_ms": 200}),
    (
        "session.output_audio.delta",
        {"delta": "AAD/fw==", "channels": 1, "sample_rate": 24000, "format": "pcm16", "elapsed_ms": 200},
    ),
]
TRANSLATION_CLIENT = [
    ("session.update", {"session": {"audio": {"output": {"language": "de"}}}}),
    ("session.input_audio_buffer.append", {"audio": "AAD/fw=="}),
    ("session.close", {}),
]
BETA_SHAPES = {
    "session.created",
    "session.updated",
    "session.update",
    "response.created",
    "response.done",
    "response.create",
}
BETA_SERVER = [
    *(sample for sample in SERVER if sample[0] not in BETA_SHAPES),
    ("session.created", {"session": BETA_SESSION}),
    ("session.updated", {"session": BETA_SESSION}),
    ("transcription_session.created", {"session": BETA_LISTENING}),
    ("transcription_session.updated", {"session": BETA_LISTENING}),
    ("response.created", {"response": BETA_RESPONSE}),
    ("response.done", {"response": BETA_RESPONSE}),
    ("response.text.delta", {**PART, "delta": "H"}),
    ("response.text.done", {**PART, "text": "Hi"}),
    ("response.audio.delta", {**PART, "delta": "AAD/fw=="}),
    ("response.audio.done", PART),
    ("response.audio_transcript.delta", {**PART, "delta": "H"}),
    ("response.audio_transcript.done", {**PART, "transcript": "Hi"}),
]
BETA_CLIENT = [
    *(sample for sample in CLIENT if sample[0] not in BETA_SHAPES),
    ("session.update", {"session": {"modalities": ["text"], "voice": "alloy", "turn_detection": None}}),
    ("transcription_session.update", {"session": {"input_audio_format": "pcm16"}}),
    (
        "response.create",
        {
            "response": {
                "modalities": ["text"],
                "max_response_output_tokens": "inf",
                "tool_choice": "auto",
                "input": [USER],
            }
        },
    ),
]
SAMPLES: dict[tuple[type[Event], Dialect], list[tuple[str, dict[str, Any]]]] = {
    (ServerEvent, "realtime"): SERVER,
    (ClientEvent, "realtime"): CLIENT,
    (ServerEvent, "translation"): TRANSLATION_SERVER,
    (ClientEvent, "translation"): TRANSLATION_CLIENT,
    (ServerEvent, "beta"): BETA_SERVER,
    (ClientEvent, "beta"): BETA_CLIENT,
}
GOLDEN = [
    (side, dialect, {"type": kind, "event_id": "event_1", **fields})
    for (side, dialect), samples in SAMPLES.items()
    for kind, fields in samples
]


def models_in(value: Any) -> Iterator[models.Model]:
    """`value` and every model inside it."""
    if isinstance(value, models.Model):
        yield value
        for name in field_hints(type(value)):
            yield from models_in(getattr(value, name))
    elif isinstance(value, list):
        for element in value:
            yield from models_in(element)


@pytest.mark.parametrize(("side", "dialect", "sample"), GOLDEN)
def test_an_event_is_read_as_its_class_and_written_back(side: type[Event], dialect: Dialect, sample: Any) -> None:
    event = read(json.dumps(sample), side, dialect)
    assert type(event) is TABLES[side, dialect][sample["type"]]
    assert event.raw == sample
    assert same(json.loads(encode(event)), sample)
    assert not [part for part in models_in(event) if isinstance(part, UnknownObject)]


def test_the_samples_have_every_type() -> None:
    assert {key: len(table) for key, table in TABLES.items()} == {
        (ServerEvent, "realtime"): 46,
        (ClientEvent, "realtime"): 11,
        (ServerEvent, "translation"): 7,
        (ClientEvent, "translation"): 3,
        (ServerEvent, "beta"): 46 + 8,
        (ClientEvent, "beta"): 11 + 1,
    }
    for key, table in TABLES.items():
        assert {kind for kind, _ in SAMPLES[key]} == set(table), key


# --- recorded sessions and the specification's examples, where they are at hand --------------------------------------


def traced() -> Iterator[tuple[str, type[Event], Dialect, dict[str, Any]]]:
    """The recorded events, with the provider they are from."""
    for path in sorted(TRACES.glob("*__*.jsonl")):
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            if "event" in row:
                side = ServerEvent if row["dir"] == "server" else ClientEvent
                yield row["provider"], side, "beta" if row["era"] == "beta" else "realtime", row["event"]


def examples() -> Iterator[tuple[str, type[Event], Dialect, dict[str, Any]]]:
    """The events among the specification's examples, with the schema they illustrate."""
    path = TRACES / "spec_examples.jsonl"
    for row in map(json.loads, path.read_text("utf-8").splitlines() if path.exists() else ()):
        schema = row["schema"]
        if found := re.match(r"Realtime(Beta|Translation|)(Client|Server)Event", schema):
            of_beta = found[1] == "Beta" or "TranscriptionSession" in schema
            dialect: Dialect = "beta" if of_beta else "translation" if found[1] else "realtime"
            yield schema, ServerEvent if found[2] == "Server" else ClientEvent, dialect, row["example"]


# A compatible server's own, and an example whose type starts with a space.
STRANGE = {"ping", f"{PREFIX}.updated", " input_audio_buffer.dtmf_event_received"}


def test_everything_recorded_is_read_as_its_class_and_written_back() -> None:
    golden = (("golden", *sample) for sample in GOLDEN)
    for source, side, dialect, sample in (*golden, *traced(), *examples()):
        event = read(json.dumps(sample), side, dialect)
        expected = UnknownEvent if sample["type"] in STRANGE else TABLES[side, dialect][sample["type"]]
        assert type(event) is expected, (source, sample)
        assert same(json.loads(encode(event)), sample), (source, sample)


def test_what_the_api_sent_holds_no_unknown_object() -> None:
    golden = (("golden", *sample) for sample in GOLDEN)
    for source, side, dialect, sample in (*golden, *traced()):
        parts = models_in(read(json.dumps(sample), side, dialect))
        assert source == "xai" or not [part for part in parts if type(part) in (UnknownObject, UnknownEvent)], sample


def test_the_api_sends_no_field_that_has_no_name_here() -> None:
    golden = ((*sample,) for sample in GOLDEN if sample[1] == "realtime")
    recorded = (
        (side, dialect, event) for source, side, dialect, event in traced() if source in {"openai", "azure-openai"}
    )
    for side, dialect, sample in (*golden, *recorded):
        for part in models_in(read(json.dumps(sample), side, dialect)):
            assert set(part.raw or ()) - {"extra"} <= set(field_hints(type(part))), (type(part), sample)


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "dialect", "cls"), EVENTS)
def test_a_class_is_named_like_its_type(side: type[Event], dialect: Dialect, cls: type[Event]) -> None:
    (kind,) = tags(cls)
    name = "".join(word.capitalize() for word in re.split(r"[._]", kind))
    other = TABLES[side, "realtime"].get(kind)
    assert cls.__name__ == (name if other in (None, cls) else dialect.capitalize() + name)
    assert issubclass(cls, side)
    home = beta_models if cls.__module__ == beta_models.__name__ else models
    assert getattr(home, cls.__name__) is cls


def test_a_beta_event_from_the_server_is_also_todays() -> None:
    event = read(json.dumps({"type": "response.done", "response": BETA_RESPONSE}), ServerEvent, "beta")
    match event:
        case ResponseDone(response=RealtimeResponse(id=name, output=[AssistantMessage(content=parts)])):
            assert (name, [type(part) for part in parts]) == ("resp_1", [TextPart, AudioPart])
        case _:
            pytest.fail(repr(event))
    assert type(event) is BetaResponseDone


few = settings(max_examples=20)

# --- random events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "dialect", "cls"), EVENTS)
@few
@given(data=st.data())
def test_random_events_survive_json(side: type[Event], dialect: Dialect, cls: type[Event], data: st.DataObject) -> None:
    event = data.draw(instances(cls))
    again = read(encode(event), side, dialect)
    assert type(again) is cls
    assert again == event
    assert encode(again) == encode(event)


@pytest.mark.parametrize("cls", TABLES[ClientEvent, "realtime"].values())
@few
@given(data=st.data())
def test_valid_random_client_events_pass_the_check(cls: type[Event], data: st.DataObject) -> None:
    check(data.draw(instances(cls, known=True)))


# --- whatever a server sends -----------------------------------------------------------------------------------------


def spoiled(value: Any, put: Any) -> Iterator[Any]:
    """`value` with `put` in the place of each thing inside it, one at a time."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inside in pairs:
        for spoilt in (put, *spoiled(inside, put)):
            copy = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = spoilt
            yield copy


@pytest.mark.parametrize(("side", "dialect", "sample"), GOLDEN)
@pytest.mark.parametrize("put", [None, 7, "unimplemented", [], {}, {"type": "new", "a": [1]}, [{"type": "new"}, None]])
def test_nothing_odd_is_refused_or_lost(put: Any, side: type[Event], dialect: Dialect, sample: Any) -> None:
    for odd in spoiled(sample, put):
        event = read(json.dumps(odd), side, dialect)
        assert same(json.loads(encode(event)), odd)
        assert isinstance(event, UnknownEvent) is (odd["type"] != sample["type"])
        assert repr(event)


@pytest.mark.parametrize("side", [ServerEvent, ClientEvent])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "sample", [{"type": "response.new", "event_id": "e", "x": {"y": None}}, {"type": 1}, {"x": 1}, {}]
)
def test_an_event_of_an_unknown_type_is_whole(sample: dict[str, Any], dialect: Dialect, side: type[Event]) -> None:
    event = read(json.dumps(sample), side, dialect)
    assert type(event) is UnknownEvent
    assert isinstance(event, side)
    assert event.type == sample.get("type", UNSET)
    assert event.event_id == sample.get("event_id", UNSET)
    assert event.raw == json.loads(encode(event)) == sample
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301


def test_unknown_types_do_not_pile_up() -> None:
    for number in range(100):
        decode_server_event(f'{{"type": "response.new.{number}"}}')
    assert _server_hooks["realtime"].keys() <= TABLES[ServerEvent, "realtime"].keys()


@pytest.mark.parametrize("side", [ServerEvent, ClientEvent])
@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '"response.done"', "7", '[{"type": "error"}]', b"\xff\xfe", b"{}\x00"]
)
def test_what_is_no_json_object_is_a_decode_error(text: str | bytes, side: type[Event]) -> None:
    with pytest.raises(DecodeError):
        read(text, side)


def test_a_type_belongs_to_its_dialect() -> None:
    delta = json.dumps({"type": "response.audio.delta", "delta": ""})
    assert type(decode_server_event(delta)) is UnknownEvent
    assert type(decode_server_event(delta, dialect="beta")) is ResponseAudioDelta
    assert type(decode_server_event(b'{"type": "response.done"}', dialect="translation")) is UnknownEvent
    assert type(decode_client_event(b'{"type": "response.done"}')) is UnknownEvent
    with pytest.raises(ConfigurationError, match="'betamax' is not one of 'realtime', 'translation', 'beta'"):
        decode_server_event(delta, dialect="betamax")  # type: ignore[arg-type]


# --- items, parts and the rest ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "cls", "parts"),
    [
        (SPOKEN, UserMessage, [InputAudio]),
        (SHOWN, UserMessage, [InputText, InputImage]),
        (SAID, AssistantMessage, [OutputAudio, OutputText]),
        (SYSTEM, SystemMessage, [InputText]),
        (CALL, FunctionCall, []),
        (OUTPUT, FunctionCallOutput, []),
        (LISTED, McpListTools, []),
        (FAILED, McpCall, []),
        ({**SYSTEM, "role": "robot"}, UnknownObject, []),
        ({**SYSTEM, "role": None}, UnknownObject, []),
        ({"type": "message"}, UnknownObject, []),
        ({"type": "item_reference", "id": "item_1"}, UnknownObject, []),  # cannot be created
        ({**SYSTEM, "content": [{"type": "input_video"}]}, SystemMessage, [UnknownObject]),
    ],
)
def test_items_are_told_apart_by_type_and_role(item: dict[str, Any], cls: type, parts: list[type]) -> None:
    event = decode_server_event(json.dumps({"type": "conversation.item.done", "item": item}))
    assert isinstance(event, ConversationItemDone)
    assert type(event.item) is cls
    assert [type(part) for part in getattr(event.item, "content", [])] == parts
    assert same(json.loads(encode(event))["item"], item)


@pytest.mark.parametrize(
    ("session", "dialect", "cls"),
    [
        (SESSION, "realtime", RealtimeSession),
        (LISTENING, "realtime", RealtimeTranscriptionSession),
        (TRANSLATION, "translation", RealtimeTranslationSession),
        (BETA_SESSION, "beta", RealtimeSessionCreateResponse),
        ({"type": "new"}, "realtime", UnknownObject),
    ],
)
def test_a_session_is_read_as_its_kind(session: dict[str, Any], dialect: Dialect, cls: type) -> None:
    event = decode_server_event(json.dumps({"type": "session.created", "session": session}), dialect=dialect)
    assert isinstance(event, SessionCreated)
    assert isinstance(event, BetaSessionCreated) is (dialect == "beta")
    assert type(event.session) is cls


def test_what_hangs_on_an_event_is_typed() -> None:
    done, cut = (decode_server_event(json.dumps({"type": "response.done", "response": r})) for r in (ENDED, CUT))
    assert isinstance(done, ResponseDone)
    assert isinstance(cut, ResponseDone)
    assert done.response.usage.input_token_details.cached_tokens_details.audio_tokens == 26  # type: ignore[union-attr]
    assert done.response.usage.output_token_details.reasoning_tokens == 17  # type: ignore[union-attr]
    assert done.response.output[-1].error == McpError(type="http_error", code=502, message="Bad")  # type: ignore[index]
    assert cut.response.status_details.error == FailureDetails(**BROKEN)  # type: ignore[union-attr]
    part = decode_server_event(
        json.dumps({"type": "response.content_part.added", **PART, "part": TEXT, "content": TEXT})
    )
    assert isinstance(part, ResponseContentPartAdded)
    assert part.part == part.content == TextPart(text="")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"type": "duration", "seconds": 3}, TranscriptionDurationUsage(seconds=3)),
        (
            {"type": "tokens", "total_tokens": 3, "input_tokens": 2, "output_tokens": 1},
            TranscriptionTokenUsage(total_tokens=3, input_tokens=2, output_tokens=1),
        ),
        (None, None),
        ({"type": "coins"}, UnknownObject(type="coins")),
    ],
)
def test_a_transcription_costs_tokens_or_seconds(usage: Any, expected: Any) -> None:
    event = decode_server_event(json.dumps({"type": f"{PREFIX}.completed", "usage": usage}))
    assert isinstance(event, ConversationItemInputAudioTranscriptionCompleted)
    assert event.usage == expected
    assert decode(b"{}", ConversationItemInputAudioTranscriptionCompleted).usage is UNSET  # as old servers do


def test_a_key_press_has_no_event_id() -> None:
    event = decode_server_event(
        json.dumps({"type": "input_audio_buffer.dtmf_event_received", "event": "9", "received_at": 1763605109})
    )
    assert event == InputAudioBufferDtmfEventReceived(event="9", received_at=1763605109)
    assert event.event_id is UNSET


# --- audio -----------------------------------------------------------------------------------------------------------

PCM = bytes(range(256)) * 3 + b"\x00"


@pytest.mark.parametrize("cls", [ResponseOutputAudioDelta, ResponseAudioDelta, SessionOutputAudioDelta])
def test_an_audio_delta_gives_bytes(cls: type[ResponseOutputAudioDelta]) -> None:
    (kind,) = tags(cls)
    dialect = next(name for name in DIALECTS if kind in TABLES[ServerEvent, name])
    for audio in (PCM, b""):
        delta = InputAudioBufferAppend.from_bytes(audio).audio
        event = read(json.dumps({"type": kind, "delta": delta}), ServerEvent, dialect)
        assert type(event) is cls
        assert event.audio == event.to_bytes() == audio


@pytest.mark.parametrize("delta", ['"AA=A"', '"A"', '"Ä"', '"AA\\nAA"', '"AAA"', '"__--"', "null", "7", "[]"])
def test_a_delta_that_is_no_base64_has_no_audio_and_raises_when_asked(delta: str) -> None:
    event = decode_server_event(f'{{"type": "response.output_audio.delta", "delta": {delta}}}')
    assert isinstance(event, ResponseOutputAudioDelta)
    assert event.audio == b""
    with pytest.raises(DecodeError, match="base64"):
        event.to_bytes()


@pytest.mark.parametrize("item_id", ['"item_damaged"', "[]"])
def test_damaged_audio_is_told_once_for_each_item(item_id: str, caplog: pytest.LogCaptureFixture) -> None:
    _log_damage.cache_clear()
    text = f'{{"type": "response.output_audio.delta", "item_id": {item_id}, "delta": "no base64, sk-hidden"}}'
    for _ in range(3):
        event = decode_server_event(text)
        assert isinstance(event, ResponseOutputAudioDelta)
        assert event.audio == b""
    assert caplog.messages == ["the server sent audio that is not base64; it is left out"]


@pytest.mark.parametrize(
    "cls", [InputAudioBufferAppend, SessionInputAudioBufferAppend, InputAudio, OutputAudio, AudioPart]
)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_go_in_and_come_out(kind: Any, cls: Any) -> None:
    made = cls.from_bytes(kind(PCM))
    assert made.to_bytes() == PCM
    assert decode(encode(made), cls).to_bytes() == PCM
    check(made)


def test_a_part_without_audio_has_no_bytes() -> None:
    assert InputAudio(transcript="Hi").to_bytes() == OutputAudio(audio=None).to_bytes() == b""
    with pytest.raises(DecodeError):
        InputAudio(audio="?").to_bytes()


def test_audio_stays_out_of_a_repr() -> None:
    event = InputAudioBufferAppend.from_bytes(bytes(30_000))
    assert (
        repr(event)
        == f"InputAudioBufferAppend(type='input_audio_buffer.append', audio=<40000 characters: {'A' * 32}…>)"
    )
    short = ResponseOutputAudioDelta(delta="AAAA", response_id="r", item_id="i", output_index=0, content_index=0)
    assert "delta='AAAA'" in repr(short)
    assert len(repr(UserMessage.from_audio(bytes(30_000)))) < 200
    assert len(repr(InputImage.from_bytes(bytes(30_000)))) < 200


def test_an_append_has_a_limit() -> None:
    check(InputAudioBufferAppend.from_bytes(bytes(15 * 2**20)))
    with pytest.raises(InvalidRequestError, match=r"audio: .* is not of length 0 to 20971520"):
        check(InputAudioBufferAppend.from_bytes(bytes(15 * 2**20 + 1)))


# --- making events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            UserMessage.from_text("Hi"),
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        ),
        (SystemMessage.from_text("Hi"), {**SYSTEM, "content": [{"type": "input_text", "text": "Hi"}]}),
        (
            AssistantMessage.from_text("Hi"),
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
        ),
        (
            UserMessage.from_audio(b"\x00\x00\xff\x7f"),
            {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "AAD/fw=="}]},
        ),
        (
            FunctionCallOutput(call_id="c", output="{}"),
            {"type": "function_call_output", "call_id": "c", "output": "{}"},
        ),
        (InputImage.from_bytes(b"\x89PNG"), {"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="}),
        (
            InputImage.from_bytes(b"\xff\xd8", "image/jpeg"),
            {"type": "input_image", "image_url": "data:image/jpeg;base64,/9g="},
        ),
        (
            ResponseCreate(response=ResponseConfig(conversation="none", input=[ItemReference(id="item_1")])),
            {
                "type": "response.create",
                "response": {"conversation": "none", "input": [{"type": "item_reference", "id": "item_1"}]},
            },
        ),
    ],
)
def test_what_the_constructors_make(model: models.Model, expected: dict[str, Any]) -> None:
    check(model)
    assert json.loads(encode(model)) == expected


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"type": "conversation.item.create"}, "item: missing; needs"),
        (
            {"type": "conversation.item.create", "item": {**USER, "role": "robot"}},
            "item.role: 'robot' is not one of 'user',",
        ),
        ({"type": "conversation.item.create", "item": {"type": "message"}}, "item.role: missing; needs one of 'user',"),
        (
            {"type": "conversation.item.create", "item": {"type": "item_reference"}},
            "item.type: 'item_reference' is not one of",
        ),
        ({"type": "conversation.item.create", "item": {**USER, "colour": 1}}, "item.colour: unknown field"),
        (
            {"type": "conversation.item.create", "item": SYSTEM, "event_id": ""},
            "event_id: '' is not of length 1 to 512",
        ),
        (
            {"type": "session.update", "session": {"model": "m"}},
            "session.type: missing; needs one of 'realtime', 'trans",
        ),
        ({"type": "session.update", "session": {**SESSION, "audio": {}}}, "session.object: unknown field"),
        ({"type": "response.create", "response": {"metadata": {"a": 1}}}, "response.metadata.a: 1 is not a string"),
        (
            {"type": "response.create", "response": {"metadata": dict.fromkeys("abcdefghijklmnopq", "x")}},
            "response.metadata: a dict is not of length 0 to 16",
        ),
        (
            {"type": "response.create", "response": {"output_modalities": ["text", "audio"]}},
            "response.output_modalities: ",
        ),
        ({"type": "response.create", "respons": {}}, "respons: unknown field; did you mean 'response'"),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": -1},
            "audio_end_ms: -1 ",
        ),
        ({"type": "input_audio_buffer.append", "audio": None}, "audio: null is not a string"),
    ],
)
def test_a_bad_client_event_is_refused_by_field(event: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check(decode_client_event(json.dumps(event)))
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    "event",
    [
        SessionUpdate(session=RealtimeSession()),
        SessionUpdate(session=RealtimeSessionCreateRequest()),  # type: ignore[arg-type]
        BetaSessionUpdate(session=RealtimeSessionConfig()),  # type: ignore[arg-type]
        TranslationSessionUpdate(session=RealtimeTranscriptionSessionConfig()),  # type: ignore[arg-type]
        ConversationItemCreate(item=ItemReference(id="item_1")),  # type: ignore[arg-type]
        ConversationItemTruncate(item_id="i", content_index=0, audio_end_ms=1.5),  # type: ignore[arg-type]
        ResponseCreate(response={}),  # type: ignore[arg-type]
    ],
)
def test_a_client_event_of_the_wrong_things_is_refused(event: ClientEvent) -> None:
    with pytest.raises(InvalidRequestError):
        check(event)


def test_valid_client_events_pass_the_check() -> None:
    for side, dialect, sample in GOLDEN:
        if side is ClientEvent:
            check(read(json.dumps(sample), side, dialect))
    check(SessionUpdate(session=RealtimeSessionConfig(output_modalities=["text"])))
    check(TranslationSessionUpdate(session=RealtimeTranslationSessionUpdateRequest()))


def test_a_delta_can_be_matched() -> None:
    event = decode_server_event(json.dumps({"type": "response.output_text.delta", **PART, "delta": "Hi"}))
    match event:
        case ResponseOutputTextDelta(delta=text, output_index=0):
            assert text == "Hi"
        case _:
            pytest.fail(repr(event))


def test_no_key_shows_in_an_error_event() -> None:
    text = "Incorrect API key provided: sk-proj-****ueba."
    event = decode_server_event(json.dumps({"type": "error", "error": {"type": "e", "message": text}}))
    assert isinstance(event, Error)
    assert event.error.message == text
    assert "ueba" not in repr(event)


def test_evolve_keeps_what_no_class_knows() -> None:
    event = decode_server_event(
        json.dumps({"type": "conversation.item.added", "item": {**USER, "new": 1}, "more": [None]})
    )
    assert isinstance(event, ConversationItemAdded)
    changed = attrs.evolve(event, event_id="event_2")
    assert json.loads(encode(changed)) == {**(event.raw or {}), "event_id": "event_2"}


# --- loading ---------------------------------------------------------------------------------------------------------


def test_a_misspelt_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ResponseDune'"):
        _ = models.ResponseDune


# --- drift: `openai`'s types are kept by the API's makers ------------------------------------------------------------

EXPLAINED = {
    "*.format.rate: only *": "compatible servers take other rates",
    "*.item.id: may be absent here": "the approval of an MCP call needs no id of your own",
    "response.*.id: may be absent here": "the same, among the input and output of responses",
    "*.reasoning.effort: only here *": "gpt-realtime-2 takes none",
    "*.format.rate: required here": "the API refuses PCM without one",
    "*.event_id: may be absent here": "a key press has none, and the emulator gives them out when it sends",
    "input_audio_buffer.dtmf_event_received.event_id: not theirs": "it is a field of all events",
    "*.obfuscation: not theirs": "on the wire",
    "*.phase: not theirs": "on the wire",
    "*.reasoning_tokens: not theirs": "on the wire",
    "response.content_part.*.content: not theirs": "on Azure's wire",
    "*.completed.usage: may be absent here": "old servers leave it out",
    "*.text: required here": "their part is several of ours, and without its text a text part is nothing",
    "*.error.code: *": "their three MCP errors are one of ours",
    "*.status_details.error.param: not theirs": "one class for all failures",
    "*.completed.usage.input_token_details.*: not theirs": "one class for all input tokens",
    "session.*d.session.*: not theirs": "they have the request's class; the answer has id, object and expires_at",
}
EXPLAINED_BETA = {
    "*.event_id: may be absent here": EXPLAINED["*.event_id: may be absent here"],
    "*.completed.usage: may be absent here": EXPLAINED["*.completed.usage: may be absent here"],
    "*.content.id: not here": "an item reference among content parts, which nothing but this type shows",
    "*.content.type: only there *item_reference*": "the same",
    "session.*d.session.tool_choice: *": "any string is kept",
    "session.update.session.client_secret.expires_after.anchor: may be absent here": "it has one value",
    "transcription_session.updated.session.client_secret: may be absent here": "it is in REST answers only",
    "transcription_session.updated.session.turn_detection.type: *": "any string is kept",
}


def parts(hint: Any) -> Iterator[Any]:
    """The members of a hint, through unions, lists, mappings and ``Annotated``."""
    if get_origin(hint) is Annotated:
        yield from parts(get_args(hint)[0])
    elif get_origin(hint) in (Union, UnionType, list, dict, Sequence, Mapping):
        for part in get_args(hint)[1:] if get_origin(hint) in (dict, Mapping) else get_args(hint):
            yield from parts(part)
    else:
        yield hint


def leaves(hint: Any) -> set[Any]:
    """The scalar types and literals that a hint allows."""
    found = [part for part in parts(hint) if part is not NoneType and part is not models.Unset]
    literals = {value for part in found if get_origin(part) is Literal for value in get_args(part)}
    return literals | {part for part in found if part in (str, int, float, bool)}


def objects(hint: Any) -> list[Any]:
    """The model classes, theirs or ours, that a hint allows."""
    return [part for part in parts(hint) if is_model(part) or (isinstance(part, type) and issubclass(part, BaseModel))]


def kinds(cls: Any, key: str) -> set[Any]:
    """The values of ``type`` or ``role`` that make an object a `cls`."""
    if is_model(cls):
        return set(tags(cls, key))
    return leaves(cls.model_fields[key].annotation) - {str} if key in cls.model_fields else set()


def counterparts(theirs: Any, ours: Iterable[Any]) -> list[Any]:
    """Those of our classes that may be an object of theirs."""

    def fits(cls: Any) -> bool:
        pairs = ((kinds(theirs, key), kinds(cls, key)) for key in ("type", "role"))
        return all(not one or not other or one & other for one, other in pairs)

    return [cls for cls in ours if cls is not UnknownObject and fits(cls)]


def drift(theirs: Any, ours: list[Any], path: str) -> Iterator[str]:
    """How our classes, which are one of theirs together, differ from it."""
    hints: Mapping[str, list[Any]] = {
        name: [field_hints(cls)[name] for cls in ours if name in field_hints(cls)]
        for cls in ours
        for name in field_hints(cls)
    }
    for name in hints.keys() - theirs.model_fields.keys():
        yield f"{path}.{name}: not theirs"
    for name, field in theirs.model_fields.items():
        if name not in hints:
            yield f"{path}.{name}: not here"
            continue
        optional = [models.Unset in get_args(hint) for hint in hints[name]]
        if field.is_required() and any(optional):
            yield f"{path}.{name}: may be absent here"
        if not field.is_required() and not any(optional) and name != "type":
            yield f"{path}.{name}: required here"
        here, there = set[Any]().union(*map(leaves, hints[name])), leaves(field.annotation)
        if there - here:
            yield f"{path}.{name}: only there {sorted(map(str, there - here))}"
        if here - there and name != "type":  # one class of ours may be several of theirs
            yield f"{path}.{name}: only here {sorted(map(str, here - there))}"
        inside = [part for hint in hints[name] for part in objects(hint)]
        for part in objects(field.annotation):
            matching = counterparts(part, inside)
            yield from drift(part, matching, f"{path}.{name}") if matching else [f"{path}.{name}: no {part.__name__}"]


ORACLE = {
    (ServerEvent, "realtime"): today.RealtimeServerEvent,
    (ClientEvent, "realtime"): today.RealtimeClientEvent,
    (ServerEvent, "translation"): today.RealtimeTranslationServerEvent,
    (ClientEvent, "translation"): today.RealtimeTranslationClientEvent,
    (ServerEvent, "beta"): beta.RealtimeServerEvent,
    (ClientEvent, "beta"): beta.RealtimeClientEvent,
}


def differences(side: type[Event], dialect: Dialect) -> set[str]:
    """How the events of a dialect differ from `openai`'s."""
    table = TABLES[side, dialect]
    known = {next(iter(kinds(theirs, "type"))): theirs for theirs in objects(ORACLE[side, dialect])}
    found = {line for kind, theirs in known.items() if kind in table for line in drift(theirs, [table[kind]], kind)}
    missing = {f"{kind}: not here" for kind in known.keys() - table.keys()}
    return found | missing | {f"{kind}: not theirs" for kind in table.keys() - known.keys()}


def unexplained(found: set[str], allowed: Mapping[str, str]) -> set[str]:
    """The differences that no pattern allows, and the patterns that no difference needs any more."""
    needed = {pattern for pattern in allowed if any(fnmatchcase(line, pattern) for line in found)}
    lines = {line for line in found if not any(fnmatchcase(line, pattern) for pattern in allowed)}
    return lines | {f"stale: {pattern}" for pattern in allowed.keys() - needed}


def test_events_are_what_openai_says() -> None:
    keys = [key for key in TABLES if key[1] != "beta"]
    assert not unexplained(set().union(*(differences(*key) for key in keys)), EXPLAINED)


def test_beta_events_have_all_that_openai_says() -> None:
    """Ours may have more: they are today's where nothing is different."""
    found = differences(ServerEvent, "beta") | differences(ClientEvent, "beta")
    assert not unexplained(
        {line for line in found if not re.search(": (not theirs|required here|only here)", line)}, EXPLAINED_BETA
    )


def test_the_drift_test_finds_drift() -> None:
    theirs = today.ConversationItemTruncatedEvent
    assert set(drift(theirs, [ResponseOutputTextDelta], "x")) == {
        "x.event_id: may be absent here",
        "x.type: only there ['conversation.item.truncated']",
        "x.audio_end_ms: not here",
        *(f"x.{name}: not theirs" for name in ("delta", "obfuscation", "output_index", "response_id")),
    }
    assert set(drift(today.RealtimeError, [FailureDetails], "x")) == {
        "x.type: may be absent here",
        "x.message: may be absent here",
        "x.event_id: not here",
    }
    assert set(drift(today.RealtimeResponse, [RealtimeResponse], "x")) > {"x.output.phase: not theirs"}
    assert unexplained({"a: b", "c: d"}, {"a: *": "known", "e": "was fixed"}) == {"c: d", "stale: e"}
