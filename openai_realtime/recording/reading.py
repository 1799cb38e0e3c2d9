"""Recordings, read again: entry by entry, or into observers as if the session went on now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from openai_realtime._codec.converter import decode_client_event, decode_server_event, dumps
from openai_realtime._codec.json import load
from openai_realtime._codec.raw import JSON, count_in, number_in, object_in
from openai_realtime._connection.observers import Observer
from openai_realtime.errors import DecodeError
from openai_realtime.models.events import Dialect

from .audio import audio_bytes

__all__ = ["Entry", "feed", "read"]


@frozen(kw_only=True)
class Entry:
    """An event of a recording, as it was on the wire: when it came, and who sent it.

    `ms` are the milliseconds since the recording began. `audio_bytes` is how much audio it brought, though the
    recording may have less.
    """

    ms: float
    sender: Literal["client", "server"]
    event: JSON
    audio_bytes: int = 0

    @property
    def type(self) -> str:
        """The event's type."""
        return str(self.event.get("type"))

    def give_to(self, observer: Observer, dialect: Dialect = "realtime") -> None:
        """Let `observer` follow the event."""
        data = dumps(self.event)
        if self.sender == "client":
            observer.sent(decode_client_event(data, dialect=dialect))
        else:
            observer.received(decode_server_event(data, dialect=dialect))


def read(path: str | os.PathLike[str]) -> Iterator[Entry]:
    """Read the entries of a recording. A last line that a crash has cut is left out.

    Raises DecodeError for a file that is no recording, and OSError if it cannot be read.
    """
    with Path(path).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            entry = _entry(line, number)
            if entry is not None:
                yield entry


def _entry(line: bytes, number: int) -> Entry | None:
    try:
        value: Any = load(line)
    except DecodeError:
        if line.endswith(b"\n"):
            raise DecodeError(f"line {number}: not JSON") from None
        return None
    sender = value.get("dir") if isinstance(value, dict) else None
    if sender in ("client", "server"):
        event = object_in(value, "event")
        size = count_in(value, "audio_bytes") or audio_bytes(event)
        return Entry(ms=number_in(value, "ms") or 0, sender=sender, event=event, audio_bytes=size)
    if isinstance(value, dict) and value.keys() & {"version", "close"}:
        return None
    raise DecodeError(f"line {number}: no entry of a recording")


def feed(path: str | os.PathLike[str], *observers: Observer, dialect: Dialect = "realtime") -> None:
    """Give every event of a recording to `observers`, such as a `Conversation`, in the order of the session.

    Raises what `read` raises.
    """
    for entry in read(path):
        for observer in observers:
            entry.give_to(observer, dialect)
