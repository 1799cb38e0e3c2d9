"""Audio as bytes: how long it is, how loud it is, and a hum where the model has no voice."""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Iterator
from typing import Any

PCM = "audio/pcm"
_PITCH = 200  # Hz; divides both rates
_LOUDNESS = 3000  # of 32767
_LETTER_MS = 60  # a letter of speech, roughly
_FULL_SCALE = 32768
_BIAS = 132  # of the μ-law code


def bytes_per_ms(audio_format: dict[str, Any]) -> int:
    """48 for PCM16 with 24,000 samples a second, 8 for G.711."""
    return 48 if audio_format["type"] == PCM else 8


def hum(text: str, audio_format: dict[str, Any]) -> bytes:
    """Make a tone as long as it takes to say `text`."""
    period = _period(audio_format["type"])
    return period * (len(text) * _LETTER_MS * _PITCH // 1000)


def chunks(audio: bytes, audio_format: dict[str, Any]) -> Iterator[bytes]:
    """`audio` as the API sends it: about 256 ms at a time, the first one shorter."""
    size, start, end = bytes_per_ms(audio_format), 0, 100 * bytes_per_ms(audio_format)
    while start < len(audio):
        yield audio[start:end]
        start, end = end, end + 256 * size


def level(audio: bytes, audio_format: dict[str, Any]) -> float:
    """How loud `audio` is: the root mean square of its samples, 0 to 1."""
    samples = samples_of(audio, audio_format)[::4]  # every fourth tells as much
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples)) / _FULL_SCALE if samples else 0.0


def samples_of(audio: bytes, audio_format: dict[str, Any]) -> array[int]:
    """Give the samples of `audio`, -32768 to 32767."""
    if audio_format["type"] != PCM:
        table = _g711_table(audio_format["type"])
        return array("h", [table[code] for code in audio])
    samples = array("h", audio[: len(audio) // 2 * 2])
    if array("H", b"\x01\x00")[0] != 1:  # PCM16 on the wire is little-endian
        samples.byteswap()
    return samples


@functools.cache
def _period(kind: str) -> bytes:
    rate = 24000 if kind == PCM else 8000
    count = rate // _PITCH
    samples = [round(_LOUDNESS * math.sin(2 * math.pi * index / count)) for index in range(count)]
    if kind == PCM:
        return b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    table = _g711_table(kind)
    return bytes(min(range(256), key=lambda code: abs(table[code] - sample)) for sample in samples)


@functools.cache
def _g711_table(kind: str) -> tuple[int, ...]:
    """Give the sample that each byte of G.711 stands for."""
    decode = _ulaw_sample if kind == "audio/pcmu" else _alaw_sample
    return tuple(decode(code) for code in range(256))


def _ulaw_sample(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << (code >> 4 & 7)) - _BIAS
    return -magnitude if code & 0x80 else magnitude


def _alaw_sample(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = mantissa + 8 if exponent == 0 else mantissa + 0x108 << exponent - 1
    return magnitude if code & 0x80 else -magnitude
