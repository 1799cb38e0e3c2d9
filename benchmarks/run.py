"""All benchmarks, one after the other: prints the table and writes results.json beside this file.

``python benchmarks/run.py [SCRIPT ...]`` runs some of them only, and then writes nothing.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import HERE, child
from table import Row, Side, show

CODEC = "test_codec.py"
SCRIPTS = ("imports", "codec", "rest", "websocket", "memory", "scale", "web", "calls", "voice", "sessions")
PACKAGES = (
    *("openai-realtime", "aiohttp", "anyio", "attrs", "cattrs", "orjson", "pybase64"),
    *("openai", "websockets", "httpx", "msgspec", "uvloop"),
)


def _rows(script: str) -> list[Row]:
    """Return the rows of one script, from a process of its own."""
    started = time.monotonic()
    found = [Row(key, ours, _side(limit), _side(peer), *rest) for key, ours, limit, peer, *rest in _measured(script)]
    print(f"{script}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return found


def _measured(script: str) -> list[Any]:
    if script == "codec":
        return _codec()
    measured: list[Any] = child(f"{script}.py", "--json", timeout=300)
    return measured


def _codec() -> list[Any]:
    """Rows from pytest-benchmark: a group is a goal's key, and ``extra_info`` has who is measured (`side`, `name`)."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "codec.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--benchmark-quiet",
            f"--override-ini=pythonpath={HERE}",
            str(HERE / CODEC),
            f"--benchmark-json={results}",
        ]
        subprocess.run(command, stdout=sys.stderr, check=True, timeout=300)
        measured = json.loads(results.read_text())["benchmarks"]
    groups: dict[str, dict[str, Any]] = {}
    for one in measured:
        info = one["extra_info"]
        per = info.get("events", 1)
        figure = info["name"], one["stats"]["median"] / per * 1e6
        groups.setdefault(one["group"], {})[info["side"]] = figure
    return [[key, sides["ours"][1], sides.get("limit"), sides.get("peer")] for key, sides in groups.items()]


def _side(cells: list[Any] | None) -> Side | None:
    return Side(*cells) if cells else None


def _machine() -> dict[str, Any]:
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    return {
        "cpu": cpu.partition(":")[2].strip() or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "load": os.getloadavg()[0],  # at the start: on a busy machine the ratios hold, the figures do not
    }


def _as_json(row: Row) -> dict[str, Any]:
    """Return a row's medians to four digits: more is noise."""
    sides = {name: {"name": side.name, "cost": _rounded(side.cost)} for name, side in row.sides.items()}
    return {"key": row.key, "ours": _rounded(row.ours), **sides, **({"note": row.note} if row.note else {})}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _dumped(about: dict[str, Any], rows: list[Row]) -> str:
    """Write a row a line, so that a change of figures is a change of lines."""
    head = json.dumps(about, indent=1).removesuffix("\n}")
    return f'{head},\n "rows": [\n  ' + ",\n  ".join(json.dumps(_as_json(row)) for row in rows) + "\n ]\n}\n"


def main(scripts: list[str]) -> None:
    """Measure, print, write."""
    about = {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    rows = [row for script in scripts or SCRIPTS for row in _rows(script)]
    print(show(rows))
    if not scripts:
        (HERE / "results.json").write_text(_dumped(about, rows))


if __name__ == "__main__":
    main(sys.argv[1:])
