"""Problems of a request in the API's words.

What is a problem, the codec's check decides for client and emulator alike; only the words and codes are the API's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openai_realtime._codec.hints import field_hints
from openai_realtime._problems import Problem, Summary
from openai_realtime.errors import InvalidRequestError
from openai_realtime.models.audio import AudioPcm
from openai_realtime.models.base import Model
from openai_realtime.models.constraints import AnyOf, Between, JsonTypes, Length, Pattern

from .errors import Refusal, listed

_TYPES = {
    "null": "null",
    "string": "a string",
    "integer": "an integer",
    "number": "a decimal",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
    "any": "a value",
}


def refusal(error: InvalidRequestError) -> Refusal:
    """Make the refusal of a request with problems: the API names the first one only."""
    problem = error.problems[0]
    match problem.kind:
        case "unknown_parameter":
            return Refusal(f"Unknown parameter: '{problem.path}'.", code=problem.kind, param=problem.path)
        case "missing_required_parameter":
            return _missing(problem)
        case "invalid_type":
            return _wrong_type(problem)
        case _:
            return _wrong_value(problem)


_RATE = Between(24_000, 24_000)


def check_rates(request: Model) -> None:
    """Refuse what only OpenAI refuses: PCM of another rate than 24 kHz, which compatible servers take."""
    for path, rate in _rates(request, ""):
        if rate != _RATE.low:
            raise refusal(InvalidRequestError([Problem(path, "invalid_value", rate, _RATE)]))


def _rates(value: Any, path: str) -> Iterator[tuple[str, int]]:
    """The rates of all PCM formats in `value`, with their paths."""
    if isinstance(value, AudioPcm):
        yield f"{path}.rate", value.rate
    elif isinstance(value, Model):
        cls: Any = type(value)
        for name in field_hints(cls):
            yield from _rates(getattr(value, name), f"{path}.{name}" if path else name)


def _missing(problem: Problem) -> Refusal:
    """One required field, or one of several, of which the first is named."""
    path = problem.path
    if isinstance(problem.constraint, AnyOf):
        path += f".{problem.constraint.names[0]}"
    return Refusal(f"Missing required parameter: '{path}'.", code=problem.kind, param=path)


def _wrong_type(problem: Problem) -> Refusal:
    names = problem.constraint.names if isinstance(problem.constraint, JsonTypes) else ()
    wanted = [_TYPES[name] for name in names]
    if problem.choices and "string" not in names:
        wanted.insert(sum(name in ("integer", "number", "boolean") for name in names), _quoted(problem.choices))
    expected = wanted[0] if len(wanted) == 1 else "one of " + " or ".join(wanted)
    given = _TYPES[problem.value_type]
    message = f"Invalid type for '{problem.path}': expected {expected}, but got {given} instead."
    return Refusal(message, code="invalid_type", param=problem.path)


def _wrong_value(problem: Problem) -> Refusal:
    limit = problem.constraint.between if isinstance(problem.constraint, JsonTypes) else problem.constraint
    if isinstance(limit, Between) and problem.value_type in ("integer", "number"):
        return _out_of_range(problem, limit)
    if isinstance(limit, Length):
        return _wrong_length(problem, limit)
    if isinstance(limit, Pattern):
        return _no_match(problem, limit)
    if problem.value_type != "string" or not problem.choices:
        return _wrong_type(problem)
    given = problem.value.text if isinstance(problem.value, Summary) else repr(problem.value)
    message = f"Invalid value: {given}. Supported values are: {listed([*map(repr, problem.choices)])}."
    return Refusal(message, code="invalid_value", param=problem.path)


def _no_match(problem: Problem, pattern: Pattern) -> Refusal:
    path = problem.path
    message = f"Invalid '{path}': string does not match pattern. Expected a string that matches '{pattern.regex}'."
    return Refusal(message, code="invalid_value", param=path)


def _out_of_range(problem: Problem, limits: Between) -> Refusal:
    # The API's word follows the field's type, which shows in its limits.
    kind = "decimal" if isinstance(limits.low, float) else "integer"
    if problem.value > limits.high:
        side, sign, limit = "above max", "<=", limits.high
    else:
        side, sign, limit = "below min", ">=", limits.low
    return Refusal(
        f"Invalid '{problem.path}': {kind} {side}imum value. "
        f"Expected a value {sign} {limit:g}, but got {problem.value} instead.",
        code=f"{kind}_{side.replace(' ', '_')}_value",
        param=problem.path,
    )


def _wrong_length(problem: Problem, limits: Length) -> Refusal:
    path, value = problem.path, problem.value
    kind, an = ("string", "a string") if problem.value_type == "string" else ("array", "an array")
    length = value.length if isinstance(value, Summary) else len(value)
    if not length:
        text = f"empty {kind}. Expected {an} with minimum length {limits.low}, but got an empty {kind} instead."
        return Refusal(f"Invalid '{path}': {text}", code=f"empty_{kind}", param=path)
    text = f"{kind} too long. Expected {an} with maximum length {limits.high}, but got {an} with length {length}"
    return Refusal(f"Invalid '{path}': {text} instead.", code=f"{kind}_above_max_length", param=path)


def _quoted(choices: tuple[str, ...]) -> str:
    return ", ".join(map(repr, choices))
