"""The one cattrs converter, and the only module that knows JSON.

Reading is tolerant: whatever a server sends is kept. A field that is absent becomes UNSET, a value of another type than
declared stays as it came, an object with an unknown ``type`` becomes `UnknownObject`, and every model keeps the object
it was read from in `raw`. Checking is a separate step (`validation`), for requests only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args

import orjson
from cattrs.preconf.orjson import make_converter

from .errors import DecodeError, InvalidRequestError, Problem, redact
from .models.base import UNSET, Model, UnknownObject
from .models.hints import field_hints, is_model, is_union, members, origin, plain, tags
from .validation import check

__all__ = ["decode", "encode", "structure_request"]

M = TypeVar("M", bound=Model)
Hook = Callable[[Any, Any], Any]

converter = make_converter(detailed_validation=False)


def encode(model: Model) -> bytes:
    """The JSON of `model`: absent fields are left out, None is null, unknown fields it was read with are kept.

    Raises InvalidRequestError for a value that JSON cannot hold.
    """
    try:
        return orjson.dumps(converter.unstructure(model))
    except TypeError as error:
        raise InvalidRequestError([Problem("", "invalid_type", redact(str(error)), "JSON")]) from None


def decode(data: str | bytes, cls: type[M]) -> M:
    """Read the JSON object `data` as a `cls`. Unknown fields, types and nulls are kept, never refused.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    return structure(load_object(data), cls)


def structure_request(mapping: Mapping[str, Any], cls: type[M]) -> M:
    """Read settings from a dict, a JSON or TOML file, as strictly as a request is checked.

    Raises InvalidRequestError that names every unknown, missing or bad field by its path.
    """
    request = structure(dict(mapping), cls)
    check(request)
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
        if data.__class__ is not dict:
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
    return lambda value, _: [hook(item, None) for item in value] if value.__class__ is list else value


@converter.register_structure_hook_factory(lambda hint: not plain(hint) and origin(hint) is Mapping)
def _mapping_hook(hint: Any) -> Hook:
    hook = converter.get_structure_hook(get_args(hint)[1])
    return lambda value, _: {k: hook(v, None) for k, v in value.items()} if value.__class__ is dict else value


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
        if models and value.__class__ is dict:
            return read_object(value, None)
        for other in others:
            value = other(value, None)
        return value

    return read


def _object_hook(models: Sequence[type[Model]]) -> Hook:
    """One model takes every object; several are told apart by ``type``, from a table made once."""
    if len(models) == 1:
        return converter.get_structure_hook(models[0])
    table = {tag: converter.get_structure_hook(cls) for cls in models for tag in tags(cls)}
    unknown = converter.get_structure_hook(UnknownObject) if UnknownObject in models else _as_is

    def read(value: Any, _: Any) -> Any:
        tag = value.get("type")
        hook = table.get(tag, unknown) if isinstance(tag, str) else unknown
        return hook(value, None)

    return read


# --- writing: fields that are set, and what the model was read with and does not know --------------------------------


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
