"""What must not happen in the background: secrets in logs and tracebacks, exceptions nobody saw, anything left open."""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

_PATIENCE = 10.0  # seconds for what is closing to be closed
_DESCRIPTORS = Path("/proc/self/fd")


class Watch(logging.Handler):
    """Collects in `problems` what loggers, tracebacks and the garbage collector give away."""

    def __init__(self, *secrets: str) -> None:
        super().__init__(logging.DEBUG)
        self.problems: list[str] = []
        self.secrets = set(secrets)
        self.records = 0
        logging.basicConfig(level=logging.DEBUG, handlers=[self])
        logging.captureWarnings(capture=False)
        warnings.simplefilter("error", ResourceWarning)
        sys.unraisablehook = self._unraisable
        threading.excepthook = self._in_thread

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a log record."""
        self.records += 1
        text = self.format(record)
        self._look("a log", text)
        if record.name == "asyncio" and record.levelno >= logging.ERROR:
            self.problems.append(f"asyncio: {text}")

    def raised(self, error: BaseException) -> None:
        """Look at an exception as a reporter shows it, with the local variables of its frames."""
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        self._look(f"the traceback of {type(error).__name__}", shown)

    def nothing_left(self, threads: set[threading.Thread], descriptors: int) -> None:
        """Wait until no more threads and descriptors are there than before."""
        end = time.monotonic() + _PATIENCE
        while (left := self._left(threads, descriptors)) and time.monotonic() < end:
            time.sleep(0.05)
        self.problems += left

    def descriptors(self) -> int:
        """Count the open files and sockets; 0 where the system does not tell."""
        gc.collect()
        return sum(1 for _ in _DESCRIPTORS.iterdir()) if _DESCRIPTORS.exists() else 0

    def _left(self, threads: set[threading.Thread], descriptors: int) -> list[str]:
        names = [thread.name for thread in threading.enumerate() if thread not in threads]
        more = self.descriptors() - descriptors
        return [f"threads are left: {names}"] * bool(names) + [f"{more} descriptors are left"] * (more > 0)

    def _look(self, where: str, text: str) -> None:
        self.problems += [f"a secret is in {where}: {text[-2000:]}" for secret in self.secrets if secret in text]

    def _unraisable(self, unraisable: Any) -> None:
        self.problems.append(f"unraisable: {unraisable.exc_value!r} in {unraisable.object!r}")

    def _in_thread(self, raised: Any) -> None:
        self.problems.append(f"in thread {raised.thread.name}: {raised.exc_value!r}")
