"""What every model is made of: UNSET and the base classes.

Null, absent and default are three things on the wire: ``turn_detection: null`` turns detection off, an absent
``turn_detection`` leaves it as it is. A field that was not given is ``UNSET``; ``None`` is sent as null.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar

import attrs

from openai_realtime._redaction import redact

__all__ = ["UNSET", "Maybe", "Model", "UnknownObject", "Unset"]

T = TypeVar("T")


class Unset(enum.Enum):
    """The type of `UNSET`. One member, so identity survives pickle and deepcopy and ``is not UNSET`` narrows."""

    UNSET = enum.auto()

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:  # so that type checkers see what ``value or default`` gives
        return False


UNSET: Final = Unset.UNSET
"""A field that was not given: it is left out of the JSON, where ``None`` is written as null."""

Maybe: TypeAlias = T | Unset
"""``Maybe[T]``: a field that may be absent."""


_MAX_SHOWN = 32

LOCAL: Final = {"openai_realtime.local": True}
"""Metadata of fields that are not part of the JSON: outside equality and repr, never encoded."""


def masked(value: object) -> str:
    """The repr of a secret: nothing of it, not even its length. A model hides its own."""
    return repr(value) if value is None or isinstance(value, Unset | Model) else "'***'"


def redacted(value: object) -> str:
    """The repr of a server's text, in which it may have put the tail of a key."""
    return redact(repr(value))


def abridged(value: object) -> str:
    """The repr of audio and images: their beginning, and how many characters there are."""
    if not isinstance(value, str) or len(value) <= _MAX_SHOWN:
        return repr(value)
    return f"<{len(value)} characters: {value[:_MAX_SHOWN]}…>"


@attrs.frozen(kw_only=True, repr=False, eq=False)
class Model:
    """The base of everything that travels as a JSON object.

    `raw` is the object as it was received, fields unknown to the class included, and None on a model that was made
    here. Encoding writes the unknown ones back, so that nothing a server sent is lost. Models are equal by class and
    fields, and hash as far as their values do: one that holds a list or a dict has no hash.
    """

    raw: Mapping[str, Any] | None = attrs.field(default=None, eq=False, repr=False, metadata=LOCAL)

    # Written once: code of its own for each of 190 classes would be a quarter of what importing them costs.
    def __eq__(self, other: object) -> bool:
        return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *_compared(self)))

    def __repr__(self) -> str:
        """What is set, without secrets: most fields of most models are UNSET and would only hide the rest."""
        shown = ((field, getattr(self, field.name)) for field in attrs.fields(type(self)) if field.repr)
        parts = (f"{f.name}={f.repr(v) if callable(f.repr) else repr(v)}" for f, v in shown if v is not UNSET)
        return f"{type(self).__name__}({', '.join(parts)})"


def _compared(model: Any) -> tuple[Any, ...]:
    """The values that make `model` equal to another of its class."""
    return tuple(getattr(model, field.name) for field in attrs.fields(type(model)) if field.eq)


@attrs.frozen(kw_only=True, repr=False, eq=False)
class UnknownObject(Model):
    """An object whose ``type`` no class here has; all its data is in `raw`."""

    type: Maybe[str] = UNSET
