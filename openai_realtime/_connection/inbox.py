"""The events of a connection that nobody has read yet, and who waits for what.

The buffer is bounded by bytes: when it is full, `room` holds back the reader task and so, over TCP, the server. Nothing
is dropped. Whoever waits for a certain event sees it without taking it from the iteration.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Callable, Collection
from itertools import islice
from typing import Final, TypeAlias

from openai_realtime._transport.websocket import Entry
from openai_realtime.errors import ConnectionClosedError, RealtimeError, UnreadEventsError
from openai_realtime.models.events import ServerEvent

from .requests import Wait

Match: TypeAlias = Callable[[ServerEvent], bool]
Listener: TypeAlias = Callable[[Entry | None], None]
"""Takes every event as it comes, and None after the last."""

_EMPTY: Final[deque[Entry]] = deque()  # never filled; one of its own takes 760 bytes of a connection that idles


class Inbox:
    """Unread events in order. `limit` is bytes of JSON; while somebody waits for an answer, twice as many are taken."""

    __slots__ = (
        *("_bounded", "_bytes", "_limit", "_listener", "_read", "_waiters", "_unread", "_waited", "_waits"),
        *("ended", "full"),
    )  # thousands of connections may be open

    def __init__(self, limit: int) -> None:
        self.ended: ConnectionClosedError | None = None
        self.full = False
        """Whether nothing more should be read at the moment."""
        self._limit = limit
        self._bounded = True
        self._unread = _EMPTY
        self._bytes = 0
        self._read = 0  # events read since the start: the index of the first unread one
        self._waited = 0  # waits look at no event before this index
        self._waits: list[tuple[Match | None, Wait]] = []
        self._listener: Listener | None = None
        # Futures and no asyncio.Event: thousands of connections may be open, and one costs 800 bytes.
        self._waiters: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._unread)

    @property
    def count(self) -> int:
        """How many events came since the start, read or not."""
        return self._read + len(self._unread)

    def bound(self, *, on: bool) -> None:
        """Keep to the limit, or not: what is left of a connection that is gone is little, and somebody waits for it."""
        self._bounded = on
        self.full = on and self._bytes >= self._limit
        self.wake()

    def put(self, entry: Entry) -> None:
        """Add an event and wake whom it concerns."""
        if self._unread:
            self._unread.append(entry)
        else:
            self._unread = deque((entry,))
        self._bytes += entry[1]
        if self._bytes >= self._limit:
            self.full = self._bounded
        if self._waits:
            self._fulfil(entry[0])
        if self._listener is not None:
            self._listener(entry)
        if self._waiters:
            self.wake()

    async def room(self) -> None:
        """Return when there is room for another event."""
        while self.full:
            if self._waits and self._bytes < 2 * self._limit:
                return
            message = f"{self._bytes} bytes of events are unread; iterate over the connection to read on"
            self.fail_waits(UnreadEventsError(message))
            await self.change()

    async def next(self) -> ServerEvent:
        """Take the oldest unread event. Raises ConnectionClosedError when all are read and no more can come."""
        while not self._unread:
            self.check_open()
            await self.change()
        return self.take()

    def take(self) -> ServerEvent:
        """Take the oldest unread event, without waiting. Raises IndexError if there is none."""
        event, size = self._unread.popleft()
        if not self._unread:
            self._unread = _EMPTY
        self._read += 1
        self._bytes -= size
        if self.full:
            self.full = self._bytes >= self._limit
            self.wake()  # there may be room now
        return event

    def listen(self, listener: Listener) -> None:
        """Let `listener` have all unread events and those to come. They stay unread until `read_to`."""
        for entry in self._unread:
            listener(entry)
        if self.ended is not None:
            listener(None)
        self._listener = listener

    def read_to(self, count: int) -> None:
        """Count the first `count` events of the session as read."""
        while self._read < count:
            self.take()

    def check_open(self) -> None:
        """Raise what the session ended with, if it has."""
        if self.ended is not None:
            raise _fresh(self.ended)

    def expect(self, match: Match, *, unread: bool = False) -> Wait:
        """Make a future of the next event that `match` accepts; with `unread`, of the first of those already here.

        It fails with ConnectionClosedError when that cannot come any more. Call `skip_to` when its event is given out.
        """
        future: Wait = asyncio.get_running_loop().create_future()
        found = self.find(match) if unread else None
        if found is not None:
            future.set_result(found)
        else:
            self._add(match, future)
        return future

    def promise(self) -> Wait:
        """Make a future that somebody else fulfils. It fails as those of `expect` do."""
        future: Wait = asyncio.get_running_loop().create_future()
        self._add(None, future)
        return future

    def _add(self, match: Match | None, future: Wait) -> None:
        if self.ended is not None:
            future.set_exception(_fresh(self.ended))
            return
        wait = (match, future)
        self._waits.append(wait)
        future.add_done_callback(lambda _: self._waits.remove(wait))
        self.wake()  # the reader may go on past a full buffer now

    def skip_to(self, index: int) -> None:
        """Let later waits look at no event before `index`."""
        self._waited = max(self._waited, index)

    def end(self, error: ConnectionClosedError) -> None:
        """No event comes any more: wake everybody."""
        self.ended = error
        self.fail_waits(error)
        if self._listener is not None:
            self._listener(None)
        self.wake()

    def fail_waits(self, error: RealtimeError, kept: Collection[Wait] = ()) -> None:
        """Let all waits fail, but those in `kept`."""
        for _, future in self._waits:
            if not future.done() and future not in kept:
                future.set_exception(_fresh(error))

    async def change(self) -> None:
        """Return after the next change here, or the next `wake`."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:  # cancelled
                self._waiters.remove(waiter)

    def wake(self) -> None:
        """Let everybody who waits for a change look again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _fulfil(self, event: ServerEvent) -> None:
        for match, future in self._waits:
            try:
                if match is not None and not future.done() and match(event):
                    future.set_result((event, self.count))
            # Of the user's function: it is told to whom it belongs. An exit too, which would end the event loop here.
            except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001
                # A future takes no StopIteration.
                future.set_exception(RuntimeError(repr(error)) if isinstance(error, StopIteration) else error)

    def find(self, match: Match) -> tuple[ServerEvent, int] | None:
        """Find the first unread event that `match` accepts, from where waits look on, and the index behind it."""
        start = max(self._waited - self._read, 0)
        for index, (event, _) in enumerate(islice(self._unread, start, None), start + 1):
            if match(event):
                return event, self._read + index
        return None


def _fresh(error: RealtimeError) -> RealtimeError:
    """Make a copy to raise: each raise adds to an exception's traceback, and so holds what the frames there hold."""
    fresh = copy.copy(error)
    fresh.__cause__ = error.__cause__
    return fresh
