"""`ConnectionStatus`: what a connection says of itself, to asyncio and to blocking programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from openai_realtime._codec.raw import text_in
from openai_realtime.models.sessions import RealtimeSession, RealtimeTranscriptionSession
from openai_realtime.models.translation import RealtimeTranslationSession

from .link import Link, State


class ConnectionStatus:
    """What can be read of a connection at any moment, from any thread."""

    _link: Link

    def __repr__(self) -> str:
        name = type(self).__name__
        if "_link" not in vars(self):  # in the traceback of a failed start
            return f"<{name} not made>"
        model, session_id = self._session_text("model"), self.session_id
        return f"<{name} {model=} {session_id=} state={self._link.state.value} unread={self.unread}>"

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a connection cannot be copied or pickled: the end of the copy would be the session's end")

    @property
    def session(self) -> RealtimeSession | RealtimeTranscriptionSession | RealtimeTranslationSession | Any:
        """The settings in force, as the server sent them last; None before it has sent any."""
        return self._link.dispatcher.session

    @property
    def session_id(self) -> str | None:
        """The session's id, which the API's support asks for; None if the server has sent none."""
        return self._session_text("id")

    @property
    def observer_errors(self) -> Sequence[BaseException]:
        """What observers raised; each was called no more afterwards."""
        return self._link.dispatcher.observers.errors

    @property
    def closed(self) -> bool:
        """Whether nothing more can be sent or received."""
        return self._link.state is State.CLOSED

    @property
    def unread(self) -> int:
        """How many events are here that nobody has read."""
        return len(self._link.inbox)

    def _session_text(self, name: str) -> str | None:
        """Return a text of the session as the server sent it, of whatever class it was read as."""
        return text_in(getattr(self.session, "raw", None) or {}, name) or None
