"""The check of a request before any network use.

It walks the attrs instances along their annotations. What was read tolerantly from a file is checked the same way,
because the tolerant reading keeps wrong values where they are and unknown fields in `raw`. A good request passes here;
of a bad one `explain` finds every problem with its path, which takes twenty times as long.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import attrs

from openai_realtime.errors import InvalidRequestError
from openai_realtime.models.base import Model, UnknownObject
from openai_realtime.models.constraints import Length, unmet

from .annotations import Lazily, allows, bare, field_hints, is_model, is_scalar, is_union, members

Test = Callable[[Any], bool]
"""True for a value that is right; False for one that has problems, or that only `explain` can tell."""


def check(request: Any, cls: type[Model] | None = None) -> None:
    """Raise InvalidRequestError with every problem of `request`, and if it is no `cls`."""
    hint: Any = cls or type(request)
    try:
        if _test(hint)(request):
            return
    except RecursionError:  # a value that holds itself, which is a problem like others
        pass
    from .explain import explain  # noqa: PLC0415 - most requests are right

    problems = explain(request, hint)
    if problems:
        raise InvalidRequestError(problems)


@functools.cache
def _test(hint: Any) -> Test:  # noqa: PLR0911
    hint, constraints = bare(hint)
    if is_model(hint):
        return _model_test(hint)
    if is_union(hint):
        return _union_test(hint)
    if get_origin(hint) is Literal:
        choices = frozenset(choice for choice in get_args(hint) if type(choice) is str)
        return lambda value: type(value) is str and value in choices
    if get_origin(hint) is Sequence:
        item = _test(get_args(hint)[0])
        return lambda value: type(value) is list and not constraints and all(map(item, value))
    if get_origin(hint) is Mapping:
        return _mapping_test(get_args(hint)[1], constraints)
    if hint is Any:
        return _is_json
    if hint is str:
        return _text_test(constraints)
    return lambda value: is_scalar(value, hint) and not any(unmet(value, constraints))


def _model_test(cls: Any) -> Test:
    if getattr(cls, "any_of", ()) or cls is UnknownObject:
        return lambda _: False
    hints = field_hints(cls)
    defaults = [(name, attrs.fields_dict(cls)[name].default) for name in hints]
    # Each test is made when it is first wanted: most fields of most requests are not set.
    tests = Lazily(lambda name: _test(hints[name]))

    def is_right(model: Any) -> bool:
        if type(model) is not cls or model.raw or model.extra:
            return False
        for name, default in defaults:
            value = getattr(model, name)
            if value is not default and not tests[name](value):
                return False
        return True

    return is_right


def _union_test(hint: Any) -> Test:
    tests = [_test(part) for part in members(hint)]
    if allows(hint, NoneType):
        tests.append(lambda value: value is None)
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _mapping_test(hint: Any, constraints: Sequence[Any]) -> Test:
    test = _test(hint)

    def is_right(value: Any) -> bool:
        return type(value) is dict and not constraints and all(type(key) is str and test(value[key]) for key in value)

    return is_right


def _is_json(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and _is_json(value[key]) for key in value)
    if type(value) is list:
        return all(map(_is_json, value))
    return value is None or any(is_scalar(value, kind) for kind in (str, bool, int, float))


def _text_test(constraints: Sequence[Any]) -> Test:
    if not all(isinstance(constraint, Length) for constraint in constraints):
        return lambda _: False
    low = max((limit.low for limit in constraints), default=0)
    high = min((limit.high for limit in constraints if limit.high is not None), default=sys.maxsize)
    return lambda value: type(value) is str and low <= len(value) <= high
