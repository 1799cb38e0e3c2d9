"""What the commands that hold a session share: the events of one answer, and why an answer is not whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from openai_realtime._sync.connection import RealtimeConnection
from openai_realtime.errors import DecodeError, RealtimeEventError
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.items import UserMessage
from openai_realtime.models.responses import ResponseConfig
from openai_realtime.models.server_events import Error, ResponseDone, ResponseOutputAudioDelta

from .terminal import note


class ResponseFailedError(click.ClickException):
    """The model has not answered, and the event that ended the response says why."""


def ask(session: RealtimeConnection, text: str, response: ResponseConfig | None = None) -> Iterator[ServerEvent]:
    """Send a user's text and ask for an answer; its events, the last is ``response.done``.

    What is left of earlier answers is skipped. Raises ResponseFailedError if this one fails, and says on stderr if it
    stops early.
    """
    session.create_item(UserMessage.from_text(text))
    key = _response_id(session.create_response(response))
    for event in session:
        if isinstance(event, Error):
            raise RealtimeEventError(event.raw or {})
        if _response_id(event) == key:
            yield event
            if isinstance(event, ResponseDone):
                return _judge(event)
    raise click.ClickException("the server closed the session before the answer was complete")


def sound(event: ResponseOutputAudioDelta) -> bytes:
    """The audio of an event. That it is none is the server's fault, and no bad input."""
    try:
        return event.audio
    except DecodeError as error:
        raise click.ClickException(f"the server sent {error}") from None


def _response_id(event: ServerEvent) -> Any:
    """The response that an event belongs to; None if it belongs to none."""
    return getattr(event, "response_id", None) or getattr(getattr(event, "response", None), "id", None)


def _judge(done: ResponseDone) -> None:
    """Raise ResponseFailedError for a response that failed; note any other that is not whole."""
    status = getattr(done.response, "status", None) or "completed"
    details = getattr(done.response, "status_details", None)
    error = getattr(details, "error", None)
    reason = getattr(error, "message", None) or getattr(error, "code", None) or getattr(details, "reason", None)
    ending = f"the answer is {status}" + (f": {reason}" if reason else "")
    if status == "failed":
        raise ResponseFailedError(ending)
    if status != "completed":
        note(f"Warning: {ending}")
