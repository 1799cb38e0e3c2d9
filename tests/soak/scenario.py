"""One session from its first event to its last, in steps that both kinds of code take, and the sum at its end."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ledger import ASKED_AT_THE_END, Ledger
from line import Line
from user import Actor, Kind, Step, Steps, chunks_in

import openai_realtime
from openai_realtime import ConnectOptions, RealtimeError, RealtimeEventError, ReconnectPolicy, RetryPolicy
from openai_realtime.emulator import Emulator, Reply, ToolCall, faults
from openai_realtime.emulator.sessions import base

RETRY = RetryPolicy(max_retries=30, initial_delay=0.01, max_delay=0.2)
_SETTLED = 30.0  # seconds for a session to come to rest
_SHOWN = 100  # last events of what happened before a problem
_PAUSE = 0.1
_CALL = 3600  # seconds more for a session that none can take the place of
_NEVER = (
    openai_realtime.APITimeoutError,
    openai_realtime.ClientStateError,
    openai_realtime.ConfigurationError,
    openai_realtime.DecodeError,
    openai_realtime.InvalidRequestError,
)

base.SESSION_SECONDS = 10  # in place of an hour


class Interrupt(Exception):  # noqa: N818 - as a signal handler raises
    """What the alarm raises in the main thread."""


class Scenario:
    """What happens in one session, what was told of it, and what nothing explains."""

    def __init__(self, kind: Kind, rng: random.Random, emulator: Emulator, line: Line) -> None:
        self.user = Actor(kind, rng)
        self.ledger = Ledger(on_call=kind == "call")
        self.outcomes: Counter[str] = Counter()
        self.problems: list[str] = []
        self._rng = rng
        self._emulator = emulator
        self._line = line
        self._on_call = kind == "call"
        self._is_explained = False
        if kind == "tools":
            emulator.reply(Reply(tool_calls=[ToolCall(name="look_up")]), when="Hello")
        for _ in range(rng.randint(0, 3)):
            emulator.inject_fault(rng.choice(_fault_kinds(rng)))

    def incoming(self) -> str | None:
        """Let a call come in, if it is one."""
        return self._emulator.incoming_call() if self._on_call else None

    def options(self, call_id: str | None) -> dict[str, Any]:
        """Return the arguments of `connect`, which begins a ledger of its own."""
        self.ledger = Ledger(on_call=self._on_call)
        renew = None if self._on_call else self._rng.choice([None, 5.0])
        what = {"call_id": call_id} if call_id else {"model": "gpt-realtime-2.1", "session": self.user.settings()}
        return {
            **what,
            "reconnect": ReconnectPolicy(retry=RETRY, max_reconnects=1000, renew_before=renew),
            "options": ConnectOptions(heartbeat=2.0, open_timeout=10),
            "observers": [self.ledger],
        }

    def prolonged(self) -> bool:
        """Give a call, whose place no session can take, more time; tell whether it was not over already."""
        if not self._on_call:
            return True
        if not self._emulator.sessions:
            return False
        server = self._emulator.sessions[-1]
        left = server.expires_at - time.time()
        server.expires_at += _CALL
        self._emulator.advance(0)  # sets its timers anew
        return left > 1

    def steps(self) -> Steps:
        """Let the user have his session, then wait until all is explained."""
        yield from self.user.steps()
        self._line.clear()
        end = time.monotonic() + _SETTLED
        while time.monotonic() < end:
            raised = yield Step("retrieve_item", (ASKED_AT_THE_END,))
            if isinstance(raised, RealtimeEventError) and not self.audit():
                self._is_explained = True  # what the server hears to the end by itself, before the close, is not told
                return
            yield Step("pause", (_PAUSE,))

    def failed(self, step: Step, error: BaseException) -> None:
        """Note how a step failed; any failure but those of the API and of ours is a problem."""
        self.outcomes[type(error).__name__] += 1
        if not isinstance(error, RealtimeError | TimeoutError | Interrupt) or isinstance(error, _NEVER):
            self.problems.append(f"{step.name} raised {error!r}")

    def unexplained(self) -> list[str]:
        """Return what nothing explains at the end, and what happened before."""
        problems = self.problems + ([] if self._is_explained else self.audit())
        return ["\n  ".join([*problems, *self.ledger.history[-_SHOWN:]])] if problems else []

    def audit(self) -> list[str]:
        """Compare the ledger with what the server has."""
        ledger = self.ledger
        problems = ledger.problems + [f"{event.type} {name} has no answer" for name, event in ledger.pending.items()]
        if self._on_call:  # of what the model said events may be missed there
            has = {item.id for item in self._items(-1) if getattr(item, "role", "") in ("user", "system")}
            ours = {item_id for item_id in ledger.items if item_id in self.user.names}
            return problems + [f"the call has {has}, we know of {ours}"] * (has != ours)
        problems += [f"response {name} never ended" for name in ledger.responses]
        there = [str(item.id) for item in self._items(-1) if item.type != "mcp_list_tools"]
        if there != ledger.items:
            problems.append(f"the server has {there}, we know of {ledger.items}")
        return problems + list(self._speech(there))

    def _speech(self, there: list[str]) -> Iterator[str]:
        """Find each chunk of speech in one item, or in what is not there for a reason that was told."""
        said = self._said()
        here = Counter(number for name in there for number in said.get(name, ()))
        here.update(chunks_in(bytes(self._server(-1)._turns._buffer._audio)))
        excused = [name for name in said if ("item", name) in self.ledger.lost or name in self.ledger.deleted]
        gone = {number for name in excused for number in said[name]}
        for number, must_be_there in self.user.spoken.items():
            if here[number] > 1:
                yield f"chunk {number} of speech is in {here[number]} items"
            if must_be_there and not here[number] and number not in gone and ("audio", None) not in self.ledger.lost:
                yield f"chunk {number} of speech is nowhere"

    def _said(self) -> dict[str, set[int]]:
        """Return the chunks in each item of the user, as all the servers' sessions heard them."""
        said: dict[str, set[int]] = {}
        for index in range(len(self._emulator.sessions)):
            sounds = self._server(index)._context.conversation
            for item in self._items(index):
                audio = sounds.audio(item.id) if getattr(item, "role", "") == "user" else None
                if audio is not None:
                    said.setdefault(item.id, set()).update(chunks_in(bytes(audio.data)))
        return said

    def _server(self, index: int) -> Any:
        return self._emulator.sessions[index]

    def _items(self, index: int) -> list[Any]:
        items: list[Any] = self._server(index).conversation
        return items


def _fault_kinds(rng: random.Random) -> list[faults.Fault]:
    """Return one of each kind of fault, somewhere in a session."""
    places: list[int | str] = [rng.randint(1, 40), "conversation.item.added", "response.done", "session.updated"]
    frames: list[str | bytes] = ["no event", b"\xff", '{"type":"thing.new"}']
    at = rng.choice(places)
    return [
        faults.Drop(at=at),
        faults.HalfFrame(at=at),
        faults.Close(rng.choice([1001, 1011, 1012, 1013]), "overloaded", at=at),
        faults.Delay(rng.random(), at=at),
        faults.Silence(at=at),
        faults.Message(rng.choice(frames), at=at),
    ]
