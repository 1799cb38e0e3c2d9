"""`Report`: the turns of a recording, and where their time went."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from openai_realtime._codec.audio_rates import PCM_BYTES_PER_MS, bytes_per_ms
from openai_realtime._codec.raw import JSON, number_in, object_in, text_in
from openai_realtime.conversation import Conversation, Usage

from .reading import Entry

__all__ = ["Report", "ToolRun", "Turn", "report"]

_DELTAS: Final = ("output_audio.delta", "audio.delta", "output_text.delta", "text.delta")
_ANSWERS: Final = {"session.update": "session.updated", "conversation.item.create": "conversation.item.added"}


@define(kw_only=True)
class ToolRun:
    """A call of a function: when the model asked for it, and how long it took; None if it was not answered."""

    name: str
    arguments: str
    start_ms: float
    ms: float | None = None
    output: str = ""


@define(kw_only=True)
class Turn:
    """One response: what the user said before, what was answered, and how long each step took, in milliseconds.

    - detection_ms: from the user's last sound to the server's word that the speech ended.
    - response_ms: from there, or from ``response.create``, to ``response.created``.
    - model_ms: from there to the first words or audio. audio_ms is how long the speech is, heard_ms what was heard.
    """

    response_id: str
    start_ms: float
    end_ms: float | None = None
    user: str = ""
    text: str = ""
    status: str = "in_progress"
    reason: str = ""
    detection_ms: float | None = None
    response_ms: float | None = None
    model_ms: float | None = None
    audio_ms: float = 0
    heard_ms: float = 0
    usage: Usage = field(factory=Usage)
    tools: list[ToolRun] = field(factory=list)


@frozen(kw_only=True)
class Report:
    """A recording explained. `network_ms` is the shortest time in which the server acknowledged something.

    `errors` has the server's errors as (milliseconds, code or type, message).
    """

    duration_ms: float
    turns: Sequence[Turn]
    network_ms: float | None
    usage: Usage
    errors: Sequence[tuple[float, str, str]]
    conversation: Conversation


def report(entries: Iterable[Entry]) -> Report:
    """Explain a recording."""
    reporter = _Reporter()
    for entry in entries:
        reporter.add(entry)
    return reporter.result()


class _Reporter:
    """Takes the entries one by one."""

    def __init__(self) -> None:
        self._conversation = Conversation()
        self._turns: dict[str, Turn] = {}
        self._tools: dict[str, ToolRun] = {}
        self._errors: list[tuple[float, str, str]] = []
        self._network: float | None = None
        self._asked: dict[str, float] = {}  # what waits for an answer, by the answer's type
        self._sent = [(0.0, 0.0)]  # milliseconds of input audio, and when they had been sent
        self._bytes_per_ms = PCM_BYTES_PER_MS
        self._silence_ms = 0.0
        self._trigger: float | None = None  # when the last turn of the user, or response.create, ended
        self._detection: float | None = None
        self._last = 0.0

    def add(self, entry: Entry) -> None:
        self._last = entry.ms
        entry.give_to(self._conversation)
        if entry.sender == "client":
            self._on_client(entry)
        else:
            self._on_server(entry)

    def _on_client(self, entry: Entry) -> None:
        if entry.type in _ANSWERS:
            self._asked.setdefault(_ANSWERS[entry.type], entry.ms)
        if entry.type == "input_audio_buffer.append":
            self._sent.append((self._sent[-1][0] + entry.audio_bytes / self._bytes_per_ms, entry.ms))
        elif entry.type == "response.create":
            self._trigger = entry.ms
        elif entry.type == "conversation.item.create":
            item = object_in(entry.event, "item")
            run = self._tools.pop(text_in(item, "call_id"), None)
            if run is not None:
                run.ms, run.output = entry.ms - run.start_ms, text_in(item, "output")

    def _on_server(self, entry: Entry) -> None:
        if entry.type in self._asked:
            trip = entry.ms - self._asked.pop(entry.type)
            self._network = trip if self._network is None else min(self._network, trip)
        match entry.type:
            case "session.created" | "session.updated":
                self._on_session(entry, object_in(entry.event, "session"))
            case "input_audio_buffer.speech_stopped":
                self._on_speech_stopped(entry)
            case "response.created":
                self._on_created(entry, object_in(entry.event, "response"))
            case "response.output_item.done":
                self._on_item(entry, object_in(entry.event, "item"))
            case "response.done":
                self._turn(object_in(entry.event, "response")).end_ms = entry.ms
            case "error":
                self._on_error(entry, object_in(entry.event, "error"))
            case kind if kind.removeprefix("response.") in _DELTAS:
                self._on_delta(entry)

    def _on_session(self, entry: Entry, session: JSON) -> None:
        if entry.type == "session.created":
            self._sent = [(0.0, entry.ms)]
        audio = object_in(object_in(session, "audio"), "input")
        self._bytes_per_ms = bytes_per_ms(session, "input")
        self._silence_ms = number_in(object_in(audio, "turn_detection"), "silence_duration_ms") or 0

    def _on_speech_stopped(self, entry: Entry) -> None:
        self._trigger = entry.ms
        end = (number_in(entry.event, "audio_end_ms") or 0) - self._silence_ms
        self._detection = entry.ms - self._when_sent(end)

    def _on_error(self, entry: Entry, error: JSON) -> None:
        code = text_in(error, "code") or text_in(error, "type")
        self._errors.append((entry.ms, code, text_in(error, "message")))

    def _when_sent(self, audio_ms: float) -> float:
        index = bisect.bisect_left(self._sent, (audio_ms, 0.0))
        return self._sent[min(index, len(self._sent) - 1)][1]

    def _turn(self, response: JSON) -> Turn:
        name = text_in(response, "id")
        return self._turns.setdefault(name, Turn(response_id=name, start_ms=self._last))

    def _on_created(self, entry: Entry, response: JSON) -> None:
        turn = self._turn(response)
        turn.detection_ms, self._detection = self._detection, None
        if self._trigger is not None:
            turn.response_ms, self._trigger = entry.ms - self._trigger, None

    def _on_delta(self, entry: Entry) -> None:
        turn = self._turns.get(text_in(entry.event, "response_id"))
        if turn is not None and turn.model_ms is None:
            turn.model_ms = entry.ms - turn.start_ms

    def _on_item(self, entry: Entry, item: JSON) -> None:
        turn = self._turns.get(text_in(entry.event, "response_id"))
        if turn is not None and text_in(item, "type") == "function_call":
            arguments = text_in(item, "arguments")
            run = ToolRun(name=text_in(item, "name"), arguments=arguments, start_ms=entry.ms)
            turn.tools.append(run)
            self._tools[text_in(item, "call_id")] = run

    def result(self) -> Report:
        user: list[str] = []
        for item in self._conversation.items:
            turn = self._turns.get(item.response_id)
            if item.role == "user":
                user.append(item.text.strip())
            elif turn is not None:
                turn.user, user = turn.user or " ".join(user), []
                turn.text += item.text
                turn.audio_ms += item.audio_ms
                turn.heard_ms += item.heard_ms
        for name, turn in self._turns.items():
            summary: Any = self._conversation.responses[name]
            turn.status, turn.usage = summary.status, summary.usage
            turn.reason = summary.reason or text_in(summary.error, "code")
        return Report(
            duration_ms=self._last,
            turns=list(self._turns.values()),
            network_ms=self._network,
            usage=self._conversation.usage,
            errors=self._errors,
            conversation=self._conversation,
        )
