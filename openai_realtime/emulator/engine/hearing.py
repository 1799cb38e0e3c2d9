"""The input audio buffer, the turn detection that listens to it, and the timer of silence.

Milliseconds count from the first byte of audio in the session. The detection measures loudness only: a voice and a door
are the same to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

from attrs import frozen

from . import sound

FRAME_MS = 20
# A threshold of 0.5, the default, takes for speech what is louder than -34 dB of full scale.
_LOUDEST_THRESHOLD = 0.04
# Semantic detection waits for the end of the thought, longer if it is less eager.
_SEMANTIC_SILENCE = {"high": 400, "auto": 800, "medium": 800, "low": 1600}
_SEMANTIC = {"threshold": 0.5, "prefix_padding_ms": 300}


@frozen
class SpeechStarted:
    """Speech began, the prefix padding included, at `ms`."""

    ms: int


@frozen
class SpeechStopped:
    """Speech ended at `ms`, the silence after it included. `audio` is all of it."""

    ms: int
    audio: bytes


Signal: TypeAlias = SpeechStarted | SpeechStopped


class InputBuffer:
    """Audio since the last commit. `audio_format` and `turn_detection` are those of the effective session."""

    def __init__(self) -> None:
        self.speaking = False
        self._audio = bytearray()
        self._start = 0.0  # milliseconds at which `_audio` begins
        self._scanned = 0  # bytes of `_audio` that the detection has listened to
        self._silence = 0

    def append(self, audio: bytes, audio_format: dict[str, Any], detection: dict[str, Any] | None) -> Iterator[Signal]:
        """Add `audio`, and give what the detection notices in it."""
        self._audio += audio
        frame = FRAME_MS * sound.bytes_per_ms(audio_format)
        if detection is None:
            self._scanned = len(self._audio)
        while self._scanned + frame <= len(self._audio):
            self._scanned += frame
            loudness = sound.level(bytes(self._audio[self._scanned - frame : self._scanned]), audio_format)
            yield from self._listen(loudness, sound.bytes_per_ms(audio_format), _timing(detection or {}))

    def milliseconds(self, audio_format: dict[str, Any]) -> float:
        """How much is in the buffer."""
        return len(self._audio) / sound.bytes_per_ms(audio_format)

    def position(self, audio_format: dict[str, Any]) -> float:
        """Milliseconds of audio since the session began."""
        return self._start + self.milliseconds(audio_format)

    def take(self, audio_format: dict[str, Any]) -> bytes:
        """Empty the buffer."""
        return self._cut(len(self._audio), sound.bytes_per_ms(audio_format))

    def _listen(self, loudness: float, per_ms: int, timing: dict[str, Any]) -> Iterator[Signal]:
        """One frame, the last that was scanned."""
        loud = loudness > _LOUDEST_THRESHOLD * timing["threshold"]
        self._silence = 0 if loud else self._silence + FRAME_MS
        if loud and not self.speaking:
            self.speaking = True
            before = self._scanned - (FRAME_MS + timing["prefix_padding_ms"]) * per_ms
            self._cut(max(before, 0), per_ms)
            yield SpeechStarted(round(self._start))
        elif self.speaking and self._silence >= timing["silence_duration_ms"]:
            audio = self._cut(self._scanned, per_ms)
            yield SpeechStopped(round(self._start), audio)

    def _cut(self, size: int, per_ms: int) -> bytes:
        """Take `size` bytes off the front."""
        taken = bytes(self._audio[:size])
        del self._audio[:size]
        self._start += size / per_ms
        self._scanned -= size
        if self._scanned <= 0:
            self._scanned, self.speaking, self._silence = 0, False, 0
        return taken


def _timing(detection: dict[str, Any]) -> dict[str, Any]:
    if detection["type"] == "semantic_vad":
        return {**_SEMANTIC, "silence_duration_ms": _SEMANTIC_SILENCE[detection["eagerness"]]}
    return detection


class IdleTimer:
    """The idle timeout of server VAD: the model speaks up when the user has been silent for too long.

    It runs from the end of the model's speech, `start_ms` in the user's audio. Seconds are those of whatever clock the
    caller goes by.
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
