"""The one door for JSON: reading keeps whatever a server sends, writing gives back what was read."""

import copy
import importlib
import inspect
import json
import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from support.json_values import objects_for
from support.models import CLASSES, model_classes
from support.processes import fresh

from openai_realtime import models
from openai_realtime._codec.annotations import tags
from openai_realtime._codec.converter import converter, decode, encode, structure_request
from openai_realtime.errors import DecodeError, InvalidRequestError
from openai_realtime.models import (
    UNSET,
    AudioPcm,
    AudioPcmu,
    AudioTranscription,
    EmptyResult,
    FunctionTool,
    HTTPResult,
    InputTextContent,
    McpTool,
    McpToolFilter,
    Model,
    Prompt,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeCreateClientSecretRequest,
    RealtimeCreateClientSecretResponse,
    RealtimeSession,
    RealtimeSessionConfig,
    RealtimeTranscriptionSession,
    RealtimeTranslationSession,
    RetentionRatioTruncation,
    SemanticVad,
    ServerVad,
    ToolChoiceFunction,
    UnknownObject,
    VoiceId,
)
from openai_realtime.models.beta import RealtimeSessionCreateResponse


def read(value: object, cls: type[Model] = RealtimeSession) -> Any:
    """`value` as a server would send it, read as a `cls`; and nothing of it is lost on the way back."""
    model = decode(json.dumps(value), cls)
    assert exact(json.loads(encode(model))) == exact(value)
    return model


def exact(value: object) -> str:
    """A text that is equal for equal JSON only: 1, 1.0 and true are three things."""
    return json.dumps(value, sort_keys=True)


# --- tolerant reading ------------------------------------------------------------------------------------------------


def test_an_object_becomes_its_class_at_every_depth() -> None:
    session = read(
        {
            "type": "realtime",
            "audio": {
                "input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": {"type": "server_vad"}},
                "output": {"format": {"type": "audio/pcmu"}, "voice": {"id": "voice_1"}},
            },
            "tools": [{"type": "function", "name": "f"}, {"type": "mcp", "allowed_tools": {"read_only": True}}],
            "tool_choice": {"type": "function", "name": "f"},
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
            "prompt": {"id": "p", "variables": {"a": "b", "c": {"type": "input_text", "text": "t"}}},
        }
    )
    assert session.audio.input.format == AudioPcm(rate=24000)
    assert session.audio.input.turn_detection == ServerVad()
    assert session.audio.output.format == AudioPcmu()
    assert session.audio.output.voice == VoiceId(id="voice_1")
    assert session.tools[0] == FunctionTool(name="f")
    assert session.tools[1].allowed_tools == McpToolFilter(read_only=True)
    assert session.tool_choice == ToolChoiceFunction(name="f")
    assert session.truncation == RetentionRatioTruncation(retention_ratio=0.5)
    assert session.prompt == Prompt(id="p", variables={"a": "b", "c": InputTextContent(text="t")})


@pytest.mark.parametrize("odd", [None, "auto", 7, 0.5, False, [], [{"type": "server_vad"}], ["a", None]])
def test_what_is_no_object_stays_as_it_came(odd: object) -> None:
    assert exact(read({"audio": odd}).audio) == exact(odd)
    assert exact(read({"audio": {"input": odd}}).audio.input) == exact(odd)
    assert exact(read({"audio": {"input": {"turn_detection": odd}}}).audio.input.turn_detection) == exact(odd)
    assert exact(read({"voice": odd}, RealtimeSessionCreateResponse).voice) == exact(odd)
    assert exact(read({"session": odd}, RealtimeCreateClientSecretResponse).session) == exact(odd)


@pytest.mark.parametrize("odd", [None, "auto", 7, True, {}, {"type": "function"}])
def test_what_is_no_list_stays_as_it_came(odd: object) -> None:
    assert exact(read({"tools": odd}).tools) == exact(odd)
    assert exact(read({"output_modalities": odd}).output_modalities) == exact(odd)


@pytest.mark.parametrize("odd", [None, "text", 7, [], [["id"]]])
def test_what_is_no_mapping_stays_as_it_came(odd: object) -> None:
    assert exact(read({"id": "p", "variables": odd}, Prompt).variables) == exact(odd)
    assert exact(read({"type": "mcp", "headers": odd}, McpTool).headers) == exact(odd)


