"""The models against the API's own types: the `openai` package, and the specification where it is.

Both sides are turned into the same small `Shape`, and compared along their nesting. Every field there must be here, may
be absent and null here exactly if it may there, and takes the same literals, scalars, lists and objects. What differs
on purpose stands in a table with its reason; an entry that is no longer needed fails.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import attrs
import openai.types.beta.realtime
import openai.types.realtime.translations
import pydantic
import pytest
import typing_extensions

from openai_realtime import models
from openai_realtime._codec.annotations import bare, field_hints, is_union
from openai_realtime.models import UNSET, Maybe, Model, UnknownObject, Unset, VoiceId, beta as beta_models
from openai_realtime.models.constraints import Between

SPEC = Path(__file__).parents[3] / "shared" / "spec" / "realtime-openapi.json"


@attrs.frozen(kw_only=True)
class Shape:
    """What a field takes. `null` and `limits` are None where a source does not say; `objects` are the source's own."""

    absent: bool = False
    null: bool | None = False
    scalars: frozenset[str] = frozenset()
    literals: frozenset[Any] = frozenset()
    limits: tuple[float, float] | None = None
    item: "Shape | None" = None
    entry: "Shape | None" = None
    objects: tuple[Any, ...] = ()


def merged(shapes: Iterable[Shape]) -> Shape:
    """The shape of a union."""
    parts = list(shapes)
    nulls = [part.null for part in parts]
    return Shape(
        absent=any(part.absent for part in parts),
        null=True if True in nulls else None if None in nulls else False,
        scalars=frozenset().union(*(part.scalars for part in parts)),
        literals=frozenset().union(*(part.literals for part in parts)),
        limits=next((part.limits for part in parts if part.limits), None),
        item=next((part.item for part in parts if part.item), None),
        entry=next((part.entry for part in parts if part.entry), None),
        objects=tuple(dict.fromkeys(thing for part in parts for thing in part.objects)),
    )


SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}
ANYTHING = Shape(entry=Shape(scalars=frozenset({"any"}), null=True))  # both sources write `object` for any JSON object


def shape(hint: Any) -> Shape:  # noqa: PLR0911 - a table of kinds
    """The shape of a Python annotation, ours or the SDK's."""
    hint, limits = bare(hint)
    origin, args = get_origin(hint), get_args(hint)
    if hint is NoneType or hint is Unset:
        return Shape(null=hint is NoneType, absent=hint is Unset)
    if is_union(hint):
        return merged(shape(part) for part in args)
    if origin in (typing_extensions.Required, typing_extensions.NotRequired, Annotated):
        return shape(args[0])
    if origin is Literal:
        return Shape(literals=frozenset(args))
    if hint in SCALARS:
        ranges = [(limit.low, limit.high) for limit in limits if isinstance(limit, Between)]
        return Shape(scalars=frozenset({SCALARS[hint]}), limits=ranges[0] if ranges else None)
    if hint is object:
        return ANYTHING
    if hint is Any:
        return Shape(scalars=frozenset({"any"}), null=True)
    if origin and issubclass(origin, Mapping):
        return Shape(entry=shape(args[1]))
    if origin and issubclass(origin, Iterable):
        return Shape(item=shape(args[0]))
    return Shape(objects=(hint,) if hint is not UnknownObject else ())


def our_fields(cls: Any) -> dict[str, Shape]:
    return {name: shape(hint) for name, hint in field_hints(cls).items()}


def sdk_fields(cls: Any) -> dict[str, Shape]:
    """Of a TypedDict, which a request is, or of a pydantic model, which an answer is."""
    if issubclass(cls, pydantic.BaseModel):
        found = {name: (shape(field.annotation), field.is_required()) for name, field in cls.model_fields.items()}
        # ``X | None = None`` says there that it may be absent, and nothing about null.
        return {
            name: answered(known if required else attrs.evolve(known, null=None), required)
            for name, (known, required) in found.items()
        }
    hints = typing_extensions.get_type_hints(cls, include_extras=True)
    needed = {name for name, hint in hints.items() if get_origin(hint) is typing_extensions.Required}
    return {name: attrs.evolve(shape(hint), absent=name not in needed) for name, hint in hints.items()}


def answered(known: Shape, required: bool) -> Shape:  # noqa: FBT001
    """A field of an answer: on the wire any of them may be null, whatever its type says."""
    return attrs.evolve(known, absent=not required, null=known.null or None)


Fields = Callable[[Any], dict[str, Shape]]


def differences(ours: Any, theirs: Any, their_fields: Fields, seen: set[Any]) -> Iterator[tuple[str, str]]:
    """(``Class.field``, what differs) of a class of ours and its counterpart, and of all that they hold."""
    if (ours, repr(theirs)) in seen:
        return
    seen.add((ours, repr(theirs)))
    here = our_fields(ours)
    for name, wanted in their_fields(theirs).items():
        where = f"{ours.__name__}.{name}"
        if name not in here:
            yield where, "is not here"
        else:
            yield from ((where, text) for text in contrast(here[name], wanted))
            yield from nested(here[name], wanted, where, their_fields, seen)


