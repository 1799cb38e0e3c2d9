"""One command for each operation of the API: build the request, call, deliver."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

import click

from openai_realtime._sync.client import RealtimeClient
from openai_realtime.models.beta import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest
from openai_realtime.models.translation import RealtimeTranslationClientSecretCreateRequest

from .connection import CommandGroup, Connection, with_connection
from .output import Output, output_options, warnings_on_stderr
from .settings import (
    CALL,
    SECRET,
    SESSION,
    TRANSCRIPTION_SESSION,
    TRANSLATION_SECRET,
    BadInputError,
    call_session,
    client_secret_request,
    file_name,
    request,
    settings_options,
)


def _run(connection: Connection, output: Output, title: str, operation: Callable[[RealtimeClient], Any]) -> None:
    """Call `operation` with a client of the chosen server and deliver the answer under `title`."""
    output.check()
    with connection.client() as client, warnings_on_stderr():
        answer = operation(client)
    output.deliver(title, answer)


@click.command()
@settings_options(SECRET)
@output_options
@with_connection
def secret(connection: Connection, /, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Mint a client secret for a browser or phone.

    FILE is a session, {"type": "realtime", ...} or {"type": "transcription", ...}, or the whole request,
    {"session": {...}, "expires_after": {...}}: with a "type" it is a session. Flags override it.
    """
    wanted = client_secret_request(config, flags)
    _run(connection, output, "Client secret", lambda client: client.create_realtime_client_secret(wanted))


@click.command("translation-secret")
@settings_options(TRANSLATION_SECRET)
@output_options
@with_connection
def translation_secret(connection: Connection, /, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Mint a client secret for translation.

    FILE is the whole request, {"session": {"model": ..., "audio": {...}}, "expires_after": {...}}.
    """
    wanted = request(RealtimeTranslationClientSecretCreateRequest, config, flags, TRANSLATION_SECRET)
    _run(
        connection,
        output,
        "Client secret for translation",
        lambda client: client.create_realtime_translation_client_secret(wanted),
    )


@click.command()
@settings_options(SESSION)
@output_options
@with_connection
def session(connection: Connection, /, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Create a session of the retired beta.

    FILE has the fields of the request. 'openai-realtime secret' took its place.
    """
    wanted = request(RealtimeSessionCreateRequest, config, flags, SESSION)
    _run(connection, output, "Session (beta)", lambda client: client.create_realtime_session(wanted))


@click.command("transcription-session")
@settings_options(TRANSCRIPTION_SESSION)
@output_options
@with_connection
def transcription_session(connection: Connection, /, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Create a transcription session of the beta.

    FILE has the fields of the request. 'openai-realtime secret' took its place.
    """
    wanted = request(RealtimeTranscriptionSessionCreateRequest, config, flags, TRANSCRIPTION_SESSION)
    _run(
        connection,
        output,
        "Transcription session (beta)",
        lambda client: client.create_realtime_transcription_session(wanted),
    )


@click.group(cls=CommandGroup)
def call() -> None:
    """Open a WebRTC call; answer, transfer and end calls."""


@call.command()
@click.argument("offer", type=click.File("rb"), metavar="OFFER.sdp")
@settings_options(CALL)
@output_options
@with_connection
def create(connection: Connection, /, offer: IO[bytes], config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Open a call with the SDP offer in a file; - is standard input.

    Without --config and flags the offer goes alone, for a key that is a client secret with its own session.
    """
    wanted = call_session(config, flags) if config or any(value is not None for value in flags.values()) else None
    try:
        sdp = offer.read().decode()
    except UnicodeDecodeError:
        raise BadInputError(f"{file_name(offer)}: not UTF-8 text, so no SDP offer") from None
    _run(connection, output, "Call", lambda client: client.create_realtime_call(sdp, wanted))


@call.command()
@click.argument("call_id")
@settings_options(CALL)
@output_options
@with_connection
def accept(connection: Connection, /, call_id: str, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Answer an incoming SIP call with a session."""
    wanted = call_session(config, flags)
    _run(connection, output, f"Accepted {call_id}", lambda client: client.accept_realtime_call(call_id, wanted))


@call.command()
@click.argument("call_id")
@click.option("--status-code", type=int, help="The SIP status for the caller.  [default: 603, Decline]")
@output_options
@with_connection
def reject(connection: Connection, call_id: str, status_code: int | None, output: Output) -> None:
    """Decline an incoming SIP call."""
    _run(connection, output, f"Rejected {call_id}", lambda client: client.reject_realtime_call(call_id, status_code))


@call.command()
@click.argument("call_id")
@click.argument("target_uri")
@output_options
@with_connection
def refer(connection: Connection, call_id: str, target_uri: str, output: Output) -> None:
    """Transfer a SIP call to TARGET_URI, such as tel:+14155550123."""
    title = f"Referred {call_id} to {target_uri}"
    _run(connection, output, title, lambda client: client.refer_realtime_call(call_id, target_uri))


@call.command()
@click.argument("call_id")
@output_options
@with_connection
def hangup(connection: Connection, call_id: str, output: Output) -> None:
    """End a call."""
    _run(connection, output, f"Hung up {call_id}", lambda client: client.hangup_realtime_call(call_id))
