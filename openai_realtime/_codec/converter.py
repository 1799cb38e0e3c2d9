"""The one cattrs converter, and the only module that knows JSON.

Reading is tolerant: whatever a server sends is kept. A field that is absent becomes UNSET, a value of another type than
declared stays as it came, an object with an unknown ``type`` becomes `UnknownObject`, and every model keeps the object
it was read from in `raw`. Checking is a separate step (`validation`), for requests only.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import attrs
import orjson
from cattrs.preconf.orjson import make_converter

from openai_realtime._redaction import redact
from openai_realtime.errors import DecodeError, InvalidRequestError, Problem
from openai_realtime.models.base import UNSET, Model, UnknownObject

from .codegen import generated
from .hints import field_hints, is_model, is_union, members, origin, plain, tags
from .validation import check

if TYPE_CHECKING:
    from openai_realtime.models.events import ClientEvent, Dialect, ServerEvent

__all__ = ["decode", "decode_client_event", "decode_server_event", "encode", "structure_request"]

M = TypeVar("M", bound=Model)
Hook = Callable[[Any, Any], Any]

converter = make_converter(detailed_validation=False)


def encode(model: Model) -> bytes:
    """The JSON of `model`: absent fields are left out, None is null, unknown fields it was read with are kept.

    Raises InvalidRequestError for a value that JSON cannot hold.
    """
    try:
        return orjson.dumps(converter.unstructure(model))
    except (TypeError, RecursionError) as error:
        raise InvalidRequestError([Problem("", "invalid_type", redact(str(error)), "JSON")]) from None


def decode(data: str | bytes, cls: type[M]) -> M:
    """Read the JSON object `data` as a `cls`. Unknown fields, types and nulls are kept, never refused.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    return structure(load_object(data), cls)


def structure_request(mapping: Mapping[str, Any], cls: type[M]) -> M:
    """Read settings from a dict, as it comes from a JSON or TOML file, as strictly as a request is checked.

    Raises InvalidRequestError that names every unknown, missing or bad field by its path.
    """
    request = structure(dict(mapping) if isinstance(mapping, Mapping) else mapping, cls)
    check(request, cls)
    return request


def structure(data: dict[str, Any], cls: type[M]) -> M:
    """The tolerant reading of an already parsed object."""
    model: M = converter.structure(data, cls)
    return model


def dumps(value: Any) -> bytes:
    """Write a value that is JSON already."""
    return orjson.dumps(value)


def load(data: str | bytes) -> Any:
    """Parse JSON. Raises DecodeError, without quoting the text."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _not_json(error) from None


def load_object(data: str | bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises DecodeError for anything else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _not_json(error) from None
    if not isinstance(value, dict):
        raise DecodeError(f"a JSON object was expected, not {type(value).__name__}")
    return value


def _not_json(error: orjson.JSONDecodeError) -> DecodeError:
    return DecodeError(f"not JSON: {error.msg} at character {error.pos}")


# --- reading: one factory a kind of hint; what holds no model passes through, where cattrs would coerce it ------------
# A hook is made when its first value comes: most of a session's 130 classes are never read.


def _as_is(value: Any, _: Any) -> Any:
    return value


# A class's own __init__ would take half of the time, because it has to get around its being frozen. So the values go
# into a draft, which is of a subclass that is not frozen and has no slots of its own; such an instance may change its
# class.
_READ = """
def generated(data, _):
    if not isinstance(data, dict):
        return data
    get = data.get
    draft = new(Draft)
    {lines}
    draft.__class__ = cls
    return draft
