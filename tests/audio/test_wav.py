import io
import os
import struct
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from support.sound import packed, samples_16, sine, unpacked, wav

from openai_realtime import audio
from openai_realtime.errors import ConfigurationError, DecodeError

RATES = [4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 384000]


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
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
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


def test_a_file_grows_and_can_be_read_at_any_moment(tmp_path: Path) -> None:
    with audio.WavWriter(tmp_path / "a.wav", rate=8000) as writer:
        for _ in range(3):
            writer.write(sine(0.1, 8000))
            with wave.open(str(tmp_path / "a.wav")) as reader:
                assert reader.getparams()[:3] == (1, 2, 8000)
                assert reader.getnframes() / 8000 == writer.duration
    assert writer.duration == pytest.approx(0.3)
    assert audio.read_wav(tmp_path / "a.wav", rate=8000) == sine(0.1, 8000) * 3


def test_a_writer_leaves_the_file_of_another_open_and_where_it_ended() -> None:
    file = io.BytesIO()
    file.write(b"before")
    with audio.WavWriter(file) as writer:
        writer.write(sine(0.1))
    assert file.tell() == len(file.getvalue()) == 6 + 44 + 4800
    file.seek(6)
    assert audio.read_wav(file) == sine(0.1)


def test_a_pipe_is_told_that_the_length_is_unknown() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as source, open(writing, "wb") as sink:  # noqa: PTH123
        with audio.WavWriter(sink) as writer:
            writer.write(sine(0.1))
        sink.close()
        assert audio.read_wav(source) == sine(0.1)


def test_a_whole_file_in_a_pipe_has_its_length() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as source, open(writing, "wb") as sink:  # noqa: PTH123
        audio.write_wav(sink, sine(0.1))
        sink.close()
        assert audio.WavReader(source).duration == pytest.approx(0.1)
