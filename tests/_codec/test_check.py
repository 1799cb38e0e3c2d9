"""The check of requests: every problem at once, by path, with what is allowed."""

import contextlib
import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Literal

import attrs
import pytest
from hypothesis import given, settings, strategies as st
from support.json_values import ANY_JSON, objects_for
from support.models import CLASSES, REQUESTS, instances

from openai_realtime._codec import check as check_module, explain as explain_module
from openai_realtime._codec.annotations import Lazily, field_hints
from openai_realtime._codec.check import _test, check
from openai_realtime._codec.converter import decode, encode, structure_request
from openai_realtime._codec.explain import describe, explain
from openai_realtime.errors import InvalidRequestError, Problem
from openai_realtime.models import (
    UNSET,
    AudioPcm,
    AudioPcmu,
    ConversationItemCreate,
    ExpiresAfter,
    FunctionTool,
    InputAudioBufferAppend,
    InputTextContent,
    McpApprovalFilter,
    McpTool,
    McpToolFilter,
    Model,
    NoiseReduction,
    Prompt,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeCallCreateRequest,
    RealtimeCallReferRequest,
    RealtimeCallRejectRequest,
    RealtimeCreateClientSecretRequest,
    RealtimeSession,
    RealtimeSessionConfig,
    RealtimeTranscriptionSessionConfig,
    ResponseConfig,
    RetentionRatioTruncation,
    ServerVad,
    SessionUpdate,
    TokenLimits,
    ToolChoice,
    TracingConfig,
    UnknownObject,
    UserMessage,
    VoiceId,
)
from openai_realtime.models.beta import BetaClientSecretConfig, RealtimeSessionCreateRequest
from openai_realtime.models.constraints import Length
from openai_realtime.models.suggestions import places


def problems(request: Any, cls: type[Model] | None = None) -> list[str]:
    """The text of every problem of `request`; a dict is read as a `cls` first."""
    try:
        if isinstance(request, Model):
            check(request, cls)
        else:
            structure_request(request, cls or RealtimeSessionConfig)
    except InvalidRequestError as error:
        return [str(problem) for problem in error.problems]
    return []


def session(**fields: Any) -> RealtimeSessionConfig:
    return RealtimeSessionConfig(**fields)


def output(**fields: Any) -> RealtimeSessionConfig:
    return session(audio=RealtimeAudioConfig(output=RealtimeAudioOutput(**fields)))


def listening(**fields: Any) -> RealtimeSessionConfig:
    return session(audio=RealtimeAudioConfig(input=RealtimeAudioInput(**fields)))


class Choice(StrEnum):
    AUTO = "auto"


LABELLED = {"server_label": "s", "server_url": "https://x"}
CHOICES = "one of 'none', 'auto', 'required' or an object with type 'function' or 'mcp'"
VARIABLES = "a string or an object with type 'input_text' or 'input_image' or 'input_file'"

# --- each kind of problem, with its text -----------------------------------------------------------------------------


