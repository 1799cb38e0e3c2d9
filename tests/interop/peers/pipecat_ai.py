"""pipecat: a pipeline around its realtime service, and one around its speech to text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import turns
from loguru import logger
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMMessagesAppendFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import WorkerRunner
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime.events import AudioConfiguration, AudioInput, SessionProperties
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.services.openai.stt import OpenAIRealtimeSTTService
from turns import expect

URL = f"{turns.BASE_URL.replace('http', 'ws', 1)}/realtime"
F = TypeVar("F", bound=Frame)


class Recorder(FrameProcessor):
    """Keeps the frames that pass, those that go up as well."""

    def __init__(self, frames: asyncio.Queue[Frame]) -> None:
        super().__init__()
        self._frames = frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self._frames.put_nowait(frame)
        await self.push_frame(frame, direction)


class Session:
    """A pipeline that runs, and the frames that passed in it."""

    def __init__(self, worker: PipelineWorker, frames: asyncio.Queue[Frame]) -> None:
        self.worker = worker
        self._frames = frames

    async def until(self, wanted: type[F]) -> tuple[F, str]:
        """Give the next frame of a class, and the model's words before it."""
        words = ""
        while not isinstance(frame := await self._frames.get(), wanted):
            if isinstance(frame, ErrorFrame):
                raise turns.Wrong(frame.error)
            words += frame.text if isinstance(frame, LLMTextFrame) else ""
        return frame, words

    async def ask(self, text: str) -> None:
        """Let the model answer `text`."""
        message: Any = {"role": "user", "content": text}
        await self.worker.queue_frames([LLMMessagesAppendFrame(messages=[message], run_llm=True)])

    async def speak(self) -> None:
        """Send speech and the silence after it."""
        async for piece in turns.speech():
            await self.worker.queue_frame(InputAudioRawFrame(audio=piece, sample_rate=turns.RATE, num_channels=1))


async def weather(params: FunctionCallParams, city: str) -> None:
    """Give the weather of a city.

    Args:
        city: The city.
    """
    await params.result_callback(f"It is sunny in {city}.")


@asynccontextmanager
async def running(frames: asyncio.Queue[Frame], *processors: FrameProcessor) -> AsyncIterator[Session]:
    """Run a pipeline of `processors`, some of which record `frames`."""
    worker = PipelineWorker(Pipeline([*processors]), params=PipelineParams(audio_in_sample_rate=turns.RATE))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    task = asyncio.create_task(runner.run())
    try:
        yield Session(worker, frames)
    finally:
        await worker.cancel()
        await task


@asynccontextmanager
async def session(context: LLMContext | None = None, **properties: Any) -> AsyncIterator[Session]:
    """Run a pipeline around a realtime service."""
    frames: asyncio.Queue[Frame] = asyncio.Queue()
    settings = OpenAIRealtimeLLMService.Settings(model=turns.MODEL, session_properties=SessionProperties(**properties))
    service = OpenAIRealtimeLLMService(api_key=turns.API_KEY, base_url=URL, settings=settings)
    user, assistant = LLMContextAggregatorPair(context or LLMContext())
    async with running(frames, user, Recorder(frames), service, Recorder(frames), assistant) as opened:
        yield opened


async def text() -> None:
    async with session(output_modalities=["text"]) as opened:
        await opened.ask(turns.HELLO)
        expect((await opened.until(LLMFullResponseEndFrame))[1], turns.HELLO_BACK, "text")


async def audio() -> None:
    async with session() as opened:
        await opened.speak()
        _, begun = await opened.until(TTSAudioRawFrame)
        _, ended = await opened.until(LLMFullResponseEndFrame)
        expect(begun + ended, turns.HEARD, "transcript")


async def tool() -> None:
    async with session(LLMContext(tools=[weather]), output_modalities=["text"]) as opened:
        await opened.ask(turns.WEATHER)
        await opened.until(FunctionCallResultFrame)
        words = ""
        while not words:
            _, words = await opened.until(LLMFullResponseEndFrame)
        expect(words, turns.SUNNY, "text")


async def cancel() -> None:
    by_hand = AudioConfiguration(input=AudioInput(turn_detection=False))
    async with session(audio=by_hand) as opened:
        await opened.ask(turns.STORY)
        await opened.until(TTSAudioRawFrame)
        await opened.worker.queue_frame(InterruptionFrame())
        await opened.until(InterruptionFrame)
        await opened.speak()
        await opened.worker.queue_frame(UserStoppedSpeakingFrame())
        words = ""
        while turns.HEARD not in words:
            words += (await opened.until(LLMFullResponseEndFrame))[1]


async def barge_in() -> None:
    async with session() as opened:
        await opened.ask(turns.STORY)
        await opened.until(TTSAudioRawFrame)
        await opened.speak()
        await opened.until(InterruptionFrame)
        words = ""
        while turns.HEARD not in words:
            words += (await opened.until(LLMFullResponseEndFrame))[1]


async def transcription() -> None:
    heard: Any = {"transcription": {"model": turns.TRANSCRIPTION_MODEL}}
    async with session(audio=AudioConfiguration(input=AudioInput(**heard))) as opened:
        await opened.speak()
        expect((await opened.until(TranscriptionFrame))[0].text, turns.SAID, "transcript")


async def transcription_session() -> None:
    settings = OpenAIRealtimeSTTService.Settings(model=turns.TRANSCRIPTION_MODEL)
    service = OpenAIRealtimeSTTService(
        api_key=turns.API_KEY, base_url=URL, turn_detection={"type": "server_vad"}, settings=settings
    )
    frames: asyncio.Queue[Frame] = asyncio.Queue()
    async with running(frames, service, Recorder(frames)) as opened:
        await opened.speak()
        expect((await opened.until(TranscriptionFrame))[0].text, turns.SAID, "transcript")


if __name__ == "__main__":
    logger.remove()
    asyncio.run(turns.hold(text, audio, tool, cancel, barge_in, transcription, transcription_session))
