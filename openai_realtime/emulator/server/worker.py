"""A thread for what is large, so that whoever sends it delays no other client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_LARGE = 16 * 1024  # what is smaller takes the event loop a few milliseconds, whatever is in it
HUGE = 1024 * 1024
_BYTES_A_SECOND = 1e9  # of what is huge: to copy, to encode and to compress


async def rest(size: int) -> None:
    """Let the others do their work, and for about as long as `size` bytes took if those were many."""
    await asyncio.sleep(size / _BYTES_A_SECOND if size > HUGE else 0)


class Worker:
    """One thread, which begins with the first thing that is large: more of them would only wait for each other."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Give what `work`, which must not change anything, makes of something of `size` bytes."""
        if size <= _LARGE:
            return work(*args, **kwargs)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "openai-realtime-emulator-worker")
        return await asyncio.wrap_future(self._executor.submit(work, *args, **kwargs))

    def close(self) -> None:
        """End the thread, when it has done what it does: a second at most."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(cancel_futures=True)
