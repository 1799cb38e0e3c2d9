"""The MCP servers of a session: what tools they have, and which calls wait for the user's approval.

No server is ever asked: the test says what each has and answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.ids import NewId
from openai_realtime.emulator.script import McpServer, McpToolCall
from openai_realtime.emulator.wire import JSON
from openai_realtime.models.base import UNSET, Unset
from openai_realtime.models.items import McpApprovalRequest, McpApprovalResponse, McpListedTool, McpListTools
from openai_realtime.models.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
)

from .conversation import Conversation
from .timeline import Task, Wait

_UNTIL_LISTED = Wait(0.3)
_ALWAYS = "always"  # the API's default


@frozen(kw_only=True)
class ApprovedCall(McpToolCall):
    """A call that the user approved when the model asked with `request_id`."""

    request_id: str


class McpServers:
    """The MCP servers of one session; `described` are those that the test described, by label."""

    def __init__(self, described: Mapping[str, McpServer], conversation: Conversation, new_id: NewId) -> None:
        self._described = described
        self._conversation = conversation
        self._new_id = new_id
        self._listed: dict[str, JSON] = {}
        self._waiting: dict[str, McpToolCall] = {}
        self._approved: list[ApprovedCall] = []

    def use(self, tools: Iterable[JSON], *, once: bool) -> list[Task]:
        """Let the model use `tools`, for one response only if `once`: that makes the session forget no server.

        The tasks list the tools of servers that are new, or have other settings now.
        """
        before = self._listed
        given = {tool["server_label"]: tool for tool in tools if tool["type"] == "mcp"}
        self._listed = {**before, **given} if once else given
        return [self._list(tool) for label, tool in given.items() if before.get(label) != tool]

    def _list(self, tool: JSON) -> Task:
        server = self._server(tool["server_label"])
        key = self._new_id("item_")
        yield McpListToolsInProgress(item_id=key)
        yield _UNTIL_LISTED
        if not server.reachable:
            yield McpListToolsFailed(item_id=key)
            return
        tools = [listed for listed in server.tools if _is_allowed(listed, tool.get("allowed_tools"))]
        item = McpListTools(id=key, server_label=tool["server_label"], tools=tools)
        previous = self._conversation.add(item)
        yield ConversationItemAdded(previous_item_id=previous, item=item)
        yield ConversationItemDone(previous_item_id=previous, item=item)
        yield McpListToolsCompleted(item_id=key)

    def _server(self, label: str) -> McpServer:
        return self._described.get(label, McpServer())

    def needs_approval(self, call: McpToolCall, tools: Iterable[JSON]) -> bool:
        """Whether the user must approve `call` in a response that has these `tools`."""
        if isinstance(call, ApprovedCall):
            return False
        own = [tool for tool in tools if tool.get("server_label") == call.server_label]
        wanted = (own[0].get("require_approval") if own else None) or _ALWAYS
        if isinstance(wanted, str):
            return wanted == _ALWAYS
        described = self._server(call.server_label).tools
        tool = next((listed for listed in described if listed.name == call.name), _undescribed(call.name))
        return _matches(tool, wanted.get("always")) or not _matches(tool, wanted.get("never"))

    def ask(self, call: McpToolCall) -> McpApprovalRequest:
        """Give the request with which `call` waits for approval."""
        key = self._new_id("item_")
        self._waiting[key] = call
        return McpApprovalRequest(id=key, server_label=call.server_label, name=call.name, arguments=call.arguments)

    def check(self, answer: McpApprovalResponse) -> None:
        """Raise Refusal for the answer to what nobody asked, or to what is answered already."""
        if answer.approval_request_id not in self._waiting:
            raise api_errors.unknown_approval_request(answer.approval_request_id)

    def answer(self, answer: McpApprovalResponse) -> None:
        """Do what the user decided: the next response makes the call, or it is forgotten."""
        call = self._waiting.pop(answer.approval_request_id)
        if answer.approve:
            self._approved.append(
                ApprovedCall(
                    server_label=call.server_label,
                    name=call.name,
                    arguments=call.arguments,
                    output=call.output,
                    error=call.error,
                    request_id=answer.approval_request_id,
                )
            )

    def approved(self) -> Sequence[ApprovedCall]:
        """Give the calls to make now, each told once."""
        calls, self._approved = self._approved, []
        return calls


def _undescribed(name: str) -> McpListedTool:
    return McpListedTool(name=name, input_schema={})


def _is_allowed(tool: McpListedTool, allowed: Any) -> bool:
    """Whether ``allowed_tools``, a list of names, a filter or nothing, lets a tool in."""
    if allowed is None:
        return True
    return tool.name in allowed if isinstance(allowed, list) else _matches(tool, allowed)


def _matches(tool: McpListedTool, given: JSON | None) -> bool:
    """Whether all that a filter says is true of `tool`; a filter that says nothing matches none."""
    if not given:
        return False
    hints = {} if isinstance(tool.annotations, Unset) else tool.annotations or {}
    names, read_only = given.get("tool_names", UNSET), given.get("read_only", UNSET)
    return (names is UNSET or tool.name in names) and (
        read_only is UNSET or bool(hints.get("readOnlyHint")) is read_only
    )
