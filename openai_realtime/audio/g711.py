"""G.711: mu-law and A-law at 8,000 samples a second, to PCM16 and back, as ITU-T G.191 does it bit by bit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from .pcm import WIDTH, Audio, check_whole_samples

__all__ = ["alaw_to_pcm", "pcm_to_alaw", "pcm_to_ulaw", "ulaw_to_pcm"]

G711_RATE: Final = 8_000
# A byte is sign, segment and position in the segment; segments grow twofold. μ-law sends all bits inverted, A-law every
# second one. ITU-T G.711 (11/88), tables 1 and 2.
_BIAS = 132  # μ-law's segments begin at a power of two once this is added
_SEGMENT_0 = 8  # the bits of a magnitude in the first segment


def pcm_to_ulaw(pcm: Audio) -> bytes:
    """Encode PCM16 as μ-law, a byte a sample. The rate stays: G.711 is 8,000 samples a second by definition.

    Raises ValueError for half a sample.
    """
    return _encode(pcm, _ulaw())


def ulaw_to_pcm(ulaw: Audio) -> bytes:
    """Decode μ-law to PCM16."""
    return _decode(ulaw, _ulaw())


def pcm_to_alaw(pcm: Audio) -> bytes:
    """Encode PCM16 as A-law, a byte a sample. The rate stays: G.711 is 8,000 samples a second by definition.

    Raises ValueError for half a sample.
    """
    return _encode(pcm, _alaw())


def alaw_to_pcm(alaw: Audio) -> bytes:
    """Decode A-law to PCM16."""
    return _decode(alaw, _alaw())


LAWS: Final[Mapping[str, tuple[Callable[[Audio], bytes], Callable[[Audio], bytes]]]] = {
    "audio/pcmu": (ulaw_to_pcm, pcm_to_ulaw),
    "audio/pcma": (alaw_to_pcm, pcm_to_alaw),
}
"""What decodes and encodes a session's formats."""


class _Law(NamedTuple):
    """The tables of one law, for `bytes.translate`."""

    bias: int
    loud: bytes
    """The code of a magnitude by its upper 8 bits of 15; nothing where these do not decide."""
    quiet: bytes
    """The code of a magnitude below 2,048 by its bits 3 to 10."""
    signs: bytes
    """What is inverted in the code, by the upper byte of a sample."""
    low: bytes
    """The lower byte of the sample that a code stands for."""
    high: bytes
    """The upper byte of the sample that a code stands for."""


_IS_QUIET = bytes([0xFF] * 16 + [0] * 240)  # by the upper 8 bits of a magnitude's 15


def _encode(pcm: Audio, law: _Law) -> bytes:
    """Look up all samples at once: one long number holds them, 16 bits each.

    A table has 256 places and there are 65,536 samples, but five bits from the first one on decide: they stand within
    the upper 8 bits of a loud magnitude, or within the lower 8 that count of a quiet one.
    """
    check_whole_samples(pcm)
    size, count, number = len(pcm), len(pcm) // WIDTH, int.from_bytes
    ones = _each(count)
    samples = number(pcm, "little")
    negative = samples >> 15 & ones
    magnitudes = (samples ^ (negative << 16) - negative) + ones * law.bias  # a negative one is inverted, not negated
    magnitudes -= (magnitudes >> 15 & ones) * law.bias  # beyond the scale, where the last code has room for both
    upper = (magnitudes >> 7).to_bytes(size, "little")[::2]
    lower = (magnitudes >> 3).to_bytes(size, "little")[::2]
    codes = number(lower.translate(law.quiet), "little") & number(upper.translate(_IS_QUIET), "little")
    codes |= number(upper.translate(law.loud), "little")
    codes ^= number(bytes(pcm[1::2]).translate(law.signs), "little")
    return codes.to_bytes(count, "little")


@functools.lru_cache(maxsize=8)
def _each(count: int) -> int:
    """Return a one in each of so many places of 16 bits. Streams have pieces of few sizes."""
    return int.from_bytes(b"\x01\x00" * count, "little")


def _decode(codes: Audio, law: _Law) -> bytes:
    codes = bytes(codes)
    pcm = bytearray(len(codes) * WIDTH)
    pcm[::2] = codes.translate(law.low)
    pcm[1::2] = codes.translate(law.high)
    return bytes(pcm)


def _law(bias: int, code: Callable[[int], int], sample: Callable[[int], int], positive: int) -> _Law:
    """Make the tables. `code` is for a magnitude with its bias, before `positive` (or 128 less) inverts bits of it."""
    samples = b"".join(sample(byte).to_bytes(WIDTH, "little", signed=True) for byte in range(256))
    return _Law(
        bias=bias,
        loud=bytes(16) + bytes(code(upper << 7) for upper in range(16, 256)),
        quiet=bytes(code(lower << 3) for lower in range(256)),
        signs=bytes([positive] * 128 + [positive - 128] * 128),
        low=samples[::2],
        high=samples[1::2],
    )


@functools.cache
def _ulaw() -> _Law:
    return _law(_BIAS, _ulaw_code, _ulaw_sample, 0xFF)


@functools.cache
def _alaw() -> _Law:
    return _law(0, _alaw_code, _alaw_sample, 0xD5)


def _ulaw_code(magnitude: int) -> int:
    segment = max(magnitude.bit_length() - _SEGMENT_0, 0)
    return segment << 4 | magnitude >> segment + 3 & 0x0F


def _alaw_code(magnitude: int) -> int:
    segment = max(magnitude.bit_length() - _SEGMENT_0, 0)
    return segment << 4 | magnitude >> max(segment, 1) + 3 & 0x0F


def _ulaw_sample(code: int) -> int:
    segment, position = ~code >> 4 & 7, ~code & 0x0F
    magnitude = (8 * position + _BIAS << segment) - _BIAS
    return magnitude if code & 0x80 else -magnitude


def _alaw_sample(code: int) -> int:
    code ^= 0x55
    segment, position = code >> 4 & 7, code & 0x0F
    # The first two segments have the same step; all others begin with a one that is not sent.
    magnitude = 16 * position + 8 if segment == 0 else 16 * position + 264 << segment - 1
    return magnitude if code & 0x80 else -magnitude
