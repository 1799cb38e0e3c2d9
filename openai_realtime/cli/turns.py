"""What the commands that hold a session share: the events of one answer, and why an answer is not whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

import click

from openai_realtime._connection.reconnect_policy import Reconnected
from openai_realtime._sync.connection import RealtimeConnection
from openai_realtime.audio.pcm import RATE
from openai_realtime.errors import ConnectionClosedError, DecodeError, RealtimeEventError, ResponseEndedError
from openai_realtime.models.audio import AudioPcm
from openai_realtime.models.base import UNSET, Maybe
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.items import UserMessage
from openai_realtime.models.responses import ResponseConfig
from openai_realtime.models.server_events import Error, ResponseDone, ResponseOutputAudioDelta
from openai_realtime.models.sessions import (
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeSessionConfig,
)

from .terminal import print_stderr, waiting

_PATIENCE: Final = 60.0  # seconds without any event
_NORMAL: Final = 1000  # the code of a WebSocket that is closed in order


class ResponseFailedError(click.ClickException):
    """The model has not answered, and the event that ended the response says why."""


class SessionOverError(click.ClickException):
    """The server has ended the session in order, and with it the answer."""


def spoken_session(
    voice: str | None, instructions: str | None, hearing: Maybe[RealtimeAudioInput] = UNSET
) -> RealtimeSessionConfig:
    """Make the settings of a session in which the model speaks PCM of 24 kHz."""
    output = RealtimeAudioOutput(format=AudioPcm(rate=RATE), voice=voice or UNSET)
    return RealtimeSessionConfig(
        output_modalities=["audio"],
        instructions=UNSET if instructions is None else instructions,
        audio=RealtimeAudioConfig(input=hearing, output=output),
    )


def ask(connection: RealtimeConnection, text: str, response: ResponseConfig | None = None) -> Iterator[ServerEvent]:
    """Send a user's text and ask for an answer; yield its events, the last is ``response.done``.

    What is left of earlier answers is skipped. Raises ResponseFailedError if this one fails, APITimeoutError if nothing
    comes for a minute, and says on stderr if it takes long or stops early.
    """
    with waiting("the model"):
        connection.create_item(UserMessage.from_text(text))
        answer = _answer(connection, response)
        beginning = list(itertools.islice(answer, 2))  # after ``response.created`` the model may think
    yield from beginning
    yield from answer


def _answer(connection: RealtimeConnection, response: ResponseConfig | None) -> Iterator[ServerEvent]:
    """Ask for an answer and yield its events; ask again if a reconnect has lost it."""
    key = _response_id(connection.create_response(response))
    for event in _received(connection):
        if isinstance(event, Error):
            raise RealtimeEventError(event.raw or {})
        if isinstance(event, Reconnected) and key in {lost.id for lost in event.lost}:
            print_stderr("The connection was lost and is there again; the answer begins anew.")
            key = _response_id(connection.create_response(response))
        elif _response_id(event) == key:
            yield event
            if isinstance(event, ResponseDone):
                return _judge(event)
    raise SessionOverError("the server closed the session before the answer was complete")


def _received(connection: RealtimeConnection) -> Iterator[ServerEvent]:
    """Yield the events up to a normal end. Raises APITimeoutError if none comes for a minute."""
    try:
        while True:
            yield connection.receive(_PATIENCE)
    except ConnectionClosedError as error:
        if error.code != _NORMAL:
            raise


def decode_audio(event: ResponseOutputAudioDelta) -> bytes:
    """Decode the audio of an event. That it is none is the server's fault, and no bad input."""
    try:
        return event.to_bytes()
    except DecodeError as error:
        raise click.ClickException(f"the server sent {error}") from None


def _response_id(event: ServerEvent) -> Any:
    """Find the response that an event belongs to; None if it belongs to none."""
    return getattr(event, "response_id", None) or getattr(getattr(event, "response", None), "id", None)


def _judge(done: ResponseDone) -> None:
    """Raise ResponseFailedError for a response that failed; note any other that is not whole."""
    ended = ResponseEndedError(done.raw or {})
    reason = ended.message or ended.code
    ending = f"the answer is {ended.status}" + (f": {reason}" if reason else "")
    if ended.status == "failed":
        raise ResponseFailedError(ending)
    if ended.status not in ("completed", "unknown"):
        print_stderr(f"Warning: {ending}")
