"""pydantic-ai: its realtime sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import turns
from pydantic_ai import Agent
from pydantic_ai.messages import PartDeltaEvent, SpeechPart, SpeechPartDelta, TextPart
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime import RealtimeInputSpeechStartEvent, RealtimeTurnCompleteEvent
from pydantic_ai.realtime.openai import OpenAIRealtimeModel
from turns import expect


class Session:
    """A realtime session and its events."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self._events = aiter(session)

    async def until(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """Give the events up to the first that is `wanted`."""
        events: list[Any] = []
        while not events or not wanted(events[-1]):
            events.append(await anext(self._events))
        return events

    async def turn(self) -> str:
        """Wait for the end of the exchange, and give what the model said last."""
        await self.until(lambda event: isinstance(event, RealtimeTurnCompleteEvent))
        return self.said

    @property
    def said(self) -> str:
        """What the model wrote or said last."""
        parts = self.session.all_messages()[-1].parts
        texts = (part.content if isinstance(part, TextPart) else part.transcript for part in parts if _says(part))
        return "".join(text or "" for text in texts)

    async def speak(self) -> None:
        """Send speech and the silence after it."""
        audio = turns.SPEECH + turns.SILENCE
        for start in range(0, len(audio), 4800):
            await self.session.send_audio(audio[start : start + 4800])


def _says(part: object) -> bool:
    return isinstance(part, TextPart | SpeechPart)


def _sounds(event: object) -> bool:
    """Whether `event` brings speech of the model."""
    delta = event.delta if isinstance(event, PartDeltaEvent) else None
    return isinstance(delta, SpeechPartDelta) and bool(delta.audio_chunk)


@asynccontextmanager
async def session(modality: str = "audio", **settings: Any) -> AsyncIterator[Session]:
    """Open a session of an agent that has a tool."""
    provider = OpenAIProvider(base_url=turns.BASE_URL, api_key=turns.API_KEY)
    model = OpenAIRealtimeModel(turns.MODEL, provider=provider, settings={"output_modality": modality, **settings})
    agent = Agent(instructions="Be brief.")

    @agent.tool_plain
    def weather(city: str) -> str:
        """Give the weather of a city."""
        return f"It is sunny in {city}."

    async with agent.realtime(model).session() as opened:
        yield Session(opened)


async def text() -> None:
    async with session("text") as opened:
        await opened.session.send(turns.HELLO)
        expect(await opened.turn(), turns.HELLO_BACK, "text")


async def audio() -> None:
    async with session() as opened:
        await opened.speak()
        await opened.until(_sounds)
        expect(await opened.turn(), turns.HEARD, "transcript")


async def tool() -> None:
    async with session("text") as opened:
        await opened.session.send(turns.WEATHER)
        expect(await opened.turn(), turns.SUNNY, "text")


async def cancel() -> None:
    async with session() as opened:
        await opened.session.send(turns.STORY)
        await opened.until(_sounds)
        await opened.session.interrupt(played_ms=10)
        await opened.turn()
        await opened.session.send(turns.HELLO)
        expect(await opened.turn(), turns.HELLO_BACK, "transcript")


async def barge_in() -> None:
    async with session() as opened:
        await opened.session.send(turns.STORY)
        await opened.until(_sounds)
        await opened.speak()
        await opened.until(lambda event: isinstance(event, RealtimeInputSpeechStartEvent))
        await opened.session.interrupt(played_ms=10)
        while turns.HEARD not in await opened.turn():
            pass


async def transcription() -> None:
    async with session(input_transcription_model=turns.TRANSCRIPTION_MODEL) as opened:
        await opened.speak()
        spoken = aiter(opened.session.stream_transcripts())
        while (part := await anext(spoken)).speaker != "user":
            pass
        expect(part.transcript, turns.SAID, "transcript")


if __name__ == "__main__":
    no_session = "it has no transcription sessions"
    asyncio.run(turns.hold(text, audio, tool, cancel, barge_in, transcription, transcription_session=no_session))
