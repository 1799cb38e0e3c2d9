"""The check of a request before any network use: every bad field at once, by its path.

It walks the attrs instances along their annotations. What was read tolerantly from a file is checked the same way,
because the tolerant reading keeps wrong values where they are and unknown fields in `raw`.
"""

from __future__ import annotations

import functools
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import attrs

from openai_realtime._redaction import redact
from openai_realtime.errors import InvalidRequestError, Problem
from openai_realtime.models.base import UNSET, Between, Length, Model, Pattern, UnknownObject, Unset, masked

from .codegen import generated
from .hints import allows, bare, field_hints, is_model, is_union, members, tags

_MAX_GIVEN = 80
_MAX_BITS = 64  # of an integer that JSON parsers agree on


def check(request: Any, cls: type[Model] | None = None) -> None:
    """Raise InvalidRequestError with every problem of `request`, and if it is no `cls`."""
    hint: Any = cls or type(request)
    try:
        problems = () if _test(hint)(request) else tuple(value_problems(request, hint, ""))
    except RecursionError:  # also for a value that holds itself
        problems = (Problem("", "invalid_value", "a value nested this deeply", "JSON"),)
    if problems:
        raise InvalidRequestError(problems)


# --- what has no problem is found so first, twenty times as fast as by looking for problems with their paths ----------

Test = Callable[[Any], bool]
"""True for a value that is right; False for one that has problems, or that only the long way can tell."""


@functools.cache
def _test(hint: Any) -> Test:
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
    if hint is str:
        return _text_test(constraints)
    return lambda value: _is_scalar(value, hint) and not any(_broken(value, constraints))


_TEST = """
def generated(model):
    if type(model) is not cls or model.raw:
        return False
    {lines}
    return True
"""


def _model_test(cls: Any) -> Test:
    if getattr(cls, "any_of", ()) or cls is UnknownObject:
        return lambda _: False
    hints, fields = field_hints(cls), attrs.fields_dict(cls)
    names: dict[str, Any] = {"cls": cls, "tests": _FieldTests(hints)}
    lines = []
    for name in hints:
        names[f"default_{name}"] = fields[name].default
        lines.append(f"if (value := model.{name}) is not default_{name} and not tests[{name!r}](value):")
        lines.append("    return False")
    return generated(cls, _TEST, lines, names)


class _FieldTests(dict[str, Test]):
    """The tests of a model's fields, each made when it is first wanted: most fields of most requests are not set."""

    def __init__(self, hints: Mapping[str, Any]) -> None:
        super().__init__()
        self._hints = hints

    def __missing__(self, name: str) -> Test:
        test = self[name] = _test(self._hints[name])
        return test


def _union_test(hint: Any) -> Test:
    tests = [_test(part) for part in members(hint)]
    if allows(hint, NoneType):
        tests.append(lambda value: value is None)
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _text_test(constraints: Sequence[Any]) -> Test:
    if not all(isinstance(constraint, Length) for constraint in constraints):
        return lambda _: False
    low = max((limit.low for limit in constraints), default=0)
    high = min((limit.high for limit in constraints if limit.high is not None), default=sys.maxsize)
    return lambda value: type(value) is str and low <= len(value) <= high and (value.isascii() or _is_unicode(value))


def model_problems(model: Model, path: str) -> Iterator[Problem]:
    """The problems of one model and of all that it holds."""
    cls: Any = type(model)
    hints, fields = field_hints(cls), attrs.fields_dict(cls)
    for name, hint in hints.items():
        for problem in value_problems(getattr(model, name), hint, _join(path, name)):
            yield attrs.evolve(problem, given="the value") if fields[name].repr is masked else problem
    for name in model.raw or ():
        if not isinstance(name, str):
            yield _key_problem(name, path)
        elif name not in hints and not getattr(model, "any_fields", False):
            yield Problem(_join(path, name), "unknown_parameter", repr(name), _nearest(name, hints))
    choices: tuple[str, ...] = getattr(model, "any_of", ())
    if choices and all(getattr(model, name) in (UNSET, None) for name in choices):
        yield Problem(path, "missing_required_parameter", "nothing", "one of " + ", ".join(choices))


def value_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    """The problems of `value` where `hint` is wanted."""
    if value is UNSET:
        if not allows(hint, Unset):
            yield Problem(path, "missing_required_parameter", "nothing", describe(hint))
    elif value is None and hint is not Any:
        if not allows(hint, NoneType):
            yield Problem(path, "invalid_type", "null", describe(hint))
    else:
        yield from _member_problems(value, hint, path)


