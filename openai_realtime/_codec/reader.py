"""The reading of one class, written out as source: a loop over the fields takes half as long again."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from .annotations import field_hints, plain

# A class's own __init__ would take half of the time, because it has to get around its being frozen. So the values go
# into a draft, which is of a subclass that is not frozen and has no slots of its own; such an instance may change its
# class.
_SOURCE = """\
def {name}(data, _):
    if not isinstance(data, dict):
        return data
    get = data.get
    draft = new(Draft)
    {lines}
    draft.__class__ = cls
    return draft
"""


def model_reader(cls: Any, hooks: Mapping[str, Any], absent: object) -> Callable[[Any, Any], Any]:
    """Make the function that reads a JSON object as a `cls`, and gives anything else back as it is.

    `hooks` has the structure hook of each field that may hold a model, by its name. A field that does not come is
    `absent`.
    """
    name = f"read_{cls.__name__}"
    source = _SOURCE.format(name=name, lines="\n    ".join(_lines(cls)))
    names = {"cls": cls, "Draft": _draft_class(cls), "new": object.__new__, "UNSET": absent, "hooks": hooks}
    return _compiled(name, source, f"<{name} of {cls.__module__}>", {**names, "__name__": __name__})


def _lines(cls: Any) -> list[str]:
    """Write one assignment a field. The names are those of our classes: nothing in the source came from outside."""
    hints = field_hints(cls)
    values = {"raw": "data"}
    for field in attrs.fields(cls):
        if field.name in hints and plain(hints[field.name]):
            values[field.name] = f"get({field.name!r}, UNSET)"
        elif field.name in hints:
            values[field.name] = (
                f"hooks[{field.name!r}](data[{field.name!r}], None) if {field.name!r} in data else UNSET"
            )
        else:
            values.setdefault(field.name, "None")
    return [f"draft.{name} = {value}" for name, value in values.items()]


def _draft_class(cls: Any) -> type:
    """Make a subclass of a frozen `cls` that is not frozen and adds no slots."""
    unfrozen = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type("Draft", (cls,), {"__slots__": (), **unfrozen})


def _compiled(name: str, source: str, file: str, names: dict[str, Any]) -> Callable[[Any, Any], Any]:
    """Make the function `name` of `source`, which tracebacks and inspect find under `file`."""
    exec(compile(source, file, "exec"), names)  # noqa: S102
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    function: Callable[[Any, Any], Any] = names[name]
    return function
