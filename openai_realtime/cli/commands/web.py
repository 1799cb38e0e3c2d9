"""`openai-realtime web`: a page to talk with the model in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
from functools import partial
from urllib.parse import urlsplit

import click

from openai_realtime import AsyncRealtimeClient, RealtimeAudioConfig, RealtimeAudioInput, RealtimeSessionConfig
from openai_realtime._config import ClientOptions
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import MODEL
from openai_realtime.cli.terminal import listening_errors
from openai_realtime.models.audio import AudioTranscription
from openai_realtime.models.base import UNSET
from openai_realtime.web.aiohttp_server import listening
from openai_realtime.web.broker import Broker, BrokerSettings
from openai_realtime.web.messages import WebRequest


@click.command()
@click.option("--model", default=MODEL, show_default=True, help="The model's name.")
@click.option("--instructions", metavar="TEXT", help="What the model shall be and do.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@with_server
def web(server: Server, /, model: str, instructions: str | None, host: str, port: int) -> None:
    """Serve a page to talk with the model.

    It runs until Ctrl-C. It is for you on this machine: everybody who reaches the port talks with your key. Without
    OPENAI_API_KEY it talks with the built-in emulator.
    """
    transcription = AudioTranscription(model="gpt-4o-mini-transcribe")
    session = RealtimeSessionConfig(
        model=model,
        instructions=UNSET if instructions is None else instructions,
        audio=RealtimeAudioConfig(input=RealtimeAudioInput(transcription=transcription)),
    )
    with server.session_options("It repeats what you say.") as options, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options, session, host, port))
    click.echo()


def _user(host: str, request: WebRequest) -> str | None:
    """Name the user, unless the page came by a name that somebody else may have led here (DNS rebinding)."""
    name = urlsplit("//" + request.headers.get("host", "")).hostname or ""
    return "local" if name in (host, "localhost") or _is_address(name) else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _serve(options: ClientOptions, session: RealtimeSessionConfig, host: str, port: int) -> None:
    async with AsyncRealtimeClient(**options) as client:
        settings = BrokerSettings(
            session=session, authorize=partial(_user, host), salt=secrets.token_hex(), rate=60, idle_seconds=None
        )
        broker = Broker(client, settings, page=True)
        with listening_errors(host, port):
            async with listening(broker.app.aiohttp_routes(), host, port) as url:
                click.echo(f"Open {url} in a browser. Ctrl-C ends it.")
                try:
                    await asyncio.Event().wait()
                finally:
                    await broker.close()