def _member_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    """The problems with the union's member that `value` comes closest to."""
    parts = _choices(hint)
    same = [part for part in parts if type(value) is part] if isinstance(value, Model) else []
    found = [list(_single_problems(value, part, path)) for part in same or parts]
    if [] in found:
        return
    inside = next((problems for problems in found if any(problem.path != path for problem in problems)), None)
    if inside is not None:
        yield from inside
    elif (problem := _tag_problem(value, parts, path)) is not None:
        yield problem
    elif len(found) == 1:
        yield from found[0]
    else:
        code = "invalid_value" if any(p.code == "invalid_value" for ps in found for p in ps) else "invalid_type"
        yield Problem(path, code, _given(value), _wanted(value, hint))


def _tag_problem(value: Any, parts: Sequence[Any], path: str, key: str = "type") -> Problem | None:
    """The problem of an object whose ``type``, or then ``role``, is absent or unknown among the models `parts`."""
    allowed = dict.fromkeys(tag for part in parts for tag in tags(part, key))
    if not allowed or not isinstance(value, UnknownObject | dict):
        return None
    fields = value if isinstance(value, dict) else {**(value.raw or {}), "type": value.type}
    tag = fields.get(key, UNSET)
    same = [part for part in parts if tag in tags(part, key)]
    if same:
        return _tag_problem(value, same, path, "role") if key == "type" else None
    code = "missing_required_parameter" if tag is UNSET else _code(tag)
    return Problem(_join(path, key), code, _given(tag), _one_of([*allowed]))


def _single_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    """The problems of the type, and of the constraints if the type is right."""
    found = list(_type_problems(value, hint, path))
    yield from found
    if all(problem.path != path for problem in found):
        yield from (Problem(path, "invalid_value", _given(value), text) for text in _broken(value, bare(hint)[1]))


def _type_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    hint, constraints = bare(hint)
    if is_model(hint):
        # Exactly this class: a session as the server answered it has fields that the server would refuse.
        if type(value) is not hint or hint is UnknownObject:
            yield Problem(path, "invalid_type", _given(value), _wanted(value, hint))
        else:
            yield from model_problems(value, path)
    elif get_origin(hint) is Sequence:
        yield from _sequence_problems(value, get_args(hint)[0], path)
    elif get_origin(hint) is Mapping:
        yield from _mapping_problems(value, get_args(hint)[1], path)
    elif hint is Any:
        yield from json_problems(value, path)
    elif not _is_scalar(value, hint):
        code = _code(value) if get_origin(hint) is Literal else "invalid_type"
        yield Problem(path, code, _given(value), describe(hint, constraints))


def _code(value: Any) -> str:
    """The code of a value that is none of several choices."""
    return "invalid_value" if isinstance(value, str | int | float) else "invalid_type"


def _sequence_problems(value: Any, item: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, list | tuple):
        yield Problem(path, "invalid_type", _given(value), "a list")
        return
    for index, element in enumerate(value):
        yield from value_problems(element, item, f"{path}[{index}]")


