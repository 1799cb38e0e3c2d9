"""Items of a conversation and their content parts.

Messages share the type ``message`` and are told apart by `role`. From
https://platform.openai.com/docs/api-reference/realtime-client-events/conversation/item/create; `phase` and the parts
``text`` and ``audio`` are from recorded traffic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, TypeAlias

from attrs import field, frozen

from .base import ABSENT, UNSET, Assigned, Maybe, Model, UnknownObject, abridged
from .base64 import Binary, from_base64, to_base64

__all__ = [
    "AssistantMessage",
    "AudioContent",
    "AudioPart",
    "ConversationItem",
    "FunctionCall",
    "FunctionCallOutput",
    "InputAudio",
    "InputImage",
    "InputText",
    "Item",
    "ItemReference",
    "ItemStatus",
    "McpApprovalRequest",
    "McpApprovalResponse",
    "McpCall",
    "McpError",
    "McpListTools",
    "McpListedTool",
    "OutputAudio",
    "OutputText",
    "Part",
    "ResponseInputItem",
    "SystemMessage",
    "TextPart",
    "UserMessage",
]

ItemStatus: TypeAlias = Literal["completed", "incomplete", "in_progress"]


@frozen(kw_only=True, repr=False, eq=False)
class AudioContent(Model):
    """The base of the parts that hold audio: base64 in the session's format, or only its transcript."""

    audio: Maybe[str | None] = field(default=UNSET, repr=abridged)
    transcript: Assigned[str | None] = ABSENT

    @classmethod
    def from_bytes(cls, audio: Binary) -> Self:
        """Make the part that holds `audio`, in the session's format: PCM16, 24 kHz, mono unless set otherwise."""
        return cls(audio=to_base64(audio))

    def to_bytes(self) -> bytes:
        """Read the audio, empty if only the transcript came. Raises DecodeError if it is not base64."""
        return from_base64(self.audio or "")


@frozen(kw_only=True, repr=False, eq=False)
class InputText(Model):
    """Text from the user or the system."""

    type: Literal["input_text"] = "input_text"
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class InputAudio(AudioContent):
    """Speech from the user. The transcript is not shown to the model; it is null until it is ready."""

    type: Literal["input_audio"] = "input_audio"


@frozen(kw_only=True, repr=False, eq=False)
class InputImage(Model):
    """An image from the user: PNG or JPEG as a ``data:`` URL."""

    type: Literal["input_image"] = "input_image"
    image_url: Maybe[str] = field(default=UNSET, repr=abridged)
    detail: Maybe[Literal["auto", "low", "high"]] = UNSET

    @classmethod
    def from_bytes(cls, image: Binary, media_type: str = "image/png") -> Self:
        """Make the part that holds the bytes of an image file; `media_type` is ``image/png`` or ``image/jpeg``."""
        return cls(image_url=f"data:{media_type};base64,{to_base64(image)}")


@frozen(kw_only=True, repr=False, eq=False)
class OutputText(Model):
    """Text from the model."""

    type: Literal["output_text"] = "output_text"
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class OutputAudio(AudioContent):
    """Speech from the model, mostly as its transcript only."""

    type: Literal["output_audio"] = "output_audio"


@frozen(kw_only=True, repr=False, eq=False)
class TextPart(Model):
    """Text as ``response.content_part`` events have it, and the beta's and compatible servers' messages."""

    type: Literal["text"] = "text"
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class AudioPart(AudioContent):
    """Audio as ``response.content_part`` events have it, and the beta's and compatible servers' messages."""

    type: Literal["audio"] = "audio"


Part: TypeAlias = TextPart | AudioPart | UnknownObject


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItem(Model):
    """What most items share. An `id` of your own is kept; servers of today leave `object` out."""

    id: Assigned[str] = ABSENT
    object: Maybe[Literal["realtime.item"]] = UNSET
    status: Assigned[ItemStatus] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class UserMessage(ConversationItem):
    """What the user said, wrote or showed."""

    type: Literal["message"] = "message"
    role: Literal["user"] = "user"
    content: Sequence[InputText | InputAudio | InputImage | UnknownObject]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Make a message of one text."""
        return cls(content=[InputText(text=text)])

    @classmethod
    def from_audio(cls, audio: Binary) -> Self:
        """Make a message of one piece of audio in the session's input format."""
        return cls(content=[InputAudio.from_bytes(audio)])


