"""WAV files, read and written as streams of PCM."""

from __future__ import annotations

import importlib
import wave
from collections.abc import Callable, Iterator
from os import PathLike, fspath
from typing import IO, Any, Self

from openai_realtime.errors import ConfigurationError, DecodeError

from .pcm import _BLOCK_MS, _MAX_RATE, _MIN_RATE, RATE, WIDTH, Audio, File, pack, unpack

__all__ = ["WavReader", "read_wav", "write_wav"]


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
        writer.setsampwidth(WIDTH)
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
    if width == WIDTH:
        return frames
    pcm = bytearray(len(frames) // width * WIDTH)
    pcm[1::2] = frames[width - 1 :: width] if width > 1 else bytes(byte ^ 0x80 for byte in frames)
    if width > 1:
        pcm[::2] = frames[width - 2 :: width]
    return bytes(pcm)


def _mixed(pcm: bytes, channels: int) -> bytes:
    """The mean of the channels."""
    samples = unpack(pcm)
    sides = (samples[side::channels] for side in range(channels))
    return pack(sum(frame) // channels for frame in zip(*sides, strict=True))


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
