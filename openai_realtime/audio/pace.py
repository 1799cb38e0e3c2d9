"""Audio at the speed of life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable

from .pcm import RATE, WIDTH, Audio

__all__ = ["paced"]

_MAX_LAG = 1.0  # seconds of a standstill that are made up for; more, and the audio goes on from now


async def paced(
    source: Audio | Iterable[Audio] | AsyncIterable[Audio], ms: int = 20, *, rate: int = RATE, width: int = WIDTH
) -> AsyncIterator[bytes]:
    """Give `source` in pieces of `ms` milliseconds, each when it would have been spoken; the last may be shorter.

    The clock does not drift: a piece that was late does not delay those behind it. `source` is audio, or what gives it
    in pieces of any length, such as a `WavReader`. G.711 has ``rate=8000, width=1``.
    """
    clock = asyncio.get_running_loop().time
    size, due = max(rate * ms // 1000, 1) * width, clock()
    async for piece in _cut(source, size):
        await asyncio.sleep(due - clock())
        yield piece
        due = max(due, clock() - _MAX_LAG) + len(piece) / width / rate


async def _cut(source: Audio | Iterable[Audio] | AsyncIterable[Audio], size: int) -> AsyncIterator[bytes]:
    """Give all of `source` in pieces of `size` bytes and what is left."""
    held = bytearray()
    async for block in _blocks(source):
        held += block
        whole = len(held) // size * size
        for start in range(0, whole, size):
            yield bytes(held[start : start + size])
        del held[:whole]
    if held:
        yield bytes(held)


async def _blocks(source: Audio | Iterable[Audio] | AsyncIterable[Audio]) -> AsyncIterator[Audio]:
    if isinstance(source, bytes | bytearray | memoryview):
        yield memoryview(source)
    elif isinstance(source, AsyncIterable):
        async for block in source:
            yield block
    else:
        for block in source:
            yield block
