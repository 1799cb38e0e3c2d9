"""`openai-realtime session`: a session of the beta."""

from __future__ import annotations

from typing import IO, Any

import click

from openai_realtime.cli.operations import run
from openai_realtime.cli.output import Output, output_options
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import SESSION, request, settings_options
from openai_realtime.models.beta import RealtimeSessionCreateRequest


@click.command()
@settings_options(SESSION)
@output_options
@with_server
def session(server: Server, /, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Create a session of the retired beta.

    FILE has the fields of the request. 'openai-realtime secret' took its place.
    """
    wanted = request(RealtimeSessionCreateRequest, config, flags, SESSION)
    run(server, output, "Session (beta)", lambda client: client.create_realtime_session(wanted))