def _mapping_problems(value: Any, item: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem(path, "invalid_type", _given(value), "an object")
        return
    for key, element in value.items():
        if _is_scalar(key, str):
            yield from value_problems(element, item, _join(path, key))
        else:
            yield _key_problem(key, path)


def _key_problem(key: object, path: str) -> Problem:
    return Problem(path, "invalid_type", f"the key {key!r}", "a string")


def json_problems(value: Any, path: str) -> Iterator[Problem]:
    """The problems of a free-form value: it must be something that JSON can hold."""
    if isinstance(value, Mapping):
        yield from _mapping_problems(value, Any, path)
    elif isinstance(value, list | tuple):
        yield from _sequence_problems(value, Any, path)
    elif value is not None and not any(_is_scalar(value, kind) for kind in (str, bool, int, float)):
        yield Problem(path, "invalid_type", _given(value), "a JSON value")


def _is_scalar(value: Any, hint: Any) -> bool:
    """Whether `value` is of the JSON type that `hint` names. True is no number here, and 1 is a float."""
    if get_origin(hint) is Literal:
        return any(_same_type(value, choice) and value == choice for choice in get_args(hint))
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if hint is str:
        return isinstance(value, str) and _is_unicode(value)
    if isinstance(value, int):
        return hint in (int, float) and -(2**63) <= value < 2**64
    return hint is float and isinstance(value, float) and math.isfinite(value)


def _same_type(value: Any, choice: Any) -> bool:
    """Whether both are strings, of a StrEnum too, or of one class: True equals 1 and is another JSON value."""
    return type(value) is type(choice) or (isinstance(value, str) and isinstance(choice, str))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _broken(value: Any, constraints: Sequence[Any]) -> Iterator[str]:
    """What the constraints of ``Annotated`` ask for and `value`, which is of the right type, does not meet."""
    for constraint in constraints:
        match constraint:
            case Between(low, high) if not low <= value <= high:
                yield f"between {low:g} and {high:g}"
            case Length(low, high) if not low <= len(value) <= (high or len(value)):
                yield _length(low, high)
            case Pattern(regex, meaning) if not re.fullmatch(regex, value):
                yield meaning or f"a match of {regex}"
            case _:
                pass


def _choices(hint: Any) -> tuple[Any, ...]:
    """The members of a union; of an open set, ``Literal[...] | str``, without the known values."""
    parts = members(hint)
    return tuple(part for part in parts if get_origin(part) is not Literal) if str in parts else parts


def _wanted(value: Any, hint: Any) -> str:
    """What `hint` allows: by class for who made another model or a dict, in words for who wrote a JSON file."""
    if not isinstance(value, Model | dict) or isinstance(value, UnknownObject):
        return describe(hint)
    models = " or ".join(part.__name__ for part in members(hint) if is_model(part) and part is not UnknownObject)
    if models and isinstance(value, dict):
        return f"{models} (structure_request makes one from a dict)"
    return models or describe(hint)


def describe(hint: Any, constraints: Sequence[Any] = ()) -> str:
    """What a hint allows, in words: ``a number between 0.25 and 1.5``, ``'auto' or an object with type 'mcp'``."""
    models = [part for part in _choices(hint) if is_model(part) and part is not UnknownObject]
    parts = [part for part in _choices(hint) if not is_model(part)]
    texts = [_describe_one(part, constraints) for part in parts] + ([_describe_models(models)] if models else [])
    return " or ".join(dict.fromkeys(texts))


def _describe_models(models: Sequence[Any]) -> str:
    """The objects among the choices, by the types they may have."""
    types = [tags(model) for model in models]
    named = dict.fromkeys(repr(tag) for known in types for tag in known)
    return f"an object with type {' or '.join(named)}" if all(types) else "an object"


def _describe_one(hint: Any, constraints: Sequence[Any]) -> str:
    hint, more = bare(hint)
    limits = [limit for limit in (*constraints, *more) if isinstance(limit, Between)]
    words = {str: "a string", int: "an integer", float: "a number", bool: "true or false", Any: "a JSON value"}
    if get_origin(hint) is Literal:
        return _one_of(get_args(hint))
    if get_origin(hint) is Sequence:
        return "a list"
    if get_origin(hint) is Mapping:
        return "an object"
    text = words.get(hint) or hint.__name__
    return text + "".join(f" between {limit.low:g} and {limit.high:g}" for limit in limits)


def _one_of(choices: Sequence[Any]) -> str:
    listed = ", ".join(map(repr, choices))
    return f"one of {listed}" if len(choices) > 1 else listed


def _length(low: int, high: int | None) -> str:
    if low == high:
        return f"a list of exactly {low}"
    return f"of length {low} or more" if high is None else f"of length {low} to {high}"


def _given(value: Any) -> str:
    """`value` for an error text: scalars as they are, shortened, no secrets; of anything else only what it is."""
    if value is None or value is UNSET:
        return "null" if value is None else "nothing"
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:  # Python may refuse to print it
        return f"an integer beyond {_MAX_BITS} bits"
    if isinstance(value, bool | int | float | str):
        text = repr(value).lower() if isinstance(value, bool) else redact(repr(value))
        return text if len(text) <= _MAX_GIVEN else text[:_MAX_GIVEN] + "…"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "a dict" if isinstance(value, dict) else f"a {type(value).__name__}"


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    import difflib  # noqa: PLC0415 - for a wrong name only

    close = difflib.get_close_matches(name, known, 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else "known are " + ", ".join(known)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
