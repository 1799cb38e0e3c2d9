import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from support.sound import sine, wav

from openai_realtime import audio

pytestmark = pytest.mark.anyio


async def one_by_one(pcm: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(pcm), 700):
        yield pcm[start : start + 700]


@pytest.mark.parametrize("form", ["bytes", "pieces", "asynchronous", "file"])
async def test_every_source_comes_in_pieces_of_one_length(form: str) -> None:
    tone = sine(0.07)
    source = {
        "bytes": tone,
        "pieces": audio.chunks(tone, 9),
        "asynchronous": one_by_one(tone),
        "file": audio.WavReader(wav(tone)),
    }[form]
    pieces = [piece async for piece in audio.paced(source)]
    assert [len(piece) for piece in pieces] == [960, 960, 960, 480]
    assert b"".join(pieces) == tone


async def test_no_piece_comes_before_its_time() -> None:
    clock = asyncio.get_running_loop().time
    start = clock()
    times = [clock() - start async for _ in audio.paced(bytes(8 * 100), 10, rate=8000, width=1)]
    assert len(times) == 10
    assert all(time >= 0.01 * index - 0.002 for index, time in enumerate(times))  # a loop's clock may round


async def test_a_late_reader_is_made_up_for() -> None:
    clock = asyncio.get_running_loop().time
    pieces = aiter(audio.paced(sine(0.2), 20))
    await anext(pieces)
    start = clock()
    await asyncio.sleep(0.1)
    for _ in range(4):
        await anext(pieces)
    assert await anext(pieces)
    assert clock() - start >= 0.098


async def test_nothing_is_nothing() -> None:
    assert [piece async for piece in audio.paced(b"")] == []


def test_a_program_that_blocks() -> None:
    tone, start = sine(0.07), time.monotonic()
    pieces = [(piece, time.monotonic() - start) for piece in audio.paced(audio.WavReader(wav(tone)))]
    assert b"".join(piece for piece, _ in pieces) == tone
    assert [len(piece) for piece, _ in pieces] == [960, 960, 960, 480]
    assert all(moment >= 0.02 * index - 0.002 for index, (_, moment) in enumerate(pieces))


def test_a_program_that_blocks_has_no_asynchronous_source() -> None:
    with pytest.raises(TypeError, match="an asynchronous source needs `async for`"):
        list(audio.paced(one_by_one(sine(0.01))))
