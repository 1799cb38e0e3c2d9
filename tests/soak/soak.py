"""A soak: sessions by chance over lines that are slow and cut, with cancellations and interrupts, against the emulator.

``python tests/soak/soak.py --minutes 10 --seed 1`` prints a summary, and what nothing explains. The same seed makes the
same sessions, but not the same instants.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import random
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio.from_thread
import attrs
from line import Line
from scenario import RETRY, Interrupt, Scenario
from user import KINDS, MCP_SECRET, Step
from watch import Watch

from openai_realtime import AsyncRealtimeClient, RealtimeClient, RealtimeError, ResponseDone
from openai_realtime.emulator import Emulator

ANSWER = 20.0  # seconds for an operation
HANG = 120.0  # seconds after which a session hangs
AT_ONCE = 8


@attrs.define
class Soak:
    """The whole of it: its chance, who watches it, the counts, and what is unexplained."""

    rng: random.Random
    watch: Watch
    counts: Counter[str] = attrs.Factory(Counter)
    problems: list[str] = attrs.Factory(list)

    def failed(self, scenario: Scenario, step: Step, error: BaseException) -> BaseException:
        """Note how a step failed."""
        self.watch.raised(error)
        scenario.failed(step, error)
        return error

    def finish(self, scenario: Scenario, colour: str) -> None:
        """Count a session, and keep what is unexplained in it."""
        ledger = scenario.ledger
        self.counts.update(scenario.outcomes)
        self.counts[f"sessions, {scenario.user.kind}, {colour}"] += 1
        for name in ("reconnects", "answered", "sent_again", "restored"):
            self.counts[name.replace("_", " ")] += getattr(ledger, name)
        self.counts["items"] += len(ledger.items)
        self.counts["chunks of speech"] += len(scenario.user.spoken)
        for (what, _), number in ledger.lost.items():
            self.counts[f"told as lost: {what}"] += number
        self.problems += [f"{scenario.user.kind}, {colour}: {problem}" for problem in scenario.unexplained()]


@contextlib.asynccontextmanager
async def line_to(emulator: Emulator, rng: random.Random) -> AsyncIterator[tuple[Line, str]]:
    """Serve a line to an emulator."""
    line = Line(int(emulator.base_url.rpartition(":")[2].partition("/")[0]), rng)
    async with line.serving() as url:
        yield line, url


async def batch(soak: Soak) -> None:
    """Run some sessions at once, and see that no task is left."""
    before = asyncio.all_tasks()
    await asyncio.gather(*(kept_apart(soak, random.Random(soak.rng.random())) for _ in range(AT_ONCE)))
    left = asyncio.all_tasks() - before
    soak.problems += [f"a task is left: {task}" for task in left]


async def kept_apart(soak: Soak, rng: random.Random) -> None:
    """Run one session, whose end is no other's."""
    try:
        async with asyncio.timeout(HANG):
            await in_asyncio(soak, rng)
    except Exception:  # noqa: BLE001 - whatever it is, it is unexplained
        soak.problems.append(f"asyncio: {traceback.format_exc()}")


async def in_asyncio(soak: Soak, rng: random.Random) -> None:
    """Run one session with the asyncio client."""
    async with Emulator() as emulator, line_to(emulator, rng) as (line, url):
        soak.watch.secrets.add(emulator.api_key)
        scenario = Scenario(rng.choice(KINDS), rng, emulator, line)
        async with AsyncRealtimeClient(base_url=url, api_key=emulator.api_key, retry=RETRY) as client:
            connection = await connect(soak, scenario, client, emulator)
            reading = asyncio.create_task(read(connection, slow=rng.random() < 0.2))
            await drive(soak, scenario, connection)
            await connection.close()
            await reading
    soak.finish(scenario, "asyncio")


async def connect(soak: Soak, scenario: Scenario, client: AsyncRealtimeClient, emulator: Emulator) -> Any:
    """Connect, again if the connection is lost before it has its settings."""
    while True:
        call_id = scenario.incoming()
        if call_id is not None:
            async with AsyncRealtimeClient(**emulator.client_options) as direct:
                await direct.accept_realtime_call(call_id, scenario.user.settings())
        try:
            connection = await client.connect(**scenario.options(call_id))
        except RealtimeError as error:
            soak.failed(scenario, Step("connect"), error)
            continue
        if scenario.prolonged():
            return connection
        await connection.close()


async def read(connection: Any, *, slow: bool) -> None:
    """Read all events."""
    async for _ in connection:
        if slow:
            await asyncio.sleep(0.001)


async def drive(soak: Soak, scenario: Scenario, connection: Any) -> None:
    """Take the steps."""
    steps, result = scenario.steps(), None
    with contextlib.suppress(StopIteration):
        while True:
            step = steps.send(result)
            try:
                async with asyncio.timeout(step.patience):
                    result = await take(connection, step)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - judged there
                result = soak.failed(scenario, step, error)


