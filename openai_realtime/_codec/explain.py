"""The problems of a bad request, by their paths.

Only `check` calls it, when a request did not pass.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import attrs

from openai_realtime._problems import Problem, Summary
from openai_realtime.models.base import UNSET, Model, UnknownObject, Unset, masked
from openai_realtime.models.constraints import AnyOf, Between, JsonTypes, unmet
from openai_realtime.models.suggestions import places

from .annotations import allows, bare, field_hints, is_model, is_scalar, members, tags

_MAX_PROBLEMS = 1000  # a body of many megabytes may be wrong at every place
_MAX_SUGGESTIONS = 20
_MAX_KEY = 80


@attrs.frozen
class _UnknownField(Problem):
    """A field that the model `cls` does not have; what may have been meant is still to be looked for."""

    name: str = ""
    cls: Any = None

    def suggested(self) -> Problem:
        """Give the problem with its suggestion, or else with all the names that are known."""
        choices = places(self.cls, self.name) or tuple(field_hints(self.cls))
        return Problem(self.path, self.kind, choices=choices)


def explain(request: Any, hint: Any) -> tuple[Problem, ...]:
    """Find the problems of `request`, where `hint` is wanted: every one, or the first 1,000 and that there are more."""
    try:
        problems = _first(_value_problems(request, hint, ""))
    except RecursionError:  # also for a value that holds itself
        return (Problem("", "invalid_value", Summary("object", "a value nested this deeply"), "JSON"),)
    if len(problems) > _MAX_PROBLEMS:
        problems[-1] = Problem(
            "", "invalid_value", Summary("object", f"one with over {_MAX_PROBLEMS} problems"), "valid"
        )
    unknown = [index for index, problem in enumerate(problems) if isinstance(problem, _UnknownField)]
    for index in unknown:
        problem: Any = problems[index]
        wanted = index in unknown[:_MAX_SUGGESTIONS]
        problems[index] = problem.suggested() if wanted else Problem(problem.path, problem.kind)
    return tuple(problems)


def _first(problems: Iterable[Problem]) -> list[Problem]:
    """Take as many as are told, and one by which it is known that there are more."""
    return [*itertools.islice(problems, _MAX_PROBLEMS + 1)]


def _model_problems(model: Model, path: str) -> Iterator[Problem]:
    """Find the problems of one model and of all that it holds."""
    cls: Any = type(model)
    hints, fields = field_hints(cls), attrs.fields_dict(cls)
    extra = model.extra or {}
    if not isinstance(extra, Mapping):
        yield Problem(_join(path, "extra"), "invalid_type", extra, JsonTypes(("object",)))
        return
    for name, hint in hints.items():
        if name in extra:  # which takes its place
            continue
        for problem in _value_problems(getattr(model, name), hint, _join(path, name)):
            yield _hidden(problem) if fields[name].repr is masked else problem
    for name in model.raw or ():
        if not isinstance(name, str):
            yield _key_problem(name, path)
        elif name not in hints and not getattr(model, "any_fields", False):
            yield _UnknownField(_join(path, name), "unknown_parameter", name=name, cls=cls)
    choices: tuple[str, ...] = getattr(model, "any_of", ())
    if choices and all(getattr(model, name) in (UNSET, None) and name not in extra for name in choices):
        yield Problem(path, "missing_required_parameter", constraint=AnyOf(choices))


def _hidden(problem: Problem) -> Problem:
    """Make the problem of a secret: nothing of it, but for its type."""
    return attrs.evolve(problem, value=Summary(problem.value_type, "the value"))


def _value_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    """Find the problems of `value` where `hint` is wanted."""
    if value is UNSET:
        if not allows(hint, Unset):
            yield Problem(path, "missing_required_parameter", None, *describe(hint))
    elif value is None and hint is not Any:
        if not allows(hint, NoneType):
            yield Problem(path, "invalid_type", None, *describe(hint))
    else:
        yield from _member_problems(value, hint, path)


def _member_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    """Find the problems with the union's member that `value` comes closest to."""
    parts = _choices(hint)
    known = isinstance(value, Model) and not isinstance(value, UnknownObject)
    same = [part for part in parts if type(value) is part] if known else []
    found = [_first(_single_problems(value, part, path)) for part in same or parts]
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
    """Find the problem of an object whose ``type``, or then ``role``, is absent or unknown among the models `parts`."""
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
    """Find the problems of the type, and of the constraints if the type is right."""
    found = _first(_type_problems(value, hint, path))
    yield from found
    if all(problem.path != path for problem in found):
        yield from (Problem(path, "invalid_value", value, limit) for limit in unmet(value, bare(hint)[1]))


