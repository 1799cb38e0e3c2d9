"""A voice agent in a few lines holds a whole conversation with the emulator: in asyncio and blocking.

Somebody speaks, a tool is called, the answer is interrupted at a known millisecond, the connection is lost and comes
back; in the end the usage adds up, and the recording says the same again.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from support.speech import say

from openai_realtime import (
    AsyncRealtimeClient,
    ClientStateError,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeClient,
    RealtimeSessionConfig,
    ReconnectPolicy,
)
from openai_realtime.audio import CaptureStream, PlaybackStream
from openai_realtime.audio.playback import Playback
from openai_realtime.conversation import Conversation, Prices, Usage
from openai_realtime.emulator import Emulator, Reply, ToolCall
from openai_realtime.emulator.faults import Drop
from openai_realtime.models import AudioTranscription
from openai_realtime.recording import Recorder, feed
from openai_realtime.tools import Tools

SILENCE = bytes(48 * 1000)
ANSWER = "In Oslo it rains, and it will go on to rain for all of the afternoon and for some of the evening."
PRICES = Prices(
    input_text=4, input_audio=32, cached_audio=0.4, output_text=16, output_audio=64, transcription_minute=0.006
)
TRANSCRIPTION = RealtimeAudioInput(transcription=AudioTranscription(model="whisper-1"))


async def weather(city: str, unit: Literal["C", "F"] = "C") -> dict[str, str]:
    """Say what the weather is like.

    Args:
        city: The town, with its country.
        unit: Of the temperature.
    """
    return {"city": city, "unit": unit, "sky": "rain"}


def balance() -> float:
    """Say how much money there is."""
    return 12.5


async def agent(
    client: AsyncRealtimeClient, microphone: Any, speaker: Any, conversation: Conversation, path: Path
) -> None:
    tools, playback = Tools(weather, balance), Playback(speaker)
    session = RealtimeSessionConfig(
        instructions="You are brief.",
        tools=tools.definitions,
        audio=RealtimeAudioConfig(input=TRANSCRIPTION),
    )

    async def listen(connection: Any) -> None:
        async for block in microphone:
            await connection.append_audio(block)

    with Recorder(path) as recorder:
        async with (
            client.connect(
                model="gpt-realtime-2.1",
                session=session,
                reconnect=ReconnectPolicy(),
                observers=[tools, playback, conversation, recorder],
            ) as connection,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(listen(connection))
            async for _ in connection:
                for caption in conversation.take_captions():
                    print(f"{caption.role}: {caption.text}")  # noqa: T201
    print(f"{conversation.cost(PRICES):.4f} dollars")  # noqa: T201


def blocking_agent(
    client: RealtimeClient, microphone: Any, speaker: Any, conversation: Conversation, path: Path
) -> None:
    tools, playback = Tools(weather, balance), Playback(speaker)
    session = RealtimeSessionConfig(
        instructions="You are brief.",
        tools=tools.definitions,
        audio=RealtimeAudioConfig(input=TRANSCRIPTION),
    )

    def listen(connection: Any) -> None:
        for block in microphone:
            connection.append_audio(block)

    observers = [tools, playback, conversation, recorder := Recorder(path)]
    policy = ReconnectPolicy()
    with (
        recorder,
        client.connect(model="gpt-realtime-2.1", session=session, reconnect=policy, observers=observers) as connection,
    ):
        threading.Thread(target=listen, args=[connection]).start()
        for _ in connection:
            for caption in conversation.take_captions():
                print(f"{caption.role}: {caption.text}")  # noqa: T201
    print(f"{conversation.cost(PRICES):.4f} dollars")  # noqa: T201


class Caller:
    """Somebody who talks with an agent: what they say, hear, and how they interrupt."""

    def __init__(self, emulator: Emulator, path: Path) -> None:
        self.emulator, self.path = emulator, path
        self.microphone, self.speaker = CaptureStream(max_latency_ms=60_000), PlaybackStream()
        self.conversation = Conversation()
        emulator.queue_transcripts("What is the weather in Oslo?", "Stop, please.", "Thank you.")
        call = ToolCall(name="weather", arguments='{"city": "Oslo, Norway"}')
        emulator.reply(Reply(tool_calls=[call]), ANSWER, "I stop.", "Good bye.")

    def wait(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, [caption.text for caption in self.conversation.captions]
            time.sleep(0.002)

    def says(self, text: str) -> None:
        self.microphone.put(say(text) + SILENCE)

    def has_said(self, text: str) -> bool:
        return any(caption.text == text and caption.final for caption in self.conversation.captions)

    def talk(self) -> None:
        """The whole conversation, from another thread."""
        self.says("What is the weather in Oslo?")
        self.wait(lambda: self.has_said(ANSWER))
        self.wait(lambda: self.speaker.queued > 48 * 1500)
        self.speaker.read(48 * 1234)
        self.says("Stop, please.")
        self.wait(lambda: self.has_said("I stop."))
        self.speaker.read(48 * 60_000)
        self.emulator.inject_fault(Drop(), now=True)
        self.says("Thank you.")
        self.wait(lambda: self.has_said("Thank you.") and self.has_said("Good bye."))
        self.wait(lambda: self.conversation._sequence._next_caption == 8)  # the agent has printed it all
        self.microphone.end()

    def check(self, printed: str) -> None:
        texts = [(caption.role, caption.text) for caption in self.conversation.captions]
        heard = next(item for item in self.conversation.items if item.heard_ms == 1234)
        assert texts == [
            ("user", "What is the weather in Oslo?"),
            ("assistant", heard.text),
            ("user", "Stop, please."),
            ("assistant", "I stop."),
            ("user", "Thank you."),
            ("assistant", "Good bye."),
        ]
        assert ANSWER.startswith(heard.text)
        calls = [item.raw for item in self.conversation.items if item.type.startswith("function_call")]
        assert calls[1]["output"] == '{"city":"Oslo, Norway","unit":"C","sky":"rain"}'
        assert sum((one.usage for one in self.conversation.responses.values()), Usage()).output_tokens > 0
        assert self.conversation.usage.transcription_seconds > 0
        assert self.conversation.cost(PRICES) > 0
        again = Conversation()
        feed(self.path, again)
        assert [(caption.role, caption.text) for caption in again.captions] == texts
        assert again.usage == self.conversation.usage
        for text in ("user: What is the weather in Oslo?", f"assistant: {ANSWER}", "assistant: Good bye."):
            assert printed.count(text) == 1


@pytest.mark.anyio
async def test_an_agent_in_asyncio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with asyncio.timeout(60), Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        caller = Caller(emulator, tmp_path / "session.jsonl")
        running = asyncio.create_task(
            agent(client, caller.microphone, caller.speaker, caller.conversation, caller.path)
        )
        try:
            await asyncio.to_thread(caller.talk)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    caller.check(capsys.readouterr().out)


def test_an_agent_that_blocks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Emulator() as emulator:
        caller = Caller(emulator, tmp_path / "session.jsonl")
        client = RealtimeClient(**emulator.client_options)

        def run() -> None:
            with contextlib.suppress(ClientStateError):  # it is closed below
                blocking_agent(client, caller.microphone, caller.speaker, caller.conversation, caller.path)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            caller.talk()
        finally:
            client.close()
            thread.join(20)
    caller.check(capsys.readouterr().out)


@pytest.mark.parametrize("function", [agent, blocking_agent])
def test_an_agent_has_at_most_forty_lines(function: Callable[..., Any]) -> None:
    assert len([line for line in inspect.getsource(function).splitlines() if line.strip()]) <= 40
