"""A line to the server that is slow, and cut after some bytes, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import attrs

_PIECE = 4096


@attrs.frozen
class Weather:
    """What happens to one connection: after so many bytes each way it is cut; `rate` is bytes a second."""

    up: int | None = None
    down: int | None = None
    rate: float | None = None


@attrs.frozen
class _Way:
    left: int | None
    rate: float | None

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Carry bytes from one end to the other; say whether the line is to be cut."""
        try:
            return await self._carry(reader, writer)
        except OSError:
            return True

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        left = self.left
        while data := await reader.read(_PIECE):
            writer.write(data[:left])
            await writer.drain()
            left = None if left is None else left - len(data)
            if left is not None and left <= 0:
                await asyncio.sleep(0.01)  # what was written is out
                return True
            if self.rate is not None:
                await asyncio.sleep(len(data) / self.rate)
        writer.write_eof()
        return False


class Line:
    """Relays to a port, each connection in a weather of its own, until `clear`."""

    def __init__(self, port: int, rng: random.Random) -> None:
        self._port = port
        self._rng = rng
        self._is_clear = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()

    def clear(self) -> None:
        """Let nothing happen to the connections from now on; those that are open keep their weather."""
        self._is_clear = True

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve, and give the base URL."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        finally:
            server.close()
            while self._tasks:  # not cancelled: a cancelled open_connection leaves its socket open
                for end in self._ends:
                    end.transport.abort()
                await asyncio.wait(self._tasks, timeout=0.1)

    def _weather(self) -> Weather:
        rng = self._rng
        if self._is_clear:
            return Weather()
        rate = rng.choice([None, None, 50_000.0, 1_000_000.0])
        # The size of a cut by its exponent: as many in the first kilobyte as in the last half megabyte.
        cut = int(500 * 2 ** rng.uniform(0, 10))
        return rng.choice([Weather(rate=rate), Weather(up=cut, rate=rate), Weather(down=cut, rate=rate)])

    def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        weather = self._weather()
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        ends = {writer, there_writer}
        self._ends |= ends
        ways = [
            asyncio.create_task(_Way(weather.up, weather.rate).carry(reader, there_writer)),
            asyncio.create_task(_Way(weather.down, weather.rate).carry(there_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if not any(way.done() and way.result() for way in ways):
            await asyncio.wait(ways, timeout=1)  # one end has closed: what the other still says gets through
        for end in ends:
            end.transport.abort()
        await asyncio.wait(ways)
        self._ends -= ends
