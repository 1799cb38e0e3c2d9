"""`Caller`: a person who calls your voice agent in a test. The emulator is the other side: no model, no key."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from attrs import define, frozen

from ._codec.json import load_object
from .audio.pace import paced
from .audio.pcm import RATE, WIDTH, Audio
from .audio.streams import CaptureStream, PlaybackStream
from .conversation import Conversation, ItemState
from .emulator import Emulator
from .emulator.faults import Close
from .models.events import ClientEvent, ServerEvent

__all__ = ["Caller", "CallerSpeaker", "ToolUse", "Turn"]

Agent: TypeAlias = "Callable[[CaptureStream, CallerSpeaker], Awaitable[object]]"
T = TypeVar("T")

_BYTES_PER_MS = RATE * WIDTH // 1000
_SAY_MS = 60  # a letter of speech, roughly
_TONE = b"\xb8\x0b" * 60 + b"\x48\xf4" * 60  # 5 ms: what nobody here takes for words, but all for a voice
_NORMAL = 1000  # the code of a session that ends as it should
_POLL = 0.005  # seconds
_SILENCE_MS = 1000  # after which every turn detection takes a turn for ended
_ALL_DAY_MS = 24 * 3600 * 1000


@define
class Turn:
    """What the caller said, and what came of it.

    `heard_ms` is how much was played before the caller spoke again, `latency_ms` how long after his last word the
    first of it came; None if nothing did. Only in real time does that hold the silence that ends a turn.
    """

    said: str
    heard_ms: float = 0.0
    latency_ms: float | None = None


@frozen
class ToolUse:
    """A function that the model called, and the output that the agent gave, None before that."""

    name: str
    arguments_json: str
    output: str | None

    @property
    def arguments(self) -> dict[str, Any]:
        """What the model called it with. Raises DecodeError if that is no JSON object."""
        return load_object(self.arguments_json)


class CallerSpeaker(PlaybackStream):
    """The agent's loudspeaker, which the caller hears. `written` is how many bytes the agent wrote."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self.written = 0
        self._changed = changed

    def write(self, pcm: Audio) -> None:
        """Queue `pcm`."""
        super().write(pcm)
        self.written += len(pcm)
        self._changed()

    def clear(self) -> int:
        """Drop what the caller has not heard yet."""
        dropped = super().clear()
        self._changed()
        return dropped


