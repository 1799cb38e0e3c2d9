"""Microphone and loudspeaker of this machine. Needs the extra ``audio``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from ._device import Device, find
from .pcm import RATE, WIDTH
from .streams import CaptureStream, PlaybackStream

__all__ = ["Microphone", "Speaker"]


class Microphone(CaptureStream):
    """A microphone, open within its ``with`` block. Iterate over it for PCM16 mono, about 20 ms at a time.

    `device` is a part of its name as the system shows it, or None for the system's choice. `backend` is one of
    miniaudio's, such as ``"alsa"``, ``"pulseaudio"``, ``"coreaudio"``, ``"wasapi"``; ``"null"`` records silence.
    `CaptureStream` has the rest. Raises ConfigurationError if the device cannot be opened or the extra is missing; if
    it fails later, the iteration raises OSError.
    """

    def __init__(
        self, *, device: str | None = None, backend: str | None = None, rate: int = RATE, max_latency_ms: int = 200
    ) -> None:
        super().__init__(rate=rate, max_latency_ms=max_latency_ms)
        self._name, self._backend = device, backend

    def __enter__(self) -> Self:
        chosen = find(self._name, "captures", self._backend)
        self._device = Device("CaptureDevice", rate=self.rate, backend=self._backend, nchannels=1, device_id=chosen)
        self._device.start(self._take, self.end)
        return self

    def __exit__(self, *_: object) -> None:
        self._device.close()
        self.end()

    def _take(self, pcm: bytearray) -> bytes:
        self.put(pcm)
        return b""


class Speaker(PlaybackStream):
    """A loudspeaker, open within its ``with`` block. It plays what is written, and silence when there is nothing.

    `source` is asked for up to so many bytes each time that the device wants some, in the device's thread, in place of
    what is written. `device` and `backend` are as for `Microphone`. Raises ConfigurationError if the device cannot be
    opened or the extra is missing; if it or `source` fails later, `write` and `drain` raise that.
    """

    def __init__(
        self,
        source: Callable[[int], bytes] | None = None,
        *,
        device: str | None = None,
        backend: str | None = None,
        rate: int = RATE,
    ) -> None:
        super().__init__(rate=rate)
        self._source = source or self.read
        self._name, self._backend = device, backend

    def __enter__(self) -> Self:
        chosen = find(self._name, "playbacks", self._backend)
        self._device = Device("PlaybackDevice", rate=self.rate, backend=self._backend, nchannels=1, device_id=chosen)
        self._device.start(lambda frames: self._source(frames * WIDTH), self.fail)
        return self

    def __exit__(self, *_: object) -> None:
        self._device.close()
        self.clear()
