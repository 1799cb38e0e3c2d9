"""What the model of the emulator says: scripted replies, and the parrot that speaks when there is none."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from attrs import field, frozen, validators

from openai_realtime._codec.converter import dumps
from openai_realtime._validators import checked, is_number, kind_of
from openai_realtime.errors import ConfigurationError
from openai_realtime.models.base import abridged
from openai_realtime.models.items import Item, McpError, McpListedTool
from openai_realtime.models.responses import FailureDetails

GREETING = "Hello."
_REPEATED = 10_000  # letters, which take ten minutes to say

Condition: TypeAlias = str | re.Pattern[str] | Callable[[str], bool]
"""When a rule applies: the user's last text holds this string, matches this pattern, or this function says so."""


def _one_of(*kinds: Any) -> Any:
    """Make the check that a value is of one of `kinds`; None stands for itself."""
    types = tuple(type(None) if kind is None else kind for kind in kinds)
    names = " or ".join("None" if kind is None else kind.__name__ for kind in kinds)
    return checked(
        lambda value: isinstance(value, types) and not isinstance(value, bool), f"not {names}", shown=kind_of
    )


def _each_of(*kinds: type) -> Any:
    """Make the check that a value is a list, or the like, of such things."""
    return validators.deep_iterable(_one_of(*kinds), _list)


_list = checked(
    lambda value: isinstance(value, Sequence) and not isinstance(value, str | bytes), "not a list", shown=kind_of
)
_count = validators.optional(
    checked(lambda value: isinstance(value, int) and is_number(value) and value >= 0, "not a number from 0 on")
)
_reason = checked(
    lambda value: value in (None, "max_output_tokens", "content_filter"),
    "neither 'max_output_tokens' nor 'content_filter'",
)


def _json_text(arguments: str | Mapping[str, Any]) -> str:
    """Encode the arguments of a call."""
    return dumps(arguments).decode() if isinstance(arguments, Mapping) else arguments


@frozen(kw_only=True)
class ToolCall:
    """A function the model calls; `arguments` is JSON text that travels as it is, or a mapping."""

    name: str = field(validator=_one_of(str))
    arguments: str = field(default="{}", converter=_json_text, validator=_one_of(str))


@frozen(kw_only=True)
class McpToolCall:
    """A tool of an MCP server that the model calls; `arguments` is JSON text, or a mapping.

    The server answers with `output`, or fails with `error`. If the session wants to approve such calls, the model asks
    first, and calls in the response after the approval.
    """

    server_label: str = field(validator=_one_of(str))
    name: str = field(validator=_one_of(str))
    arguments: str = field(default="{}", converter=_json_text, validator=_one_of(str))
    output: str = field(default="", validator=_one_of(str))
    error: McpError | None = field(default=None, validator=_one_of(McpError, None))


@frozen(kw_only=True)
class McpServer:
    """An MCP server as sessions find it: its tools, or out of reach."""

    tools: Sequence[McpListedTool] = field(default=(), validator=_each_of(McpListedTool))
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

    text: str | None = field(default=None, validator=_one_of(str, None))
    audio: bytes | None = field(default=None, repr=_show_audio, validator=_one_of(bytes, None))
    tool_calls: Sequence[ToolCall | McpToolCall] = field(default=(), validator=_each_of(ToolCall, McpToolCall))
    failure: FailureDetails | None = field(default=None, validator=_one_of(FailureDetails, None))
    incomplete: Literal["max_output_tokens", "content_filter"] | None = field(default=None, validator=_reason)
    pause_after: int | None = field(default=None, validator=_count)


Answer: TypeAlias = Reply | str | Callable[[Sequence[Item]], Reply | str]
"""What the model says: a reply, the text of one, or a function that makes either of the items of the conversation."""


Heard: TypeAlias = str | FailureDetails
"""What is heard in an audio message: its words, or why they cannot be told."""


@frozen(kw_only=True)
class UserInput:
    """The last thing in a conversation: its text, and the audio if the user spoke and it can be played back."""

    text: str = ""
    audio: bytes | None = field(default=None, repr=_show_audio)


class Script:
    """The answers that a test wants: the queue first, each once, then the first rule that applies.

    `mcp_servers` are those that the test described, by label.
    """

    def __init__(self) -> None:
        self.mcp_servers: dict[str, McpServer] = {}
        self._queue: deque[Answer] = deque()
        self._rules: list[tuple[Condition, Answer]] = []
        self._transcripts: deque[Heard] = deque()

    def add(self, answer: Answer, when: Condition | None) -> None:
        """Queue `answer`, or make it a rule. Raises ConfigurationError for what is none, or no rule."""
        if not isinstance(answer, Reply | str) and not callable(answer):
            raise ConfigurationError(f"reply: {type(answer).__name__} is neither a Reply, a text nor a function")
        if when is None:
            self._queue.append(answer)
        elif isinstance(when, str | re.Pattern) or callable(when):
            self._rules.append((when, answer))
        else:
            raise ConfigurationError(f"when: {type(when).__name__} is neither a text, a pattern nor a function")

    def add_transcripts(self, heard: Sequence[Heard]) -> None:
        """Queue what is heard in the next audio messages. Raises ConfigurationError for what is neither."""
        for one in heard:
            if not isinstance(one, str | FailureDetails):
                raise ConfigurationError(f"transcript: {type(one).__name__} is neither a text nor FailureDetails")
        self._transcripts.extend(heard)

    def next_transcript(self) -> Heard | None:
        """Take what is heard in the audio that comes now; None if the test did not tell."""
        return self._transcripts.popleft() if self._transcripts else None

    def reply_to(self, given: UserInput, conversation: Iterable[Item] = ()) -> Reply:
        """Make what the model answers; the parrot gives back what it was given, but for what is very long."""
        answer = self._answer_to(given)
        if callable(answer):
            answer = answer([*conversation])
        return Reply(text=answer) if isinstance(answer, str) else answer

    def _answer_to(self, given: UserInput) -> Answer:
        if self._queue:
            return self._queue.popleft()
        for condition, answer in self._rules:
            if _applies(condition, given.text):
                return answer
        return Reply(text=given.text[:_REPEATED] or GREETING, audio=given.audio)


def _applies(condition: Condition, text: str) -> bool:
    if isinstance(condition, str):
        return condition in text
    return condition.search(text) is not None if isinstance(condition, re.Pattern) else condition(text)
