"""`Recorder`: an observer that writes a session to a file."""

from __future__ import annotations

import datetime as dt
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Final, Literal, Self, TypeAlias

from openai_realtime._codec.converter import dumps
from openai_realtime._codec.raw import JSON, json_of, received_json
from openai_realtime._redaction import redact
from openai_realtime.models.events import ClientEvent, ServerEvent

from .audio import audio_bytes, audio_of, with_audio

__all__ = ["Recorder"]

_CUT: Final = 44  # characters of base64, which are 32 bytes and some
_SECRET_FIELDS: Final = ("authorization", "headers", "client_secret")
_Line: TypeAlias = tuple[float, Literal["client", "server"], Callable[[], JSON]]


class Recorder:
    """Writes every event of both directions to `path`, a JSON object a line, with its milliseconds since the beginning.

    Secrets are masked. Writing is done in a thread, and what was written is in the file if the program crashes. Use it
    as a context manager, or call `close`. An existing file is replaced.

    - audio: ``"keep"`` it, ``"cut"`` it to its first bytes, or ``"drop"`` it; its length is always kept.
    - max_bytes: where the file ends; later events are only counted, in `dropped`.
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
        self._clock = clock
        self._start = clock()
        self._writer = _Writer(Path(path).open("wb"), audio, max_bytes)  # noqa: SIM115 - the thread closes it
        self._queue: SimpleQueue[_Line | None] = SimpleQueue()
        thread = threading.Thread(target=self._writer.run, args=(self._queue,), name="openai-recorder", daemon=True)
        thread.start()
        self._close = weakref.finalize(self, _end, self._queue, thread)  # at the end of the program, if not before

    @property
    def dropped(self) -> int:
        """How many events came after the file was full."""
        return self._writer.dropped

    def sent(self, event: ClientEvent) -> None:
        """Record an event that goes to the server. Raises OSError if writing has failed."""
        self._put("client", lambda: json_of(event))

    def received(self, event: ServerEvent) -> None:
        """Record an event from the server. Raises OSError if writing has failed."""
        self._put("server", lambda: received_json(event))

    def _put(self, sender: Literal["client", "server"], event: Callable[[], JSON]) -> None:
        if self._writer.error is not None:
            raise self._writer.error
        self._queue.put(((self._clock() - self._start) * 1000, sender, event))

    def close(self) -> None:
        """Write what is waiting and close the file. Raises OSError if writing has failed."""
        self._close()
        if self._writer.error is not None:
            raise self._writer.error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end(queue: SimpleQueue[_Line | None], thread: threading.Thread) -> None:
    queue.put(None)
    thread.join()


class _Writer:
    """The thread that writes; each time that nothing waits, the file has all."""

    def __init__(self, file: BinaryIO, audio: str, max_bytes: int | None) -> None:
        self.error: OSError | None = None
        self.dropped = 0
        self._file = file
        self._audio = audio
        self._room = max_bytes

    def run(self, queue: SimpleQueue[_Line | None]) -> None:
        lines = iter(queue.get, None)
        try:
            with self._file:
                started = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
                self._write({"version": 1, "started": started})
                for ms, sender, event in lines:
                    self._write(self._entry(round(ms, 3), sender, event()))
                    if queue.empty():
                        self._file.flush()
        except OSError as error:
            self.error = error
        for _ in lines:  # so that nothing waits in memory
            self.dropped += 1

    def _entry(self, ms: float, sender: str, event: JSON) -> dict[str, Any]:
        size = audio_bytes(event)
        change = {"cut": lambda audio: audio[:_CUT], "drop": lambda _: ""}.get(self._audio)
        if change is not None:
            event = with_audio(event, change)
        masked = event if audio_of(event) is not None else _masked(event)
        return {"ms": ms, "dir": sender, **({"audio_bytes": size} if size else {}), "event": masked}

    def _write(self, entry: dict[str, Any]) -> None:
        line = dumps(entry) + b"\n"
        if self._room is not None:
            self._room = self._room - len(line) if len(line) <= self._room else 0
            if not self._room:
                self.dropped += 1
                return
        self._file.write(line)


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
