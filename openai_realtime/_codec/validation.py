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

from openai_realtime._problems import Problem, Summary
from openai_realtime.errors import InvalidRequestError
from openai_realtime.models.base import UNSET, Model, UnknownObject, Unset, masked
from openai_realtime.models.constraints import AnyOf, Between, JsonTypes, Length, Pattern

from .codegen import generated
from .hints import allows, bare, field_hints, is_model, is_union, members, tags


def check(request: Any, cls: type[Model] | None = None) -> None:
    """Raise InvalidRequestError with every problem of `request`, and if it is no `cls`."""
    hint: Any = cls or type(request)
    try:
        problems = () if _test(hint)(request) else tuple(value_problems(request, hint, ""))
    except RecursionError:  # also for a value that holds itself
        problems = (Problem("", "invalid_value", Summary("object", "a value nested this deeply"), "JSON"),)
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
            yield _hidden(problem) if fields[name].repr is masked else problem
    for name in model.raw or ():
        if not isinstance(name, str):
            yield _key_problem(name, path)
        elif name not in hints and not getattr(model, "any_fields", False):
            yield Problem(_join(path, name), "unknown_parameter", choices=_nearest(name, hints))
    choices: tuple[str, ...] = getattr(model, "any_of", ())
    if choices and all(getattr(model, name) in (UNSET, None) for name in choices):
        yield Problem(path, "missing_required_parameter", constraint=AnyOf(choices))


def _hidden(problem: Problem) -> Problem:
    """The problem of a secret: nothing of it, but for its type."""
    return attrs.evolve(problem, value=Summary(problem.value_type, "the value"))


def value_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    """The problems of `value` where `hint` is wanted."""
    if value is UNSET:
        if not allows(hint, Unset):
            yield Problem(path, "missing_required_parameter", None, *describe(hint))
    elif value is None and hint is not Any:
        if not allows(hint, NoneType):
            yield Problem(path, "invalid_type", None, *describe(hint))
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
        kind = "invalid_value" if any(p.kind == "invalid_value" for ps in found for p in ps) else "invalid_type"
        yield Problem(path, kind, value, *_wanted(value, hint))


def _tag_problem(value: Any, parts: Sequence[Any], path: str, key: str = "type") -> Problem | None:
    """The problem of an object whose ``type``, or then ``role``, is absent or unknown among the models `parts`."""
    allowed = tuple(dict.fromkeys(tag for part in parts for tag in tags(part, key)))
    if not allowed or not isinstance(value, UnknownObject | dict):
        return None
    fields = value if isinstance(value, dict) else {**(value.raw or {}), "type": value.type}
    tag = fields.get(key, UNSET)
    same = [part for part in parts if tag in tags(part, key)]
    if same:
        return _tag_problem(value, same, path, "role") if key == "type" else None
    if tag is UNSET:
        return Problem(_join(path, key), "missing_required_parameter", choices=allowed)
    return Problem(_join(path, key), _kind(tag), tag, choices=allowed)


def _single_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    """The problems of the type, and of the constraints if the type is right."""
    found = list(_type_problems(value, hint, path))
    yield from found
    if all(problem.path != path for problem in found):
        yield from (Problem(path, "invalid_value", value, limit) for limit in _broken(value, bare(hint)[1]))


def _type_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    hint, constraints = bare(hint)
    if is_model(hint):
        # Exactly this class: a session as the server answered it has fields that the server would refuse.
        if type(value) is not hint or hint is UnknownObject:
            yield Problem(path, "invalid_type", value, *_wanted(value, hint))
        else:
            yield from model_problems(value, path)
    elif get_origin(hint) is Sequence:
        yield from _sequence_problems(value, get_args(hint)[0], path)
    elif get_origin(hint) is Mapping:
        yield from _mapping_problems(value, get_args(hint)[1], path)
    elif hint is Any:
        yield from json_problems(value, path)
    elif not _is_scalar(value, hint):
        kind = _kind(value) if get_origin(hint) is Literal else "invalid_type"
        yield Problem(path, kind, value, *describe(hint, constraints))


