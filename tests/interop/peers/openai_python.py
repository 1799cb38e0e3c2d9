"""openai, the official package for Python: its asyncio client."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import turns
from turns import expect


class Session:
    """A connection whose answers are waited for by type."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def until(self, *types: str) -> list[Any]:
        """Give the events up to the next one of `types`. Raise `turns.Wrong` for an error of the API."""
        events: list[Any] = []
        while not events or events[-1].type not in types:
            events.append(await self.connection.recv())
            if events[-1].type == "error":
                raise turns.Wrong(events[-1].error.message)
        return events

    async def ask(self, text: str) -> None:
        """Send a message, and ask for an answer."""
        content = [{"type": "input_text", "text": text}]
        await self.connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await self.connection.response.create()

    async def answer(self) -> Any:
        """Give the response that ends next."""
        return (await self.until("response.done"))[-1].response

    async def speak(self) -> None:
        """Send speech and the silence after it."""
        async for piece in turns.speech():
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())


@asynccontextmanager
async def session(**settings: Any) -> AsyncIterator[Session]:
    """Open a realtime session with `settings`."""
    async with (
        openai.AsyncOpenAI(base_url=turns.BASE_URL, api_key=turns.API_KEY) as client,
        client.realtime.connect(model=turns.MODEL) as connection,
    ):
        opened = Session(connection)
        await opened.until("session.created")
        await connection.session.update(session={"type": "realtime", **settings})
        await opened.until("session.updated")
        yield opened


async def text() -> None:
    async with session(output_modalities=["text"]) as opened:
        await opened.ask(turns.HELLO)
        events = await opened.until("response.done")
        written = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        expect(written, turns.HELLO_BACK, "text")
        expect(events[-1].response.status, "completed", "status")


async def audio() -> None:
    async with session() as opened:
        await opened.speak()
        events = await opened.until("response.done")
        said = "".join(event.delta for event in events if event.type == "response.output_audio_transcript.delta")
        expect(said, turns.HEARD, "transcript")
        expect(any(event.type == "response.output_audio.delta" for event in events), wanted=True, what="sound")


async def tool() -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    weather = {"type": "function", "name": "weather", "description": "The weather.", "parameters": parameters}
    async with session(output_modalities=["text"], tools=[weather]) as opened:
        await opened.ask(turns.WEATHER)
        call = next(item for item in (await opened.answer()).output if item.type == "function_call")
        expect((call.name, call.arguments), ("weather", '{"city": "Rome"}'), "call")
        output = {"type": "function_call_output", "call_id": call.call_id, "output": turns.SUNNY}
        await opened.connection.conversation.item.create(item=output)
        await opened.connection.response.create()
        expect((await opened.answer()).output[0].content[0].text, turns.SUNNY, "text")


async def cancel() -> None:
    async with session() as opened:
        await opened.ask(turns.STORY)
        await opened.until("response.output_audio.delta")
        await opened.connection.response.cancel()
        response = await opened.answer()
        expect((response.status, response.status_details.reason), ("cancelled", "client_cancelled"), "status")
        await opened.ask(turns.HELLO)
        expect((await opened.answer()).status, "completed", "status of the next")


async def barge_in() -> None:
    async with session() as opened:
        await opened.ask(turns.STORY)
        await opened.until("response.output_audio.delta")
        await opened.speak()
        response = await opened.answer()
        expect((response.status, response.status_details.reason), ("cancelled", "turn_detected"), "status")
        expect((await opened.answer()).output[0].content[0].transcript, turns.HEARD, "transcript")
        item = response.output[0].id
        await opened.connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=10)
        await opened.until("conversation.item.truncated")


async def transcription() -> None:
    async with session(audio={"input": {"transcription": {"model": turns.TRANSCRIPTION_MODEL}}}) as opened:
        await opened.speak()
        *_, completed = await opened.until("conversation.item.input_audio_transcription.completed")
        expect(completed.transcript, turns.SAID, "transcript")


async def transcription_session() -> None:
    async with (
        openai.AsyncOpenAI(base_url=turns.BASE_URL, api_key=turns.API_KEY) as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        opened = Session(connection)
        await opened.until("session.created")
        heard = {"input": {"transcription": {"model": turns.TRANSCRIPTION_MODEL}}}
        await connection.session.update(session={"type": "transcription", "audio": heard})
        await opened.until("session.updated")
        await opened.speak()
        *_, completed = await opened.until("conversation.item.input_audio_transcription.completed")
        expect(completed.transcript, turns.SAID, "transcript")


if __name__ == "__main__":
    asyncio.run(turns.hold(text, audio, tool, cancel, barge_in, transcription, transcription_session))
