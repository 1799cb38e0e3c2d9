"""PCM16 from one rate to another, piece by piece, without clicks where the pieces meet."""

from __future__ import annotations

from typing import Any

from openai_realtime._extras import load_extra

from .pcm import RATE, WIDTH, Audio

__all__ = ["Resampler"]


class Resampler:
    """A stream of PCM16 mono, turned from `source` to `target` samples a second.

    Give it the pieces in order and play or send what comes back; `flush` ends the stream with what was held back. A
    piece may have any length and may end within a sample. Needs the extra ``audio`` unless both rates are the same;
    raises ConfigurationError without it, and ValueError for a rate that is not positive.
    """

    def __init__(self, source: int, target: int = RATE) -> None:
        if min(source, target) <= 0:
            raise ValueError(f"rates are samples a second: {source}, {target}")
        self.source, self.target = source, target
        self._half = b""  # the first byte of a sample whose second one has not come
        self._stream: Any = None
        self._reset()

    def process(self, pcm: Audio) -> bytes:
        """Take the next piece and give what is ready of the result, which may be nothing."""
        data = self._half + bytes(pcm)
        whole = len(data) // WIDTH * WIDTH
        self._half = data[whole:]
        return self._convert(data[:whole], last=False)

    def flush(self) -> bytes:
        """End the stream: give what was held back. The next piece begins a new stream."""
        rest = self._convert(b"", last=True)
        self._half = b""
        self._reset()
        return rest

    def _reset(self) -> None:
        if self.source == self.target:
            return
        need = f"audio of {self.source} Hz, and {self.target} Hz is needed; to resample it"
        self._numpy, soxr = load_extra("numpy", "soxr", need=need, extra="audio")
        self._stream = soxr.ResampleStream(self.source, self.target, 1, dtype="int16")

    def _convert(self, pcm: bytes, *, last: bool) -> bytes:
        if self._stream is None:
            return pcm
        samples = self._stream.resample_chunk(self._numpy.frombuffer(pcm, "<i2"), last=last)
        return bytes(samples.astype("<i2", copy=False).tobytes())
