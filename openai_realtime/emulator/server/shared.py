"""A session and all who are connected to it: each gets every event, whoever of them makes its time go on."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from openai_realtime.emulator.sessions.base import Session
from openai_realtime.models.events import ServerEvent

_log = logging.getLogger("openai_realtime.emulator")
S = TypeVar("S", bound=Session)
_MAX_BEHIND = 10_000  # events that one of several connections may be behind the others


class Clock:
    """The time of a session: seconds since it began, `speed` times as fast as life.

    At infinite speed it stands still, and nothing is waited for.
    """

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._start = time.monotonic()

    @property
    def now(self) -> float:
        """Seconds since the session began."""
        return 0.0 if math.isinf(self.speed) else (time.monotonic() - self._start) * self.speed

    @property
    def until(self) -> float:
        """Up to when events are due; infinite if nothing is waited for."""
        return math.inf if math.isinf(self.speed) else self.now

    def seconds_to(self, due: float) -> float | None:
        """Give the seconds of life until `due`; None if time alone does not bring it about."""
        if math.isinf(due) or math.isinf(self.speed):
            return None
        return max(0.0, (due - self.now) / self.speed)


class Subscription:
    """The events of a session for one of its connections.

    `wake` is called when there are some, or may be; `fall_behind` once, when there are too many: then no more come.
    """

    def __init__(self, shared: SharedSession[Any], wake: Callable[[], None], fall_behind: Callable[[], None]) -> None:
        self.wake = wake
        self.events: deque[ServerEvent] = deque()
        self._shared = shared
        self._fall_behind = fall_behind

    def put(self, event: ServerEvent) -> None:
        """Add an event."""
        self.events.append(event)
        self.wake()
        if len(self.events) > _MAX_BEHIND:
            self.events.clear()
            self._shared.leave(self)
            self._fall_behind()

    def pull(self) -> ServerEvent | None:
        """Give the next event that is due; None if there is none now."""
        if not self.events:
            self._shared.step()
        return self.events.popleft() if self.events else None


class SharedSession(Generic[S]):
    """A session that several connections may have. Those of a call all run by one `clock`.

    `resuming` says that a response which is paused, or the next one that will be, shall go on.
    """

    def __init__(self, session: S, speed: float) -> None:
        self.session = session
        self.clock = Clock(speed)
        self.resuming = False
        self._subscriptions: list[Subscription] = []

    def join(self, wake: Callable[[], None], fall_behind: Callable[[], None]) -> Subscription:
        """Give a connection all events from now on."""
        subscription = Subscription(self, wake, fall_behind)
        self._subscriptions.append(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Give no more events to a connection. Does nothing if it has left."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def step(self) -> None:
        """Take the next event that is due to all connections."""
        event = self.session.pull(self.clock.until)
        if event is None:
            return
        _log.info("%s < %s", self.session.id, event.type)
        for observer in self.session.observers:
            observer.received(event)
        for subscription in [*self._subscriptions]:
            subscription.put(event)

    def resume(self) -> bool:
        """Let go on what is paused, if it shall; give whether something was."""
        resumed = self.resuming and self.session.timeline.wake()
        self.resuming = self.resuming and not resumed
        return resumed

    def catch_up(self) -> None:
        """Let the session know what time it is, because something happens that nothing in it waited for."""
        self.session.timeline.now = max(self.session.timeline.now, self.clock.now)

    def wake(self) -> None:
        """Let all connections look again whether there is something to do."""
        for subscription in self._subscriptions:
            subscription.wake()
