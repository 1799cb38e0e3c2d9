"""Several connections to the session of one call."""

from typing import Any

import pytest
from support.wire import ADDED, RESPOND, Wire, message

from openai_realtime.emulator import Emulator

pytestmark = pytest.mark.anyio


async def until(wire: Wire, kind: str) -> list[str]:
    """The ids of the events up to the first one of a type."""
    event: dict[str, Any] = {"type": ""}
    ids = []
    while event["type"] != kind:
        event = await wire.socket.receive_json(timeout=10)
        ids.append(event["event_id"])
    return ids


@pytest.mark.parametrize("speed", [1000.0, float("inf")])
async def test_each_sideband_of_a_call_gets_every_event(speed: float) -> None:
    async with Emulator(speed=speed) as emulator:
        path = f"?call_id={emulator.incoming_call()}"
        async with Wire(emulator, path) as one, Wire(emulator, path) as other:
            for wire in (one, other):  # both are attached
                await wire.send({"type": "session.update", "session": {"type": "realtime"}})
                await until(wire, "session.updated")
            await other.send(message("Hello."), RESPOND)
            for wire in (one, other):
                await until(wire, "conversation.item.added")
            seen = await until(one, "output_audio_buffer.stopped")
            assert len(seen) == len(set(seen)) > len(ADDED)
            assert await until(other, "output_audio_buffer.stopped") == seen
