"""`Link`: a session's way to the server, over one socket after the other.

A reader task takes the events from the socket, so that pings are answered while the user is busy, and puts them into an
`Inbox`; sends go straight to the socket. A lost connection is a lost session: without a `ReconnectPolicy` the session
ends there, with one the same task puts a new one in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import time
from collections.abc import Collection, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

from openai_realtime._codec.converter import encode
from openai_realtime._config import ConnectOptions
from openai_realtime._logging import SESSION, outcome
from openai_realtime._redaction import Secret
from openai_realtime._transport.http import Transport
from openai_realtime._transport.targets import ConnectTarget
from openai_realtime._transport.websocket import ABNORMAL, NORMAL, Entry, EventSocket
from openai_realtime.errors import ClientStateError, ConnectionClosedError
from openai_realtime.models.base64 import Binary, to_base64
from openai_realtime.models.client_events import InputAudioBufferAppend
from openai_realtime.models.events import ClientEvent
from openai_realtime.models.translation_events import SessionInputAudioBufferAppend

from .append import append_frame
from .dispatcher import Dispatcher
from .ids import new_id
from .observers import Observer
from .reconnect_policy import ReconnectPolicy
from .tasks import stop

if TYPE_CHECKING:
    from .reconnect import Recovery
    from .tracker import RestoredSpeech

_RENEWAL_PAUSE = 1.0  # seconds after which a renewal that failed is tried again, then twice as many
_TYPES: Final[dict[type, str]] = {
    InputAudioBufferAppend: "input_audio_buffer.append",
    SessionInputAudioBufferAppend: "session.input_audio_buffer.append",
}


class State(enum.Enum):
    """Where a connection is in its life."""

    CONNECTING = "connecting"
    OPEN = "open"
    REPLACING = "replacing"
    """The socket is lost: another takes its place, or the session ends. Sends wait."""
    CLOSING = "closing"
    """By the client."""
    CLOSED = "closed"


class Link:
    """The state of a connection, its socket, and the task that reads. It does not know the object that users have."""

    __slots__ = (
        *("_backoff", "_helpers", "_process", "_reader", "_recovery", "_resent"),
        *("__weakref__", "dispatcher", "inbox", "options", "requests", "socket", "state", "target"),
    )  # thousands may be open

    def __init__(
        self,
        transport: Transport,
        target: ConnectTarget,
        options: ConnectOptions,
        policy: ReconnectPolicy | None,
        observers: Sequence[Observer],
    ) -> None:
        self.state = State.CONNECTING
        self.dispatcher = Dispatcher(options, target.dialect, observers, tells_end=policy is None)
        self.inbox = self.dispatcher.inbox
        self.requests = self.dispatcher.requests
        self.socket = EventSocket(transport, target, options)
        self.target = target
        self.options = options
        self._backoff = transport.backoff
        self._recovery = _recovery(transport, target, options, policy) if policy else None
        self._process = os.getpid()
        self._resent: Collection[str] = ()
        self._reader: asyncio.Task[None] | None = None
        # What belongs to the present socket: its renewal, and the sending of what the last one did not answer.
        self._helpers: Sequence[asyncio.Task[None]] = ()

    def _become(self, state: State) -> None:
        """Change the state, the only place that does, and let those who wait for that look again."""
        self.state = state
        self.inbox.wake()

    async def open(self) -> None:
        """Connect, up to the server's first event that is no error. Raises what the HTTP calls raise."""
        for entry in await self.socket.open(self._backoff()):
            self._take(entry)
        self._become(State.OPEN)
        self._reader = asyncio.create_task(self._live())

    async def close(self) -> None:
        """End the session. Bounded in time; calling it again does nothing. Cancelled, it cuts the connection."""
        if self._reader is not None and self._reader.get_loop().is_closed():
            return  # the end of that event loop was the end of all in it
        self.check_here()
        if self.state is not State.CLOSED:
            self._become(State.CLOSING)
        try:
            await self.socket.close()
        finally:
            await stop([self._reader] if self._reader else [])
            self._end(ConnectionClosedError(NORMAL, "by the client"))

    def is_open(self) -> bool:
        """Whether it is open, and was opened in this process."""
        return self.state in (State.OPEN, State.REPLACING) and self._process == os.getpid()

    def is_here(self) -> bool:
        """Whether it is open, in the event loop that runs."""
        here = self._reader is not None and self._reader.get_loop() is asyncio.get_running_loop()
        return here and self.is_open()

    def check_here(self) -> None:
        """Raise ClientStateError in another event loop than the connection's, where it would wait in vain."""
        elsewhere = self._reader is not None and self._reader.get_loop() is not asyncio.get_running_loop()
        if elsewhere and self.is_open():
            raise ClientStateError(
                "the connection belongs to another event loop: use it there (asyncio.run_coroutine_threadsafe from "
                "another thread), or use RealtimeClient, whose connections all threads share"
            )

    def abandon(self) -> None:
        """End the session, from whatever thread, without waiting for that."""
        if self._reader is not None and not self._reader.get_loop().is_closed():
            self._reader.get_loop().call_soon_threadsafe(self._reader.cancel)

    async def send(self, event: ClientEvent, frame: Secret) -> None:
        """Hand an event, encoded as `frame`, to the socket. While a lost connection is replaced it waits.

        Raises ConnectionClosedError on a closed connection, and if the event is lost with its connection.
        """
        await self.ready()
        self.requests.sent(event)
        self._follow(event)
        await self._write(frame, event.type, str(event.event_id))

    async def append(self, cls: type[InputAudioBufferAppend | SessionInputAudioBufferAppend], audio: Binary) -> None:
        """Send a piece of audio, as `send` does. The event itself is made only if somebody follows the session."""
        if self.state is not State.OPEN:
            await self.ready()
        self.requests.unanswered.appended(len(audio))
        event_id, kind = new_id("event"), _TYPES[cls]
        if self.dispatcher.observers.active or self._recovery is not None:
            self._follow(cls(event_id=event_id, audio=to_base64(audio)))
        await self._write(Secret(append_frame(kind, event_id, audio)), kind, event_id)

    def _follow(self, event: ClientEvent) -> None:
        if self._recovery is not None:
            self._recovery.tracker.sent(event)
        if self.dispatcher.observers.active:
            self.dispatcher.observers.sent(event)

    async def _write(self, frame: Secret, kind: str, event_id: str) -> None:
        socket, lost = self.socket, False
        try:
            await socket.send(frame)
        except (ConnectionError, RuntimeError):
            lost = True
        if lost:
            await self._await_resend(socket, kind, event_id)

    def restored_speech(self, item_id: str, content_index: int) -> RestoredSpeech | None:
        """Return the speech that a part of an item was before it was restored as text; None if it is none."""
        return None if self._recovery is None else self._recovery.tracker.restored_speech((item_id, content_index))

    async def ready(self) -> None:
        """Return when events can be sent. Raises ConnectionClosedError when they never can again."""
        while self.state not in (State.OPEN, State.CLOSED):
            if asyncio.current_task() is self._reader:  # which waits for the function, and would not go on
                raise ClientStateError("on_reconnect cannot use the connection that is being replaced")
            await self.inbox.change()
        self.inbox.check_open()

    async def _await_resend(self, socket: EventSocket, kind: str, event_id: str) -> None:
        """Wait for what comes after a `socket` on which a send failed. Raises if the event was not sent again there."""
        if socket is self.socket and self.state is State.OPEN:
            self._become(State.REPLACING)
            self.inbox.bound(on=False)  # the reader is to come to the end, also if nobody reads
        await self.ready()
        if event_id not in self._resent:
            raise ConnectionClosedError(ABNORMAL, f"{kind} was lost with the connection")

    async def _live(self) -> None:
        """Read one socket after the other, until nothing may take the place of the last."""
        ended = None
        try:
            while True:
                self._renew_later()
                ended = await self._read()
                await self._replace(ended)
        except ConnectionClosedError as error:
            ended = error
        # A defect of ours, or an exit in the user's on_reconnect: whoever waits must see it, and not wait on.
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001
            ended = ended or _failed()
            ended.__cause__ = error
        finally:
            self._end(ended or _failed())
            await self._stop_helpers()
            await self.socket.close()
            if self._recovery is not None:
                await self._recovery.close()

    async def _read(self) -> ConnectionClosedError:
        """Take every event of the socket; how it ended when there are no more."""
        inbox, socket = self.inbox, self.socket
        take = self.dispatcher.put if self._recovery is None else self._take
        try:
            while True:
                if inbox.full:
                    socket.pause(on=True)
                    await inbox.room()
                    socket.pause(on=False)
                await socket.read(take)
        except ConnectionClosedError as ended:
            return ended

    def _take(self, entry: Entry) -> bool:
        """Take an event of the socket; whether there is room for another."""
        if self._recovery is None or self._recovery.received(entry[0]):
            return self.dispatcher.put(entry)
        return True

    def _end(self, ended: ConnectionClosedError) -> None:
        if self.state is not State.CLOSED:
            if self.dispatcher.expiry is not None:
                self.dispatcher.expiry.cancel()
            by_client = self.state is State.CLOSING
            SESSION.info("session ended with %d", NORMAL if by_client else ended.code)
            self.inbox.end(ConnectionClosedError(NORMAL, "by the client") if by_client else ended)
            self._become(State.CLOSED)
            self.dispatcher.observers.closed()

    async def _replace(self, ended: ConnectionClosedError) -> None:
        """Go on with a new connection. Raises `ended` if there is none."""
        recovery = self._recovery
        if recovery is None or self.state is State.CLOSING:
            raise ended
        self._become(State.REPLACING)
        await self._stop_helpers()
        await self.socket.close()
        new = await recovery.replace(ended)
        SESSION.info("connection ended with %d: replaced by another", ended.code)
        self.socket = new.socket
        self.inbox.bound(on=True)
        self._resent = frozenset(str(event.event_id) for event in new.events)
        kept = self._resent | new.answered
        self.requests.replaced(kept)
        # First, for those who wait for it. All other waits end, but those whose answers are still to come.
        self.dispatcher.put((new.reconnected, 0))
        self.inbox.fail_waits(ended, self.requests.waits_of(kept))
        for entry in new.received:
            self.dispatcher.put(entry)
        for event in new.settings:
            self.dispatcher.announce(event)
        self._help(self._resend(new.events))

    async def _resend(self, events: Sequence[ClientEvent]) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # lost again: the next plan has them
            for event in events:
                await self.socket.send(Secret(encode(event)))
                await asyncio.sleep(0)  # two minutes of audio are much work: others run between two events
        if self.state is State.REPLACING:
            self._become(State.OPEN)

    async def _stop_helpers(self) -> None:
        helpers, self._helpers = self._helpers, ()
        await stop(helpers)

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        self._helpers = (*self._helpers, asyncio.create_task(work))

    def _renew_later(self) -> None:
        """Have the connection replaced before the session ends, if the policy says so."""
        if self._recovery is None:
            return
        delay = self._recovery.renewal(time.time())
        if delay is not None:
            self._help(self._renew(self._recovery, delay))

    async def _renew(self, recovery: Recovery, delay: float) -> None:
        """Make a new connection ready, then close the one that works. While none is to be had that one is kept."""
        await asyncio.sleep(delay)
        pause = _RENEWAL_PAUSE
        while not recovery.is_prepared:
            await recovery.wait_until_idle()
            try:
                await recovery.prepare(lambda: self._become(State.REPLACING))
            except Exception as error:  # noqa: BLE001 - also of the user's functions: the session that works is kept
                SESSION.warning("the session could not be renewed, and goes on: %s", outcome(error))
                if self.state is State.REPLACING:
                    self._become(State.OPEN)
                await asyncio.sleep(pause)
                pause *= 2
        await self.socket.finish()


def _recovery(
    transport: Transport, target: ConnectTarget, options: ConnectOptions, policy: ReconnectPolicy
) -> Recovery:
    from .reconnect import Recovery  # noqa: PLC0415 - most connections never need it

    return Recovery(transport, target, options, policy)


def _failed() -> ConnectionClosedError:
    return ConnectionClosedError(ABNORMAL, "the reader failed")