def test_the_example_of_the_documentation() -> None:
    request = RealtimeCreateClientSecretRequest(session=output(speed=3.0))
    assert problems(request) == ["session.audio.output.speed: 3.0 is not between 0.25 and 1.5"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        # numbers and their limits
        (output(speed=0.2), "audio.output.speed: 0.2 is not between 0.25 and 1.5"),
        (output(speed="1"), "audio.output.speed: '1' is not a number between 0.25 and 1.5"),
        (output(speed=True), "audio.output.speed: true is not a number between 0.25 and 1.5"),
        (output(speed=float("nan")), "audio.output.speed: nan is not a number between 0.25 and 1.5"),
        (output(speed=float("inf")), "audio.output.speed: inf is not a number between 0.25 and 1.5"),
        (output(speed=None), "audio.output.speed: null is not a number between 0.25 and 1.5"),
        (session(max_output_tokens=5000), "max_output_tokens: 5000 is not 'inf' or an integer between 1 and 4096"),
        (session(max_output_tokens=0), "max_output_tokens: 0 is not 'inf' or an integer between 1 and 4096"),
        (session(max_output_tokens=1.0), "max_output_tokens: 1.0 is not 'inf' or an integer between 1 and 4096"),
        (session(max_output_tokens="Inf"), "max_output_tokens: 'Inf' is not 'inf' or an integer between 1 and 4096"),
        (ExpiresAfter(seconds=9), "seconds: 9 is not between 10 and 7200"),
        (ExpiresAfter(seconds=60.0), "seconds: 60.0 is not an integer between 10 and 7200"),
        (ExpiresAfter(seconds=True), "seconds: true is not an integer between 10 and 7200"),
        (NoiseReduction(strength=10**400), "strength: an integer beyond 64 bits is not a number"),
        (NoiseReduction(strength=-(10**5000)), "strength: an integer beyond 64 bits is not a number"),
        (ExpiresAfter(seconds=2**64), "seconds: an integer beyond 64 bits is not an integer between 10 and 7200"),
        (RealtimeCallRejectRequest(status_code=200), "status_code: 200 is not between 300 and 699"),
        # strings, open and closed sets
        (session(instructions=5), "instructions: 5 is not a string"),
        (session(instructions=None), "instructions: null is not a string"),
        (session(instructions=b"x"), "instructions: a bytes is not a string"),
        (session(model=None), "model: null is not a string"),
        (session(tool_choice=True), f"tool_choice: true is not {CHOICES}"),
        (session(type="realtme"), "type: 'realtme' is not 'realtime'"),
        (session(tool_choice="sometimes"), f"tool_choice: 'sometimes' is not {CHOICES}"),
        (session(include=["logprobs"]), "include[0]: 'logprobs' is not 'item.input_audio_transcription.logprobs'"),
        (output(voice=5), "audio.output.voice: 5 is not a string or an object"),
        (output(format=AudioPcm(rate=4000)), "audio.output.format.rate: 4000 is not between 8000 and 48000"),
        (output(format=AudioPcm(rate=24000.0)),
            "audio.output.format.rate: 24000.0 is not an integer between 8000 and 48000"),
        (listening(turn_detection=ServerVad(create_response=1)),
            "audio.input.turn_detection.create_response: 1 is not true or false"),
        (listening(turn_detection=ServerVad(create_response="false")),
            "audio.input.turn_detection.create_response: 'false' is not true or false"),
        (McpTool(**LABELLED, tunnel_id="tunnel_x"), "tunnel_id: 'tunnel_x' is not a match of tunnel_[a-z0-9]{32}"),
        (RealtimeCallCreateRequest(sdp="hello"), "sdp: 'hello' is not an SDP offer, which starts with v=0"),
        (RealtimeCallReferRequest(target_uri=""), "target_uri: '' is not of length 1 or more"),
        # lists and mappings
        (session(output_modalities="audio"), "output_modalities: 'audio' is not a list"),
        (session(output_modalities=["text", "audio"]),
            'output_modalities: a list of 2 is not ["text"] or ["audio"], which brings its words'),
        (session(output_modalities=[]),
            'output_modalities: a list of 0 is not ["text"] or ["audio"], which brings its words'),
        (RealtimeSessionCreateRequest(modalities=["text"] * 3), "modalities: a list of 3 is not of length 1 to 2"),
        (session(tools=FunctionTool()), "tools: a FunctionTool is not a list of FunctionTool or McpTool"),
        (
            session(tools={FunctionTool(name="f")}),
            ("tools: a set is not a list of FunctionTool or McpTool "
            "(such as the definitions of openai_realtime.tools.Tools)"),
        ),
        (session(prompt=Prompt(id="p", variables=["a"])), "prompt.variables: a list of 1 is not an object"),
        (session(prompt=Prompt(id="p", variables={5: "x"})), "prompt.variables: the key 5 is not a string"),
        (session(prompt=Prompt(id="p", variables={"city": 5})), f"prompt.variables.city: 5 is not {VARIABLES}"),
        (session(prompt=Prompt(id="p", variables={"city": InputTextContent(text=None)})),
            "prompt.variables.city.text: null is not a string"),
        (McpTool(**LABELLED, allowed_tools=["a", 5]), "allowed_tools[1]: 5 is not a string"),
        (McpTool(**LABELLED, allowed_callers=["direct", "x"]),
            "allowed_callers[1]: 'x' is not one of 'direct', 'programmatic'"),
        # free-form objects
        (FunctionTool(parameters=[]), "parameters: a list of 0 is not an object"),
        (FunctionTool(parameters=None), "parameters: null is not an object"),
        (FunctionTool(parameters={"a": [None, object()]}), "parameters.a[1]: a object is not a JSON value"),
        (FunctionTool(parameters={"a": (1, b"")}), "parameters.a[1]: a bytes is not a JSON value"),
        (FunctionTool(parameters={"a": {"b": float("nan")}}), "parameters.a.b: nan is not a JSON value"),
        (FunctionTool(parameters={"a": {5: 1}}), "parameters.a: the key 5 is not a string"),
        (TracingConfig(metadata={"a": UNSET}), "metadata.a: missing; needs a JSON value"),
        # objects
        (session(audio="loud"), "audio: 'loud' is not an object"),
        (session(audio={}), "audio: a dict is not RealtimeAudioConfig (structure_request makes one from a dict)"),
        (session(audio=[]), "audio: a list of 0 is not an object"),
        (session(reasoning=TracingConfig()), "reasoning: a TracingConfig is not Reasoning"),
        (session(tools=[VoiceId(id="x")]), "tools[0]: a VoiceId is not FunctionTool or McpTool"),
        (
            session(tools=[{"type": "function"}]),
            "tools[0]: a dict is not FunctionTool or McpTool (structure_request makes one from a dict)",
        ),
        (session(tools=[5]), "tools[0]: 5 is not an object with type 'function' or 'mcp'"),
        (session(tools=[UnknownObject(type="web")]), "tools[0].type: 'web' is not one of 'function', 'mcp'"),
        (session(tools=[UnknownObject()]), "tools[0].type: missing; needs one of 'function', 'mcp'"),
        (session(tracing=5), "tracing: 5 is not 'auto' or an object"),
        (session(tracing=TracingConfig(group_id=5)), "tracing.group_id: 5 is not a string"),
        (session(truncation=RetentionRatioTruncation(retention_ratio=2)),
            "truncation.retention_ratio: 2 is not between 0 and 1"),
        (session(truncation=RetentionRatioTruncation(
            retention_ratio=1, token_limits=TokenLimits(post_instructions=-1))),
            "truncation.token_limits.post_instructions: -1 is not between 0 and 1e+09"),
        (RealtimeSessionCreateRequest(client_secret=BetaClientSecretConfig(expires_after=ExpiresAfter(seconds=1))),
            "client_secret.expires_after.seconds: 1 is not between 10 and 7200"),
        (McpTool(**LABELLED, require_approval=McpApprovalFilter(always=McpToolFilter(tool_names=[1]))),
            "require_approval.always.tool_names[0]: 1 is not a string"),
        # one of several
        (McpTool(server_label="s"),
            "missing; needs one of server_url, connector_id, tunnel_id"),
        (session(tools=[FunctionTool(name="f"), McpTool(server_label="s")]),
            "tools[1]: missing; needs one of server_url, connector_id, tunnel_id"),
        # secrets
        (McpTool(**LABELLED, authorization=5), "authorization: the value is not a string"),
        (McpTool(**LABELLED, headers={"a": 5}), "headers.a: the value is not a string"),
        (session(instructions=["sk-proj-0123456789"]), "instructions: a list of 1 is not a string"),
        (session(type="sk-proj-0123456789"), "type: 'sk-***' is not 'realtime'"),
    ],
)  # fmt: skip
def test_a_problem_and_its_text(request_: Model, expected: str) -> None:
    assert problems(request_) == [expected]


