"""The same turns through the sessions of voice frameworks, each where it is installed; ours with what those have.

That is conversation, tools and playback, but neither recorder nor telemetry. All sound is played as soon as it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import sys
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

from harness import KEY, Server, Stopwatch, interleave, report, row, run, serve
from table import Row
from voice import EVENTS, TURNS, Ear, look_up, observed

from openai_realtime.audio.playback import Playback
from openai_realtime.conversation import Conversation
from openai_realtime.tools import Tools

MODEL = f"session-{TURNS}"
DEADLINE = 60.0  # seconds; a second is usual


async def ours(server: Server) -> float:
    """Measure our connection."""
    return await observed(server, [Conversation(), Tools(look_up), Playback(Ear())])


async def agents(server: Server) -> float:
    """Measure openai-agents."""
    from agents import function_tool, realtime  # noqa: PLC0415 - may not be installed

    agent: Any = realtime.RealtimeAgent(name="bench", tools=[function_tool(look_up)])
    runner = realtime.RealtimeRunner(agent, config={"tracing_disabled": True})
    url = f"ws{server.websocket.removeprefix('http')}/realtime?model={MODEL}"
    tracker = realtime.RealtimePlaybackTracker()
    async with await runner.run(model_config={"url": url, "api_key": KEY, "playback_tracker": tracker}) as session:
        start = realtime.RealtimeModelSendRawMessage(message={"type": "response.create"})
        await session.model.send_event(start)

        def ends_turn(event: Any) -> bool:
            if event.type == "audio":
                tracker.on_play_bytes(event.item_id, event.content_index, event.audio.data)
            raw = event.data if event.type == "raw_model_event" else None
            return getattr(raw, "type", "") == "raw_server_event" and raw.data["type"] == "rate_limits.updated"

        return await _until_last_turn(session, ends_turn)


async def pydantic(server: Server) -> float:
    """Measure pydantic-ai."""
    from pydantic_ai import Agent  # noqa: PLC0415 - may not be installed
    from pydantic_ai.messages import FunctionToolResultEvent  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415
    from pydantic_ai.realtime.openai import OpenAIRealtimeModel  # noqa: PLC0415

    provider = OpenAIProvider(base_url=server.websocket, api_key=KEY)
    agent = Agent(instructions="Be brief.", tools=[look_up])
    async with agent.realtime(OpenAIRealtimeModel(MODEL, provider=provider)).session() as session:
        await session.send("Hello")
        return await _until_last_turn(session, lambda event: isinstance(event, FunctionToolResultEvent))


async def _until_last_turn(events: AsyncIterable[Any], ends_turn: Callable[[Any], bool]) -> float:
    """Return the CPU seconds up to the end of the last turn."""
    left = TURNS
    with Stopwatch() as watch:
        async with asyncio.timeout(DEADLINE):
            async for event in events:
                left -= ends_turn(event)
                if not left:
                    break
    return watch.cpu


async def livekit(server: Server) -> float:
    """Measure livekit-agents and its plugin for OpenAI."""
    from livekit.agents import Agent, AgentSession, function_tool  # noqa: PLC0415 - may not be installed
    from livekit.agents.voice import io  # noqa: PLC0415
    from livekit.plugins.openai.realtime import RealtimeModel  # noqa: PLC0415

    class Speaker(io.AudioOutput):  # type: ignore[misc]
        """Has played what is written as soon as that ends."""

        seconds = 0.0

        async def capture_frame(self, frame: Any) -> None:
            await super().capture_frame(frame)
            self.seconds += frame.duration

        def flush(self) -> None:
            super().flush()
            self._finish(interrupted=False)

        def clear_buffer(self) -> None:
            self._finish(interrupted=True)

        def _finish(self, *, interrupted: bool) -> None:
            played, self.seconds = self.seconds, 0.0
            if played:
                self.on_playback_finished(playback_position=played, interrupted=interrupted)

    logging.getLogger("livekit").setLevel(logging.ERROR)
    left, ended = TURNS, asyncio.Event()

    def follow(event: dict[str, Any]) -> None:
        nonlocal left
        left -= event["type"] == "rate_limits.updated"
        if not left:
            ended.set()

    model = RealtimeModel(model=MODEL, base_url=server.websocket, api_key=KEY)
    async with contextlib.aclosing(model), AgentSession(llm=model) as session:
        session.output.audio = Speaker(label="", capabilities=io.AudioOutputCapabilities(pause=False))
        await session.start(Agent(instructions="Be brief.", tools=[function_tool(look_up)]), record=False)
        session.current_agent.realtime_llm_session.on("openai_server_event_received", follow)
        with Stopwatch() as watch:
            session.generate_reply(user_input="Hello")
            async with asyncio.timeout(DEADLINE):
                await ended.wait()
    return watch.cpu


PEERS: dict[str, tuple[str, Callable[[Server], Awaitable[float]]]] = {
    "openai-agents": ("agents", agents),
    "pydantic-ai": ("pydantic_ai", pydantic),
    "livekit": ("livekit", livekit),
}


def measure() -> list[Row]:
    """Measure CPU microseconds an event."""
    sessions: dict[str, Callable[[Server], Awaitable[float]]] = {"ours": ours}
    for name, (module, session) in PEERS.items():
        if importlib.util.find_spec(module):
            sessions[name] = session
        else:
            print(f"{name} is not installed, and its row left out", file=sys.stderr)
    if len(sessions) == 1:
        return []
    with serve() as server:
        samples = interleave({name: lambda one=one: run(one, server) / EVENTS * 1e6 for name, one in sessions.items()})
    return [row(f"session {name}", samples, peer=name) for name in PEERS if name in samples]


if __name__ == "__main__":
    report(measure)
