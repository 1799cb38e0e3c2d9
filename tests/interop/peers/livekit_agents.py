"""livekit-agents and its plugin for OpenAI: an agent session with a sound card of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import turns
from livekit import rtc
from livekit.agents import Agent, AgentSession, RunContext, function_tool
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins.openai.realtime import RealtimeModel
from turns import expect

logging.getLogger("livekit").setLevel(logging.ERROR)


class Microphone(AudioInput):
    """Hears speech from `speak` on."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self.speak = asyncio.Event()
        self._speech = turns.speech()

    async def __anext__(self) -> rtc.AudioFrame:
        await self.speak.wait()
        piece = await anext(self._speech)
        return rtc.AudioFrame(piece, turns.RATE, 1, len(piece) // 2)


class Speaker(AudioOutput):
    """Takes as long as the sound lasts, unless it is cleared. `sounds` is set while there is something to hear."""

    def __init__(self) -> None:
        super().__init__(label="speaker", capabilities=AudioOutputCapabilities(pause=False), sample_rate=turns.RATE)
        self.sounds = asyncio.Event()
        self._seconds = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._seconds += frame.duration
        self.sounds.set()

    def flush(self) -> None:
        super().flush()
        if self._seconds:
            self._end = asyncio.get_running_loop().call_later(self._seconds, self._finish, False)  # noqa: FBT003

    def clear_buffer(self) -> None:
        if self._end is not None:
            self._end.cancel()
        if self._seconds:
            self._finish(True)  # noqa: FBT003

    def _finish(self, interrupted: bool) -> None:  # noqa: FBT001
        position, self._seconds = 0.05 if interrupted else self._seconds, 0.0
        self.sounds.clear()
        self.on_playback_finished(playback_position=position, interrupted=interrupted)


class Assistant(Agent):
    """An agent with a tool."""

    def __init__(self) -> None:
        super().__init__(instructions="Be brief.")

    @function_tool
    async def weather(self, context: RunContext[None], city: str) -> str:
        """Give the weather of a city."""
        return f"It is sunny in {city}."


class Session:
    """An agent session: what it hears, what it says, and the messages it notes down."""

    def __init__(self, session: Any, microphone: Microphone, speaker: Speaker) -> None:
        self.session = session
        self.microphone = microphone
        self.speaker = speaker
        self.transcripts: asyncio.Queue[str] = asyncio.Queue()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        session.on("conversation_item_added", lambda event: self._messages.put_nowait(event.item))
        session.on("user_input_transcribed", self._transcribed)
        session.on("error", lambda event: self._messages.put_nowait(event.error))

    def _transcribed(self, event: Any) -> None:
        if event.is_final:
            self.transcripts.put_nowait(event.transcript)

    def response_done(self) -> asyncio.Future[None]:
        """Give what is done when a response is: who asks for the next one before that is refused."""
        done = asyncio.get_running_loop().create_future()

        def look(event: dict[str, Any]) -> None:
            if event["type"] == "response.done" and not done.done():
                done.set_result(None)

        self.session.current_agent.realtime_llm_session.on("openai_server_event_received", look)
        return done

    async def said(self) -> Any:
        """Give the next message of the assistant."""
        while getattr(item := await self._messages.get(), "role", "") != "assistant":
            if (error := getattr(item, "error", None)) is not None:
                raise turns.Wrong(f"{error}: {getattr(error, 'body', None)}")
        return item


@asynccontextmanager
async def session(**settings: Any) -> AsyncIterator[Session]:
    """Open a session with a microphone and a speaker."""
    model = RealtimeModel(model=turns.MODEL, base_url=turns.BASE_URL, api_key=turns.API_KEY, **settings)
    microphone, speaker = Microphone(), Speaker()
    async with AgentSession(llm=model) as opened:
        opened.input.audio, opened.output.audio = microphone, speaker
        await opened.start(Assistant(), record=False)
        yield Session(opened, microphone, speaker)


async def text() -> None:
    async with session(modalities=["text"]) as opened:
        opened.session.output.set_audio_enabled(False)
        await opened.session.run(user_input=turns.HELLO)
        expect((await opened.said()).text_content, turns.HELLO_BACK, "text")


async def audio() -> None:
    async with session() as opened:
        opened.microphone.speak.set()
        await opened.speaker.sounds.wait()
        expect((await opened.said()).text_content, turns.HEARD, "transcript")


async def tool() -> None:
    async with session(modalities=["text"]) as opened:
        opened.session.output.set_audio_enabled(False)
        await opened.session.run(user_input=turns.WEATHER)
        expect((await opened.said()).text_content, turns.SUNNY, "text")


async def cancel() -> None:
    async with session() as opened:
        opened.session.generate_reply(user_input=turns.STORY)
        await opened.speaker.sounds.wait()
        done = opened.response_done()
        await opened.session.interrupt()
        await done
        expect((await opened.said()).interrupted, wanted=True, what="interrupted")
        opened.session.generate_reply(user_input=turns.HELLO)
        expect((await opened.said()).text_content, turns.HELLO_BACK, "transcript")


async def barge_in() -> None:
    async with session() as opened:
        opened.session.generate_reply(user_input=turns.STORY)
        await opened.speaker.sounds.wait()
        opened.microphone.speak.set()
        expect((await opened.said()).interrupted, wanted=True, what="interrupted")
        expect((await opened.said()).text_content, turns.HEARD, "transcript")


async def transcription() -> None:
    async with session() as opened:
        opened.microphone.speak.set()
        expect(await opened.transcripts.get(), turns.SAID, "transcript")


if __name__ == "__main__":
    no_session = "to any host but api.openai.com it sends the model in the URL as well, which the API refuses"
    asyncio.run(turns.hold(text, audio, tool, cancel, barge_in, transcription, transcription_session=no_session))
