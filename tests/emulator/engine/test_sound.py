import pytest
from support.wire import tone

from openai_realtime.emulator.engine import sound

PCM = {"type": "audio/pcm", "rate": 24000}


@pytest.mark.parametrize("seconds", [1, 3, 10, 60, 67])
def test_long_audio_is_as_loud_as_short(seconds: int) -> None:
    assert sound.level(tone(seconds * 1000), PCM) == pytest.approx(sound.level(tone(20), PCM), rel=0.02)


def test_silence_and_nothing() -> None:
    assert sound.level(bytes(480), PCM) == sound.level(b"", PCM) == 0
