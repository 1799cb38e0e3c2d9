"""What a client of the emulator does to another one: the longest step of its event loop, and how long answers take.

``python benchmarks/isolation.py [NEIGHBOUR ...]``. A step is what the loop runs without a pause: its CPU time hardly
depends on what else the machine does, where the round trips of the other client do. The emulator, the bad neighbour and
the other client are three processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
from pybase64 import b64encode

from openai_realtime.emulator import Emulator, Reply

SECONDS = 3.0
MODEL = "?model=gpt-realtime-2.1"
_STORY = "Tell me a story."
_LONG = "Tell me a long story."
_TEN_MINUTES = 48_000 * 600


class Neighbour:
    """A client that does what no client should, with sockets of its own."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http

    async def connect(self, query: str = MODEL, **options: Any) -> aiohttp.ClientWebSocketResponse:
        """Open a session."""
        return await self.http.ws_connect("realtime" + query, max_msg_size=0, **options)

    async def repeat(self, work: Callable[[], Awaitable[Any]]) -> None:
        """Do `work` again and again, until the server has had enough."""
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            while True:
                await work()

    async def floods_small_events(self) -> None:
        """Send events that are refused."""
        socket = await self.connect()
        await self.repeat(lambda: socket.send_str('{"type":"response.cancel"}'))

    async def floods_invalid_json(self) -> None:
        """Send messages of 1 MB that are no JSON."""
        socket = await self.connect()
        text = "[" * 1_000_000
        await self.repeat(lambda: socket.send_str(text))

    async def appends_15_mib(self) -> None:
        """Send the most audio that one event may have, without a pause."""
        await self._append(await self.connect(), _noise(15 << 20))

    async def appends_15_mib_of_g711(self) -> None:
        """Send the same of 8,000 samples a second, which is half an hour."""
        socket = await self.connect()
        audio = {"input": {"format": {"type": "audio/pcmu"}, "transcription": {"model": "gpt-live-transcribe"}}}
        await socket.send_json({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
        await self._append(socket, _noise(15 << 20))

    async def appends_15_mib_compressed(self) -> None:
        """Send the same over a WebSocket that compresses."""
        await self._append(
            await self.connect(compress=15),
            (bytes(range(100)) * 160_000)[: 15 << 20],
        )

    async def commits_15_mib(self) -> None:
        """Speak for five minutes, again and again, and be transcribed and answered."""
        socket = await self.connect()
        heard = {"turn_detection": None, "transcription": {"model": "gpt-4o-transcribe"}}
        await socket.send_json({"type": "session.update", "session": {"type": "realtime", "audio": {"input": heard}}})
        append = json.dumps({"type": "input_audio_buffer.append", "audio": _noise(15 << 20)})
        reading = asyncio.ensure_future(_read(socket))

        async def speak() -> None:
            await socket.send_str(append)
            await socket.send_str('{"type":"input_audio_buffer.commit"}')
            await socket.send_str('{"type":"response.create"}')

        await self.repeat(speak)
        reading.cancel()

    async def reads_nothing(self) -> None:
        """Ask for long answers on connections that nobody reads."""
        sockets = [await self.connect() for _ in range(4)]
        for socket in sockets:
            await _stop_reading(socket)
            await _ask(socket, _LONG)
        await asyncio.sleep(3 * SECONDS)

    async def vanishes(self) -> None:
        """Cut connections, or leave them with half a frame."""

        async def come_and_go() -> None:
            sockets = [await self.connect() for _ in range(20)]
            for number, socket in enumerate(sockets):
                await _ask(socket, _STORY)
                transport: Any = socket._writer.transport  # noqa: SLF001 - no other way to send half a frame
                transport.write(b"\x81\xfe\x40\x00half")
                if number % 2:
                    transport.abort()
            await asyncio.sleep(0.05)

        await self.repeat(come_and_go)

    async def slow_loris(self) -> None:
        """Begin requests that never end."""
        host, port = str(self.http._base_url.host), int(self.http._base_url.port or 0)  # noqa: SLF001

        async def begin() -> None:
            _, writer = await asyncio.open_connection(host, port)
            writer.write(b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n")
            for _ in range(100):
                writer.write(b"{")
                await asyncio.sleep(0.001)

        await asyncio.gather(*(self.repeat(begin) for _ in range(20)))

    async def sideband_that_reads_nothing(self) -> None:
        """Let one of two sidebands of a call read nothing, and the other ask for long answers."""
        call_id = await self._call()
        deaf, other = await self.connect(f"?call_id={call_id}"), await self.connect(f"?call_id={call_id}")
        await _stop_reading(deaf)
        reading = asyncio.ensure_future(_read(other))

        async def ask() -> None:
            await _ask(other, _LONG)
            await asyncio.sleep(0.5)

        await self.repeat(ask)
        reading.cancel()

    async def huge_items(self) -> None:
        """Create items with 12 MB of text, and with audio."""
        socket = await self.connect()
        reading = asyncio.ensure_future(_read(socket))
        text, spoken = _item("input_text", text="word " * 2_400_000), _item("input_audio", audio=_noise(12 << 20))

        async def create() -> None:
            await socket.send_str(text)
            await socket.send_str('{"type":"response.create"}')
            await socket.send_str(spoken)
            await socket.send_str('{"type":"response.create"}')

        await self.repeat(create)
        reading.cancel()

    async def many_items(self) -> None:
        """Create 10,000 items, and ask for answers after them."""
        socket = await self.connect()
        reading = asyncio.ensure_future(_read(socket))
        item = _item("input_text", text="Hello.")
        for _ in range(10_000):
            await socket.send_str(item)

        async def ask() -> None:
            await socket.send_str('{"type":"response.create"}')
            await asyncio.sleep(0.01)

        await self.repeat(ask)
        reading.cancel()

    async def many_parts(self) -> None:
        """Create items of 30,000 parts, all good, and all wrong; and of 100,000, which are too many."""
        socket = await self.connect()
        reading = asyncio.ensure_future(_read(socket))
        good, bad = {"type": "input_text", "text": "a"}, {"type": "input_text", "txt": 1}
        texts = [*(_parts([part] * 30_000) for part in (good, bad)), _parts([good] * 100_000)]

        async def create() -> None:
            for text in texts:
                await socket.send_str(text)

        await self.repeat(create)
        reading.cancel()

    async def deep_json(self) -> None:
        """Send JSON that is nested deeply, in fields that take any."""
        socket = await self.connect()
        reading = asyncio.ensure_future(_read(socket))
        deep = '{"a":' * 900 + "1" + "}" * 900
        tool = '{"type":"function","name":"f","parameters":{"type":"object","properties":' + deep + "}}"
        start = '{"type":"session.update","session":{"type":"realtime","tools":['
        await self.repeat(lambda: socket.send_str(start + ",".join([tool] * 80) + "]}}"))
        reading.cancel()

    async def big_bodies(self) -> None:
        """Post 16 MB, of JSON that is refused, and that is taken."""
        wrong = json.dumps({"session": {"type": "realtime", **{f"x{n}": n for n in range(800_000)}}})[: 16 << 20]
        taken = json.dumps({"session": {"type": "realtime", "instructions": "word " * 3_000_000}})

        async def post() -> None:
            for body in (wrong, taken):
                headers = {"Content-Type": "application/json"}
                async with self.http.post("realtime/client_secrets", data=body, headers=headers) as answer:
                    await answer.read()

        await self.repeat(post)

    async def ten_minutes_of_sound(self) -> None:
        """Ask for ten minutes of audio, at once."""
        sockets = [await self.connect() for _ in range(4)]
        readers = [asyncio.ensure_future(_read(socket)) for socket in sockets]

        async def ask() -> None:
            for socket in sockets:
                await _ask(socket, _LONG)
            await asyncio.sleep(0.5)

        await self.repeat(ask)
        for reader in readers:
            reader.cancel()

    async def retrieves_ten_minutes(self) -> None:
        """Retrieve the model's speech of ten minutes again and again."""
        socket = await self.connect()
        await _ask(socket, _LONG)
        item_id = ""
        async for message in socket:
            event = json.loads(message.data)
            if event["type"] == "response.output_item.added":
                item_id = event["item"]["id"]
            if event["type"] == "response.done":
                break
        reading = asyncio.ensure_future(_read(socket))

        async def retrieve() -> None:
            await socket.send_json({"type": "conversation.item.retrieve", "item_id": item_id})
            await asyncio.sleep(0.05)

        await self.repeat(retrieve)
        reading.cancel()

    async def _append(self, socket: aiohttp.ClientWebSocketResponse, audio: str | bytes) -> None:
        data = b64encode(audio).decode() if isinstance(audio, bytes) else audio
        append = json.dumps({"type": "input_audio_buffer.append", "audio": data})
        reading = asyncio.ensure_future(_read(socket))
        await self.repeat(lambda: socket.send_str(append))
        reading.cancel()

    async def _call(self) -> str:
        async with self.http.post(str(self.http._base_url.origin()) + "/emulator/calls") as answer:  # noqa: SLF001
            call_id: str = (await answer.json())["call_id"]
        return call_id


NEIGHBOURS = [name for name in vars(Neighbour) if not name.startswith("_") and name not in ("connect", "repeat")]


def _noise(size: int) -> str:
    return b64encode(os.urandom(1 << 20) * (size >> 20)).decode()


def _parts(parts: list[Any]) -> str:
    return json.dumps(
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": parts}}
    )


def _item(kind: str, **fields: Any) -> str:
    return _parts([{"type": kind, **fields}])


async def _ask(socket: aiohttp.ClientWebSocketResponse, text: str) -> None:
    await socket.send_str(_item("input_text", text=text))
    await socket.send_str('{"type":"response.create"}')


async def _read(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass


async def _stop_reading(socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.receive()
    connection: Any = socket._conn  # noqa: SLF001 - no other way to let bytes lie
    connection.transport.pause_reading()


class Steps:
    """The CPU time of each step of the event loop and of each garbage collection: the longest of both."""

    def __init__(self) -> None:
        self.longest = self.collection = 0.0

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch all event loops of this process."""
        run: Any = asyncio.Handle._run  # noqa: SLF001 - the only place that all steps pass

        def timed(handle: asyncio.Handle) -> None:
            started = time.thread_time()
            run(handle)
            self.longest = max(self.longest, time.thread_time() - started)

        asyncio.Handle._run = timed  # type: ignore[method-assign]  # noqa: SLF001
        gc.callbacks.append(self._collected)
        try:
            yield
        finally:
            gc.callbacks.remove(self._collected)
            asyncio.Handle._run = run  # type: ignore[method-assign]  # noqa: SLF001

    def _collected(self, phase: str, _: object) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.collection = max(self.collection, time.thread_time() - self._began)


def _session(base_url: str, key: str) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {key}"}
    return aiohttp.ClientSession(base_url + "/", headers=headers, timeout=aiohttp.ClientTimeout(total=None))


async def disturb(name: str, base_url: str, key: str) -> None:
    """Be the bad neighbour `name` for some seconds."""
    async with _session(base_url, key) as http:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(getattr(Neighbour(http), name)(), 3 * SECONDS)
        os._exit(0)  # what is buffered for a server that does not read would hold up the end


async def measure(base_url: str, key: str) -> None:
    """Be the other client: print the milliseconds of each round trip."""
    create = _item("input_text", text="Hi.")
    taken = []
    async with _session(base_url, key) as http:
        socket = await http.ws_connect("realtime" + MODEL)
        await socket.receive()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            started = time.perf_counter()
            await socket.send_str(create)
            await socket.receive()
            await socket.receive()
            taken.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(0.005)
    print(json.dumps(taken))


async def beside(name: str) -> tuple[Steps, list[float]]:
    """Run the emulator with a bad neighbour and the other client; give its steps and their round trips."""
    steps = Steps()
    async with Emulator() as emulator:
        emulator.reply(Reply(text="word " * 20_000, audio=bytes(_TEN_MINUTES)), when=_LONG)
        emulator.reply(Reply(text="word " * 1000, audio=bytes(100_000)), when=_STORY)
        where = (emulator.base_url, emulator.api_key)
        bad = await asyncio.create_subprocess_exec(sys.executable, __file__, "--disturb", name, *where)
        await asyncio.sleep(1)  # until it has begun
        gc.freeze()  # as `openai-realtime emulate` does
        with steps.watched():
            other = await asyncio.create_subprocess_exec(
                sys.executable, __file__, "--measure", *where, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await other.communicate()
        with contextlib.suppress(ProcessLookupError):
            bad.kill()
        await bad.wait()
    return steps, json.loads(output)


def main(names: list[str]) -> None:
    """Measure beside each of the bad neighbours, or those with these `names`, and print a line for each."""
    print(f"{'milliseconds':28} longest step  collection  round trip: median    p99    max")
    for name in names or NEIGHBOURS:
        steps, taken = asyncio.run(beside(name))
        *_, late, _ = statistics.quantiles(taken, n=100)
        figures = (steps.longest * 1000, steps.collection * 1000, statistics.median(taken), late, max(taken))
        print("{:28} {:12.1f} {:11.1f} {:19.1f} {:6.1f} {:6.1f}".format(name, *figures), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--disturb", name, base_url, key]:
            asyncio.run(disturb(name, base_url, key))
        case ["--measure", base_url, key]:
            asyncio.run(measure(base_url, key))
        case names:
            main(names)
