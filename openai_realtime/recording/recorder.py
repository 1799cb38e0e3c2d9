"""`Recorder`: an observer that writes a session to a file."""

from __future__ import annotations

import datetime as dt
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Final, Literal, Self

from openai_realtime._codec.converter import dumps
from openai_realtime._codec.json import dump_text
from openai_realtime._codec.raw import JSON, decoded_size, json_of, received_json, text_in
from openai_realtime._redaction import may_hold_secret, redact
from openai_realtime.models.events import ClientEvent, ServerEvent

from .audio import FIELDS, audio_of, with_audio

__all__ = ["Recorder"]

_CUT: Final = 44  # characters of base64, which are 32 bytes and some
_SECRET_FIELDS: Final = ("authorization", "headers", "client_secret")
_SECRET_NAMES: Final = tuple(f'"{name}"'.encode() for name in _SECRET_FIELDS)
_PAUSE: Final = 0.1  # seconds


class Recorder:
    """Writes every event of both directions to `path`, a JSON object a line, with its milliseconds since the beginning.

    Secrets are masked. Writing is done in a thread, ten times a second, and what was written is in the file if the
    program crashes. Use it as a context manager, or call `close`. An existing file is replaced.

    - audio: ``"keep"`` it, ``"cut"`` it to its first bytes, or ``"drop"`` it; its length is always kept.
    - max_bytes: where the file ends; later events are only counted in `dropped`.
    - clock: gives the time in seconds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        audio: Literal["keep", "cut", "drop"] = "keep",
        max_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dropped = 0
        """How many events are not in the file: they came after it was full or closed, or are no JSON."""
        self._clock = clock
        self._start = clock()
        self._change: Callable[[str], str] | None = {"cut": _cut, "drop": lambda _: ""}.get(audio)
        self._room = math.inf if max_bytes is None else max_bytes
        self._writing = _Writing(Path(path).open("wb"))  # noqa: SIM115 - the thread closes it
        self._close = weakref.finalize(self, self._writing.end)  # at the end of the program, if not before
        started = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        self._put(dumps({"version": 1, "started": started}) + b"\n")

    def sent(self, event: ClientEvent) -> None:
        """Record an event that goes to the server. Raises OSError if writing has failed."""
        self._record(b"client", event)

    def received(self, event: ServerEvent) -> None:
        """Record an event from the server. Raises OSError if writing has failed."""
        self._record(b"server", event)

    def close(self) -> None:
        """Write what is waiting and close the file. Raises OSError if writing has failed."""
        self._close()
        if self._writing.error is not None:
            raise self._writing.error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _record(self, sender: bytes, event: Any) -> None:
        if self._writing.error is not None:
            raise self._writing.error
        ms = (self._clock() - self._start) * 1000
        try:
            raw = json_of(event) if sender == b"client" else received_json(event)
            self._put(b'{"ms":%.3f,"dir":"%b",%b}\n' % (ms, sender, self._fields(raw)))
        except (TypeError, ValueError, RecursionError):  # no JSON, or nested deeper than can be written
            self.dropped += 1

    def _fields(self, event: JSON) -> bytes:
        audio = audio_of(event)
        if audio is None or not audio.isascii():
            return b'"event":%b' % self._without_secrets(event)
        field = FIELDS[event["type"]]
        rest = dumps({name: value for name, value in event.items() if name != field})[:-1]
        kept = dump_text(self._change(audio) if self._change else audio)  # by itself, as that is faster
        return b'"audio_bytes":%d,"event":%b,"%b":%b}' % (decoded_size(audio), rest, field.encode(), kept)

    def _put(self, line: bytes) -> None:
        self._room = self._room - len(line) if len(line) <= self._room else 0
        if self._room and self._close.alive:
            self._writing.lines.put(line)
        else:
            self.dropped += 1

    def _without_secrets(self, event: JSON) -> bytes:
        """Write an event that is not audio. What shows no sign of a secret is not looked through."""
        piece = event.get("delta")
        if isinstance(piece, str) and text_in(event, "type").endswith(".delta"):  # all else in it are ids and indexes
            return dumps({**event, "delta": redact(piece)})
        changed = with_audio(event, self._change) if self._change else event
        text = dumps(changed)
        if may_hold_secret(text) or any(map(text.__contains__, _SECRET_NAMES)):
            return dumps(_masked(changed))
        return text


class _Writing(threading.Thread):
    """Writes `lines`, those of a tenth of a second at once, so that nobody waits for a disk."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(name="openai-recorder", daemon=True)
        self.error: OSError | None = None
        self.lines: SimpleQueue[bytes] = SimpleQueue()
        self._file = file
        self._ending = threading.Event()
        self.start()

    def run(self) -> None:
        try:
            with self._file as file:
                while not self._ending.is_set():
                    lines = [self.lines.get()]
                    self._ending.wait(_PAUSE)
                    file.writelines([*lines, *(self.lines.get() for _ in range(self.lines.qsize()))])
                    file.flush()
        except OSError as error:
            self.error = error

    def end(self) -> None:
        """Write what waits, and close the file."""
        self._ending.set()
        self.lines.put(b"")
        self.join()


def _cut(audio: str) -> str:
    return audio[:_CUT]


def _masked(value: Any) -> Any:
    """Return a JSON value without its secrets; audio is left alone, which has none."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _masked_field(name, inner) for name, inner in value.items()}
    return [_masked(inner) for inner in value] if isinstance(value, list | tuple) else value


def _masked_field(name: str, value: Any) -> Any:
    if name in _SECRET_FIELDS and value is not None:
        return "***"
    return value if name == "audio" and isinstance(value, str) else _masked(value)
