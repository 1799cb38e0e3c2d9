"""`openai-realtime doctor`: is everything there that a first call needs, and if not, what to do about it."""

from __future__ import annotations

import os

import click
from rich.table import Table
from rich.text import Text

from openai_realtime.cli.checks import Check
from openai_realtime.cli.diagnosis import examine
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import MODEL
from openai_realtime.cli.terminal import one_line, stdout_console


@click.command()
@click.option("--model", default=MODEL, show_default=True, help="The model of the session that is tried.")
@with_server
@click.pass_context
def doctor(context: click.Context, server: Server, model: str) -> None:
    """Check what a first call needs; say what to fix.

    Versions, key, base URL, network, access, a session and the model's end. It contacts the base URL only, mints one
    client secret there that ends after 10 seconds, opens one session and says nothing in it.
    """
    with server.options() as options:
        checks = [_report(check) for check in examine(options, os.environ, server.connect_options, model)]
    broken = sum(check.ok is False for check in checks)
    click.echo(f"\n{broken} to fix." if broken else "\nAll is well.")
    context.exit(1 if broken else 0)


def _report(check: Check) -> Check:
    """Print one check and return it."""
    word, style = {True: ("ok", "green"), False: ("FAIL", "bold red"), None: ("-", "dim")}[check.ok]
    console = stdout_console()
    if not console.is_terminal:
        click.echo(f"{word:4}  {check.name:9}  {one_line(check.found)}")
        if check.fix:
            click.echo(f"{'':4}  {'':9}  -> {check.fix}")
        return check
    grid = Table.grid(padding=(0, 2))
    for width in (4, 9, None):
        grid.add_column(width=width, overflow="fold")
    grid.add_row(Text(word, style=style), check.name, Text(one_line(check.found)))
    if check.fix:
        grid.add_row("", "", Text(f"-> {check.fix}", style="yellow"))
    console.print(grid)
    return check
