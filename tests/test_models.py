"""Every model class, with random instances that one helper builds from the annotations."""

import copy
import functools
import json
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin
from unittest.mock import ANY

import attrs
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from openai_realtime import models
from openai_realtime.converter import decode, encode
from openai_realtime.errors import InvalidRequestError
from openai_realtime.models import (
    UNSET,
    AudioPcm,
    AudioPcma,
    AudioPcmu,
    BetaClientSecret,
    EmptyResponse,
    FunctionTool,
    McpTool,
    Model,
    NoiseReduction,
    RealtimeCreateClientSecretRequest,
    RealtimeCreateClientSecretResponse,
    RealtimeSession,
    RealtimeSessionConfig,
    RealtimeSessionCreateResponse,
    RealtimeTranslationClientSecretCreateResponse,
    ResponseInfo,
    UnknownObject,
    Unset,
    VoiceId,
)
from openai_realtime.models.base import Between, Length, Pattern
from openai_realtime.models.hints import allows, bare, field_hints, is_model, is_union
from openai_realtime.validation import check


def model_classes(base: type[Model] = Model) -> Iterator[type[Model]]:
    """`base` and what derives from it in the package. attrs makes slotted classes twice: the first is in no module."""
    package = base.__module__.startswith("openai_realtime.")
    if package and getattr(sys.modules[base.__module__], base.__name__, None) is base:
        yield base
        for cls in base.__subclasses__():
            yield from model_classes(cls)


# What REST calls send and get; those of events have tests/test_events.py.
_HOMES = {f"openai_realtime.models.{name}" for name in ("base", "audio", "tools", "sessions", "translation", "beta")}
CLASSES = [cls for cls in dict.fromkeys(model_classes()) if cls.__module__ in _HOMES]  # two bases: found twice
REQUESTS = [cls for cls in CLASSES if cls.__name__.endswith(("Request", "Config"))]

# --- the helper: a strategy for any annotation of the models ---------------------------------------------------------

TEXT = st.text(max_size=3)
INTEGERS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = {str: TEXT, int: INTEGERS, float: FLOATS | INTEGERS, bool: st.booleans(), NoneType: st.none()}
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=3,
)
# A type that no class here has: with a known one the reading would rightly give that class.
UNKNOWN_OBJECTS = st.builds(UnknownObject, type=st.just(UNSET) | TEXT.map("unknown.{}".format))


@functools.cache
def instances(cls: type[Model], *, known: bool = False) -> st.SearchStrategy[Any]:
    """Valid instances of `cls`; without objects of unknown types if `known`, as a request must be."""
    if cls is UnknownObject:
        return UNKNOWN_OBJECTS
    hints = field_hints(cls)
    fields = {name: values(hint, known) for name, hint in hints.items()}
    optional = [name for name, hint in hints.items() if allows(hint, Unset)]
    bits = st.integers(0, 2 ** len(optional) - 1)

    @st.composite
    def instance(draw: st.DrawFn) -> Model:
        present = draw(bits) & draw(bits)  # a quarter of the optional fields
        absent = {name for index, name in enumerate(optional) if not present >> index & 1}
        return cls(**{name: draw(value) for name, value in fields.items() if name not in absent})

    choices = getattr(cls, "any_of", ())
    return instance().filter(lambda model: any(getattr(model, name) for name in choices)) if choices else instance()


def values(hint: Any, known: bool) -> st.SearchStrategy[Any]:  # noqa: FBT001
    """Valid values of an annotation, absence apart."""
    if is_union(hint):
        leave = {Unset, UnknownObject} if known else {Unset}
        return st.one_of([values(part, known) for part in get_args(hint) if part not in leave])
    inner, constraints = bare(hint)
    if is_model(inner):
        return st.deferred(lambda: instances(inner, known=known))
    return constrained(inner, constraints, known)


def constrained(hint: Any, constraints: Sequence[Any], known: bool) -> st.SearchStrategy[Any]:  # noqa: FBT001, PLR0911
    """Values of a scalar, list or mapping that meet the constraints of ``Annotated``."""
    limits = {type(constraint): constraint for constraint in constraints}
    between, length = limits.get(Between), limits.get(Length) or Length(0)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is Sequence:
        return st.lists(values(get_args(hint)[0], known), min_size=length.low, max_size=length.high or 2)
    if get_origin(hint) is Mapping:
        return st.dictionaries(TEXT, values(get_args(hint)[1], known), max_size=2)
    if Pattern in limits:
        return st.from_regex(limits[Pattern].regex, fullmatch=True)
    if between and hint is int:
        return st.integers(int(between.low), int(between.high))
    if between:
        return st.floats(between.low, between.high)
    return st.text(min_size=length.low, max_size=6) if hint is str else SCALARS.get(hint, JSON)


# --- all classes -----------------------------------------------------------------------------------------------------

many = settings(
    max_examples=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],  # sessions are large, cores are few
)


