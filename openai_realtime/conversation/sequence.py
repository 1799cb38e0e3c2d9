"""`ItemSequence`: the items of a conversation by id and in order, and how far their captions were taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Self

from openai_realtime._codec.raw import JSON, text_in

from .items import ItemState

SPEAKERS: Final = ("user", "assistant")
_ROOT: Final = "root"


class ItemSequence:
    """Items with a place in the conversation, and `loose` ones: speech under way, and what is said out of band."""

    def __init__(self) -> None:
        self.loose: dict[str, ItemState] = {}
        self._placed: dict[str, ItemState] = {}
        self._order: list[str] = []
        self._roots: set[str] = set()  # what the client puts first
        self._linked = False  # whether the server says which item comes before another
        self._next_caption = 0
        self._taken: set[str] = set()

    def __iter__(self) -> Iterator[ItemState]:
        return (self._placed[item_id] for item_id in self._order)

    def find(self, item_id: str) -> ItemState | None:
        """Return what is known of an item."""
        return self._placed.get(item_id) or self.loose.get(item_id)

    def has_place(self, item_id: str) -> bool:
        """Whether the item is one of the conversation."""
        return item_id in self._placed

    def known(self, item_id: str, role: str) -> ItemState:
        """Return an item, a loose one if it is new."""
        return self._placed.get(item_id) or self.loose.get(item_id) or self._new_loose(item_id, role)

    def _new_loose(self, item_id: str, role: str) -> ItemState:
        state = ItemState(item_id, role)
        if item_id:
            self.loose[item_id] = state
        return state

    def created(self, raw: JSON, item_id: str) -> None:
        """Follow what the client puts at the front: the server's event does not tell it from an unknown place."""
        if raw.get("previous_item_id") == _ROOT:
            self._roots.add(item_id)

    def place(self, item_id: str, raw: JSON, role: str = "") -> ItemState:
        """Return an item, and give it the place that an event's `previous_item_id` says if it has none."""
        state = self.known(item_id, role)
        if item_id and item_id not in self._placed:
            index = self._index_after(item_id, raw)
            self.loose.pop(item_id, None)
            self._placed[item_id] = state
            self._order.insert(index, item_id)
            self._next_caption = min(self._next_caption, index)
        return state

    def _index_after(self, item_id: str, raw: JSON) -> int:
        previous = text_in(raw, "previous_item_id")
        if previous in self._placed:
            self._linked = True
            return len(self._order) if self._order[-1] == previous else self._order.index(previous) + 1
        first = "previous_item_id" in raw and raw["previous_item_id"] is None
        return 0 if first and (self._linked or item_id in self._roots) else len(self._order)

    def delete(self, item_id: str) -> None:
        """Forget an item."""
        self.loose.pop(item_id, None)
        if self._placed.pop(item_id, None) is not None:
            index = self._order.index(item_id)
            del self._order[index]
            if index < self._next_caption:
                self._next_caption -= 1

    def look_again(self, state: ItemState) -> None:
        """Come back to an item whose words came after its caption's turn."""
        if state.passed and state.id not in self._taken and state.text:
            self._next_caption = min(self._next_caption, self._order.index(state.id))

    def take_captions(self) -> list[ItemState]:
        """Return the items whose words became final, up to the first that is not; each exactly once."""
        taken = []
        while self._next_caption < len(self._order):
            state = self._placed[self._order[self._next_caption]]
            if state.role in SPEAKERS and not state.is_final:
                break
            self._next_caption += 1
            state.passed = True
            if state.role in SPEAKERS and state.text and state.id not in self._taken:
                self._taken.add(state.id)
                taken.append(state)
        return taken

    def to_json(self) -> dict[str, Any]:
        """Return all that is known."""
        return {
            "placed": [state.to_json() for state in self],
            "loose": [state.to_json() for state in self.loose.values()],
            "roots": sorted(self._roots),
            "linked": self._linked,
            "next_caption": self._next_caption,
            "taken": sorted(self._taken),
        }

    @classmethod
    def from_json(cls, state: JSON) -> Self:
        """Make the sequence that `to_json` wrote."""
        made = cls()
        made._placed = {raw["id"]: ItemState.from_json(raw) for raw in state["placed"]}
        made._order = list(made._placed)
        made.loose = {raw["id"]: ItemState.from_json(raw) for raw in state["loose"]}
        made._roots, made._linked = set(state["roots"]), state["linked"]
        made._next_caption, made._taken = state["next_caption"], set(state["taken"])
        return made
