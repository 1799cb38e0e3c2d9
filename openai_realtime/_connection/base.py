"""`AsyncRealtimeConnection`: one Realtime session, from the first event to the last.

A reader task takes the events from the socket, so that pings are answered while the user is busy, and puts them into an
`Inbox`; sends go straight to the socket. A lost connection is a lost session: without a `ReconnectPolicy` the session
ends there, with one the same task puts a new one in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from types import NoneType
from typing import Any, Self, TypeVar, overload

from openai_realtime._codec.converter import encode
from openai_realtime._codec.validation import check
from openai_realtime._config import ConnectOptions
from openai_realtime._transport.http import Transport
from openai_realtime._transport.targets import ConnectTarget
from openai_realtime._transport.websocket import ABNORMAL, NORMAL, EventSocket
from openai_realtime.errors import (
    APITimeoutError,
    ClientStateError,
    ConnectionClosedError,
    InvalidRequestError,
    Problem,
    RealtimeEventError,
)
from openai_realtime.models.base64 import to_base64
from openai_realtime.models.client_events import (
    InputAudioBufferAppend,
)
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.server_events import SessionUpdated
from openai_realtime.models.translation_events import SessionInputAudioBufferAppend

from .ids import identified, new_id
from .inbox import Entry, Inbox, Listener, Wait
from .observers import Observer, Observers
from .reconnect import ReconnectPolicy
from .recovery import Recovery, Replacement

E = TypeVar("E", bound=ServerEvent)

_CHUNK = 48_000  # bytes of audio a frame: one second of PCM16 at 24 kHz, far below the API's 15 MiB
_FOLLOWED = ("error", "response.created", "response.done")  # no set: a type may be anything, also a list
_MAX_METADATA = 16  # entries that the API takes
_BUSY = "conversation_already_has_active_response"
_CREATED_BY = "openai_realtime_event_id"
"""The metadata entry that tells which `response.create` a response comes from."""


class AsyncConnection:
    """What every kind of session can do: send, receive, wait, end.

    Iterate over it for all events in order. Several tasks may send, wait and use the acknowledged operations while one
    iterates; each event goes to all whom it concerns.
    """

    def __init__(
        self,
        transport: Transport,
        target: ConnectTarget,
        options: ConnectOptions | None,
        reconnect: ReconnectPolicy | None,
        *,
        observers: Sequence[Observer] = (),
    ) -> None:
        _check_kind("options", options, "ConnectOptions or None", ConnectOptions, NoneType)
        _check_kind("reconnect", reconnect, "a ReconnectPolicy or None", ReconnectPolicy, NoneType)
        options = options or ConnectOptions()
        self._transport = transport
        self._socket = EventSocket(transport, target, options)
        self._recovery = Recovery(transport, target, options, reconnect) if reconnect else None
        self._observers = Observers(observers)
        self._wait_for_session = options.wait_for_session
        self._inbox = Inbox(options.buffer_size)
        self._questions: dict[str, Wait] = {}
        # Whether the socket may be sent on, or the session has ended, so that sending tells why not.
        self._ready = False
        # What is answered without an id goes one at a time, so that the answer is known to be ours.
        self._turns: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._closing: EventSocket | None = None
        self._renewing = False
        self._resent: frozenset[str] = frozenset()
        self._reader: asyncio.Task[None] | None = None
        # What belongs to the present socket: its renewal, and the sending of what the last one did not answer.
        self._helpers: list[asyncio.Task[None]] = []

    # --- life ---------------------------------------------------------------------------------------------------------

    async def _open(self, update: ClientEvent | None, timeout: float | None) -> None:
        """Connect, up to the server's first event that is no error, and put the settings of `update` in force.

        A call's sideband sends none: there the connection is open after the upgrade. Raises what the HTTP calls raise.
        """
        for entry in await self._socket.open(self._transport.backoff()):
            self._received(entry)
        self._ready = True
        self._reader = asyncio.create_task(self._live())
        try:
            if update is not None and self._wait_for_session:
                await self._ask_in_turn(update, SessionUpdated, timeout)
            elif update is not None:
                await self.send(update)
        except BaseException:
            await self.close()
            raise
        self._observers.opened(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the session and wake everybody who waits. Bounded in time; calling it again does nothing.

        Cancelled, it cuts the connection.
        """
        self._closing = self._socket
        try:
            await self._closing.close()
        finally:
            if self._reader is not None:
                self._reader.cancel()
        await _stop([self._reader] if self._reader else [])
        self._end(ConnectionClosedError(NORMAL, "by the client"))

    @property
    def observer_errors(self) -> Sequence[BaseException]:
        """What observers raised; each was called no more afterwards."""
        return self._observers.errors

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent or received."""
        return self._inbox.ended is not None

    # --- talking ------------------------------------------------------------------------------------------------------

    async def send(self, event: ClientEvent) -> None:
        """Check `event` and hand it to the socket; sends keep their order. An absent event_id is filled in.

        While a lost connection is replaced it waits. Raises InvalidRequestError before anything is sent, and
        ConnectionClosedError on a closed connection.
        """
        _check_kind("event", event, "a client event", ClientEvent)
        event = identified(event)
        check(event)
        frame = encode(event)
        await self._open_for_sending()
        socket = self._socket
        if self._recovery is not None:
            self._recovery.conversation.sent(event)
        if self._observers:
            self._observers.sent(event)
        lost = False
        try:
            await socket.send(frame)
        except (ConnectionError, RuntimeError):
            lost = True
        if lost:
            await self._sent_again(socket, event)

    async def _open_for_sending(self) -> None:
        while not self._ready:
            if asyncio.current_task() is self._reader:  # which waits for the function, and would not go on
                raise ClientStateError("on_reconnect cannot use the connection that is being replaced")
            await self._inbox.change()
        self._inbox.check_open()

    async def receive(self, timeout: float | None = None) -> ServerEvent:
        """The next event. Cancelled, or after `timeout` seconds (APITimeoutError), nothing is lost.

        Raises ConnectionClosedError after the last event.
        """
        async with _deadline(timeout, "no event"):
            return await self._inbox.next()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ServerEvent:
        try:
            return self._inbox.take()
        except IndexError:
            return await self._next()

    async def _next(self) -> ServerEvent:
        try:
            return await self._inbox.next()
        except ConnectionClosedError as error:
            if error.code == NORMAL:
                raise StopAsyncIteration from None
            raise

    @property
    def unread(self) -> int:
        """How many events are here that nobody has read."""
        return len(self._inbox)

    @property
    def full(self) -> bool:
        """Whether reading is paused, because `ConnectOptions.buffer_size` bytes of events are unread."""
        return self._inbox.full

    def listen(self, listener: Listener) -> None:
        """Let `listener` have all unread events and those to come; they count as unread until `mark_read`.

        For another thread, to which every call into the event loop is costly, such as the blocking form.
        """
        self._inbox.listen(listener)

    def mark_read(self, count: int) -> None:
        """Count the first `count` events of the session as read, and so make room for more."""
        self._inbox.read_to(count)

    @overload
    async def wait_for(self, event: type[E], timeout: float | None = None) -> E: ...
    @overload
    async def wait_for(self, event: Callable[[ServerEvent], bool], timeout: float | None = None) -> ServerEvent: ...
    async def wait_for(self, event: Any, timeout: float | None = None) -> ServerEvent:
        """The next event of a class, or that a function accepts; it stays there for the iteration.

        What is unread counts, from the event on that the last wait or acknowledged operation returned. Raises
        APITimeoutError after `timeout` seconds, ConnectionClosedError when it cannot come any more (also when the
        connection was replaced: it was waited for in the session that is gone), and UnreadEventsError when nobody
        iterates and the buffer is full.
        """
        if not callable(event):
            raise InvalidRequestError([Problem("event", "invalid_type", event, "an event class or a function")])
        match: Any = (lambda received: isinstance(received, event)) if isinstance(event, type) else event
        async with _deadline(timeout, f"no {getattr(event, '__name__', 'such event')}"):
            found, index = await self._inbox.expect(match, unread=True)
        return await self._given(found, index)

    async def _ask(
        self,
        event: ClientEvent,
        answer: type[E],
        timeout: float | None,
        match: Callable[[E], bool] = lambda _: True,
    ) -> E:
        """Send `event`; the first `answer` that `match` accepts, or the error that names the event."""
        event = identified(event)
        event_id = str(event.event_id)
        await self._open_for_sending()  # before the wait begins: who waits already is told of a replaced connection
        future: Any = self._inbox.expect(lambda received: isinstance(received, answer) and match(received))
        self._questions[event_id] = future
        try:
            await self.send(event)
            async with _deadline(timeout, f"no answer to {event.type}"):
                found, index = await future
            answered: Any = await self._given(found, index)
            return answered  # type: ignore[no-any-return]
        finally:
            del self._questions[event_id]
            if not (future.cancel() or future.cancelled()):
                future.exception()  # seen: a failed send has told the same

    async def _given(self, event: ServerEvent, index: int) -> ServerEvent:
        """The event that a wait found; later waits look behind it, but for those that begin in this moment."""
        await asyncio.sleep(0)
        self._inbox.skip_to(index)
        return event

    async def _ask_in_turn(self, event: ClientEvent, answer: type[E], timeout: float | None) -> E:
        async with self._turns[answer]:
            return await self._ask(event, answer, timeout)

    async def _append(self, cls: type[InputAudioBufferAppend | SessionInputAudioBufferAppend], audio: bytes) -> None:
        _check_kind("audio", audio, "bytes", bytes, bytearray, memoryview)
        async with self._turns[cls]:
            for start in range(0, len(audio), _CHUNK):
                if start:
                    await asyncio.sleep(0)  # encoding is work of this thread: others run between two chunks
                chunk = to_base64(audio[start : start + _CHUNK])
                await self.send(cls(event_id=new_id("event"), audio=chunk))

    # --- the reader task ----------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        """Read one socket after the other, until nothing may take the place of the last."""
        ended = ConnectionClosedError(ABNORMAL, "the reader failed")
        try:
            while True:
                self._renew_later()
                ended = await self._read()
                await self._replace(ended)
        except ConnectionClosedError as error:
            ended = error
        # A defect of ours, or an exit in the user's on_reconnect: whoever waits must see it, and not wait on.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            ended.__cause__ = error
        finally:
            self._end(ended)
            await _stop(self._helpers)
            if self._socket is not self._closing:
                await self._socket.close()

    async def _read(self) -> ConnectionClosedError:
        """Take every event of the socket; how it ended when there are no more."""
        inbox, socket = self._inbox, self._socket
        try:
            while True:
                if inbox.full:
                    socket.paused = True
                    await inbox.room()
                    socket.paused = False
                self._received(await socket.next())
        except ConnectionClosedError as ended:
            return ended

    def _received(self, entry: Entry) -> None:
        """Give an event to whom it concerns: an error to who asked, all else to the inbox."""
        event = entry[0]
        if self._recovery is not None and not self._recovery.received(event):
            return
        if self._observers:
            self._observers.received(event)
        if event.type in _FOLLOWED and self._follow(event):
            return
        self._inbox.put(entry)

    def _follow(self, event: ServerEvent) -> bool:
        """Look at an event of the types that matter here; whether it is told to whom it concerns, and no news."""
        if event.type != "error":
            return False
        asked = self._questions.get(str(_field(event, "error").get("event_id")))
        if asked is None or asked.done():
            return False
        asked.set_exception(RealtimeEventError(event.raw or {}))
        return True

    def _end(self, ended: ConnectionClosedError) -> None:
        if self._inbox.ended is None:
            self._ready = True
            self._inbox.end(ConnectionClosedError(NORMAL, "by the client") if self._closing else ended)

    # --- replacing a lost connection ----------------------------------------------------------------------------------

    async def _replace(self, ended: ConnectionClosedError) -> None:
        """Go on with a new connection. Raises `ended` if there is none."""
        if self._recovery is None or self._closing:
            raise ended
        self._ready = False
        await _stop(self._helpers)
        await self._socket.close()
        new = await self._recovery.replace(ended, planned=self._renewing)
        self._renewing = False
        self._socket = new.socket
        self._inbox.bound(on=True)
        self._observers.received(new.news)
        self._inbox.put((new.news, 0))  # first, for those who wait for it
        self._forget(ended, new)
        for entry in new.received:
            self._observers.received(entry[0])
            if not self._follow(entry[0]):
                self._inbox.put(entry)
        self._helpers.append(asyncio.create_task(self._resend(new.events)))

    def _forget(self, ended: ConnectionClosedError, new: Replacement) -> None:
        """Fail the waits whose answer was lost with the old session: all, but for what is sent again."""
        self._resent = frozenset(new.news.resent)
        kept = {future for event_id, future in self._questions.items() if event_id in self._resent}
        self._inbox.fail_waits(ended, kept)

    async def _resend(self, events: Sequence[ClientEvent]) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # lost again: the next plan has them
            for event in events:
                await self._socket.send(encode(event))
                await asyncio.sleep(0)  # two minutes of audio are much work: others run between two events
        self._ready = True
        self._inbox.wake()

    async def _sent_again(self, socket: EventSocket, event: ClientEvent) -> None:
        """After a send failed on `socket`: wait for what comes after it. Raises if `event` was not sent again there."""
        if socket is self._socket and self._inbox.ended is None:
            self._ready = False
            self._inbox.bound(on=False)  # the reader is to come to the end, also if nobody reads
        while not self._ready:
            await self._inbox.change()
        self._inbox.check_open()
        if event.event_id not in self._resent:
            raise ConnectionClosedError(ABNORMAL, f"{event.type} was lost with the connection")

    def _renew_later(self) -> None:
        """Have the connection replaced before the session ends, if the policy says so."""
        if self._recovery is None:
            return
        delay = self._recovery.renewal(time.time())
        if delay is not None:
            self._helpers.append(asyncio.create_task(self._renew(self._recovery, delay)))

    async def _renew(self, recovery: Recovery, delay: float) -> None:
        await asyncio.sleep(delay)
        await recovery.calm()
        self._renewing = True
        self._ready = False
        await self._socket.finish()


def _check_kind(name: str, value: object, allowed: str, *kinds: type) -> None:
    """Raise InvalidRequestError if the argument `name` is of none of `kinds`."""
    if not isinstance(value, kinds):
        raise InvalidRequestError([Problem(name, "invalid_type", value, allowed)])


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel `tasks`, wait for their ends, and empty the list."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    tasks.clear()


def _field(event: ServerEvent, name: str) -> dict[str, Any]:
    """An object of the event as it came."""
    value = (event.raw or {}).get(name)
    return value if isinstance(value, dict) else {}


@contextlib.asynccontextmanager
async def _deadline(seconds: float | None, missing: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise APITimeoutError(f"{missing} within {seconds} seconds") from None