def test_a_union_may_hold_lists_of_models_beside_models() -> None:
    hook = converter.get_structure_hook(VoiceId | Sequence[AudioPcm] | Mapping[str, str] | None)
    found = hook([{"type": "audio/pcm", "rate": 24000}, None], None)
    assert found == [AudioPcm(), None]
    assert hook({"id": "x"}, None) == VoiceId(id="x")
    assert hook(None, None) is None
    only_lists = converter.get_structure_hook(Sequence[AudioPcm] | Mapping[str, VoiceId])
    assert only_lists({"a": {"id": "x"}}, None) == {"a": VoiceId(id="x")}
    assert only_lists([{"type": "audio/pcm", "rate": 24000}], None) == [AudioPcm()]


def test_a_list_may_hold_anything() -> None:
    tools = read({"tools": [None, "x", 1, [], {"type": "function"}, {"type": "new"}]}).tools
    assert tools[:5] == [None, "x", 1, [], FunctionTool()]
    assert tools[5].type == "new"


@pytest.mark.parametrize("tag", ["brand_new", "", "Server_VAD", None, 7, True, ["server_vad"], {"type": "server_vad"}])
def test_an_object_of_unknown_type_keeps_its_data(tag: object) -> None:
    detection = {"type": tag, "threshold": 0.5, "deep": {"er": [1, None]}}
    found = read({"turn_detection": detection}, RealtimeAudioInput).turn_detection
    assert isinstance(found, UnknownObject)
    assert exact(found.type) == exact(tag)
    assert found.raw == detection


def test_an_object_without_a_type_is_unknown_where_the_type_decides() -> None:
    found = read({"turn_detection": {"threshold": 0.5}}, RealtimeAudioInput).turn_detection
    assert found == UnknownObject()
    assert found.raw == {"threshold": 0.5}


def test_a_type_decides_between_classes_where_no_unknown_object_is_foreseen() -> None:
    secret = read({"session": {"type": "transcription"}}, RealtimeCreateClientSecretRequest)
    assert type(secret.session).__name__ == "RealtimeTranscriptionSessionConfig"
    assert read({"session": {"type": "new"}}, RealtimeCreateClientSecretRequest).session == {"type": "new"}


@pytest.mark.parametrize("cls", [RealtimeSession, RealtimeTranscriptionSession])
def test_the_session_of_a_secret_is_read_by_its_type(cls: type[Model]) -> None:
    (tag,) = tags(cls)
    assert type(read({"session": {"type": tag}}, RealtimeCreateClientSecretResponse).session) is cls
    assert type(read({"session": {"type": "x"}}, RealtimeCreateClientSecretResponse).session) is UnknownObject


def test_an_unknown_enum_value_is_kept() -> None:
    session = read(
        {"type": "realtime", "include": ["item.new"], "truncation": "sometimes", "reasoning": {"effort": "x"}}
    )
    assert (session.include, session.truncation, session.reasoning.effort) == (["item.new"], "sometimes", "x")
    assert read({"type": "not_translation"}, RealtimeTranslationSession).type == "not_translation"


def test_absent_fields_are_unset_also_required_ones() -> None:
    secret = read({}, RealtimeCreateClientSecretResponse)
    assert (secret.value, secret.expires_at, secret.session) == (UNSET, UNSET, UNSET)
    assert read({}, RealtimeTranslationSession).type is UNSET


@pytest.mark.parametrize("value", [None, "", "false", "1", 0, 1, 1.0, 1e300, -0.0, True, False, [], {}, "é\u0000😀"])
@pytest.mark.parametrize("name", ["instructions", "expires_at", "parallel_tool_calls", "speed", "max_output_tokens"])
def test_nothing_is_coerced(name: str, value: object) -> None:
    found = getattr(read({name: value}, RealtimeSessionCreateResponse), name)
    assert type(found) is type(value)
    assert exact(found) == exact(value)


def test_unknown_fields_round_trip_at_every_depth_and_are_in_raw() -> None:
    sent = {
        "new": 1,
        "raw": {"raw": None},
        "http": "x",
        "audio": {"new": [None], "input": {"transcription": {"model": "whisper-1", "new": {"a": 1.0}}}},
        "tools": [{"type": "function", "new": True}, {"type": "mcp", "new": "x"}],
    }
    session = read(sent, RealtimeSessionCreateResponse)
    assert session.raw == sent
    assert session.http is None
    assert session.audio.input.transcription == AudioTranscription(model="whisper-1")
    assert session.audio.input.transcription.raw["new"] == {"a": 1.0}
    assert read({"anything": [1]}, EmptyResult).raw == {"anything": [1]}


