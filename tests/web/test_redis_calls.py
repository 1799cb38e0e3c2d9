"""Calls in a real Redis: three worker processes, of which some are killed; Redis itself is lost in between."""

import asyncio
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from attrs import define, field
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from support import call_worker
from support.web import until
from support.webhooks import CALL

from openai_realtime import ConfigurationError, decode
from openai_realtime.emulator import Emulator
from openai_realtime.models import RealtimeCallIncoming
from openai_realtime.web.redis_calls import RedisCalls

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server, which .ci/run installs"),
]

DEADLINE = 30
LEASE = 2.0  # long enough for a busy machine
CALLS = 50


def incoming(call_id: str) -> RealtimeCallIncoming:
    return decode(
        f'{{"type": "{CALL["type"]}", "data": {{"call_id": "{call_id}", "sip_headers": []}}}}', RealtimeCallIncoming
    )


@define
class Server:
    """A redis-server on a unix socket, which keeps nothing on disk."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> str:
        return str(self.folder / "redis.sock")

    def start(self) -> None:
        command = ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(DEADLINE)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def store(server: Server, anyio_backend: str) -> AsyncIterator[Any]:
    options: Any = {"decode_responses": True, "socket_timeout": None, "retry": Retry(NoBackoff(), 0)}
    client: Any = redis.asyncio.Redis(unix_socket_path=server.socket, **options)
    await answering(client)
    yield client
    await client.aclose()


async def answering(store: Any) -> None:
    """Return when Redis answers."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await store.ping()
            except redis.exceptions.ConnectionError:
                await asyncio.sleep(0)
            else:
                return


@define
class Workers:
    """Worker processes, and what they write."""

    emulator: Emulator
    store: Any
    socket: str
    running: dict[str, subprocess.Popen[bytes]] = field(factory=dict)
    has: dict[str, tuple[str, str]] = field(factory=dict)
    """By call: its last worker, and what was saved before."""

    def start(self, *names: str) -> None:
        for name in names:
            options = self.emulator.client_options
            arguments = [name, self.socket, options["base_url"], options["api_key"], str(LEASE)]
            self.running[name] = subprocess.Popen([sys.executable, call_worker.__file__, *arguments])  # noqa: S603

    def end(self, name: str, how: signal.Signals) -> None:
        process = self.running.pop(name)
        process.send_signal(how)
        process.wait(DEADLINE)

    async def until(self, verb: str, count: int) -> Counter[str]:
        """Read lines of one kind until there are so many; how many each worker wrote."""
        found: Counter[str] = Counter()
        async with asyncio.timeout(DEADLINE):
            while found.total() < count:
                _, line = await self.store.blpop("log", timeout=DEADLINE)
                name, what, first, second = line.split()
                if what == verb:
                    found[name] += 1
                if what == "has":
                    self.has[first] = name, second
        return found

    def close(self) -> None:
        for name in [*self.running]:
            self.end(name, signal.SIGKILL)


@pytest.fixture
async def workers(server: Server, store: Any) -> AsyncIterator[Workers]:
    async with Emulator() as emulator:
        workers = Workers(emulator, store, server.socket)
        yield workers
        workers.close()


async def test_calls_outlive_their_workers_and_redis(server: Server, workers: Workers, store: Any) -> None:
    emulator, calls = workers.emulator, RedisCalls(store)
    ids = [emulator.incoming_call() for _ in range(CALLS)]
    workers.start("a", "b", "c")
    for call_id in ids + ids:  # each webhook is delivered twice
        await calls.add(incoming(call_id))
    share = await workers.until("has", CALLS)
    assert {*workers.has} == {*ids}
    for call_id in ids:
        emulator.send_dtmf(call_id, "1")
    await workers.until("heard", CALLS)

    workers.end("a", signal.SIGKILL)
    await workers.until("has", share["a"])
    workers.end("b", signal.SIGTERM)
    moved = [call_id for call_id, (name, _) in workers.has.items() if name == "b"]
    await workers.until("has", len(moved))
    assert {name for name, _ in workers.has.values()} == {"c"}
    assert {saved for call_id, (_, saved) in workers.has.items() if call_id in moved} == {"1"}

    server.stop()
    server.start()
    await answering(store)
    async with asyncio.timeout(DEADLINE):
        while not all([await store.hget(f"openai_realtime:calls:{call_id}", "owner") for call_id in ids]):
            pass
    workers.start("d")
    for call_id in ids:
        emulator.send_dtmf(call_id, "2")
    assert await workers.until("heard", CALLS) == {"c": CALLS}
    workers.end("c", signal.SIGKILL)
    await workers.until("has", CALLS)
    assert {name for name, _ in workers.has.values()} == {"d"}
    accepted = Counter(request.path for request in emulator.requests if request.path.endswith("/accept"))
    assert accepted == {f"/v1/realtime/calls/{call_id}/accept": 1 for call_id in ids}


