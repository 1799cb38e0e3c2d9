"""`Recovery`: puts a new connection in the place of a lost one, and what stood in the session into the new one."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import attrs

from openai_realtime._codec.check import check
from openai_realtime._codec.converter import encode, structure
from openai_realtime._codec.raw import object_in, text_in
from openai_realtime._config import ConnectOptions
from openai_realtime._redaction import Secret
from openai_realtime._transport.http import Transport
from openai_realtime._transport.retry import delays
from openai_realtime._transport.targets import ConnectTarget
from openai_realtime._transport.websocket import ABNORMAL, Entry, EventSocket
from openai_realtime.errors import (
    APIConnectionError,
    APIStatusError,
    ConnectionClosedError,
    InvalidRequestError,
    Problem,
    RealtimeEventError,
    SessionExpiredError,
)
from openai_realtime.models.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    InputAudioBufferAppend,
)
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.items import Item
from openai_realtime.models.server_events import ConversationItemAdded, ConversationItemDeleted, ConversationItemDone

from .ids import identified, new_id
from .reconnect_policy import Lost, Reconnected, ReconnectPolicy, RestorePlan, until_renewal
from .requests import FOLLOWED_TYPES, Requests
from .restore import ASKED_ON_CALLS, is_recoverable, plan_restore
from .tasks import stop
from .tracker import SessionTracker

_Failure: TypeAlias = APIConnectionError | APIStatusError | ConnectionClosedError
_ANSWER = 30.0  # seconds for each answer while a session is restored
_SILENCE = 10.0  # seconds without any event after which no answer holds up a renewal
_AT_ONCE = 64  # events that are sent before their answers have come
_RESTORE_ANSWERS = (
    "session.updated",
    "conversation.item.added",
    "conversation.item.created",
    "conversation.item.done",
    "conversation.item.retrieved",
)


@attrs.frozen
class Replacement:
    """A new connection that is ready, what it sent beyond the answers to the restore, and what is to be sent.

    `settings` are the answers that tell the settings in force, `answered` the ids of the events whose answers are among
    what was `received`.
    """

    socket: EventSocket
    tracker: SessionTracker
    reconnected: Reconnected
    received: tuple[Entry, ...]
    settings: tuple[ServerEvent, ...]
    events: tuple[ClientEvent, ...]
    answered: frozenset[str]


def _renewed() -> ConnectionClosedError:
    """Make the end of a session that was renewed: its normal close is not the end that the user waits for."""
    return ConnectionClosedError(ABNORMAL, "replaced before the session's end")


class Recovery:
    """Follows a session by its `tracker`, and replaces its connection."""

    def __init__(
        self, transport: Transport, target: ConnectTarget, options: ConnectOptions, policy: ReconnectPolicy
    ) -> None:
        self.tracker = SessionTracker()
        self.policy = policy
        self._transport = transport
        self._target = target
        self._options = options
        self._backoff: Iterator[float] | None = None
        self._opened = time.monotonic()
        self._replaced = 0
        self._of_error = False
        self._changed = asyncio.Event()
        # A connection that is ready though the last one works, and the count of changes that it knows of.
        self._prepared: tuple[Replacement, int] | None = None
        # The restored items, whose second answer (`conversation.item.done`) concerns nobody.
        self._acknowledged: set[str] = set()

    def received(self, event: ServerEvent) -> bool:
        """Follow an event of the session; tell whether it concerns anybody else."""
        self.tracker.received(event)
        self._changed.set()
        self._of_error = event.type == "error"
        if event.type == "response.done":
            self._backoff = None
        name = getattr(event.item, "id", "") if isinstance(event, ConversationItemDone) else ""
        if name not in self._acknowledged:
            return True
        self._acknowledged.discard(name)
        return False

    def renewal(self, now: float) -> float | None:
        """Return the seconds until the connection is to be replaced before the session ends; None if it is not."""
        return until_renewal(self.tracker.expires_at, self.policy.renew_before, now)

    async def wait_until_idle(self) -> None:
        """Return when nothing is under way. Servers leave some events unanswered, such as a cancel while idle."""
        with contextlib.suppress(TimeoutError):
            while self.tracker.busy:
                self._changed.clear()
                async with asyncio.timeout(None if self.tracker.is_speaking else _SILENCE):
                    await self._changed.wait()

    @property
    def is_prepared(self) -> bool:
        """Whether a connection is ready to take the place of the one that works."""
        return self._prepared is not None

    async def prepare(self, hold: Callable[[], None]) -> None:
        """Make a connection ready that is to take the place of one that works.

        `hold` is called when nothing more may be sent. Raises what is in the way.
        """
        setup = await self._open()
        try:
            await self.wait_until_idle()
            hold()
            known = self.tracker.changes
            plan = await self._approved(self._plan(_renewed()))
            self._prepared = await setup.restore(plan, self.tracker), known
        except BaseException:
            await setup.close()
            raise

    async def close(self) -> None:
        """Close a connection that is ready and was not wanted."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            await prepared[0].socket.close()

    async def replace(self, ended: ConnectionClosedError) -> Replacement:
        """Connect in place of the connection that `ended`, and follow the new session from now on.

        Raises `ended`, from what was in the way, if that fails.
        """
        new = await self._replacement(ended)
        new.tracker.follow_on(self.tracker)
        self.tracker, self._acknowledged = new.tracker, set(new.reconnected.restored)
        self._opened = time.monotonic()
        return new

    async def _replacement(self, ended: ConnectionClosedError) -> Replacement:
        if self._prepared is not None:
            (new, known), ended = self._prepared, _renewed()
            if self.tracker.changes == known:
                self._prepared = None
                return new
            await self.close()
        over = self._target.on_call and isinstance(ended, SessionExpiredError)  # the call's session has no other
        if over or not is_recoverable(ended, of_error=self._of_error) or self._replaced >= self.policy.max_reconnects:
            raise ended
        self._replaced += 1
        plan = await self._approved(self._plan(ended))
        await self._pause(ended)
        while True:
            try:
                return await self._restored(plan)
            except (APIConnectionError, APIStatusError, ConnectionClosedError) as error:
                delay = self._after(error, ended)
            except Exception as error:  # refused settings, or the user's key function failed
                raise ended from error
            await asyncio.sleep(delay)

    async def _pause(self, ended: ConnectionClosedError) -> None:
        """Wait before the first attempt if the last connection brought nothing; after progress begin to count anew."""
        if self._backoff is None or time.monotonic() - self._opened >= self.policy.stable_after:
            self._backoff = delays(self.policy.retry)
        else:
            await asyncio.sleep(self._after(ended, ended))

    def _plan(self, ended: ConnectionClosedError) -> RestorePlan:
        return plan_restore(self.tracker, ended, server_keeps_it=self._target.on_call)

    def _after(self, error: _Failure, ended: ConnectionClosedError) -> float:
        """Return the seconds until the next attempt. Raises `ended` when there is none."""
        if not isinstance(error, ConnectionClosedError):
            delay = self._transport.delay(error, self._backoff)
        else:
            delay = next(self._backoff or iter(()), None) if is_recoverable(error) else None
        if delay is None:
            raise ended from (None if error is ended else error)
        return delay

    async def _approved(self, plan: RestorePlan) -> RestorePlan:
        """Return the plan after the user's function. Raises its `cause` if that refuses, fails or gives a bad one."""
        try:
            approved: Any = self.policy.on_reconnect(plan) if self.policy.on_reconnect else plan
            if inspect.isawaitable(approved):
                approved = await approved
            if approved is not None:
                return _checked(approved)
        except Exception as error:
            raise plan.cause from error
        raise plan.cause

    async def _open(self) -> _Setup:
        socket = EventSocket(self._transport, self._target, self._options)
        return _Setup(socket, await socket.open(iter(())), on_call=self._target.on_call)

    async def _restored(self, plan: RestorePlan) -> Replacement:
        setup = await self._open()
        try:
            return await setup.restore(plan, self.tracker)
        except BaseException:
            await setup.close()
            raise


