"""`Reader`: the events of a connection on their way from the loop thread to the threads that read them."""

from __future__ import annotations

from collections import deque
from functools import partial
from itertools import islice
from queue import SimpleQueue

from openai_realtime._connection.inbox import Inbox
from openai_realtime._transport.websocket import Entry
from openai_realtime.models.events import ServerEvent


class Reader:
    """Hands a connection's events from the loop thread to others. An interrupt loses none.

    Those events count as unread in the connection until `mark_read` tells it.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._arrived = 0
        self._ended = False
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()  # None is the end, and stays there
        self._returned: deque[Entry | None] = deque()
        inbox.listen(self._put)

    def get(self, timeout: float | None) -> ServerEvent:
        """Take the next event. Raises queue.Empty after `timeout` seconds, and EOFError at the end."""
        taken: list[Entry | None] = []
        try:
            get = self._returned.popleft if self._returned else partial(self._queue.get, timeout=timeout)
            taken.extend(islice(iter(get, self), 1))  # taken and stored by one call, which no interrupt cuts in two
            if taken[0] is not None:
                return taken[0][0]
            self._queue.put(None)
        except IndexError:  # another thread took what was returned
            return self.get(timeout)
        except BaseException:
            self._returned.extend(taken)  # an interrupt kept it from the caller
            raise
        raise EOFError

    def unread(self) -> int:
        """Return how many events nobody has taken."""
        waiting = self._queue.qsize() + len(self._returned)
        return max(waiting - 1, 0) if self._ended else waiting

    def must_mark(self) -> bool:
        """Whether nothing comes before `mark_read`: the connection believes its buffer to be full."""
        return self._inbox.full and self._queue.empty()

    async def mark_read(self) -> None:
        """Make room in the connection's buffer for what was taken."""
        self._inbox.read_to(self._arrived - self.unread())

    def _put(self, entry: Entry | None) -> None:
        self._queue.put(entry)
        if entry is None:
            self._ended = True
        else:
            self._arrived += 1
