"""Audio in real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from .pcm import RATE, WIDTH, Audio

__all__ = ["Paced", "paced"]

_MAX_LAG = 1.0  # seconds of a standstill that are made up for; more, and the audio goes on from now


def paced(
    source: Audio | Iterable[Audio] | AsyncIterable[Audio], ms: int = 20, *, rate: int = RATE, width: int = WIDTH
) -> Paced:
    """Give `source` in pieces of `ms` milliseconds, each when it would have been spoken; the last may be shorter.

    The clock does not drift: a piece that was late does not delay those behind it. `source` is audio, or what gives it
    in pieces of any length, such as a `WavReader`. G.711 has ``rate=8000, width=1``.
    """
    return Paced(source, max(rate * ms // 1000, 1) * width, rate * width)


class Paced:
    """Audio in pieces of `size` bytes: iterate with ``async for``, or with ``for`` in a program that blocks."""

    def __init__(
        self, source: Audio | Iterable[Audio] | AsyncIterable[Audio], size: int, bytes_per_second: int
    ) -> None:
        self._source = source
        self._size = size
        self._bytes_per_second = bytes_per_second

    def __iter__(self) -> Iterator[bytes]:
        if isinstance(self._source, AsyncIterable):
            raise TypeError("an asynchronous source needs `async for`")
        pieces, pace = _Pieces(self._size), _Pace(self._bytes_per_second)
        for block in _whole(self._source):
            for piece in pieces.cut(block):
                time.sleep(pace.wait())
                yield piece
                pace.gave(piece)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces, pace = _Pieces(self._size), _Pace(self._bytes_per_second)
        async for block in _arriving(self._source):
            for piece in pieces.cut(block):
                await asyncio.sleep(pace.wait())
                yield piece
                pace.gave(piece)


class _Pace:
    """When the next piece is due."""

    def __init__(self, bytes_per_second: int) -> None:
        self._bytes_per_second = bytes_per_second
        self._due = time.monotonic()

    def wait(self) -> float:
        """Return the seconds until then."""
        return max(self._due - time.monotonic(), 0)

    def gave(self, piece: bytes) -> None:
        """Move on by the length of `piece`."""
        self._due = max(self._due, time.monotonic() - _MAX_LAG) + len(piece) / self._bytes_per_second


class _Pieces:
    """Cuts blocks of any length into pieces of `size` bytes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = bytearray()

    def cut(self, block: Audio | None) -> Iterator[bytes]:
        """Give the pieces that are full with `block`; without one, what is left."""
        if block is None:
            if self._held:
                yield bytes(self._held)
            return
        self._held += block
        whole = len(self._held) // self._size * self._size
        for start in range(0, whole, self._size):
            yield bytes(self._held[start : start + self._size])
        del self._held[:whole]


def _whole(source: Audio | Iterable[Audio]) -> Iterator[Audio | None]:
    """Give every block, and None at the end."""
    if isinstance(source, bytes | bytearray | memoryview):
        yield memoryview(source)
    else:
        yield from source
    yield None


async def _arriving(source: Audio | Iterable[Audio] | AsyncIterable[Audio]) -> AsyncIterator[Audio | None]:
    """Give every block, and None at the end."""
    if isinstance(source, AsyncIterable):
        async for block in source:
            yield block
        yield None
    else:
        for part in _whole(source):
            yield part
