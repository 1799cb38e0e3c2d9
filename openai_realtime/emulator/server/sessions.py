"""The sessions that are open, those of calls included, and the connections to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from openai_realtime.emulator.faults import Fault
from openai_realtime.emulator.script import Script
from openai_realtime.emulator.sessions.base import Observer, Session
from openai_realtime.emulator.sessions.beta import BetaSession
from openai_realtime.emulator.sessions.realtime import LiveSession
from openai_realtime.emulator.sessions.replay import RecordedEvent, ReplaySession
from openai_realtime.emulator.sessions.translation import TranslationSession
from openai_realtime.emulator.wire import JSON, History

from . import admission
from .connection import LiveConnection
from .shared import S, SharedSession
from .state import State
from .worker import Worker

_REMEMBERED = 100  # sessions


class Sessions:
    """All sessions of one emulator. `speed` is how much faster than life their events come.

    `calls` are those of calls by call id, `connections` the open sockets of all, `opened` the last sessions. `attached`
    is told of a phone call when the first sideband has attached to it. `worker` does what is large.
    """

    def __init__(self, state: State, script: Script, speed: float) -> None:
        self.speed = speed
        self.worker = Worker()
        self._state = state
        self._script = script
        self.calls: dict[str, SharedSession[LiveSession]] = {}
        self._pressed: dict[str, str] = {}  # the keys of calls to which nobody is attached yet
        self.connections: set[LiveConnection] = set()
        self.attached: Callable[[str, SharedSession[LiveSession]], None] = lambda *_: None
        self.observers: list[Observer] = []
        self.opened: History[Session] = History(_REMEMBERED)
        self.recordings: deque[tuple[Sequence[RecordedEvent], bool]] = deque()  # for the next sessions; if strict

    def open(self, config: JSON, wanted: admission.Request) -> SharedSession[Any]:
        """Open a new session, or give that of the call to which the client attaches."""
        if self.recordings:
            entries, strict = self.recordings.popleft()
            return self._shared(ReplaySession(entries, self._state.now, strict=strict))
        call_id = wanted.query.get("call_id")
        if config["type"] != "translation" and call_id is not None:
            return self._of_call(call_id, config, azure=wanted.azure)
        kind: type[TranslationSession | LiveSession] = TranslationSession
        if config["type"] != "translation":
            kind = BetaSession if admission.asks_for_beta(wanted) else LiveSession
        session = kind(config, self._script, self._state.now, azure=wanted.azure)
        session.observers = self.observers
        session.open()
        return self._shared(session)

    def _of_call(self, call_id: str, config: JSON, *, azure: bool) -> SharedSession[LiveSession]:
        if call_id not in self.calls:
            session = LiveSession(config, self._script, self._state.now, azure=azure, sideband=True)
            session.observers = self.observers
            session.open()
            session.send_dtmf(self._pressed.pop(call_id, ""))
            self.calls[call_id] = self._shared(session)
            self.attached(call_id, self.calls[call_id])
        return self.calls[call_id]

    def open_call(self, call_id: str, *, azure: bool) -> SharedSession[LiveSession]:
        """Open the session of a call whose sound and first event go to the caller, in real time."""
        config = self._state.call_session(call_id)
        session = LiveSession(config, self._script, self._state.now, azure=azure, sideband=True)
        session.observers = self.observers
        session.announce()
        session.open()
        self.calls[call_id] = self._shared(session, 1.0)
        return self.calls[call_id]

    def end_call(self, call_id: str) -> None:
        """End a call, if it has not ended already."""
        if self._state.has_call(call_id):
            self._state.end_call(call_id)
        self.end_calls()

    def _shared(self, session: S, speed: float | None = None) -> SharedSession[S]:
        self.opened.keep(session, 0)
        return SharedSession(session, self.speed if speed is None else speed)

    @contextlib.contextmanager
    def connected(self, connection: LiveConnection) -> Iterator[None]:
        """Count `connection` among the open ones."""
        self.connections.add(connection)
        try:
            yield
        finally:
            self.connections.discard(connection)

    def send_dtmf(self, call_id: str, keys: str) -> None:
        """Send the keys to who is attached to the call, or keep them for who will be."""
        if call_id not in self.calls:
            self._pressed[call_id] = self._pressed.get(call_id, "") + keys
            return
        self.calls[call_id].session.send_dtmf(keys)
        self.calls[call_id].wake()

    def end_calls(self) -> None:
        """Close what is attached to calls that have ended."""
        for call_id in [call_id for call_id in self.calls if not self._state.has_call(call_id)]:
            shared = self.calls.pop(call_id)
            shared.session.close = (1000, "")
            shared.wake()

    def advance(self, seconds: float) -> None:
        """Let so much time pass in all sessions; the state's clock has moved already."""
        shared: SharedSession[Any]
        for shared in {*self.calls.values(), *(connection.shared for connection in self.connections)}:
            if shared.session.expires_at <= self._state.now():
                shared.session.expire()
            else:
                shared.session.advance(seconds)
            shared.wake()
        for connection in self.connections:
            connection.clock_moved()

    def inject(self, fault: Fault) -> None:
        """Let `fault` happen to all open connections."""
        for connection in self.connections:
            connection.inject(fault)

    def resume(self) -> None:
        """Let the paused responses of all connections go on."""
        for connection in self.connections:
            connection.resume()

    async def close(self) -> None:
        """Close all connections because the server goes away."""
        await asyncio.gather(*(connection.close() for connection in self.connections))