async def take(connection: Any, step: Step) -> Any:
    """Take one step."""
    if step.name == "pause":
        return await asyncio.sleep(*step.args)
    if step.name == "calls_of":
        return calls_of(await connection.wait_for(is_end_of(*step.args), ANSWER))
    more = {} if step.name == "append_audio" else {"timeout": ANSWER}
    return await getattr(connection, step.name)(*step.args, **more)


def is_end_of(response_id: str) -> Callable[[Any], bool]:
    """Return what accepts the end of a response."""
    return lambda event: isinstance(event, ResponseDone) and event.response.id == response_id


def calls_of(done: Any) -> list[str]:
    """Return the ids of the calls in a response."""
    return [str(call.call_id) for call in done.response.function_calls]


def in_blocking(soak: Soak, rng: random.Random) -> None:
    """Run one session with the blocking client, in the main thread, with interrupts."""
    before = set(threading.enumerate())
    with anyio.from_thread.start_blocking_portal() as portal, Emulator() as emulator:
        soak.watch.secrets.add(emulator.api_key)
        with portal.wrap_async_context_manager(line_to(emulator, rng)) as (line, url):
            scenario = Scenario(rng.choice(KINDS), rng, emulator, line)
            with RealtimeClient(base_url=url, api_key=emulator.api_key, retry=RETRY) as client:
                connection = connect_blocking(soak, scenario, client, emulator)
                reading = threading.Thread(target=lambda: [None for _ in connection], daemon=True)
                reading.start()
                drive_blocking(soak, scenario, connection)
                connection.close()
                reading.join(ANSWER)
    soak.watch.nothing_left(before, sys.maxsize)
    soak.finish(scenario, "blocking")


def connect_blocking(soak: Soak, scenario: Scenario, client: RealtimeClient, emulator: Emulator) -> Any:
    """Connect, as `connect` does."""
    while True:
        call_id = scenario.incoming()
        if call_id is not None:
            with RealtimeClient(**emulator.client_options) as direct:
                direct.accept_realtime_call(call_id, scenario.user.settings())
        try:
            connection = client.connect(**scenario.options(call_id)).open()
        except RealtimeError as error:
            soak.failed(scenario, Step("connect"), error)
            continue
        if scenario.prolonged():
            return connection
        connection.close()


def drive_blocking(soak: Soak, scenario: Scenario, connection: Any) -> None:
    """Take the steps, as `drive` does, with interrupts in place of cancellations."""
    steps, result = scenario.steps(), None
    with contextlib.suppress(StopIteration):
        while True:
            step = steps.send(result)
            try:
                with alarm(step.patience):
                    result = take_blocking(connection, step)
            except Exception as error:  # noqa: BLE001 - judged there
                result = soak.failed(scenario, step, error)


def take_blocking(connection: Any, step: Step) -> Any:
    """Take one step, as `take` does."""
    if step.name == "pause":
        return time.sleep(*step.args)
    if step.name == "calls_of":
        return calls_of(connection.wait_for(is_end_of(*step.args), ANSWER))
    more = {} if step.name == "append_audio" else {"timeout": ANSWER}
    return getattr(connection, step.name)(*step.args, **more)


@contextlib.contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise Interrupt in the body, after so many seconds."""
    armed = seconds is not None

    def ring(*_: object) -> None:
        if armed:
            raise Interrupt

    signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds or 0)
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> int:
    """Soak for some minutes; the exit code is 1 if something is unexplained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.minutes} minutes", flush=True)
    soak = Soak(random.Random(arguments.seed), Watch(MCP_SECRET))
    run(soak, time.monotonic() + arguments.minutes * 60)
    return report(soak)


def run(soak: Soak, end: float) -> None:
    """Run sessions until `end`, and look after each round for what is left open."""
    threads, descriptors = set(threading.enumerate()), sys.maxsize
    while time.monotonic() < end:
        faulthandler.dump_traceback_later(3 * HANG, exit=True)  # a blocking call that hangs
        asyncio.run(batch(soak))
        try:
            in_blocking(soak, random.Random(soak.rng.random()))
        except Exception:  # noqa: BLE001 - whatever it is, it is unexplained
            soak.problems.append(f"blocking: {traceback.format_exc()}")
        soak.watch.nothing_left(threads, descriptors)
        if descriptors == sys.maxsize:  # the first round opens what stays open
            descriptors = soak.watch.descriptors()


def report(soak: Soak) -> int:
    """Print the counts and what is unexplained."""
    for name, number in sorted(soak.counts.items()):
        print(f"{number:>8} {name}")
    print(f"{soak.watch.records:>8} log records")
    problems = soak.problems + soak.watch.problems
    for problem in problems:
        print("UNEXPLAINED", problem)
    print(f"{len(problems)} unexplained")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
