"""`ItemState`: what is known of one item, from the first word of it to its end."""

from __future__ import annotations

import io
from typing import Any, Final, Literal

from attrs import frozen

from openai_realtime._codec.converter import structure
from openai_realtime._codec.raw import JSON, objects_in, text_in
from openai_realtime.models.base64 import from_base64, to_base64
from openai_realtime.models.items import Item
from openai_realtime.models.server_events import ConversationItemAdded

__all__ = ["Caption", "ItemState", "Part"]

_MAX_PARTS: Final = 64  # a server's odd content_index must not cost memory
IN_PROGRESS: Final = "in_progress"
_STATE: Final = ("id", "role", "raw", "status", "response_id", "passed")


@frozen(kw_only=True)
class Caption:
    """What one side said in one item; `final` when no more words come."""

    item_id: str
    role: Literal["user", "assistant"]
    text: str
    final: bool


class Part:
    """One content part: its words as far as they came, its audio, and where that was cut.

    - final: whether no more words come.
    - audio_ms: how much of its speech came; `cut_ms` is where it was truncated, None if it was not.
    """

    __slots__ = ("_buffer", "_text", "audio", "audio_ms", "cut_ms", "final")

    def __init__(self) -> None:
        self._text = ""
        self._buffer: io.StringIO | None = None  # appending to a text costs its length each time
        self.final = False
        self.audio_ms = 0.0
        self.cut_ms: float | None = None
        self.audio: bytearray | None = None

    @property
    def words(self) -> str:
        """All words that came."""
        return self._text if self._buffer is None else self._buffer.getvalue()

    @words.setter
    def words(self, text: str) -> None:
        self._text, self._buffer = text, None

    def add(self, delta: str) -> None:
        """Append words, unless they all came."""
        if self.final:
            return
        if self._buffer is None:
            self._buffer = io.StringIO()
            self._buffer.write(self._text)
        self._buffer.write(delta)

    def finish(self, text: str = "") -> bool:
        """End the words: `text` if it is given, else what came. Tell whether that is news."""
        is_news = not (self.final and text and self.words == text)
        self.words = text or self.words
        self.final = True
        return is_news

    def keep(self, audio: bytes) -> None:
        """Append speech that is kept."""
        self.audio = bytearray() if self.audio is None else self.audio
        self.audio += audio

    @property
    def heard_ms(self) -> float:
        """How much of the speech was heard, as far as the server knows."""
        if self.cut_ms is None:
            return self.audio_ms
        return min(self.cut_ms, self.audio_ms) if self.audio_ms else self.cut_ms

    @property
    def is_cut(self) -> bool:
        """Whether all words came and were cut: what another session was told of them is cut already."""
        return self.final and self.cut_ms is not None

    @property
    def heard_words(self) -> str:
        """The words that were heard: of cut speech its share, to the whole word, as the API tells no place in them."""
        if self.cut_ms is None:
            return self.words
        return share_of(self.words, self.cut_ms, self.audio_ms)

    def to_json(self) -> dict[str, Any]:
        """Return all that is known."""
        state = {name: getattr(self, name) for name in ("words", "final", "audio_ms", "cut_ms")}
        return state if self.audio is None else {**state, "audio": to_base64(self.audio)}

    @classmethod
    def from_json(cls, state: JSON) -> Part:
        """Make the part that `to_json` wrote."""
        part = cls()
        for name in ("words", "final", "audio_ms", "cut_ms"):
            setattr(part, name, state[name])
        part.audio = bytearray(from_base64(state["audio"])) if "audio" in state else None
        return part


def share_of(text: str, heard_ms: float, length_ms: float) -> str:
    """Return the part of the text of speech that was heard, to the whole word."""
    share = heard_ms / length_ms if length_ms else 0
    return text if share >= 1 else text[: int(len(text) * share)].rpartition(" ")[0]


class ItemState:
    """An item of a conversation. `raw` is the item as the server sent it last, empty as long as it did not.

    `parts` has what is known of its content; `response_id` says which response made it; `status` is the last word of
    the server, such as ``in_progress``, ``completed``, ``incomplete`` or ``failed``; empty if there was none.
    """

    __slots__ = ("id", "parts", "passed", "raw", "response_id", "role", "status")

    def __init__(self, item_id: str, role: str = "") -> None:
        self.id = item_id
        self.raw: JSON = {}
        self.parts: list[Part] = []
        self.response_id = ""
        self.status = ""
        self.role = role
        """Whose message it is: ``user``, ``assistant`` or ``system``; empty for other items."""
        self.passed = False
        """Whether its caption's turn has come."""

    @property
    def type(self) -> str:
        """The item's type: ``message``, ``function_call``, ..."""
        return text_in(self.raw, "type")

    @property
    def item(self) -> Item:
        """The item as a model, as the server sent it last."""
        return structure({"item": self.raw}, ConversationItemAdded).item

    @property
    def text(self) -> str:
        """The words of all its parts, as far as they came and were heard."""
        return "".join(part.heard_words for part in self.parts)

    @property
    def words(self) -> str:
        """The words of all its parts, as far as they came."""
        return "".join(part.words for part in self.parts)

    @property
    def audio_ms(self) -> float:
        """How much of its speech came, in milliseconds."""
        return sum(part.audio_ms for part in self.parts)

    @property
    def heard_ms(self) -> float:
        """How much of its speech was heard, as far as the server knows, in milliseconds."""
        return sum(part.heard_ms for part in self.parts)

    @property
    def audio(self) -> bytes:
        """Its speech, in the session's output format; empty unless the conversation keeps audio."""
        return b"".join(part.audio for part in self.parts if part.audio)

    def part(self, index: object) -> Part:
        """Return a part by its index; those up to it are made if they are new."""
        wanted = min(index, _MAX_PARTS - 1) if isinstance(index, int) and index > 0 else 0
        while len(self.parts) <= wanted:
            self.parts.append(Part())
        return self.parts[wanted]

    def update(self, raw: JSON) -> None:
        """Take what the server says of the whole item."""
        self.raw = raw
        self.role = text_in(raw, "role") or self.role
        self.status = text_in(raw, "status") or self.status
        for index, content in enumerate(objects_in(raw, "content")):
            words = text_in(content, "text") or text_in(content, "transcript")
            if words and self.status != IN_PROGRESS and not self.part(index).is_cut:
                self.part(index).finish(words)

    @property
    def is_final(self) -> bool:
        """Whether no more words of it come."""
        # A user's message in progress is speech whose transcript is not there, and some servers leave it at that.
        return (self.status != IN_PROGRESS or self.role == "user") and all(part.final for part in self.parts)

    def finish(self) -> None:
        """End all its words: none come any more."""
        if self.status == IN_PROGRESS:
            self.status = "incomplete"
        for part in self.parts:
            if not part.final:
                part.finish()

    def to_json(self) -> dict[str, Any]:
        """Return all that is known."""
        return {**{name: getattr(self, name) for name in _STATE}, "parts": [part.to_json() for part in self.parts]}

    @classmethod
    def from_json(cls, state: JSON) -> ItemState:
        """Make the item that `to_json` wrote."""
        item = cls(state["id"])
        for name in _STATE:
            setattr(item, name, state[name])
        item.parts = [Part.from_json(part) for part in state["parts"]]
        return item
