"""What a session was sent and told, kept by an observer of the connection, and the sum of it.

Each thing that was sent or announced is in exactly one of answered, sent again, restored, and lost. The answers are
found here by what they say, with no word of the client's own.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from openai_realtime import Reconnected
from openai_realtime.models.events import ClientEvent, ServerEvent

_APPEND = "input_audio_buffer.append"
_IN_ORDER = {
    "input_audio_buffer.committed": "input_audio_buffer.commit",
    "input_audio_buffer.cleared": "input_audio_buffer.clear",
}
_BY_ITEM = {
    "conversation.item.added": "conversation.item.create",
    "conversation.item.deleted": "conversation.item.delete",
    "conversation.item.retrieved": "conversation.item.retrieve",
    "conversation.item.truncated": "conversation.item.truncate",
}
ASKED_AT_THE_END = "no-such-item"
_SHOWN = 300  # characters of an event in the history
_SERVERS = ("mcp_list_tools",)  # items that each session has of its own


class Ledger:
    """An observer. `problems` is what nothing explains."""

    def __init__(self, *, on_call: bool) -> None:
        self.problems: list[str] = []
        self.pending: dict[str, ClientEvent] = {}
        self.items: list[str] = []
        self.responses: set[str] = set()
        self.deleted: set[str] = set()
        self.lost: Counter[tuple[str, str | None]] = Counter()
        self.history: list[str] = []
        self.reconnects = 0
        self.answered = 0
        self.sent_again = 0
        self.restored = 0
        self._on_call = on_call
        self._turns: set[str] = set()  # what the user said
        self._there: set[str] = set()  # the items that the present session has told of

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way."""
        return not (self.pending or self.responses)

    def sent(self, event: ClientEvent) -> None:
        """Note what goes to the server."""
        self._write(">", event.type if event.type == _APPEND else event)
        if event.type != _APPEND:
            self.pending[str(event.event_id)] = event

    def received(self, event: ServerEvent) -> None:
        """Note what the server says."""
        self._write("<", event)
        if isinstance(event, Reconnected):
            self._reconnected(event)
            return
        raw: Any = event.raw
        self._answer(raw)
        kind = raw["type"]
        if kind == "response.created":
            self.responses.add(raw["response"]["id"])
        elif kind == "response.done":
            self.responses.discard(raw["response"]["id"])
        elif kind == "conversation.item.added":
            self._added(raw)
        elif kind == "conversation.item.deleted" and raw["item_id"] in self.items:
            self.items.remove(raw["item_id"])
            self.deleted.add(raw["item_id"])
        elif kind == "input_audio_buffer.committed":
            self._turns.add(raw["item_id"])
            self._announced(raw["item_id"], raw["previous_item_id"])

    def _write(self, way: str, event: Any) -> None:
        """Keep an event as a line of the history, but for deltas and the questions at the end."""
        text = repr(event)
        if not (ASKED_AT_THE_END in text or str(getattr(event, "type", "")).endswith(".delta")):
            self.history.append(f"{way} {text[:_SHOWN]}")

    def _announced(self, item_id: str, previous: str | None) -> None:
        if item_id not in self.items:
            after_all = previous not in self.items and previous is not None  # after an item of the server's own
            at = self.items.index(previous) + 1 if previous in self.items else 0
            self.items.insert(len(self.items) if after_all else at, item_id)

    def _added(self, raw: Any) -> None:
        item_id = raw["item"]["id"]
        if raw["item"]["type"] in _SERVERS:
            return
        if item_id in self._there:
            self.problems.append(f"item {item_id} was added twice")
        self._there.add(item_id)
        self._announced(item_id, raw["previous_item_id"])

    def _answer(self, raw: Any) -> None:
        kind = raw["type"]
        if kind == "error":
            self._answered(raw["error"].get("event_id"))
        elif kind == "response.created":
            self._answered((raw["response"].get("metadata") or {}).get("openai_realtime_event_id"))
        elif kind == "response.done":
            for event_id in self._asked("response.cancel"):
                self._answered(event_id)
        elif kind == "session.updated":
            said = raw["session"]["instructions"]
            asked = [name for name in self._asked("session.update") if self._instructions(name) == said]
            self._answered(next(iter(asked), None))
        elif kind in _IN_ORDER:
            self._answered(next(iter(self._asked(_IN_ORDER[kind])), None))
        elif kind in _BY_ITEM:
            item_id = raw.get("item_id") or raw["item"]["id"]
            asked = [name for name in self._asked(_BY_ITEM[kind]) if _item_of(self.pending[name]) == item_id]
            self._answered(next(iter(asked), None))

    def _instructions(self, event_id: str) -> Any:
        event: Any = self.pending[event_id]
        return event.session.instructions

    def _asked(self, kind: str) -> list[str]:
        return [name for name, event in self.pending.items() if event.type == kind]

    def _answered(self, event_id: str | None) -> None:
        if event_id is not None and self.pending.pop(event_id, None) is not None:
            self.answered += 1

    def _reconnected(self, news: Reconnected) -> None:
        self.reconnects += 1
        self.sent_again += len(news.resent)
        self.restored += len(news.restored)
        lost = Counter((lost.what, lost.id) for lost in news.lost)
        self.lost += lost
        for event_id, event in list(self.pending.items()):
            again, gone = event_id in news.resent, ("event", event_id) in lost
            # On a call the server may have said that it was done: then its answer comes behind this event.
            done = self._on_call and not (again or gone)
            self._once(f"{event.type} {event_id}", again, gone, done)
            if gone:
                del self.pending[event_id]
        if self._on_call:
            return
        for event_id in news.resent:
            if event_id not in self.pending:
                self.problems.append(f"{event_id} was answered and is sent again")
        for item_id in self.items:
            again = item_id in self._turns and news.resent_audio_ms > 0
            restored, gone = item_id in news.restored, ("item", item_id) in lost
            self._once(f"item {item_id}", restored, gone, again and not (restored or gone))
        order = [item_id for item_id in self.items if item_id in news.restored]
        if order != list(news.restored):
            self.problems.append(f"restored {list(news.restored)} of {self.items}")
        for name in self.responses:
            self._once(f"response {name}", ("response", name) in lost)
        self.items, self._there, self.responses = order, set(order), set()

    def _once(self, what: str, *places: bool) -> None:
        if places.count(True) != 1:
            self.problems.append(f"{what} is in {places.count(True)} places after reconnect {self.reconnects}")


def _item_of(event: Any) -> str:
    return str(getattr(event, "item_id", None) or event.item.id)
