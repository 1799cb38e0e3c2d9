"""`openai-realtime translation-secret`: a client secret for translation."""

from __future__ import annotations

from typing import IO, Any

import click

from openai_realtime.cli.operations import run
from openai_realtime.cli.output import Output, output_options
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import TRANSLATION_SECRET, request, settings_options
from openai_realtime.models.translation import RealtimeTranslationClientSecretCreateRequest


@click.command("translation-secret")
@settings_options(TRANSLATION_SECRET)
@output_options
@with_server
def translation_secret(server: Server, /, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Mint a client secret for translation.

    FILE is the whole request, {"session": {"model": ..., "audio": {...}}, "expires_after": {...}}.
    """
    wanted = request(RealtimeTranslationClientSecretCreateRequest, config, flags, TRANSLATION_SECRET)
    run(
        server,
        output,
        "Client secret for translation",
        lambda client: client.create_realtime_translation_client_secret(wanted),
    )
