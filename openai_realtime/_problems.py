"""What is wrong with a request, as data. The sentences that people read are made from it."""

from __future__ import annotations

from typing import Any, Final

import attrs

from ._redaction import redact

_MAX_SHOWN: Final = 80
_MAX_SEARCHED: Final = 10_000  # characters of a text in which secrets are looked for; no more of it is kept
_MAX_BITS: Final = 64  # of an integer that JSON parsers agree on, and that Python is sure to print

_JSON_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


@attrs.frozen
class Summary:
    """What a problem keeps of a value that is secret, long, or no scalar.

    `type` is its JSON type (``object`` for what JSON does not have), `text` how it reads, `length` that of a string,
    list or object.
    """

    type: str
    text: str
    length: int | None = None


def summarized(value: Any) -> Any:
    """Reduce `value` to what is safe to keep and to show: a short scalar without secrets, or a `Summary`."""
    if isinstance(value, str):
        return _summarized_text(value)
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return Summary("integer", f"an integer beyond {_MAX_BITS} bits")
    if value is None or isinstance(value, Summary | bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return Summary("array", f"a list of {len(value)}", len(value))
    if isinstance(value, dict):
        return Summary("object", "a dict", len(value))
    return Summary("object", f"a {type(value).__name__}")


def _summarized_text(value: str) -> str | Summary:
    shown = redact(value[:_MAX_SEARCHED])
    text = repr(shown)
    return shown if len(text) <= _MAX_SHOWN else Summary("string", text[:_MAX_SHOWN] + "…", len(value))


@attrs.frozen
class Problem:
    """One bad field of a request.

    `path` says where it is (``session.audio.output.speed``, empty for the request itself). `kind` is the API's own
    word: ``unknown_parameter``, ``missing_required_parameter``, ``invalid_type`` or ``invalid_value``. `value` is what
    was given: a scalar, or a `Summary` of what is long, secret or no scalar; None also for a field that is unknown or
    missing. `constraint` is what a value has to meet: an object such as `Between`, or words; None if only `choices`
    count, the strings that are allowed. Of an unknown field they are the names that are known, or the one that may
    have been meant.
    """

    path: str
    kind: str
    value: Any = attrs.field(default=None, converter=summarized)
    constraint: Any = None
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self._what()}" if self.path else self._what()

    def _what(self) -> str:
        if self.kind == "unknown_parameter":
            return f"unknown field; {self._known()}"
        if self.kind == "missing_required_parameter":
            return f"missing; needs {self._wanted()}"
        return f"{self._given()} is not {self._wanted()}"

    def _known(self) -> str:
        return (
            f"did you mean {self.choices[0]!r}?" if len(self.choices) == 1 else "known are " + ", ".join(self.choices)
        )

    def _given(self) -> str:
        if isinstance(self.value, Summary):
            return self.value.text
        if self.value is None:
            return "null"
        return repr(self.value).lower() if isinstance(self.value, bool) else repr(self.value)

    def _wanted(self) -> str:
        """Say the choices and what the constraint says, as the end of a sentence."""
        listed = ", ".join(map(repr, self.choices))
        choices = f"one of {listed}" if len(self.choices) > 1 else listed
        return " or ".join(text for text in (choices, str(self.constraint or "")) if text)

    @property
    def value_type(self) -> str:
        """The JSON type of the value that was given: ``string``, ``array``, ``null``..."""
        if isinstance(self.value, Summary):
            return self.value.type
        return next(name for cls, name in _JSON_TYPES.items() if isinstance(self.value, cls))

    def to_json(self) -> dict[str, Any]:
        """Give the fields as values that any JSON encoder takes, and the sentence as ``message``."""
        constraint = attrs.asdict(self.constraint) if attrs.has(type(self.constraint)) else self.constraint
        return {
            "path": _unicode(self.path),
            "kind": self.kind,
            "value": self._given() if isinstance(self.value, Summary) else _finite(self.value),
            "constraint": constraint,
            "choices": [*self.choices],
            "message": _unicode(str(self)),
        }


def _finite(value: Any) -> Any:
    """Make a scalar that JSON has: text for NaN and infinity, and no half of a surrogate pair."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    return _unicode(value) if isinstance(value, str) else value


def _unicode(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
