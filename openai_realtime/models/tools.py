"""Tools the model may call: functions of yours and remote MCP servers, and which of them it shall choose.

From https://platform.openai.com/docs/guides/tools-remote-mcp and the Realtime API reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from attrs import field, frozen

from .base import UNSET, Maybe, Model, UnknownObject, masked
from .constraints import Length, Pattern

__all__ = [
    "FunctionTool",
    "McpApprovalFilter",
    "McpTool",
    "McpToolFilter",
    "Tool",
    "ToolChoice",
    "ToolChoiceFunction",
    "ToolChoiceMcp",
]


@frozen(kw_only=True, repr=False, eq=False)
class FunctionTool(Model):
    """A function the model may call; `parameters` is its JSON Schema."""

    type: Literal["function"] = "function"
    name: Maybe[str] = UNSET
    description: Maybe[str | None] = UNSET
    parameters: Maybe[Mapping[str, Any]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class McpToolFilter(Model):
    """Some of an MCP server's tools: by name, or those annotated as read-only."""

    tool_names: Maybe[Sequence[str]] = UNSET
    read_only: Maybe[bool] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class McpApprovalFilter(Model):
    """Which tools always need your approval, and which never do."""

    always: Maybe[McpToolFilter] = UNSET
    never: Maybe[McpToolFilter] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class McpTool(Model):
    """A remote MCP server: one of `server_url`, `connector_id` and `tunnel_id` says where it is.

    `authorization` and `headers` go to that server and are secret: they never show in a repr.
    """

    any_of: ClassVar[tuple[str, ...]] = ("server_url", "connector_id", "tunnel_id")

    type: Literal["mcp"] = "mcp"
    server_label: str
    server_url: Maybe[str] = UNSET
    connector_id: Maybe[
        Literal[
            "connector_dropbox",
            "connector_gmail",
            "connector_googlecalendar",
            "connector_googledrive",
            "connector_microsoftteams",
            "connector_outlookcalendar",
            "connector_outlookemail",
            "connector_sharepoint",
        ]
    ] = UNSET
    tunnel_id: Maybe[Annotated[str, Pattern(r"tunnel_[a-z0-9]{32}")]] = UNSET
    authorization: Maybe[str] = field(default=UNSET, repr=masked)
    server_description: Maybe[str] = UNSET
    headers: Maybe[Mapping[str, str] | None] = field(default=UNSET, repr=masked)
    allowed_tools: Maybe[Sequence[str] | McpToolFilter | None] = UNSET
    allowed_callers: Maybe[Annotated[Sequence[Literal["direct", "programmatic"]], Length(1)] | None] = UNSET
    require_approval: Maybe[Literal["always", "never"] | McpApprovalFilter | None] = UNSET
    defer_loading: Maybe[bool] = UNSET


Tool: TypeAlias = FunctionTool | McpTool | UnknownObject


@frozen(kw_only=True, repr=False, eq=False)
class ToolChoiceFunction(Model):
    """Make the model call this function."""

    type: Literal["function"] = "function"
    name: str


@frozen(kw_only=True, repr=False, eq=False)
class ToolChoiceMcp(Model):
    """Make the model call a tool of this MCP server."""

    type: Literal["mcp"] = "mcp"
    server_label: str
    name: Maybe[str | None] = UNSET


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | ToolChoiceFunction | ToolChoiceMcp | UnknownObject
