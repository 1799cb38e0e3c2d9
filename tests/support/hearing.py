"""What was heard beside what was said."""

import numpy as np

_FRAME = 240  # samples: 10 ms
_QUIET = 300


def correlation(said: bytes, heard: bytes) -> float:
    """How alike two pieces of PCM16 are where they fit best: 1 is the same sound, at any loudness."""
    one, other = (np.frombuffer(pcm, "<i2").astype(float) for pcm in (said, heard))
    size = len(one) + len(other)
    products = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)[: len(other)]
    energy = np.concatenate([[0], np.cumsum(other**2)])
    ends = np.minimum(np.arange(len(other)) + len(one), len(other))
    norms = np.sqrt((one**2).sum() * (energy[ends] - energy[np.arange(len(other))])) + 1e6
    return float(np.max(products / norms))


def loud_ms(pcm: bytes) -> float:
    """How many milliseconds of PCM16 with 24,000 samples a second are no silence."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return float(10 * np.sum(np.sqrt(np.mean(frames**2, axis=1)) > _QUIET))
