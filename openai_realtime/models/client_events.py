"""The events a client sends. From https://platform.openai.com/docs/api-reference/realtime-client-events."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from attrs import field, frozen

from .base import UNSET, Maybe, abridged
from .base64 import MAX_AUDIO, Binary, from_base64, to_base64
from .constraints import Between, Length
from .events import ClientEvent
from .items import Item
from .responses import ResponseConfig
from .sessions import RealtimeSessionConfig, RealtimeTranscriptionSessionConfig

__all__ = [
    "ConversationItemCreate",
    "ConversationItemDelete",
    "ConversationItemRetrieve",
    "ConversationItemTruncate",
    "InputAudioBufferAppend",
    "InputAudioBufferClear",
    "InputAudioBufferCommit",
    "OutputAudioBufferClear",
    "ResponseCancel",
    "ResponseCreate",
    "SessionUpdate",
]


@frozen(kw_only=True, repr=False, eq=False)
class SessionUpdate(ClientEvent):
    """Change the session: all of `session` or, if one field is refused, nothing. Answer: `SessionUpdated`."""

    type: Literal["session.update"] = "session.update"
    session: RealtimeSessionConfig | RealtimeTranscriptionSessionConfig


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferAppend(ClientEvent):
    """Add audio to the input buffer: base64 in the session's input format, 15 MiB at most. No answer."""

    type: Literal["input_audio_buffer.append"] = "input_audio_buffer.append"
    audio: Annotated[str, Length(0, MAX_AUDIO)] = field(repr=abridged)

    @classmethod
    def from_bytes(cls, audio: Binary) -> Self:
        """Make the event that adds `audio`, in the session's format: PCM16, 24 kHz, mono unless set otherwise."""
        return cls(audio=to_base64(audio))

    def to_bytes(self) -> bytes:
        """Read the audio. Raises DecodeError if it is not base64."""
        return from_base64(self.audio)


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferCommit(ClientEvent):
    """Make a user message of the buffered audio, 100 ms or more. Answer: `InputAudioBufferCommitted`."""

    type: Literal["input_audio_buffer.commit"] = "input_audio_buffer.commit"


@frozen(kw_only=True, repr=False, eq=False)
class InputAudioBufferClear(ClientEvent):
    """Forget the buffered audio. Answer: `InputAudioBufferCleared`."""

    type: Literal["input_audio_buffer.clear"] = "input_audio_buffer.clear"


@frozen(kw_only=True, repr=False, eq=False)
class OutputAudioBufferClear(ClientEvent):
    """Stop the playback (WebRTC and SIP only). Answer: `OutputAudioBufferCleared`."""

    type: Literal["output_audio_buffer.clear"] = "output_audio_buffer.clear"


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemCreate(ClientEvent):
    """Add an item at the end, after `previous_item_id`, or first if that is ``"root"``.

    Answers: `ConversationItemAdded` and `ConversationItemDone`.
    """

    type: Literal["conversation.item.create"] = "conversation.item.create"
    previous_item_id: Maybe[str | None] = UNSET
    item: Item


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemDelete(ClientEvent):
    """Remove an item. Answer: `ConversationItemDeleted`."""

    type: Literal["conversation.item.delete"] = "conversation.item.delete"
    item_id: str


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemRetrieve(ClientEvent):
    """Ask for an item, user audio included. Answer: `ConversationItemRetrieved`."""

    type: Literal["conversation.item.retrieve"] = "conversation.item.retrieve"
    item_id: str


@frozen(kw_only=True, repr=False, eq=False)
class ConversationItemTruncate(ClientEvent):
    """Cut the model's audio to the `audio_end_ms` milliseconds that were heard. Answer: `ConversationItemTruncated`."""

    type: Literal["conversation.item.truncate"] = "conversation.item.truncate"
    item_id: str
    content_index: Annotated[int, Between(0, 10**9)]
    audio_end_ms: Annotated[int, Between(0, 10**9)]


@frozen(kw_only=True, repr=False, eq=False)
class ResponseCreate(ClientEvent):
    """Make the model respond. Answers: `ResponseCreated` to `ResponseDone`."""

    type: Literal["response.create"] = "response.create"
    response: Maybe[ResponseConfig] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class ResponseCancel(ClientEvent):
    """Stop a response, the conversation's own unless `response_id` names one. Answer: `ResponseDone`."""

    type: Literal["response.cancel"] = "response.cancel"
    response_id: Maybe[str] = UNSET
