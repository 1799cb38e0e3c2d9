"""A session's events, made by hand."""

from __future__ import annotations

import json
from typing import Any, get_args

from hypothesis import strategies as st

from openai_realtime import (
    InputAudioBufferAppend,
    SessionUpdate,
    decode_server_event,
    structure_request,
)
from openai_realtime._connection.ids import identified
from openai_realtime._connection.tracker import SessionTracker
from openai_realtime.models.events import ClientEvent, Dialect

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


VAD = {"type": "server_vad"}


class Session(SessionTracker):
    """A conversation that is told what happens in few words."""

    def says(self, type: str, **fields: Any) -> None:  # noqa: A002 - the wire's name
        self.received(decode_server_event(json.dumps({"type": type, **fields})))

    def sends(self, event: ClientEvent) -> Any:
        event = identified(event)
        self.sent(event)
        return event

    def adds(self, item_id: str, previous: str | None = None, **item: Any) -> None:
        self.says("conversation.item.added", previous_item_id=previous, item={"id": item_id, **item})

    def hears(self, milliseconds: int, chunk: int = 100) -> list[InputAudioBufferAppend]:
        return [self.sends(silence(chunk)) for _ in range(milliseconds // chunk)]

    @property
    def told(self) -> dict[str, Any]:
        """The items by id, as the server told them last."""
        return {item.id: item.raw for item in self.items}

    def text(self, place: tuple[str, int]) -> str:
        item = self.conversation.item(place[0])
        return "" if item is None else item.part(place[1]).heard_words

    def parts(self, item_id: str) -> list[tuple[str, int]]:
        item = self.conversation.item(item_id)
        return [] if item is None else [(item_id, index) for index in range(len(item.parts))]

    @property
    def audio_kept(self) -> list[InputAudioBufferAppend]:
        return [sent.event for sent in self.audio]

    @property
    def audio(self) -> Any:
        return self.speech.uncommitted

    @property
    def pending(self) -> Any:
        return self.unanswered.pending

    @property
    def responses(self) -> Any:
        return self.unanswered.responses

    @property
    def speaking(self) -> bool:
        return self.speech.speaking

    @property
    def dropped_ms(self) -> float:
        return self.speech.dropped_ms


def silence(milliseconds: float) -> InputAudioBufferAppend:
    return InputAudioBufferAppend.from_bytes(bytes(round(48 * milliseconds)))


def session(turn_detection: Any = VAD, **more: Any) -> Session:
    opened = Session()
    opened.says("session.created", session={"audio": {"input": {"turn_detection": turn_detection, **more}}})
    return opened


def message(item_id: str, *parts: dict[str, Any], role: str = "assistant", **more: Any) -> dict[str, Any]:
    return {"id": item_id, "type": "message", "role": role, "content": list(parts), **more}


def update(**settings: Any) -> SessionUpdate:
    return structure_request({"type": "session.update", "session": {"type": "realtime", **settings}}, SessionUpdate)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5) | st.sampled_from(["a", "b", "root", "evt"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["id", "type", "role", "content", "item_id", "event_id", "audio"]), inner),
    max_leaves=8,
)  # fmt: skip