def contrast(ours: Shape, theirs: Shape) -> Iterator[str]:
    """How two shapes differ, what they hold aside."""
    for name in ("absent", "null", "limits"):
        here, there = getattr(ours, name), getattr(theirs, name)
        if there is not None and here != there:
            yield f"{name} {here}, not {there}"
    for name in ("scalars", "literals"):
        here, there = getattr(ours, name), getattr(theirs, name)
        if here - there:
            yield f"more {name}"
        if there - here:
            yield f"without {sorted(there - here)}"
    for name in ("item", "entry", "objects"):
        if bool(getattr(ours, name)) != bool(getattr(theirs, name)):
            yield f"{'more' if getattr(ours, name) else 'no'} {name}"


def nested(ours: Shape, theirs: Shape, where: str, their_fields: Fields, seen: set[Any]) -> Iterator[tuple[str, str]]:
    """The differences of list items, of a mapping's values, and of objects, which their ``type`` pairs."""
    for mine, other in ((ours.item, theirs.item), (ours.entry, theirs.entry)):
        if mine and other:
            yield from ((where, f"{text} inside") for text in contrast(mine, other))
            yield from nested(mine, other, where, their_fields, seen)
    for other in theirs.objects:
        tags = tag(their_fields(other))
        twins = [mine for mine in ours.objects if tags & tag(our_fields(mine)) or not (tags or tag(our_fields(mine)))]
        if ours.objects and tags and not twins:
            yield where, f"no object of type {sorted(tags)}"
        for mine in twins or ours.objects[:1]:  # without a type it is the first, such as `ServerVad`
            yield from differences(mine, other, their_fields, seen)


def tag(fields: Mapping[str, Shape]) -> frozenset[Any]:
    return fields["type"].literals if "type" in fields else frozenset()


# --- the specification -----------------------------------------------------------------------------------------------

DOCUMENT: dict[str, Any] = json.loads(SPEC.read_text(encoding="utf-8")) if SPEC.exists() else {}


