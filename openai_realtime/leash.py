"""`Leash`: an observer that ends a session that takes too long, costs too much, or that nobody uses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from openai_realtime._codec.raw import object_in, received_json
from openai_realtime.conversation.activity import Activity
from openai_realtime.conversation.usage import Prices, Usage
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.responses import ResponseConfig

from ._validators import is_number
from .errors import ConfigurationError, RealtimeError

__all__ = ["Leash"]

_LOG = logging.getLogger("openai_realtime.leash")
_EXACTLY = "Say exactly this, and nothing else: "
_USED: Final = ("response.done", "conversation.item.input_audio_transcription.completed")
_PLAYBACK: Final = ("output_audio_buffer.started", "output_audio_buffer.stopped", "output_audio_buffer.cleared")
_ALIVE: Final = ("input_audio_buffer.speech_started", "input_audio_buffer.committed", "response.created", *_USED)


class Leash:
    """Ends a session at a limit: has the model say goodbye, then closes the connection, or calls `hang_up`.

    It works on a call's sideband too; there give a `hang_up` that ends the call, plain or async.

    - seconds: of the session. idle_seconds: in which nobody spoke and nothing was answered.
    - tokens: that responses read and wrote. cost: by `prices`.
    - goodbye: what the model says before the end; None ends without a word.
    - goodbye_seconds: how long that may take.
    """

    def __init__(  # noqa: PLR0913 - each limit is one
        self,
        *,
        seconds: float | None = None,
        idle_seconds: float | None = None,
        tokens: int | None = None,
        cost: float | None = None,
        prices: Prices | None = None,
        goodbye: str | None = None,
        goodbye_seconds: float = 15,
        hang_up: Callable[[], object | Awaitable[object]] | None = None,
    ) -> None:
        for name, limit in (("seconds", seconds), ("idle_seconds", idle_seconds), ("tokens", tokens), ("cost", cost)):
            if not (limit is None or (is_number(limit) and limit >= 0)):
                raise ConfigurationError(f"{name}: {limit!r} is not a number from 0, or None")
        if (cost is None) != (prices is None):
            raise ConfigurationError("a cost needs prices, and prices are for a cost")
        self.reason: str | None = None
        """Which limit was reached: ``seconds``, ``idle_seconds``, ``tokens`` or ``cost``; None while none was."""
        self.usage = Usage()
        self._seconds, self._idle_seconds, self._tokens = seconds, idle_seconds, tokens
        self._cost, self._prices = cost, prices
        self._goodbye, self._goodbye_seconds = goodbye, goodbye_seconds
        self._hang_up = hang_up
        self._activity = Activity()
        self._server_plays = False
        self._changed = asyncio.Event()
        self._connection: Any = None
        self._is_open = False
        self._timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def opened(self, connection: Any) -> None:
        """Begin to count. Raises ConfigurationError while another session is open."""
        if self._is_open:
            raise ConfigurationError("this Leash is of another open session, so make one for each")
        self._connection, self._is_open = connection, True
        if self._seconds is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._reached, "seconds")
        self._restart_idle()

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server."""
        self._activity.sent(event)

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        self._activity.received(event)
        if event.type in _PLAYBACK:
            self._server_plays = event.type == _PLAYBACK[0]
        if event.type in _ALIVE:
            self._restart_idle()
        if event.type in _USED:
            self._count(event)
        self._changed.set()

    def closed(self) -> None:
        """Count no more: the session is over."""
        self._is_open = False
        self._cancel_timers()

    def _count(self, event: ServerEvent) -> None:
        raw = received_json(event)
        if event.type == "response.done":
            self.usage += Usage.of_response(object_in(object_in(raw, "response"), "usage"))
        else:
            self.usage += Usage.of_transcription(object_in(raw, "usage"))
        if self._tokens is not None and self.usage.input_tokens + self.usage.output_tokens >= self._tokens:
            self._reached("tokens")
        if self._cost is not None and self._prices is not None and self._prices.cost(self.usage) >= self._cost:
            self._reached("cost")

    def _restart_idle(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._idle_seconds is not None and self._connection is not None:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self._idle_seconds, self._reached, "idle_seconds")

    def _reached(self, limit: str) -> None:
        if self.reason is None and self._connection is not None:
            self.reason = limit
            self._task = asyncio.ensure_future(self._end())

    async def _end(self) -> None:
        self._cancel_timers()
        try:
            async with asyncio.timeout(self._goodbye_seconds):
                await self._say_goodbye()
        except (RealtimeError, TimeoutError) as error:
            _LOG.warning("no goodbye was said: %s", str(error) or "it took too long")
        try:
            ended = self._hang_up() if self._hang_up is not None else self._connection.close()
            if isinstance(ended, Awaitable):
                await ended
        except Exception:  # noqa: BLE001 - of the user's function
            _LOG.exception("the session was not ended")

    def _cancel_timers(self) -> None:
        for timer in (self._timer, self._idle_timer):
            if timer is not None:
                timer.cancel()

    async def _say_goodbye(self) -> None:
        if self._goodbye is None:
            return
        await self._connection.cancel_response()
        config = ResponseConfig(instructions=_EXACTLY + self._goodbye, input=[], tool_choice="none")
        await self._connection.create_response(config)
        while self._activity.responses or self._server_plays:
            self._changed.clear()
            await self._changed.wait()
