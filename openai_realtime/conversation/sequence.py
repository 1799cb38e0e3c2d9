"""`ItemSequence`: the items of a conversation by id and in order, and their captions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from attrs import asdict

from openai_realtime._codec.raw import JSON, text_in

from .items import IN_PROGRESS, Caption, ItemState

_SPEAKERS: Final = ("user", "assistant")
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
        self._captioned: set[str] = set()
        self._due: deque[Caption] = deque()  # filled as events come, emptied by whatever thread takes them

    def __iter__(self) -> Iterator[ItemState]:
        known = map(self._placed.get, self._order.copy())  # a copy, as another thread may place and delete
        return (state for state in known if state is not None)

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

    def captions(self, is_shown: Callable[[str], bool]) -> list[Caption]:
        """Return what was heard so far of every item; of a loose one if its response `is_shown`."""
        loose = [state for state in list(self.loose.values()) if is_shown(state.response_id)]
        return [_caption(state, state.text) for state in [*self, *loose] if state.role in _SPEAKERS and state.text]

    def look_again(self, item_id: str) -> None:
        """Come back to an item whose words came after its caption's turn."""
        state = self._placed.get(item_id)
        if state is not None and state.passed and item_id not in self._captioned and state.words:
            self._next_caption = min(self._next_caption, self._order.index(item_id))

    def collect_captions(self) -> None:
        """Keep the captions that became final, up to the first that is not; each exactly once."""
        while self._next_caption < len(self._order):
            state = self._placed[self._order[self._next_caption]]
            if not self._is_due(state):
                break
            self._next_caption += 1
            state.passed = True
            if state.role in _SPEAKERS and state.words and state.id not in self._captioned:
                self._captioned.add(state.id)
                self._due.append(_caption(state, state.words))

    def take_captions(self) -> list[Caption]:
        """Return the captions that were kept since the last call; from any thread."""
        return [self._due.popleft() for _ in range(len(self._due))]

    def _is_due(self, state: ItemState) -> bool:
        """Whether the caption of the next item may be given: some servers send a user's transcript as it grows."""
        is_last = self._next_caption == len(self._order) - 1
        return state.role not in _SPEAKERS or (state.is_final and not (is_last and state.status == IN_PROGRESS))

    def to_json(self) -> dict[str, Any]:
        """Return all that is known."""
        return {
            "placed": [state.to_json() for state in self],
            "loose": [state.to_json() for state in self.loose.values()],
            "roots": sorted(self._roots),
            "linked": self._linked,
            "next_caption": self._next_caption,
            "captioned": sorted(self._captioned),
            "due": [asdict(caption) for caption in self._due],
        }

    @classmethod
    def from_json(cls, state: JSON) -> Self:
        """Make the sequence that `to_json` wrote."""
        made = cls()
        made._placed = {raw["id"]: ItemState.from_json(raw) for raw in state["placed"]}
        made._order = list(made._placed)
        made.loose = {raw["id"]: ItemState.from_json(raw) for raw in state["loose"]}
        made._roots, made._linked = set(state["roots"]), state["linked"]
        made._next_caption, made._captioned = state["next_caption"], set(state["captioned"])
        made._due.extend(Caption(**caption) for caption in state["due"])
        return made


def _caption(state: ItemState, text: str) -> Caption:
    role: Any = state.role
    return Caption(item_id=state.id, role=role, text=text.strip(), final=state.is_final)
