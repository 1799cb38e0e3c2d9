"""What the annotations of the models mean, read in one place for the converter and for validation."""

from __future__ import annotations

import functools
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from .base import Model, Unset


@functools.cache
def field_hints(cls: Any) -> dict[str, Any]:
    """The fields of `cls` that travel, by wire name, with their full annotations."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in attrs.fields(cls) if not field.metadata}


def origin(hint: Any) -> Any:
    """``Sequence`` of ``Sequence[str]``; None where there is none."""
    return get_origin(hint)


def is_union(hint: Any) -> bool:
    """Whether `hint` is a union, in either spelling."""
    return get_origin(hint) in (Union, UnionType)


def members(hint: Any) -> tuple[Any, ...]:
    """The members of a union, without absent and null; of anything else the hint itself."""
    parts = get_args(hint) if is_union(hint) else (hint,)
    return tuple(part for part in parts if part is not Unset and part is not NoneType)


def allows(hint: Any, kind: type) -> bool:
    """Whether a union has `kind` (NoneType, Unset) among its members."""
    return kind in get_args(hint)


def bare(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The hint inside ``Annotated``, and the constraints around it."""
    if get_origin(hint) is Annotated:
        inner, *constraints = get_args(hint)
        return inner, tuple(constraints)
    return hint, ()


@functools.cache
def plain(hint: Any) -> bool:
    """Whether no model is anywhere inside `hint`, so that its JSON is its value."""
    if is_model(hint):
        return False
    return all(plain(part) for part in get_args(hint) if isinstance(part, type) or get_origin(part))


def is_model(hint: Any) -> bool:
    """Whether `hint` is a model class."""
    return isinstance(hint, type) and issubclass(hint, Model)


def tags(hint: Any, key: str = "type") -> tuple[str, ...]:
    """The values of `key` that make an object a `hint`; none for what has no such tag."""
    tag = field_hints(hint).get(key) if is_model(hint) else None
    return get_args(tag) if get_origin(tag) is Literal else ()
