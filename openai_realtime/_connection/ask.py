"""`Answer`: what the model answers to one question, gathered from the events of its response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from openai_realtime.errors import ConnectionClosedError, InvalidRequestError, Problem, ResponseEndedError
from openai_realtime.models.base import Model
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.items import FunctionCall, UserMessage
from openai_realtime.models.responses import RealtimeResponse, ResponseConfig
from openai_realtime.models.server_events import ResponseCreated, ResponseDone, ResponseOutputAudioDelta

from .reconnect_policy import Reconnected

if TYPE_CHECKING:
    from .realtime import AsyncRealtimeConnection

__all__ = ["Answer"]


@frozen(kw_only=True)
class Answer:
    """The model's answer: its `text` (of speech the transcript), its `audio` in the session's output format, the calls.

    `response` is the response as the server ended it, with what it used.
    """

    text: str
    audio: bytes = field(repr=lambda audio: f"<{len(audio)} bytes>")
    function_calls: Sequence[FunctionCall]
    response: RealtimeResponse


def _question(what: Any) -> Any:
    """Return the item that says `what`, a text, audio or an item. Raises InvalidRequestError for anything else."""
    if isinstance(what, Model):
        return what
    if isinstance(what, str):
        return UserMessage.from_text(what)
    if isinstance(what, bytes | bytearray | memoryview):
        return UserMessage.from_audio(what)
    allowed = "a text, bytes of audio or an item"
    raise InvalidRequestError([Problem("what", "invalid_type", type(what).__name__, allowed)])


async def put_question(
    connection: AsyncRealtimeConnection, what: Any, response: ResponseConfig | None, timeout: float | None
) -> Gathering:
    """Say something and ask for a response; give what gathers the answer from the events to come."""
    await connection.create_item(_question(what), timeout=timeout)
    created = await connection.create_response(response, timeout=timeout)
    return Gathering(created.response.id)


class Gathering:
    """Takes a session's events until the answer of one response is whole."""

    def __init__(self, response_id: object) -> None:
        self._response_id = response_id
        self._has_begun = False  # what was unread before is of no matter
        self._audio = bytearray()

    def add(self, event: ServerEvent) -> Answer | None:
        """Take one event; return the answer if it was the last.

        Raises ResponseEndedError if the response failed, was cancelled or is incomplete, and ConnectionClosedError if
        its connection was lost and replaced.
        """
        if isinstance(event, ResponseCreated):
            self._has_begun = self._has_begun or event.response.id == self._response_id
        if isinstance(event, Reconnected) and self._has_begun:
            raise ConnectionClosedError(event.code, event.reason)
        if isinstance(event, ResponseOutputAudioDelta) and event.response_id == self._response_id:
            self._audio += event.audio
        if not isinstance(event, ResponseDone) or event.response.id != self._response_id:
            return None
        if event.response.status != "completed":
            raise ResponseEndedError(event.raw or {})
        done = event.response
        return Answer(text=done.text, audio=bytes(self._audio), function_calls=done.function_calls, response=done)
