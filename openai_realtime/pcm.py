"""Audio as bytes: PCM16, G.711, pieces by duration, WAV files.

PCM here is what the API speaks by default (`AudioPcm`): 16 bits a sample, little-endian, mono, 24,000 samples a second.
"""

from __future__ import annotations

import functools
import importlib
import math
import operator
import struct
import wave
from collections.abc import Callable, Iterable, Iterator
from os import PathLike, fspath
from typing import IO, Any, Final, Self, TypeAlias

from .errors import ConfigurationError, DecodeError

__all__ = [
    "RATE",
    "WavReader",
    "alaw_to_pcm",
    "chunks",
    "duration",
    "level",
    "pcm_to_alaw",
    "pcm_to_ulaw",
    "read_wav",
    "ulaw_to_pcm",
    "write_wav",
]

RATE: Final = 24_000
"""The samples a second of the API's PCM; G.711 has 8,000."""

Audio: TypeAlias = bytes | bytearray | memoryview
File: TypeAlias = str | PathLike[str] | IO[bytes]

_WIDTH = 2  # bytes of a sample
_FULL_SCALE = 32_768
_MIN_RATE, _MAX_RATE = 4_000, 384_000  # beyond these it is no sound, but a damaged header
_BLOCK_MS = 100


# --- PCM --------------------------------------------------------------------------------------------------------------


def duration(audio: Audio, *, rate: int = RATE, width: int = _WIDTH) -> float:
    """How many seconds `audio` takes; G.711 has ``rate=8000, width=1``."""
    return len(audio) / width / rate