@pytest.mark.parametrize(
    ("settings_", "expected"),
    [
        ({"instrctions": "x"}, "instrctions: unknown field; did you mean 'instructions'?"),
        ({"audio": {"output": {"sped": 1}}}, "audio.output.sped: unknown field; did you mean 'speed'?"),
        ({"audio": {"zzz": 1}}, "audio.zzz: unknown field; known are input, output"),
        ({5: 1}, "the key 5 is not a string"),
        ({"audio": {None: 1}}, "audio: the key None is not a string"),
        ({"audio": {"input": {"turn_detection": {"type": "vad"}}}},
            "audio.input.turn_detection.type: 'vad' is not one of 'server_vad', 'semantic_vad'"),
        ({"audio": {"input": {"turn_detection": {}}}},
            "audio.input.turn_detection.type: missing; needs one of 'server_vad', 'semantic_vad'"),
        ({"audio": {"input": {"turn_detection": {"type": {}}}}},
            "audio.input.turn_detection.type: a dict is not one of 'server_vad', 'semantic_vad'"),
        ({"audio": {"input": {"turn_detection": {"type": None}}}},
            "audio.input.turn_detection.type: null is not one of 'server_vad', 'semantic_vad'"),
        ({"tools": [{"type": "function", "name": None}]}, "tools[0].name: null is not a string"),
        ({"tools": [{"type": "mcp", "server_url": "u"}]}, "tools[0].server_label: missing; needs a string"),
        ({"tools": [{"type": "mcp", "server_label": "s", "server_url": None}]}, [
            "tools[0].server_url: null is not a string",
            "tools[0]: missing; needs one of server_url, connector_id, tunnel_id",
        ]),
        ({"tools": {"type": "function"}}, "tools: a dict is not a list"),
        ({"prompt": {"variables": {}}}, "prompt.id: missing; needs a string"),
        ({"prompt": {"id": "p", "variables": {"a": {"type": "input_txt"}}}},
            "prompt.variables.a.type: 'input_txt' is not one of 'input_text', 'input_image', 'input_file'"),
        ({"truncation": {"type": "retention_ratio"}},
            "truncation.retention_ratio: missing; needs a number between 0 and 1"),
    ],
)  # fmt: skip
def test_a_problem_of_settings_from_a_file(settings_: dict[Any, Any], expected: str | list[str]) -> None:
    found = problems({"type": "realtime", **settings_})
    assert found == ([expected] if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    ("value", "given_"), [([], "a list of 0"), (None, "null"), ("x", "'x'"), (5, "5"), (True, "true"), (UNSET, "")]
)
def test_settings_that_are_no_object_are_refused(value: Any, given_: str) -> None:
    wanted = "an object with type 'realtime'"
    expected = f"{given_} is not {wanted}" if given_ else f"missing; needs {wanted}"
    assert problems(value, RealtimeSessionConfig) == [expected]


