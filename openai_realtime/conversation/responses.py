"""How the responses of a session went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from attrs import evolve, field, frozen

from openai_realtime._codec.raw import JSON, is_in_conversation, object_in, text_in

from .usage import Usage

__all__ = ["ResponseSummary"]

_PLAIN: Final = ("id", "status", "reason", "error", "in_conversation")


@frozen(kw_only=True)
class ResponseSummary:
    """How a response went: `status` is ``in_progress`` until it ends, and ``lost`` if its connection was.

    `reason` says why it was cancelled or is incomplete, `error` (type, code, message) why it failed. `item_ids` are
    those of the items that it made. One that is not `in_conversation` was asked for outside of it.
    """

    id: str
    status: str = "in_progress"
    reason: str = ""
    error: JSON = field(factory=dict)
    in_conversation: bool = True
    item_ids: Sequence[str] = ()
    usage: Usage = field(factory=Usage)

    def to_json(self) -> dict[str, Any]:
        """Return all that is known."""
        return {**{name: getattr(self, name) for name in _PLAIN}, "item_ids": [*self.item_ids],
                "usage": self.usage.to_json()}  # fmt: skip

    @classmethod
    def from_json(cls, state: JSON) -> ResponseSummary:
        """Make the summary that `to_json` wrote."""
        return cls(**{**state, "usage": Usage(**state["usage"])})


class Responses:
    """The responses of a session by id, and which of them are under way."""

    def __init__(self, summaries: Iterable[ResponseSummary] = ()) -> None:
        self.by_id = {one.id: one for one in summaries}
        self._active = [one.id for one in self.by_id.values() if one.status == "in_progress"]

    @property
    def active(self) -> ResponseSummary | None:
        """The conversation's own response that is under way."""
        return next((one for name in self._active[::-1] if (one := self.by_id[name]).in_conversation), None)

    def created(self, response: JSON) -> None:
        """Follow a response that begins."""
        name = text_in(response, "id")
        self.by_id[name] = ResponseSummary(id=name, in_conversation=is_in_conversation(response))
        self._active.append(name)

    def made(self, response_id: str, item_id: str) -> None:
        """Follow an item that a response makes."""
        known = self.by_id.get(response_id)
        if known is not None and item_id not in known.item_ids:
            self.by_id[response_id] = evolve(known, item_ids=[*known.item_ids, item_id])

    def done(self, response: JSON) -> ResponseSummary:
        """Follow a response that ends; return how."""
        name, details = text_in(response, "id"), object_in(response, "status_details")
        ended = self.by_id[name] = evolve(
            self.by_id.get(name) or ResponseSummary(id=name),
            status=text_in(response, "status") or "completed",
            reason=text_in(details, "reason"),
            error=object_in(details, "error"),
            usage=Usage.of_response(object_in(response, "usage")),
        )
        self._active = [active for active in self._active if active != name]
        return ended

    def lose(self) -> None:
        """End what was under way on a connection that is gone."""
        for name in self._active:
            self.by_id[name] = evolve(self.by_id[name], status="lost")
        self._active = []

    def is_in_conversation(self, response_id: str) -> bool:
        """Whether a response is one of the conversation; one that nobody told of is."""
        known = self.by_id.get(response_id)
        return known is None or known.in_conversation
