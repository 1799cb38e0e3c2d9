import math
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st
from support.sound import packed, sine

from openai_realtime import audio


def test_duration_counts_samples() -> None:
    assert audio.duration(bytes(48_000)) == 1.0
    assert audio.duration(bytes(4_000), rate=8000, width=1) == 0.5


@given(st.binary(max_size=2000), st.integers(1, 50), st.sampled_from([8000, 24000, 44100]), st.sampled_from([1, 2]))
def test_chunks_are_all_of_the_audio_in_equal_whole_samples(given: bytes, ms: int, rate: int, width: int) -> None:
    pieces = list(audio.chunks(given, ms, rate=rate, width=width))
    assert b"".join(pieces) == given
    size = rate * ms // 1000 * width
    assert all(len(piece) == size for piece in pieces[:-1])
    assert all(0 < len(piece) <= size for piece in pieces)


def test_chunks_of_less_than_a_sample_are_a_sample() -> None:
    assert list(audio.chunks(b"abcdef", 1, rate=100)) == [b"ab", b"cd", b"ef"]


def test_level() -> None:
    assert audio.level(b"") == audio.level(bytes(4800)) == 0.0
    assert audio.level(packed([-32768] * 10)) == 1.0
    assert audio.level(sine(1, amplitude=16384)) == pytest.approx(0.5 / math.sqrt(2), abs=1e-4)


@pytest.mark.parametrize("take", [audio.level, audio.pcm_to_ulaw, audio.pcm_to_alaw])
def test_half_a_sample_is_an_error(take: Callable[[bytes], object]) -> None:
    with pytest.raises(ValueError, match="3 bytes of PCM16 end within a sample"):
        take(b"abc")


def test_level_in_decibels() -> None:
    assert audio.level_dbfs(b"") == audio.level_dbfs(bytes(480)) == -math.inf
    assert audio.level_dbfs(packed([-32768] * 10)) == 0.0
    assert audio.level_dbfs(sine(1, amplitude=32767)) == pytest.approx(-3.01, abs=0.01)
    assert audio.level_dbfs(packed([1])) == pytest.approx(-90.3, abs=0.1)