def test_a_session_without_a_type_says_which_there_are() -> None:
    found = problems({"session": {"model": "m"}}, RealtimeCreateClientSecretRequest)
    assert found == ["session.type: missing; needs one of 'realtime', 'transcription'"]
    assert problems({}, RealtimeSessionConfig) == ["type: missing; needs 'realtime'"]


def test_all_problems_are_named_at_once_in_the_order_of_the_fields() -> None:
    bad = {
        "expires_after": {"seconds": 5, "anchor": "now"},
        "sesion": {},
        "session": {
            "type": "realtime",
            "tools": [{"type": "function", "name": 5, "strict": True}, {"type": "mcp"}],
            "audio": {"output": {"speed": 9, "voice": 1}},
        },
    }
    assert problems(bad, RealtimeCreateClientSecretRequest) == [
        "session.audio.output.voice: 1 is not a string or an object",
        "session.audio.output.speed: 9 is not between 0.25 and 1.5",
        "session.tools[0].name: 5 is not a string",
        "session.tools[0].strict: unknown field; known are type, name, description, parameters",
        "session.tools[1].server_label: missing; needs a string",
        "session.tools[1]: missing; needs one of server_url, connector_id, tunnel_id",
        "expires_after.anchor: 'now' is not 'created_at'",
        "expires_after.seconds: 5 is not between 10 and 7200",
        "sesion: unknown field; did you mean 'session'?",
    ]


