"""`Heartbeat`: notices a peer that is gone without a word."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final

from aiohttp import ClientWebSocketResponse

_PING: Final = b"\x89\x80\x00\x00\x00\x00"  # not by aiohttp, where it may wait behind the audio that is to be judged
_UNSENT = 128 * 1024  # bytes that the kernel holds back at most: what goes out next is not long on its way


class Heartbeat:
    """Pings while nothing is on its way, and cuts the connection when that brings nothing either.

    Bytes are life in both directions: a part of a large message that comes in, and what was written and goes out
    slowly. A ping waits behind what is written, and is not judged while that moves.
    """

    __slots__ = (
        "_alive",
        "_interval",
        "_tcp",
        "_timer",
        "_unsent",
        "failed",
        "paused",
    )  # no task: thousands may be open

    def __init__(self, ws: ClientWebSocketResponse[Any], tcp: Any, interval: float | None) -> None:
        self.failed = False
        """Whether the peer stopped answering."""
        self.paused = False
        """Whether nobody reads at the moment: then silence says nothing about the peer."""
        self._tcp = tcp
        self._interval = interval or 0.0
        self._alive = True
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None
        _limit_write_buffer(tcp)
        # aiohttp has no public name for it; it calls this for each piece of data, of which a message may need many.
        ws._response.connection.protocol._data_received_cb = self._on_data  # type: ignore[union-attr]  # noqa: SLF001
        if interval is not None:
            self._watch(interval, self._ping)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _on_data(self) -> None:
        self._alive = True

    def _watch(self, seconds: float, then: Callable[[], None]) -> None:
        self._alive, self._unsent = False, self._tcp.get_write_buffer_size()
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _has_moved(self) -> bool:
        return self._alive or self.paused or self._tcp.get_write_buffer_size() != self._unsent

    def _ping(self) -> None:
        if self._has_moved():
            self._watch(self._interval, self._ping)
        elif not self._tcp.is_closing():
            self._tcp.write(_PING)
            self._watch(self._interval / 2, self._judge)

    def _judge(self) -> None:
        if self._has_moved():
            self._watch(self._interval, self._ping)
        else:
            self.failed = True
            cut(self._tcp)  # wakes `receive`


def _limit_write_buffer(tcp: Any) -> None:
    """Let a write be over when the kernel has all of it, and the kernel not hold seconds of it on a slow line."""
    tcp.set_write_buffer_limits(high=0)
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)
    if option is not None:
        with contextlib.suppress(OSError, AttributeError):  # not every system and event loop has it
            tcp.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, option, _UNSENT)


def cut(tcp: Any) -> None:
    """Abort a TCP connection. One that was closed while bytes were unsent, and has sent them since, is gone already."""
    with contextlib.suppress(AttributeError):  # asyncio's own, up to Python 3.12: it has no loop for that any more
        tcp.abort()