def test_the_walk_finds_the_models() -> None:
    assert len(CLASSES) == len(set(CLASSES)) > 50
    assert {RealtimeSessionConfig, McpTool, UnknownObject, EmptyResponse, RealtimeSessionCreateResponse} <= set(CLASSES)


@pytest.mark.parametrize("cls", CLASSES)
def test_random_instances_survive_json(cls: type[Model]) -> None:
    @many
    @given(st.lists(instances(cls), min_size=10, max_size=10))  # 500 of them; ten at a time is faster
    def survive(made: list[Model]) -> None:
        for model in made:
            text = encode(model)
            again = decode(text, cls)
            assert again == model
            assert encode(again) == text
            absent = {name for name in field_hints(cls) if getattr(model, name) is UNSET}
            assert json.loads(text).keys() == field_hints(cls).keys() - absent

    survive()


@pytest.mark.parametrize("cls", REQUESTS)
def test_valid_random_requests_pass_the_check(cls: type[Model]) -> None:
    @many
    @given(instances(cls, known=True))
    def passes(model: Model) -> None:
        check(model)
        check(decode(encode(model), cls))

    passes()


@pytest.mark.parametrize("cls", CLASSES)
def test_instances_pickle_copy_evolve_and_show_themselves(cls: type[Model]) -> None:
    @settings(many, max_examples=20)
    @given(instances(cls))
    def live(model: Model) -> None:
        read = decode(encode(model), cls)
        for twin in (pickle.loads(pickle.dumps(read)), copy.copy(read), copy.deepcopy(read), attrs.evolve(read)):  # noqa: S301
            assert twin == model
            assert twin.raw == read.raw
            assert repr(twin) == repr(model)
        assert model != object()
        assert not hasattr(model, "__dict__")

    live()


@pytest.mark.parametrize("cls", CLASSES)
def test_null_absent_and_default_stay_apart(cls: type[Model]) -> None:
    absent = decode(b"{}", cls)
    assert all(getattr(absent, name) is UNSET for name in field_hints(cls))
    assert encode(absent) == b"{}"
    for name in field_hints(cls):
        null = decode(json.dumps({name: None}), cls)
        assert getattr(null, name) is None
        assert null != absent
        assert json.loads(encode(null)) == {name: None}


@pytest.mark.parametrize("cls", CLASSES)
def test_what_may_be_absent_is_absent_by_default(cls: type[Model]) -> None:
    fields = attrs.fields_dict(cls)
    for name, hint in field_hints(cls).items():
        tag = get_args(hint)[0] if get_origin(hint) is Literal and len(get_args(hint)) == 1 else attrs.NOTHING
        assert fields[name].default == (UNSET if allows(hint, Unset) else tag), name


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_documented_public_and_keyword_only(cls: type[Model]) -> None:
    assert cls.__doc__
    assert "Method generated by attrs" not in cls.__doc__
    assert getattr(models, cls.__name__) is cls
    assert all(field.kw_only for field in attrs.fields(cls))


# --- values of one kind ----------------------------------------------------------------------------------------------


def test_unset_is_one_falsy_value_that_survives_copies() -> None:
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert pickle.loads(pickle.dumps(UNSET)) is copy.deepcopy(UNSET) is copy.copy(UNSET) is UNSET  # noqa: S301


def test_a_value_equal_to_the_default_is_still_sent() -> None:
    assert json.loads(encode(AudioPcm(type="audio/pcm", rate=24000))) == {"type": "audio/pcm", "rate": 24000}
    assert json.loads(encode(NoiseReduction(strength=1.0))) == {"strength": 1.0}


def test_models_are_equal_by_class_and_fields_and_cannot_be_changed() -> None:
    assert VoiceId(id="voice_1") == VoiceId(id="voice_1") != VoiceId(id="voice_2")
    assert RealtimeSessionConfig(model="m") != RealtimeSession(model="m")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        VoiceId(id="voice_1").id = "voice_2"  # type: ignore[misc]


def test_a_model_equals_nothing_of_another_class() -> None:
    class Child(VoiceId):
        pass

    ours = VoiceId(id="voice_1")
    assert ours != Child(id="voice_1")
    assert ours != "voice_1"
    assert ours == ANY  # which has the say about whom it equals
    assert ours != UnknownObject()
    assert UnknownObject() == UnknownObject(raw={"type": "new"}) != UnknownObject(type="new")


def test_a_model_hashes_as_far_as_its_values_do() -> None:
    assert len({AudioPcm(), AudioPcmu(), AudioPcma(), AudioPcm(), AudioPcm(rate=24000)}) == 4
    assert len({VoiceId(id="voice_1"), VoiceId(id="voice_1")}) == 1
    assert hash(decode(b'{"id": "voice_1", "more": []}', VoiceId)) == hash(VoiceId(id="voice_1"))
    with pytest.raises(TypeError, match="unhashable"):
        hash(FunctionTool(parameters={}))
    assert "hash" in (Model.__doc__ or "")


