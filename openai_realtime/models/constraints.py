"""What a field of a request has to meet. Each constraint reads as the end of a sentence: "9 is not between 1 and 5"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import attrs

__all__ = ["AnyOf", "Between", "JsonTypes", "Length", "Pattern"]


@attrs.frozen
class Between:
    """A number from `low` to `high`, both included; ``Annotated[float, Between(0.0, 1.0)]``."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"between {self.low:g} and {self.high:g}"


@attrs.frozen
class Length:
    """A string, list or object of `low` to `high` elements; `meaning` says in words which."""

    low: int
    high: int | None = None
    meaning: str = ""

    def __str__(self) -> str:
        if self.meaning:
            return self.meaning
        return f"of length {self.low} or more" if self.high is None else f"of length {self.low} to {self.high}"


@attrs.frozen
class Pattern:
    """A string that the regular expression `regex` matches from end to end; `meaning` says in words what that is."""

    regex: str
    meaning: str = ""

    def __str__(self) -> str:
        return self.meaning or f"a match of {self.regex}"


@attrs.frozen
class AnyOf:
    """An object in which at least one of the fields `names` is set."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(self.names)


_WORDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "any": "a JSON value",
}


@attrs.frozen
class JsonTypes:
    """A value of one of the JSON types `names`; of ``any`` type, whatever JSON can hold.

    `between` limits numbers. Objects have one of the types `tags`, if there are any; `classes` are the models for
    them, or for the items of a list, where a model is wanted, with some `advice` on how to come by one.
    """

    names: tuple[str, ...]
    between: Between | None = None
    tags: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    advice: str = ""

    def __str__(self) -> str:
        return " or ".join(map(self._word, self.names))

    def _word(self, name: str) -> str:
        if name in ("integer", "number") and self.between:
            return f"{_WORDS[name]} {self.between}"
        if name in ("object", "array") and self.classes:
            advice = f" ({self.advice})" if self.advice else ""
            return ("a list of " if name == "array" else "") + " or ".join(self.classes) + advice
        if name == "object" and self.tags:
            return "an object with type " + " or ".join(map(repr, self.tags))
        return _WORDS[name]


def unmet(value: Any, constraints: Sequence[Any]) -> Iterator[Between | Length | Pattern]:
    """Give the constraints of ``Annotated`` that `value`, which is of the right type, does not meet."""
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
