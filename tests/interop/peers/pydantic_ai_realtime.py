"""pydantic-ai: its realtime sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import turns
from pydantic_ai import Agent
from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, SpeechPart, SpeechPartDelta, TextPart, TextPartDelta
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
        """Wait for the end of the exchange; give what the model wrote or said until then."""
        events = await self.until(lambda event: isinstance(event, RealtimeTurnCompleteEvent))
        return "".join(map(_words, events))

    async def speak(self) -> None:
        """Send speech and the silence after it."""
        await self.session.send_audio(turns.speech())


def _words(event: object) -> str:
    """Give the words of the model that `event` brings."""
    part = (
        event.part if isinstance(event, PartStartEvent) else event.delta if isinstance(event, PartDeltaEvent) else None
    )
    match part:
        case TextPart(content=words) | TextPartDelta(content_delta=words):
            return words
        case (
            SpeechPart(speaker="assistant", transcript=words)
            | SpeechPartDelta(speaker="assistant", transcript_delta=words)
        ):
            return words or ""
    return ""


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
        events = await opened.until(_sounds)
        expect("".join(map(_words, events)) + await opened.turn(), turns.HEARD, "transcript")


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
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(opened.speak())
            await opened.until(lambda event: isinstance(event, RealtimeInputSpeechStartEvent))
            await opened.session.interrupt(played_ms=10)
        words = ""
        while turns.HEARD not in words:
            words += await opened.turn()


async def transcription() -> None:
    async with session(input_transcription_model=turns.TRANSCRIPTION_MODEL) as opened, asyncio.TaskGroup() as tasks:
        tasks.create_task(opened.speak())
        async for part in opened.session.stream_transcripts():
            if part.speaker == "user":
                expect(part.transcript, turns.SAID, "transcript")
                break


if __name__ == "__main__":
    no_session = "it has no transcription sessions"
    asyncio.run(turns.hold(text, audio, tool, cancel, barge_in, transcription, transcription_session=no_session))