def test_problems_carry_the_words_of_the_api() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        structure_request({"type": 5, "modle": 1, "prompt": {}, "truncation": "x"}, RealtimeSessionConfig)
    assert str(caught.value) == "; ".join(map(str, caught.value.problems))
    found = {problem.path: (problem.kind, problem.value) for problem in caught.value.problems}
    assert found == {
        "type": ("invalid_value", 5),
        "modle": ("unknown_parameter", None),
        "prompt.id": ("missing_required_parameter", None),
        "truncation": ("invalid_value", "x"),
    }


def test_long_values_are_shortened_after_secrets_are_masked() -> None:
    (found,) = problems(session(type="x" * 1000))
    assert found == "type: '" + "x" * 79 + "… is not 'realtime'"
    (found,) = problems(session(type="x" * 70 + " sk-" + "0123456789" * 10))
    assert "0123" not in found


# --- what is accepted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        session(),
        session(model="a-model-of-tomorrow"),
        output(voice="a-voice-of-tomorrow", speed=1),
        output(voice=VoiceId(id="voice_1"), speed=1.5, format=AudioPcmu()),
        listening(transcription=None, noise_reduction=None, turn_detection=None),
        listening(noise_reduction=NoiseReduction(strength=0)),
        session(output_modalities=("text",), tools=(FunctionTool(name="f"),)),
        session(max_output_tokens="inf", include=None, tracing=None, prompt=None),
        session(max_output_tokens=4096, tracing="auto"),
        session(prompt=Prompt(id="p", variables={"a": "b", "c": InputTextContent(text="t")})),
        session(tool_choice=Choice.AUTO, model=Choice.AUTO),
        FunctionTool(parameters=MappingProxyType({"a": MappingProxyType({"b": [1]})})),
        session(prompt=Prompt(id="p", variables=MappingProxyType({"a": InputTextContent(text="t")}))),
        FunctionTool(parameters={"a": [None, True, 1, 1.5, "é", {}, ()]}),
        McpTool(server_label="s", tunnel_id="tunnel_" + "a1" * 16, headers=None),
        McpTool(server_label="s", connector_id="connector_gmail", require_approval="never"),
        RealtimeCallCreateRequest(sdp="v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"),
        RealtimeCreateClientSecretRequest(session=RealtimeTranscriptionSessionConfig()),
    ],
)
def test_a_good_request_passes(request_: Model) -> None:
    check(request_)
    check(request_, type(request_))
    check(structure_request(json.loads(encode(request_)), type(request_)))


def test_a_mapping_of_any_kind_is_read() -> None:
    class Settings(Mapping[str, Any]):
        def __getitem__(self, key: str) -> Any:
            return {"type": "realtime", "model": "m"}[key]

        def __iter__(self) -> Any:
            return iter(("type", "model"))

        def __len__(self) -> int:
            return 2

    assert structure_request(Settings(), RealtimeSessionConfig) == session(model="m")


# --- classes ---------------------------------------------------------------------------------------------------------


