"""What all benchmarks share: the server's process, stopwatches, interleaved repetitions, and rows of the table."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import trustme
import uvloop
from table import Row, Side, show

HERE = Path(__file__).parent
REPETITIONS = 5
KEY = "sk-bench-not-real"
# Of fresh interpreters: with bytecode, as every program has it after its first start.
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def row(key: str, samples: Mapping[str, list[float]], *, limit: str = "", peer: str = "", ours: str = "ours") -> Row:
    """Return the row of medians from `samples`, whose names tell who is ours, the limit and the peer."""
    median = {name: statistics.median(values) for name, values in samples.items()}
    sides = [Side(name, median[name]) if name else None for name in (limit, peer)]
    return Row(key, median[ours], *sides)


# --- measuring --------------------------------------------------------------------------------------------------------


class Stopwatch:
    """Seconds between entry and exit: on the wall, and of CPU in all threads of this process."""

    wall = cpu = 0.0

    def __enter__(self) -> Self:
        gc.collect()
        self._started = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._started[0]
        self.cpu = time.process_time() - self._started[1]


def interleave(
    kinds: Mapping[str, Callable[[], float]], repetitions: int = REPETITIONS, *, warm: bool = True
) -> dict[str, list[float]]:
    """Return the figures of all kinds, taken in turns, so that a busy minute of the machine hits all of them alike."""
    if warm:
        for measure in kinds.values():
            measure()
    samples: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(repetitions):
        for name, measure in kinds.items():
            samples[name].append(measure())
    return samples


def pairs(
    kinds: Mapping[str, Callable[[], tuple[float, float]]], repetitions: int = REPETITIONS
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """As `interleave`, for what gives two figures at once, such as wall and CPU."""
    second: dict[str, list[float]] = {name: [] for name in kinds}

    def split(name: str) -> float:
        figures = kinds[name]()
        second[name].append(figures[1])
        return figures[0]

    first = interleave({name: partial(split, name) for name in kinds}, repetitions)
    return first, {name: values[1:] for name, values in second.items()}  # without the warm-up


def run(make: Callable[..., Awaitable[Any]], *args: Any, fast: bool = False) -> Any:
    """Run a coroutine function in a new event loop, with `fast` in uvloop's."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if fast else None) as runner:
        return runner.run(make(*args))


def child(script: str, *args: str, timeout: float = 120) -> Any:
    """Return the JSON that `script` prints, from a fresh interpreter."""
    command = [sys.executable, str(HERE / script), *args]
    done = subprocess.run(command, env=ENVIRON, stdout=subprocess.PIPE, check=True, timeout=timeout)
    return json.loads(done.stdout)


def allow_many_files() -> None:
    """Sockets are files, and the usual 1,024 are too few for 1,000 connections and what else is open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# --- the server -------------------------------------------------------------------------------------------------------


class Server(NamedTuple):
    """Where server.py listens; `ca` is the file with the authority of its certificate."""

    websocket: str
    rest: str
    ca: str

    def client_context(self) -> ssl.SSLContext | bool:
        """Return what clients need as their `ssl`."""
        return ssl.create_default_context(cafile=self.ca) if self.ca else True


@contextlib.contextmanager
def serve(*, tls: bool = False) -> Iterator[Server]:
    """server.py in a process of its own, up to the end of the with-block."""
    with tempfile.TemporaryDirectory() as folder:
        ca = _certificates(Path(folder)) if tls else ""
        command = [sys.executable, str(HERE / "server.py"), *([folder] if tls else [])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                output: Any = process.stdout
                yield Server(*output.readline().split(), ca)
            finally:
                process.kill()


def _certificates(folder: Path) -> str:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    return str(folder / "ca.pem")


def report(measure: Callable[[], list[Row]]) -> None:
    """Do what every script does: measure, then print the table, or the rows as JSON for run.py."""
    rows = measure()
    print(json.dumps(rows) if "--json" in sys.argv else show(rows))