def _type_problems(value: Any, hint: Any, path: str) -> Iterator[Problem]:
    hint, constraints = bare(hint)
    if is_model(hint):
        # Exactly this class: a session as the server answered it has fields that the server would refuse.
        if type(value) is not hint or (hint is UnknownObject and value.extra is None):
            yield Problem(path, "invalid_type", value, *_wanted(value, hint))
        else:
            yield from _model_problems(value, path)
    elif get_origin(hint) is Sequence:
        yield from _sequence_problems(value, get_args(hint)[0], path)
    elif get_origin(hint) is Mapping:
        yield from _mapping_problems(value, get_args(hint)[1], path)
    elif hint is Any:
        yield from _json_problems(value, path)
    elif not is_scalar(value, hint):
        kind = _kind(value) if get_origin(hint) is Literal else "invalid_type"
        yield Problem(path, kind, value, *describe(hint, constraints))


def _kind(value: Any) -> str:
    """Name the kind of a problem with a value that is none of several choices."""
    return "invalid_value" if isinstance(value, str | int | float) else "invalid_type"


def _sequence_problems(value: Any, item: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, list | tuple):
        classes = () if isinstance(value, dict) else _models(item)
        wanted = JsonTypes(("array",), classes=classes, advice=_advice(value, classes) if classes else "")
        yield Problem(path, "invalid_type", value, wanted)
        return
    for index, element in enumerate(value):
        yield from _value_problems(element, item, f"{path}[{index}]")


def _mapping_problems(value: Any, item: Any, path: str) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield Problem(path, "invalid_type", value, JsonTypes(("object",)))
        return
    for key, element in value.items():
        if is_scalar(key, str):
            yield from _value_problems(element, item, _join(path, key))
        else:
            yield _key_problem(key, path)


def _key_problem(key: object, path: str) -> Problem:
    return Problem(path, "invalid_type", Summary("object", f"the key {key!r}"), JsonTypes(("string",)))


def _json_problems(value: Any, path: str) -> Iterator[Problem]:
    """Find the problems of a free-form value: it must be something that JSON can hold."""
    if isinstance(value, Mapping):
        yield from _mapping_problems(value, Any, path)
    elif isinstance(value, list | tuple):
        yield from _sequence_problems(value, Any, path)
    elif value is not None and not any(is_scalar(value, kind) for kind in (str, bool, int, float)):
        yield Problem(path, "invalid_type", value, JsonTypes(("any",)))


def _choices(hint: Any) -> tuple[Any, ...]:
    """List the members of a union; of an open set, ``Literal[...] | str``, without the known values."""
    parts = members(hint)
    return tuple(part for part in parts if get_origin(part) is not Literal) if str in parts else parts


Wanted = tuple[JsonTypes | None, tuple[str, ...]]
"""What a hint allows: JSON types and named strings."""


def _wanted(value: Any, hint: Any) -> Wanted:
    """Say what `hint` allows: by class for who made another object or a dict, in words for who wrote a JSON file."""
    names = _classes(value, hint)
    if not names:
        return describe(hint)
    return JsonTypes(("object",), classes=names, advice=_advice(value, names)), ()


def _advice(value: Any, names: tuple[str, ...]) -> str:
    """Say how to come by one of the models `names`."""
    if isinstance(value, dict):
        return "structure_request makes one from a dict"
    is_of_functions = "FunctionTool" in names and not isinstance(value, Model)
    return "such as the definitions of openai_realtime.tools.Tools" if is_of_functions else ""


def _classes(value: Any, hint: Any) -> tuple[str, ...]:
    """Name the models that `hint` allows in place of `value`; none if that is what stands in a JSON file."""
    if isinstance(value, str | int | float | list | tuple | UnknownObject):
        return ()
    return _models(hint)


def _models(hint: Any) -> tuple[str, ...]:
    """Name the models that `hint` allows."""
    return tuple(part.__name__ for part in members(hint) if is_model(part) and part is not UnknownObject)


_TYPE_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any"}


@functools.cache
def describe(hint: Any, constraints: tuple[Any, ...] = ()) -> Wanted:
    """Say what a hint allows, as data: the JSON types with their limits, and the strings that are named."""
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


def _join(path: str, name: str) -> str:
    name = name if len(name) <= _MAX_KEY else name[:_MAX_KEY] + "…"
    return f"{path}.{name}" if path else name
