"""openai-agents, OpenAI's agent framework for Python: its realtime sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import openai
import turns
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.voice import OpenAISTTModel, StreamedAudioInput, STTModelSettings
from turns import expect

URL = f"{turns.BASE_URL.replace('http', 'ws', 1)}/realtime?model={turns.MODEL}"
_HEARING = {"transcription": {"model": turns.TRANSCRIPTION_MODEL}, "turn_detection": {"type": "server_vad"}}


@function_tool
def weather(city: str) -> str:
    """Give the weather of a city."""
    return f"It is sunny in {city}."


class Session:
    """A realtime session and its events; errors of the API end the wait for any."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self._events = aiter(session)

    async def until(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """Give the events up to the first that is `wanted`, those of the model as it sent them."""
        events: list[Any] = []
        while not events or not wanted(events[-1]):
            event = await anext(self._events)
            events.append(event.data if event.type == "raw_model_event" else event)
            if event.type == "error":
                raise turns.Wrong(str(event.error))
        return events

    async def response(self) -> Any:
        """Give the response that ends next."""
        return (await self.until(lambda event: wire_type(event) == "response.done"))[-1].data["response"]

    async def speak(self) -> None:
        """Send speech and the silence after it."""
        async for piece in turns.speech():
            await self.session.send_audio(piece)


def wire_type(event: Any) -> str:
    """Give the type of a server event that the session hands on; empty for its own events."""
    return event.data["type"] if event.type == "raw_server_event" else ""


@asynccontextmanager
async def session(**settings: Any) -> AsyncIterator[Session]:
    """Open a session of an agent that has a tool."""
    agent = RealtimeAgent(name="Assistant", instructions="Be brief.", tools=[weather])
    config: Any = {
        "url": URL,
        "api_key": turns.API_KEY,
        "initial_model_settings": {"model_name": turns.MODEL, **settings},
    }
    async with await RealtimeRunner(agent).run(model_config=config) as opened:
        yield Session(opened)


async def text() -> None:
    async with session(output_modalities=["text"]) as opened:
        await opened.session.send_message(turns.HELLO)
        events = await opened.until(lambda event: event.type == "turn_ended")
        expect("".join(event.delta for event in events if event.type == "output_text_delta"), turns.HELLO_BACK, "text")


async def audio() -> None:
    async with session(audio={"input": _HEARING}) as opened:
        await opened.speak()
        events = await opened.until(lambda event: event.type == "audio_end")
        expect("".join(event.delta for event in events if event.type == "transcript_delta"), turns.HEARD, "transcript")
        expect(any(event.type == "audio" for event in events), wanted=True, what="sound")


async def tool() -> None:
    async with session(output_modalities=["text"]) as opened:
        await opened.session.send_message(turns.WEATHER)
        await opened.until(lambda event: event.type == "tool_end")
        events = await opened.until(lambda event: event.type == "output_text_delta")
        events += await opened.until(lambda event: event.type == "turn_ended")
        expect("".join(event.delta for event in events if event.type == "output_text_delta"), turns.SUNNY, "text")


async def cancel() -> None:
    vad = {"type": "server_vad", "interrupt_response": False}  # else the package leaves it to the server to cancel
    async with session(audio={"input": {"turn_detection": vad}}) as opened:
        await opened.session.send_message(turns.STORY)
        await opened.until(lambda event: event.type == "audio")
        await opened.session.interrupt()
        expect((await opened.response())["status"], "cancelled", "status")
        await opened.session.send_message(turns.HELLO)
        expect((await opened.response())["status"], "completed", "status of the next")


async def barge_in() -> None:
    async with session(audio={"input": _HEARING}) as opened:
        await opened.session.send_message(turns.STORY)
        await opened.until(lambda event: event.type == "audio")
        await opened.speak()
        await opened.until(lambda event: event.type == "audio_interrupted")
        expect((await opened.response())["status"], "cancelled", "status")
        response = await opened.response()
        expect(response["output"][0]["content"][0]["transcript"], turns.HEARD, "transcript")


async def transcription() -> None:
    async with session(audio={"input": _HEARING}) as opened:
        await opened.speak()
        completed = "input_audio_transcription_completed"
        events = await opened.until(lambda event: event.type == completed)
        expect(events[-1].transcript, turns.SAID, "transcript")


async def transcription_session() -> None:
    client = openai.AsyncOpenAI(base_url=turns.BASE_URL, api_key=turns.API_KEY)
    vad = STTModelSettings(turn_detection={"type": "server_vad"})
    spoken = StreamedAudioInput()
    model = OpenAISTTModel(turns.TRANSCRIPTION_MODEL, client)
    opened = await model.create_session(
        spoken, vad, trace_include_sensitive_data=False, trace_include_sensitive_audio_data=False
    )
    async for piece in turns.speech():
        await spoken.add_audio(np.frombuffer(piece, dtype=np.int16))
    expect(await anext(aiter(opened.transcribe_turns())), turns.SAID, "transcript")
    await opened.close()


if __name__ == "__main__":
    asyncio.run(turns.hold(text, audio, tool, cancel, barge_in, transcription, transcription_session))
