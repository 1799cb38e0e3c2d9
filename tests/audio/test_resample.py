import itertools
import sys

import pytest
from hypothesis import given, strategies as st
from support.sound import sine, unpacked

from openai_realtime import audio
from openai_realtime.errors import ConfigurationError

RATES = [8000, 16000, 44100, 48000]
WAYS = [*((rate, audio.RATE) for rate in RATES), *((audio.RATE, rate) for rate in RATES)]


def difference(left: bytes, right: bytes) -> int:
    return max(abs(a - b) for a, b in zip(unpacked(left), unpacked(right), strict=True))


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_pieces_of_10_ms_make_what_the_whole_makes(source: int, target: int) -> None:
    tone = sine(1, source, amplitude=12_000)
    whole, pieces = audio.Resampler(source, target), audio.Resampler(source, target)
    expected = whole.process(tone) + whole.flush()
    made = b"".join(map(pieces.process, audio.chunks(tone, 10, rate=source))) + pieces.flush()
    assert difference(made, expected) <= 4
    steady = slice(target // 10 * 2, -target // 10 * 2)  # the filter swings at both ends
    assert difference(made[steady], sine(1, target, amplitude=12_000)[steady]) <= 4


@given(cuts=st.lists(st.integers(0, 3200), max_size=20))
def test_pieces_may_end_anywhere_within_a_sample_too(cuts: list[int]) -> None:
    tone = sine(0.1, 16_000)
    ends = [0, *sorted(cuts), len(tone)]
    whole, pieces = audio.Resampler(16_000), audio.Resampler(16_000)
    made = b"".join(pieces.process(tone[start:end]) for start, end in itertools.pairwise(ends))
    assert difference(made + pieces.flush(), whole.process(tone) + whole.flush()) <= 4


def test_a_flush_begins_a_new_stream() -> None:
    resampler = audio.Resampler(8000, 24_000)
    first = resampler.process(sine(0.1, 8000) + b"x") + resampler.flush()
    assert resampler.process(sine(0.1, 8000)) + resampler.flush() == first
    assert audio.duration(first) == pytest.approx(0.1)


def test_equal_rates_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    resampler = audio.Resampler(24_000)
    assert resampler.process(b"abc") + resampler.process(b"d") + resampler.flush() == b"abcd"
    with pytest.raises(ConfigurationError, match=r"pip install 'openai-realtime\[audio\]'"):
        audio.Resampler(16_000)


def test_rates_are_positive() -> None:
    with pytest.raises(ValueError, match="rates are samples a second: 0, 24000"):
        audio.Resampler(0)
