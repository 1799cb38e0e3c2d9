"""A thread with an event loop, for an emulator that blocking code uses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

_DEADLINE = 10.0  # seconds within which the server starts, or ends


class ServerThread(threading.Thread):
    """A daemon thread that serves from `start` to `stop`, which it awaits in a loop of its own."""

    def __init__(self, start: Callable[[], Awaitable[object]], stop: Callable[[], Awaitable[object]]) -> None:
        super().__init__(name="openai-realtime-emulator", daemon=True)
        self._ready: Future[None] = Future()
        self._begin = start
        self._end = stop

    def run(self) -> None:  # noqa: D102 - Thread's
        asyncio.run(self._serve())

    def open(self) -> None:
        """Start, and wait until the server listens. Raises what its start raised."""
        self.start()
        self._ready.result(_DEADLINE)

    def close(self) -> None:
        """End the server and wait for the thread."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self.join(_DEADLINE)

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._begin()
        except Exception as error:  # noqa: BLE001 - it is raised in the thread that called `open`
            self._ready.set_exception(error)
            return
        self._ready.set_result(None)
        await self._stopped.wait()
        await self._end()