class Caller:
    """Plays a person to an agent that gets a microphone and a loudspeaker, connected to `emulator`.

    Speech lasts no time, unless `real_time`; what the agent says is heard up to the very millisecond at which the
    caller interrupts. Whatever is waited for and does not happen within `timeout` seconds, or before the agent ends, is
    an AssertionError with the conversation so far.
    """

    def __init__(self, emulator: Emulator, *, real_time: bool = False, timeout: float = 10.0) -> None:
        self.turns: list[Turn] = []
        self.conversation = Conversation()
        """The captions, items, usage and cost of the session, as the server has them."""
        self.microphone = CaptureStream(max_latency_ms=_ALL_DAY_MS)
        self.speaker = CallerSpeaker(self._on_write)
        self.real_time, self.timeout = real_time, timeout
        self._emulator = emulator
        self.call_id = ""
        """The call that `dial` began."""
        self._committed = 0
        self._hearing: Turn | None = None  # whose answer is played; a new one only when the old one is silent
        self._spoke_at = self._heard_before = self._written_before = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._agent: asyncio.Future[object] | None = None
        emulator.observe(self)

    @contextlib.asynccontextmanager
    async def call(self, agent: Agent) -> AsyncIterator[None]:
        """Run ``agent(microphone, speaker)`` within the block; at its end hang up, and cancel the agent.

        Raises what the agent raises.
        """
        self._loop = asyncio.get_running_loop()
        self._agent = asyncio.ensure_future(agent(self.microphone, self.speaker))
        playing = asyncio.create_task(self._play()) if self.real_time else None
        try:
            yield
        finally:
            self.microphone.end()
            tasks = [task for task in (playing, self._agent) if task is not None]
            for task in tasks:
                task.cancel()
            ended, going_on = await asyncio.wait(tasks, timeout=self.timeout)
            if going_on:
                raise AssertionError(f"the agent goes on, {self.timeout:g} seconds after it was cancelled")
            for task in ended:
                if not task.cancelled():
                    task.result()

    async def say(self, text: str, *, audio: bytes | None = None, silence_ms: int = _SILENCE_MS) -> None:
        """Say `text` and be silent, until the server has it; `audio` (PCM16, 24 kHz) is its sound."""
        await self._begin_turn(text, audio)
        await self._end_turn(text, silence_ms)

    async def interrupt(self, text: str, *, at_ms: float, audio: bytes | None = None) -> None:
        """Say `text` when `at_ms` milliseconds of the answer were heard; the agent must stop talking then.

        The agent has all of the answer by then, unless the emulator has a `speed`, or the reply a `pause_after`.
        """
        end = round(at_ms) * _BYTES_PER_MS
        await self.wait_until(lambda: self._written() >= end, f"{at_ms} ms of an answer")
        if self.real_time:
            await self.wait_until(lambda: self._heard() >= end, f"{at_ms} ms of an answer")
        else:
            await asyncio.sleep(0)  # until it is known here which response it is
            await self.wait_until(self._is_all_there, "the rest of the answer")
            self._hear(end - self._heard())
        await self._begin_turn(text, audio)
        await self.wait_until(lambda: not self.speaker.queued, "the agent stopped talking")
        await self.wait_until(lambda: not self.conversation.active_response, "the response stopped")
        await self._end_turn(text)

    async def listen(self) -> Turn:
        """Hear the whole answer, after any tool calls."""
        await self.wait_until(self._is_answered, "an answer that was played")
        if self.real_time:
            await self.wait_until(lambda: not self.speaker.queued, "the end of the answer")
        else:
            self._hear(self.speaker.queued)
        return self.turns[-1]

    async def hang_up(self) -> None:
        """End the session when the last words are written down, and wait until the agent ends by itself."""
        await self.wait_until(lambda: all(one.final for one in self.conversation.captions), "the last captions")
        self._emulator.inject_fault(Close(_NORMAL), now=True)
        end = "the agent's end, which only who iterates over the connection is told of"
        await self.wait_until(lambda: self._agent is None or self._agent.done(), end)

    async def wait_for_words(self, words: str) -> str:
        """Wait until the model has said `words` since the caller last spoke; give all that it said since then."""

        def said() -> str:
            text = " ".join(answer.text for answer in self._last_answers())
            return text if words in text else ""

        return await self.wait_until(said, f"the words {words!r}")

    async def wait_for_tool_call(self, name: str) -> ToolUse:
        """Wait until the agent has given the output of a call of the function `name`; give the last such call."""

        def used() -> ToolUse | None:
            calls = [use for use in self.tool_calls if use.name == name and use.output is not None]
            return calls[-1] if calls else None

        return await self.wait_until(used, f"a call of {name}")

    async def wait_until(self, condition: Callable[[], T | None], what: str = "what is waited for") -> T:
        """Wait until `condition` gives something true, and return that. It is asked every 5 ms."""
        try:
            async with asyncio.timeout(self.timeout):
                while not (found := condition()):
                    self._check_agent(what)
                    await asyncio.sleep(_POLL)
                return found
        except TimeoutError:
            raise AssertionError(f"{what}: not within {self.timeout:g} seconds\n{self._transcript()}") from None

    def dial(self) -> str:
        """Call by telephone; give the call id, to which the agent connects as a sideband."""
        self.call_id = self._emulator.incoming_call()
        return self.call_id

    def send_dtmf(self, keys: str) -> None:
        """Press `keys` of the telephone, such as ``"12#"``."""
        self._emulator.send_dtmf(self.call_id, keys)

    @property
    def answers(self) -> list[ItemState]:
        """The model's messages; `heard_ms` of each is what the agent told the server."""
        return [item for item in self.conversation.items if item.role == "assistant"]

    @property
    def tool_calls(self) -> list[ToolUse]:
        """The functions that the model called, in order."""
        items = [item.raw for item in self.conversation.items]
        outputs = {item["call_id"]: item["output"] for item in items if item.get("type") == "function_call_output"}
        calls = (item for item in items if item.get("type") == "function_call")
        return [ToolUse(one["name"], one["arguments"], outputs.get(one["call_id"])) for one in calls]

    def sent(self, event: ClientEvent) -> None:
        """Follow what the agent sends; the emulator calls it."""
        self._in_loop(self.conversation.sent, event)

    def received(self, event: ServerEvent) -> None:
        """Follow what the agent receives; the emulator calls it."""
        self._in_loop(self._follow, event)

    def _follow(self, event: ServerEvent) -> None:
        self.conversation.received(event)
        if event.type == "input_audio_buffer.committed":
            self._committed += 1

    def _in_loop(self, call: Callable[[T], None], event: T) -> None:
        """Call in the test's event loop, from the emulator's thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, event)

    def _on_write(self) -> None:
        """Follow what the agent wrote to its loudspeaker, or dropped."""
        self._switch()
        turn = self._hearing
        if turn is not None and turn.latency_ms is None and self._spoke_at and self._written():
            turn.latency_ms = (time.monotonic() - self._spoke_at) * 1000

    async def _begin_turn(self, text: str, audio: bytes | None = None) -> None:
        self._emulator.queue_transcripts(text)
        self.turns.append(Turn(text))
        self._spoke_at = 0.0
        self._switch()
        await self._speak(_TONE * (len(text) * _SAY_MS // 5) if audio is None else audio)
        self._spoke_at = time.monotonic()

    async def _end_turn(self, text: str, silence_ms: int = _SILENCE_MS) -> None:
        turn = self._committed + 1
        await self._speak(bytes(silence_ms * _BYTES_PER_MS))
        await self.wait_until(lambda: self._committed >= turn, f"the server heard {text!r}")

    def _switch(self) -> None:
        """Count what is played from now on for the last turn, once the answer to the one before is silent."""
        if self.turns and self._hearing is not self.turns[-1] and not self.speaker.queued:
            self._hearing = self.turns[-1]
            self._heard_before, self._written_before = self.speaker.played, self.speaker.written

    async def _speak(self, audio: bytes) -> None:
        if not self.real_time:
            self.microphone.put(audio)
            return
        async for piece in paced(audio):
            self.microphone.put(piece)

    async def _play(self) -> None:
        """Hear what is said, in real time."""
        async for moment in paced(itertools.repeat(bytes(20 * _BYTES_PER_MS))):
            self._hear(len(moment))

    def _hear(self, size: float) -> None:
        self.speaker.read(int(size))
        if self._hearing is not None:
            self._hearing.heard_ms = self._heard() / _BYTES_PER_MS
        self._switch()

    def _heard(self) -> float:
        return self.speaker.played - self._heard_before

    def _written(self) -> float:
        return self.speaker.written - self._written_before

    def _last_answers(self) -> list[ItemState]:
        """Return what the model said after the caller did."""
        items = self.conversation.items
        spoken = max((index for index, item in enumerate(items) if item.role == "user"), default=-1)
        return [item for item in items[spoken + 1 :] if item.role == "assistant"]

    def _is_answered(self) -> bool:
        answers = self._last_answers()
        if not answers or answers[-1] is not self.conversation.items[-1] or self.conversation.active_response:
            return False
        return self._is_written()

    def _is_all_there(self) -> bool:
        """Whether no more of the answer comes by itself, or it comes with time."""
        paused = any(session.timeline.is_paused for session in self._emulator.sessions)
        ended = paused or not self.conversation.active_response
        return self._emulator.speed < math.inf or (ended and self._is_written())

    def _is_written(self) -> bool:
        """Whether the agent has written all that the model said since the caller spoke."""
        return self._written() >= sum(answer.audio_ms for answer in self._last_answers()) * _BYTES_PER_MS

    def _check_agent(self, what: str) -> None:
        if self._agent is not None and self._agent.done():
            error = None if self._agent.cancelled() else self._agent.exception()
            raise AssertionError(f"{what}: the agent ended before\n{self._transcript()}") from error

    def _transcript(self) -> str:
        captions = [f"{caption.role}: {caption.text}" for caption in self.conversation.captions]
        return "\n".join([*captions, *map(str, self.tool_calls)])
