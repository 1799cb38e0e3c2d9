"""The events of a connection that nobody has read yet, and who waits for which.

The buffer is bounded by bytes: when it is full, `room` holds back the reader task and so, over TCP, the server. Nothing
is dropped. Whoever waits for a certain event sees it without taking it from the iteration.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from itertools import islice
from typing import TypeAlias

from .errors import ConnectionClosedError, RealtimeError, UnreadEventsError
from .models.events import ServerEvent

Match: TypeAlias = Callable[[ServerEvent], bool]


class Inbox:
    """Unread events in order. `limit` is bytes of JSON; while somebody waits for an answer, twice as many are taken."""

    def __init__(self, limit: int) -> None:
        self.ended: ConnectionClosedError | None = None
        self._limit = limit
        self._unread: deque[tuple[ServerEvent, int]] = deque()
        self._bytes = 0
        self._read = 0  # events read since the start: the index of the first unread one
        self._waited = 0  # waits look at no event before this index
        self._waits: list[tuple[Match, asyncio.Future[ServerEvent]]] = []
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._unread)

    def put(self, event: ServerEvent, size: int) -> None:
        """Add an event of `size` bytes and wake whom it concerns."""
        self._unread.append((event, size))
        self._bytes += size
        if self._waits:
            self._tell(event)
        self._changed.set()

    @property
    def full(self) -> bool:
        """Whether nothing more should be read at the moment."""
        return self._bytes >= self._limit

    async def room(self) -> None:
        """Return when there is room for another event."""
        while self.full:
            if self._waits and self._bytes < 2 * self._limit:
                return
            message = f"{self._bytes} bytes of events are unread; iterate over the connection to read on"
            self.fail_waits(UnreadEventsError(message))
            await self._change()

    async def unread(self) -> list[ServerEvent]:
        """All unread events, at least one; `read_to` then counts them as read.

        Raises ConnectionClosedError when all are read and no more can come.
        """
        while not self._unread:
            if self.ended is not None:
                raise self.ended
            await self._change()
        return [event for event, _ in self._unread]

    async def next(self) -> ServerEvent:
        """Take the oldest unread event. Raises ConnectionClosedError as `unread` does."""
        while not self._unread:
            await self.unread()
        return self.take()

    def take(self) -> ServerEvent:
        """Take the oldest unread event, without waiting. Raises IndexError if there is none."""
        event, size = self._unread.popleft()
        self._read += 1
        if self._bytes >= self._limit:
            self._changed.set()  # there may be room now
        self._bytes -= size
        return event

    def read_to(self, count: int) -> None:
        """Count the first `count` events of the session as read."""
        while self._read < count:
            self.take()

    def expect(self, match: Match, *, unread: bool = False) -> asyncio.Future[ServerEvent]:
        """A future of the next event that `match` accepts; with `unread`, of the first of those already here.

        It fails with ConnectionClosedError when that cannot come any more.
        """
        future: asyncio.Future[ServerEvent] = asyncio.get_running_loop().create_future()
        found = self._find(match) if unread else None
        if found is not None:
            future.set_result(found)
        elif self.ended is not None:
            future.set_exception(self.ended)
        else:
            wait = (match, future)
            self._waits.append(wait)
            future.add_done_callback(lambda _: self._waits.remove(wait))
            self._changed.set()  # the reader may go on past a full buffer now
        return future

    def end(self, error: ConnectionClosedError) -> None:
        """No event comes any more: wake everybody."""
        self.ended = error
        self.fail_waits(error)
        self._changed.set()

    def fail_waits(self, error: RealtimeError, kept: Collection[asyncio.Future[ServerEvent]] = ()) -> None:
        """Let all waits fail, but those in `kept`."""
        for _, future in self._waits:
            if not future.done() and future not in kept:
                future.set_exception(error)

    def _find(self, match: Match) -> ServerEvent | None:
        start = max(self._waited - self._read, 0)
        for index, (event, _) in enumerate(islice(self._unread, start, None), start + 1):
            if match(event):
                self._waited = self._read + index
                return event
        return None

    def _tell(self, event: ServerEvent) -> None:
        for match, future in self._waits:
            if not future.done() and match(event):
                future.set_result(event)
                self._waited = self._read + len(self._unread)

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
