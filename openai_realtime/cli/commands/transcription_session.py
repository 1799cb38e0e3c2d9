"""`openai-realtime transcription-session`: a transcription session of the beta."""

from __future__ import annotations

from typing import IO, Any

import click

from openai_realtime.cli.operations import run
from openai_realtime.cli.output import Output, output_options
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import TRANSCRIPTION_SESSION, request, settings_options
from openai_realtime.models.beta import RealtimeTranscriptionSessionCreateRequest


@click.command("transcription-session")
@settings_options(TRANSCRIPTION_SESSION)
@output_options
@with_server
def transcription_session(server: Server, /, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Create a transcription session of the beta.

    FILE has the fields of the request. 'openai-realtime secret' took its place.
    """
    wanted = request(RealtimeTranscriptionSessionCreateRequest, config, flags, TRANSCRIPTION_SESSION)
    run(
        server,
        output,
        "Transcription session (beta)",
        lambda client: client.create_realtime_transcription_session(wanted),
    )
