"""The voice agents of the guide, in asyncio and blocking, hold a whole conversation with the emulator.

Somebody speaks, a tool is called, the answer is interrupted at a known millisecond, the connection is lost and comes
back; in the end the usage adds up, and the recording says the same again.
"""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
from pathlib import Path
from typing import Any

import pytest
from support.guides import ROOT, blocks, ran
from support.speech import say
from sybil import Example

from openai_realtime import AsyncRealtimeClient, ConfigurationError, RealtimeClient
from openai_realtime.audio.playback import Playback
from openai_realtime.caller import Agent, Caller
from openai_realtime.conversation import Conversation, Usage
from openai_realtime.emulator import Emulator, Reply, ToolCall
from openai_realtime.emulator.faults import Drop
from openai_realtime.leash import Leash
from openai_realtime.recording import feed
from openai_realtime.tools import Tools

TOOLS = ("weather", "balance")
AGENTS = blocks([ROOT / "openai_realtime" / "tools" / "README.rst"], "python", "Leash(", *TOOLS)
ANSWER = "In Oslo it rains, and it will go on to rain for all of the afternoon and for some of the evening."


@pytest.fixture(params=[param.values[0] for param in AGENTS], ids=["asyncio", "blocking"])
def example(request: pytest.FixtureRequest) -> Example:
    found: Example = request.param
    return found


@pytest.fixture
def names(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the example defines."""
    monkeypatch.chdir(tmp_path)
    with ran(example) as (found, _):
        return found


def agent_of(names: dict[str, Any], client: AsyncRealtimeClient, blocking: RealtimeClient) -> Agent:
    """The agent of one example with its client."""
    if inspect.iscoroutinefunction(names["agent"]):
        return functools.partial(names["agent"], client)
    return functools.partial(asyncio.to_thread, names["agent"], blocking)


@pytest.mark.anyio
async def test_it_holds_a_whole_conversation(
    names: dict[str, Any],
    realtime_emulator: Emulator,
    async_realtime_client: AsyncRealtimeClient,
    realtime_client: RealtimeClient,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call = ToolCall(name="weather", arguments='{"city": "Oslo, Norway"}')
    realtime_emulator.reply(Reply(tool_calls=[call]), ANSWER, "I stop.", "Good bye.")
    caller = Caller(realtime_emulator, timeout=30)
    async with caller.call(agent_of(names, async_realtime_client, realtime_client)):
        await caller.say("What is the weather in Oslo?", audio=say("What is the weather in Oslo?"))
        assert (await caller.wait_for_tool_call("weather")).output == "rain in Oslo, Norway"
        await caller.wait_for_words(ANSWER)
        await caller.interrupt("Stop, please.", at_ms=1234, audio=say("Stop, please."))
        await caller.listen()
        realtime_emulator.inject_fault(Drop(), now=True)
        await caller.say("Thank you.", audio=say("Thank you."))
        await caller.listen()
        await caller.hang_up()
    texts = check_captions(caller)
    check_usage(caller)
    check_recording(caller, texts)
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"{caller.conversation.cost(names['PRICES']):.2f} dollars"
    assert printed[0] == "user: What is the weather in Oslo?"
    assert printed[-4:-1] == ["assistant: I stop.", "user: Thank you.", "assistant: Good bye."]


def check_captions(caller: Caller) -> list[tuple[str, str]]:
    texts = [(caption.role, caption.text) for caption in caller.conversation.captions]
    (heard,) = [item.text for item in caller.conversation.items if item.heard_ms == 1234]
    assert texts == [
        ("user", "What is the weather in Oslo?"),
        ("assistant", heard),
        ("user", "Stop, please."),
        ("assistant", "I stop."),
        ("user", "Thank you."),
        ("assistant", "Good bye."),
    ]
    assert ANSWER.startswith(heard)
    return texts


def check_usage(caller: Caller) -> None:
    usage = caller.conversation.usage
    responses = sum((one.usage for one in caller.conversation.responses.values()), Usage())
    assert 0 < responses.output_text + responses.output_audio == usage.output_text + usage.output_audio
    assert usage.transcription_seconds + usage.transcription_audio > 0


def check_recording(caller: Caller, texts: list[tuple[str, str]]) -> None:
    again = Conversation()
    feed("session.jsonl", again)
    assert [(caption.role, caption.text) for caption in again.captions] == texts
    assert again.usage == caller.conversation.usage


def test_it_has_at_most_forty_lines(example: Example) -> None:
    """Imports and tools are not counted."""
    kinds = (ast.Import, ast.ImportFrom)
    parts = [part for part in ast.parse(str(example.parsed)).body if not isinstance(part, kinds)]
    own = [part for part in parts if getattr(part, "name", "") not in TOOLS]
    lines = {number for part in own for number in range(part.lineno, (part.end_lineno or 0) + 1)}
    text = str(example.parsed).splitlines()
    assert len([number for number in lines if text[number - 1].strip()]) <= 40


@pytest.mark.anyio
@pytest.mark.parametrize("make", [Tools, Playback, functools.partial(Leash, seconds=600)])
async def test_what_acts_on_a_session_acts_on_no_other_while_that_is_open(make: Any) -> None:
    shared = make()
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        async with client.connect(model="gpt-realtime-2.1", observers=[shared]) as first:
            async with client.connect(model="gpt-realtime-2.1", observers=[shared]) as second:
                (refused,) = second.observer_errors
            assert (first.observer_errors, type(refused)) == ([], ConfigurationError)
        async with client.connect(model="gpt-realtime-2.1", observers=[shared]) as third:
            assert third.observer_errors == []