def schema_shape(schema: dict[str, Any]) -> Shape:
    """The shape of a JSON schema. An object in it is known by its text."""
    schema = resolved(schema)
    null = bool(schema.get("nullable")) or schema.get("type") == "null"
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        found = merged(schema_shape(part) for part in parts)
        return attrs.evolve(found, null=found.null or null)
    if "enum" in schema or "const" in schema:
        return Shape(literals=frozenset(schema.get("enum") or [schema["const"]]), null=null)
    kind = schema.get("type") or ("array" if "items" in schema else "object")
    if kind == "array":
        return Shape(item=schema_shape(schema["items"]), null=null)
    if kind != "object":
        low, high = schema.get("minimum"), schema.get("maximum", 1e9)  # our way to say that there is no end
        limits = None if low is None else (low, high)
        return Shape(scalars=frozenset({kind} - {"null"}), limits=limits, null=null)
    if "properties" in schema:
        return Shape(objects=(json.dumps(schema, sort_keys=True),), null=null)
    values = schema.get("additionalProperties")
    return Shape(entry=schema_shape(values) if isinstance(values, dict) else ANYTHING.entry, null=null)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its ``$ref`` and ``allOf`` put in place."""
    found = {name: value for name, value in schema.items() if name not in ("$ref", "allOf")}
    named = [DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]] if "$ref" in schema else []
    for part in map(resolved, named + schema.get("allOf", [])):
        properties = {**part.get("properties", {}), **found.get("properties", {})}
        required = part.get("required", []) + found.get("required", [])
        found = {**part, **found} | ({"properties": properties, "required": required} if properties else {})
    return found


def schema_fields(text: str) -> dict[str, Shape]:
    schema = json.loads(text)
    needed = schema.get("required", ())
    shapes = {name: schema_shape(inner) for name, inner in schema["properties"].items()}
    return {name: attrs.evolve(known, absent=name not in needed) for name, known in shapes.items()}


def answer_fields(text: str) -> dict[str, Shape]:
    return {name: answered(known, not known.absent) for name, known in schema_fields(text).items()}


# --- who is held against what ----------------------------------------------------------------------------------------

Pair = tuple[type[Model], Any, Fields]


def sdk_pairs() -> Iterator[Pair]:
    current, beta, translations = openai.types.realtime, openai.types.beta.realtime, openai.types.realtime.translations
    for ours, theirs in {
        models.RealtimeCreateClientSecretRequest: [current.ClientSecretCreateParams],
        models.RealtimeCreateClientSecretResponse: [current.ClientSecretCreateResponse],
        models.RealtimeTranslationClientSecretCreateRequest: [translations.ClientSecretCreateParams],
        models.RealtimeTranslationClientSecretCreateResponse: [current.RealtimeTranslationClientSecretCreateResponse],
        models.RealtimeCallCreateRequest: [current.CallCreateParams],
        models.RealtimeSessionConfig: [current.CallAcceptParams],
        models.RealtimeCallReferRequest: [current.CallReferParams],
        models.RealtimeCallRejectRequest: [current.CallRejectParams],
        beta_models.RealtimeSessionCreateRequest: [beta.SessionCreateParams],
        beta_models.RealtimeSessionCreateResponse: [beta.SessionCreateResponse, current.RealtimeSessionCreateResponse],
        beta_models.RealtimeTranscriptionSessionCreateRequest: [beta.TranscriptionSessionCreateParams],
        beta_models.RealtimeTranscriptionSessionCreateResponse: [
            beta.TranscriptionSession,
            current.RealtimeTranscriptionSessionCreateResponse,
        ],
    }.items():
        yield from ((ours, other, sdk_fields) for other in theirs)


def schema_pairs() -> Iterator[Pair]:
    """The bodies of all operations that the specification has under the names of our classes, or others."""
    named = {"RealtimeSessionCreateRequestGA": models.RealtimeSessionConfig}
    for operation in (path["post"] for path in DOCUMENT["paths"].values()):
        sent, got = operation.get("requestBody", {}), operation["responses"].get("200", {})
        for body, fields in ((sent, schema_fields), (got, answer_fields)):
            for content in body.get("content", {}).values():
                if name := content["schema"].get("$ref", "").rpartition("/")[2]:
                    ours = named.get(name) or getattr(models, name, None) or getattr(beta_models, name)
                    yield ours, json.dumps(resolved(content["schema"]), sort_keys=True), fields


# A line for each difference, below the reason for it. "more" is what only we have, "without" what only they have.
EVERYWHERE = """
    gpt-realtime-2 takes "none".
        Reasoning.effort: more literals
    A custom voice is an object, in answers too.
        RealtimeSessionAudioOutput.voice: more objects
    Compatible servers take other rates; the API refuses PCM without one.
        AudioPcm.rate: absent False, not True
        AudioPcm.rate: more scalars
        AudioPcm.rate: without [24000]
    The type is always written.
        AudioPcm.type: absent False, not True
        AudioPcma.type: absent False, not True
        AudioPcmu.type: absent False, not True
        FunctionTool.type: absent False, not True
        ServerVad.type: absent False, not True
    Null turns it off, which is granted in prose only.
        RealtimeAudioInput.noise_reduction: null True, not False
        RealtimeAudioInput.transcription: null True, not False
        RealtimeSessionCreateRequest.input_audio_transcription: null True, not False
        RealtimeSessionCreateRequest.tracing: null True, not False
        RealtimeSessionCreateRequest.turn_detection: null True, not False
        RealtimeTranscriptionSessionCreateRequest.input_audio_noise_reduction: null True, not False
        RealtimeTranscriptionSessionCreateRequest.input_audio_transcription: null True, not False
        RealtimeTranscriptionSessionCreateRequest.turn_detection: null True, not False
    Servers answer null, and answers share the class with requests.
        AudioTranscription.keywords: null True, not False
        AudioTranscription.language: null True, not False
        AudioTranscription.languages: null True, not False
        AudioTranscription.prompt: null True, not False
        FunctionTool.description: null True, not False
        RealtimeSessionConfig.include: null True, not False
        RealtimeTranscriptionSessionConfig.include: null True, not False
    One class serves the beta and today's API, with the range of both.
        AudioTranscription.model: more literals
        RealtimeSessionCreateResponse.tool_choice: more literals
        RealtimeSessionCreateResponse.tool_choice: more objects
        RealtimeSessionCreateResponse.tool_choice: without ['string']
    The beta's sessions have no id and object everywhere, today's have no client_secret.
        RealtimeSession.id: absent True, not False
        RealtimeSession.object: absent True, not False
        RealtimeTranscriptionSession.id: absent True, not False
        RealtimeTranscriptionSession.object: absent True, not False
        RealtimeTranscriptionSessionCreateResponse.client_secret: absent True, not False
    Any string there, where the text names the few that there are.
        BetaTurnDetection.type: more literals
        BetaTurnDetection.type: without ['string']
        RealtimeTranscriptionSessionCreateResponse.input_audio_format: more literals
        ServerVad.type: more literals
        ServerVad.type: without ['string']
