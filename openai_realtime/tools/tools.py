"""`Tools`: an observer that runs the functions a model calls, and lets it speak about what came out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from openai_realtime._codec.raw import JSON, object_in, objects_in, received_json, text_in
from openai_realtime._connection.ids import new_id
from openai_realtime.errors import ConfigurationError, RealtimeError
from openai_realtime.models.base import UNSET
from openai_realtime.models.client_events import ConversationItemCreate
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.items import FunctionCallOutput, Item, McpApprovalResponse, McpListedTool, SystemMessage
from openai_realtime.models.responses import ResponseConfig
from openai_realtime.models.tools import FunctionTool

from .function_calls import Approve, Tool, ToolCall, called, run
from .mcp_discovery import McpDiscovery
from .missing_tools import MissingTools
from .response_queue import ActingConnection, ResponseQueue

__all__ = ["Tools"]


class Tools:
    """The functions of a session: ``connect(..., observers=[tools])`` with `definitions` in the session's ``tools``.

    Calls of one response run side by side. Their outputs are sent as they come, and when the response is done and all
    of them are in, the model is asked to speak, once. Whatever goes wrong becomes an output that the model can read,
    and stands in `calls`. The same object serves the blocking client.

    - functions: plain or async functions, or a `Tool` where one needs options.
    - approve: is asked, plain (in a worker thread) or async, about calls of tools that need approval, and about those
      of MCP servers that the session wants approved; without it those are left to you.
    - approval_timeout: seconds after which a call is refused.
    - say_while_waiting: what the model says meanwhile, such as "One moment, please."; None is silence.
    """

    def __init__(
        self,
        *functions: Callable[..., Any] | Tool,
        approve: Approve | None = None,
        approval_timeout: float = 60,
        say_while_waiting: str | None = None,
    ) -> None:
        self.calls: list[ToolCall] = []
        """All calls of the session, as far as they got."""
        tools = [one if isinstance(one, Tool) else Tool(function=one) for one in functions]
        self._tools = {tool.signature.name: tool for tool in tools}
        if len(self._tools) < len(tools):
            names = ", ".join(tool.signature.name for tool in tools)
            raise ConfigurationError(f"each tool needs a name of its own, as Tool(name=...) gives it: {names}")
        if not (approve is None or callable(approve)):
            raise ConfigurationError(f"approve: {approve!r} is not a function of a ToolCall that gives True or False")
        if approve is None and any(tool.needs_approval for tool in tools):
            raise ConfigurationError("a tool needs approval, and there is no approve function to ask")
        self._approve = approve
        self._approval_timeout = approval_timeout
        self._queue = ResponseQueue(say_while_waiting)
        self._discovery = McpDiscovery()
        self._missing = MissingTools(self._tools)
        self._is_open = False
        self._running: dict[str, tuple[ToolCall, asyncio.Task[None]]] = {}
        self._finishing: set[asyncio.Task[None]] = set()
        self._seen: set[str] = set()
        self._lost: set[str] = set()

    @property
    def definitions(self) -> list[FunctionTool]:
        """What the session's ``tools`` has to hold."""
        return [tool.signature.definition for tool in self._tools.values()]

    @property
    def mcp_tools(self) -> Mapping[str, Sequence[McpListedTool]]:
        """The tools of MCP servers by label, once they can be used.

        ``connection.wait_for(lambda _: "label" in tools.mcp_tools)`` waits until those of a server can.
        """
        return self._discovery.listed

    def say_when_idle(self, what: str | Item, instructions: str | None = None) -> None:
        """Put something to the model as soon as nothing is under way: a text as from the system, or an item.

        `instructions` take the place of the session's for its answer. It can be called from any thread.
        """
        item = SystemMessage.from_text(what) if isinstance(what, str) else what
        self._queue.put(item, ResponseConfig(instructions=UNSET if instructions is None else instructions))

    def opened(self, connection: ActingConnection) -> None:
        """Act on a connection from now on. Raises ConfigurationError while another one is open."""
        if self._is_open:
            raise ConfigurationError("these Tools are of another open session, so make some for each")
        self._is_open = True
        self._queue.opened(connection)

    def closed(self) -> None:
        """Be free for another session: this one is over."""
        self._is_open = False

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server."""
        self._queue.activity.sent(event)
        self._missing.sent(event)

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        if str(event.type).endswith(".delta"):  # most events are pieces of words and sound, which change nothing here
            return
        self._queue.received(event)
        self._discovery.received(event)
        self._missing.received(event)
        match event.type:
            case "response.output_item.done" | "conversation.item.done":
                self._on_item_done(received_json(event))
            case "conversation.item.added" | "conversation.item.created":
                item = object_in(received_json(event), "item")
                self._queue.pending.acknowledged(text_in(item, "call_id") or text_in(item, "approval_request_id"))
            case "response.mcp_call.completed" | "response.mcp_call.failed":
                self._on_mcp_call_ended(text_in(received_json(event), "item_id"))
            case "response.done":
                self._on_response_done(object_in(received_json(event), "response"))
            case "input_audio_buffer.speech_started":
                self._on_interrupted()
            case "openai_realtime.reconnected":
                self._on_reconnected(received_json(event))
        self._queue.advance()

    def _on_response_done(self, response: JSON) -> None:
        response_id = text_in(response, "id")
        for item in objects_in(response, "output"):  # some servers tell of no item's end
            if text_in(response, "status") == "completed":
                self._on_item_done({"response_id": response_id, "item": item})
        self._queue.pending.done(response_id)

    def _on_item_done(self, raw: JSON) -> None:
        """Start the call, or ask for the approval, that an item wants. The server tells of each twice."""
        item = object_in(raw, "item")
        kind, item_id = text_in(item, "type"), text_in(item, "id")
        call_id = text_in(item, "call_id") or item_id
        active = self._queue.activity.responses
        response_id = text_in(raw, "response_id") or next(iter(active), "")
        if call_id in self._seen:  # some servers give its item another id each time, or none
            return
        if kind == "function_call" and "response_id" in raw and text_in(item, "status") != "incomplete":
            self._start(_call(item, response_id), self._run)
        elif kind == "mcp_approval_request" and self._approve is not None:
            self._start(_call(item, response_id), self._ask_approval)
        elif kind == "mcp_call" and "response_id" in raw:
            self._queue.pending.started(response_id, item_id, is_done=response_id not in active)

    def _on_mcp_call_ended(self, item_id: str) -> None:
        self._seen.add(item_id)
        self._queue.pending.ended(item_id, respond=True, acknowledged=True)

    def _on_interrupted(self) -> None:
        for call, task in list(self._running.values()):
            tool = self._tools.get(call.name)
            if tool is not None and tool.when_interrupted == "cancel" and not task.done():
                call.fail("cancelled", "the user interrupted, and the call was given up")
                task.cancel()

    def _on_reconnected(self, raw: JSON) -> None:
        """Keep the calls that the new session has; the others have nobody to answer to."""
        restored = raw.get("restored", ())
        self._lost |= {call_id for call_id, (call, _) in self._running.items() if call.item_id not in restored}
        self._queue.pending.lost()

    def _start(self, call: ToolCall, work: Callable[[ToolCall], Coroutine[Any, Any, None]]) -> None:
        self._seen.add(call.call_id)
        self.calls.append(call)
        is_done = call.response_id not in self._queue.activity.responses
        self._queue.pending.started(call.response_id, call.call_id, is_done=is_done)
        running = asyncio.create_task(work(call))
        self._running[call.call_id] = call, running
        finishing = asyncio.create_task(self._finish(call, running))  # by itself: a task may be cancelled unbegun
        self._finishing.add(finishing)
        finishing.add_done_callback(self._finishing.discard)

    async def _finish(self, call: ToolCall, running: asyncio.Task[None]) -> None:
        """Send the output of a call when it has run, unless the session that it belongs to is gone."""
        await asyncio.wait([running])
        del self._running[call.call_id]
        if call.status == "running":
            call.fail("failed", "the tool was cancelled")  # or waited for something that was
        await self._send_output(call)
        tool = self._tools.get(call.name)
        respond = call.status not in ("lost", "cancelled") and (tool is None or tool.respond)
        self._queue.pending.ended(call.call_id, respond=respond)
        self._queue.advance()

    async def _send_output(self, call: ToolCall) -> None:
        if call.call_id in self._lost:
            call.status = "lost"
            return
        try:
            await self._queue.send(ConversationItemCreate(item=_output(call)))
        except RealtimeError as error:
            call.status, call.error = "lost", error

    async def _run(self, call: ToolCall) -> None:
        await run(call, self._tools.get(call.name), self._is_approved)

    async def _ask_approval(self, call: ToolCall) -> None:
        call.status = "completed" if await self._is_approved(call) else "refused"

    async def _is_approved(self, call: ToolCall) -> bool:
        """Ask the program, and let the model say meanwhile that it takes a moment."""
        self._queue.fillers.add(call.call_id)
        self._queue.advance()
        try:
            async with asyncio.timeout(self._approval_timeout):
                return bool(await called(partial(self._approve, call))) if self._approve else False
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, nobody approved
            call.error = error
            return False
        finally:
            self._queue.fillers.discard(call.call_id)


def _call(item: JSON, response_id: str) -> ToolCall:
    """Make the record of a call, or of a request to call, that an item holds."""
    item_id, name = text_in(item, "id"), text_in(item, "name")
    return ToolCall(
        item_id=item_id,
        call_id=text_in(item, "call_id") or item_id,
        response_id=response_id,
        name=name,
        arguments=text_in(item, "arguments"),
        server_label=text_in(item, "server_label") or None,
    )


def _output(call: ToolCall) -> Item:
    if call.server_label is not None:
        approve = call.status == "completed"
        return McpApprovalResponse(id=new_id("item"), approval_request_id=call.item_id, approve=approve)
    return FunctionCallOutput(call_id=call.call_id, output=call.output or "")
