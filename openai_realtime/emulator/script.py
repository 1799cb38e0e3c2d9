"""What the model of the emulator says: scripted replies, and the parrot that speaks when there is none."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from attrs import field, frozen

from openai_realtime.models.base import abridged
from openai_realtime.models.items import McpError, McpListedTool
from openai_realtime.models.responses import FailureDetails

GREETING = "Hello."

Condition: TypeAlias = str | re.Pattern[str] | Callable[[str], bool]
"""When a rule applies: the user's last text holds this string, matches this pattern, or this function says so."""


@frozen(kw_only=True)
class ToolCall:
    """A function the model calls; `arguments` is JSON text and travels as it is."""

    name: str
    arguments: str = "{}"


@frozen(kw_only=True)
class McpToolCall:
    """A tool of an MCP server that the model calls; `arguments` is JSON text.

    The server answers with `output`, or fails with `error`. If the session wants to approve such calls, the model asks
    first, and calls in the response after the approval.
    """

    server_label: str
    name: str
    arguments: str = "{}"
    output: str = ""
    error: McpError | None = None


@frozen(kw_only=True)
class McpServer:
    """An MCP server as sessions find it: its tools, or out of reach."""

    tools: Sequence[McpListedTool] = ()
    reachable: bool = True


def _show_audio(audio: bytes | None) -> str:
    return abridged(audio) if audio is None else f"<{len(audio)} bytes>"


@frozen(kw_only=True)
class Reply:
    """One answer of the model.

    - `text`: what it writes, or says where the response is spoken. None says nothing.
    - `audio`: the sound of the speech, in the session's output format; without it there is a hum as long as the text.
    - `tool_calls`: the functions and MCP tools it calls, after the text.
    - `failure`: the response fails with this instead.
    - `incomplete`: the response stops after `text` for this reason.
    - `pause_after`: after so many deltas the response waits until it is cancelled, or `Emulator.resume` is called.
    """

    text: str | None = None
    audio: bytes | None = field(default=None, repr=_show_audio)
    tool_calls: Sequence[ToolCall | McpToolCall] = ()
    failure: FailureDetails | None = None
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    pause_after: int | None = None


@frozen(kw_only=True)
class UserInput:
    """The last thing in a conversation: its text, and the audio if the user spoke and it can be played back."""

    text: str = ""
    audio: bytes | None = field(default=None, repr=_show_audio)


class Script:
    """The replies that a test wants: the queue first, each once, then the first rule that applies.

    `mcp_servers` are those that the test described, by label.
    """

    def __init__(self) -> None:
        self.mcp_servers: dict[str, McpServer] = {}
        self._queue: deque[Reply] = deque()
        self._rules: list[tuple[Condition, Reply]] = []
        self._transcripts: deque[str] = deque()

    def add(self, reply: Reply, when: Condition | None) -> None:
        """Queue `reply`, or make it a rule."""
        if when is None:
            self._queue.append(reply)
        else:
            self._rules.append((when, reply))

    def add_transcripts(self, texts: Sequence[str]) -> None:
        """Queue what the user says in the next audio messages."""
        self._transcripts.extend(texts)

    def next_transcript(self) -> str | None:
        """What the user says in the audio that comes now; None if the test did not tell."""
        return self._transcripts.popleft() if self._transcripts else None

    def reply_to(self, given: UserInput) -> Reply:
        """What the model answers; the parrot gives back what it was given."""
        if self._queue:
            return self._queue.popleft()
        for condition, reply in self._rules:
            if _applies(condition, given.text):
                return reply
        return Reply(text=given.text or GREETING, audio=given.audio)


def _applies(condition: Condition, text: str) -> bool:
    if isinstance(condition, str):
        return condition in text
    return condition.search(text) is not None if isinstance(condition, re.Pattern) else condition(text)
