"""The main job in one command: mint credentials through the real HTTP client, and show what happened."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs
import click

from openai_realtime.config import ClientOptions, resolve_config
from openai_realtime.converter import encode, load_object
from openai_realtime.errors import BetaRetiredError
from openai_realtime.models.audio import AudioTranscription
from openai_realtime.models.base import Model
from openai_realtime.models.beta import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest
from openai_realtime.models.sessions import RealtimeCreateClientSecretRequest, RealtimeSessionConfig
from openai_realtime.sync import RealtimeClient

from .connection import Connection, with_connection
from .output import facts, http_facts, request_id, show, tell


@attrs.frozen(kw_only=True)
class _Step:
    """One operation of the demonstration."""

    title: str
    path: str
    operation: Callable[[RealtimeClient, Any], Any]
    request: Model


_STEPS: Final[Sequence[_Step]] = (
    _Step(
        title="1. A client secret, for a browser or phone",
        path="/realtime/client_secrets",
        operation=RealtimeClient.create_realtime_client_secret,
        request=RealtimeCreateClientSecretRequest(
            session=RealtimeSessionConfig(model="gpt-realtime-2.1", instructions="Be brief.")
        ),
    ),
    _Step(
        title="2. A session of the beta",
        path="/realtime/sessions",
        operation=RealtimeClient.create_realtime_session,
        request=RealtimeSessionCreateRequest(model="gpt-realtime", voice="alloy"),
    ),
    _Step(
        title="3. A transcription session of the beta",
        path="/realtime/transcription_sessions",
        operation=RealtimeClient.create_realtime_transcription_session,
        request=RealtimeTranscriptionSessionCreateRequest(
            input_audio_transcription=AudioTranscription(model="gpt-4o-transcribe", language="en")
        ),
    ),
)


@click.command()
@with_connection
def demo(connection: Connection) -> None:
    """Mint three credentials and show what happened.

    A client secret, a session and a transcription session, through the real HTTP client. Without OPENAI_API_KEY it
    runs on the built-in emulator, which needs no network.
    """
    no_key = not os.environ.get("OPENAI_API_KEY")
    if no_key and connection.base_url is None:
        connection.emulator = True
    with connection.server() as options, RealtimeClient(**options) as client:
        tell(_server(connection, options, no_key=no_key) + "\n")
        retired = [step for step in _STEPS if not _worked(client, step)]
    tell(_summary(len(retired)))


def _server(connection: Connection, options: ClientOptions, *, no_key: bool) -> str:
    """Which server the demonstration uses, and why."""
    url = resolve_config(options, os.environ).base_url
    if not connection.emulator:
        return f"Using the API at {url} with the key in OPENAI_API_KEY."
    reason = "OPENAI_API_KEY is not set: using" if no_key else "Using"
    return f"{reason} the built-in emulator at {url}; nothing leaves this machine."


def _worked(client: RealtimeClient, step: _Step) -> bool:
    """Run one step and show it. False if the server has retired it; other errors are raised."""
    asked = [("asked", f"POST {step.path}"), ("with", ", ".join(_flat(load_object(encode(step.request)))))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the titles and the summary say it
            answer = step.operation(client, step.request)
    except BetaRetiredError as error:
        answered = [("answer", f"HTTP {error.status}: retired; the API ended its beta on 2026-05-12")]
        instead = [("instead", "openai-realtime secret")]
        show(step.title, [*asked, *answered, *request_id(error.request_id), *instead], style="yellow")
        click.echo()
        return False
    show(step.title, [*asked, *http_facts(answer.http), *facts(answer)])
    click.echo()
    return True


def _flat(settings: dict[str, Any], above: str = "") -> Iterator[str]:
    """The values of nested `settings`, each after its path."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}={value}"


def _summary(retired: int) -> str:
    worked = len(_STEPS) - retired
    if not retired:
        return f"All {worked} worked; their secrets are masked here. Next: openai-realtime secret --help"
    return f"{worked} worked; {retired} of the beta are retired on this server. Next: openai-realtime secret --help"
