"""A small agent that does what voice agents do, and the person who calls it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from support.sound import sine

from openai_realtime import (
    AsyncRealtimeClient,
    FunctionCallOutput,
    RealtimeClient,
    ResponseDone,
    ResponseOutputAudioDelta,
)
from openai_realtime.audio import CaptureStream
from openai_realtime.audio.playback import Playback
from openai_realtime.caller import Caller, CallerSpeaker
from openai_realtime.conversation import Prices
from openai_realtime.emulator import Emulator, Reply, ToolCall
from openai_realtime.emulator.faults import Delay
from openai_realtime.models import InputAudioBufferDtmfEventReceived

pytestmark = pytest.mark.anyio


@attrs.frozen
class Agent:
    """Talks, calls its one tool, and stops when it is interrupted."""

    emulator: Emulator

    async def __call__(self, microphone: CaptureStream, speaker: CallerSpeaker) -> None:
        observers = [Playback(speaker)]
        async with (
            AsyncRealtimeClient(**self.emulator.client_options) as client,
            client.connect(model="gpt-realtime-2.1", observers=observers) as connection,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self.listen(microphone, connection))
            async for event in connection:
                if isinstance(event, ResponseDone):
                    await self.call(connection, event.response)

    async def listen(self, microphone: CaptureStream, connection: Any) -> None:
        async for pcm in microphone:
            await connection.append_audio(pcm)

    async def call(self, connection: Any, response: Any) -> None:
        for call in response.function_calls:
            city = json.loads(call.arguments)["city"]
            await connection.create_item(FunctionCallOutput(call_id=call.call_id, output=f"sunny in {city}"))
        if response.function_calls:
            await connection.create_response()


@attrs.frozen
class DeafAgent(Agent):
    """Listens to the caller, and never to the server."""

    async def __call__(self, microphone: CaptureStream, speaker: CallerSpeaker) -> None:
        del speaker
        async with (
            AsyncRealtimeClient(**self.emulator.client_options) as client,
            client.connect(model="gpt-realtime-2.1") as connection,
        ):
            await self.listen(microphone, connection)


async def test_a_call_with_a_tool_an_answer_and_an_interruption(
    realtime_emulator: Emulator, realtime_caller: Caller
) -> None:
    caller = realtime_caller
    realtime_emulator.reply(
        Reply(tool_calls=[ToolCall(name="weather", arguments='{"city": "Rome"}')]),
        Reply(text="It is sunny in Rome today.", audio=sine(2)),
        "You are welcome.",
    )
    async with caller.call(Agent(realtime_emulator)):
        await caller.say("What is the weather in Rome?")
        used = await caller.wait_for_tool_call("weather")
        assert (used.arguments, used.output) == ({"city": "Rome"}, "sunny in Rome")
        assert (await caller.wait_for_words("sunny")).startswith("It is sunny")
        await caller.interrupt("Thank you!", at_ms=700)
        last = await caller.listen()
        await caller.wait_until(lambda: caller.answers[0].heard_ms == 700)

    assert [turn.said for turn in caller.turns] == ["What is the weather in Rome?", "Thank you!"]
    assert caller.turns[0].heard_ms == 700
    assert last.heard_ms == caller.answers[1].audio_ms > 0
    assert all(turn.latency_ms is not None and turn.latency_ms < 10_000 for turn in caller.turns)
    assert [caption.role for caption in caller.conversation.captions] == ["assistant", "assistant"]
    assert [use.name for use in caller.tool_calls] == ["weather"]
    assert caller.conversation.cost(Prices(output_audio=1_000_000)) > 0


async def test_the_same_again_is_the_same(realtime_emulator: Emulator) -> None:
    async def told() -> list[object]:
        caller = Caller(realtime_emulator)
        realtime_emulator.reply(Reply(text="One two three.", audio=sine(1)), "Good bye.")
        async with caller.call(Agent(realtime_emulator)):
            await caller.say("Count, please.")
            await caller.interrupt("Stop.", at_ms=333)
            await caller.listen()
            await caller.wait_until(lambda: caller.answers[0].heard_ms == 333)
        return [[turn.heard_ms for turn in caller.turns], [answer.text for answer in caller.answers]]

    first = await told()
    assert first == await told()
    assert first[0] == [333, 540]


ANSWER = Reply(text="One two three four five.", audio=sine(1))
AFTER_400_MS = 18  # events


@pytest.mark.parametrize(("pause_after", "status"), [(None, "completed"), (8, "cancelled")])
async def test_how_much_of_an_answer_was_made_does_not_depend_on_who_is_faster(
    realtime_emulator: Emulator, realtime_caller: Caller, pause_after: int | None, status: str
) -> None:
    caller = realtime_caller
    realtime_emulator.reply(attrs.evolve(ANSWER, pause_after=pause_after), "Good bye.")
    realtime_emulator.inject_fault(Delay(0.3, at=AFTER_400_MS))
    async with caller.call(Agent(realtime_emulator)):
        await caller.say("Count, please.")
        await caller.interrupt("Stop.", at_ms=333)
        await caller.listen()
        await caller.wait_until(lambda: caller.answers[0].heard_ms == 333)
    assert [one.status for one in caller.conversation.responses.values()] == [status, "completed"]


async def test_real_time(realtime_emulator: Emulator) -> None:
    caller = Caller(realtime_emulator, real_time=True)
    realtime_emulator.reply(Reply(text="One two three.", audio=sine(3)), Reply(text="Bye.", audio=sine(0.1)))
    async with caller.call(Agent(realtime_emulator)):
        await caller.say("Go.", silence_ms=600)
        await caller.interrupt("No.", at_ms=100)
        last = await caller.listen()
        await caller.wait_until(lambda: caller.answers[0].heard_ms == caller.turns[0].heard_ms)
    assert 100 <= caller.turns[0].heard_ms < 3000
    assert last.heard_ms == 100


async def test_an_agent_that_talks_on_is_found(realtime_emulator: Emulator) -> None:
    async def deaf(microphone: CaptureStream, speaker: CallerSpeaker) -> None:
        async with (
            AsyncRealtimeClient(**realtime_emulator.client_options) as client,
            client.connect(model="gpt-realtime-2.1") as connection,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(Agent(realtime_emulator).listen(microphone, connection))
            async for event in connection:
                if isinstance(event, ResponseOutputAudioDelta):
                    speaker.write(event.audio)

    caller = Caller(realtime_emulator)
    realtime_emulator.reply(Reply(text="One two three.", audio=sine(2)), Reply())
    async with caller.call(deaf):
        await caller.say("Count, please.")
        await caller.wait_until(
            lambda: caller.speaker.written == 2 * 48_000 and not caller.conversation.active_response
        )
        caller.timeout = 0.5
        with pytest.raises(AssertionError, match=r"the agent stopped talking: not within 0\.5 s.*\nassistant: One"):
            await caller.interrupt("Stop.", at_ms=100)


async def test_what_does_not_happen_says_what_did(realtime_emulator: Emulator) -> None:
    caller = Caller(realtime_emulator)
    async with caller.call(Agent(realtime_emulator)):
        await caller.say("Echo")
        await caller.listen()
        caller.timeout = 0.3
        with pytest.raises(AssertionError, match=r"the words 'sunny': not within 0\.3 seconds\nassistant: Echo"):
            await caller.wait_for_words("sunny")
        with pytest.raises(AssertionError, match="a call of weather"):
            await caller.wait_for_tool_call("weather")


async def test_an_agent_that_fails_ends_the_wait(realtime_caller: Caller) -> None:
    async def broken(microphone: CaptureStream, speaker: CallerSpeaker) -> None:
        raise LookupError("no key")

    async def greet() -> None:
        async with realtime_caller.call(broken):
            with pytest.raises(AssertionError, match="the server heard 'Hello': the agent ended before"):
                await realtime_caller.say("Hello")

    with pytest.raises(LookupError, match="no key"):
        await greet()


async def test_an_agent_in_a_thread(realtime_emulator: Emulator, realtime_caller: Caller) -> None:
    def talk(microphone: CaptureStream, speaker: CallerSpeaker) -> None:
        with (
            RealtimeClient(**realtime_emulator.client_options) as client,
            client.connect(model="gpt-realtime-2.1") as connection,
        ):
            connection.append_audio(next(microphone))
            connection.append_audio(next(microphone))
            while not isinstance(event := connection.receive(10), ResponseDone):
                if isinstance(event, ResponseOutputAudioDelta):
                    speaker.write(event.audio)
            for _ in microphone:
                pass

    async with realtime_caller.call(in_thread(talk)):
        await realtime_caller.say("Hello there")
        turn = await realtime_caller.listen()
    assert turn.heard_ms > 0


def in_thread(agent: Callable[[CaptureStream, CallerSpeaker], None]) -> Any:
    return lambda microphone, speaker: asyncio.to_thread(agent, microphone, speaker)


async def test_an_agent_ends_when_the_session_does(
    realtime_emulator: Emulator, realtime_caller: Caller, async_realtime_client: AsyncRealtimeClient
) -> None:
    ended: list[str] = []

    async def agent(microphone: CaptureStream, speaker: CallerSpeaker) -> None:
        async with async_realtime_client.connect(model="gpt-realtime-2.1", observers=[Playback(speaker)]) as connection:
            listening = asyncio.create_task(Agent(realtime_emulator).listen(microphone, connection))
            ended.extend([event.type async for event in connection])
            listening.cancel()

    async with realtime_caller.call(agent):
        await realtime_caller.say("Good bye.")
        await realtime_caller.listen()
        await realtime_caller.hang_up()
        assert "response.done" in ended


async def test_an_agent_that_does_not_notice_the_end_is_found(realtime_emulator: Emulator) -> None:
    caller = Caller(realtime_emulator)
    async with caller.call(DeafAgent(realtime_emulator)):
        await caller.say("Hello")
        caller.timeout = 0.5
        with pytest.raises(AssertionError, match=r"the agent's end, which .* is told of: not within 0\.5 seconds"):
            await caller.hang_up()


async def test_keys_of_a_telephone(realtime_emulator: Emulator, realtime_caller: Caller) -> None:
    pressed: list[str] = []

    async def menu(microphone: CaptureStream, speaker: CallerSpeaker) -> None:
        async with (
            AsyncRealtimeClient(**realtime_emulator.client_options) as client,
            client.connect(call_id=realtime_caller.dial()) as connection,
        ):
            while True:
                pressed.append(str((await connection.wait_for(InputAudioBufferDtmfEventReceived)).event))

    async with realtime_caller.call(menu):
        await realtime_caller.wait_until(lambda: realtime_caller.call_id)
        realtime_caller.send_dtmf("1#")
        await realtime_caller.wait_until(lambda: len(pressed) == 2)
    assert pressed == ["1", "#"]


async def test_an_agent_that_goes_on_when_it_is_cancelled_is_an_error() -> None:
    end = asyncio.Event()

    async def stubborn(_: CaptureStream, __: CallerSpeaker) -> None:
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue

    async with Emulator() as emulator:
        with pytest.raises(AssertionError, match=r"the agent goes on, 0\.2 seconds after it was cancelled"):
            async with Caller(emulator, timeout=0.2).call(stubborn):
                await asyncio.sleep(0)
    end.set()