async def test_a_redis_that_is_away_ends_no_call(server: Server, store: Any, caplog: pytest.LogCaptureFixture) -> None:
    calls = RedisCalls(store, lease=0.2)
    await calls.add(incoming("rtc_1"))
    async with asyncio.timeout(DEADLINE):
        mine = await anext(calls.claims())
        server.stop()
        await mine.save({"said": "hello"})
        assert not await mine.is_ours()  # nobody knows: a tool had better not act
        server.start()
        await answering(store)
        while await store.hget("openai_realtime:calls:rtc_1", "conversation") != '{"said":"hello"}':
            pass
        assert await mine.is_ours()
        server.stop()
        await mine.release()
    assert "Redis" in caplog.text
    await calls.close()


async def test_a_worker_that_was_paused_finds_that_it_lost_its_call(store: Any) -> None:
    slow, quick = RedisCalls(store, lease=0.2), RedisCalls(store, lease=0.2)
    await slow.add(incoming("rtc_1"))
    async with asyncio.timeout(DEADLINE):
        mine = await anext(slow.claims())
        assert await mine.is_ours()
        await mine.save({"said": "hello"})
        assert await mine.begin_accept()
        slow._renewing.cancel()  # type: ignore[union-attr]
        theirs = await anext(quick.claims())
        assert theirs.conversation == {"said": "hello"}
        assert not await theirs.begin_accept()
        assert [await mine.is_ours(), await theirs.is_ours()] == [False, True]
        await mine.save("late")
        await mine.release()
        assert await store.hget("openai_realtime:calls:rtc_1", "conversation") == '{"said":"hello"}'
        await slow._renew(mine)  # type: ignore[arg-type]
        assert mine.lost.is_set()
        assert await theirs.is_ours()
        await theirs.release()
        await slow.add(incoming("rtc_1"))  # a late redelivery
        assert await store.xlen("openai_realtime:calls") == 0
    await slow.close()
    await quick.close()


async def test_an_entry_that_is_no_call_stops_no_other(store: Any) -> None:
    calls = RedisCalls(store, lease=0.2)
    await store.xadd("openai_realtime:calls", {"event": "made by hand"})
    await store.xadd("openai_realtime:calls", {"other": "fields"})
    await calls.add(incoming("rtc_1"))
    async with asyncio.timeout(DEADLINE):
        mine = await anext(calls.claims())
        assert mine.event.data.call_id == "rtc_1"
        assert await store.xlen("openai_realtime:calls") == 1
    await calls.close()


async def test_renewing_outlives_an_error_of_redis(store: Any, caplog: pytest.LogCaptureFixture) -> None:
    calls = RedisCalls(store, lease=0.2)
    await calls.add(incoming("rtc_1"))
    async with asyncio.timeout(DEADLINE):
        mine = await anext(calls.claims())
        await store.delete("openai_realtime:calls")  # the group is gone, the call's hash is not
        await until(lambda: "NOGROUP" in caplog.text)
        await store.delete("openai_realtime:calls:rtc_1")
        while not await mine.is_ours():
            pass
    await calls.close()


def test_a_client_that_does_not_decode_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="decode_responses"):
        RedisCalls(redis.asyncio.Redis())
