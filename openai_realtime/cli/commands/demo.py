"""The main job in one command: mint credentials and hold a session through the real client, and show what happened."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs
import click

from openai_realtime._codec.converter import encode
from openai_realtime._codec.json import load_object
from openai_realtime._sync.client import RealtimeClient
from openai_realtime._sync.connection import RealtimeConnection
from openai_realtime.audio.pcm import duration
from openai_realtime.cli.facts import facts, format_value, http_facts, request_id
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import MODEL
from openai_realtime.cli.terminal import Rows, print_rows, print_stdout
from openai_realtime.cli.turns import ask, decode_audio
from openai_realtime.errors import BetaRetiredError
from openai_realtime.models.audio import AudioTranscription
from openai_realtime.models.base import Model
from openai_realtime.models.beta import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest
from openai_realtime.models.client_secrets import RealtimeCreateClientSecretRequest
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.responses import RealtimeResponseUsage, ResponseConfig
from openai_realtime.models.server_events import (
    ResponseDone,
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputTextDelta,
)
from openai_realtime.models.sessions import RealtimeSessionConfig


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
        request=RealtimeCreateClientSecretRequest(session=RealtimeSessionConfig(model=MODEL, instructions="Be brief.")),
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
@with_server
def demo(server: Server) -> None:
    """Mint credentials and hold a session.

    A client secret, a session and a transcription session over HTTP; then a text turn and a spoken turn over a
    WebSocket. It shows what happened. Without OPENAI_API_KEY it runs on the built-in emulator, which needs no network.
    """
    server.needs_no_key()
    with server.options() as options, RealtimeClient(**options) as client:
        print_stdout(server.describe(options) + "\n")
        with server.waiting():
            retired = [step for step in _STEPS if not _run_step(client, step)]
        _hold_session(server, client)
    print_stdout(_summary(len(retired)))


def _run_step(client: RealtimeClient, step: _Step) -> bool:
    """Run one step and print it. Return False if the server has retired it; other errors are raised."""
    asked = [("asked", f"POST {step.path}"), ("with", ", ".join(_flat(load_object(encode(step.request)))))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the titles and the summary say it
            answer = step.operation(client, step.request)
    except BetaRetiredError as error:
        answered = [("answer", f"HTTP {error.status}: retired; the API ended its beta on 2026-05-12")]
        instead = [("instead", "openai-realtime secret")]
        print_rows(step.title, [*asked, *answered, *request_id(error.request_id), *instead], style="yellow")
        click.echo()
        return False
    print_rows(step.title, [*asked, *http_facts(answer.http), *facts(answer)])
    click.echo()
    return True


def _flat(settings: dict[str, Any], above: str = "") -> Iterator[str]:
    """Write the values of nested `settings`, each after its path."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}={value}"


def _hold_session(server: Server, client: RealtimeClient) -> None:
    """Take a text turn and a spoken turn, in one session."""
    config = RealtimeSessionConfig(output_modalities=["text"], instructions="Be brief.")
    with server.connect(client, model=MODEL, session=config) as connection:
        where = ("asked", f"WebSocket /realtime?model={MODEL}")
        _show_turn(connection, "4. A text turn", [where, ("said", "Say hello.")], None)
        spoken = ResponseConfig(output_modalities=["audio"])
        _show_turn(connection, "5. A spoken turn, in the same session", [("said", "Say goodbye.")], spoken)


def _show_turn(connection: RealtimeConnection, title: str, asked: Rows, response: ResponseConfig | None) -> None:
    """Say what the last of the rows `asked` has, and show the answer."""
    started = time.perf_counter()
    events = list(ask(connection, asked[-1][1], response))
    took = f"{len(events)} in {(time.perf_counter() - started) * 1000:.0f} ms"
    text = "".join(_words(event) for event in events)
    audio = b"".join(decode_audio(event) for event in events if isinstance(event, ResponseOutputAudioDelta))
    heard = [("audio", f"{duration(audio):.1f} s of PCM16 at 24 kHz; openai-realtime say writes it")] if audio else []
    print_rows(title, [*asked, ("answer", format_value(text)), *heard, ("events", took), *_cost(events[-1])])
    click.echo()


def _words(event: ServerEvent) -> str:
    """Find what an event adds to the answer, written or spoken."""
    if isinstance(event, ResponseOutputTextDelta | ResponseOutputAudioTranscriptDelta):
        return event.delta or ""
    return ""


def _cost(event: ServerEvent) -> Rows:
    """Find the tokens of a response, if its last event tells them."""
    usage = getattr(event.response, "usage", None) if isinstance(event, ResponseDone) else None
    if not isinstance(usage, RealtimeResponseUsage):
        return []
    return [("tokens", f"{format_value(usage.input_tokens) or 0} in, {format_value(usage.output_tokens) or 0} out")]


def _summary(retired: int) -> str:
    worked = len(_STEPS) - retired + 2
    next_step = "Next: openai-realtime chat, and openai-realtime --help"
    if not retired:
        return f"All {worked} worked; secrets are masked here. {next_step}"
    return f"{worked} worked; {retired} of the beta are retired on this server. {next_step}"
