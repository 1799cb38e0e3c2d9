"""WAV files, read and written as streams of PCM."""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterator
from os import PathLike, fspath
from pathlib import Path
from typing import Self

from openai_realtime.errors import DecodeError

from .pcm import _BLOCK_MS, _MAX_RATE, _MIN_RATE, RATE, WIDTH, Audio, File, pack, unpack
from .resample import Resampler

__all__ = ["WavReader", "WavWriter", "read_wav", "write_wav"]

_HEADER_SIZE, _UNKNOWN = 44, 0xFFFF_FFFF


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
            self._resampler = Resampler(self._file.getframerate(), rate)
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
            yield self._resampler.process(self._mono(frames))
        yield self._resampler.flush()

    def close(self) -> None:
        """Close the file, if it was opened here. Calling it again does nothing."""
        self._file.close()

    def _mono(self, frames: bytes) -> bytes:
        width, channels = self._file.getsampwidth(), self._file.getnchannels()
        whole = len(frames) // (width * channels) * width * channels  # a file that was cut off may end within a frame
        pcm = _to_16_bits(frames[:whole], width)
        return pcm if channels == 1 else _mixed(pcm, channels)


class WavWriter:
    """A WAV file that grows with each `write` of PCM16 mono, `rate` samples a second.

    The header is right after each write: what was written can be read if the program is interrupted. In a pipe it
    cannot be mended and says, as ffmpeg's and sox's do, that the length is unknown. Raises OSError as files do.
    """

    def __init__(self, file: File, *, rate: int = RATE) -> None:
        self._owned = isinstance(file, str | PathLike)
        self._file = Path(file).open("wb") if isinstance(file, str | PathLike) else file  # noqa: SIM115 - see close
        self._rate, self._written = rate, 0
        self._seekable = self._file.seekable()
        self._start = self._file.tell() if self._seekable else 0
        self._file.write(_header(rate, 0 if self._seekable else None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def duration(self) -> float:
        """How many seconds were written."""
        return self._written / WIDTH / self._rate

    def write(self, pcm: Audio) -> None:
        """Add `pcm` to the end."""
        self._file.write(pcm)
        self._written += len(pcm)
        if self._seekable:
            self._file.seek(self._start)
            self._file.write(_header(self._rate, self._written))
            self._file.seek(self._start + _HEADER_SIZE + self._written)
        self._file.flush()

    def close(self) -> None:
        """Close the file, if it was opened here. Calling it again does nothing."""
        if self._owned:
            self._file.close()


def read_wav(file: File, *, rate: int = RATE) -> bytes:
    """All of a WAV file, as `WavReader` gives it."""
    with WavReader(file, rate=rate) as reader:
        return b"".join(reader)


def write_wav(file: File, pcm: Audio, *, rate: int = RATE) -> None:
    """Write PCM16 mono as a WAV file."""
    data = _header(rate, len(pcm)) + bytes(pcm)
    if isinstance(file, str | PathLike):
        Path(file).write_bytes(data)
    else:
        file.write(data)


def _header(rate: int, size: int | None) -> bytes:
    """Return what stands before `size` bytes of PCM16 mono; None if nobody knows how many will come."""
    data = _UNKNOWN if size is None else min(size, _UNKNOWN - 1)
    whole = min(data + _HEADER_SIZE - 8, _UNKNOWN)  # all that follows this number
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, wave.WAVE_FORMAT_PCM, 1, rate, rate * WIDTH, WIDTH, 8 * WIDTH)
    return struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + form + struct.pack("<4sI", b"data", data)


def _open(file: File) -> wave.Wave_read:
    source = fspath(file) if isinstance(file, str | PathLike) else file
    try:
        opened: wave.Wave_read = wave.open(source, "rb")  # noqa: SIM115 - the reader closes it
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
    """Return the upper 16 bits of samples that have `width` bytes. 8 bits are unsigned: 128 is silence."""
    if width == WIDTH:
        return frames
    pcm = bytearray(len(frames) // width * WIDTH)
    pcm[1::2] = frames[width - 1 :: width] if width > 1 else bytes(byte ^ 0x80 for byte in frames)
    if width > 1:
        pcm[::2] = frames[width - 2 :: width]
    return bytes(pcm)


def _mixed(pcm: bytes, channels: int) -> bytes:
    """Return the mean of the channels."""
    samples = unpack(pcm)
    sides = (samples[side::channels] for side in range(channels))
    return pack(sum(frame) // channels for frame in zip(*sides, strict=True))
