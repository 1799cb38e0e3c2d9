"""Audio as bytes (PCM16, G.711, WAV) and as sound: microphone, loudspeaker, the echo between them."""

from .devices import Microphone, Speaker
from .echo import Duplex, EchoCanceller
from .g711 import alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm
from .pace import paced
from .pcm import RATE, chunks, duration, level, level_dbfs
from .resample import Resampler
from .streams import CaptureStream, PlaybackStream, Sink
from .transcode import Transcoder
from .wav import WavReader, WavWriter, read_wav, write_wav

__all__ = [
    "RATE",
    "CaptureStream",
    "Duplex",
    "EchoCanceller",
    "Microphone",
    "PlaybackStream",
    "Resampler",
    "Sink",
    "Speaker",
    "Transcoder",
    "WavReader",
    "WavWriter",
    "alaw_to_pcm",
    "chunks",
    "duration",
    "level",
    "level_dbfs",
    "paced",
    "pcm_to_alaw",
    "pcm_to_ulaw",
    "read_wav",
    "ulaw_to_pcm",
    "write_wav",
]
