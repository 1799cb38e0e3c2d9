"""What every model is made of: UNSET and the base classes.

Null, absent and default are three things on the wire: ``turn_detection: null`` turns detection off, an absent
``turn_detection`` leaves it as it is. A field that was not given is ``UNSET``; ``None`` is sent as null.
"""

from __future__ import annotations

import enum
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar

import attrs

from openai_realtime._redaction import redact

from .pickling import flattened, restored
from .suggestions import places

__all__ = ["UNSET", "Assigned", "Maybe", "Model", "UnknownObject", "Unset"]

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

Assigned: TypeAlias = Annotated[T, Unset]
"""``Assigned[T]``: a field that the server fills in, with a value of its own or a default.

It is always there in what a server sends, and so a reader need not ask; in what you send it may be left out. Where a
server does leave it out it reads as UNSET, whatever its type says: that is falsy, and is no error.
"""

NOT_RECEIVED: Final[Any] = None
"""The default of what comes with every answer: None, of any type, so that who reads an answer need not ask."""

ABSENT: Final[Any] = UNSET
"""The default of an `Assigned` field: UNSET, of any type."""


_MAX_SHOWN = 32
_SECRET_NAME = re.compile(r"(?i)auth|secret|password|header|key|token\b")

LOCAL: Final = {"openai_realtime.local": True}
"""Metadata of fields that are not part of the JSON: outside equality and repr, never encoded."""


def masked(value: object) -> str:
    """Show of a secret that it is there: nothing of it, not even its length. A model hides its own."""
    return repr(value) if value is None or isinstance(value, Unset | Model) else "'***'"


def redacted(value: object) -> str:
    """Show a server's text, in which it may have put the tail of a key."""
    return redact(repr(value))


def abridged(value: object) -> str:
    """Show of audio and images: their beginning, and how many characters there are."""
    if not isinstance(value, str) or len(value) <= _MAX_SHOWN:
        return repr(value)
    return f"<{len(value)} characters: {value[:_MAX_SHOWN]}…>"


def _shown(value: Any) -> Any:
    """`value` without what stands under a name that secrets have."""
    if isinstance(value, Mapping):
        shown = {}
        for name, inner in value.items():  # a comprehension would take the stack twice, and JSON may be deep
            shown[name] = "***" if _SECRET_NAME.search(str(name)) else _shown(inner)
        return shown
    return type(value)(map(_shown, value)) if type(value) in (list, tuple) else value


def _advised(init: Callable[..., None]) -> Callable[..., None]:
    """Make an `__init__` that says where a field belongs that the class does not have."""

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **fields: Any) -> None:  # noqa: N807
        try:
            init(self, *args, **fields)
        except TypeError:
            _refuse_unknown(type(self), fields)
            raise

    return __init__


def _refuse_unknown(cls: Any, fields: Mapping[str, Any]) -> None:
    """Raise TypeError for the first field that `cls` does not have."""
    for name in fields.keys() - {field.name for field in attrs.fields(cls)}:
        place = places(cls, name)
        hint = f"did you mean {place[0]}?" if place else "extra={...} takes what is not known here"
        raise TypeError(f"{cls.__name__} has no field {name!r}; {hint}") from None


class _FieldsFirst:
    """The signature of a model's class as `help` shows it: what is not part of the JSON, such as `raw`, comes last."""

    def __get__(self, _: object, cls: Any) -> inspect.Signature:
        signature = inspect.signature(cls.__init__)
        fields = attrs.fields_dict(cls)
        parameters = [one for one in signature.parameters.values() if one.name in fields]
        ordered = sorted(parameters, key=lambda one: bool(fields[one.name].metadata))
        return signature.replace(parameters=ordered, return_annotation=signature.empty)


@attrs.frozen(kw_only=True, repr=False, eq=False)
class Model:
    """The base of everything that travels as a JSON object.

    `raw` is the object as it was received, fields unknown to the class included, and None on a model that was made
    here. Encoding writes the unknown ones back, so that nothing a server sent is lost. `extra` is for what this
    package does not know yet: its fields are sent as they are, in place of those of the same name, and not checked.
    Models are equal by class, fields and `extra`, and hash as far as their values do: one that holds a list or a dict
    has no hash.
    """

    raw: Mapping[str, Any] = attrs.field(default=NOT_RECEIVED, eq=False, repr=False, metadata=LOCAL)
    extra: Mapping[str, Any] | None = attrs.field(default=None, repr=False, metadata=LOCAL)

    __signature__ = _FieldsFirst()

    def __init_subclass__(cls) -> None:
        if "__init__" in cls.__dict__:  # attrs makes each class twice: the second has it
            cls.__init__ = _advised(cls.__dict__["__init__"])  # type: ignore[method-assign]

    # Written once: code of its own for each of 190 classes would be a quarter of what importing them costs.
    def __eq__(self, other: object) -> bool:
        return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *_compared(self)))

    def __repr__(self) -> str:
        """Show what is set, without secrets: most fields of most models are UNSET and would only hide the rest."""
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:
        """Give what `__repr__` shows to rich, whose tracebacks would read the fields past it."""
        for field in attrs.fields(type(self)):
            value = getattr(self, field.name)
            if field.repr and value is not UNSET:
                yield field.name, _Text(field.repr(value)) if callable(field.repr) else _shown(value)
        if self.extra is not None:
            yield "extra", _Text(redact(repr(_shown(self.extra))))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Take what a server sent apart for pickle and copy, however deep it is."""
        if self.raw is None:
            return super().__reduce_ex__(protocol)
        return _revived, (type(self), flattened([getattr(self, field.name) for field in attrs.fields(type(self))]))


class _Text(str):
    """A text that is its own repr."""

    __slots__ = ()
    __repr__ = str.__str__


def _revived(cls: Any, flat: Sequence[Any]) -> Any:
    return cls(**dict(zip((field.name for field in attrs.fields(cls)), restored(flat), strict=True)))


def _compared(model: Any) -> tuple[Any, ...]:
    """List the values that make `model` equal to another of its class."""
    return tuple(getattr(model, field.name) for field in attrs.fields(type(model)) if field.eq)


@attrs.frozen(kw_only=True, repr=False, eq=False)
class UnknownObject(Model):
    """An object whose ``type`` no class here has; all its data is in `raw`.

    One of your own, ``UnknownObject(type="new", extra={...})``, is sent as it is.
    """

    type: Maybe[str] = UNSET
