"""What a user does in a session: steps by chance, the same for asyncio and blocking connections."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Generator
from typing import Any, Literal, TypeAlias, get_args

import attrs

from openai_realtime import (
    UNSET,
    AudioTranscription,
    FunctionCallOutput,
    FunctionTool,
    InputText,
    McpTool,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeSessionConfig,
    ServerVad,
    SystemMessage,
    UserMessage,
)

Kind: TypeAlias = Literal["text", "push to talk", "turn detection", "tools", "call"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MCP_SECRET = "mcp-authorization-0123456789abcdef"
CHUNK_MS = 100
LOUD = 2_000  # the first sample value that marks a chunk of speech: each has a value of its own
_GIVEN_UP = 0.15  # of the steps
_ODD = 0.3  # of the turns
_QUIET = bytes(48 * CHUNK_MS)


@attrs.frozen
class Step:
    """A call of a connection's method, or ``calls_of``, or ``pause``; it is given up after `patience` seconds."""

    name: str
    args: tuple[Any, ...] = ()
    patience: float | None = None


Steps: TypeAlias = Generator[Step, Any, None]
"""Each step gets sent in what it gave, or the exception that it raised."""


class Actor:
    """The user of one session."""

    def __init__(self, kind: Kind, rng: random.Random) -> None:
        self.kind = kind
        self.spoken: dict[int, bool] = {}
        """Each chunk of speech by its number, and whether it must be somewhere: it was sent, and no clear was."""
        self._rng = rng
        self.names: list[str] = []
        """The ids of the items and the settings that the user made."""
        self._detects = kind == "turn detection"

    def settings(self) -> RealtimeSessionConfig:
        """The session as it begins."""
        transcribes = self._rng.random() < 0.5
        hears = RealtimeAudioInput(
            turn_detection=ServerVad() if self._detects else None,
            transcription=AudioTranscription(model="gpt-4o-transcribe") if transcribes else UNSET,
        )
        return RealtimeSessionConfig(
            model="gpt-realtime-2.1",
            instructions="At first.",
            output_modalities=["audio" if self._detects else "text"],
            audio=RealtimeAudioConfig(input=hears),
            tools=[self._tool()],
        )

    def _tool(self) -> FunctionTool | McpTool:
        if self.kind == "tools":
            return FunctionTool(name="look_up", parameters={"type": "object"})
        return McpTool(server_label="docs", server_url="https://mcp.example/", authorization=MCP_SECRET)

    def steps(self) -> Steps:
        """Take some turns. Some steps are given up in the middle."""
        steps = self._turns(self._rng.randint(3, 12))
        with contextlib.suppress(StopIteration):
            result: Any = None
            while True:
                step = steps.send(result)
                given_up = self._rng.random() < _GIVEN_UP
                result = yield attrs.evolve(step, patience=self._rng.uniform(0.0001, 0.1) if given_up else None)

    def _turns(self, count: int) -> Steps:
        for _ in range(count):
            yield from getattr(self, "_" + self.kind.replace(" ", "_"))()
            if self._rng.random() < _ODD:
                yield self._odd()
        if self._detects:
            yield from self._silence(8)

    def _text(self) -> Steps:
        yield Step("create_item", (self._message(),))
        yield Step("create_response")
        if self._rng.random() < 0.2:
            yield Step("cancel_response")

    _call = _text

    def _tools(self) -> Steps:
        yield Step("create_item", (self._message(),))
        created = yield Step("create_response")
        calls = [] if isinstance(created, BaseException) else (yield Step("calls_of", (created.response.id,)))
        for call_id in calls if isinstance(calls, list) else ():
            yield Step("create_item", (FunctionCallOutput(id=self._name(), call_id=call_id, output=json.dumps(1)),))
            yield Step("create_response")

    def _push_to_talk(self) -> Steps:
        yield from self._speech(self._rng.randint(1, 30))
        if self._rng.random() < 0.1:
            self.spoken.update(dict.fromkeys(self.spoken, False))  # also what no commit has taken before
            yield Step("clear_audio")
        else:
            yield Step("commit_audio")
            yield Step("create_response")

    def _turn_detection(self) -> Steps:
        yield from self._speech(self._rng.randint(1, 30))
        yield from self._silence(self._rng.randint(1, 10))

    def _odd(self) -> Step:
        return self._rng.choice(
            [
                Step("update_session", (RealtimeSessionConfig(instructions=self._name()),)),
                Step("delete_item", (self._rng.choice(["no-such-item", f"item_{self._rng.randint(1, 9)}"]),)),
                Step("retrieve_item", (f"item_{self._rng.randint(1, 9)}",)),
                Step("create_item", (SystemMessage(id=self._name(), content=[InputText(text="Be brief.")]), "root")),
                Step("cancel_response"),
            ]
        )

    def _speech(self, chunks: int) -> Steps:
        size = self._rng.choice([1, 5, 30])
        for start in range(0, chunks, size):
            numbers = range(len(self.spoken), len(self.spoken) + min(size, chunks - start))
            self.spoken.update(dict.fromkeys(numbers, False))
            audio = b"".join((LOUD + number).to_bytes(2, "little") * 24 * CHUNK_MS for number in numbers)
            raised = yield Step("append_audio", (audio,))
            self.spoken.update(dict.fromkeys(numbers, raised is None))

    def _silence(self, chunks: int) -> Steps:
        for _ in range(chunks):
            yield Step("append_audio", (_QUIET,))

    def _message(self) -> UserMessage:
        return UserMessage(id=self._name(), content=[InputText(text="Hello " * self._rng.randint(1, 300))])

    def _name(self) -> str:
        self.names.append(f"item_{len(self.names)}")
        return self.names[-1]


def chunks_in(audio: bytes) -> set[int]:
    """Return the numbers of the chunks of speech that are in some audio."""
    values = set(memoryview(audio).cast("h"))
    return {value - LOUD for value in values if value >= LOUD}
