"""The sound of calls: PCM of 24,000 samples a second on their side, the session's format on the other."""

from __future__ import annotations

from openai_realtime.audio.g711 import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm
from openai_realtime.audio.pcm import RATE
from openai_realtime.audio.resample import Resampler
from openai_realtime.emulator.sessions.realtime import LiveSession

from .shared import SharedSession

_G711_RATE = 8_000
_DECODERS = {"audio/pcmu": ulaw_to_pcm, "audio/pcma": alaw_to_pcm}
_ENCODERS = {"audio/pcmu": pcm_to_ulaw, "audio/pcma": pcm_to_alaw}


class CallSound:
    """What both ends of a call hear. What the model says is at `play`, until somebody takes it with `read`.

    A session that speaks G.711 needs the extra ``audio``.
    """

    def __init__(self, shared: SharedSession[LiveSession]) -> None:
        self._shared = shared
        self._speech = bytearray()
        self._down: Resampler | None = None
        self._up: Resampler | None = None
        shared.session.output = self

    def hear(self, pcm: bytes) -> None:
        """Let the session hear the caller."""
        kind = self._shared.session.format_of("input")
        if kind in _ENCODERS:
            self._down = self._down or Resampler(RATE, _G711_RATE)
            pcm = _ENCODERS[kind](self._down.process(pcm))
        self._shared.catch_up()
        self._shared.session.hear(pcm)
        self._shared.wake()

    def play(self, audio: bytes) -> None:
        """Take what the model says, in the session's format."""
        kind = self._shared.session.format_of("output")
        if kind in _DECODERS:
            self._up = self._up or Resampler(_G711_RATE, RATE)
            audio = self._up.process(_DECODERS[kind](audio))
        self._speech += audio

    def stop(self) -> None:
        """Drop what was not taken: the caller interrupted."""
        self._speech.clear()

    def read(self, size: int | None = None) -> bytes:
        """Take up to `size` bytes of the model's speech; by default all that is there."""
        taken = bytes(self._speech[:size])
        del self._speech[:size]
        return taken
