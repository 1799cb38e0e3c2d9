"""The one cattrs converter: models from JSON and back.

Reading is tolerant: whatever a server sends is kept. A field that is absent becomes UNSET, a value of another type than
declared stays as it came, an object with an unknown ``type`` becomes `UnknownObject`, and every model keeps the object
it was read from in `raw`. Checking is a separate step (`check`), for requests only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from cattrs.preconf.orjson import make_converter

from openai_realtime._problems import Problem, Summary
from openai_realtime._redaction import redact, without_frames
from openai_realtime.errors import InvalidRequestError
from openai_realtime.models.base import UNSET, Model, UnknownObject

from .annotations import Lazily, field_hints, is_model, is_union, members, origin, plain, tags
from .check import check
from .json import dump, load_object
from .reader import model_reader

if TYPE_CHECKING:
    from openai_realtime.models.events import ClientEvent, Dialect, ServerEvent

__all__ = ["decode", "decode_client_event", "decode_server_event", "encode", "structure_request"]

M = TypeVar("M", bound=Model)
Hook = Callable[[Any, Any], Any]

converter = make_converter(detailed_validation=False)


def encode(model: Model) -> bytes:
    """Write `model` as JSON: absent fields are left out, None is null, unknown fields it was read with are kept.

    Raises InvalidRequestError for a value that JSON cannot hold.
    """
    try:
        return dump(converter.unstructure(model), converter.unstructure)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(
            [Problem("", "invalid_type", Summary("object", redact(str(error))), "JSON")]
        ) from None


def decode(data: str | bytes, cls: type[M]) -> M:
    """Read the JSON object `data` as a `cls`. Unknown fields, types and nulls are kept, never refused.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    _check_class(cls)
    return structure(load_object(data), cls)


@without_frames
def structure_request(mapping: Mapping[str, Any], cls: type[M]) -> M:
    """Read settings from a dict, as it comes from a JSON or TOML file, as strictly as a request is checked.

    Raises InvalidRequestError that names every unknown, missing or bad field by its path, up to 1,000 of them.
    """
    _check_class(cls)
    request = structure(dict(mapping) if isinstance(mapping, Mapping) else mapping, cls)
    check(request, cls)
    return request


def _check_class(cls: object) -> None:
    """Raise InvalidRequestError unless `cls` is a model, which the types say and newcomers may not know."""
    if not is_model(cls):
        raise InvalidRequestError([Problem("cls", "invalid_type", cls, "a class, such as RealtimeSessionConfig")])


def structure(data: dict[str, Any], cls: type[M]) -> M:
    """Read an already parsed object, tolerantly."""
    model: M = converter.structure(data, cls)
    return model


def dumps(value: Any) -> bytes:
    """Write a value that is JSON already."""
    return dump(value, converter.unstructure)


def _as_is(value: Any, _: Any) -> Any:
    return value


# What holds no model passes through where cattrs would coerce it. Hooks are made when their first value comes: most of
# a session's 130 classes are never read.
@converter.register_structure_hook_factory(is_model)
def _model_hook(cls: Any) -> Hook:
    hints = field_hints(cls)
    return model_reader(cls, Lazily(lambda name: converter.get_structure_hook(hints[name])), UNSET)


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
    """Read a union of models and other things: JSON objects go to a model, arrays to the sequence, the rest stays."""
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
    """Read objects as one model, or choose among several by ``type``, and among messages by ``role``."""
    if len(models) == 1:
        return converter.get_structure_hook(models[0])
    unknown = converter.get_structure_hook(UnknownObject) if UnknownObject in models else _as_is
    return _tagged_hook("type", models, unknown)


def _tagged_hook(key: str, models: Sequence[type[Model]], unknown: Hook) -> Hook:
    """Choose a model by the value of `key`."""
    choices: dict[str, list[type[Model]]] = {}
    for cls in models:
        for tag in tags(cls, key):
            choices.setdefault(tag, []).append(cls)
    return _TaggedHooks(key, choices, unknown).read


