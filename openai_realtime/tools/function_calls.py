"""`Tool` and `ToolCall`: how a function may be called, and one call of it from the model's wish to its output."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Literal, TypeAlias

import anyio
from attrs import define, field, frozen
from attrs.validators import optional

from openai_realtime._codec.converter import dumps
from openai_realtime._redaction import redact
from openai_realtime._validators import checked, number
from openai_realtime.errors import ConfigurationError

from .signature import Signature, written

__all__ = ["Approve", "Tool", "ToolCall"]

CallStatus: TypeAlias = Literal["running", "completed", "failed", "timed_out", "refused", "cancelled", "lost"]


_seconds: Any = optional(number("Tool", "a number of seconds, or None", lambda value: value >= 0))
_interrupted: Any = checked(lambda value: value in ("continue", "cancel"), "not 'continue' or 'cancel'", of="Tool")


@frozen(kw_only=True)
class Tool:
    """A function for the model, plain or async, and how it may be called.

    - function: what is called, a plain one in a worker thread. The model is told its annotations and docstring.
    - name, description: what the model is told instead of the function's own.
    - timeout: seconds after which the model is told that it failed; None waits for ever.
    - respond: whether the model speaks about the output; if no tool of a response wants that, nothing is asked for.
    - needs_approval: whether ``approve`` of `Tools` is asked first.
    - when_interrupted: what becomes of a call that runs when the user begins to speak.
    """

    function: Callable[..., Any]
    name: str | None = None
    description: str | None = None
    timeout: float | None = field(default=60, validator=_seconds)
    respond: bool = True
    needs_approval: bool = False
    when_interrupted: Literal["continue", "cancel"] = field(default="continue", validator=_interrupted)
    signature: Signature = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if not callable(self.function):
            given = f"a {type(self.function).__name__}"
            raise ConfigurationError(f"{given} is no function: Tools takes functions and Tool objects, as Tools(f, g)")
        object.__setattr__(self, "signature", Signature(self.function, self.name, self.description))


@define(kw_only=True, eq=False)
class ToolCall:
    """A call that the model made, as far as it got; `error` is what went wrong, `output` what the model was told.

    One that an MCP server is to run, and that only waits for approval here, has a `server_label`. A call is ``lost`` if
    its session was, before it could be answered.
    """

    item_id: str
    call_id: str
    response_id: str
    name: str
    arguments: str
    server_label: str | None = None
    status: CallStatus = "running"
    output: str | None = None
    error: BaseException | None = None

    def end(self, status: CallStatus, output: str, error: BaseException | None = None) -> None:
        """Keep how it ended."""
        self.status, self.output, self.error = status, output, error

    def fail(self, status: CallStatus, message: str, error: BaseException | None = None) -> None:
        """Keep what went wrong, as the model can read it."""
        self.end(status, dumps({"error": redact(message)}).decode(), error)


Approve: TypeAlias = Callable[[ToolCall], bool | Awaitable[bool]]


async def run(call: ToolCall, tool: Tool | None, approved: Callable[[ToolCall], Awaitable[bool]]) -> None:
    """Run one call to its end, whatever that is; only a cancellation gets out."""
    if tool is None:
        call.fail("failed", f"there is no tool {call.name!r}")
        return
    try:
        arguments = tool.signature.bind(call.arguments)
    except ValueError as error:
        call.fail("failed", f"bad arguments: {error}", error)
        return
    if tool.needs_approval and not await approved(call):
        call.fail("refused", "the user did not approve this call")
        return
    deadline = asyncio.timeout(tool.timeout)
    try:
        async with deadline:
            call.end("completed", written(await called(partial(tool.function, **arguments))))
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, the session goes on
        if isinstance(error, TimeoutError) and deadline.expired():
            call.fail("timed_out", f"no result within {tool.timeout} seconds", error)
        else:
            call.fail("failed", f"{type(error).__name__}: {error}", error)


async def called(function: partial[Any]) -> Any:
    """Call a function: an async one here, a plain one in a worker thread, which is left alone if this is cancelled."""
    if inspect.iscoroutinefunction(function.func) or inspect.iscoroutinefunction(type(function.func).__call__):
        return await function()
    result = await anyio.to_thread.run_sync(function, abandon_on_cancel=True)
    return await result if inspect.isawaitable(result) else result
