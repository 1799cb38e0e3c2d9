"""What the annotations of the models mean, read in one place for the converter and for the check."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

import attrs

from openai_realtime.models.base import Model, Unset

T = TypeVar("T")


class Lazily(dict[str, T], Generic[T]):
    """A table whose values are made by `make` when they are first wanted, from their keys."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: str) -> T:
        value = self[key] = self._make(key)
        return value


@functools.cache
def field_hints(cls: Any) -> dict[str, Any]:
    """List the fields of `cls` that travel, by wire name, with their full annotations."""
    return {field.name: field_hint(cls, field.name) for field in attrs.fields(cls) if not field.metadata}


@functools.cache
def field_hint(cls: Any, name: str) -> Any:
    """Give the full annotation of one field of `cls`; those of the others are not evaluated."""
    home = next(base for base in cls.__mro__ if name in _annotations(base))
    annotation = _annotations(home)[name]
    return _maybe(_evaluated(annotation, home.__module__) if isinstance(annotation, str) else annotation)


def _maybe(hint: Any) -> Any:
    """``Maybe[T]`` of ``Assigned[T]``: both may be absent. Only a type checker tells them apart."""
    inner, constraints = bare(hint)
    if Unset not in constraints:
        return hint
    rest = tuple(constraint for constraint in constraints if constraint is not Unset)
    return (Annotated[(inner, *rest)] if rest else inner) | Unset


_annotations = functools.cache(inspect.get_annotations)


@functools.cache
def _evaluated(annotation: str, module: str) -> Any:
    """Evaluate an annotation, once for all fields that have it: typing.get_type_hints takes 4 times as long."""
    return eval(annotation, vars(sys.modules[module]))  # noqa: S307  - it is our own source


def origin(hint: Any) -> Any:
    """``Sequence`` of ``Sequence[str]``; None where there is none. To type checkers typing's own is something else."""
    return get_origin(hint)


def is_union(hint: Any) -> bool:
    """Whether `hint` is a union, in either spelling."""
    return get_origin(hint) in (Union, UnionType)


def members(hint: Any) -> tuple[Any, ...]:
    """List the members of a union, without absent and null; of anything else the hint itself."""
    parts = get_args(hint) if is_union(hint) else (hint,)
    return tuple(part for part in parts if part is not Unset and part is not NoneType)


def allows(hint: Any, kind: type) -> bool:
    """Whether a union has `kind` (NoneType, Unset) among its members."""
    return kind in get_args(hint)


def bare(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Give the hint inside ``Annotated``, and the constraints around it."""
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
    """List the values of `key` that make an object a `hint`; none for what has no such tag."""
    tag = field_hint(hint, key) if is_model(hint) and hasattr(hint, key) else None
    return get_args(tag) if get_origin(tag) is Literal else ()


def is_scalar(value: Any, hint: Any) -> bool:
    """Whether `value` is of the JSON type that `hint` names. True is no number here, and 1 is a float."""
    if get_origin(hint) is Literal:
        return any(_same_type(value, choice) and value == choice for choice in get_args(hint))
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if hint is str:
        return isinstance(value, str)
    if isinstance(value, int):
        return hint in (int, float) and -(2**63) <= value < 2**64
    return hint is float and isinstance(value, float) and math.isfinite(value)


def _same_type(value: Any, choice: Any) -> bool:
    """Whether both are strings, of a StrEnum too, or of one class: True equals 1 and is another JSON value."""
    return type(value) is type(choice) or (isinstance(value, str) and isinstance(choice, str))
