"""Audio from one format of sessions to another."""

from __future__ import annotations

from .g711 import G711_RATE, LAWS
from .pcm import RATE, WIDTH, Audio
from .resample import Resampler

__all__ = ["Transcoder"]


class Transcoder:
    """A stream of audio, turned from format `source` to `target`.

    Formats are a session's: ``audio/pcm`` (PCM16 of 24 kHz), ``audio/pcmu`` and ``audio/pcma`` (8 kHz). `bytes_per_ms`
    is what the source has. Between PCM and the others the extra ``audio`` is needed; raises ConfigurationError without.
    """

    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = source, target
        self.bytes_per_ms = G711_RATE // 1000 if source in LAWS else RATE * WIDTH // 1000
        rates = (G711_RATE if kind in LAWS else RATE for kind in (source, target))
        self._resampler = Resampler(*rates)

    def process(self, audio: Audio) -> bytes:
        """Take the next piece and give what is ready of the result, which may be nothing."""
        if self.source == self.target:
            return bytes(audio)
        pcm = LAWS[self.source][0](audio) if self.source in LAWS else audio
        return self._encode(self._resampler.process(pcm))

    def flush(self) -> bytes:
        """End the stream: give what was held back. The next piece begins a new stream."""
        return self._encode(self._resampler.flush())

    def _encode(self, pcm: bytes) -> bytes:
        return LAWS[self.target][1](pcm) if self.target in LAWS else pcm
