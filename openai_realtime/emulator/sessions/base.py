"""What all kinds of sessions share: messages in, events out, errors that name their cause, and an end.

No sockets here, and no clock but the session's own. `read` and `receive` take a message; `pull` gives the next event
that is due. Time is that of the `Timeline`: whoever runs the session says how fast it goes.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import attrs

from openai_realtime._codec.check import check
from openai_realtime._codec.converter import decode_client_event, dumps
from openai_realtime._codec.json import load, load_object
from openai_realtime._problems import Problem
from openai_realtime._redaction import redact
from openai_realtime.emulator import errors as api_errors, ids
from openai_realtime.emulator.engine.timeline import Timeline
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.wire import JSON, History, has_too_many_values
from openai_realtime.errors import DecodeError, InvalidRequestError
from openai_realtime.models.events import ClientEvent, Dialect, ServerEvent
from openai_realtime.models.items import Item
from openai_realtime.models.server_events import Error, ErrorDetails, InputAudioBufferDtmfEventReceived
from openai_realtime.models.translation_events import SessionClose

_log = logging.getLogger("openai_realtime.emulator")
SESSION_SECONDS = 3600
_EVENT_TYPES = (
    "session.update",
    "session.close",
    "input_audio_buffer.append",
    "session.input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.truncate",
    "conversation.item.delete",
    "conversation.item.retrieve",
    "response.create",
    "response.cancel",
)


class Observer(Protocol):
    """Follows all sessions of an emulator, in its thread: each event in order, before it is answered or goes out."""

    def sent(self, event: ClientEvent, /) -> None:
        """Follow an event that a client sent."""

    def received(self, event: ServerEvent, /) -> None:
        """Follow an event that a client will receive."""


@attrs.frozen
class Message:
    """A message of the client as it was read: the event, and why it is refused if it is."""

    text: str | bytes
    event: ClientEvent | None = None
    refusal: Refusal | None = None


class Session:
    """The base of sessions. `now` gives UNIX seconds; `close` is the code and reason with which the session ends.

    `handlers` are what the session takes, each with what it does.
    """

    dialect: ClassVar[Dialect] = "realtime"

    def __init__(self, now: Callable[[], float], id_prefix: str = "sess_") -> None:
        self._received: History[str | bytes] = History()  # a text takes a fraction of what its objects do
        self.observers: Sequence[Observer] = ()
        self.timeline = Timeline()
        self.close: tuple[int, str] | None = None
        self.handlers: Mapping[type[ClientEvent], Callable[[Any], Iterator[None] | None]] = {}
        self.expires_at = int(now()) + SESSION_SECONDS
        self._now = now
        self._outbox: deque[ServerEvent] = deque()
        self.id = self._new_id(id_prefix)

    @property
    def received(self) -> list[ClientEvent]:
        """The client's events that were taken, the last of them at least."""
        return [event for text in self._received if (event := self.read(text).event) is not None]

    def read(self, text: str | bytes) -> Message:
        """Read one message of the client: text, or bytes for a binary message. This changes nothing here."""
        event: ClientEvent | None = None
        try:
            event = self._decoded(text)
            return Message(text, self._checked(event, text))
        except Refusal as refusal:
            return Message(text, event, refusal)

    def receive(self, message: Message) -> Iterator[None]:
        """Do what a message says. Other sessions may run at each step."""
        event = message.event
        try:
            if event is None or message.refusal is not None:
                raise message.refusal or api_errors.invalid_event()
            _log.info("%s > %s, %d characters", self.id, event.type, len(message.text))
            self._received.keep(message.text, len(message.text))
            for observer in self.observers:
                observer.sent(event)
            yield from self.handlers[type(event)](event) or ()
        except Refusal as refusal:
            _log.info("%s > refused: %s", self.id, redact(refusal.message))
            self._send(self._error(refusal, event))

    @property
    def settings(self) -> JSON:
        """The effective session; empty for a recorded one."""
        return {}

    @property
    def conversation(self) -> list[Item]:
        """The items, in order. Translations have none."""
        return []

    @property
    def next_due(self) -> float:
        """When there is something to do, in seconds of the session's time; infinite if there is nothing."""
        return self.timeline.next_due

    def advance(self, seconds: float) -> None:
        """Let so much time pass at once."""

    def pull(self, until: float) -> ServerEvent | None:
        """Give the next event that goes out at `until`, in seconds of the session's time, or before."""
        if self.close is not None and not self._outbox:
            return None  # what a response would still have sent is cut off
        event = self._outbox.popleft() if self._outbox else self.timeline.step(until)
        if event is None or event.event_id or isinstance(event, InputAudioBufferDtmfEventReceived):
            return event
        kind = event.type
        new = ids.playback_event_id() if kind.startswith("output_audio_buffer.") else self._new_id("event_")
        return attrs.evolve(event, event_id=new)

    @property
    def seconds_left(self) -> float:
        """How long it is until the hour is over, by the emulator's clock; negative after that."""
        return self.expires_at - self._now()

    def expire(self) -> None:
        """End because the hour is over. Does nothing if the session has ended already."""
        if self.close is not None:
            return
        refusal = api_errors.session_expired()
        self._outbox.clear()
        self._send(self._error(refusal, None))
        self.close = (1001, refusal.message)

    def _decoded(self, text: str | bytes) -> ClientEvent:
        if isinstance(text, bytes):
            raise api_errors.not_text()
        if has_too_many_values(text):
            raise api_errors.too_many_values()
        try:
            event = decode_client_event(text, dialect=self.dialect)
        except DecodeError:
            raise _unreadable(text) from None
        # Every session takes the end.
        return SessionClose(event_id=event.event_id) if event.type == "session.close" else event

    def _checked(self, event: ClientEvent, text: str | bytes) -> ClientEvent:
        """Give `event` as the API takes it: null in an optional field is absent. Raises Refusal for other problems."""
        if not event.type:
            raise api_errors.missing_parameter("type")
        if not self._takes(event):
            raise api_errors.unsupported_value(str(event.type), _EVENT_TYPES, "type")
        try:
            check(event)
        except InvalidRequestError as error:
            nulls = [problem.path for problem in error.problems if _is_null(problem)]
            if not nulls:
                raise api_errors.from_problems(error) from None
            kept = dumps(_without(load_object(text), nulls))
            return self._checked(decode_client_event(kept, dialect=self.dialect), kept)
        api_errors.check_rates(event)
        return event

    def _takes(self, event: ClientEvent) -> bool:
        """Whether this session has such events."""
        return type(event) in self.handlers

    def _send(self, *events: ServerEvent) -> None:
        self._outbox.extend(events)

    def _error(self, refusal: Refusal, cause: ClientEvent | None) -> Error:
        """Give the ``error`` that a refusal becomes, with the id of the client's event."""
        event_id = cause.event_id if cause is not None and isinstance(cause.event_id, str) else None
        details = ErrorDetails(
            type=refusal.type, code=refusal.code, message=refusal.message, param=refusal.param, event_id=event_id
        )
        return Error(error=details)

    def _new_id(self, prefix: str) -> str:
        return ids.tool_call_id() if prefix == "call_" else ids.object_id(prefix, self._now())


def _is_null(problem: Problem) -> bool:
    return problem.kind == "invalid_type" and problem.value is None


def _without(event: JSON, paths: Sequence[str]) -> JSON:
    """Remove the values at `paths`, such as ``session.tools[0].description``."""
    for path in paths:
        *parents, last = [int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|([^.\[]+)", path)]
        place: Any = event
        for key in parents:
            place = place[key]
        del place[last]
    return event


def _unreadable(text: str) -> Refusal:
    try:
        return api_errors.not_an_object(load(text), "event")
    except DecodeError:
        return api_errors.invalid_event()
