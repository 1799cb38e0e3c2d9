"""`openai-realtime ring`: a phone call to a service, made by a running emulator."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click
import pybase64

from openai_realtime._codec.converter import dumps
from openai_realtime._codec.json import load
from openai_realtime.audio import read_wav
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.signals import ending_as_by_ctrl_c
from openai_realtime.cli.terminal import one_line

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_POLL_SECONDS = 0.1


@click.command()
@click.option("--webhook", metavar="URL", help="Where to ring.  [default: where `emulate --webhook` says]")
@click.option("--from", "caller", default="+14155550123", show_default=True, help="The number that calls.")
@click.option("--audio", type=_FILE, metavar="FILE", help="A WAV file: what the caller says.")
@click.option("--keys", metavar="KEYS", help="What the caller presses, such as 12#.")
@with_server
def ring(server: Server, /, webhook: str | None, caller: str, audio: Path | None, keys: str | None) -> None:
    """Ring at your service, as a phone call does.

    The emulator that runs at OPENAI_BASE_URL delivers the webhook, and is on the phone until the call is over. Ctrl-C,
    or SIGTERM, hangs up. The exit code is 1 if nobody answered.
    """
    control = _Control(server)
    call: dict[str, Any] = {"sip_headers": [{"name": "From", "value": f"<sip:{caller}@sip.example.com>"}]}
    if webhook:
        call["webhook_url"] = webhook
    if keys:
        call["keys"] = keys
    if audio:
        call["audio"] = pybase64.b64encode(read_wav(audio)).decode()
    call_id = control.ask("calls", call)["call_id"]
    try:
        with ending_as_by_ctrl_c():
            click.echo(f"Ringing: {call_id}")
            over = _follow(control, call_id)
    except KeyboardInterrupt:
        control.ask("hang_up", {"call_id": call_id})
        over = _follow(control, call_id)
    click.echo(one_line(f"Over: {over['ended']}; heard {over['heard_ms'] / 1000:.1f} s of the model"))
    if not over["answered"]:
        raise click.exceptions.Exit(1)


def _follow(control: _Control, call_id: str) -> Any:
    """Say what becomes of a call until it is over; return it."""
    deliveries, answered = 0, False
    while True:
        call = next(call for call in control.ask("calls")["calls"] if call["call_id"] == call_id)
        for status in call["deliveries"][deliveries:]:
            click.echo("Webhook: no answer" if status is None else f"Webhook: answered with {status}")
        if call["answered"] and not answered:
            click.echo("Accepted")
        deliveries, answered = len(call["deliveries"]), call["answered"]
        if call["ended"] is not None:
            return call
        time.sleep(_POLL_SECONDS)


class _Control:
    """The control API of the emulator that `server` names."""

    def __init__(self, server: Server) -> None:
        url = server.base_url or os.environ.get("OPENAI_BASE_URL")
        if not url or server.emulator:
            raise click.UsageError("no emulator is named: start `emulate`, and export the OPENAI_BASE_URL it prints")
        self._url = url.rstrip("/").removesuffix("/v1") + "/emulator/"
        self._timeout = server.timeout

    def ask(self, path: str, body: Any = None) -> Any:
        """Post `body`, or get what is at `path`. Raises ClickException that says why there is no answer."""
        data = None if body is None else dumps(body)
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - the user's own URL
                return load(answer.read())
        except urllib.error.HTTPError as error:
            raise click.ClickException(_reason(error)) from None
        except (OSError, ValueError) as error:
            raise click.ClickException(f"no emulator answers at {self._url}: {error}") from None


def _reason(error: urllib.error.HTTPError) -> str:
    """Return what it answered, or that it is none."""
    try:
        return str(load(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.url} is no emulator: it answered with {error.code}"
