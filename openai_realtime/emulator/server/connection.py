"""A connection to a session: messages in, events out, in the session's order and at its speed, and faults."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

import attrs

from openai_realtime._codec.converter import encode
from openai_realtime.emulator import faults, ids
from openai_realtime.emulator.sessions.base import Session
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.server_events import Error, ErrorDetails

from .shared import SharedSession
from .worker import HUGE, Worker, rest

_log = logging.getLogger("openai_realtime.emulator")
_MAX_AHEAD = 1000
_SORRY = ErrorDetails(type="server_error", message="The server had an error.")


class Channel(Protocol):
    """What the messages of a connection travel on: a WebSocket, or the data channel of a call."""

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Give the client's messages, text or binary, until one side has closed."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Send a message: text, or a binary one."""

    async def send_event(self, event: bytes) -> None:
        """Send the JSON of an event as text."""

    async def close(self, code: int, reason: str, /) -> None:
        """Close in order."""

    def drop(self) -> None:
        """Cut it at once."""

    def drop_within(self, event: bytes, /) -> None:
        """Cut it in the middle of an event."""


class CallChannel:
    """The channel of a caller: a telephone hears of no events. There are no close codes and no half messages."""

    def __init__(self) -> None:
        self._received: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    def put(self, message: str | bytes) -> None:
        """Take a message of the caller."""
        self._received.put_nowait(message)

    def end(self) -> None:
        """Take no more: one side has hung up."""
        self._received.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Give the caller's messages until the call is over."""
        while (message := await self._received.get()) is not None:
            yield message

    async def send(self, message: str | bytes) -> None:
        """Send a message."""

    async def send_event(self, event: bytes) -> None:
        """Send the JSON of an event as text."""
        await self.send(event.decode())

    async def close(self, _code: int, _reason: str) -> None:
        """End the call."""
        self.end()

    def drop(self) -> None:
        """End the call."""
        self.end()

    def drop_within(self, _event: bytes) -> None:
        """End the call."""
        self.end()


