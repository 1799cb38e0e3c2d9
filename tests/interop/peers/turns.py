"""What the scripts of the peers share: where the server is, what there is to say, and one line for each turn.

`run.py` scripts the emulator for these texts.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable

BASE_URL = os.environ["OPENAI_BASE_URL"]
API_KEY = os.environ["OPENAI_API_KEY"]
MODEL = "gpt-realtime-2.1"
TRANSCRIPTION_MODEL = "gpt-4o-transcribe"

HELLO, HELLO_BACK = "Say hello.", "Hello there."
WEATHER, SUNNY = "What is the weather in Rome?", "It is sunny in Rome."  # the model calls weather(city="Rome")
STORY = "Tell me a story."  # it is long
HEARD = "I heard you."  # the answer to speech
SAID = " seconds of speech."  # in its transcript

RATE = 24_000
_SPEECH = struct.pack(f"<{RATE}h", *(round(8000 * math.sin(index / 19)) for index in range(RATE)))
_SILENCE = bytes(RATE * 2)
_PIECE = RATE // 5  # bytes in 100 ms
DEADLINE = 15.0

Turn = Callable[[], Awaitable[None]]


class Wrong(Exception):  # noqa: N818 - what went wrong stands in its text
    """A turn did not go as it should."""


def expect(given: object, wanted: object, what: str) -> None:
    """Raise `Wrong` if `given` is not `wanted`; a text that is wanted may be part of the one given."""
    same = wanted in given if isinstance(given, str) and isinstance(wanted, str) else given == wanted
    if not same:
        raise Wrong(f"{what}: {given!r}, wanted {wanted!r}")


async def speech() -> AsyncIterator[bytes]:
    """Give a second of speech and one of silence in pieces of 100 ms, five times as fast as they are spoken.

    Whoever speaks faster than a server's word can travel is interrupted by his own interruption.
    """
    audio = _SPEECH + _SILENCE
    for start in range(0, len(audio), _PIECE):
        yield audio[start : start + _PIECE]
        await asyncio.sleep(0.02)


def report(turn: str, *, ok: bool | None, why: str = "") -> None:
    """Print the line of one turn; `ok` is None for what the peer has no way to do."""
    print(json.dumps({"turn": turn, "ok": ok, "why": why}), flush=True)


async def hold(*turns: Turn, **missing: str) -> None:
    """Hold one turn after the other, each with a deadline; `missing` says why there is none of that name."""
    for turn in turns:
        begun = time.monotonic()
        try:
            await asyncio.wait_for(turn(), DEADLINE)
        except Exception as error:  # noqa: BLE001 - whatever a peer raises
            seconds = time.monotonic() - begun
            report(turn.__name__, ok=False, why=f"{type(error).__name__} after {seconds:.1f} s: {error}"[:500])
        else:
            report(turn.__name__, ok=True)
    for name, why in missing.items():
        report(name, ok=None, why=why)
