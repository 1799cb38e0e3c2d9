"""Recorded sessions play again, event for event, to a client that does what the recorded one did."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.wire import DEADLINE, RESPOND, TEXT_ONLY, Wire, message

from openai_realtime.emulator import Emulator, Reply, ToolCall

pytestmark = pytest.mark.anyio
TRACES = Path(__file__).parents[4] / "shared" / "traces"  # more of them, where they are


@attrs.frozen
class Entry:
    sender: str
    event: dict[str, Any]


async def held() -> list[Entry]:
    """A session with a tool turn, as both sides saw it."""
    entries: list[Entry] = []
    async with Emulator() as emulator, Wire(emulator) as wire:
        emulator.reply(Reply(text="One moment.", tool_calls=[ToolCall(name="weather", arguments={"city": "Rome"})]))

        async def go(last: str, *events: dict[str, Any]) -> None:
            await wire.send(*events)
            entries.extend(Entry("client", event) for event in events)
            entries.extend(Entry("server", event) for event in await wire.until(last))

        await go("session.created")
        await go("session.updated", TEXT_ONLY)
        await go("rate_limits.updated", message("Weather?"), RESPOND)
        (call,) = [event for _, event in map(attrs.astuple, entries) if "arguments.done" in event["type"]]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
        await go("rate_limits.updated", {"type": "conversation.item.create", "item": output}, RESPOND)
    return entries


def recorded(path: Path) -> list[Entry]:
    rows = map(json.loads, path.read_text().splitlines())
    return [Entry(row["dir"], row["event"]) for row in rows if "event" in row]


async def play(entries: Sequence[Entry]) -> None:
    async with Emulator() as emulator:
        emulator.replay(entries)
        async with Wire(emulator) as wire:
            for entry in entries:
                if entry.sender == "client":
                    await wire.send(entry.event)
                else:
                    assert json.loads((await wire.socket.receive(DEADLINE)).data) == entry.event


async def test_a_session_plays_again() -> None:
    entries = await held()
    assert len(entries) >= 40
    await play(entries)


async def test_sessions_of_other_servers_play_again() -> None:
    for path in TRACES.glob("*__*.jsonl"):
        await play(recorded(path))
