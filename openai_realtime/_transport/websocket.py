"""`EventSocket`: one WebSocket that carries events, from the upgrade to its close. A session may outlive it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from logging import DEBUG
from typing import Any, TypeAlias

from aiohttp import WSMsgType

from openai_realtime._codec.converter import server_event_decoder, structure
from openai_realtime._codec.json import load_object
from openai_realtime._config import ConnectOptions
from openai_realtime._logging import HTTP, SESSION, event_type, outcome
from openai_realtime._redaction import Secret, mask
from openai_realtime.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConnectionClosedError,
    DecodeError,
    SessionExpiredError,
    error_from_event,
)
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.server_events import Error

from .drain import share_drain
from .heartbeat import Heartbeat, cut
from .http import Transport
from .targets import ConnectTarget

NORMAL, ABNORMAL = 1000, 1006
_GOING_AWAY, _NO_STATUS = 1001, 1005
_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY  # looked up for every event, and slowly in an enum
_SHOWN = 2000  # bytes of a frame that is no event
_LEAST = 512  # bytes that an event takes in memory, however short its JSON is
_CLOSE = 5.0  # seconds that closing may take
_ANSWER_CLOSE = 0.5  # the same when the peer has closed and waits for our answer at most

Entry: TypeAlias = tuple[ServerEvent, int]
"""An event and its size in bytes of JSON."""


class EventSocket:
    """`read` hands out its events, one after the other. Pings are answered there."""

    __slots__ = (
        *("_close_timeout", "_closing", "_decode_event", "_heartbeat", "_options", "_response"),
        *("_secrets", "_socket", "_target", "_tcp", "_transport", "last_error"),
    )  # thousands of connections may be open

    def __init__(self, transport: Transport, target: ConnectTarget, options: ConnectOptions) -> None:
        self.last_error: ServerEvent | None = None
        self._transport = transport
        self._target = target
        self._decode_event = server_event_decoder(target.dialect)
        self._options = options
        self._secrets: tuple[Secret, ...] = ()
        self._closing: asyncio.Lock | None = None
        self._close_timeout = _CLOSE
        self._heartbeat: Heartbeat | None = None

    async def open(self, backoff: Iterator[float]) -> list[Entry]:
        """Connect, and give what the server sent up to its first event that is no error.

        Tried again after each delay of `backoff`. A call's sideband sends nothing: there the socket is open after the
        upgrade. Raises what the HTTP calls raise.
        """
        while True:
            try:
                return await self._open()
            except (APIConnectionError, APIStatusError) as error:
                delay = self._transport.delay(error, backoff)
                if delay is None:
                    raise
                HTTP.info("upgrade again in %.3f s: %s", delay, outcome(error))
            await asyncio.sleep(delay)

    async def read(self, take: Callable[[Entry], bool]) -> None:
        """Hand each event to `take`, as long as that says that it takes another.

        Raises ConnectionClosedError, SessionExpiredError when there are no more.
        """
        while True:
            try:
                message = await self._socket.receive()
            except ConnectionError as error:
                raise self._ended(ABNORMAL, str(error)) from None
            kind, data = message.type, message.data
            if kind is _TEXT or kind is _BINARY:  # some proxies relay events in binary frames
                if not take((self._decode(data, kind), max(len(data), _LEAST))):
                    return
            elif kind is WSMsgType.PING:
                await self._pong(data)
            elif kind is not WSMsgType.PONG:
                raise self._closed(message)

    async def send(self, frame: Secret) -> None:
        """Hand one event to the socket, and wait until that has taken it.

        It is a secret, because a settings event may hold an MCP server's authorization. Raises ConnectionError or
        RuntimeError; `read` then tells how it ended.
        """
        if SESSION.isEnabledFor(DEBUG):
            data = frame.reveal()
            SESSION.debug("sending %s, %d bytes", event_type(load_object(data).get("type")), len(data))
            del data  # a traceback may show local variables, and aiohttp's frames below
        try:
            await self._socket.send_frame(frame.reveal(), WSMsgType.TEXT)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            raise error.with_traceback(None) from None
        if self._tcp.get_write_buffer_size():  # more than the kernel takes at once
            await self._response.connection.protocol._drain_helper()  # type: ignore[union-attr]  # noqa: SLF001

    def pause(self, *, on: bool) -> None:
        """Say that nobody calls `read` for a while, or again: meanwhile silence says nothing about the server."""
        if self._heartbeat is not None:
            self._heartbeat.paused = on

    async def finish(self) -> None:
        """Ask the server to close, so that `read` gives all it has sent before; close it if it does not."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._socket.send_frame(NORMAL.to_bytes(2, "big"), WSMsgType.CLOSE)
        await asyncio.sleep(_CLOSE)
        await self.close()

    async def close(self) -> None:
        """Close it, within a few seconds. What was not read is gone. Calling it again does nothing."""
        if self._heartbeat is None:
            return
        self._closing = self._closing or asyncio.Lock()
        async with self._closing:
            self._heartbeat.stop()
            try:
                async with asyncio.timeout(self._close_timeout):
                    await self._socket.close(code=NORMAL)
            except (TimeoutError, OSError):
                pass  # the peer does not take what was sent
            finally:  # also if this is cancelled: a send that waits for room would wait on, and the socket stay open
                cut(self._tcp)
                self._response.close()

    async def _open(self) -> list[Entry]:
        """Try once; the attempt before leaves nothing."""
        self.last_error, self._close_timeout, self._heartbeat = None, _CLOSE, None
        try:
            async with asyncio.timeout(self._options.open_timeout):
                self._socket, self._secrets = await self._transport.open_socket(self._target, self._options)
                # aiohttp has no public name for it, and its own close waits until the peer has taken all that was sent.
                self._response = self._socket._response  # noqa: SLF001
                self._tcp: Any = self._response.connection.transport  # type: ignore[union-attr]
                share_drain(self._response.connection.protocol)  # type: ignore[union-attr]
                self._heartbeat = Heartbeat(self._socket, self._tcp, self._options.heartbeat)
                return await self._first_events() if self._expects_events else []
        except BaseException as error:
            await self.close()
            if isinstance(error, TimeoutError):
                raise APITimeoutError(self._nothing_came()) from None
            raise

    @property
    def _expects_events(self) -> bool:
        return self._options.wait_for_session and not self._target.on_call

    def _nothing_came(self) -> str:
        """Say what the server did in place of opening a session."""
        if self._heartbeat is None:
            return f"no session within {self._options.open_timeout} seconds"
        last = (
            f"only an error came: {error_from_event(self.last_error.raw, 0, '')}"
            if self.last_error
            else "no event came"
        )
        return (
            f"no session within {self._options.open_timeout} seconds: the server took the connection and {last}; "
            "for servers that wait for the client's first event there is ConnectOptions(wait_for_session=False)"
        )

    async def _first_events(self) -> list[Entry]:
        """Read up to the first event that is no error. The API refuses after the upgrade: error, close."""
        events: list[Entry] = []

        def take(entry: Entry) -> bool:
            events.append(entry)
            return entry[0] is self.last_error

        try:
            await self.read(take)
        except ConnectionClosedError as error:
            closed = error
        else:
            return events
        raise error_from_event(self.last_error.raw if self.last_error else None, closed.code, closed.reason)

    def _decode(self, data: bytes, kind: WSMsgType) -> ServerEvent:
        try:
            event = self._decode_event(data)
        except DecodeError as error:
            event = self._no_event(data, "invalid_json" if kind is _TEXT else "invalid_event", str(error))
        if SESSION.isEnabledFor(DEBUG):
            SESSION.debug("received %s, %d bytes", event_type(event.type), len(data))
        if event.type == "error":
            event = self.last_error = self._masked(event)
        return event

    def _masked(self, event: ServerEvent) -> ServerEvent:
        """Mask in an error event what it repeats of the upgrade's secrets, whatever they look like."""
        masked = mask(event.raw, self._secrets)
        return event if masked == event.raw else structure(masked, type(event))

    def _no_event(self, data: bytes, code: str, problem: str) -> Error:
        """Make an error event of our own, which holds the beginning of a frame that is no event."""
        frame = mask(data[:_SHOWN].decode(errors="replace"), self._secrets)
        error = {"type": "invalid_frame", "code": code, "message": f"the server sent no event: {problem}"}
        return structure({"type": "error", "error": error, "frame": frame, "frame_size": len(data)}, Error)

    async def _pong(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):  # the socket may have closed since; `receive` tells
            await self._socket.pong(data)

    def _closed(self, message: Any) -> ConnectionClosedError:
        self._close_timeout = _ANSWER_CLOSE
        if message.type is WSMsgType.CLOSE:
            return self._ended(int(message.data or _NO_STATUS), str(message.extra or ""))
        if self._heartbeat is not None and self._heartbeat.failed:
            return self._ended(ABNORMAL, "the server stopped answering pings")
        return self._ended(self._socket.close_code or ABNORMAL, str(message.data or "the connection was lost"))

    def _ended(self, code: int, reason: str) -> ConnectionClosedError:
        expired = code == _GOING_AWAY and "maximum duration" in reason
        cls = SessionExpiredError if expired else ConnectionClosedError
        return cls(int(code), mask(reason, self._secrets), self.last_error.raw if self.last_error else None)
