"""Audio for tests, made without the package's own code."""

import io
import math
import struct
import wave

from hypothesis import strategies as st

RATE = 24_000
samples_16 = st.lists(st.integers(-32768, 32767), max_size=300)


def packed(samples: list[int]) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


def unpacked(pcm: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))


def sine(seconds: float, rate: int = RATE, amplitude: int = 10_000, hertz: int = 440) -> bytes:
    count = round(seconds * rate)
    return packed([round(amplitude * math.sin(2 * math.pi * hertz * index / rate)) for index in range(count)])


def wav(frames: bytes, *, width: int = 2, channels: int = 1, rate: int = RATE) -> io.BytesIO:
    """A file made by `wave`, whatever `write_wav` does."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, 0, "NONE", ""))
        writer.writeframes(frames)
    file.seek(0)
    return file
