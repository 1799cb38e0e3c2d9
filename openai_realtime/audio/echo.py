"""Echo cancellation: what the loudspeaker plays is taken out of what the microphone hears. Needs the extra ``aec``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from openai_realtime._extras import load_extra

from ._device import Device, find
from .pcm import RATE, WIDTH, Audio
from .streams import CaptureStream, PlaybackStream

__all__ = ["Duplex", "EchoCanceller"]

_FRAME_MS = 10  # what the canceller takes at once


class EchoCanceller:
    """WebRTC's echo canceller on PCM16 mono. It learns the room and its delay within a second or two of speech.

    Raises ConfigurationError without the extra ``aec``.
    """

    def __init__(self, *, rate: int = RATE) -> None:
        need = "echo cancellation needs pywebrtc-audio"
        self._numpy, webrtc = load_extra("numpy", "pywebrtc_audio", need=need, extra="aec")
        self._canceller = webrtc.AudioProcessor(sample_rate=rate, echo_cancellation=True)
        self._frame = rate * _FRAME_MS // 1000 * WIDTH
        self._near, self._far = bytearray(), bytearray()

    def process(self, near: Audio, far: Audio) -> bytes:
        """Take what the microphone heard while the loudspeaker played `far`; give it without the echo.

        Both have the same length. Less than 10 ms are kept for the next call.
        """
        self._near += near
        self._far += far
        size = min(len(self._near), len(self._far)) // self._frame * self._frame
        cleaned = [self._clean(start) for start in range(0, size, self._frame)]
        del self._near[:size], self._far[:size]
        return b"".join(cleaned)

    def _clean(self, start: int) -> bytes:
        near, far = (
            self._numpy.frombuffer(bytes(side[start : start + self._frame]), "<i2") for side in (self._near, self._far)
        )
        return bytes(self._canceller.process(near, far).tobytes())


class Duplex:
    """A microphone and a loudspeaker that run as one, so that the microphone does not hear the loudspeaker.

    Both are open within the ``with`` block: read `microphone`, write to `speaker`. Arguments and errors are those of
    `Microphone` and `Speaker`. Needs the extras ``audio`` and ``aec``.
    """

    def __init__(
        self,
        source: Callable[[int], bytes] | None = None,
        *,
        capture_device: str | None = None,
        playback_device: str | None = None,
        backend: str | None = None,
        max_latency_ms: int = 200,
    ) -> None:
        self.microphone = CaptureStream(max_latency_ms=max_latency_ms)
        self.speaker = PlaybackStream()
        self._source = source or self.speaker.read
        self._names, self._backend = (capture_device, playback_device), backend

    def __enter__(self) -> Self:
        self._canceller = EchoCanceller()
        capture, playback = self._names
        self._device = Device(
            "DuplexStream",
            rate=RATE,
            backend=self._backend,
            capture_channels=1,
            playback_channels=1,
            capture_device_id=find(capture, "captures", self._backend),
            playback_device_id=find(playback, "playbacks", self._backend),
        )
        self._device.start(self._exchange, self._fail)
        return self

    def __exit__(self, *_: object) -> None:
        self._device.close()
        self.microphone.end()
        self.speaker.clear()

    def _exchange(self, recorded: bytearray) -> bytes:
        """Give what is played while the next is recorded."""
        played = self._source(len(recorded)).ljust(len(recorded), b"\x00")
        if cleaned := self._canceller.process(recorded, played):
            self.microphone.put(cleaned)
        return played

    def _fail(self, error: BaseException) -> None:
        self.microphone.end(error)
        self.speaker.fail(error)
