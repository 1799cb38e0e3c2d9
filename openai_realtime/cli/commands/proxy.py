"""`openai-realtime proxy`: record what any client says to the API."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import click

from openai_realtime._config import ClientOptions, resolve_config
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.terminal import listening_errors, print_stdout
from openai_realtime.recording.proxy import Proxy


@click.command()
@click.option(
    "--record",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default="session.jsonl",
    show_default=True,
    metavar="FILE",
    help="Where the first session is written; later ones get a number.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8081, show_default=True, help="0 takes a free one.")
@with_server
def proxy(server: Server, /, record: Path, host: str, port: int) -> None:
    """Stand in front of the API and record.

    It runs until Ctrl-C. Point a client in any language to the URL that it prints; the client's own key is passed on,
    and never written. `inspect`, `diff` and the emulator read the recordings.
    """
    with server.options() as options, contextlib.suppress(KeyboardInterrupt):
        if server.emulator:
            click.echo(f"export OPENAI_API_KEY={options.get('api_key')}")
        asyncio.run(_serve(_base_url(options), record, host, port))
    click.echo()


def _base_url(options: ClientOptions) -> str:
    return resolve_config({**options, "api_key": "sk-of-the-client"}, os.environ).base_url


async def _serve(base_url: str, record: Path, host: str, port: int) -> None:
    proxying = Proxy(base_url, record, lambda path: print_stdout(f"A session is recorded to {path}"))
    with listening_errors(host, port):
        async with proxying.listening(host, port) as url:
            click.echo(f"export OPENAI_BASE_URL={url}")
            click.echo(f"It stands in front of {base_url}. Ctrl-C ends it.")
            await asyncio.Event().wait()
