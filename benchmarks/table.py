"""A measurement and its goal as a row of the table, in text and in reStructuredText."""

from __future__ import annotations

from typing import NamedTuple

from goals import GOALS


class Side(NamedTuple):
    """Somebody ours is measured beside: the name, and the cost in the row's unit."""

    name: str
    cost: float


class Row(NamedTuple):
    """One line of the table. A `note` tells why a row does not count."""

    key: str
    ours: float
    limit: Side | None = None
    peer: Side | None = None
    note: str = ""

    @property
    def sides(self) -> dict[str, Side]:
        """Who ours is measured beside."""
        sides = {"limit": self.limit, "peer": self.peer}
        return {name: side for name, side in sides.items() if side is not None}

    @property
    def met(self) -> bool | None:
        """Whether every part of the goal is reached; None where there is none."""
        if self.note:
            return False
        goal = GOALS[self.key]
        pairs = [
            (self.ours, goal.at_most),
            (self.limit and self.ours / self.limit.cost, goal.of_limit),
            (self.peer and self.ours / self.peer.cost, goal.of_peer),
        ]
        results = [cost is not None and cost <= most for cost, most in pairs if most is not None]
        return all(results) if results else None


def show(rows: list[Row]) -> str:
    """Return the table as text."""
    head = ("work", "ours", "limit", "ratio", "peer", "ratio", "goal", "met")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    return "\n".join(lines + [f"{GOALS[row.key].work}: {row.note}" for row in rows if row.note])


def as_list_table(rows: list[Row]) -> str:
    """Return the table in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 34 13 31 16 6", ""]
    for cells in [("Work", "Ours", "Beside (ratio)", "Goal, at most", "Met"), *map(_list_cells, rows)]:
        lines += [f"   {mark} - {cell}".rstrip() for mark, cell in zip("*    ", cells, strict=True)]
    return "\n".join(lines)


def _list_cells(row: Row) -> tuple[str, ...]:
    work, ours, limit, limit_ratio, peer, peer_ratio, goal, met = _cells(row)
    beside = [f"{cost} ({ratio})" for cost, ratio in ((limit, limit_ratio), (peer, peer_ratio)) if cost != "-"]
    return work, ours, "; ".join(beside), "" if goal == "-" else goal, {"NO": "no", "-": ""}.get(met, met)


def _cells(row: Row) -> tuple[str, ...]:
    goal = GOALS[row.key]
    wanted = [(row.limit, goal.of_limit), (row.peer, goal.of_peer)]
    parts = [f"{most:.3g} x {side.name}" for side, most in wanted if side is not None and most is not None]
    if goal.at_most is not None:
        parts.append(f"{goal.at_most:g} {goal.unit}".rstrip())
    sides = [cell for side in (row.limit, row.peer) for cell in _side(row.ours, side)]
    met = {None: "-", True: "yes", False: "NO"}[row.met]
    return (goal.work, f"{_number(row.ours)} {goal.unit}".rstrip(), *sides, ", ".join(parts) or "-", met)


def _side(ours: float, side: Side | None) -> tuple[str, str]:
    if side is None:
        return "-", "-"
    ratio = ours / side.cost
    return f"{side.name} {_number(side.cost)}", f"{ratio:.2f}" if ratio > 0.1 else f"{ratio:.3f}"  # noqa: PLR2004


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004
