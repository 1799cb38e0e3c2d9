"""Sessions with conversation, tools, playback, recorder and telemetry observing, beside those that have none of it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import scale
from harness import Server, Stopwatch, allow_many_files, child, interleave, pairs, report, row, run, serve
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from scale import CHUNK, HELD, INTERVAL
from table import Row
from websocket import ours

from openai_realtime import ResponseCreate
from openai_realtime.audio.playback import Playback
from openai_realtime.conversation import Conversation
from openai_realtime.recording import Recorder
from openai_realtime.telemetry import Telemetry
from openai_realtime.tools import Tools

TURNS = 30
EVENTS = 111 * TURNS
SESSIONS = 100
INTERRUPTIONS = 10  # of each session
_TRACES = TracerProvider()  # nobody takes the spans: exporting is not measured
_METERS = MeterProvider([InMemoryMetricReader()])


class Ear:
    """A player that has played all at once."""

    played = 0

    def write(self, audio: bytes) -> None:
        """Play."""
        self.played += len(audio)

    def clear(self) -> None:
        """Nothing waits."""


async def look_up(word: str) -> str:
    """Look up a word."""
    return f"{word}: the same work again and again"


@contextlib.contextmanager
def observers(player: Any) -> Iterator[list[Any]]:
    """Make all five, whose recording is thrown away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Recorder(Path(folder) / "session.jsonl") as recorder,
        Telemetry(tracer_provider=_TRACES, meter_provider=_METERS) as telemetry,
    ):
        yield [Conversation(), Tools(look_up), Playback(player), telemetry, recorder]


async def five(server: Server) -> float:
    """Measure iteration with all five, until the recording is written too."""
    with observers(Ear()) as all_observers:
        return await observed(server, all_observers, all_observers[-1].close)


async def bare(server: Server) -> float:
    """Measure iteration."""
    return await observed(server, [])


async def observed(server: Server, observing: list[Any], finish: Callable[[], None] = lambda: None) -> float:
    """Return the CPU seconds in which a connection hears all turns."""
    left = TURNS
    async with ours(server, f"session-{TURNS}", observers=observing) as connection:
        await connection.send(ResponseCreate())
        with Stopwatch() as watch:
            async for event in connection:
                left -= event.type == "rate_limits.updated"  # the last event of a turn
                if not left:
                    break
            finish()
        if connection.observer_errors:
            raise connection.observer_errors[0]
    if left:
        raise RuntimeError(f"the connection ended {left} turns too early")
    return watch.cpu


def turns() -> list[Row]:
    """Measure CPU microseconds an event with observers and without."""
    sessions: dict[str, Callable[[Server], Awaitable[float]]] = {"ours": five, "bare": bare}
    with serve() as server:
        samples = interleave({name: lambda one=one: run(one, server) / EVENTS * 1e6 for name, one in sessions.items()})
    return [row("voice event", samples, limit="bare")]


async def interrupted(server: Server) -> dict[str, float]:
    """Return percentiles of the milliseconds that the server measures, the ways between the processes included."""
    everybody = asyncio.Barrier(SESSIONS)
    taken = await asyncio.gather(*(_session(server, everybody, place / SESSIONS) for place in range(SESSIONS)))
    hundredths = statistics.quantiles(itertools.chain(*taken), n=100)
    return {"p50": hundredths[49], "p99": hundredths[98]}


async def _session(server: Server, everybody: asyncio.Barrier, phase: float) -> list[float]:
    """Return how long each truncation by playback took, while the user's audio goes out."""
    with observers("clock") as observing:
        async with ours(server, f"interrupted-{INTERRUPTIONS}", observers=observing) as connection:
            await everybody.wait()
            await asyncio.sleep(phase * INTERVAL)
            await connection.send(ResponseCreate())
            speaking = asyncio.create_task(_speak(connection))
            times = await _truncations(connection)
            speaking.cancel()
            return times


async def _speak(connection: Any) -> None:
    while True:
        await connection.append_audio(CHUNK)
        await asyncio.sleep(INTERVAL)


async def _truncations(connection: Any) -> list[float]:
    """Return what the server says of each."""
    times: list[float] = []
    while len(times) < INTERRUPTIONS:
        event = await connection.receive()
        if event.type == "conversation.item.truncated":
            times.append(int(event.event_id.removeprefix("event_")) / 1e3)
    return times


async def streams(server: Server) -> dict[str, float]:
    """Return the share of a core of our connections, observed."""
    with contextlib.ExitStack() as stack:
        return await scale.ours(server, [stack.enter_context(observers("clock")) for _ in range(SESSIONS)])


def real_time() -> Row:
    """Measure beside those that nobody observes, and openai's."""
    shares, passed = _samples(("ours", "bare", "openai"), ("share", "passed"))
    line = row("voice stream", shares, limit="bare", peer="openai")
    least = min(map(statistics.median, passed.values()))
    return line if least >= HELD else line._replace(note=f"not in real time: {least:.0%} of the chunks passed")


_KINDS: dict[str, Callable[[Server], Awaitable[dict[str, float]]]] = {
    "interrupted": interrupted,
    "ours": streams,
    "bare": partial(scale.ours, observers=[()] * SESSIONS),
    "openai": partial(scale.theirs, size=SESSIONS),
}


def _samples(kinds: Sequence[str], figures: tuple[str, str]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return two figures of each kind, each time from fresh processes."""

    def one(kind: str) -> tuple[float, float]:
        with serve() as server:
            found = child("voice.py", kind, server.websocket)
        return found[figures[0]], found[figures[1]]

    return pairs({kind: partial(one, kind) for kind in kinds})


def measure() -> list[Row]:
    """All rows of this script."""
    p50, p99 = _samples(("interrupted",), ("p50", "p99"))
    delays = [row(f"interrupt {name}", samples, ours="interrupted") for name, samples in (("p50", p50), ("p99", p99))]
    return [*turns(), *delays, real_time()]


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in _KINDS:
        allow_many_files()
        print(json.dumps(run(_KINDS[sys.argv[1]], Server(sys.argv[2], "", ""))))
    else:
        report(measure)