class _Setup:
    """A new session on its way to be what the lost one was."""

    def __init__(self, socket: EventSocket, received: list[Entry], *, on_call: bool) -> None:
        self._socket = socket
        self._on_call = on_call
        self._received = received
        self._tracker = SessionTracker()
        self._requests = Requests(asyncio.get_running_loop().create_future, time.monotonic)
        for first, _ in received:
            self._tracker.received(first)

    async def close(self) -> None:
        """Give up."""
        await self._socket.close()

    async def restore(self, plan: RestorePlan, lost: SessionTracker) -> Replacement:
        """Send settings, then items; the next step only when the server has answered the one before."""
        reading = asyncio.create_task(self._read())
        try:
            settings = await self._apply(reading, _settings(plan))
            restored, refused = await self._create(reading, plan.items)
            events, answered = await self._ask_about(reading, plan.events)
        finally:
            await stop([reading])
        self._tracker.speech.speaking = lost.speech.speaking  # until the server has heard it: it goes again
        for event in events:
            self._tracker.sent(event)
        reconnected = Reconnected(
            code=plan.cause.code,
            reason=plan.cause.reason,
            restored=restored,
            resent=[str(event.event_id) for event in events if not isinstance(event, InputAudioBufferAppend)],
            resent_audio_ms=round(self._tracker.speech.milliseconds()),
            lost=[*plan.lost, *refused],
        )
        received = tuple(self._received)
        return Replacement(self._socket, self._tracker, reconnected, received, settings, events, frozenset(answered))

    async def _apply(self, reading: asyncio.Task[None], settings: Sequence[ClientEvent]) -> tuple[ServerEvent, ...]:
        """Put the settings in force, and return the answers. Raises RealtimeEventError if the server refuses them."""
        renamed = [attrs.evolve(event, event_id=new_id("event")) for event in settings]
        answers = tuple((await self._ask_all(reading, renamed)).values())
        for answer in answers:
            if isinstance(answer, RealtimeEventError):
                raise answer
        return answers

    async def _create(self, reading: asyncio.Task[None], items: Sequence[Item]) -> tuple[list[str], list[Lost]]:
        """Create the items: the ids of those that the new session has, and those that it refused."""
        creates = [identified(ConversationItemCreate(item=item)) for item in items]
        answers = (await self._ask_all(reading, creates)).values()
        restored = [_item_id(answer) for answer in answers if not isinstance(answer, RealtimeEventError)]
        refused = [
            Lost(what="item", id=_item_id(create), reason=f"refused: {answer}")
            for create, answer in zip(creates, answers, strict=True)
            if isinstance(answer, RealtimeEventError)
        ]
        return restored, refused

    async def _read(self) -> None:
        """Read to the end, and raise it."""
        await self._socket.read(self._take)

    def _take(self, entry: Entry) -> bool:
        event = entry[0]
        self._tracker.received(event)
        consumed = text_in(event.raw or {}, "type") in FOLLOWED_TYPES and self._requests.received(event, 0)
        if not consumed and (event.type not in _RESTORE_ANSWERS or _lists_tools(event)):
            self._received.append(entry)
        return True

    async def _ask_all(self, reading: asyncio.Task[None], events: Sequence[ClientEvent]) -> dict[str, Any]:
        """Return the answers to `events`, or their refusals, by the events' ids."""
        answers: dict[str, Any] = {}
        for start in range(0, len(events), _AT_ONCE):
            some = events[start : start + _AT_ONCE]
            asking: asyncio.Future[Any] = asyncio.gather(*map(self._ask, some))
            try:
                await asyncio.wait([asking, reading], return_when=asyncio.FIRST_COMPLETED)
                if not asking.done():
                    reading.result()  # raises how the connection ended
                answers.update(zip((str(event.event_id) for event in some), asking.result(), strict=True))
            finally:
                await stop([asking])
        return answers

    async def _ask(self, event: ClientEvent) -> ServerEvent | RealtimeEventError:
        async def send() -> None:
            self._tracker.sent(event)
            self._requests.sent(event)
            with contextlib.suppress(ConnectionError, RuntimeError):  # the reading side is told how it ended
                await self._socket.send(Secret(encode(event)))

        try:
            answer, _ = await self._requests.ask(event, send, _ANSWER)
        except RealtimeEventError as error:
            return error
        found: ServerEvent = answer
        return found

    async def _ask_about(
        self, reading: asyncio.Task[None], events: Sequence[ClientEvent]
    ) -> tuple[tuple[ClientEvent, ...], list[str]]:
        """On a call, where the session lives on: which `events` are to be sent again, and the ids of those done.

        Whoever waits for the answers to those has them as if they had come.
        """
        if not self._on_call:
            return tuple(events), []
        about = [event for event in events if event.type in ASKED_ON_CALLS]
        questions = [identified(ConversationItemRetrieve(item_id=_target_id(event))) for event in about]
        answers = await self._ask_all(reading, questions)
        done = []
        for event, answer in zip(about, answers.values(), strict=True):
            missing = isinstance(answer, RealtimeEventError)
            if isinstance(event, ConversationItemDelete) is missing:
                done.append(str(event.event_id))
                self._received.append((_as_if_answered(event, answer), 0))
        return tuple(event for event in events if str(event.event_id) not in done), done


