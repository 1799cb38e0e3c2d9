"""A script as a document: what a test says, for programs that speak JSON or YAML and no Python.

The classes are checked as requests are, so that an error names every bad field by its path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import attrs
from attrs import frozen

from openai_realtime._codec.annotations import field_hints
from openai_realtime._codec.converter import structure_request
from openai_realtime.errors import ConfigurationError, DecodeError
from openai_realtime.models.base import UNSET, Maybe, Model
from openai_realtime.models.base64 import from_base64
from openai_realtime.models.constraints import Between
from openai_realtime.models.items import McpError, McpListedTool
from openai_realtime.models.responses import FailureDetails
from openai_realtime.models.server_events import ErrorDetails
from openai_realtime.models.webhooks import SipHeader

from . import faults
from .script import Heard, McpToolCall, Reply, ToolCall

if TYPE_CHECKING:
    from .emulator import Emulator

T = TypeVar("T")

_FAULTS: Final[Mapping[str, type[faults.Fault]]] = {
    "drop": faults.Drop,
    "silence": faults.Silence,
    "delay": faults.Delay,
    "half_frame": faults.HalfFrame,
    "close": faults.Close,
    "expire": faults.Expire,
    "message": faults.Message,
    "swap": faults.Swap,
    "http_response": faults.HTTPResponse,
}


@frozen(kw_only=True, repr=False, eq=False)
class ScriptedCall(Model):
    """A tool that the model calls: one of an MCP server if it has a `server_label`, else a function."""

    name: str
    arguments: Maybe[str | Mapping[str, Any]] = UNSET
    server_label: Maybe[str] = UNSET
    output: Maybe[str] = UNSET
    error: Maybe[McpError] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ScriptedReply(Model):
    """An answer of the model. With `when` it is a rule, for a user's last text that holds this string."""

    when: Maybe[str] = UNSET
    text: Maybe[str] = UNSET
    audio: Maybe[str] = UNSET  # base64, in the session's output format
    tool_calls: Maybe[Sequence[ScriptedCall]] = UNSET
    failure: Maybe[FailureDetails] = UNSET
    incomplete: Maybe[Literal["max_output_tokens", "content_filter"]] = UNSET
    pause_after: Maybe[Annotated[int, Between(0, 1_000_000)]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ScriptedSpeech(Model):
    """What is heard in an audio message: its text, or the failure of its transcription."""

    text: Maybe[str] = UNSET
    failure: Maybe[FailureDetails] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ScriptedFault(Model):
    """A fault, and where it happens; with `now` to the sessions that are open."""

    fault: Literal["drop", "silence", "delay", "half_frame", "close", "expire", "message", "swap", "http_response"]
    operation: Maybe[str] = UNSET
    times: Maybe[Annotated[int, Between(1, 1000)]] = UNSET
    now: Maybe[bool] = UNSET
    at: Maybe[int | str] = UNSET
    seconds: Maybe[float] = UNSET
    code: Maybe[int] = UNSET
    reason: Maybe[str] = UNSET
    error: Maybe[ErrorDetails] = UNSET
    message: Maybe[str] = UNSET
    status: Maybe[int] = UNSET
    body: Maybe[Any] = UNSET
    headers: Maybe[Mapping[str, str]] = UNSET
    content_type: Maybe[str] = UNSET
    truncate: Maybe[bool] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ScriptedServer(Model):
    """What tools an MCP server has, or that it cannot be reached."""

    server_label: str
    tools: Maybe[Sequence[McpListedTool]] = UNSET
    reachable: Maybe[bool] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ScriptDocument(Model):
    """All that a test says: what is said in speech, what the model answers, what goes wrong, what servers there are.

    A bare text among `transcripts` and `replies` stands for an object that has only its `text`.
    """

    transcripts: Maybe[Sequence[str | ScriptedSpeech]] = UNSET
    replies: Maybe[Sequence[str | ScriptedReply]] = UNSET
    faults: Maybe[Sequence[ScriptedFault]] = UNSET
    mcp_servers: Maybe[Sequence[ScriptedServer]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class CallDocument(Model):
    """A phone call that rings at a service: by default with the emulator's webhook, from a made-up number."""

    webhook_url: Maybe[str] = UNSET
    sip_headers: Maybe[Sequence[SipHeader]] = UNSET
    audio: Maybe[str] = UNSET  # base64: PCM16 of 24 kHz, which the caller says
    keys: Maybe[str] = UNSET


def read_script(document: Any) -> ScriptDocument:
    """Check a script that is JSON already.

    Raises InvalidRequestError that names every bad field by its path.
    """
    return structure_request(document, ScriptDocument)


def follow(script: ScriptDocument, emulator: Emulator) -> None:
    """Say to `emulator` all that is in `script`. Raises ConfigurationError, before it says anything, for bad fields."""
    replies = [_reply(given, f"replies[{place}]") for place, given in enumerate(script.replies or ())]
    wrong = [(_fault(given, f"faults[{place}]"), given) for place, given in enumerate(script.faults or ())]
    emulator.queue_transcripts(*map(_heard, script.transcripts or ()))
    for server in script.mcp_servers or ():
        emulator.mcp_server(server.server_label, *(server.tools or ()), reachable=server.reachable is not False)
    for reply, when in replies:
        emulator.reply(reply, when=when)
    for fault, given in wrong:
        place = given.operation or faults.SESSION
        emulator.inject_fault(fault, operation=place, times=given.times or 1, now=bool(given.now))


def _given(entry: Any, *without: str) -> dict[str, Any]:
    """Give the fields that are set."""
    kind: Any = type(entry)
    names = [name for name in field_hints(kind) if name not in without]
    return {name: value for name in names if (value := getattr(entry, name)) is not UNSET}


def _heard(given: str | ScriptedSpeech) -> Heard:
    return given if isinstance(given, str) else given.failure or given.text or ""


def _reply(given: str | ScriptedReply, path: str) -> tuple[Reply, str | None]:
    """Make a reply, and the rule that it has."""
    if isinstance(given, str):
        return Reply(text=given), None
    values = _given(given, "when", "tool_calls", "audio")
    if given.audio:
        try:
            values["audio"] = from_base64(given.audio)
        except DecodeError:
            raise ConfigurationError(f"{path}.audio: not base64") from None
    calls = [_call(call, f"{path}.tool_calls[{place}]") for place, call in enumerate(given.tool_calls or ())]
    return Reply(tool_calls=calls, **values), given.when or None


def _call(given: ScriptedCall, path: str) -> ToolCall | McpToolCall:
    kind: type[ToolCall | McpToolCall] = McpToolCall if given.server_label else ToolCall
    return _made(kind, _given(given), path)


def _fault(given: ScriptedFault, path: str) -> faults.Fault:
    return _made(_FAULTS[given.fault], _given(given, "fault", "operation", "times", "now"), path)


def _made(cls: type[T], values: Mapping[str, Any], path: str) -> T:
    """Make a `cls`. Raises ConfigurationError with the path of what it does not have, or lacks."""
    kind: Any = cls
    known = {field.name: field.default for field in attrs.fields(kind)}
    for name in values.keys() - known.keys():
        raise ConfigurationError(f"{path}.{name}: a {cls.__name__} has no such field")
    for name in (name for name, default in known.items() if default is attrs.NOTHING and name not in values):
        raise ConfigurationError(f"{path}.{name}: missing")
    try:
        return cls(**values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}.{error}") from None
