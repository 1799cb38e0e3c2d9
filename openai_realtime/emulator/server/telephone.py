"""The telephone: somebody calls over SIP, is rung through by webhook, talks, listens, presses keys and hangs up."""

from __future__ import annotations

import asyncio
import functools
import math
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

from openai_realtime.audio.pcm import RATE, WIDTH
from openai_realtime.emulator.sessions.realtime import LiveSession
from openai_realtime.emulator.wire import JSON
from openai_realtime.errors import ConfigurationError

from .connection import CallChannel, LiveConnection
from .media import CallSound
from .sessions import Sessions
from .shared import Clock, SharedSession
from .state import State
from .webhooks import deliver, incoming_call

KEYS = frozenset("0123456789*#ABCD")
CALLER = (("From", "<sip:+14155550123@sip.example.com>"), ("To", "<sip:proj_emulator@sip.api.openai.com>"))
RING_SECONDS = 30.0
_STEP_SECONDS = 0.02  # of sound that a telephone sends and plays at a time
_SHORTEST_STEP = 0.005  # of real time
_REMEMBERED = 100
_PAUSE = bytes(2 * RATE * WIDTH)  # without a speed: two seconds of silence end a turn

InLoop = Callable[[Callable[[], None]], None]
"""Calls a function in the emulator's event loop, from any thread."""


def check_keys(keys: str) -> None:
    """Raise ConfigurationError for what no telephone can press."""
    if not isinstance(keys, str) or not keys or set(keys) - KEYS:
        raise ConfigurationError(f"keys: {keys!r} is not made of {''.join(sorted(KEYS))}")


def _future() -> Future[Any]:
    """Make a future that no wait for it, when that is cancelled, cancels."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


class PhoneCall:
    """One call, as the caller has it. Its methods may be called from any thread.

    `answered` and `ended` are futures of the standard library, for threads (``call.ended.result(10)``) and for asyncio
    (``await asyncio.wrap_future(call.ended)``): whether it was accepted, and why it is over. `deliveries` are the
    statuses that answered the webhook, None where nobody did.
    """

    def __init__(self, call_id: str, sessions: Sessions, in_loop: InLoop) -> None:
        self.call_id = call_id
        self.answered: Future[bool] = _future()
        self.ended: Future[str] = _future()
        self.deliveries: list[int | None] = []
        self._sessions = sessions
        self._in_loop = in_loop
        self._heard = bytearray()
        self._words: deque[tuple[bytearray, Future[None]]] = deque()
        self._speaks = asyncio.Event()

    def __repr__(self) -> str:
        state = "ended" if self.ended.done() else "answered" if self.answered.done() else "ringing"
        return f"<PhoneCall {self.call_id} {state}>"

    @property
    def heard(self) -> bytes:
        """What the model said so far, as far as it was played: PCM16 of 24 kHz."""
        return bytes(self._heard)

    def talk(self, pcm: bytes) -> Future[None]:
        """Say `pcm`, PCM16 of 24 kHz, when somebody is attached to the call; the future is done when it is said."""
        said: Future[None] = _future()
        self._in_loop(functools.partial(self._talk, pcm, said))
        return said

    def send_dtmf(self, keys: str) -> None:
        """Press `keys`, such as ``"12#"``, when somebody is attached to the call. Raises ConfigurationError."""
        check_keys(keys)
        self._in_loop(functools.partial(self._sessions.send_dtmf, self.call_id, keys))

    def hang_up(self) -> None:
        """End the call."""
        self._in_loop(functools.partial(self.end, "the caller hung up"))

    def end(self, reason: str) -> None:
        """End the call for `reason`, in the emulator's event loop. Does nothing if it is over."""
        if self.ended.done():
            return
        if not self.answered.done():
            self.answered.set_result(False)
        self.ended.set_result(reason)
        self._sessions.end_call(self.call_id)

    async def serve(self, shared: SharedSession[LiveSession]) -> None:
        """Talk and listen until the session is over."""
        connection = LiveConnection(CallChannel(), shared, self._sessions.worker)
        line = asyncio.create_task(self._line(shared))
        with self._sessions.connected(connection):
            try:
                await connection.run()
            finally:
                line.cancel()
                await asyncio.wait([line])
                self.end("the session ended")

    async def _line(self, shared: SharedSession[LiveSession]) -> None:
        if math.isinf(shared.clock.speed):
            await self._converse_at_once(_Ear(shared, self._heard))
        else:
            await self._converse(CallSound(shared), shared.clock)

    async def _converse(self, sound: CallSound, clock: Clock) -> None:
        """Send and play so much sound at a time; where nothing is said, silence."""
        step, due = max(_STEP_SECONDS, _SHORTEST_STEP * clock.speed), clock.now
        size = round(step * RATE) * WIDTH
        while True:
            sound.hear(self._next_words(size).ljust(size, b"\0"))
            self._heard += sound.read(size)
            due += step
            await asyncio.sleep(clock.seconds_to(due) or 0)

    async def _converse_at_once(self, sound: CallSound) -> None:
        """Say what there is to say, and be silent for long enough, in no time."""
        while True:
            await self._speaks.wait()
            while words := self._next_words(RATE * WIDTH):
                sound.hear(words)
                await asyncio.sleep(0)
            sound.hear(_PAUSE)
            self._speaks.clear()

    def _talk(self, pcm: bytes, said: Future[None]) -> None:
        self._words.append((bytearray(pcm), said))
        self._speaks.set()

    def _next_words(self, size: int) -> bytes:
        """Take up to `size` bytes of what there is to say next."""
        if not self._words:
            return b""
        words, said = self._words[0]
        taken = bytes(words[:size])
        del words[:size]
        if not words:
            self._words.popleft()
            said.set_result(None)
        return taken


