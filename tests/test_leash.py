"""A session ends at its limit, with a goodbye if it is to have one."""

from __future__ import annotations

from typing import Any

import pytest
from support.session_by_hand import Line

from openai_realtime import AsyncRealtimeClient, ConfigurationError, ConnectionClosedError, RealtimeSessionConfig
from openai_realtime.conversation import Prices
from openai_realtime.emulator import Emulator
from openai_realtime.leash import Leash

pytestmark = pytest.mark.anyio

USAGE = {"input_tokens": 60, "output_tokens": 40}


async def ended(leash: Leash, *responses: dict[str, Any]) -> Line:
    line = Line(leash)
    for usage in responses:
        line.begin()
        line.end(usage=usage)
    await line.until(lambda: line.closed)
    return line


@pytest.mark.parametrize("limit", ["seconds", "idle_seconds"])
async def test_time_ends_it(limit: Any) -> None:
    leash = Leash(**{limit: 0.01})
    await ended(leash)
    assert leash.reason == limit


async def test_tokens_end_it() -> None:
    leash = Leash(tokens=200)
    line = Line(leash)
    line.begin()
    line.end(usage=USAGE)
    await line.settle()
    assert (line.closed, leash.reason) == (False, None)
    line.begin("r2")
    line.end("r2", usage=USAGE)
    await line.until(lambda: line.closed)
    assert leash.reason == "tokens"


async def test_a_cost_ends_it_and_transcripts_are_a_part_of_it() -> None:
    leash = Leash(cost=1, prices=Prices(output_text=10_000, transcription_minute=1))
    line = Line(leash)
    line.begin()
    line.end(usage=USAGE)
    usage = {"type": "duration", "seconds": 36}
    line.hear("conversation.item.input_audio_transcription.completed", item_id="u", transcript="x", usage=usage)
    await line.until(lambda: line.closed)
    assert (leash.reason, leash.usage.output_text) == ("cost", 40)


@pytest.mark.parametrize("options", [{"cost": 1}, {"prices": Prices()}])
def test_a_cost_needs_prices(options: Any) -> None:
    with pytest.raises(ConfigurationError, match="prices"):
        Leash(**options)


class Talking(Line):
    """A connection on which the goodbye is said, and played by the server."""

    async def cancel_response(self) -> None:
        self.wire.append({"type": "response.cancel"})

    async def create_response(self, response: Any = None) -> None:
        await super().create_response(response)
        self.begin("bye")
        self.hear("output_audio_buffer.started", response_id="bye")
        self.end("bye")


@pytest.mark.parametrize("how", ["stopped", "cleared"])
async def test_it_ends_when_the_goodbye_was_said_and_played(how: str) -> None:
    line = Talking(Leash(seconds=0, goodbye="Bye."))
    await line.until(lambda: len(line.wire) == 2)
    await line.settle()
    assert not line.closed
    assert line.wire[1]["response"]["instructions"].endswith("Bye.")
    line.hear(f"output_audio_buffer.{how}", response_id="bye")
    await line.until(lambda: line.closed)


async def test_a_goodbye_that_takes_too_long_ends_it_too(caplog: pytest.LogCaptureFixture) -> None:
    line = Talking(Leash(seconds=0, goodbye="Bye.", goodbye_seconds=0.01))
    await line.until(lambda: line.closed)
    assert "took too long" in caplog.text


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_call_is_hung_up(is_async: bool) -> None:  # noqa: FBT001
    calls: list[str] = []

    async def later() -> None:
        calls.append("hung up")

    line = Line(Leash(seconds=0, hang_up=later if is_async else lambda: calls.append("hung up")))
    await line.until(lambda: calls)
    assert not line.closed


async def test_a_session_that_is_over_is_not_ended_again() -> None:
    leash = Leash(seconds=60, idle_seconds=60)
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        async with client.connect(model="gpt-realtime-2.1", observers=[leash]):
            timers = [leash._timer, leash._idle_timer]
            assert not any(timer is None or timer.cancelled() for timer in timers)
        assert all(timer is not None and timer.cancelled() for timer in timers)


async def test_a_call_that_cannot_be_hung_up_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise LookupError("no such call")

    line = Line(Leash(seconds=0, hang_up=fail))
    await line.until(lambda: "no such call" in caplog.text)
    assert not line.closed


async def test_a_session_of_the_emulator_says_goodbye_and_ends() -> None:
    leash = Leash(tokens=1, goodbye="Bye.")
    session = RealtimeSessionConfig(output_modalities=["text"])
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        emulator.reply("Hello.", "Bye.")
        async with client.connect(model="gpt-realtime-2.1", session=session, observers=[leash]) as connection:
            await connection.ask("Hello?")
            texts = [event.text async for event in connection if event.type == "response.output_text.done"]  # type: ignore[attr-defined]
            with pytest.raises(ConnectionClosedError):
                await connection.ask("Still there?")
    assert (texts, leash.reason) == (["Bye."], "tokens")