def test_the_last_of_duplicate_keys_counts() -> None:
    assert decode('{"model": "a", "model": "b"}', RealtimeSession).model == "b"


@pytest.mark.parametrize("data", ['{"id": "ü"}', '{"id": "ü"}'.encode(), '\n {"id": "\\u00fc"}\t'])
def test_text_and_bytes_are_read_alike(data: str | bytes) -> None:
    assert decode(data, VoiceId) == VoiceId(id="ü")


# --- what is read is as what is made: reading sets the slots itself --------------------------------------------------


for path in Path(models.__file__).parent.glob("*.py"):
    importlib.import_module(f"openai_realtime.models.{path.stem}")
ALL_CLASSES = list(dict.fromkeys(model_classes()))


@pytest.mark.parametrize("cls", ALL_CLASSES)
def test_what_is_read_is_a_whole_frozen_instance(cls: type[Model]) -> None:
    found = decode("{}", cls)
    assert type(found) is cls
    assert {field.name: getattr(found, field.name) for field in attrs.fields(cls)} == {
        field.name: {"raw": {}, "extra": None, "http": None}.get(field.name, UNSET) for field in attrs.fields(cls)
    }
    assert attrs.evolve(found) == copy.deepcopy(found) == pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        found.raw = None  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del found.raw


@pytest.mark.parametrize("cls", ALL_CLASSES)
def test_making_a_model_does_nothing_that_reading_would_leave_out(cls: type[Model]) -> None:
    assert not hasattr(cls, "__attrs_post_init__")
    assert not hasattr(cls, "__attrs_pre_init__")
    assert not [field.name for field in attrs.fields(cls) if field.converter or field.validator]
    assert {field.default for field in attrs.fields(cls) if field.metadata} == {None}


def test_a_reader_is_named_after_its_class_and_has_its_source() -> None:
    hook = converter.get_structure_hook(RealtimeSession)
    assert hook.__name__ == "read_RealtimeSession"
    assert inspect.getsource(hook).startswith("def read_RealtimeSession(data, _):\n")
    assert "draft.instructions = get('instructions', UNSET)" in inspect.getsource(hook)


def test_hooks_are_made_for_no_class_that_did_not_come() -> None:
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    code = f"""
from openai_realtime._codec import converter, reader
made, draft_class = [], reader._draft_class
reader._draft_class = lambda cls: made.append(cls.__name__) or draft_class(cls)
converter.decode_server_event({json.dumps({"type": "response.output_text.delta", "delta": "Hi"})!r})
print(*made)
made.clear()
converter.decode_server_event({json.dumps({"type": "conversation.item.added", "item": message})!r})
print(*made)
converter.decode_server_event({json.dumps({"type": "conversation.item.added", "item": message})!r})
print(len(made))
"""
    first, second, third = fresh(code).splitlines()
    assert {*first.split()} == {"UnknownEvent", "ResponseOutputTextDelta"}
    assert {*second.split()} == {"ConversationItemAdded", "UnknownObject", "UserMessage", "InputText"}
    assert third == str(len(second.split()))


# --- no JSON object in the world is refused or changed ---------------------------------------------------------------

RESPONSES = [cls for cls in CLASSES if issubclass(cls, HTTPResult) or cls.__name__.endswith("Response")]


@pytest.mark.parametrize("cls", CLASSES)
def test_any_object_is_read_and_written_without_loss(cls: type[Model]) -> None:
    @settings(max_examples=200 if cls in RESPONSES else 10)
    @given(objects_for(cls))
    def lossless(value: dict[str, Any]) -> None:
        read(value, cls)

    lossless()


