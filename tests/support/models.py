"""Strategies that make models, and lists of their classes."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st

from openai_realtime._codec.annotations import allows, bare, field_hints, is_model, is_union
from openai_realtime.models import (
    UNSET,
    Model,
    UnknownObject,
    Unset,
)
from openai_realtime.models.constraints import Between, Length, Pattern


def model_classes(base: type[Model] = Model) -> Iterator[type[Model]]:
    """`base` and what derives from it in the package. attrs makes slotted classes twice: the first is in no module."""
    package = base.__module__.startswith("openai_realtime.")
    if package and getattr(sys.modules[base.__module__], base.__name__, None) is base:
        yield base
        for cls in base.__subclasses__():
            yield from model_classes(cls)


# What REST calls send and get; those of events have tests/test_events.py.
_MODULES = "base http audio tools prompts sessions client_secrets calls translation beta"
_HOMES = {importlib.import_module(f"openai_realtime.models.{name}").__name__ for name in _MODULES.split()}


CLASSES = [cls for cls in dict.fromkeys(model_classes()) if cls.__module__ in _HOMES]  # two bases: found twice


REQUESTS = [cls for cls in CLASSES if cls.__name__.endswith(("Request", "Config"))]


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