class LiveConnection:
    """One of those who are connected to a session. The session's time goes on as long as somebody is."""

    def __init__(self, channel: Channel, shared: SharedSession[Any], worker: Worker) -> None:
        self.shared = shared
        self._worker = worker
        self.faults: list[faults.Fault] = []
        self._channel = channel
        self._wake = asyncio.Event()
        self._gone = False
        self._sent = 0
        self._ahead = 0  # messages of the client since the last event was sent
        self._flowing = asyncio.Event()  # cleared while an event waits for the client to read
        self._flowing.set()
        self._held: list[ServerEvent] = []
        self._swapping = False
        self._reader: asyncio.Task[None] | None = None
        self._events = shared.join(self.wake, self._fall_behind)
        self._timer = self._new_timer()

    @property
    def session(self) -> Session:
        """The session that it is connected to."""
        session: Session = self.shared.session
        return session

    def wake(self) -> None:
        """Look again whether there is something to do."""
        self._wake.set()

    def resume(self) -> None:
        """Let go on what is paused, or will be next: the client may be ahead of the pause it waits for."""
        self.shared.resuming = True
        self.wake()

    def clock_moved(self) -> None:
        """Set the timer anew: the emulator's clock has jumped."""
        self._timer.cancel()
        self._timer = self._new_timer()

    def inject(self, fault: faults.Fault) -> None:
        """Let `fault` happen as soon as can be."""
        self.faults.append(attrs.evolve(fault, at=self._sent))
        self.wake()

    async def close(self) -> None:
        """Close it because the server goes away."""
        await self._channel.close(1001, "")

    def _fall_behind(self) -> None:
        """End a connection whose client reads nothing, while others of the session do."""
        _log.warning("%s: a client that does not read its events is cut off", self.session.id)
        self._channel.drop()
        self._gone = True
        self.wake()

    async def run(self) -> None:
        """Serve the session until one side closes, or its hour is over. A defect closes it with 1011."""
        self._reader = asyncio.ensure_future(self._guarded(self._read))
        try:
            await self._guarded(self._write)
        finally:
            self._timer.cancel()
            self.shared.leave(self._events)
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`; let nothing that is wrong in it, or in what a test gave, pass for a network that fails."""
        try:
            await work()
        except ConnectionError:  # the client is gone
            pass
        except Exception:  # noqa: BLE001 - it is logged, and the client is told
            _log.exception("a defect of the emulator, or of a function that it was given; session %s", self.session.id)
            await self._channel.close(1011, "server_error")
        self._gone = True
        self.wake()

    async def _read(self) -> None:
        async for message in self._channel:
            self._ahead += 1
            if self._ahead > _MAX_AHEAD:  # who reads nothing is not read either, lest what it asks for piles up
                await self._flowing.wait()
            read = await self._worker.run(len(message), self.session.read, message)
            self.shared.catch_up()
            for _ in self.session.receive(read):
                self.wake()
                await asyncio.sleep(0)
            self.wake()
            await rest(len(message))  # a client that sends without end must not keep the others waiting

    async def _write(self) -> None:
        while not self._gone:
            self._wake.clear()
            await self._apply_due_faults(self._sent)
            event = self._events.pull()
            if event is not None:
                await self._apply_due_faults(event.type)
                await self._deliver(event)
            elif self.session.close is not None:
                await self._channel.close(*self.session.close)
                self._gone = True
            elif not self.shared.resume():
                await self._pause()

    def _new_timer(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self.session.seconds_left, self._expire)

    def _expire(self) -> None:
        self.session.expire()
        self.wake()

    async def _deliver(self, event: ServerEvent) -> None:
        """Send an event, unless a fault ended the connection, or wants it later."""
        if self._swapping:
            self._swapping = False
            self._held.append(event)
            return
        for ready in (event, *self._held):
            if not self._gone:
                self._flowing.clear()
                data = encode(ready)
                if len(data) > HUGE:
                    await rest(len(data))  # to send it takes as long again
                await self._channel.send_event(data)
                self._flowing.set()
                self._sent += 1
                self._ahead = 0
                await rest(len(data))  # a client that interrupts must be heard between two events
        self._held.clear()

    async def _pause(self) -> None:
        """Wait for the client, for `wake`, or for the next event that is due."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.shared.clock.seconds_to(self.session.next_due)):
                await self._wake.wait()

    async def _apply_due_faults(self, place: int | str) -> None:
        """Let happen what shall happen here."""
        for fault in [fault for fault in self.faults if _is_due(fault.at, place)]:
            self.faults.remove(fault)
            await self._apply_fault(fault)

    async def _apply_fault(self, fault: faults.Fault) -> None:
        match fault:
            case faults.Drop():
                self._channel.drop()
                self._gone = True
            case faults.HalfFrame():
                self._channel.drop_within(encode(Error(error=_SORRY)))
                self._gone = True
            case faults.Close():
                await self._end(fault)
            case faults.Silence():
                await self._fall_silent()
            case faults.Expire():
                self.session.expire()
            case faults.Message(message=message):
                await self._channel.send(message)
            case faults.Delay(seconds=seconds):
                await asyncio.sleep(seconds)
            case faults.Swap():
                self._swapping = True

    async def _end(self, fault: faults.Close) -> None:
        if fault.error is not None:
            event = Error(event_id=ids.object_id("event_", time.time()), error=fault.error)
            await self._channel.send_event(encode(event))
        self._gone = True
        await self._channel.close(fault.code, fault.reason)

    async def _fall_silent(self) -> None:
        """Answer nothing, neither events nor pings, until the client is gone."""
        if self._reader is not None:
            self._reader.cancel()
        await asyncio.Event().wait()  # until the connection is gone, which cancels this


def _is_due(at: int | str, place: int | str) -> bool:
    """Whether what happens at `at` happens here. A swap sends two events at once, and so goes past a number."""
    return at <= place if isinstance(at, int) and isinstance(place, int) else at == place