"""


@converter.register_structure_hook_factory(is_model)
def _model_hook(cls: Any) -> Hook:
    """The reading of a `cls`. The hooks of its fields are names in the function, made when a value comes."""
    names: dict[str, Any] = {"cls": cls, "Draft": _draft_class(cls), "new": object.__new__, "UNSET": UNSET}
    hints = field_hints(cls)
    lines = []
    for name in (field.name for field in attrs.fields(cls)):
        if name not in hints:  # raw, and what HTTP calls add to their results
            value = "data" if name == "raw" else "None"
        elif plain(hints[name]):
            value = f"get({name!r}, UNSET)"
        else:
            names[f"read_{name}"] = _made_later(hints[name], names, f"read_{name}")
            value = f"read_{name}(data[{name!r}], None) if {name!r} in data else UNSET"
        lines.append(f"draft.{name} = {value}")
    return generated(cls, _READ, lines, names)


def _draft_class(cls: Any) -> type:
    """A subclass of a frozen `cls` that is not frozen and adds no slots."""
    unfrozen = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type("Draft", (cls,), {"__slots__": (), **unfrozen})


def _made_later(hint: Any, names: dict[str, Any], name: str) -> Hook:
    """A hook that, when it is first called, puts the real one in its own place in `names`."""

    def first(value: Any, _: Any) -> Any:
        hook = names[name] = converter.get_structure_hook(hint)
        return hook(value, None)

    return first


@converter.register_structure_hook_factory(lambda hint: not plain(hint) and origin(hint) is Sequence)
def _sequence_hook(hint: Any) -> Hook:
    hook = converter.get_structure_hook(get_args(hint)[0])
    return lambda value, _: [hook(item, None) for item in value] if isinstance(value, list | tuple) else value


@converter.register_structure_hook_factory(lambda hint: not plain(hint) and origin(hint) is Mapping)
def _mapping_hook(hint: Any) -> Hook:
    hook = converter.get_structure_hook(get_args(hint)[1])
    return lambda value, _: {k: hook(v, None) for k, v in value.items()} if isinstance(value, dict) else value


@converter.register_structure_hook_factory(lambda hint: not plain(hint) and is_union(hint))
def _union_hook(hint: Any) -> Hook:
    """A union of models and other things: JSON objects go to a model, arrays to the sequence, the rest stays."""
    parts = [part for part in members(hint) if not plain(part)]
    models = [part for part in parts if isinstance(part, type)]
    others = [converter.get_structure_hook(part) for part in parts if not isinstance(part, type)]
    hooks = [_object_hook(models), *others] if models else others
    if len(hooks) == 1:
        return hooks[0]

    def read(value: Any, _: Any) -> Any:
        if models and isinstance(value, dict):
            return hooks[0](value, None)
        for other in others:
            value = other(value, None)
        return value

    return read


def _object_hook(models: Sequence[type[Model]]) -> Hook:
    """One model takes every object; several are told apart by ``type``, and messages by ``role``."""
    if len(models) == 1:
        return converter.get_structure_hook(models[0])
    unknown = converter.get_structure_hook(UnknownObject) if UnknownObject in models else _as_is
    return _tagged_hook("type", models, unknown)


def _tagged_hook(key: str, models: Sequence[type[Model]], unknown: Hook) -> Hook:
    """The choice of a model by the value of `key`."""
    choices: dict[str, list[type[Model]]] = {}
    for cls in models:
        for tag in tags(cls, key):
            choices.setdefault(tag, []).append(cls)
    return _TaggedHooks(key, choices, unknown).read


class _TaggedHooks(dict[str, Hook]):
    """The hooks of models by tag, the value of `key`, each made when it is first wanted.

    Tags that no model has share the hook `unknown`, so that a server cannot make this grow.
    """

    def __init__(self, key: str, choices: Mapping[str, Sequence[type[Model]]], unknown: Hook) -> None:
        super().__init__()
        self._key = key
        self._choices = choices
        self._unknown = unknown

    def __missing__(self, tag: str) -> Hook:
        models = self._choices.get(tag)
        if models is None:
            return self._unknown
        if len(models) == 1:
            self[tag] = converter.get_structure_hook(models[0])
        else:
            self[tag] = _tagged_hook("role", models, self._unknown)
        return self[tag]

    def read(self, value: Any, _: Any) -> Any:
        """The model that an object becomes; anything else stays as it is."""
        if not isinstance(value, dict):
            return value
        tag = value.get(self._key)
        return self[tag if isinstance(tag, str) else ""](value, None)

    def decode(self, data: str | bytes) -> Any:
        """The model in JSON. Raises DecodeError for anything but an object. Not by `read`: this is for every event."""
        value = load_object(data)
        tag = value.get(self._key)
        return self[tag if isinstance(tag, str) else ""](value, None)


# --- writing ----------------------------------------------------------------------------------------------------------

_FINAL = frozenset((str, int, bool, NoneType))
"""The types of values that are JSON as they are: they need no hook."""


@converter.register_unstructure_hook
def _finite(value: float) -> float:
    if not math.isfinite(value):  # orjson would write null
        raise TypeError(str(value))
    return value


@converter.register_unstructure_hook
def _no_bytes(_: bytes) -> str:  # cattrs would write base85, which nobody on the other side expects
    raise TypeError("bytes")


_WRITE = """
def generated(model):
    result = {{}}
    {lines}
    if model.raw is not None and not known >= model.raw.keys():
        result.update((name, value) for name, value in model.raw.items() if name not in known)
    return result
"""


@converter.register_unstructure_hook_factory(is_model)
def _unstructure_model(cls: Any) -> Callable[[Any], Any]:
    """The writing of a `cls`: its fields that are set, and what it was read with and does not know."""
    known = frozenset(field_hints(cls))
    names = {"UNSET": UNSET, "FINAL": _FINAL, "known": known, "write": converter.unstructure}
    lines = []
    for name in field_hints(cls):
        lines += [f"value = model.{name}", "if value is not UNSET:"]
        lines += [f"    result[{name!r}] = value if type(value) in FINAL else write(value)"]
    return generated(cls, _WRITE, lines, names)


# --- events: a table from `type` to hook ------------------------------------------------------------------------------
# The event modules are imported here and not above: whoever makes REST calls never needs them.


def decode_server_event(data: str | bytes, *, dialect: Dialect = "realtime") -> ServerEvent:
    """Read what a server sent, as `UnknownEvent` if the dialect has no such type. Nothing in it is lost or refused.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    event: ServerEvent = _server_hooks(dialect).decode(data)
    return event


def decode_client_event(data: str | bytes, *, dialect: Dialect = "realtime") -> ClientEvent:
    """Read what a client sent, as tolerantly; `validation.check` then finds what is wrong with it.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    event: ClientEvent = _client_hooks(dialect).decode(data)
    return event


def server_event_decoder(dialect: Dialect) -> Callable[[str | bytes], ServerEvent]:
    """`decode_server_event` of one dialect, for who reads many events."""
    return _server_hooks(dialect).decode


@functools.cache
def _server_hooks(dialect: Dialect) -> _TaggedHooks:
    from openai_realtime.models.events import ServerEvent  # noqa: PLC0415

    return _event_hooks(ServerEvent, dialect)


@functools.cache
def _client_hooks(dialect: Dialect) -> _TaggedHooks:
    from openai_realtime.models.events import ClientEvent  # noqa: PLC0415

    return _event_hooks(ClientEvent, dialect)


def _event_hooks(base: Any, dialect: Dialect) -> _TaggedHooks:
    from openai_realtime.models.events import UnknownEvent  # noqa: PLC0415

    from .dialects import event_classes  # noqa: PLC0415

    choices = {tag: [cls] for tag, cls in event_classes(base, dialect).items()}
    return _TaggedHooks("type", choices, converter.get_structure_hook(UnknownEvent))
