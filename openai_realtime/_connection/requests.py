"""Send and wait: the one place where an answer of the server finds who asked for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any, Final, TypeAlias

from openai_realtime.errors import APITimeoutError, InvalidRequestError, Problem, RealtimeEventError
from openai_realtime.models.events import ClientEvent, ServerEvent

from .unanswered import ANSWERS, NOT_ACTIVE, Unanswered

Wait: TypeAlias = asyncio.Future[tuple[ServerEvent, int]]
"""For an event, and the index behind it among all events of the connection."""

FOLLOWED_TYPES: Final = frozenset(
    {"error", "session.created", "response.created", *(answer for answers in ANSWERS.values() for answer in answers)}
)
"""The types of the events that `Requests` wants to see."""
_FORGET: Final = 60.0  # seconds after which an answer comes no more; the slowest the API is known for takes one
_REMEMBERED: Final = 8


class Requests:
    """What was asked of the server, with who waits for it.

    Who gives up, by a timeout or by being cancelled, leaves his request here, so that its late answer is not taken for
    that of a later one.
    """

    __slots__ = ("_late_cancels", "_make_wait", "_now", "_seen", "_waits", "unanswered")  # thousands may be open

    def __init__(self, make_wait: Callable[[], Wait], now: Callable[[], float]) -> None:
        self.unanswered = Unanswered()
        self._make_wait = make_wait
        self._now = now
        self._waits: dict[str, Wait] = {}
        # A cancel that comes too late is no error; the server's word on it may come after all else.
        self._late_cancels: tuple[str, ...] = ()
        self._seen: tuple[str, ...] = ()

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server."""
        now = self._now()
        self.unanswered.sent(event, now)
        self.unanswered.forget(now - _FORGET, self._waits)
        if event.type == "response.cancel":
            self._late_cancels = _last(*self._late_cancels, str(event.event_id))

    def received(self, event: ServerEvent, index: int) -> bool:
        """Give an event of a type in FOLLOWED_TYPES to who asked for it; tell whether it concerns nobody else."""
        raw = event.raw or {}
        if self._waits:
            self._seen = _last(*self._seen, _brief(event))
        consumed = False
        for sent in self.unanswered.received(raw):
            wait = self._waits.get(str(sent.event.event_id))
            if wait is None or wait.done():
                continue
            if event.type == "error":
                wait.set_exception(RealtimeEventError(raw))
                consumed = True
            elif event.type == "input_audio_buffer.cleared" and sent.event.type == "input_audio_buffer.commit":
                wait.set_exception(RealtimeEventError(_NOT_COMMITTED))
            else:
                wait.set_result((event, index))
        late = event.type == "error" and self._is_late_cancel(raw)  # also of one that somebody has: it comes once
        return consumed or late

    async def ask(self, event: ClientEvent, send: Callable[[], Awaitable[None]], timeout: float | None) -> Any:
        """Send an event that has an id; its answer and the index behind that.

        `timeout` is seconds from the moment when `send` is over, which is when the socket has taken the event. Raises
        RealtimeEventError for a refusal, APITimeoutError, and what ends all waits.
        """
        check_timeout(timeout)
        event_id = str(event.event_id)
        wait = self._waits[event_id] = self._make_wait()
        if len(self._waits) == 1:
            self._seen = ()
        try:
            await send()
            async with deadline(timeout, f"no answer to {event.type}", self._instead):
                return await wait
        finally:
            del self._waits[event_id]
            if not (wait.cancel() or wait.cancelled()):
                wait.exception()  # seen: a failed send has told the same

    def replaced(self, kept: Collection[str]) -> None:
        """Begin anew: what was not answered is lost, but for the events with the ids in `kept`, which go again."""
        lost, self.unanswered = self.unanswered, Unanswered()
        for event_id, sent in lost.pending.items():
            if event_id in kept:
                self.unanswered.sent(sent.event, self._now())

    def waits_of(self, event_ids: Collection[str]) -> set[Wait]:
        """Return the waits for the answers to these events."""
        return {wait for event_id, wait in self._waits.items() if event_id in event_ids}

    def _instead(self) -> str:
        return f"; instead came {', '.join(self._seen)}" if self._seen else ""

    def _is_late_cancel(self, raw: Any) -> bool:
        """Whether it is the word on a cancel of ours that was too late, named or, without a name, the oldest."""
        error = raw.get("error")
        if not isinstance(error, dict) or error.get("code") != NOT_ACTIVE or not self._late_cancels:
            return False
        named = error.get("event_id") or self._late_cancels[0]
        if named not in self._late_cancels:
            return False
        self._late_cancels = tuple(name for name in self._late_cancels if name != named)
        return True


_NOT_COMMITTED: Final = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "code": "input_audio_buffer_commit_empty",
        "message": "the server cleared the input audio and committed none of it",
    },
}


def _last(*names: str) -> tuple[str, ...]:
    """Return those of the names that are remembered."""
    return names[-_REMEMBERED:]


def _brief(event: ServerEvent) -> str:
    """Name an event in the text of an error."""
    return f"error ({RealtimeEventError(event.raw or {})})" if event.type == "error" else event.type


def check_timeout(seconds: object) -> None:
    """Raise InvalidRequestError unless `seconds` is a number or None."""
    if seconds is None:
        return
    if not isinstance(seconds, float | int) or isinstance(seconds, bool) or seconds != seconds:  # noqa: PLR0124 - NaN
        raise InvalidRequestError([Problem("timeout", "invalid_type", seconds, "a number of seconds, or None")])


@contextlib.asynccontextmanager
async def deadline(seconds: float | None, missing: str, instead: Callable[[], str] = lambda: "") -> AsyncIterator[None]:
    """Raise APITimeoutError if the body takes longer; it says what is `missing`, and what came `instead`."""
    check_timeout(seconds)
    too_long = seconds is not None and seconds > threading.TIMEOUT_MAX  # for any clock
    limit = asyncio.timeout(None if too_long else seconds)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
    else:
        return
    raise APITimeoutError(f"{missing} within {seconds} seconds{instead()}")