def chunks(audio: Audio, milliseconds: int, *, rate: int = RATE, width: int = _WIDTH) -> Iterator[bytes]:
    """`audio` in pieces of so many milliseconds; the last one is what is left."""
    size = max(rate * milliseconds // 1000, 1) * width
    for start in range(0, len(audio), size):
        yield bytes(audio[start : start + size])


def level(pcm: Audio) -> float:
    """How loud `pcm` is: the root mean square of its samples, 0 to 1. A full-scale sine has 0.707."""
    samples = _samples(pcm)
    return math.sqrt(sum(map(operator.mul, samples, samples)) / len(samples)) / _FULL_SCALE if samples else 0.0


def _samples(pcm: Audio) -> tuple[int, ...]:
    """The samples as numbers, -32768 to 32767. Raises ValueError for half a sample."""
    if len(pcm) % _WIDTH:
        raise ValueError(f"{len(pcm)} bytes of PCM16 end within a sample")
    return struct.unpack(f"<{len(pcm) // _WIDTH}h", pcm)


def _pcm(samples: Iterable[int]) -> bytes:
    values = tuple(samples)
    return struct.pack(f"<{len(values)}h", *values)


# --- G.711 ------------------------------------------------------------------------------------------------------------
# A byte is sign, segment and position in the segment; segments grow twofold. μ-law sends all bits inverted, A-law every
# second one. ITU-T G.711 (11/88), tables 1 and 2.

_ULAW_BIAS, _ULAW_MAX = 33, 8158  # in units of a quarter of a 14-bit scale's step: PCM16 >> 2
_ALAW_MASK, _SIGN = 0x55, 0x80


def pcm_to_ulaw(pcm: Audio) -> bytes:
    """PCM16 as μ-law, a byte a sample. The rate stays: G.711 is 8,000 samples a second by definition."""
    return _encoded(pcm, _ulaw_codes())


def ulaw_to_pcm(ulaw: Audio) -> bytes:
    """μ-law as PCM16."""
    return _pcm(map(_ulaw_samples().__getitem__, ulaw))


def pcm_to_alaw(pcm: Audio) -> bytes:
    """PCM16 as A-law, a byte a sample. The rate stays: G.711 is 8,000 samples a second by definition."""
    return _encoded(pcm, _alaw_codes())


def alaw_to_pcm(alaw: Audio) -> bytes:
    """A-law as PCM16."""
    return _pcm(map(_alaw_samples().__getitem__, alaw))


def _encoded(pcm: Audio, codes: bytes) -> bytes:
    """Look up every sample; `codes` has those of -32768 to 32767, in this order."""
    return bytes(codes[sample + _FULL_SCALE] for sample in _samples(pcm))


def _codes(encode: Callable[[int], int]) -> bytes:
    return bytes(map(encode, range(-_FULL_SCALE, _FULL_SCALE)))


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
    magnitude = min(abs(sample), _FULL_SCALE - 1) >> 4
    segment = max(magnitude.bit_length() - 4, 0)
    code = segment << 4 | magnitude >> max(segment - 1, 0) & 0x0F
    return (code if sample < 0 else code | _SIGN) ^ _ALAW_MASK


def _alaw_sample(code: int) -> int:
    code ^= _ALAW_MASK
    segment, position = code >> 4 & 7, code & 0x0F
    # The first two segments have the same step; all others begin with a one that is not sent.
    magnitude = 2 * position + 1 if segment == 0 else 2 * position + 33 << segment - 1
    return (magnitude if code & _SIGN else -magnitude) << 3


# --- WAV --------------------------------------------------------------------------------------------------------------


class WavReader:
    """A WAV file as PCM16 mono with `rate` samples a second. Iterate over it for blocks of about 100 ms.

    A file of any length takes little memory. Channels are mixed; samples of 8, 24 and 32 bits become 16. Another rate
    needs the extra ``audio``. Raises DecodeError for what is no WAV with whole-number samples, OSError if there is no
    such file, and ConfigurationError if the extra is missing.
    """

    def __init__(self, file: File, *, rate: int = RATE) -> None:
        self._file = _open(file)
        self.duration: float = self._file.getnframes() / self._file.getframerate()
        """Seconds, as the header has it: a program that was interrupted may have left a wrong one."""
        try:
            self._resample = _resampler(self._file.getframerate(), rate)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        size = self._file.getframerate() * _BLOCK_MS // 1000
        while frames := self._file.readframes(size):
            yield self._resample(self._mono(frames), last=False)
        yield self._resample(b"", last=True)

    def close(self) -> None:
        """Close the file, if it was opened here. Calling it again does nothing."""
        self._file.close()

    def _mono(self, frames: bytes) -> bytes:
        width, channels = self._file.getsampwidth(), self._file.getnchannels()
        whole = len(frames) // (width * channels) * width * channels  # a file that was cut off may end within a frame
        pcm = _to_16_bits(frames[:whole], width)
        return pcm if channels == 1 else _mixed(pcm, channels)


def read_wav(file: File, *, rate: int = RATE) -> bytes:
    """All of a WAV file, as `WavReader` gives it."""
    with WavReader(file, rate=rate) as reader:
        return b"".join(reader)


def write_wav(file: File, pcm: Audio, *, rate: int = RATE) -> None:
    """Write PCM16 mono as a WAV file."""
    with wave.open(_target(file), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(_WIDTH)
        writer.setframerate(rate)
        writer.writeframes(pcm)


def _target(file: File) -> str | IO[bytes]:
    """What `wave` takes."""
    return fspath(file) if isinstance(file, str | PathLike) else file


def _open(file: File) -> wave.Wave_read:
    try:
        opened: wave.Wave_read = wave.open(_target(file), "rb")  # noqa: SIM115 - the reader closes it
    except EOFError:
        raise DecodeError("not a WAV file: it ends within the header") from None
    except (wave.Error, RuntimeError) as error:  # RuntimeError for sizes that go beyond the file
        advice = "ffmpeg -i FILE -c:a pcm_s16le NEW.wav makes one"
        raise DecodeError(f"not a WAV file with whole-number samples ({str(error) or 'damaged'}); {advice}") from None
    if opened.getsampwidth() > 4 or not _MIN_RATE <= opened.getframerate() <= _MAX_RATE:  # noqa: PLR2004 - 32 bits
        opened.close()
        bits, rate = 8 * opened.getsampwidth(), opened.getframerate()
        raise DecodeError(f"a WAV file of {bits} bits and {rate} Hz; 8 to 32 bits, {_MIN_RATE} to {_MAX_RATE} Hz work")
    return opened


def _to_16_bits(frames: bytes, width: int) -> bytes:
    """The upper 16 bits of samples that have `width` bytes. 8 bits are unsigned: 128 is silence."""
    if width == _WIDTH:
        return frames
    pcm = bytearray(len(frames) // width * _WIDTH)
    pcm[1::2] = frames[width - 1 :: width] if width > 1 else bytes(byte ^ 0x80 for byte in frames)
    if width > 1:
        pcm[::2] = frames[width - 2 :: width]
    return bytes(pcm)


def _mixed(pcm: bytes, channels: int) -> bytes:
    """The mean of the channels."""
    samples = _samples(pcm)
    sides = (samples[side::channels] for side in range(channels))
    return _pcm(sum(frame) // channels for frame in zip(*sides, strict=True))


def _resampler(source: int, target: int) -> Callable[..., bytes]:
    """A function that turns the next piece of PCM from one rate to another. `last` flushes what it holds back."""
    if source == target:
        return lambda pcm, last: pcm  # noqa: ARG005 - the form of the other one
    try:
        # Here and by name: an extra without types that is slow to load. NumPy comes with it.
        numpy: Any = importlib.import_module("numpy")
        soxr: Any = importlib.import_module("soxr")
    except ImportError:
        install = "pip install 'openai-realtime[audio]'"
        raise ConfigurationError(
            f"audio of {source} Hz, and {target} Hz is needed; to resample it: {install}"
        ) from None
    stream: Any = soxr.ResampleStream(source, target, 1, dtype="int16")

    def resample(pcm: bytes, *, last: bool) -> bytes:
        return bytes(stream.resample_chunk(numpy.frombuffer(pcm, "<i2"), last=last).astype("<i2").tobytes())

    return resample