class _Ear(CallSound):
    """Hears at once what the model says."""

    def __init__(self, shared: SharedSession[LiveSession], heard: bytearray) -> None:
        super().__init__(shared)
        self._heard = heard

    def play(self, audio: bytes) -> None:
        """Take what the model says."""
        super().play(audio)
        self._heard += self.read()


class Telephone:
    """The phone calls of one emulator that somebody makes; `calls` are the last 100 by their ids."""

    def __init__(self, state: State, sessions: Sessions, in_loop: InLoop) -> None:
        self.calls: dict[str, PhoneCall] = {}
        self._state = state
        self._sessions = sessions
        self._in_loop = in_loop
        self._tasks: set[asyncio.Task[None]] = set()
        sessions.attached = self._on_attached

    def ring(self, url: str, secret: str, sip_headers: Sequence[JSON]) -> PhoneCall:
        """Call the service whose webhooks go to `url`, from any thread."""
        call = PhoneCall(self._state.open_call(), self._sessions, self._in_loop)
        event = incoming_call(call.call_id, sip_headers, self._state.now())
        self.calls[call.call_id] = call
        for old in [*self.calls.values()][:-_REMEMBERED]:
            if old.ended.done():
                del self.calls[old.call_id]
        self._in_loop(lambda: self._start_ringing(call, event, url, secret))
        return call

    def follow(self, operation: str, call_id: str, body: JSON) -> None:
        """Let a caller know what was done with the call over HTTP."""
        call = self.calls.get(call_id)
        if call is None:
            return
        match operation:
            case "accept_realtime_call" if not call.answered.done():
                call.answered.set_result(True)
            case "reject_realtime_call":
                call.end(f"rejected with {body.get('status_code', 603)}")
            case "refer_realtime_call":
                call.end(f"referred to {body['target_uri']}")
            case "hangup_realtime_call":
                call.end("the service hung up")

    async def close(self) -> None:
        """End all calls because the emulator stops."""
        for call in self.calls.values():
            call.end("the emulator stopped")
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _start_ringing(self, call: PhoneCall, event: JSON, url: str, secret: str) -> None:
        ringing = self._start(self._ring(call, event, url, secret))
        call.ended.add_done_callback(lambda _: ringing.cancel())

    async def _ring(self, call: PhoneCall, event: JSON, url: str, secret: str) -> None:
        """Ring until the call is answered, or for as long as callers wait."""
        try:
            async with asyncio.timeout(RING_SECONDS):
                await deliver(event, url, secret, call.deliveries.append)
                await asyncio.wrap_future(call.answered)
        except TimeoutError:
            if not call.answered.done():
                call.end("nobody answered")

    def _on_attached(self, call_id: str, shared: SharedSession[LiveSession]) -> None:
        if call_id in self.calls:
            self._start(self.calls[call_id].serve(shared))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
