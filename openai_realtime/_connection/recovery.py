"""`Recovery`: puts a new connection in the place of a lost one, and what stood in the session into the new one."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import attrs

from openai_realtime._codec.check import check
from openai_realtime._codec.converter import encode
from openai_realtime._config import ConnectOptions
from openai_realtime._redaction import Secret
from openai_realtime._transport.http import Transport
from openai_realtime._transport.retry import delays
from openai_realtime._transport.targets import ConnectTarget
from openai_realtime._transport.websocket import ABNORMAL, EventSocket
from openai_realtime.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConnectionClosedError,
    RealtimeEventError,
)
from openai_realtime.models.client_events import ConversationItemCreate
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.server_events import ConversationItemDone, Error

from .ids import identified, new_id
from .reconnect import Lost, Reconnected, ReconnectPolicy, RestorePlan
from .restore import is_recoverable, plan_restore
from .tracker import SessionTracker

_Failure: TypeAlias = APIConnectionError | APIStatusError | ConnectionClosedError
_ANSWER = 30.0  # seconds until the next answer while a session is restored
_OURS = ("session.updated", "conversation.item.added", "conversation.item.created", "conversation.item.done")


@attrs.frozen
class Replacement:
    """A new connection that is ready, what it sent beyond the answers to the restore, and what is to be sent."""

    socket: EventSocket
    news: Reconnected
    received: tuple[tuple[ServerEvent, int], ...]
    events: tuple[ClientEvent, ...]


class Recovery:
    """Follows a session (`conversation`, to be fed with its events) and replaces its connection."""

    def __init__(
        self, transport: Transport, target: ConnectTarget, options: ConnectOptions, policy: ReconnectPolicy
    ) -> None:
        self.tracker = SessionTracker()
        self.policy = policy
        self._transport = transport
        self._target = target
        self._options = options
        self._backoff: Iterator[float] | None = None
        self._failing = False
        self._changed = asyncio.Event()
        # The restored items, whose second answer (`conversation.item.done`) is no news either.
        self._echoes: frozenset[str] = frozenset()

    def received(self, event: ServerEvent) -> bool:
        """Follow an event of the session; whether it is news. One that is no error shows that the connection works."""
        self.tracker.received(event)
        self._changed.set()
        if self._echoes and isinstance(event, ConversationItemDone) and getattr(event.item, "id", "") in self._echoes:
            return False
        self._failing = isinstance(event, Error)
        if not self._failing:
            self._backoff = None
        return True

    def renewal(self, now: float) -> float | None:
        """The seconds until the connection is to be replaced before the session ends; None if it is not.

        `now` is UNIX seconds. Never before half of the time is over, so that a large `renew_before` cannot loop, and
        not at all for an end in the past, which tells only that the two clocks differ.
        """
        expires_at, before = self.tracker.expires_at, self.policy.renew_before
        if expires_at is None or before is None or expires_at <= now:
            return None
        left = expires_at - now
        return max(left - before, left / 2)

    async def calm(self) -> None:
        """Return when nothing is under way."""
        while self.tracker.busy:
            self._changed.clear()
            await self._changed.wait()

    async def replace(self, ended: ConnectionClosedError, *, planned: bool) -> Replacement:
        """A connection in the place of the one that `ended`. Raises `ended`, from what was in the way, if none can be.

        `planned` is a renewal, which the close code does not tell.
        """
        if planned:  # by us, and so its normal close is not the end that the user waits for
            ended = ConnectionClosedError(ABNORMAL, "replaced before the session's end")
            self._backoff = None
        if not is_recoverable(ended, of_error=self._failing):
            raise ended
        plan = await self._agreed(plan_restore(self.tracker, ended, server_keeps_it=self._target.on_call))
        if self._backoff is None:
            self._backoff = delays(self.policy.retry)
        else:  # the last one brought nothing: not at once again
            await asyncio.sleep(self._after(ended, ended))
        while True:
            try:
                return await self._restored(plan)
            except (APIConnectionError, APIStatusError, ConnectionClosedError) as error:
                delay = self._after(error, ended)
            except Exception as error:  # refused settings, or the user's key function failed
                raise ended from error
            await asyncio.sleep(delay)

    def _after(self, error: _Failure, ended: ConnectionClosedError) -> float:
        """The seconds until the next attempt. Raises `ended` when there is none."""
        if not isinstance(error, ConnectionClosedError):
            delay = self._transport.delay(error, self._backoff)
        else:
            delay = next(self._backoff or iter(()), None) if is_recoverable(error) else None
        if delay is None:
            raise ended from (None if error is ended else error)
        return delay

    async def _agreed(self, plan: RestorePlan) -> RestorePlan:
        """The plan after the user's function. Raises the plan's `cause` if it refuses, fails or gives a bad one."""
        try:
            agreed: Any = self.policy.on_reconnect(plan) if self.policy.on_reconnect else plan
            if inspect.isawaitable(agreed):
                agreed = await agreed
            if agreed is not None:
                return _checked(agreed)
        except Exception as error:
            raise plan.cause from error
        raise plan.cause

    async def _restored(self, plan: RestorePlan) -> Replacement:
        socket = EventSocket(self._transport, self._target, self._options)
        received = await socket.open(iter(()))
        try:
            return await self._restore(socket, received, plan)
        except BaseException:
            await socket.close()
            raise

    async def _restore(
        self, socket: EventSocket, received: list[tuple[ServerEvent, int]], plan: RestorePlan
    ) -> Replacement:
        """Settings, then items; the next step only when the server has answered the one before."""
        conversation = SessionTracker()
        for first, _ in received:
            conversation.received(first)
        settings = [attrs.evolve(event, event_id=new_id("event")) for event in _settings(plan)]
        for error in (await _ask(socket, conversation, settings, received)).values():
            raise RealtimeEventError(error.raw or {})
        creates = [identified(ConversationItemCreate(item=item)) for item in plan.items]
        refused = await _ask(socket, conversation, creates, received)
        conversation.speaking = self.tracker.speaking  # until the server has heard it: it goes again
        for event in plan.events:
            conversation.sent(event)
        kept = [create for create in creates if create.event_id not in refused]
        news = Reconnected(
            code=plan.cause.code,
            reason=plan.cause.reason,
            restored=[_item_id(create) for create in kept],
            resent=[str(event.event_id) for event in plan.events],
            lost=[*plan.lost, *(_refused(create, refused) for create in creates if create.event_id in refused)],
        )
        self.tracker, self._echoes = conversation, frozenset(news.restored)
        return Replacement(socket, news, tuple(received), plan.events)


def _checked(plan: RestorePlan) -> RestorePlan:
    """The plan, with an id for each event. Raises InvalidRequestError for what the API would refuse."""
    plan = attrs.evolve(plan, events=tuple(identified(event) for event in plan.events))
    for part in (*_settings(plan), *plan.items, *plan.events):
        check(part)
    return plan


def _settings(plan: RestorePlan) -> list[ClientEvent]:
    return [] if plan.session is None else [plan.session]


async def _ask(
    socket: EventSocket,
    conversation: SessionTracker,
    events: Sequence[ClientEvent],
    received: list[tuple[ServerEvent, int]],
) -> dict[str, Error]:
    """Send `events` and read until all are answered: the errors, by the id of the event. Others go to `received`."""
    for event in events:
        conversation.sent(event)
    refused: dict[str, Error] = {}
    asked = {event.event_id for event in events}
    sending = asyncio.create_task(_send(socket, events))
    try:
        while conversation.pending:
            answer, size = await _within(socket)
            conversation.received(answer)
            if isinstance(answer, Error) and _cause(answer) in asked:
                refused[_cause(answer)] = answer
            elif answer.type not in _OURS:
                received.append((answer, size))
    finally:
        sending.cancel()
        await asyncio.wait([sending])
    return refused


async def _send(socket: EventSocket, events: Sequence[ClientEvent]) -> None:
    with contextlib.suppress(ConnectionError, RuntimeError):  # the reading side is told how it ended
        for event in events:
            await socket.send(Secret(encode(event)))


async def _within(socket: EventSocket) -> tuple[ServerEvent, int]:
    try:
        async with asyncio.timeout(_ANSWER):
            return await socket.next()
    except TimeoutError:
        raise APITimeoutError(f"no answer within {_ANSWER} seconds while the session was restored") from None


def _cause(event: Error) -> str:
    """The id of the client's event that an error names."""
    error = (event.raw or {}).get("error")
    return str(error.get("event_id")) if isinstance(error, dict) else ""


def _refused(create: ConversationItemCreate, refused: dict[str, Error]) -> Lost:
    reason = RealtimeEventError(refused[str(create.event_id)].raw or {})
    return Lost(what="item", id=_item_id(create), reason=f"refused: {reason}")


def _item_id(create: ConversationItemCreate) -> str:
    return str(getattr(create.item, "id", None))