@frozen(kw_only=True, repr=False, eq=False)
class AssistantMessage(ConversationItem):
    """What the model said. `phase` tells a remark before the answer from the answer, on models that think."""

    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    content: Sequence[OutputText | OutputAudio | TextPart | AudioPart | UnknownObject]
    phase: Maybe[Literal["commentary", "final_answer"]] = UNSET

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Make a message of one text, to put earlier turns into a conversation."""
        return cls(content=[OutputText(text=text)])


@frozen(kw_only=True, repr=False, eq=False)
class SystemMessage(ConversationItem):
    """An instruction in the middle of the conversation."""

    type: Literal["message"] = "message"
    role: Literal["system"] = "system"
    content: Sequence[InputText | UnknownObject]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Make a message of one text."""
        return cls(content=[InputText(text=text)])


@frozen(kw_only=True, repr=False, eq=False)
class FunctionCall(ConversationItem):
    """The model asks for a function; `arguments` is JSON text, with the model's own white space."""

    type: Literal["function_call"] = "function_call"
    call_id: Assigned[str] = ABSENT
    name: str
    arguments: str


@frozen(kw_only=True, repr=False, eq=False)
class FunctionCallOutput(ConversationItem):
    """The answer to a `FunctionCall`: the same `call_id`, and any text, usually JSON."""

    type: Literal["function_call_output"] = "function_call_output"
    call_id: str
    output: str


@frozen(kw_only=True, repr=False, eq=False)
class McpApprovalRequest(Model):
    """The model asks to call a tool of an MCP server; answer with `McpApprovalResponse`."""

    type: Literal["mcp_approval_request"] = "mcp_approval_request"
    id: str
    server_label: str
    name: str
    arguments: str


@frozen(kw_only=True, repr=False, eq=False)
class McpApprovalResponse(Model):
    """Your answer to a `McpApprovalRequest`, whose id is `approval_request_id`."""

    type: Literal["mcp_approval_response"] = "mcp_approval_response"
    id: Assigned[str] = ABSENT
    approval_request_id: str
    approve: bool
    reason: Maybe[str | None] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class McpListedTool(Model):
    """A tool that an MCP server has; `input_schema` is its JSON Schema."""

    name: str
    input_schema: Any
    description: Assigned[str | None] = ABSENT
    annotations: Assigned[Any] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class McpListTools(Model):
    """The tools of an MCP server."""

    type: Literal["mcp_list_tools"] = "mcp_list_tools"
    id: Assigned[str] = ABSENT
    server_label: str
    tools: Sequence[McpListedTool]


@frozen(kw_only=True, repr=False, eq=False)
class McpError(Model):
    """Why the call of an MCP tool failed; an error of the tool itself has no `code`."""

    type: Literal["protocol_error", "tool_execution_error", "http_error"]
    code: Maybe[int] = UNSET
    message: str


@frozen(kw_only=True, repr=False, eq=False)
class McpCall(Model):
    """A call of an MCP tool, with its output or its error once it is done."""

    type: Literal["mcp_call"] = "mcp_call"
    id: str
    server_label: str
    name: str
    arguments: str
    approval_request_id: Assigned[str | None] = ABSENT
    output: Assigned[str | None] = ABSENT
    error: Assigned[McpError | None] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class ItemReference(Model):
    """An item of the conversation by its id, as input of a response; it cannot be created."""

    type: Literal["item_reference"] = "item_reference"
    id: str


Item: TypeAlias = (
    UserMessage
    | AssistantMessage
    | SystemMessage
    | FunctionCall
    | FunctionCallOutput
    | McpApprovalRequest
    | McpApprovalResponse
    | McpListTools
    | McpCall
    | UnknownObject
)
"""Anything a conversation holds."""

ResponseInputItem: TypeAlias = Item | ItemReference
"""What a response can be given instead of the conversation."""
