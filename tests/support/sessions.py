"""What several tests of the emulator's sessions ask of it."""

import asyncio
from collections.abc import Callable
from typing import Any

from support.wire import (
    ADDED,
    DEADLINE,
)


def hearing(**given: Any) -> dict[str, Any]:
    """An update of the input's settings."""
    return {"type": "session.update", "session": {"type": "realtime", "audio": {"input": given}}}


COMMIT = {"type": "input_audio_buffer.commit"}


TURN = ("input_audio_buffer.committed", *ADDED)


IDLE = hearing(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000})


TIMED_OUT = ("input_audio_buffer.timeout_triggered", *TURN, "response.created")


async def turn_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0)


def listening(**given: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": given}}}
