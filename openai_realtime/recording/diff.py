"""How two recordings differ by shape: which events and fields are new or gone, and what comes in another order."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import frozen

from .reading import Entry

__all__ = ["Difference", "compare"]


@frozen(kw_only=True)
class Difference:
    """What the second recording has and the first has not (`added`), and the other way round (`gone`).

    Both hold lines such as ``server response.done: response.usage.total_tokens``; one without a field is a type of
    event. `order` is a unified diff of the types as they come, repetitions left out.
    """

    added: Sequence[str]
    gone: Sequence[str]
    order: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return not (self.added or self.gone or self.order)


def compare(first: Iterable[Entry], second: Iterable[Entry]) -> Difference:
    """Compare two recordings by shape; values, ids and times do not count."""
    before, after = list(first), list(second)
    old, new = _shapes(before), _shapes(after)
    types = difflib.unified_diff(_types(before), _types(after), "first", "second", lineterm="", n=2)
    return Difference(added=_lines(new, old), gone=_lines(old, new), order=list(types))


def _lines(these: dict[str, set[str]], others: dict[str, set[str]]) -> list[str]:
    """Return what `these` have alone; the fields of a type that the others lack are not told one by one."""
    lines = []
    for kind, fields in sorted(these.items()):
        if kind in others:
            lines += [f"{kind}: {field}" for field in sorted(fields - others[kind])]
        else:
            lines.append(kind)
    return lines


def _shapes(entries: Iterable[Entry]) -> dict[str, set[str]]:
    shapes: dict[str, set[str]] = {}
    for entry in entries:
        shapes.setdefault(f"{entry.sender} {entry.type}", set()).update(_fields(entry.event, ""))
    return shapes


def _fields(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _fields(inner, f"{path}[]")
    elif isinstance(value, dict):
        for name, inner in value.items():
            field = f"{path}.{name}" if path else str(name)
            yield field
            yield from _fields(inner, field)


def _types(entries: Iterable[Entry]) -> list[str]:
    return [name for name, _ in itertools.groupby(f"{entry.sender} {entry.type}" for entry in entries)]
