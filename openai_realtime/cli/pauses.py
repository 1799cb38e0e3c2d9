"""Where turns end, for models that do not find it themselves."""

from __future__ import annotations

from openai_realtime.audio.pcm import duration, level


class Pauses:
    """Where to end turns for a model that does not: in the first pause after 15 s, and after 60 s anyway."""

    _SHORTEST, _LONGEST = 15.0, 60.0  # seconds
    _QUIET = 0.01  # of full scale: -40 dB

    def __init__(self) -> None:
        self._length = 0.0

    def end_turn(self, block: bytes) -> bool:
        """Decide whether a turn ends after this block of about 100 ms."""
        self._length += duration(block)
        quiet = bool(block) and level(block) < self._QUIET
        ends = self._length >= self._LONGEST or (self._length >= self._SHORTEST and quiet)
        if ends:
            self._length = 0.0
        return ends
