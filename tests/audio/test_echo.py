import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from support.sound import packed
from support.speech import say

from openai_realtime.audio import RATE, EchoCanceller
from openai_realtime.errors import ConfigurationError

Sound = NDArray[np.float64]
FAR = "The weather in Rome is sunny today with a light wind from the south, and it will stay so until the evening. " * 4
NEAR = "Stop please, I want to ask something else about my order from yesterday."


def spoken(text: str, voice: str) -> Sound:
    return np.frombuffer(say(text, voice=voice), "<i2").astype(float)


def room(sound: Sound, *, delay_ms: int) -> Sound:
    """What comes back of `sound` from a room whose reverberation fades in some 100 ms."""
    length = RATE // 8
    response = np.random.default_rng(1).standard_normal(length) * np.exp(-np.arange(length) / (RATE * 0.02))
    response[0] = 3
    echo = np.convolve(sound, response)[: len(sound)]
    echo *= 0.6 * np.sqrt((sound**2).mean() / (echo**2).mean())
    return np.concatenate([np.zeros(RATE * delay_ms // 1000), echo])[: len(sound)]


def as_pcm(sound: Sound) -> bytes:
    return np.clip(sound, -32768, 32767).astype("<i2").tobytes()


def decibels(before: Sound, after: Sound) -> float:
    return float(10 * np.log10((before**2).mean() / max((after**2).mean(), 1e-3)))


def likeness(near: Sound, heard: Sound) -> float:
    """The correlation of the two at the delay that fits best, up to 20 ms."""
    edge = RATE // 50
    middle = near[edge:-edge]
    shifted = (heard[edge + lag : len(heard) - edge + lag] for lag in range(-edge, edge, 8))
    return max(float(np.corrcoef(middle, other)[0, 1]) for other in shifted if len(other) == len(middle))


@pytest.mark.parametrize("delay_ms", [20, 60])
def test_the_echo_goes_and_near_speech_stays(delay_ms: int) -> None:
    far, voice = spoken(FAR, "en"), spoken(NEAR, "en+f3") * 0.6
    start = int(len(far) * 0.7)
    near = np.zeros_like(far)
    near[start : start + len(voice)] = voice[: len(far) - start]
    microphone = room(far, delay_ms=delay_ms) + near + np.random.default_rng(2).standard_normal(len(far)) * 20

    canceller, far_pcm, near_pcm = EchoCanceller(), as_pcm(far), as_pcm(microphone)
    size = RATE // 50 * 2  # a device's period
    blocks = [
        canceller.process(near_pcm[at : at + size], far_pcm[at : at + size]) for at in range(0, len(far_pcm), size)
    ]
    cleaned = np.frombuffer(b"".join(blocks), "<i2").astype(float)

    alone = slice(int(start * 0.4), start - RATE // 5)
    assert decibels(microphone[alone], cleaned[alone]) >= 25
    both = slice(start, min(start + 3 * RATE, len(cleaned)))
    untouched = likeness(near[both], microphone[both])
    assert likeness(near[both], cleaned[both]) >= untouched - 0.1
    assert untouched > 0.5


def test_pieces_of_any_length_give_whole_frames() -> None:
    canceller = EchoCanceller()
    given = [len(canceller.process(bytes(size), bytes(size))) for size in (100, 400, 2000, 340)]
    assert given == [0, 480, 1920, 0]


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(ConfigurationError) as failed:
        EchoCanceller()
    assert str(failed.value) == "echo cancellation needs pywebrtc-audio: pip install 'openai-realtime[aec]'"


def test_odd_bytes_do_not_shift_samples() -> None:
    pcm, whole, odd = packed([*range(-480, 480)]), EchoCanceller(), EchoCanceller()
    expected = whole.process(pcm, bytes(len(pcm)))
    assert odd.process(pcm[:481], bytes(481)) + odd.process(pcm[481:], bytes(len(pcm) - 481)) == expected
