"""Problems of a request in the API's words.

What is a problem, `openai_realtime.validation` decides for client and emulator alike; only the wording is the API's.
"""

from __future__ import annotations

import re

import attrs

from openai_realtime.errors import InvalidRequestError, Problem

from .errors import Refusal, listed

_ALLOWED_KINDS = {
    "a string": "a string",
    "an integer": "an integer",
    "a number": "a decimal",
    "a boolean": "a boolean",
    "a list": "an array",
}
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"


def refusal(error: InvalidRequestError) -> Refusal:
    """The refusal of a request with problems: the API names the first one only."""
    problem = error.problems[0]
    # The API says "an object" where we also say which.
    problem = attrs.evolve(problem, allowed=re.sub(r" with type .*", "", problem.allowed))
    match problem.code:
        case "unknown_parameter":
            return Refusal(f"Unknown parameter: '{problem.path}'.", code=problem.code, param=problem.path)
        case "missing_required_parameter":
            return _missing(problem)
        case "invalid_type":
            return _wrong_type(problem)
        case _:
            return _wrong_value(problem)


def _missing(problem: Problem) -> Refusal:
    """One required field, or one of several, of which the first is named."""
    choices = re.fullmatch(r"one of (\w+)(?:, \w+)*", problem.allowed)
    path = f"{problem.path}.{choices[1]}" if choices else problem.path
    return Refusal(f"Missing required parameter: '{path}'.", code=problem.code, param=path)


def _wrong_type(problem: Problem) -> Refusal:
    names = problem.allowed.replace("true or false", "a boolean").split(" or ")
    wanted = list(dict.fromkeys(map(_allowed_kind, names)))
    if "a string" in wanted:  # an open set: its known names are of no interest
        wanted = [kind for kind in wanted if "'" not in kind]
    expected = wanted[0] if len(wanted) == 1 else "one of " + " or ".join(wanted)
    message = f"Invalid type for '{problem.path}': expected {expected}, but got {_given_kind(problem.given)} instead."
    return Refusal(message, code="invalid_type", param=problem.path)


def _allowed_kind(text: str) -> str:
    """The JSON kind that `validation.describe` names. A class name stands for an object, choices for themselves."""
    if "'" in text:
        return text.removeprefix("one of ")
    return next((kind for word, kind in _ALLOWED_KINDS.items() if text.startswith(word)), "an object")


def _given_kind(text: str) -> str:
    """The JSON kind of a value of which only its description is known."""
    if text == "null":
        return "null"
    if text in ("true", "false"):
        return "a boolean"
    if re.fullmatch(_NUMBER, text):
        return "an integer" if text.lstrip("-").isdigit() else "a decimal"
    if text.startswith("a list of "):
        return "an array"
    return "a string" if text[0] in "'\"" else "an object"


def _wrong_value(problem: Problem) -> Refusal:
    limits = re.search(rf"between ({_NUMBER}) and ({_NUMBER})|^({_NUMBER})$", problem.allowed)
    if limits and re.fullmatch(_NUMBER, problem.given):
        low, high = (limits[1], limits[2]) if limits[1] else (limits[3], limits[3])
        return _out_of_range(problem, low, high)
    if problem.given.startswith("a list of ") or problem.allowed.startswith("of length"):
        return _wrong_length(problem)
    choices = re.findall(r"'[^']*'", problem.allowed)
    if choices and _given_kind(problem.given) != "a string":
        return _wrong_type(problem)
    if choices:
        message = f"Invalid value: {problem.given}. Supported values are: {listed(choices)}."
        return Refusal(message, code="invalid_value", param=problem.path)
    pattern = problem.allowed.removeprefix("a match of ")
    message = f"Invalid '{problem.path}': string does not match pattern. Expected a string that matches '{pattern}'."
    return Refusal(message, code="invalid_value", param=problem.path)


def _out_of_range(problem: Problem, low: str, high: str) -> Refusal:
    # The API's word follows the field's type, which shows in its limits: fractions, or a share of one.
    kind = "decimal" if "." in low + high or (low, high) == ("0", "1") else "integer"
    above = float(problem.given) > float(high)
    side, sign, limit = ("above max", "<=", high) if above else ("below min", ">=", low)
    return Refusal(
        f"Invalid '{problem.path}': {kind} {side}imum value. "
        f"Expected a value {sign} {limit}, but got {problem.given} instead.",
        code=f"{kind}_{side.replace(' ', '_')}_value",
        param=problem.path,
    )


def _wrong_length(problem: Problem) -> Refusal:
    path, kind = problem.path, "array" if problem.given.startswith("a list of ") else "string"
    low, high = re.findall(r"\d+", problem.allowed)[0], re.findall(r"\d+", problem.allowed)[-1]
    if problem.given in ("a list of 0", "''"):
        text = f"empty {kind}. Expected a{'n' * (kind == 'array')} {kind} with minimum length {low}"
        got = f"an empty {kind}"
        return Refusal(f"Invalid '{path}': {text}, but got {got} instead.", code=f"empty_{kind}", param=path)
    size = problem.given.removeprefix("a list of ")
    text = f"array too long. Expected an array with maximum length {high}, but got an array with length {size} instead."
    return Refusal(f"Invalid '{path}': {text}", code="array_above_max_length", param=path)
