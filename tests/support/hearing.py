"""What was heard beside what was said."""

import numpy as np

_FRAME = 240  # samples: 10 ms
_QUIET = 300


def likeness(said: bytes, heard: bytes) -> float:
    """The mean of the correlations of pieces of 0.3 seconds: a jitter buffer stretches and cuts sound between them."""
    size = 2 * 30 * _FRAME
    return float(np.mean([_correlation(said[at : at + size], heard) for at in range(0, len(said) - size + 1, size)]))


def loud_ms(pcm: bytes) -> float:
    """How many milliseconds of PCM16 with 24,000 samples a second are no silence."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return float(10 * np.sum(np.sqrt(np.mean(frames**2, axis=1)) > _QUIET))


def _correlation(said: bytes, heard: bytes) -> float:
    """How alike two pieces of PCM16 are where they fit best: 1 is the same sound, at any loudness."""
    one, other = (np.frombuffer(pcm, "<i2").astype(float) for pcm in (said, heard))
    size = len(one) + len(other)
    products = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)[: len(other)]
    energy = np.concatenate([[0], np.cumsum(other**2)])
    ends = np.minimum(np.arange(len(other)) + len(one), len(other))
    norms = np.sqrt((one**2).sum() * (energy[ends] - energy[np.arange(len(other))])) + 1e6
    return float(np.max(products / norms))
