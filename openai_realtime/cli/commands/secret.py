"""`openai-realtime secret`: a client secret."""

from __future__ import annotations

from typing import IO, Any

import click

from openai_realtime.cli.operations import run
from openai_realtime.cli.output import Output, output_options
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import SECRET, client_secret_request, settings_options


@click.command()
@settings_options(SECRET)
@output_options
@with_server
def secret(server: Server, /, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Mint a client secret for a browser or phone.

    FILE is a session, {"type": "realtime", ...} or {"type": "transcription", ...}, or the whole request,
    {"session": {...}, "expires_after": {...}}: with a "type" it is a session. Flags override it.
    """
    wanted = client_secret_request(config, flags)
    run(server, output, "Client secret", lambda client: client.create_realtime_client_secret(wanted))
