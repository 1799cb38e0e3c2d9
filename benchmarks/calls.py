"""Calls in Redis whose worker is killed: how long until another worker has the call. Needs redis-server."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing as mp
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import redis
import redis.asyncio
from harness import report
from table import Row

from openai_realtime import AsyncRealtimeClient, RealtimeSessionConfig
from openai_realtime.emulator import Emulator
from openai_realtime.models.webhooks import RealtimeCallIncoming, RealtimeCallIncomingData
from openai_realtime.web.calls import IncomingCall, serve_calls
from openai_realtime.web.redis_calls import RedisCalls

KILLS = 200
AT_ONCE = 10  # calls that are killed in a round; as many workers wait for them
LEASE = 2.0  # seconds
DEADLINE = 60
PRELOADED = ("trustme", "uvloop", "redis.asyncio", "openai_realtime.emulator", "openai_realtime.web.redis_calls")


async def work(socket: str, options: Any) -> None:
    """Take one call, say so, and stay with it."""
    store: Any = redis.asyncio.Redis(unix_socket_path=socket, decode_responses=True)

    async def on_call(call: IncomingCall) -> None:
        await call.accept(RealtimeSessionConfig(model="gpt-realtime"))
        async with call.connect() as connection:
            await store.rpush("log", f"{os.getpid()} {call.call_id}")
            async for _ in connection:
                pass

    async with (
        AsyncRealtimeClient(**options) as client,
        serve_calls(client, on_call, "not used", ownership=RedisCalls(store, lease=LEASE), max_calls=1),
    ):
        await asyncio.Event().wait()


def run_worker(socket: str, options: Any) -> None:
    """Be a worker process, until killed."""
    asyncio.run(work(socket, options))


@contextlib.contextmanager
def serve_redis() -> Iterator[str]:
    """Return a redis-server that keeps nothing on disk; the path of its socket."""
    with tempfile.TemporaryDirectory() as folder:
        socket = str(Path(folder) / "redis.sock")
        command = ["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                while not Path(socket).exists():
                    time.sleep(0.01)
                yield socket
            finally:
                process.kill()


class Workers:
    """Twice as many worker processes as calls, of which half wait."""

    def __init__(self, socket: str, emulator: Emulator) -> None:
        context = mp.get_context("forkserver")
        context.set_forkserver_preload([*PRELOADED])  # a worker is forked, and imports nothing
        self._new = lambda: context.Process(target=run_worker, args=(socket, emulator.client_options), daemon=True)
        self._store: Any = redis.Redis(unix_socket_path=socket, decode_responses=True, socket_timeout=None)
        self._running: dict[int, Any] = {}

    def start(self, count: int) -> None:
        """Start new ones."""
        for _ in range(count):
            process = self._new()
            process.start()
            self._running[process.pid] = process

    def taken(self, count: int) -> dict[str, tuple[int, float]]:
        """Wait until so many calls were taken: who has each, and when that was."""
        found = {}
        while len(found) < count:
            line = self._store.blpop("log", timeout=DEADLINE)
            if line is None:
                raise TimeoutError("a call has no worker")
            worker, call_id = line[1].split()
            found[call_id] = int(worker), time.monotonic()
        return found

    def kill(self, worker: int) -> float:
        """Kill one; when that was."""
        process = self._running.pop(worker)
        process.kill()
        return time.monotonic()

    def close(self) -> None:
        """Kill all."""
        for worker in [*self._running]:
            self.kill(worker)


async def ring(socket: str, emulator: Emulator) -> None:
    """Let the calls come in."""
    store: Any = redis.asyncio.Redis(unix_socket_path=socket, decode_responses=True)
    calls = RedisCalls(store)
    for _ in range(AT_ONCE):
        data = RealtimeCallIncomingData(call_id=emulator.incoming_call(), sip_headers=[])
        await calls.add(RealtimeCallIncoming(id="evt_1", created_at=0, data=data))
    await store.aclose()


def take_overs() -> list[float]:
    """Seconds from each kill until another worker is on the call."""
    seconds: list[float] = []
    with serve_redis() as socket, Emulator() as emulator:
        workers = Workers(socket, emulator)
        try:
            workers.start(2 * AT_ONCE)
            asyncio.run(ring(socket, emulator))
            owners = workers.taken(AT_ONCE)
            while len(seconds) < KILLS:
                killed = {call_id: workers.kill(worker) for call_id, (worker, _) in owners.items()}
                owners = workers.taken(AT_ONCE)
                seconds += [owners[call_id][1] - when for call_id, when in killed.items()]
                workers.start(AT_ONCE)
        finally:
            workers.close()
    return seconds


def measure() -> list[Row]:
    """All rows of this script."""
    if shutil.which("redis-server") is None:
        print("needs redis-server", file=sys.stderr)
        return []
    hundredths = statistics.quantiles(take_overs(), n=100)
    return [Row("take over p50", hundredths[49]), Row("take over p99", hundredths[98])]


if __name__ == "__main__":
    report(measure)
