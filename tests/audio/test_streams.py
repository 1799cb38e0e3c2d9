import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.sound import packed

from openai_realtime.audio import CaptureStream, PlaybackStream, Sink, WavWriter, read_wav

TEN_MS = bytes(480)


def numbered(number: int) -> bytes:
    return packed([number] * 240)


def test_what_is_put_is_read_in_order() -> None:
    stream = CaptureStream()
    for number in range(3):
        stream.put(bytearray(numbered(number)))
    stream.end()
    assert list(stream) == [numbered(0), numbered(1), numbered(2)]
    assert list(stream) == []
    assert stream.dropped_ms == 0


def test_the_oldest_is_dropped_and_counted() -> None:
    stream = CaptureStream(max_latency_ms=50)
    for number in range(12):
        stream.put(numbered(number))
    stream.end()
    assert list(stream) == [numbered(number) for number in range(7, 12)]
    assert stream.dropped_ms == pytest.approx(70)


def test_a_block_longer_than_the_limit_is_kept() -> None:
    stream = CaptureStream(max_latency_ms=5)
    stream.put(TEN_MS)
    assert next(stream) == TEN_MS


def test_muted_is_silence_of_the_same_length() -> None:
    stream = CaptureStream()
    stream.muted = True
    stream.put(numbered(7))
    stream.muted = False
    stream.put(numbered(7))
    assert [next(stream), next(stream)] == [TEN_MS, numbered(7)]


def test_a_blocking_reader_waits_for_another_thread() -> None:
    stream = CaptureStream()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(list, stream)
        for number in range(3):
            stream.put(numbered(number))
        stream.end()
        assert reading.result(timeout=10) == [numbered(0), numbered(1), numbered(2)]


@pytest.mark.anyio
async def test_an_event_loop_waits_without_standing_still() -> None:
    stream = CaptureStream()
    reading = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    await asyncio.to_thread(stream.put, TEN_MS)
    assert await asyncio.wait_for(reading, 10) == TEN_MS
    stream.end()
    assert [block async for block in stream] == []


@pytest.mark.anyio
async def test_a_cancelled_wait_loses_nothing() -> None:
    stream = CaptureStream()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(stream), 0.01)
    stream.put(TEN_MS)
    assert await asyncio.wait_for(anext(stream), 10) == TEN_MS


def test_an_error_is_raised_after_what_is_there() -> None:
    stream = CaptureStream()
    stream.put(TEN_MS)
    stream.end(OSError("unplugged"))
    stream.end()
    assert next(stream) == TEN_MS
    with pytest.raises(OSError, match="unplugged"):
        next(stream)


def test_playback_counts_what_was_taken() -> None:
    stream = PlaybackStream()
    stream.write(numbered(1) + numbered(2))
    assert stream.read(480) == numbered(1)
    assert (stream.played, stream.queued) == (480, 480)
    stream.write(numbered(3))
    assert stream.clear() == 960
    assert stream.read(480) == b""
    assert (stream.played, stream.queued) == (480, 0)


@pytest.mark.anyio
async def test_drain_waits_for_the_player() -> None:
    stream = PlaybackStream()
    await stream.drain()
    stream.write(TEN_MS * 2)
    drained = asyncio.create_task(stream.drain())
    stream.read(480)
    await asyncio.sleep(0)
    assert not drained.done()
    stream.read(480)
    await asyncio.wait_for(drained, 10)


def test_drain_without_an_event_loop_has_a_timeout() -> None:
    stream = PlaybackStream()
    stream.write(TEN_MS)
    with pytest.raises(TimeoutError):
        stream.drain_blocking(timeout=0.01)
    player = threading.Thread(target=stream.read, args=(480,))
    player.start()
    stream.drain_blocking(timeout=10)
    player.join()


def test_a_player_that_failed_says_so_to_the_writer() -> None:
    stream = PlaybackStream()
    stream.write(TEN_MS)
    stream.fail(OSError("unplugged"))
    for use in (lambda: stream.write(TEN_MS), lambda: stream.drain_blocking(1)):
        with pytest.raises(OSError, match="unplugged"):
            use()


class FileSink:
    """What a user may write: everything that is spoken, in a file."""

    def __init__(self, file: WavWriter) -> None:
        self.file = file
        self.played = 0

    def write(self, pcm: bytes | bytearray | memoryview) -> None:
        self.file.write(pcm)
        self.played += len(pcm)

    def clear(self) -> int:
        return 0


def test_an_object_of_ones_own_is_a_sink(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "a.wav") as file:
        sinks: list[Sink] = [FileSink(file), PlaybackStream()]
        for sink in sinks:
            sink.write(TEN_MS)
    assert [sink.played for sink in sinks] == [480, 0]
    assert read_wav(tmp_path / "a.wav") == TEN_MS