class _TaggedHooks(Lazily[Hook]):
    """The hooks of models by tag, the value of `key`.

    Tags that no model has share the hook `unknown`, so that a server cannot make this grow.
    """

    def __init__(self, key: str, choices: Mapping[str, Sequence[type[Model]]], unknown: Hook) -> None:
        super().__init__(self._hook)
        self._key = key
        self._choices = choices
        self._unknown = unknown

    def __missing__(self, tag: str) -> Hook:
        return super().__missing__(tag) if tag in self._choices else self._unknown

    def _hook(self, tag: str) -> Hook:
        models = self._choices[tag]
        if len(models) == 1:
            return converter.get_structure_hook(models[0])
        return _tagged_hook("role", models, self._unknown)

    def read(self, value: Any, _: Any) -> Any:
        """Read an object as its model; anything else stays as it is."""
        if not isinstance(value, dict):
            return value
        tag = value.get(self._key)
        return self[tag if isinstance(tag, str) else ""](value, None)

    def decode(self, data: str | bytes) -> Any:
        """Read the model in JSON. Raises DecodeError for anything but an object."""
        value = load_object(data)
        tag = value.get(self._key)  # and not by `read`, because every event comes here
        return self[tag if isinstance(tag, str) else ""](value, None)


@converter.register_unstructure_hook
def _no_bytes(_: bytes) -> str:  # cattrs would write base85, which nobody on the other side expects
    raise TypeError("bytes")


_SCALARS = frozenset((str, int, bool, NoneType))


def _written(value: Any) -> Any:
    """Write a field's value, with JSON objects for the models in it.

    Free-form JSON stays, however deep it is, and the encoder calls the converter for other kinds of values.
    """
    if isinstance(value, Model):
        return converter.unstructure(value)
    if isinstance(value, list | tuple):
        return [converter.unstructure(item) if isinstance(item, Model) else item for item in value]
    if isinstance(value, dict):
        return {key: converter.unstructure(item) if isinstance(item, Model) else item for key, item in value.items()}
    return value


@converter.register_unstructure_hook_factory(is_model)
def _model_writer(cls: Any) -> Callable[[Any], dict[str, Any]]:
    """Make what writes a `cls`: its fields that are set, what it was read with and does not know, and its `extra`."""
    known = frozenset(field_hints(cls))
    names = tuple(field_hints(cls))

    def write(model: Any) -> dict[str, Any]:
        result = {}
        for name in names:
            value = getattr(model, name)
            if value is not UNSET:
                result[name] = value if type(value) in _SCALARS else _written(value)
        if model.raw is not None and not known >= model.raw.keys():
            result.update((name, value) for name, value in model.raw.items() if name not in known)
        if model.extra is not None:
            result.update(model.extra)
        return result

    return write


# The event modules are imported here and not above: whoever makes REST calls never needs them.


def decode_server_event(data: str | bytes, *, dialect: Dialect = "realtime") -> ServerEvent:
    """Read what a server sent, as `UnknownEvent` if the dialect has no such type. Nothing in it is lost or refused.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    event: ServerEvent = _server_hooks[dialect].decode(data)
    return event


def decode_client_event(data: str | bytes, *, dialect: Dialect = "realtime") -> ClientEvent:
    """Read what a client sent, as tolerantly; `check` then finds what is wrong with it.

    Raises DecodeError if `data` is not JSON or not an object.
    """
    event: ClientEvent = _client_hooks[dialect].decode(data)
    return event


def server_event_decoder(dialect: Dialect) -> Callable[[str | bytes], ServerEvent]:
    """Give the `decode_server_event` of one dialect, for who reads many events."""
    return _server_hooks[dialect].decode


def _event_hooks(sender: Literal["server", "client"], dialect: Any) -> _TaggedHooks:
    from openai_realtime.models import events  # noqa: PLC0415

    from .dialects import event_classes  # noqa: PLC0415

    base: Any = events.ServerEvent if sender == "server" else events.ClientEvent
    choices: dict[str, Sequence[type[Model]]] = {tag: [cls] for tag, cls in event_classes(base, dialect).items()}
    return _TaggedHooks("type", choices, converter.get_structure_hook(events.UnknownEvent))


_server_hooks = Lazily(functools.partial(_event_hooks, "server"))
_client_hooks = Lazily(functools.partial(_event_hooks, "client"))
