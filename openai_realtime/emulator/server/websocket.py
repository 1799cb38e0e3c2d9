"""The WebSocket around a session: frames in, frames out, in the session's order and at the emulator's speed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
import struct
import time
from collections.abc import Iterator

import attrs
from aiohttp import web

from openai_realtime._codec.converter import encode
from openai_realtime.emulator import faults, ids
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.sessions.base import Session
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.server_events import Error, ErrorDetails

from . import admission

_MAX_MESSAGE = 32 * 1024 * 1024  # 15 MiB of audio in base64, and room
_PING_SECONDS = 20.26
_FINAL_TEXT = 0x81
_LONG = 127  # the length stands in the next eight bytes
_SORRY = ErrorDetails(type="server_error", message="The server had an error.")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close sends RST


def new_socket() -> web.WebSocketResponse:
    """A WebSocket as the API opens it."""
    return web.WebSocketResponse(protocols=("realtime",), heartbeat=_PING_SECONDS, max_msg_size=_MAX_MESSAGE)


def is_wanted(request: web.Request) -> bool:
    """Whether a request asks for a WebSocket, and properly."""
    with _keys_unlogged():
        return new_socket().can_prepare(request).ok


async def prepare(response: web.WebSocketResponse, request: web.Request) -> None:
    """Do the handshake."""
    with _keys_unlogged():
        await response.prepare(request)


@contextlib.contextmanager
def _keys_unlogged() -> Iterator[None]:
    """Keep browsers' keys out of all logs: aiohttp warns of sub-protocols it cannot choose from, and the key is one."""

    def is_keyless(record: logging.LogRecord) -> bool:
        return admission.KEY_PROTOCOL not in record.getMessage()

    logger = logging.getLogger("aiohttp.websocket")
    logger.addFilter(is_keyless)
    try:
        yield
    finally:
        logger.removeFilter(is_keyless)


async def refuse(response: web.WebSocketResponse, refusal: Refusal) -> None:
    """Say why there is no session, and close at once."""
    details = ErrorDetails(type=refusal.type, code=refusal.code, message=refusal.message, param=None, event_id=None)
    event = Error(event_id=ids.object_id("event_", time.time()), error=details)
    await response.send_frame(encode(event), web.WSMsgType.TEXT)
    await response.close(code=admission.close_code(refusal), message=admission.close_reason(refusal).encode())


