"""The items of one conversation, in order, with the audio and the words that the server knows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import attrs

from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.script import Heard
from openai_realtime.emulator.wire import JSON
from openai_realtime.errors import DecodeError
from openai_realtime.models.base import UNSET, UnknownObject
from openai_realtime.models.base64 import to_base64
from openai_realtime.models.items import (
    AssistantMessage,
    AudioContent,
    ConversationItem,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    McpApprovalResponse,
    McpCall,
    McpError,
    McpListTools,
    OutputAudio,
    OutputText,
    SystemMessage,
    TextPart,
    UserMessage,
)

from . import sound

ROOT = "root"
_DENIED = "Denied."


@attrs.frozen
class Audio:
    """What an item sounds like. `audio_format` is that of when it was made: the session's may have changed since."""

    data: bytearray
    audio_format: JSON

    @property
    def milliseconds(self) -> float:
        """How long it is."""
        return len(self.data) / sound.bytes_per_ms(self.audio_format)

    def cut(self, end_ms: int) -> None:
        """Forget what comes after `end_ms`."""
        del self.data[end_ms * sound.bytes_per_ms(self.audio_format) :]


class Conversation:
    """Items by id. `audio` is what each one sounds like, and `words` what was said in the user's audio."""

    def __init__(self) -> None:
        self.audio: dict[str, Audio] = {}
        self.words: dict[str, str] = {}
        self._items: dict[str, Item] = {}
        self._order: list[str] = []

    def __iter__(self) -> Iterator[Item]:
        return (self._items[item_id] for item_id in self._order)

    @property
    def has_model_audio(self) -> bool:
        """Whether the model has spoken, after which its voice is fixed."""
        return any(isinstance(item, AssistantMessage) and self._bytes(item) for item in self)

    def add(self, item: Item, previous: str | None = None) -> str | None:
        """Put `item` after `previous`, at the end, or first (``"root"``); gives the id of the item before it.

        Raises Refusal for an unknown `previous` and for an id that is taken.
        """
        key = item_id(item)
        if key in self._items:
            raise api_errors.duplicate_item(key)
        place = self._place(previous)
        self._order.insert(place, key)
        self._items[key] = item
        return self._order[place - 1] if place else None

    def replace(self, item: Item) -> None:
        """Store the newer state of an item, unless it was deleted meanwhile."""
        if item_id(item) in self._items:
            self._items[item_id(item)] = item

    def find(self, key: str, doing: str) -> Item:
        """The item with that id. Raises Refusal that says what could not be done, such as ``delete``."""
        if key not in self._items:
            raise api_errors.unknown_item(key, doing)
        return self._items[key]

    def delete(self, key: str) -> None:
        """Remove an item. Raises Refusal if there is none with that id."""
        self.find(key, "delete")
        del self._items[key]
        self._order.remove(key)
        self.audio.pop(key, None)

    def truncate(self, key: str, content_index: int, audio_end_ms: int) -> None:
        """Cut what the model said in an item. Raises Refusal for all else, and for what is shorter."""
        item, audio = self.find(key, "truncate"), self.audio.get(key)
        # What the model says is one part, and the content of an item that it still speaks is empty.
        if not isinstance(item, AssistantMessage) or audio is None or not audio.data or content_index != 0:
            raise api_errors.not_truncatable()
        if audio_end_ms > audio.milliseconds:
            raise api_errors.already_shorter(int(audio.milliseconds), audio_end_ms)
        audio.cut(audio_end_ms)
        # The words of what was not heard must go, and nobody knows which those are.
        self.replace(attrs.evolve(item, content=[OutputAudio(transcript="")]))

    def previous_of(self, key: str) -> str | None:
        """The id of the item before; None for the first, and for one that is gone."""
        place = self._order.index(key) if key in self._items else 0
        return self._order[place - 1] if place else None

    def with_audio(self, item: Item) -> Item:
        """An item as ``conversation.item.retrieve`` shows it."""
        audio = self.audio.get(item_id(item))
        if audio is None or not isinstance(item, UserMessage | AssistantMessage):
            return item
        text = to_base64(audio.data)
        parts: Any = [
            attrs.evolve(part, audio=text) if isinstance(part, AudioContent) else part for part in item.content
        ]
        return cast("Item", attrs.evolve(item, content=parts))

    def heard(self, items: Sequence[Item] | None = None) -> Heard:
        """The last thing that the user, or a tool, said in `items`, or in the whole conversation."""
        for item in reversed([*self] if items is None else items):
            if isinstance(item, UserMessage):
                return Heard(text=self._text(item), audio=self._sound(item))
            if (text := _tool_text(item)) is not None:
                return Heard(text=text)
        return Heard()

    def text_of(self, item: Item) -> str:
        """All text in an item, for counting tokens."""
        if isinstance(item, UserMessage | AssistantMessage | SystemMessage):
            return self._text(item)
        return " ".join(str(getattr(item, name, "") or "") for name in ("name", "arguments", "output"))

    def _place(self, previous: str | None) -> int:
        if previous is None:
            return len(self._order)
        if previous == ROOT:
            return 0
        if previous not in self._items:
            raise api_errors.unknown_previous_item(previous)
        return self._order.index(previous) + 1

    def _text(self, item: UserMessage | AssistantMessage | SystemMessage) -> str:
        texts = [part.text for part in item.content if isinstance(part, InputText | OutputText | TextPart)]
        spoken = [part.transcript or "" for part in item.content if isinstance(part, AudioContent)]
        return " ".join([*texts, self.words.get(item_id(item)) or " ".join(spoken)]).strip()

    def _sound(self, item: UserMessage) -> bytes | None:
        parts = [part for part in item.content if isinstance(part, InputAudio)]
        given = b"".join(part.to_bytes() for part in parts)
        return self._bytes(item) or given if parts else None

    def _bytes(self, item: Item) -> bytes:
        audio = self.audio.get(item_id(item))
        return bytes(audio.data) if audio else b""