def _lists_tools(event: ServerEvent) -> bool:
    """Whether it tells of the item that the server itself makes for the tools of an MCP server."""
    return text_in(object_in(event.raw or {}, "item"), "type") == "mcp_list_tools"


def _as_if_answered(event: ClientEvent, answer: Any) -> ServerEvent:
    """Make the answer that was lost with its connection."""
    if isinstance(event, ConversationItemDelete):
        return structure({"type": "conversation.item.deleted", "item_id": event.item_id}, ConversationItemDeleted)
    item = (answer.raw or {}).get("item")
    return structure({"type": "conversation.item.added", "previous_item_id": None, "item": item}, ConversationItemAdded)


def _checked(approved: Any) -> RestorePlan:
    """Return the plan, with an id for each event. Raises InvalidRequestError for what the API would refuse."""
    if not isinstance(approved, RestorePlan):
        raise InvalidRequestError([Problem("on_reconnect", "invalid_type", approved, "a RestorePlan or None")])
    plan = attrs.evolve(approved, events=tuple(identified(event) for event in approved.events))
    for part in (*_settings(plan), *plan.items, *plan.events):
        check(part)
    return plan


def _settings(plan: RestorePlan) -> list[ClientEvent]:
    return [] if plan.session is None else [plan.session]


def _item_id(event: Any) -> str:
    return str(getattr(event.item, "id", None))


def _target_id(event: Any) -> str:
    return str(event.item_id) if isinstance(event, ConversationItemDelete) else _item_id(event)
