"""G.711: mu-law and A-law at 8,000 samples a second, to PCM16 and back."""

from __future__ import annotations

import functools
from collections.abc import Callable

from .pcm import FULL_SCALE, Audio, pack, unpack

__all__ = ["alaw_to_pcm", "pcm_to_alaw", "pcm_to_ulaw", "ulaw_to_pcm"]

# A byte is sign, segment and position in the segment; segments grow twofold. μ-law sends all bits inverted, A-law every
# second one. ITU-T G.711 (11/88), tables 1 and 2.
_ULAW_BIAS, _ULAW_MAX = 33, 8158  # in units of a quarter of a 14-bit scale's step: PCM16 >> 2
_ALAW_MASK, _SIGN = 0x55, 0x80


def pcm_to_ulaw(pcm: Audio) -> bytes:
    """PCM16 as μ-law, a byte a sample. The rate stays: G.711 is 8,000 samples a second by definition."""
    return _encoded(pcm, _ulaw_codes())


def ulaw_to_pcm(ulaw: Audio) -> bytes:
    """μ-law as PCM16."""
    return pack(map(_ulaw_samples().__getitem__, ulaw))


def pcm_to_alaw(pcm: Audio) -> bytes:
    """PCM16 as A-law, a byte a sample. The rate stays: G.711 is 8,000 samples a second by definition."""
    return _encoded(pcm, _alaw_codes())


def alaw_to_pcm(alaw: Audio) -> bytes:
    """A-law as PCM16."""
    return pack(map(_alaw_samples().__getitem__, alaw))


def _encoded(pcm: Audio, codes: bytes) -> bytes:
    """Look up every sample; `codes` has those of -32768 to 32767, in this order."""
    return bytes(codes[sample + FULL_SCALE] for sample in unpack(pcm))


def _codes(encode: Callable[[int], int]) -> bytes:
    return bytes(map(encode, range(-FULL_SCALE, FULL_SCALE)))


@functools.cache
def _ulaw_codes() -> bytes:
    return _codes(_ulaw_code)


@functools.cache
def _alaw_codes() -> bytes:
    return _codes(_alaw_code)


@functools.cache
def _ulaw_samples() -> tuple[int, ...]:
    return tuple(map(_ulaw_sample, range(256)))


@functools.cache
def _alaw_samples() -> tuple[int, ...]:
    return tuple(map(_alaw_sample, range(256)))


def _ulaw_code(sample: int) -> int:
    magnitude = min(abs(sample) >> 2, _ULAW_MAX) + _ULAW_BIAS
    segment = magnitude.bit_length() - 6
    code = segment << 4 | magnitude >> segment + 1 & 0x0F
    return 0xFF - code - (_SIGN if sample < 0 else 0)


def _ulaw_sample(code: int) -> int:
    code = 0xFF - code
    magnitude = (2 * (code & 0x0F) + _ULAW_BIAS << (code >> 4 & 7)) - _ULAW_BIAS
    return (-magnitude if code & _SIGN else magnitude) << 2


def _alaw_code(sample: int) -> int:
    magnitude = min(abs(sample), FULL_SCALE - 1) >> 4
    segment = max(magnitude.bit_length() - 4, 0)
    code = segment << 4 | magnitude >> max(segment - 1, 0) & 0x0F
    return (code if sample < 0 else code | _SIGN) ^ _ALAW_MASK


def _alaw_sample(code: int) -> int:
    code ^= _ALAW_MASK
    segment, position = code >> 4 & 7, code & 0x0F
    # The first two segments have the same step; all others begin with a one that is not sent.
    magnitude = 2 * position + 1 if segment == 0 else 2 * position + 33 << segment - 1
    return (magnitude if code & _SIGN else -magnitude) << 3
