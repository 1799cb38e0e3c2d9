"""`openai-realtime emulate`: the emulator as a server for programs in any language."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from urllib.parse import urlsplit

import click

from openai_realtime.emulator import Emulator

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--beta-retired", is_flag=True, help="Refuse the two beta operations, as api.openai.com does today.")
def emulate(port: int, host: str, *, beta_retired: bool) -> None:
    """Run the emulator until Ctrl-C.

    It prints the two settings that point a program in any language to it. With --host 0.0.0.0 other machines reach it
    too, by this machine's name or address.
    """
    try:
        emulator = Emulator(host=host, port=port, beta_retired=beta_retired).start()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise click.UsageError(f"cannot listen on {host} port {port}: {reason}; --port 0 takes a free one") from None
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(emulator):
        click.echo(f"An emulator of the OpenAI Realtime API runs at {emulator.base_url}")
        if host in _EVERYWHERE:
            name = socket.gethostname()
            click.echo(f"From other machines: http://{name}:{urlsplit(emulator.base_url).port}/v1 and --insecure-http")
        click.echo(f"\nexport OPENAI_BASE_URL={emulator.base_url}")
        click.echo(f"export OPENAI_API_KEY={emulator.api_key}")
        click.echo("\nCtrl-C ends it.")
        while True:
            time.sleep(3600)
    click.echo()
