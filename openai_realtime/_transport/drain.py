"""`share_drain`: several tasks wait until the kernel has what was written, and each can be cancelled alone."""

from __future__ import annotations

import asyncio
from types import MethodType
from typing import Any


def share_drain(protocol: Any) -> None:
    """Let a send that is cancelled while it waits for room cancel no other.

    aiohttp hands all who wait the same bare future: it is cancelled with the first of them, and so are the others, the
    reader's pong among them, and all who come later.
    """
    protocol._drain_helper = MethodType(_drain, protocol)  # noqa: SLF001


async def _drain(protocol: Any) -> None:
    if protocol.transport is None:
        raise ConnectionResetError("the connection was lost")
    if protocol._paused:  # noqa: SLF001 - aiohttp has no public name for any of it
        waiter = protocol._drain_waiter = protocol._drain_waiter or _future()  # noqa: SLF001
        await asyncio.shield(waiter)


def _future() -> asyncio.Future[None]:
    """Make a future whose error is no news if nobody waits any more."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
