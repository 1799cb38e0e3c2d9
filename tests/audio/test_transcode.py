import pytest
from support.hearing import likeness
from support.sound import sine
from support.speech import say

from openai_realtime.audio import Transcoder, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm

PCM, ULAW, ALAW = "audio/pcm", "audio/pcmu", "audio/pcma"


@pytest.mark.parametrize("kind", [PCM, ULAW, ALAW])
def test_one_format_stays_as_it_is(kind: str) -> None:
    transcoder = Transcoder(kind, kind)
    assert transcoder.process(bytearray(b"\x01\x02\x03")) == b"\x01\x02\x03"
    assert transcoder.flush() == b""


def test_g711_is_recoded_without_resampling() -> None:
    pcm = sine(0.1, rate=8_000)
    transcoder = Transcoder(ULAW, ALAW)
    assert transcoder.process(pcm_to_ulaw(pcm)) == pcm_to_alaw(ulaw_to_pcm(pcm_to_ulaw(pcm)))
    assert transcoder.bytes_per_ms == 8


@pytest.mark.parametrize("law", [ULAW, ALAW])
def test_pcm_there_and_back(law: str) -> None:
    there, back = Transcoder(PCM, law), Transcoder(law, PCM)
    assert (there.bytes_per_ms, back.bytes_per_ms) == (48, 8)
    said = say("A table for four, please.")
    coded = b"".join(there.process(said[at : at + 960]) for at in range(0, len(said), 960)) + there.flush()
    assert abs(len(coded) * 6 - len(said)) < 100
    heard = back.process(coded) + back.flush()
    assert likeness(said, heard) > 0.8
