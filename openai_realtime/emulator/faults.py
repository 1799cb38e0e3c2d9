"""Faults on request: what a server, or the network before it, does wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from openai_realtime._validators import checked, is_number, kind_of
from openai_realtime.errors import ConfigurationError
from openai_realtime.models.server_events import ErrorDetails

SESSION = "session"
CONNECT = "connect"  # the request that opens a WebSocket

_place = checked(
    lambda at: at >= 0 if isinstance(at, int) else isinstance(at, str) and bool(at),
    "neither a number of events nor the type of one",
)
_seconds = checked(lambda seconds: is_number(seconds) and seconds >= 0, "not a number from 0 on")
_status = checked(lambda status: status is None or status in range(200, 600), "not between 200 and 599")
_close_code = checked(lambda code: code in range(1000, 5000), "not between 1000 and 4999")
_text = checked(lambda text: isinstance(text, str | bytes), "neither text nor bytes", shown=kind_of)


@attrs.frozen
class Fault:
    """One thing that goes wrong, once. `Emulator.inject_fault` says where.

    In a session `at` says when: after so many events, or before the first event of a type.
    """

    for_requests: ClassVar[bool] = False
    for_sessions: ClassVar[bool] = True

    at: int | str = attrs.field(default=0, kw_only=True, validator=_place)


@attrs.frozen
class Drop(Fault):
    """Cut the connection with a TCP reset."""

    for_requests: ClassVar[bool] = True


@attrs.frozen
class Silence(Fault):
    """Send nothing any more, not even answers to pings, and keep the connection."""

    for_requests: ClassVar[bool] = True


@attrs.frozen
class Delay(Fault):
    """Wait so many seconds before what comes next: an event, or the answer to a request."""

    for_requests: ClassVar[bool] = True

    seconds: float = attrs.field(validator=_seconds)


@attrs.frozen
class HalfFrame(Fault):
    """Cut the connection in the middle of a frame."""


@attrs.frozen
class Close(Fault):
    """Close the connection with `code` and `reason`; before that, send `error` as an event if there is one."""

    code: int = attrs.field(default=1011, validator=_close_code)
    reason: str = ""
    error: ErrorDetails | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class Expire(Fault):
    """End the session as if its hour were over."""


@attrs.frozen
class Message(Fault):
    """Send `message` in between: text as it is, be it JSON or not, and bytes as a binary message."""

    message: str | bytes = attrs.field(repr=False, validator=_text)


@attrs.frozen
class Swap(Fault):
    """Send the next event after the one that follows it; it is held until that one comes."""


@attrs.frozen
class HTTPResponse(Fault):
    """Answer a request with something else; what is not set stays ordinary.

    - `status`: the status of the answer. From 400 on its body is an API error, unless `body` is given.
    - `body`: the body: bytes and text as they are, anything else as JSON.
    - `headers`: more headers, or other values for the ordinary ones.
    - `content_type`: the Content-Type, ``application/json`` for a `body` without one.
    - `truncate`: promise more than is sent, then close the connection.

    With a `body`, or a `status` from 300 on, the operation is not carried out.
    """

    for_requests: ClassVar[bool] = True
    for_sessions: ClassVar[bool] = False

    status: int | None = attrs.field(default=None, validator=_status)
    body: Any = None
    headers: Mapping[str, str] = attrs.field(factory=dict, kw_only=True)
    content_type: str | None = attrs.field(default=None, kw_only=True)
    truncate: bool = attrs.field(default=False, kw_only=True)


class FaultQueue:
    """The faults to come: those of each operation's next requests, of the next WebSockets, of the next sessions."""

    def __init__(self, operations: Iterable[str]) -> None:
        self._queues: dict[str, deque[Sequence[Fault]]] = {name: deque() for name in (SESSION, CONNECT, *operations)}

    def check(self, operation: str, faults: Sequence[object]) -> None:
        """Raise ConfigurationError for an unknown operation, and for what is no fault or cannot happen there."""
        if operation not in self._queues:
            raise ConfigurationError(f"operation: {operation!r} is none of {', '.join(self._queues)}")
        for fault in faults:
            name = type(fault).__name__
            if not isinstance(fault, Fault):
                raise ConfigurationError(f"fault: {name} is no class of openai_realtime.emulator.faults")
            if not (fault.for_sessions if operation == SESSION else fault.for_requests):
                raise ConfigurationError(f"fault: {name} cannot happen to a {operation}")

    def put(self, operation: str, faults: Sequence[Fault], times: int) -> None:
        """Queue `faults` for each of the next `times` of an operation that nothing is queued for yet."""
        self._queues[operation].extend([faults] * times)

    def get(self, operation: str) -> Sequence[Fault]:
        """Take the faults of what happens now; none if nothing shall go wrong."""
        queue = self._queues[operation]
        return queue.popleft() if queue else ()