"""
ONLY_IN_OPENAI = """
    Null turns it off, which is granted in prose only.
        RealtimeSessionCreateRequest.input_audio_noise_reduction: null True, not False
    One class serves the beta and today's API, with the range of both.
        AudioTranscription.model: more scalars
        ExpiresAfter.anchor: absent True, not False
        RealtimeSessionCreateRequest.model: more literals
        RealtimeSessionCreateRequest.model: more scalars
        RealtimeSessionCreateRequest.voice: more literals
        RealtimeSessionCreateRequest.voice: more objects
        RealtimeSessionCreateResponse.voice: more literals
        RealtimeSessionCreateResponse.voice: more objects
    The beta's sessions have no id and object everywhere, today's have no client_secret.
        RealtimeSessionCreateResponse.client_secret: absent True, not False
        RealtimeSessionCreateResponse.id: absent True, not False
        RealtimeSessionCreateResponse.object: absent True, not False
        RealtimeTranscriptionSessionCreateResponse.id: absent True, not False
        RealtimeTranscriptionSessionCreateResponse.object: absent True, not False
    Any string there, where the text names the few that there are.
        RealtimeSessionCreateResponse.input_audio_format: more literals
        RealtimeSessionCreateResponse.output_audio_format: more literals
"""
ONLY_IN_THE_SPECIFICATION = """
    It puts the client_secret of the answer into the request.
        BetaClientSecretConfig.expires_at: is not here
        BetaClientSecretConfig.value: is not here
        RealtimeSessionCreateRequest.client_secret: absent True, not False
    Any string there, where the text names the few that there are.
        RealtimeSessionCreateRequest.input_audio_format: more literals
        RealtimeSessionCreateRequest.input_audio_format: without ['string']
        RealtimeSessionCreateRequest.output_audio_format: more literals
        RealtimeSessionCreateRequest.output_audio_format: without ['string']
        RealtimeSessionCreateResponse.model: more literals
        RealtimeSessionCreateResponse.object: more literals
        RealtimeSessionCreateResponse.object: without ['string']
    The openai package, which is newer, takes any string.
        RealtimeTranscriptionSessionCreateRequest.include: more scalars inside
        RealtimeTranscriptionSessionCreateRequest.include: without ['item.input_audio_transcription.logprobs'] inside
"""
SOURCES = {"openai": (sdk_pairs, EVERYWHERE + ONLY_IN_OPENAI)}
if DOCUMENT:
    SOURCES["specification"] = (schema_pairs, EVERYWHERE + ONLY_IN_THE_SPECIFICATION)


@pytest.mark.parametrize("source", SOURCES)
def test_the_models_differ_from_the_source_only_on_purpose(source: str) -> None:
    pairs, table = SOURCES[source]
    seen: set[Any] = set()
    found = {f"{where}: {what}" for pair in pairs() for where, what in differences(*pair, seen=seen)}
    allowed = {line.strip() for line in table.splitlines() if line.startswith(" " * 8)}
    assert found - allowed == set()
    assert allowed - found == set(), "no longer needed"


@attrs.frozen(kw_only=True, repr=False)
class Ours(Model):
    """A model that fell behind."""

    name: Literal["a", "z"]
    speed: Maybe[Annotated[float, Between(0, 1)] | None] = UNSET
    inner: Maybe[Sequence[VoiceId]] = UNSET


class Inner(typing_extensions.TypedDict, total=False):
    id: typing_extensions.Required[Literal["x"]]
    since: int


class Theirs(typing_extensions.TypedDict, total=False):
    name: typing_extensions.Required[Literal["a", "b"]]
    speed: typing_extensions.Required[int]
    inner: list[Inner]


def test_every_kind_of_drift_is_seen() -> None:
    assert {*differences(Ours, Theirs, sdk_fields, set())} == {
        ("Ours.name", "more literals"),
        ("Ours.name", "without ['b']"),
        ("Ours.speed", "absent True, not False"),
        ("Ours.speed", "null True, not False"),
        ("Ours.speed", "more scalars"),
        ("Ours.speed", "without ['integer']"),
        ("VoiceId.id", "more scalars"),
        ("VoiceId.id", "without ['x']"),
        ("VoiceId.since", "is not here"),
    }
    schema = {"properties": {"speed": {"type": "number", "minimum": 0, "maximum": 2}, "inner": {"type": "object"}}}
    assert {*differences(Ours, json.dumps(schema), answer_fields, set())} == {
        ("Ours.speed", "limits (0, 1), not (0, 2)"),
        ("Ours.inner", "more item"),
        ("Ours.inner", "no entry"),
    }


def test_the_comparison_reaches_all_depths() -> None:
    for pairs, _ in SOURCES.values():
        seen: set[Any] = set()
        for pair in pairs():
            list(differences(*pair, seen=seen))
        reached = {cls.__name__ for cls, _ in seen}
        assert {"TokenLimits", "McpToolFilter", "ServerVad", "VoiceId", "ExpiresAfter", "BetaTurnDetection"} <= reached
