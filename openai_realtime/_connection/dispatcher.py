"""`Dispatcher`: gives each event of the server to whom it concerns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from openai_realtime._codec.converter import decode_server_event, dumps
from openai_realtime._config import ConnectOptions
from openai_realtime._transport.websocket import Entry
from openai_realtime.models.events import Dialect, ServerEvent

from .expiry import Expiry
from .inbox import Inbox
from .observers import Observer, Observers
from .requests import FOLLOWED_TYPES, Requests

_SESSION = ("session.created", "session.updated")


class Dispatcher:
    """Gives an event to the observers, an answer to who asked, and all but his errors to the inbox."""

    __slots__ = ("_dialect", "_session", "expiry", "inbox", "observers", "requests")

    def __init__(
        self, options: ConnectOptions, dialect: Dialect, observers: Sequence[Observer], *, tells_end: bool
    ) -> None:
        self.inbox = Inbox(options.buffer_size)
        self.requests = Requests(self.inbox.promise, time.monotonic)
        self.observers = Observers(observers)
        self.expiry = Expiry(self.put) if tells_end else None
        self._dialect: Dialect = dialect
        self._session = b""

    @property
    def session(self) -> Any:
        """The settings in force, as the server told them last. They are kept as text, which is a quarter as large."""
        if not self._session:
            return None
        return getattr(decode_server_event(self._session, dialect=self._dialect), "session", None)

    def put(self, entry: Entry) -> bool:
        """Take an event from the server; whether there is room for another."""
        event = entry[0]
        if self.observers.active:
            self.observers.received(event)
        kind: Any = event.type
        # A type may be anything, also a list.
        if isinstance(kind, str) and kind in FOLLOWED_TYPES and self._is_consumed(event):
            self.inbox.wake()
        else:
            self.inbox.put(entry)
        return not self.inbox.full

    def announce(self, event: ServerEvent) -> None:
        """Take an event that nobody is to read: the observers follow it, and the settings that it tells."""
        if self.observers.active:
            self.observers.received(event)
        self._keep_session(event)

    def _is_consumed(self, event: ServerEvent) -> bool:
        self._keep_session(event)
        return self.requests.received(event, self.inbox.count + 1)

    def _keep_session(self, event: ServerEvent) -> None:
        if event.type in _SESSION:
            self._session = bytes(memoryview(dumps(event.raw)))  # a copy: orjson's bytes have KiB to spare
            if self.expiry is not None:
                self.expiry.follow(event)
