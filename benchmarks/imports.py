"""What a program pays before its first call and with it: fresh interpreters, one measurement each."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from harness import ENVIRON, KEY, REPETITIONS, Server, child, interleave, report, row, run, serve
from table import Row

HEAVY = ("click", "rich", "opentelemetry", "soxr", "openai_realtime.cli", "openai_realtime.emulator")
# Asked for, whether it is installed or not.
_WANTED = """
import sys
class Watch:
    def find_spec(self, name, *_):
        if name in {}:
            print(name)
sys.meta_path.insert(0, Watch())
from openai_realtime import AsyncRealtimeClient, RealtimeClient
"""
LATER = 20  # calls, events and connections after the first that it is compared with
_CLIENT = "from openai_realtime import AsyncRealtimeClient"
_TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def _import_ms(statement: str) -> float:
    """Milliseconds of one import, in an interpreter that has imported nothing else."""
    return float(_fresh(_TIMED.format(statement))) * 1e3


def _fresh(code: str) -> str:
    # -P: the installed package and not the checkout that this runs in.
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, env=ENVIRON, capture_output=True, text=True, check=True, timeout=60).stdout


def imports() -> list[Row]:
    """Wall time of importing, and what is imported that should not be."""
    statements = {
        "ours": "import openai_realtime",
        "ours client": _CLIENT,
        "aiohttp": "import aiohttp",
        "openai": "import openai",
    }
    kinds = {name: partial(_import_ms, statement) for name, statement in statements.items()}
    samples = interleave(kinds, 2 * REPETITIONS + 1)
    loaded = _fresh(_WANTED.format(HEAVY)).split()
    return [
        row("import", samples, limit="aiohttp", peer="openai"),
        row("import client", samples, ours="ours client", limit="aiohttp", peer="openai"),
        Row("heavy imports", len(loaded), note=" ".join(loaded)),
    ]


# --- in the child: the first of its kind, beside later ones -----------------------------------------------------------


async def _first_call(server: Server) -> list[float]:
    from openai_realtime import AsyncRealtimeClient  # noqa: PLC0415 - the import is measured elsewhere

    options: Any = {"base_url": server.rest, "api_key": KEY}
    seconds = []
    async with AsyncRealtimeClient(**options) as client:
        for _ in range(1 + LATER):
            started = time.perf_counter()
            await client.create_realtime_client_secret()
            seconds.append(time.perf_counter() - started)
    return seconds


async def _first_event(__: Server) -> list[float]:
    """With the loading of the event classes, which no import of the package brings."""
    from openai_realtime import decode_server_event  # noqa: PLC0415 - the import is measured elsewhere

    return _decoding(decode_server_event)


async def _first_event_of_session(__: Server) -> list[float]:
    """On a connection, which has loaded its classes while it was opened."""
    from openai_realtime import AsyncRealtimeConnection, decode_server_event  # noqa: F401, PLC0415

    return _decoding(decode_server_event)


def _decoding(decode: Callable[[bytes], Any]) -> list[float]:
    import turn  # noqa: PLC0415 - it needs what is measured

    data, seconds = turn.session_created(), []
    for _ in range(1 + LATER):
        started = time.perf_counter()
        decode(data)
        seconds.append(time.perf_counter() - started)
    return seconds


_FIRSTS = {"first call": _first_call, "first event": _first_event, "first event connected": _first_event_of_session}


def firsts() -> list[Row]:
    """Milliseconds that the first takes longer than the median of the later ones."""

    def more(name: str, server: Server) -> float:
        first, *later = map(float, child("imports.py", name, server.rest))
        return (first - statistics.median(later)) * 1e3

    with serve() as server:
        kinds = {name: partial(more, name, server) for name in _FIRSTS}
        samples = interleave(kinds, REPETITIONS)
    return [row(name, {"ours": samples[name]}) for name in _FIRSTS]


def measure() -> list[Row]:
    """All rows of this script."""
    return [*imports(), *firsts()]


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in _FIRSTS:
        print(json.dumps(run(_FIRSTS[sys.argv[1]], Server("", sys.argv[2], ""))))
    else:
        report(measure)
