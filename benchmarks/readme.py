"""Puts results.json into README.rst beside this file: ``python benchmarks/readme.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from table import Row, Side, as_list_table

HERE = Path(__file__).parent
README = HERE / "README.rst"
BEGIN = ".. what follows is written by benchmarks/readme.py\n"
END = ".. up to here\n"


def updated(readme: str, results: Mapping[str, Any]) -> str:
    """Return the README with these results in the place of those it has."""
    head, _, rest = readme.partition(BEGIN)
    tail = rest.partition(END)[2]
    rows = [
        Row(each["key"], each["ours"], _side(each.get("limit")), _side(each.get("peer"))) for each in results["rows"]
    ]
    return f"{head}{BEGIN}\n{_about(results)}\n\n{as_list_table(rows)}\n\n{END}{tail}"


def _about(results: Mapping[str, Any]) -> str:
    machine, day = results["machine"], results["date"].partition("T")[0]
    system = machine["system"].partition("-")[0]
    return f"Measured on {day}: {machine['cores']} cores ({machine['cpu']}), {system}, Python {results['python']}."


def _side(side: Mapping[str, Any] | None) -> Side | None:
    return Side(side["name"], side["cost"]) if side else None


if __name__ == "__main__":
    README.write_text(updated(README.read_text(), json.loads((HERE / "results.json").read_text())))
