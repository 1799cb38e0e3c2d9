"""Say that the program waits, and for whom, before a user asks himself."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from .terminal import print_stderr

_SECONDS = 2.0


@contextlib.contextmanager
def waiting(whom: str) -> Iterator[None]:
    """Say on stderr that the program waits for `whom` if the block takes more than 2 seconds."""
    timer = threading.Timer(_SECONDS, print_stderr, [f"Waiting for {whom} (Ctrl-C ends it)."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
