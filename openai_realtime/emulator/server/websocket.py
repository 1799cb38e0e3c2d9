"""The WebSocket of a session: how it opens, what travels on it, and how it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator

from aiohttp import web

from openai_realtime._codec.converter import encode
from openai_realtime.emulator import ids
from openai_realtime.emulator.errors import Refusal
from openai_realtime.models.server_events import Error, ErrorDetails

from . import admission

_MAX_MESSAGE = 32 * 1024 * 1024  # 15 MiB of audio in base64, and room
_PING_SECONDS = 20.26
_FINAL_TEXT = 0x81
_LONG = 127  # the length stands in the next eight bytes
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close sends RST


def new_socket() -> web.WebSocketResponse:
    """Make a WebSocket as the API opens it, but without compression: 15 MiB would hold up all others for 80 ms."""
    return web.WebSocketResponse(
        protocols=("realtime",), heartbeat=_PING_SECONDS, max_msg_size=_MAX_MESSAGE, compress=False
    )


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


class WebSocketChannel:
    """A WebSocket as a session's connection uses it."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Give the client's messages, text or binary, until one side has closed."""
        async for message in self._socket:
            if message.type in (web.WSMsgType.TEXT, web.WSMsgType.BINARY):
                yield message.data

    async def send(self, message: str | bytes) -> None:
        """Send a message: text, or a binary one."""
        await (self._socket.send_str(message) if isinstance(message, str) else self._socket.send_bytes(message))

    async def send_event(self, event: bytes) -> None:
        """Send the JSON of an event as text."""
        await self._socket.send_frame(event, web.WSMsgType.TEXT)

    async def close(self, code: int, reason: str) -> None:
        """Close in order."""
        await self._socket.close(code=code, message=reason.encode())

    def drop(self) -> None:
        """Cut the connection with a reset."""
        reset(self._transport)

    def drop_within(self, event: bytes) -> None:
        """Cut the connection in the middle of a frame."""
        self._transport.write(half_frame(event))
        self._transport.close()


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection so that the client sees a reset and no orderly end."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def half_frame(payload: bytes) -> bytes:
    """Give the first half of the WebSocket frame that would carry `payload`."""
    return struct.pack("!BBQ", _FINAL_TEXT, _LONG, len(payload)) + payload[: len(payload) // 2]
