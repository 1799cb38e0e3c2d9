"""What the commands of the operations share: call one, say its warnings, deliver its answer."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from openai_realtime._sync.client import RealtimeClient

from .failures import SUCCESSOR
from .output import Output
from .server import Server
from .terminal import print_stderr


def run(server: Server, output: Output, title: str, operation: Callable[[RealtimeClient], Any]) -> None:
    """Call `operation` with a client of the chosen server and deliver the answer under `title`."""
    output.check()
    with server.client() as client, _warnings_on_stderr(), server.waiting():
        answer = operation(client)
    output.deliver(title, answer)


@contextlib.contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Say warnings in one line each; Python alone would say them in two, and not say what is deprecated."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message="create_realtime", category=DeprecationWarning)
        try:
            yield
        finally:
            for warning in caught:
                hint = f"; {SUCCESSOR}" if warning.category is DeprecationWarning else ""
                print_stderr(f"Warning: {warning.message}{hint}")
