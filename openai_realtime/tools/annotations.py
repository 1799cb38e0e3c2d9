"""Python's annotations as msgspec takes them: descriptions, bounds, and unions of classes told apart by a tag."""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec

from openai_realtime.models.constraints import Between, Length, Pattern

_BOUNDS: Final = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length")


def rewritten(hint: Any) -> Any:
    """Return an annotation as msgspec takes it."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        metas = [meta for extra in args[1:] if (meta := _meta(extra)) is not None]
        return functools.reduce(lambda inner, meta: Annotated[inner, meta], metas, rewritten(args[0]))
    if origin is Union or origin is types.UnionType:
        return _union(args)
    if isinstance(origin, type) and args:
        return origin[tuple(arg if arg is ... else rewritten(arg) for arg in args)]  # type: ignore[index]
    return hint


def _union(args: Iterable[Any]) -> Any:
    classes = tuple(arg for arg in args if attrs.has(arg) or hasattr(arg, "__dataclass_fields__"))
    if len(classes) > 1:
        args = [_tagged(classes), *(arg for arg in args if arg not in classes)]
    return functools.reduce(operator.or_, map(rewritten, args))


def _meta(extra: Any) -> msgspec.Meta | None:
    """Return the bounds or the description that an entry of ``Annotated`` means; None for what is not meant for us."""
    if isinstance(extra, msgspec.Meta):
        return extra
    if isinstance(extra, str):
        return msgspec.Meta(description=extra)
    if isinstance(extra, Between):
        return msgspec.Meta(ge=extra.low, le=extra.high)
    if isinstance(extra, Length):
        return msgspec.Meta(min_length=extra.low, max_length=extra.high)
    if isinstance(extra, Pattern):
        return msgspec.Meta(pattern=f"^(?:{extra.regex})$")
    found = {name: value for name in _BOUNDS if (value := getattr(extra, name, None)) is not None}
    text = getattr(extra, "documentation", None)
    return msgspec.Meta(**found, description=text) if found or isinstance(text, str) else None


class TaggedUnion(type):
    """The type of a union of classes, which msgspec itself takes only of its own structs.

    One of the fields, a ``Literal`` with other values in each class, tells which class an object is.
    """

    tag: str
    classes: dict[Any, type]

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, tuple(cls.classes.values()))

    def convert(cls, value: Any) -> Any:
        """Make the object of the class that its tag names. Raises ValueError if it names none."""
        tag = value.get(cls.tag) if isinstance(value, dict) else None
        found = cls.classes.get(tag) if isinstance(tag, str | int) else None
        if found is None:
            raise ValueError(f"Expected an object whose `{cls.tag}` is one of {', '.join(map(repr, cls.classes))}")
        return msgspec.convert(value, found, dec_hook=convert_tagged)


@functools.cache
def _tagged(classes: tuple[type, ...]) -> TaggedUnion:
    literals = [_literals(cls) for cls in classes]
    for name in literals[0]:
        values = [found.get(name, ()) for found in literals]
        every = [value for found in values for value in found]
        if all(values) and len(set(every)) == len(every):
            choices = {value: cls for cls, found in zip(classes, values, strict=True) for value in found}
            return TaggedUnion(" | ".join(cls.__name__ for cls in classes), (), {"tag": name, "classes": choices})
    names = ", ".join(cls.__name__ for cls in classes)
    raise TypeError(f"{names}: each class of a union needs a field of the same name with a Literal of its own")


def _literals(cls: type) -> dict[str, tuple[Any, ...]]:
    """Return the fields of a class that are Literals, and their values."""
    return {name: get_args(hint) for name, hint in get_type_hints(cls).items() if get_origin(hint) is Literal}


def convert_tagged(hint: Any, value: Any) -> Any:
    """Convert what msgspec cannot: its ``dec_hook``."""
    if isinstance(hint, TaggedUnion):
        return hint.convert(value)
    raise NotImplementedError(f"a tool cannot take a {hint!r}")


def schema_of(cls: type) -> dict[str, Any]:
    """Return the JSON Schema of a struct: an object at the root, everything that it refers to in ``$defs``."""
    shared: dict[str, Any] = {}

    def tagged(hint: Any) -> dict[str, Any]:
        if not isinstance(hint, TaggedUnion):
            raise TypeError(f"a tool cannot take a {hint!r}")
        schemas, found = msgspec.json.schema_components(
            dict.fromkeys(hint.classes.values()), schema_hook=tagged, ref_template="#/$defs/{name}"
        )
        for choice in hint.classes.values():  # without its tag an object could be of any class
            found[choice.__name__]["required"] = [hint.tag, *found[choice.__name__].get("required", ())]
        shared.update(found)
        return {"anyOf": list(schemas)}

    schema = msgspec.json.schema(cls, schema_hook=tagged)
    definitions = {**schema["$defs"], **shared}
    root: dict[str, Any] = definitions.pop(schema["$ref"].rpartition("/")[2])
    del root["title"]
    return {**root, "$defs": definitions} if definitions else root