def test_a_session_of_the_server_is_no_request() -> None:
    assert problems(RealtimeSession(), RealtimeSessionConfig) == ["a RealtimeSession is not RealtimeSessionConfig"]
    assert problems(RealtimeCallCreateRequest(sdp="v=0", session=RealtimeSession())) == [  # type: ignore[arg-type]
        "session: a RealtimeSession is not RealtimeSessionConfig"
    ]
    assert problems(RealtimeCreateClientSecretRequest(session=RealtimeSession())) == [
        "session: a RealtimeSession is not RealtimeSessionConfig or RealtimeTranscriptionSessionConfig"
    ]


def test_another_class_than_the_operation_takes_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"^a VoiceId is not RealtimeSessionConfig$"):
        check(VoiceId(id="x"), RealtimeSessionConfig)
    with pytest.raises(InvalidRequestError, match=r"^a dict is not RealtimeSessionConfig \(structure_request"):
        check({"type": "realtime"}, RealtimeSessionConfig)


# --- depth, cycles and arbitrary input -------------------------------------------------------------------------------


def test_a_value_that_holds_itself_or_is_too_deep_is_refused() -> None:
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (cycle, {"deep": deep}):
        assert problems(FunctionTool(parameters=value)) == ["a value nested this deeply is not JSON"]


def test_a_deep_value_that_json_can_hold_passes() -> None:
    value: dict[str, Any] = {}
    for _ in range(100):
        value = {"a": value}
    check(FunctionTool(parameters=value))


@pytest.mark.parametrize("cls", REQUESTS)
def test_arbitrary_settings_give_a_good_request_or_the_one_error(cls: type[Model]) -> None:
    odd_keys = st.dictionaries(st.none() | st.integers() | st.booleans(), ANY_JSON, max_size=2)

    @settings(max_examples=60)
    @given(objects_for(cls) | ANY_JSON | odd_keys)
    def strict(value: Any) -> None:
        with contextlib.suppress(InvalidRequestError):
            request = structure_request(value, cls)
            check(request, cls)
            assert json.loads(encode(request)) == value

    strict()


# --- words for hints that no request has today -----------------------------------------------------------------------


def words(hint: Any) -> str:
    """What a problem says of a value that is no `hint`."""
    return str(Problem("", "invalid_type", None, *describe(hint))).removeprefix("null is not ")


def test_describe() -> None:
    assert words(int) == "an integer"
    assert words(Annotated[str, Length(2)]) == "a string"
    assert words(Any) == "a JSON value"
    assert words(dict[str, Any]) == "an object"
    assert words(Literal["a", "b"] | str | None) == "a string"
    assert words(Literal["a", "b"] | int) == "one of 'a', 'b' or an integer"
    assert words(ToolChoice) == CHOICES


def test_the_kind_of_a_bad_tag_tells_type_from_value() -> None:
    for tag, kind in (("x", "invalid_value"), ([], "invalid_type"), (None, "invalid_type")):
        with pytest.raises(InvalidRequestError) as caught:
            structure_request({"type": "realtime", "tools": [{"type": tag}]}, RealtimeSessionConfig)
        assert [problem.kind for problem in caught.value.problems] == [kind]


def test_a_problem_reads_as_a_sentence() -> None:
    assert str(Problem("a.b", "invalid_value", 5, "6")) == "a.b: 5 is not 6"
    assert str(Problem("", "missing_required_parameter", None, "a string")) == "missing; needs a string"


@pytest.mark.parametrize("cls", CLASSES)
def test_what_is_found_right_at_first_sight_has_no_problem(cls: type[Model]) -> None:
    @settings(max_examples=30)
    @given(instances(cls, known=True) | objects_for(cls).map(lambda value: decode(json.dumps(value), cls)))
    def agrees(model: Model) -> None:
        assert not (_test(cls)(model) and explain(model, cls))

    agrees()
    assert all(not explain(f.default, field_hints(cls)[f.name]) for f in defaults(cls))


