"""How tasks are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def stop(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel `tasks` and wait for their ends, also if this is cancelled meanwhile.

    Not by gather, which then raises an error of its own, in which no cancel scope knows its cancellation.
    """
    left, cancelled = set(tasks), None
    while left:
        for task in left:
            task.cancel()
        try:
            done, left = await asyncio.wait(left)
        except asyncio.CancelledError as error:
            cancelled = error
            done = {task for task in left if task.done()}
            left -= done
        for task in done:
            if not task.cancelled():
                task.exception()  # seen
    if cancelled is not None:
        raise cancelled
