from typing import Any

import pytest
from support.wire import tone

from openai_realtime.emulator.engine import sound

PCM = {"type": "audio/pcm", "rate": 24000}


@pytest.mark.parametrize("seconds", [1, 3, 10, 60, 67])
def test_long_audio_is_as_loud_as_short(seconds: int) -> None:
    assert sound.level(tone(seconds * 1000), PCM) == pytest.approx(sound.level(tone(20), PCM), rel=0.02)


def test_silence_and_nothing() -> None:
    assert sound.level(bytes(480), PCM) == sound.level(b"", PCM) == 0


@pytest.mark.parametrize(("audio_format", "size"), [(PCM, 48), ({"type": "audio/pcmu"}, 8)])
def test_a_hum_is_one_tone_in_pieces(audio_format: dict[str, Any], size: int) -> None:
    """It is made piece by piece: nobody keeps ten minutes of it."""
    pieces = list(sound.hum("x" * 100, audio_format))
    assert [len(piece) for piece in pieces] == [100 * size, *[256 * size] * 23, 12 * size]
    whole, period = b"".join(pieces), 5 * size
    assert whole == whole[:period] * (len(whole) // period)
