"""A session out of a recording: the server says again what it said, when the client has done what it did."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from openai_realtime._codec.converter import decode_server_event, dumps
from openai_realtime._codec.json import load_object
from openai_realtime.emulator.errors import Refusal
from openai_realtime.errors import DecodeError

from .base import Message, Session

_APPENDS: Final = ("input_audio_buffer.append", "session.input_audio_buffer.append")
_LOCAL: Final = "openai_realtime."  # what a client that reconnects tells itself; here one connection goes on
_OURS: Final = ("event_id", "id", "call_id", "item_id", "previous_item_id", "metadata", "audio")
"""The fields that may differ from the recording: ids, and audio, which a recording may have cut."""


class RecordedEvent(Protocol):
    """An entry of a recording: who sent the event, and its JSON."""

    @property
    def sender(self) -> str:
        """``client`` or ``server``."""
        ...

    @property
    def event(self) -> Mapping[str, Any]:
        """The event as it was on the wire."""
        ...


class ReplaySession(Session):
    """Plays `entries`. The ids that the client chooses anew take the place of the recorded ones.

    A `strict` one takes only the client's recorded events, in their order, and ends at the first that differs; one that
    is not waits for events of the recorded types, audio apart, and passes over all others.
    """

    def __init__(self, entries: Iterable[RecordedEvent], now: Callable[[], float], *, strict: bool) -> None:
        super().__init__(now)
        self._entries = deque(entries)
        self._strict = strict
        self._renamed: dict[str, str] = {}
        self._go_on()

    def read(self, text: str | bytes) -> Message:
        """Read one message of the client, whatever it is."""
        return Message(text)

    def receive(self, message: Message) -> Iterator[None]:
        """Take one message of the client, and say what comes after it."""
        try:
            event = load_object(message.text)
        except DecodeError:
            event = {}
        expected: Mapping[str, Any] = self._entries[0].event if self._entries else {}
        differs = _difference(expected, event) if self._strict else None
        if differs is None and event.get("type") == expected.get("type"):
            self._renamed |= _renamed(expected, event)
            self._entries.popleft()
            self._go_on()
        elif self._strict:
            where = differs or f"{event.get('type')} was not in the recording"
            refusal = Refusal(where, code="not_as_recorded")
            self._send(self._error(refusal, None))
            self.close = (4000, "invalid_request_error.not_as_recorded")
        return iter(())

    def _go_on(self) -> None:
        """Send what the server said up to the next event of the client that is waited for."""
        while self._entries and (self._entries[0].sender == "server" or self._is_passed_over(self._entries[0].event)):
            entry = self._entries.popleft()
            if entry.sender == "server" and not str(entry.event.get("type")).startswith(_LOCAL):
                self._send(decode_server_event(dumps(self._with_new_ids(entry.event))))

    def _is_passed_over(self, event: Mapping[str, Any]) -> bool:
        return not self._strict and event.get("type") in _APPENDS

    def _with_new_ids(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._renamed.get(value, value)
        if isinstance(value, Mapping):
            return {name: self._with_new_ids(inner) for name, inner in value.items()}
        return [self._with_new_ids(inner) for inner in value] if isinstance(value, list) else value


def _difference(recorded: Any, sent: Any, path: str = "") -> str | None:
    """Return where an event differs from the recorded one; None if it does not."""
    if isinstance(recorded, Mapping) and isinstance(sent, Mapping):
        for name in (recorded.keys() | sent.keys()) - set(_OURS):
            found = _difference(recorded.get(name), sent.get(name), f"{path}.{name}" if path else name)
            if found is not None:
                return found
        return None
    if isinstance(recorded, list) and isinstance(sent, list) and len(recorded) == len(sent):
        pairs = enumerate(zip(recorded, sent, strict=True))
        return next((found for i, pair in pairs if (found := _difference(*pair, f"{path}[{i}]")) is not None), None)
    return None if recorded in (sent, "***") else f"{path}: {sent!r} in place of {recorded!r}"


def _renamed(recorded: Any, sent: Any) -> dict[str, str]:
    """Return the client's new ids by the recorded ones."""
    found: dict[str, str] = {}
    for name in recorded.keys() & sent.keys():
        old, new = recorded[name], sent[name]
        if isinstance(old, dict) and isinstance(new, dict):
            found |= _renamed(old, new)
        elif isinstance(old, str) and isinstance(new, str) and old != new and name != "type":
            found[old] = new
    return found
