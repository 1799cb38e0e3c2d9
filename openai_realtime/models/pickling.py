"""JSON values as flat lists, so that pickle and copy, which call themselves, get along with any depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class _Container(NamedTuple):
    """An object or list: its parts stand at `start`, one after the other; `keys` are those of an object."""

    start: int
    size: int
    keys: tuple[str, ...] | None


def flattened(value: Any) -> list[Any]:
    """Give all that is in `value`, which must not hold itself: containers first, their parts behind them."""
    flat = [value]
    for index, inner in enumerate(flat):  # which grows meanwhile
        if type(inner) is dict:
            flat[index] = _Container(len(flat), len(inner), tuple(inner))
            flat.extend(inner.values())
        elif type(inner) is list:
            flat[index] = _Container(len(flat), len(inner), None)
            flat.extend(inner)
    return flat


def restored(flat: Sequence[Any]) -> Any:
    """Undo `flattened`."""
    values = [*flat]
    for index in reversed(range(len(values))):
        node = values[index]
        if isinstance(node, _Container):
            parts = values[node.start : node.start + node.size]
            values[index] = parts if node.keys is None else dict(zip(node.keys, parts, strict=True))
    return values[0]
