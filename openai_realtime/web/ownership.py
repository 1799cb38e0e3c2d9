"""Who owns a call: one worker at a time, and another one when that worker is gone."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

from openai_realtime.models.webhooks import RealtimeCallIncoming

__all__ = ["CallOwnership", "MemoryCalls", "OwnedCall"]

_REMEMBERED: Final = 10_000


class OwnedCall(Protocol):
    """A call that this worker owns until its lease ends, it is released, or handed over."""

    event: RealtimeCallIncoming
    conversation: Any
    """What the owner before saved, as JSON; None for a call that nobody had."""
    lost: asyncio.Event
    """Set when another worker owns the call: what runs here for it must end, and leave the call alone."""

    async def begin_accept(self) -> bool:
        """Return True to the first who asks: the one who is to accept the call."""
        ...

    async def is_ours(self) -> bool:
        """Ask whether this worker owns the call now. A tool asks before it does what must not be done twice."""
        ...

    async def save(self, conversation: Any) -> None:
        """Keep JSON for the next owner."""

    async def release(self) -> None:
        """Forget the call: it is over."""

    async def hand_over(self) -> bool:
        """Give the call to whichever worker is first to take it; False if there can be none, and the call must end."""
        ...


class CallOwnership(Protocol):
    """Where calls are kept that any of several workers may own."""

    async def add(self, event: RealtimeCallIncoming) -> None:
        """Keep an incoming call; the same call again changes nothing. Only then its webhook may be answered."""

    def claims(self) -> AsyncIterator[OwnedCall]:
        """Yield the calls that this worker owns from now on: new ones, and those whose owner is gone."""
        ...

    def stop(self) -> None:
        """End `claims`; the calls that this worker owns stay its own."""

    async def close(self) -> None:
        """Stop renewing what this worker owns."""


class _MemoryCall:
    """A call of this process, which nobody else can own."""

    conversation: Any = None

    def __init__(self, event: RealtimeCallIncoming) -> None:
        self.event = event
        self.lost = asyncio.Event()
        self._accepted = False

    async def begin_accept(self) -> bool:
        first, self._accepted = not self._accepted, True
        return first

    async def is_ours(self) -> bool:
        return True

    async def save(self, conversation: Any) -> None:
        self.conversation = conversation

    async def release(self) -> None:
        """Nothing is kept of it but its id."""

    async def hand_over(self) -> bool:
        return False


class MemoryCalls:
    """The calls of one process: they end with it."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[_MemoryCall | None] = asyncio.Queue()
        self._known: OrderedDict[str, None] = OrderedDict()  # by call id: webhooks are delivered again for 72 hours

    async def add(self, event: RealtimeCallIncoming) -> None:
        """Keep an incoming call; the same call again changes nothing."""
        if event.data.call_id in self._known:
            return
        self._known[event.data.call_id] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        self._waiting.put_nowait(_MemoryCall(event))

    async def claims(self) -> AsyncIterator[OwnedCall]:
        """Yield each call once."""
        while (call := await self._waiting.get()) is not None:
            yield call

    def stop(self) -> None:
        """End `claims` after the calls that wait."""
        self._waiting.put_nowait(None)

    async def close(self) -> None:
        """Do nothing: there is no lease."""