def _kind(value: Any) -> str:
    """The kind of a problem with a value that is none of several choices."""
    return "invalid_value" if isinstance(value, str | int | float) else "invalid_type"


def _sequence_problems(value: Any, item: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, list | tuple):
        yield Problem(path, "invalid_type", value, JsonTypes(("array",)))
        return
    for index, element in enumerate(value):
        yield from value_problems(element, item, f"{path}[{index}]")


def _mapping_problems(value: Any, item: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem(path, "invalid_type", value, JsonTypes(("object",)))
        return
    for key, element in value.items():
        if _is_scalar(key, str):
            yield from value_problems(element, item, _join(path, key))
        else:
            yield _key_problem(key, path)


def _key_problem(key: object, path: str) -> Problem:
    return Problem(path, "invalid_type", Summary("object", f"the key {key!r}"), JsonTypes(("string",)))


def json_problems(value: Any, path: str) -> Iterator[Problem]:
    """The problems of a free-form value: it must be something that JSON can hold."""
    if isinstance(value, Mapping):
        yield from _mapping_problems(value, Any, path)
    elif isinstance(value, list | tuple):
        yield from _sequence_problems(value, Any, path)
    elif value is not None and not any(_is_scalar(value, kind) for kind in (str, bool, int, float)):
        yield Problem(path, "invalid_type", value, JsonTypes(("any",)))


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


def _broken(value: Any, constraints: Sequence[Any]) -> Iterator[Between | Length | Pattern]:
    """The constraints of ``Annotated`` that `value`, which is of the right type, does not meet."""
    for constraint in constraints:
        match constraint:
            case Between(low, high) if not low <= value <= high:
                yield constraint
            case Length(low, high) if not low <= len(value) <= (high or len(value)):
                yield constraint
            case Pattern(regex) if not re.fullmatch(regex, value):
                yield constraint
            case _:
                pass


def _choices(hint: Any) -> tuple[Any, ...]:
    """The members of a union; of an open set, ``Literal[...] | str``, without the known values."""
    parts = members(hint)
    return tuple(part for part in parts if get_origin(part) is not Literal) if str in parts else parts


Wanted = tuple[JsonTypes | None, tuple[str, ...]]
"""What a hint allows: JSON types and named strings."""


def _wanted(value: Any, hint: Any) -> Wanted:
    """What `hint` allows: by class for who made another model or a dict, in words for who wrote a JSON file."""
    names = tuple(part.__name__ for part in members(hint) if is_model(part) and part is not UnknownObject)
    if not names or not isinstance(value, Model | dict) or isinstance(value, UnknownObject):
        return describe(hint)
    advice = "structure_request makes one from a dict" if isinstance(value, dict) else ""
    return JsonTypes(("object",), classes=names, advice=advice), ()


_TYPE_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any"}


def describe(hint: Any, constraints: Sequence[Any] = ()) -> Wanted:
    """What a hint allows, as data: the JSON types with their limits, and the strings that are named."""
    names: dict[str, None] = {}
    choices: list[str] = []
    limits = [limit for limit in constraints if isinstance(limit, Between)]
    for part in _choices(hint):
        inner, more = bare(part)
        limits += [limit for limit in more if isinstance(limit, Between)]
        if get_origin(inner) is Literal:
            choices += get_args(inner)
        elif inner is not UnknownObject:
            names[_type_name(inner)] = None
    models = [part for part in members(hint) if is_model(part) and part is not UnknownObject]
    found = [tags(model) for model in models]
    known = tuple(dict.fromkeys(tag for names in found for tag in names)) if all(found) else ()
    types = JsonTypes(tuple(names), limits[0] if limits else None, known) if names else None
    return types, tuple(choices)


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Sequence:
        return "array"
    return _TYPE_NAMES.get(hint, "object")


def _nearest(name: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    """The known name that may have been meant, or else all of them."""
    import difflib  # noqa: PLC0415 - for a wrong name only

    return tuple(difflib.get_close_matches(name, known, 1, 0.6)) or tuple(known)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
