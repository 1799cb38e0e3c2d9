"""Fresh interpreters."""

from __future__ import annotations

import subprocess
import sys


def fresh(code: str) -> str:
    """What a fresh interpreter prints for `code`."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout  # noqa: S603