# --- what is no JSON object ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "not JSON: "),
        (b"", "not JSON: "),
        ('{"value": "ek_hidden"', "not JSON: "),
        ("<html>ek_hidden</html>", "not JSON: "),
        (b'{"value": "ek_hidden\xff"}', "not JSON: "),
        ('{"value": "ek_hidden\ud800"', "not JSON: "),
        ('{"value": "ek_hidden", "expires_at": nan}', "not JSON: "),
        ("[" * 2000 + '"ek_hidden"' + "]" * 2000, "a JSON object was expected, not list"),
        ("[" * 2000 + '"ek_hidden"' + "]" * 1999, "not JSON: "),
        ('"ek_hidden"', "a JSON object was expected, not str"),
        ('["ek_hidden"]', "a JSON object was expected, not list"),
        ("null", "a JSON object was expected, not NoneType"),
        ("1", "a JSON object was expected, not int"),
    ],
)
def test_decode_refuses_what_is_no_json_object_without_quoting_it(data: str | bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=f"^{message}") as caught:
        decode(data, RealtimeCreateClientSecretResponse)
    assert "hidden" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_decode_error_says_where() -> None:
    with pytest.raises(DecodeError, match=r"at character 9$"):
        decode('{"id": 1,]', VoiceId)


# --- writing ---------------------------------------------------------------------------------------------------------


def test_encode_leaves_out_unset_and_writes_null() -> None:
    listening = RealtimeAudioInput(turn_detection=None, noise_reduction=UNSET)
    request = RealtimeSessionConfig(audio=RealtimeAudioConfig(input=listening), prompt=None)
    assert encode(request) == b'{"type":"realtime","audio":{"input":{"turn_detection":null}},"prompt":null}'


def test_encode_takes_tuples_and_other_mappings() -> None:
    request = RealtimeSessionConfig(output_modalities=("text",), tools=(FunctionTool(parameters={"a": (1,)}),))
    assert json.loads(encode(request))["tools"] == [{"type": "function", "parameters": {"a": [1]}}]


def test_encode_gives_the_utf8_of_any_text() -> None:
    assert encode(VoiceId(id="é😀\u2028\x00")) == '{"id":"é😀\u2028\\u0000"}'.encode()


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE


@pytest.mark.parametrize(
    "value",
    [
        10**5000,
        b"bytes",
        object(),
        1j,
        int,
        pytest,
        nested(20_000),  # more than any Python recurses
        CYCLE,
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"deep": [value]}], ids=["bare", "deep"])
def test_encode_refuses_what_json_cannot_hold(value: Any, wrap: Callable[[Any], Any]) -> None:
    model = FunctionTool(name="f", parameters=wrap(value))
    with pytest.raises(InvalidRequestError, match=r" is not JSON$"):
        encode(model)


def test_encode_says_no_secret_when_it_refuses() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        encode(FunctionTool(parameters={"sk-hidden-0123": b"sk-hidden-0123"}))
    assert "hidden" not in str(caught.value)


# --- structure_request: the strict door (what it refuses is in test_check.py) -----------------------------------


def test_structure_request_reads_and_checks() -> None:
    request = structure_request(
        {
            "session": {"type": "realtime", "tools": [{"type": "function", "name": "f"}]},
            "expires_after": {"seconds": 60},
        },
        RealtimeCreateClientSecretRequest,
    )
    assert request.session == RealtimeSessionConfig(tools=[FunctionTool(name="f")])
    with pytest.raises(InvalidRequestError, match=r"^sesion: unknown field; did you mean 'session'"):
        structure_request({"sesion": {}}, RealtimeCreateClientSecretRequest)


@pytest.mark.parametrize("cls", [dict, 5, RealtimeSessionConfig(), {"type": "realtime"}, "RealtimeSessionConfig"])
def test_what_is_no_class_of_a_model_is_named(cls: Any) -> None:
    for read in (lambda: structure_request({}, cls), lambda: decode("{}", cls)):
        with pytest.raises(InvalidRequestError, match=r"^cls: .* is not a class, such as RealtimeSessionConfig$"):
            read()


def test_structure_request_takes_models_tuples_and_kinds_of_dict_inside() -> None:
    class Table(dict[str, Any]):
        """What a TOML reader gives for a table."""

    vad = SemanticVad(eagerness="low")
    request = structure_request(
        Table(audio=Table(input=Table(turn_detection=vad)), tools=(Table(type="function"),), type="realtime"),
        RealtimeSessionConfig,
    )
    assert request.audio == RealtimeAudioConfig(input=RealtimeAudioInput(turn_detection=vad))
    assert list(request.tools or ()) == [FunctionTool()]


def test_reading_leaves_the_given_dict_alone() -> None:
    given_dict = {"type": "realtime", "audio": {"input": {}}}
    before = json.dumps(given_dict)
    request = structure_request(given_dict, RealtimeSessionConfig)
    assert json.dumps(given_dict) == before
    assert attrs.evolve(request, model="m").raw == given_dict
