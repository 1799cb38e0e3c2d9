"""Audio as bytes: PCM16, G.711, WAV."""

from .g711 import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm
from .pcm import RATE, chunks, duration, level
from .wav import WavReader, read_wav, write_wav

__all__ = [
    "RATE",
    "WavReader",
    "alaw_to_pcm",
    "chunks",
    "duration",
    "level",
    "pcm_to_alaw",
    "pcm_to_ulaw",
    "read_wav",
    "ulaw_to_pcm",
    "write_wav",
]
