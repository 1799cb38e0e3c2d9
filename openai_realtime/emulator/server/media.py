"""The sound of calls: PCM of 24,000 samples a second on their side, the session's format on the other."""

from __future__ import annotations

from openai_realtime.audio.transcode import Transcoder
from openai_realtime.emulator.sessions.realtime import LiveSession

from .shared import SharedSession

_PCM = "audio/pcm"


class CallSound:
    """What both ends of a call hear. What the model says waits until somebody takes it with `read`.

    A session that speaks G.711 needs the extra ``audio``.
    """

    def __init__(self, shared: SharedSession[LiveSession]) -> None:
        self._shared = shared
        self._speech = bytearray()
        self._to_session = Transcoder(_PCM, _PCM)
        self._to_caller = Transcoder(_PCM, _PCM)
        shared.session.output = self

    def hear(self, pcm: bytes) -> None:
        """Let the session hear the caller."""
        kind = self._shared.session.format_of("input")
        if kind != self._to_session.target:
            self._to_session = Transcoder(_PCM, kind)
        self._shared.catch_up()
        self._shared.session.hear(self._to_session.process(pcm))
        self._shared.wake()

    def play(self, audio: bytes) -> None:
        """Take what the model says, in the session's format."""
        kind = self._shared.session.format_of("output")
        if kind != self._to_caller.source:
            self._to_caller = Transcoder(kind, _PCM)
        self._speech += self._to_caller.process(audio)

    def stop(self) -> None:
        """Drop what was not taken: the caller interrupted."""
        self._speech.clear()

    def read(self, size: int | None = None) -> bytes:
        """Take up to `size` bytes of the model's speech; by default all that is there."""
        taken = bytes(self._speech[:size])
        del self._speech[:size]
        return taken