def _tool_text(item: Item) -> str | None:
    """What a tool answered, or the user of a tool that may not be called; None for all else."""
    match item:
        case FunctionCallOutput(output=text) | McpCall(output=str(text)):
            return text
        case McpCall(error=McpError(message=text)):
            return text
        case McpApprovalResponse(approve=False, reason=reason):
            return reason or _DENIED
        case _:
            return None


def item_id(item: Item) -> str:
    """The id of an item; empty where it has none yet."""
    return "" if isinstance(item, UnknownObject) else item.id or ""


def audio_of(item: Item) -> bytearray:
    """The audio inside a client's item. Raises Refusal for what is not base64."""
    parts = item.content if isinstance(item, UserMessage) else ()
    try:
        return bytearray().join(part.to_bytes() for part in parts if isinstance(part, InputAudio))
    except DecodeError:
        raise api_errors.not_base64("item.content[0].audio") from None


def numbered(item: Item, key: str) -> Item:
    """A client's item as the server takes it: with an id, and complete."""
    if isinstance(item, FunctionCallOutput | McpListTools):  # the server gives these no status
        return attrs.evolve(item, id=item.id or key)
    if isinstance(item, ConversationItem):
        return cast("Item", attrs.evolve(item, id=item.id or key, status="completed"))
    return item


def without_audio(item: Item) -> Item:
    """An item as events show it: audio only in the answer to ``conversation.item.retrieve``."""
    if not isinstance(item, UserMessage | AssistantMessage):
        return item
    parts: Any = [
        attrs.evolve(part, audio=UNSET, transcript=part.transcript or None)
        if isinstance(part, InputAudio)
        else attrs.evolve(part, audio=UNSET)
        if isinstance(part, OutputAudio)
        else part
        for part in item.content
    ]
    return cast("Item", attrs.evolve(item, content=parts))
