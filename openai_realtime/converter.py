"""The one cattrs converter, and the only module that knows JSON.

Reading is tolerant: whatever a server sends is kept. A field that is absent becomes UNSET, a value of another type than
declared stays as it came, an object with an unknown ``type`` becomes `UnknownObject`, and every model keeps the object
it was read from in `raw`. Checking is a separate step (`validation`), for requests only.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import orjson
from cattrs.preconf.orjson import make_converter

from .errors import DecodeError, InvalidRequestError, Problem, redact
from .models.base import UNSET, Model, UnknownObject
from .models.hints import field_hints, is_model, is_union, members, origin, plain, tags
from .validation import check

if TYPE_CHECKING:
    from .models.events import ClientEvent, Dialect, Event, ServerEvent

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


def load(data: str | bytes) -> Any:
    """Parse JSON. Raises DecodeError, without quoting the text."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"not JSON: {error.msg} at character {error.pos}") from None


def load_object(data: str | bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises DecodeError for anything else."""
    value = load(data)
    if not isinstance(value, dict):
        raise DecodeError(f"a JSON object was expected, not {type(value).__name__}")
    return value


# --- reading: one factory a kind of hint; what holds no model passes through untouched -------------------------------


def _as_is(value: Any, _: Any) -> Any:
    return value


for primitive in (str, int, float, bool):  # cattrs would coerce: None to "None", "false" to True
    converter.register_structure_hook(primitive, _as_is)


@converter.register_structure_hook_factory(plain)
def _plain_hook(_: Any) -> Hook:
    return _as_is


@converter.register_structure_hook_factory(is_model)
def _model_hook(cls: Any) -> Hook:
    hooks = [(name, converter.get_structure_hook(hint)) for name, hint in field_hints(cls).items()]
    readers = tuple((name, None if hook is _as_is else hook) for name, hook in hooks)

    def read(data: Any, _: Any) -> Any:
        if not isinstance(data, dict):
            return data
        values = {
            name: UNSET if name not in data else data[name] if hook is None else hook(data[name], None)
            for name, hook in readers
        }
        return cls(raw=data, **values)

    return read


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
    if len(parts) == 1:
        return converter.get_structure_hook(parts[0])
    models = [part for part in parts if isinstance(part, type)]
    others = [converter.get_structure_hook(part) for part in parts if not isinstance(part, type)]
    read_object = _object_hook(models) if models else _as_is

    def read(value: Any, _: Any) -> Any:
        if models and isinstance(value, dict):
            return read_object(value, None)
        for other in others:
            value = other(value, None)
        return value

    return read


def _object_hook(models: Sequence[type[Model]]) -> Hook:
    """One model takes every object; several are told apart by ``type``, and messages by ``role``."""
    if len(models) == 1:
        return converter.get_structure_hook(models[0])
    unknown = converter.get_structure_hook(UnknownObject) if UnknownObject in models else _as_is
    return _tagged_hook(models, "type", unknown)


def _tagged_hook(models: Sequence[type[Model]], key: str, unknown: Hook) -> Hook:
    """The choice of a model by the value of `key`, from a table made once."""
    choices: dict[str, list[type[Model]]] = {}
    for cls in models:
        for tag in tags(cls, key):
            choices.setdefault(tag, []).append(cls)
    table = {
        tag: _tagged_hook(same, "role", unknown) if len(same) > 1 else converter.get_structure_hook(same[0])
        for tag, same in choices.items()
    }

    def read(value: Any, _: Any) -> Any:
        tag = value.get(key)
        hook = table.get(tag, unknown) if isinstance(tag, str) else unknown
        return hook(value, None)

    return read


# --- writing: fields that are set, and what the model was read with and does not know --------------------------------


@converter.register_unstructure_hook
def _finite(value: float) -> float:
    if not math.isfinite(value):  # orjson would write null
        raise TypeError(str(value))
    return value


@converter.register_unstructure_hook
def _no_bytes(_: bytes) -> str:  # cattrs would write base85, which nobody on the other side expects
    raise TypeError("bytes")


@converter.register_unstructure_hook_factory(is_model)
def _unstructure_model(cls: Any) -> Callable[[Any], Any]:
    names = tuple(field_hints(cls))
    known = frozenset(names)
    write = converter.unstructure

    def unstructure(model: Any) -> dict[str, Any]:
        values = ((name, getattr(model, name)) for name in names)
        result = {name: write(value) for name, value in values if value is not UNSET}
        if model.raw is not None and not known >= model.raw.keys():
            result.update((name, value) for name, value in model.raw.items() if name not in known)
        return result

    return unstructure


# --- events: a table from `type` to hook, in which each hook is made when its first event comes ----------------------
# The event modules are imported here and not above: whoever makes REST calls never needs them.


def decode_server_event(data: str | bytes, *, dialect: Dialect = "realtime") -> ServerEvent:
    """Read what a server sent, as `UnknownEvent` if the dialect has no such type. Nothing in it is lost or refused.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    event: ServerEvent = _read_event(data, _server_hooks(dialect))
    return event


def decode_client_event(data: str | bytes, *, dialect: Dialect = "realtime") -> ClientEvent:
    """Read what a client sent, as tolerantly; `validation.check` then finds what is wrong with it.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    event: ClientEvent = _read_event(data, _client_hooks(dialect))
    return event


class _EventHooks(dict[str, Hook]):
    """The hooks by wire type; types that no class has share one, so that a server cannot make this grow."""

    def __init__(self, classes: Mapping[str, type[Event]], unknown: type[Event]) -> None:
        super().__init__()
        self._classes = classes
        self._unknown = converter.get_structure_hook(unknown)

    def __missing__(self, tag: str) -> Hook:
        if tag not in self._classes:
            return self._unknown
        hook = self[tag] = converter.get_structure_hook(self._classes[tag])
        return hook


@functools.cache
def _server_hooks(dialect: Dialect) -> _EventHooks:
    from .models.dialects import event_classes  # noqa: PLC0415
    from .models.events import ServerEvent, UnknownEvent  # noqa: PLC0415

    return _EventHooks(event_classes(ServerEvent, dialect), UnknownEvent)


@functools.cache
def _client_hooks(dialect: Dialect) -> _EventHooks:
    from .models.dialects import event_classes  # noqa: PLC0415
    from .models.events import ClientEvent, UnknownEvent  # noqa: PLC0415

    return _EventHooks(event_classes(ClientEvent, dialect), UnknownEvent)


def _read_event(data: str | bytes, hooks: _EventHooks) -> Any:
    event = load_object(data)
    tag = event.get("type")
    return hooks[tag if isinstance(tag, str) else ""](event, None)