def defaults(cls: type[Model]) -> list[Any]:
    return [field for field in attrs.fields(cls) if not field.metadata and field.default is not attrs.NOTHING]


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (InputAudioBufferAppend.from_bytes(bytes(100)), True),
        (InputAudioBufferAppend(event_id="event_1", audio="é"), True),
        (InputAudioBufferAppend(event_id="", audio=""), False),
        (InputAudioBufferAppend(audio="\ud800"), True),
        (InputAudioBufferAppend(audio="", extra={"new": 1}), False),
        (InputAudioBufferAppend(audio=""), True),
        (InputAudioBufferAppend(raw={"audio": "", "new": 1}, audio=""), False),
        (InputAudioBufferAppend(type="x", audio=""), False),  # type: ignore[arg-type]
        (ConversationItemCreate(item=UserMessage.from_text("Hi")), True),
        (SessionUpdate(session=RealtimeSessionConfig(output_modalities=["text"], instructions=None)), False),  # type: ignore[arg-type]
    ],
)
def test_what_is_sent_most_is_found_right_at_first_sight(model: Model, found: bool) -> None:  # noqa: FBT001
    assert _test(type(model))(model) is found


def test_of_a_right_request_only_the_fields_that_are_set_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """And never the long way, which makes the path of every value."""
    tried: list[str] = []

    class Counted(Lazily[Any]):
        def __missing__(self, name: str) -> Any:
            tried.append(name)
            return super().__missing__(name)

    monkeypatch.setattr(check_module, "Lazily", Counted)
    monkeypatch.delattr("openai_realtime._codec.explain.explain")
    check_module._test.cache_clear()
    check(RealtimeCreateClientSecretRequest(session=RealtimeSessionConfig(model="gpt-realtime", tools=[])))
    check_module._test.cache_clear()
    assert tried == ["session", "model", "tools"]


def test_a_request_full_of_unknown_names_is_refused_in_a_short_text_with_few_suggestions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(explain_module, "places", lambda cls, name: looked.append(name) or places(cls, name))
    names = [f"instructionz{number}" for number in range(1000)]
    with pytest.raises(InvalidRequestError) as caught:
        structure_request({"type": "realtime", **dict.fromkeys(names, 1)}, RealtimeSessionConfig)
    assert [problem.path for problem in caught.value.problems] == names
    assert looked == names[:20]
    assert str(caught.value).startswith("instructionz0: unknown field; did you mean 'instructions'?; ")
    assert str(caught.value).endswith("; and 980 more")


def test_of_a_request_that_is_wrong_everywhere_the_first_thousand_problems_are_told() -> None:
    tools = [{"type": "function", "name": 1}] * 5000
    found = problems({"type": "realtime", "tools": tools})
    assert len(found) == 1001
    assert found[999].startswith("tools[999].name: ")
    assert found[1000] == "one with over 1000 problems is not valid"


def test_an_over_long_name_or_value_is_shown_by_its_beginning() -> None:
    found = problems({"type": "realtime", "instructions" * 10_000: 1, "audio": {"output": {"speed": "x" * 10**7}}})
    assert all(len(problem) < 400 for problem in found)
    assert found[1].startswith("instructionsinstructions")


def test_words_that_are_elsewhere_in_the_settings_say_where() -> None:
    assert problems({"type": "realtime", "voice": "marin"}) == [
        "voice: unknown field; did you mean 'audio.output.voice'?"
    ]


def test_null_instructions_of_a_response_are_those_of_the_session() -> None:
    check(ResponseConfig(instructions=None))


def test_an_unknown_object_of_a_known_type_names_what_is_wanted() -> None:
    rate = UnknownObject(type="audio/pcm", raw={"rate": 16000})
    assert problems(listening(format=rate)) == [
        "audio.input.format: a UnknownObject is not an object with type 'audio/pcm' or 'audio/pcmu' or 'audio/pcma'"
    ]
    check(listening(format=UnknownObject(type="audio/opus", extra={"rate": 48000})))
