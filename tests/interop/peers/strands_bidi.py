"""strands-agents: its bidirectional agent, of which only a constant says where the API is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import turns
from strands import tool as as_tool
from strands.bidi import BidiAgent
from strands.bidi.models.openai import realtime
from strands.bidi.types.media import AudioDelta
from turns import expect

realtime.OPENAI_REALTIME_URL = f"{turns.BASE_URL.replace('http', 'ws', 1)}/realtime"


@as_tool
def weather(city: str) -> str:
    """Give the weather of a city.

    Args:
        city: The city.
    """
    return f"It is sunny in {city}."


class Session:
    """An agent that is connected, and its events."""

    def __init__(self, agent: BidiAgent) -> None:
        self.agent = agent
        self._events = agent.receive()

    async def until(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """Give the events up to the first that is `wanted`."""
        events: list[Any] = []
        while not events or not wanted(events[-1]):
            events.append(await anext(self._events))
        return events

    async def says(self, text: str) -> None:
        """Wait until the model wrote or said `text`."""
        await self.until(lambda event: text in event.get("text", "") or text in event.get("transcript", ""))

    async def speak(self) -> None:
        """Send speech and the silence after it."""
        async for piece in turns.speech():
            await self.agent.send(AudioDelta(format="pcm", source={"bytes": piece}))


@asynccontextmanager
async def session(**params: Any) -> AsyncIterator[Session]:
    """Open a session of an agent that has a tool."""
    model = realtime.OpenAIRealtimeModel(
        model_id=turns.MODEL,
        transcription_model_id=turns.TRANSCRIPTION_MODEL,
        api_key=turns.API_KEY,
        params=params,
    )
    async with BidiAgent(model=model, tools=[weather], system_prompt="Be brief.") as agent:
        yield Session(agent)


def is_sound(event: Any) -> bool:
    """Whether `event` brings speech of the model."""
    return bool(event["type"] == "bidi_audio_delta")


async def text() -> None:
    async with session(output_modalities=["text"]) as opened:
        await opened.agent.send(turns.HELLO)
        await opened.says(turns.HELLO_BACK)


async def audio() -> None:
    async with session() as opened:
        await opened.speak()
        await opened.until(is_sound)
        await opened.says(turns.HEARD)


async def tool() -> None:
    async with session(output_modalities=["text"]) as opened:
        await opened.agent.send(turns.WEATHER)
        await opened.says(turns.SUNNY)


async def barge_in() -> None:
    async with session() as opened:
        await opened.agent.send(turns.STORY)
        await opened.until(is_sound)
        await opened.speak()
        await opened.until(lambda event: event["type"] == "bidi_barge_in")
        await opened.says(turns.HEARD)


async def transcription() -> None:
    async with session() as opened:
        await opened.speak()
        said = "bidi_transcript_block"
        *_, block = await opened.until(lambda event: event["type"] == said and event["role"] == "user")
        expect(block["transcript"], turns.SAID, "transcript")


if __name__ == "__main__":
    missing = {
        "cancel": "it has no operation that cancels a response",
        "transcription_session": "it has no transcription sessions",
    }
    asyncio.run(turns.hold(text, audio, tool, barge_in, transcription, **missing))
