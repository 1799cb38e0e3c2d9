"""`Observer`: what follows a session, such as a recorder or a meter of costs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from openai_realtime._logging import SESSION
from openai_realtime.errors import InvalidRequestError, Problem
from openai_realtime.models.events import ClientEvent, ServerEvent

__all__ = ["Observer"]


class Observer(Protocol):
    """Follows a session: ``connect(..., observers=[...])``, or feed it by hand.

    Both functions are plain, run in the event loop, and get each event in order, before anybody reads it, also on the
    connections that replace a lost one: there a `Reconnected` is received first. An observer that raises is logged,
    kept in the connection's `observer_errors`, and called no more. One with a method ``opened(connection)`` gets the
    asyncio connection when it is open, to act on it; one with ``closed()`` is told of the end.
    """

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server."""

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""


class Observers:
    """Those who follow one session, without the power to end it."""

    __slots__ = ("active", "errors")

    def __init__(self, observers: Sequence[Observer]) -> None:
        if not isinstance(observers, Sequence):
            raise InvalidRequestError([Problem("observers", "invalid_type", observers, "a list of observers")])
        self.active = tuple(observers)
        """Those who have not raised."""
        self.errors: list[BaseException] = []
        for index, observer in enumerate(observers):
            if isinstance(observer, type) or not _is_observer(observer):
                allowed = "an observer with the plain functions sent(event) and received(event)"
                raise InvalidRequestError([Problem(f"observers[{index}]", "invalid_type", observer, allowed)])

    def opened(self, connection: object) -> None:
        """Give the open connection to those who want to act on it."""
        self._each("opened", connection)

    def sent(self, event: ClientEvent) -> None:
        """Tell of an event that goes to the server."""
        self._each("sent", event)

    def received(self, event: ServerEvent) -> None:
        """Tell of an event from the server."""
        for observer in self.active:
            try:  # not by `_each`: this is for every event
                observer.received(event)
            except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - its defect must not end the session
                self._drop(observer, error)

    def closed(self) -> None:
        """Tell those who want to know that the session is over."""
        self._each("closed")

    def _each(self, name: str, *arguments: Any) -> None:
        for observer in self.active:
            call: Callable[..., object] | None = getattr(observer, name, None)
            try:
                if call is not None:
                    call(*arguments)
            except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - as above
                self._drop(observer, error)

    def _drop(self, observer: Observer, error: BaseException) -> None:
        self.active = tuple(other for other in self.active if other is not observer)
        self.errors.append(error)
        SESSION.error("the observer %s raised and is not called again", type(observer).__name__, exc_info=error)


def _is_observer(observer: object) -> bool:
    """Whether it has both functions, and none is async: nobody would await it."""
    functions = [getattr(observer, name, None) for name in ("sent", "received", "opened", "closed")]
    return all(map(callable, functions[:2])) and not any(map(inspect.iscoroutinefunction, functions))
