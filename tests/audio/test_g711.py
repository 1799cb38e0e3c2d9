import dataclasses
import itertools
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from support.sound import packed, samples_16, unpacked

from openai_realtime import audio


# The intervals of the ITU's tables 1a and 2a, built from their widths.
def intervals(widths: list[int]) -> list[tuple[int, int]]:
    """The lower and upper decision value of each level above zero, in the table's own units."""
    ends = list(itertools.accumulate(widths, initial=0))
    return list(itertools.pairwise(ends))


# Of a 14-bit scale: one interval of half the width, then 15 of 2, and seven times 16 that double.
ULAW = intervals([1, *[2] * 15, *(2**segment for segment in range(2, 9) for _ in range(16))])
# Of a 13-bit scale: 32 of 2, and six times 16 that double.
ALAW = intervals([*[2] * 32, *(2**segment for segment in range(2, 8) for _ in range(16))])


def ulaw_byte(level: int, *, negative: bool) -> int:
    return (0x7F if negative else 0xFF) - level  # all bits are inverted, the sign's too


def alaw_byte(level: int, *, negative: bool) -> int:
    return (level if negative else level | 0x80) ^ 0x55  # even bits are inverted


@dataclasses.dataclass
class Codec:
    """`unit` is what a step of the table is in PCM16."""

    table: list[tuple[int, int]]
    unit: int
    byte: Callable[..., int]
    encode: Callable[[bytes], bytes]
    decode: Callable[[bytes], bytes]


CODECS = [
    pytest.param(Codec(ULAW, 4, ulaw_byte, audio.pcm_to_ulaw, audio.ulaw_to_pcm), id="ulaw"),
    pytest.param(Codec(ALAW, 8, alaw_byte, audio.pcm_to_alaw, audio.alaw_to_pcm), id="alaw"),
]


def test_the_tables_end_where_the_standard_says() -> None:
    assert [high for _, high in ULAW][15::16] == [31, 95, 223, 479, 991, 2015, 4063, 8159]
    assert [high for _, high in ALAW][31::16] == [64, 128, 256, 512, 1024, 2048, 4096]
    assert len(ULAW) == len(ALAW) == 128


@pytest.mark.parametrize("codec", CODECS)
def test_every_interval_has_its_byte_and_its_value(codec: Codec) -> None:
    for level, (low, high) in enumerate(codec.table):
        inside = [low * codec.unit + 1, (low + high) * codec.unit // 2, high * codec.unit - 1]
        for negative in (False, True):
            sign = -1 if negative else 1
            samples = [sign * sample for sample in inside if sample <= 32767]
            byte = codec.byte(level, negative=negative)
            assert codec.encode(packed(samples)) == bytes([byte] * len(samples))
            middle = 0 if (low, high) == (0, 1) else (low + high) * codec.unit // 2
            assert unpacked(codec.decode(bytes([byte]))) == [sign * middle]


@pytest.mark.parametrize(
    ("encode", "codes"),
    [
        (audio.pcm_to_ulaw, {0: 0xFF, 32767: 0x80, -32768: 0x00, 32124: 0x80, -32124: 0x00}),
        (audio.pcm_to_alaw, {0: 0xD5, 32767: 0xAA, -32768: 0x2A, -1: 0x55}),
    ],
)
def test_zero_and_the_ends_of_the_scale(encode: Callable[[bytes], bytes], codes: dict[int, int]) -> None:
    assert encode(packed([*codes])) == bytes(codes.values())


@pytest.mark.parametrize(
    ("decode", "codes", "overload"),
    [(audio.ulaw_to_pcm, "1e0b0b1e9e8b8b9e", 3.17), (audio.alaw_to_pcm, "34212134b4a1a1b4", 3.14)],
)
def test_the_digital_milliwatt(decode: Callable[[bytes], bytes], codes: str, overload: float) -> None:
    """Tables 5 and 6 of G.711: these eight bytes are a 1 kHz sine of 0 dBm0, so far below a full-scale one."""
    samples = unpacked(decode(bytes.fromhex(codes)))
    peak = 32768 * 10 ** (-overload / 20)
    sine_at = [peak * math.sin(math.pi * (2 * index + 1) / 8) for index in range(8)]
    assert [abs(sample) for sample in samples] == pytest.approx([abs(value) for value in sine_at], rel=0.03)
    assert [sample < 0 for sample in samples] in ([True] * 4 + [False] * 4, [False] * 4 + [True] * 4)


@pytest.mark.parametrize("codec", CODECS)
@given(samples=samples_16)
def test_a_round_trip_stays_within_half_an_interval(codec: Codec, samples: list[int]) -> None:
    coded = codec.encode(packed(samples))
    assert len(coded) == len(samples)
    for sample, heard in zip(samples, unpacked(codec.decode(coded)), strict=True):
        low, high = next((ends for ends in codec.table if abs(sample) < ends[1] * codec.unit), codec.table[-1])
        beyond = max(abs(sample) - high * codec.unit, 0)  # μ-law ends a little before PCM16
        reach = codec.unit if high == 1 else (high - low) * codec.unit / 2  # zero reaches as far to both sides
        assert abs(sample - heard) <= reach + beyond


@pytest.mark.parametrize("codec", CODECS)
def test_every_byte_survives_the_way_there_and_back(codec: Codec) -> None:
    every = bytes(range(256))
    again = codec.encode(codec.decode(every))
    # Only the μ-law's negative zero becomes a positive one.
    assert [code for code in every if again[code] != code] == ([0x7F] if codec.unit == 4 else [])


def g191(codec: Codec, sample: int) -> int:
    """What G.191 gives: a negative sample is inverted, so that an interval below zero holds its end nearer to zero."""
    distance = ~sample if sample < 0 else sample
    level = next(
        (level for level, (_, high) in enumerate(codec.table) if distance < high * codec.unit), len(codec.table) - 1
    )
    return codec.byte(level, negative=sample < 0)


@pytest.mark.parametrize("codec", CODECS)
def test_all_65536_samples_have_the_code_of_the_itu_software(codec: Codec) -> None:
    every = [*range(-32768, 32768)]
    assert codec.encode(packed(every)) == bytes(g191(codec, sample) for sample in every)


@pytest.mark.parametrize("codec", CODECS)
@given(samples=samples_16)
def test_a_sample_has_its_code_whatever_stands_beside_it(codec: Codec, samples: list[int]) -> None:
    assert codec.encode(packed(samples)) == b"".join(codec.encode(packed([sample])) for sample in samples)


def test_the_forms_of_bytes_are_one() -> None:
    pcm = packed([*range(-300, 300)])
    for form in (bytearray(pcm), memoryview(pcm)):
        assert audio.ulaw_to_pcm(audio.pcm_to_ulaw(form)) == audio.ulaw_to_pcm(bytearray(audio.pcm_to_ulaw(pcm)))
