"""When the server says that it plays, beside how long the speech is."""

import json
import math
import time
from typing import Any

import pytest

from openai_realtime.emulator.script import Reply, Script
from openai_realtime.emulator.sessions.realtime import LiveSession

STEP = 0.01  # seconds of the session's time


@pytest.mark.parametrize("letters", [3, 60])  # 60 ms each
def test_playback_ends_when_the_speech_is_over(letters: int) -> None:
    script = Script()
    script.add(Reply(text="x" * letters), None)
    session = LiveSession({"type": "realtime", "model": "gpt-realtime-2.1"}, script, time.time, sideband=True)
    session.open()
    for _ in session.receive(session.read(json.dumps({"type": "response.create"}))):
        pass
    seen: dict[str, float] = {}
    for tick in range(1, 1000):
        while (event := session.pull(tick * STEP)) is not None:
            seen[str(event.type)] = tick * STEP
    started, stopped = seen["output_audio_buffer.started"], seen["output_audio_buffer.stopped"]
    end: Any = max(started + letters * 0.06, seen["response.done"])
    assert math.isclose(stopped, end, abs_tol=0.1)
    assert stopped >= seen["response.done"]
