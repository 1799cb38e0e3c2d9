"""Audio as bytes: how long it is, how loud it is, and a hum where the model has no voice."""

from __future__ import annotations

import functools
import math
import sys
from array import array
from collections.abc import Iterator
from typing import Any

from openai_realtime.audio.g711 import G711_RATE, LAWS
from openai_realtime.audio.pcm import RATE, WIDTH

_PITCH = 200  # Hz; divides both rates
_LOUDNESS = 3000  # of 32767
_LETTER_MS = 60  # a letter of speech, roughly
_FULL_SCALE = 32768
_ENOUGH = 50_000  # samples, to know how loud a turn is without holding up other sessions


def bytes_per_ms(audio_format: dict[str, Any]) -> int:
    """48 for PCM16 with 24,000 samples a second, 8 for G.711."""
    return (G711_RATE if audio_format["type"] in LAWS else RATE * WIDTH) // 1000


def hum(text: str, audio_format: dict[str, Any]) -> Iterator[bytes]:
    """Make a tone as long as it takes to say `text`, in the pieces of `chunks`."""
    period = _period(audio_format["type"])
    for start, end in _pieces(len(period) * (len(text) * _LETTER_MS * _PITCH // 1000), audio_format):
        first = start % len(period)
        yield (period * ((end - start) // len(period) + 2))[first : first + end - start]


def chunks(audio: bytes, audio_format: dict[str, Any]) -> Iterator[bytes]:
    """`audio` as the API sends it: about 256 ms at a time, the first one shorter."""
    for start, end in _pieces(len(audio), audio_format):
        yield audio[start:end]


def _pieces(size: int, audio_format: dict[str, Any]) -> Iterator[tuple[int, int]]:
    start, end = 0, 100 * bytes_per_ms(audio_format)
    while start < size:
        yield start, min(end, size)
        start, end = end, end + 256 * bytes_per_ms(audio_format)


def level(audio: bytes, audio_format: dict[str, Any]) -> float:
    """How loud `audio` is: the root mean square of its samples, 0 to 1."""
    # Every fourth tells as much, and so do some of many; an odd distance, so that no tone has the same phase in all.
    if audio_format["type"] not in LAWS:
        count = len(audio) // 2
        some = memoryview(audio)[: 2 * count].cast("h")[:: max(4, count // _ENOUGH | 1)].tobytes()
    else:
        some = audio[:: max(4, len(audio) // _ENOUGH | 1)]
    samples = samples_of(some, audio_format)
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples)) / _FULL_SCALE if samples else 0.0


def samples_of(audio: bytes, audio_format: dict[str, Any]) -> array[int]:
    """Give the samples of `audio`, -32768 to 32767."""
    if audio_format["type"] in LAWS:
        audio = LAWS[audio_format["type"]][0](audio)
    samples = array("h", audio[: len(audio) // 2 * 2])
    if sys.byteorder == "big":  # PCM16 on the wire is little-endian
        samples.byteswap()
    return samples


@functools.cache
def _period(kind: str) -> bytes:
    rate = G711_RATE if kind in LAWS else RATE
    count = rate // _PITCH
    samples = [round(_LOUDNESS * math.sin(2 * math.pi * index / count)) for index in range(count)]
    pcm = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    return LAWS[kind][1](pcm) if kind in LAWS else pcm
