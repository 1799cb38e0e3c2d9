"""The idle timeout of server VAD: the model speaks up when the user has been silent for too long."""

from __future__ import annotations

import math


class IdleTimer:
    """Runs from the end of the model's speech. Seconds are those of whatever clock the caller goes by.

    `start_ms` is where in the user's audio it began.
    """

    def __init__(self) -> None:
        self.start_ms = 0
        self._due = math.inf
        self._ahead = 0.0

    @property
    def due(self) -> float:
        """When the silence has lasted too long; infinite while nobody waits."""
        return self._due - self._ahead

    @property
    def running(self) -> bool:
        """Whether it waits for the user."""
        return self._due < math.inf

    def start(self, now: float, seconds: float, start_ms: int) -> None:
        """Begin to wait for `seconds`."""
        self._due = now + self._ahead + seconds
        self.start_ms = start_ms

    def stop(self) -> None:
        """Wait no more: somebody spoke."""
        self._due = math.inf

    def advance(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._ahead += seconds
