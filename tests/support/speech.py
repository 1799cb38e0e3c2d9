"""Speech for tests: espeak-ng's where it is installed, else syllables of noise and a buzz."""

import functools
import io
import math
import random
import shutil
import subprocess

from support.sound import packed

from openai_realtime import audio


@functools.cache
def say(text: str, *, voice: str = "en") -> bytes:
    """Speak `text`: PCM16 mono, 24 kHz."""
    program = shutil.which("espeak-ng")
    if program is None:
        return _syllables(len(text.split()) * 2, random.Random(text + voice))  # noqa: S311 - no secret
    command = [program, "-v", voice, "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True, timeout=20)  # noqa: S603 - no shell
    return audio.read_wav(io.BytesIO(spoken.stdout))


def _syllables(count: int, chance: random.Random) -> bytes:
    """`count` syllables of 0.2 seconds."""
    samples, pitch = [], chance.uniform(90, 220)
    for _ in range(count):
        tones = [(pitch * number, chance.random() / number) for number in range(1, 18)]
        for index in range(audio.RATE // 5):
            time = index / audio.RATE
            voiced = sum(part * math.sin(2 * math.pi * hertz * time) for hertz, part in tones) + chance.gauss(0, 0.1)
            samples.append(round(5000 * math.sin(math.pi * 5 * time) * voiced))
    return packed([max(-32768, min(32767, sample)) for sample in samples])
