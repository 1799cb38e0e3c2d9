"""`openai-realtime emulate`: the emulator as a server for programs in any language."""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import socket
import ssl
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from openai_realtime import recording
from openai_realtime._codec.json import load
from openai_realtime.cli.signals import ending_as_by_ctrl_c
from openai_realtime.cli.terminal import listening_errors
from openai_realtime.emulator import Emulator
from openai_realtime.errors import RealtimeError

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not listened on
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--api-key", help="The key to take; without it one is made up.")
@click.option("--tls", is_flag=True, help="Speak https and wss, with a certificate made now (pip install trustme).")
@click.option("--cert", type=_FILE, help="Speak https and wss, with this certificate (PEM).")
@click.option("--key", type=_FILE, help="The private key of --cert (PEM), if it is not in that file.")
@click.option("--speed", type=click.FloatRange(0, min_open=True), help="1 is as slow as the API; without it at once.")
@click.option("--beta", is_flag=True, help="Speak the beta's dialect to those who ask for it.")
@click.option("--beta-retired", is_flag=True, help="Refuse the two beta operations, as api.openai.com does today.")
@click.option("--webhook", metavar="URL", help="Where phone calls ring: `openai-realtime ring` makes one.")
@click.option("--script", type=_FILE, help="What is said, answered and goes wrong (JSON, or YAML with pyyaml).")
@click.option("--replay", type=_FILE, multiple=True, help="A recorded session to play again; may be repeated.")
@click.option("--log", is_flag=True, help="Write a line for each request and event to stderr, without secrets.")
def emulate(  # noqa: PLR0913
    *,
    port: int,
    host: str,
    api_key: str | None,
    cert: Path | None,
    key: Path | None,
    speed: float | None,
    script: Path | None,
    replay: tuple[Path, ...],
    tls: bool,
    beta: bool,
    beta_retired: bool,
    webhook: str | None,
    log: bool,
) -> None:
    """Run the emulator until Ctrl-C, or SIGTERM.

    It prints the two settings that point a program in any language to it. With --host 0.0.0.0 other machines reach it
    too, by this machine's name or address. With --webhook phone calls ring at a service of yours. Programs on this
    machine script it at /emulator/, which /emulator/openapi.json describes.
    """
    if log:
        _log_to_stderr()
    with contextlib.ExitStack() as stack:
        stack.enter_context(ending_as_by_ctrl_c())
        context, authority = _context(stack, host, tls=tls, cert=cert, key=key)
        emulator = Emulator(
            host=host,
            port=port,
            api_key=api_key,
            tls=context,
            speed=speed or math.inf,
            beta=beta,
            beta_retired=beta_retired,
            webhook_url=webhook,
        )
        _prepare(emulator, script, replay)
        with listening_errors(host, port):
            stack.enter_context(emulator)
        gc.freeze()  # what is loaded stays: to look for garbage in it would hold up all sessions
        with contextlib.suppress(KeyboardInterrupt):
            _announce(emulator, host, authority, webhook)
            while True:
                time.sleep(3600)
    click.echo()


def _announce(emulator: Emulator, host: str, authority: str | None, webhook: str | None) -> None:
    """Print what points a program to the emulator."""
    url = urlsplit(emulator.base_url)
    click.echo(f"An emulator of the OpenAI Realtime API runs at {emulator.base_url}")
    if host in _EVERYWHERE:
        flag = "" if url.scheme == "https" else " and --insecure-http"
        click.echo(f"From other machines: {url.scheme}://{socket.gethostname()}:{url.port}/v1{flag}")
    click.echo(f"Scripted at {url.scheme}://{url.netloc}/emulator/openapi.json")
    click.echo(f"\nexport OPENAI_BASE_URL={emulator.base_url}")
    click.echo(f"export OPENAI_API_KEY={emulator.api_key}")
    if webhook is not None:
        click.echo(f"export OPENAI_WEBHOOK_SECRET={emulator.webhook_secret}")
    if authority is not None:
        click.echo(f"export SSL_CERT_FILE={authority}\nexport NODE_EXTRA_CA_CERTS={authority}")
    click.echo("\nCtrl-C ends it.")


def _log_to_stderr() -> None:
    logger, handler = logging.getLogger("openai_realtime.emulator"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _prepare(emulator: Emulator, script: Path | None, recordings: tuple[Path, ...]) -> None:
    """Say what the files say. Raises UsageError that names the file and, by its path, what is wrong in it."""
    for path in (*([script] if script else []), *recordings):
        try:
            if path == script:
                emulator.follow(_read(path))
            else:
                emulator.replay(recording.read(path))
        except RealtimeError as error:
            raise click.UsageError(f"{path}: {error}") from None


def _read(path: Path) -> Any:
    """Read JSON, or YAML where the file's name says so."""
    if path.suffix not in (".yaml", ".yml"):
        return load(path.read_bytes())
    try:
        import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
    except ImportError:
        raise click.UsageError("a script in YAML needs pyyaml: pip install 'openai-realtime[emulator]'") from None
    try:
        return yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        raise click.UsageError(f"{path}: not YAML: {error}") from None


def _context(
    stack: contextlib.ExitStack, host: str, *, tls: bool, cert: Path | None, key: Path | None
) -> tuple[ssl.SSLContext | None, str | None]:
    """Give the server's TLS context, if there shall be one, and the file of the authority that was made for it."""
    if not tls and cert is None:
        return None, None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if cert is None:
        return context, _made_certificate(stack, context, host)
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise click.UsageError(f"--cert: {cert}: {error.reason}") from None
    return context, None


def _made_certificate(stack: contextlib.ExitStack, context: ssl.SSLContext, host: str) -> str:
    """Make a certificate for this machine; give the file of its authority, which goes when the emulator ends."""
    try:
        import trustme  # noqa: PLC0415 - an extra
    except ImportError:
        raise click.UsageError("--tls needs trustme: pip install 'openai-realtime[emulator]'") from None
    authority = trustme.CA()
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname(), host}
    authority.issue_cert(*sorted(names - {*_EVERYWHERE, ""})).configure_cert(context)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="openai-realtime-"))
    authority.cert_pem.write_to_path(path := str(Path(folder) / "ca.pem"))
    return path
