"""The items of one conversation, in order, with the audio and the words that the server knows of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import attrs

from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.script import UserInput
from openai_realtime.emulator.wire import JSON
from openai_realtime.errors import DecodeError
from openai_realtime.models.base import UNSET, UnknownObject
from openai_realtime.models.base64 import to_base64
from openai_realtime.models.items import (
    AssistantMessage,
    AudioContent,
    ConversationItem,
    FunctionCall,
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

from . import sound, usage
from .usage import Tokens

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


@attrs.define(eq=False)
class _Entry:
    """An item in its place, with its audio, what was said in it if the user spoke, and what it costs to read."""

    item: Item
    before: _Entry | None = None
    after: _Entry | None = None
    audio: Audio | None = None
    words: str = ""
    tokens: Tokens = attrs.field(factory=Tokens)


class Conversation:
    """Items by id, in an order of their own. No answer takes longer because more was said before.

    `tokens` is what the model reads and hears before it answers.
    """

    def __init__(self) -> None:
        self.tokens = Tokens()
        self._entries: dict[str, _Entry] = {}
        self._first: _Entry | None = None
        self._last: _Entry | None = None
        self._call_ids: set[str] = set()

    def __iter__(self) -> Iterator[Item]:
        entry = self._first
        while entry is not None:
            yield entry.item
            entry = entry.after

    @property
    def has_model_audio(self) -> bool:
        """Whether the model has spoken, after which its voice is fixed."""
        entries = self._entries.values()
        return any(isinstance(entry.item, AssistantMessage) and _sounds(entry) for entry in entries)

    def add(self, item: Item, previous: str | None = None) -> str | None:
        """Put `item` after `previous`, at the end, or first (``"root"``); give the id of the item before it.

        Raises Refusal for an unknown `previous`, for an id that is taken, and for the output of a call nobody made.
        """
        key = item_id(item)
        if key in self._entries:
            raise api_errors.duplicate_item(key)
        if isinstance(item, FunctionCallOutput) and item.call_id not in self._call_ids:
            raise api_errors.unknown_tool_call(item.call_id)
        before = self._place(previous)
        entry = self._entries[key] = _Entry(item, before, before.after if before else self._first)
        self._link(entry, entry)
        self._register(entry)
        return item_id(before.item) if before else None

    def replace(self, item: Item) -> None:
        """Store the newer state of an item, unless it was deleted meanwhile."""
        entry = self._entries.get(item_id(item))
        if entry is not None:
            entry.item = item
            self._register(entry)

    def find(self, key: str, doing: str) -> Item:
        """Give the item with that id. Raises Refusal that says what could not be done, such as ``delete``."""
        if key not in self._entries:
            raise api_errors.unknown_item(key, doing)
        return self._entries[key].item

    def delete(self, key: str) -> None:
        """Remove an item. Raises Refusal if there is none with that id."""
        self.find(key, "delete")
        entry = self._entries.pop(key)
        self._link(entry, None)
        self.tokens.add(entry.tokens, -1)
        if isinstance(entry.item, FunctionCall):
            self._call_ids.discard(str(entry.item.call_id))

    def audio(self, key: str) -> Audio | None:
        """Give what an item sounds like; None for one that is gone, or has no sound."""
        entry = self._entries.get(key)
        return entry.audio if entry else None

    def set_audio(self, key: str, audio: Audio, words: str = "") -> None:
        """Say what an item sounds like, and what is said in it; does nothing for one that is gone."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.audio, entry.words = audio, words
            self._register(entry)

    def truncate(self, key: str, content_index: int, audio_end_ms: int) -> None:
        """Cut what the model said in an item. Raises Refusal for all else, and for what is shorter."""
        item, audio = self.find(key, "truncate"), self.audio(key)
        # What the model says is one part, and the content of an item that it still speaks is empty.
        if not isinstance(item, AssistantMessage) or audio is None or not audio.data or content_index != 0:
            raise api_errors.not_truncatable()
        if audio_end_ms > audio.milliseconds:
            raise api_errors.already_shorter(int(audio.milliseconds), audio_end_ms)
        audio.cut(audio_end_ms)
        # The words of what was not heard must go, and nobody knows which those are.
        self.replace(attrs.evolve(item, content=[OutputAudio(transcript="")]))

    def previous_of(self, key: str) -> str | None:
        """Give the id of the item before; None for the first, and for one that is gone."""
        entry = self._entries.get(key)
        return item_id(entry.before.item) if entry and entry.before else None

    def with_audio(self, item: Item) -> Item:
        """Give an item as ``conversation.item.retrieve`` shows it."""
        audio = self.audio(item_id(item))
        if audio is None or not isinstance(item, UserMessage | AssistantMessage):
            return item
        text = to_base64(audio.data)
        parts: Any = [
            attrs.evolve(part, audio=text) if isinstance(part, AudioContent) else part for part in item.content
        ]
        return cast("Item", attrs.evolve(item, content=parts))

    def last_input(self, items: Sequence[Item] | None = None) -> UserInput:
        """Give the last thing that the user, or a tool, said in `items`, or in the whole conversation."""
        for item in self._backwards() if items is None else reversed(items):
            if isinstance(item, UserMessage):
                return UserInput(text=self._text(item), audio=self._sound(item))
            if (text := _tool_text(item)) is not None:
                return UserInput(text=text)
        return UserInput()

    def _backwards(self) -> Iterator[Item]:
        entry = self._last
        while entry is not None:
            yield entry.item
            entry = entry.before

    def _place(self, previous: str | None) -> _Entry | None:
        """Find the entry after which a new one comes; None puts it first."""
        if previous is None:
            return self._last
        if previous == ROOT:
            return None
        if previous not in self._entries:
            raise api_errors.unknown_previous_item(previous)
        return self._entries[previous]

    def _link(self, entry: _Entry, new: _Entry | None) -> None:
        """Let the neighbours of `entry` see `new` between them, or each other."""
        if entry.before is None:
            self._first = new or entry.after
        else:
            entry.before.after = new or entry.after
        if entry.after is None:
            self._last = new or entry.before
        else:
            entry.after.before = new or entry.before

    def _register(self, entry: _Entry) -> None:
        """Take account of what is new about an item."""
        if isinstance(entry.item, FunctionCall):
            self._call_ids.add(str(entry.item.call_id))
        self.tokens.add(entry.tokens, -1)
        milliseconds = entry.audio.milliseconds if entry.audio else 0
        entry.tokens = usage.item_tokens(entry.item, milliseconds, self._all_text(entry.item))
        self.tokens.add(entry.tokens, 1)

    def _all_text(self, item: Item) -> str:
        if isinstance(item, UserMessage | AssistantMessage | SystemMessage):
            return self._text(item)
        return " ".join(str(getattr(item, name, "") or "") for name in ("name", "arguments", "output"))

    def _text(self, item: UserMessage | AssistantMessage | SystemMessage) -> str:
        texts = [part.text for part in item.content if isinstance(part, InputText | OutputText | TextPart)]
        spoken = [part.transcript or "" for part in item.content if isinstance(part, AudioContent)]
        entry = self._entries.get(item_id(item))
        return " ".join([*texts, (entry and entry.words) or " ".join(spoken)]).strip()

    def _sound(self, item: UserMessage) -> bytes | None:
        parts = [part for part in item.content if isinstance(part, InputAudio)]
        if not parts:
            return None
        entry = self._entries.get(item_id(item))
        return (_sounds(entry) if entry else b"") or b"".join(part.to_bytes() for part in parts)


def _sounds(entry: _Entry) -> bytes:
    return bytes(entry.audio.data) if entry.audio else b""


def _tool_text(item: Item) -> str | None:
    """Give what a tool answered, or the user of a tool that may not be called; None for all else."""
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
    """Give the id of an item; empty where it has none yet."""
    return "" if isinstance(item, UnknownObject) else item.id or ""


def audio_of(item: Item) -> bytearray:
    """Give the audio inside a client's item. Raises Refusal for what is not base64."""
    parts = item.content if isinstance(item, UserMessage) else ()
    try:
        return bytearray().join(part.to_bytes() for part in parts if isinstance(part, InputAudio))
    except DecodeError:
        raise api_errors.not_base64("item.content[0].audio") from None


def numbered(item: Item, key: str) -> Item:
    """Give a client's item as the server takes it: with an id, and complete."""
    if isinstance(item, FunctionCallOutput | McpListTools):  # the server gives these no status
        return attrs.evolve(item, id=item.id or key)
    if isinstance(item, ConversationItem):
        return cast("Item", attrs.evolve(item, id=item.id or key, status="completed"))
    return item


def without_audio(item: Item) -> Item:
    """Give an item as events show it: audio only in the answer to ``conversation.item.retrieve``."""
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
