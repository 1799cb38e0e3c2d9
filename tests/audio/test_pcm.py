import dataclasses
import io
import itertools
import math
import struct
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from openai_realtime import audio
from openai_realtime.errors import ConfigurationError, DecodeError

samples_16 = st.lists(st.integers(-32768, 32767), max_size=300)
RATES = [4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 384000]


def packed(samples: list[int]) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


def unpacked(pcm: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))


def sine(seconds: float, rate: int = audio.RATE, amplitude: int = 10_000, hertz: int = 440) -> bytes:
    count = round(seconds * rate)
    return packed([round(amplitude * math.sin(2 * math.pi * hertz * index / rate)) for index in range(count)])


def wav(frames: bytes, *, width: int = 2, channels: int = 1, rate: int = audio.RATE) -> io.BytesIO:
    """A file made by `wave`, whatever `write_wav` does."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate, 0, "NONE", ""))
        writer.writeframes(frames)
    file.seek(0)
    return file


# --- PCM --------------------------------------------------------------------------------------------------------------


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


# --- G.711: the intervals of the ITU's tables 1a and 2a, built from their widths --------------------------------------


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


# --- WAV --------------------------------------------------------------------------------------------------------------


@given(samples_16, st.sampled_from([8000, 24000, 44100]))
def test_wav_round_trip(samples: list[int], rate: int) -> None:
    file = io.BytesIO()
    audio.write_wav(file, packed(samples), rate=rate)
    file.seek(0)
    assert audio.read_wav(file, rate=rate) == packed(samples)


def test_a_written_file_is_what_wave_expects(tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "a.wav", sine(0.5))
    with wave.open(str(tmp_path / "a.wav")) as reader:
        assert reader.getparams()[:4] == (1, 2, 24000, 12000)
        assert reader.readframes(12000) == sine(0.5)
    assert audio.read_wav(str(tmp_path / "a.wav")) == sine(0.5)


def test_a_reader_gives_a_long_file_in_small_blocks() -> None:
    with audio.WavReader(wav(sine(3))) as reader:
        assert reader.duration == 3.0
        blocks = list(reader)
    assert b"".join(blocks) == sine(3)
    assert max(map(len, blocks)) == 4800


@given(st.lists(st.tuples(st.integers(-32768, 32767), st.integers(-32768, 32767)), max_size=100))
def test_stereo_is_mixed_to_the_mean(frames: list[tuple[int, int]]) -> None:
    file = wav(packed([sample for frame in frames for sample in frame]), channels=2)
    assert unpacked(audio.read_wav(file)) == [(left + right) // 2 for left, right in frames]


def test_six_channels() -> None:
    assert unpacked(audio.read_wav(wav(packed([600, 0, 0, 0, 0, -6, 1, 2, 3, 4, 5, 6]), channels=6))) == [99, 3]


@given(samples_16)
def test_samples_of_24_and_32_bits_lose_their_lower_bits(samples: list[int]) -> None:
    for width in (3, 4):
        low = b"\x7f" * (width - 2)
        frames = b"".join(low + packed([sample]) for sample in samples)
        assert unpacked(audio.read_wav(wav(frames, width=width))) == samples


def test_samples_of_8_bits_are_unsigned() -> None:
    assert unpacked(audio.read_wav(wav(bytes([0, 127, 128, 129, 255]), width=1))) == [-32768, -256, 0, 256, 32512]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_other_rates_are_resampled(rate: int, channels: int) -> None:
    sound = b"".join(packed([sample]) * channels for sample in unpacked(sine(0.5, rate)))
    heard = audio.read_wav(wav(sound, rate=rate, channels=channels))
    assert audio.duration(heard) == pytest.approx(0.5, abs=0.001)
    expected, got = unpacked(sine(0.5)), unpacked(heard)
    steady = slice(2400, -2400)  # the filter swings at both ends
    assert max(abs(a - b) for a, b in zip(expected[steady], got[steady], strict=False)) < 100


def test_the_target_rate_can_be_another() -> None:
    assert audio.duration(audio.read_wav(wav(sine(0.5)), rate=8000), rate=8000) == pytest.approx(0.5, abs=0.001)


@pytest.mark.parametrize("missing", ["soxr", "numpy"])
def test_resampling_without_the_extra_says_how_to_install_it(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError) as failed:
        audio.read_wav(wav(b"", rate=44100))
    assert str(failed.value) == (
        "audio of 44100 Hz, and 24000 Hz is needed; to resample it: pip install 'openai-realtime[audio]'"
    )
    assert audio.read_wav(wav(sine(0.1))) == sine(0.1)


def test_nothing_heavy_is_loaded_for_a_file_that_needs_no_resampling() -> None:
    code = (
        "import io, sys; from openai_realtime import audio; file = io.BytesIO(); audio.write_wav(file, bytes(480));"
        "file.seek(0); audio.read_wav(file); print({'numpy', 'soxr', 'aiohttp'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    assert result.stdout == "set()\n"


def float_wav() -> bytes:
    data = bytearray(wav(bytes(16), width=4).getvalue())
    data[20:22] = b"\x03\x00"  # WAVE_FORMAT_IEEE_FLOAT
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not a WAV file: it ends within the header"),
        (wav(b"").getvalue()[:30], "not a WAV file: it ends within the header"),
        (b"ID3 and then an MP3", "file does not start with RIFF id"),
        (float_wav(), r"whole-number samples \(unknown format: 3\); ffmpeg -i FILE"),
        (wav(b"", rate=1).getvalue(), "16 bits and 1 Hz; 8 to 32 bits, 4000 to 384000 Hz work"),
        (wav(b"", rate=400_000).getvalue(), "400000 Hz"),
    ],
)
def test_what_is_no_usable_wav(data: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        audio.WavReader(io.BytesIO(data))


def test_64_bits_are_too_many() -> None:
    data = bytearray(wav(b"").getvalue())
    data[32:36] = struct.pack("<HH", 8, 64)
    with pytest.raises(DecodeError, match="a WAV file of 64 bits"):
        audio.WavReader(io.BytesIO(data))


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        audio.WavReader(tmp_path / "none.wav")


def test_a_file_that_was_cut_off_gives_what_is_there() -> None:
    stereo = wav(packed([5, 7] * 5000), channels=2).getvalue()
    assert unpacked(audio.read_wav(io.BytesIO(stereo[:-5]))) == [6] * 4998


@given(st.binary(max_size=60), st.integers(0, 44))
def test_a_damaged_header_is_a_decode_error_or_audio(damage: bytes, place: int) -> None:
    data = wav(sine(0.01)).getvalue()
    damaged = data[:place] + damage + data[place + len(damage) :]
    try:
        heard = audio.read_wav(io.BytesIO(damaged))
    except DecodeError:
        return
    assert len(heard) % 2 == 0
