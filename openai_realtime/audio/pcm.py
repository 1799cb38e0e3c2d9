"""PCM16 as bytes: its duration, its level, pieces of it.

PCM here is what the API speaks by default (`AudioPcm`): 16 bits a sample, little-endian, mono, 24,000 samples a second.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import IO, Final, TypeAlias

__all__ = ["RATE", "chunks", "duration", "level", "level_dbfs"]

RATE: Final = 24_000
"""The samples a second of the API's PCM; G.711 has 8,000."""

Audio: TypeAlias = bytes | bytearray | memoryview
File: TypeAlias = str | PathLike[str] | IO[bytes]

WIDTH = 2  # bytes of a sample
FULL_SCALE = 32_768
_MIN_RATE, _MAX_RATE = 4_000, 384_000  # beyond these it is no sound, but a damaged header
_BLOCK_MS = 100


def duration(audio: Audio, *, rate: int = RATE, width: int = WIDTH) -> float:
    """How many seconds `audio` takes; G.711 has ``rate=8000, width=1``."""
    return len(audio) / width / rate


def chunks(audio: Audio, milliseconds: int, *, rate: int = RATE, width: int = WIDTH) -> Iterator[bytes]:
    """`audio` in pieces of so many milliseconds; the last one is what is left."""
    size = max(rate * milliseconds // 1000, 1) * width
    for start in range(0, len(audio), size):
        yield bytes(audio[start : start + size])


def level(pcm: Audio) -> float:
    """How loud `pcm` is: the root mean square of its samples, 0 to 1. A full-scale sine has 0.707."""
    samples = unpack(pcm)
    return math.sqrt(sum(map(operator.mul, samples, samples)) / len(samples)) / FULL_SCALE if samples else 0.0


def level_dbfs(pcm: Audio) -> float:
    """How loud `pcm` is, in decibels below full scale: 0 is the loudest, minus infinity is silence."""
    loudness = level(pcm)
    return 20 * math.log10(loudness) if loudness else -math.inf


def check_whole_samples(pcm: Audio) -> None:
    """Raise ValueError for half a sample."""
    if len(pcm) % WIDTH:
        raise ValueError(f"{len(pcm)} bytes of PCM16 end within a sample")


def unpack(pcm: Audio) -> tuple[int, ...]:
    """Return the samples as numbers, -32768 to 32767. Raises ValueError for half a sample."""
    check_whole_samples(pcm)
    return struct.unpack(f"<{len(pcm) // WIDTH}h", pcm)


def pack(samples: Iterable[int]) -> bytes:
    values = tuple(samples)
    return struct.pack(f"<{len(values)}h", *values)
