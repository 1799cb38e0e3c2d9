"""`PendingResponses`: for which calls the model still has to speak, so that it is asked exactly once."""

from __future__ import annotations

from attrs import define, field


@define
class _Group:
    """The calls of one response: those that run, and those whose outputs the model has not spoken about."""

    is_done: bool = False
    running: set[str] = field(factory=set)
    unspoken: dict[str, bool] = field(factory=dict)  # call id, and whether the server has the output


class PendingResponses:
    """Follows responses and their calls. A response is due when one is done and all of its outputs are in."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._is_asked = False  # and the response has not ended
        self._is_lost = False

    @property
    def is_due(self) -> bool:
        """Whether the model is to be asked now."""
        return self._is_lost or any(
            group.is_done and group.unspoken and not group.running for group in self._groups.values()
        )

    @property
    def is_waiting(self) -> bool:
        """Whether a call runs."""
        return any(group.running for group in self._groups.values())

    def started(self, response_id: str, call_id: str, *, is_done: bool) -> None:
        """Follow a call that a response makes, which may be done already."""
        self._groups.setdefault(response_id, _Group(is_done=is_done)).running.add(call_id)

    def ended(self, call_id: str, *, respond: bool, acknowledged: bool = False) -> None:
        """Follow a call whose output is on its way, or `acknowledged`: with the server already."""
        for group in self._groups.values():
            if call_id in group.running:
                group.running.discard(call_id)
                if respond:
                    group.unspoken[call_id] = acknowledged
        self._clean()

    def acknowledged(self, call_id: str) -> None:
        """Follow an output that the server has."""
        for group in self._groups.values():
            if call_id in group.unspoken:
                group.unspoken[call_id] = True

    def done(self, response_id: str) -> None:
        """Follow a response that ended."""
        self._is_asked = False
        if response_id in self._groups:
            self._groups[response_id].is_done = True
            self._clean()

    def lost(self) -> None:
        """End all responses: their connection is gone. One that was asked for is due again."""
        self._is_lost, self._is_asked = self._is_asked, False
        for group in self._groups.values():
            group.is_done = True
        self._clean()

    def asked(self) -> None:
        """Count what is due as answered: the model is asked now."""
        self._is_asked, self._is_lost = True, False
        for group in self._groups.values():
            if group.is_done and not group.running:
                group.unspoken.clear()
        self._clean()

    def spoken(self) -> None:
        """Count every output that the server has as answered: a response began that knows them."""
        self._is_lost = False
        for group in self._groups.values():
            group.unspoken = {call_id: has for call_id, has in group.unspoken.items() if not has}
        self._clean()

    def _clean(self) -> None:
        """Forget the responses to which nothing can come any more."""
        self._groups = {
            name: group for name, group in self._groups.items() if not group.is_done or group.running or group.unspoken
        }