class LiveConnection:
    """A session on its socket. `speed` is how much faster than life it runs; infinite does not wait at all."""

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport, session: Session, speed: float
    ) -> None:
        self.session = session
        self.faults: list[faults.Fault] = []
        self._socket = socket
        self._transport = transport
        self._speed = speed
        self._wake = asyncio.Event()
        self._gone = False
        self._sent = 0
        self._held: list[ServerEvent] = []
        self._swapping = False
        self._resuming = False
        self._start = 0.0
        self._reader: asyncio.Task[None] | None = None
        self._timer = self._new_timer()

    def wake(self) -> None:
        """Look again whether there is something to do."""
        self._wake.set()

    def resume(self) -> None:
        """Let go on what is paused, or will be next: the client may be ahead of the pause it waits for."""
        self._resuming = True
        self.wake()

    def clock_moved(self) -> None:
        """The emulator's clock has jumped: the session's hour is over at another time of the loop's."""
        self._timer.cancel()
        self._timer = self._new_timer()

    def inject(self, fault: faults.Fault) -> None:
        """Let `fault` happen as soon as can be."""
        self.faults.append(attrs.evolve(fault, at=self._sent))
        self.wake()

    async def close(self) -> None:
        """The server goes away."""
        await self._socket.close(code=1001, message=b"")

    async def run(self) -> None:
        """Serve the session until one side closes, or its hour is over."""
        try:
            await self._serve()
        finally:
            self._timer.cancel()

    async def _serve(self) -> None:
        if not math.isinf(self._speed):  # a call's session may be older than its connection
            self._start = asyncio.get_running_loop().time() - self.session.timeline.now / self._speed
        self._reader = asyncio.ensure_future(self._read())
        try:
            await self._write()
        finally:
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type in (web.WSMsgType.TEXT, web.WSMsgType.BINARY):
                self.session.timeline.now = max(self.session.timeline.now, self._elapsed())
                self.session.receive(message.data)
                self.wake()
        self._gone = True
        self.wake()

    async def _write(self) -> None:
        while not self._gone:
            self._wake.clear()
            await self._suffer_at(self._sent)
            event = self.session.pull(self._until())
            if event is not None:
                await self._suffer_at(event.type)
                await self._deliver(event)
            elif self.session.close is not None:
                code, reason = self.session.close
                await self._socket.close(code=code, message=reason.encode())
            elif self._resuming and self.session.timeline.wake():
                self._resuming = False
            else:
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
                for observer in self.session.observers:
                    observer.received(ready)
                await self._socket.send_frame(encode(ready), web.WSMsgType.TEXT)
                self._sent += 1
        self._held.clear()
        await asyncio.sleep(0)  # a client that interrupts must be heard between two events

    def _elapsed(self) -> float:
        """Seconds of the session's time; it stands still where nothing is waited for."""
        return 0.0 if math.isinf(self._speed) else (asyncio.get_running_loop().time() - self._start) * self._speed

    def _until(self) -> float:
        return math.inf if math.isinf(self._speed) else self._elapsed()

    async def _pause(self) -> None:
        """Wait for the client, for `wake`, or for the next event that is due."""
        due = self.session.next_due
        # Without a speed only what somebody does can bring about more.
        never = math.isinf(due) or math.isinf(self._speed)
        seconds = None if never else (due - self._elapsed()) / self._speed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    # --- faults -------------------------------------------------------------------------------------------------------

    async def _suffer_at(self, place: int | str) -> None:
        """Let happen what shall happen here."""
        for fault in [fault for fault in self.faults if _is_due(fault.at, place)]:
            self.faults.remove(fault)
            await self._suffer(fault)

    async def _suffer(self, fault: faults.Fault) -> None:
        match fault:
            case faults.Drop():
                reset(self._transport)
                self._gone = True
            case faults.HalfFrame():
                self._transport.write(half_frame(encode(Error(error=_SORRY))))
                self._transport.close()
                self._gone = True
            case faults.Close():
                await self._end(fault)
            case faults.Silence():
                await self._fall_silent()
            case faults.Expire():
                self.session.expire()
            case faults.Message(message=str(text)):
                await self._socket.send_str(text)
            case faults.Message(message=bytes(data)):
                await self._socket.send_bytes(data)
            case faults.Delay(seconds=seconds):
                await asyncio.sleep(seconds)
            case faults.Swap():
                self._swapping = True

    async def _end(self, fault: faults.Close) -> None:
        if fault.error is not None:
            event = Error(event_id=ids.object_id("event_", time.time()), error=fault.error)
            await self._socket.send_frame(encode(event), web.WSMsgType.TEXT)
        self._gone = True
        await self._socket.close(code=fault.code, message=fault.reason.encode())

    async def _fall_silent(self) -> None:
        """Answer nothing, neither events nor pings, until the client is gone."""
        if self._reader is not None:
            self._reader.cancel()
        await asyncio.Event().wait()  # until the connection is gone, which cancels this


def _is_due(at: int | str, place: int | str) -> bool:
    """Whether what happens at `at` happens here. A swap sends two events at once, and so goes past a number."""
    return at <= place if isinstance(at, int) and isinstance(place, int) else at == place


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection so that the client sees a reset and no orderly end."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def half_frame(payload: bytes) -> bytes:
    """The first half of the WebSocket frame that would carry `payload`."""
    return struct.pack("!BBQ", _FINAL_TEXT, _LONG, len(payload)) + payload[: len(payload) // 2]