def test_raw_is_outside_equality_and_repr() -> None:
    read = decode(b'{"id": "voice_1", "colour": "blue"}', VoiceId)
    assert read == VoiceId(id="voice_1")
    assert repr(read) == repr(VoiceId(id="voice_1")) == "VoiceId(id='voice_1')"
    assert read.raw == {"id": "voice_1", "colour": "blue"}
    assert VoiceId(id="voice_1").raw is None


def test_evolve_keeps_unknown_fields_on_encode_and_a_known_field_wins_over_raw() -> None:
    session = decode(b'{"model": "m", "new": {"a": [1, null]}, "instructions": "Hi."}', RealtimeSessionConfig)
    changed = attrs.evolve(session, model="n", instructions=UNSET)
    assert json.loads(encode(changed)) == {"model": "n", "new": {"a": [1, None]}}


def test_http_is_outside_equality_repr_and_json() -> None:
    info = ResponseInfo(status=200, headers={"x-secret": "hidden"})
    assert EmptyResponse(http=info) == EmptyResponse()
    assert repr(EmptyResponse(http=info)) == "EmptyResponse()"
    assert encode(EmptyResponse(http=info)) == b"{}"
    assert "hidden" not in repr(info)
    for cls in (RealtimeSessionCreateResponse, models.RealtimeTranscriptionSessionCreateResponse):
        assert encode(cls(http=info)) == encode(cls())
        assert cls(http=info) == cls()


# --- secrets ---------------------------------------------------------------------------------------------------------

HIDDEN = "hidden-0123456789"
MCP = McpTool(server_label="s", server_url="https://x", authorization=HIDDEN, headers={"X-Key": HIDDEN})


@pytest.mark.parametrize(
    "model",
    [
        MCP,
        RealtimeCreateClientSecretRequest(session=RealtimeSessionConfig(tools=[MCP])),
        RealtimeCreateClientSecretResponse(value=HIDDEN, expires_at=1, session=RealtimeSession(tools=[MCP])),
        BetaClientSecret(value=HIDDEN, expires_at=1),
        RealtimeSessionCreateResponse(client_secret=BetaClientSecret(value=HIDDEN, expires_at=1)),
        decode(json.dumps({"client_secret": HIDDEN}), RealtimeSessionCreateResponse),
        decode(json.dumps({"client_secret": [HIDDEN]}), models.RealtimeTranscriptionSessionCreateResponse),
        decode(json.dumps({"value": [HIDDEN]}), RealtimeTranslationClientSecretCreateResponse),
        decode(json.dumps({"type": "mcp", "headers": HIDDEN, "authorisation": HIDDEN}), McpTool),
        decode(json.dumps({"type": "new", "authorization": HIDDEN}), UnknownObject),
    ],
)
def test_no_secret_shows_in_a_repr(model: Model) -> None:
    assert HIDDEN in encode(model).decode()
    assert HIDDEN not in repr(model)
    assert HIDDEN not in str(model)


def test_a_repr_shows_that_a_secret_is_there_or_not() -> None:
    secret = BetaClientSecret(value=HIDDEN, expires_at=7)
    assert repr(secret) == "BetaClientSecret(value='***', expires_at=7)"
    assert "client_secret=BetaClientSecret(value='***', expires_at=7)" in repr(
        RealtimeSessionCreateResponse(client_secret=secret)
    )
    assert repr(McpTool(server_label="s")) == "McpTool(type='mcp', server_label='s')"
    assert repr(McpTool(server_label="s", headers=None)) == "McpTool(type='mcp', server_label='s', headers=None)"


@pytest.mark.parametrize(
    "bad",
    [
        {"authorization": [HIDDEN]},
        {"headers": {"X-Key": [HIDDEN]}},
        {"headers": HIDDEN},
        {"headers": {"X-Key": 12345678901}},
        {"authorization": 12345678901},
        {"authorization": HIDDEN + "\ud800"},
        {"authorisation": HIDDEN},
        {"server_url": "sk-proj-" + HIDDEN, "tunnel_id": "sk-proj-" + HIDDEN},
    ],
)
def test_no_secret_shows_in_an_invalid_request_error(bad: dict[str, Any]) -> None:
    tool = decode(b'{"type": "mcp", "server_label": "s", "server_url": "u"}', McpTool)
    fields = {name: value for name, value in bad.items() if name in field_hints(McpTool)}
    tool = attrs.evolve(tool, raw=bad, **fields)
    with pytest.raises(InvalidRequestError) as caught:
        check(RealtimeSessionConfig(tools=[tool]))
    for text in (str(caught.value), repr(caught.value), repr(caught.value.args), repr(caught.value.problems)):
        assert HIDDEN not in text
        assert "12345678901" not in text
