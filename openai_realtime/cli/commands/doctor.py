"""`openai-realtime doctor`: is everything there that a first call needs, and if not, what to do about it."""

from __future__ import annotations

import os

import click
from rich.table import Table
from rich.text import Text

from openai_realtime.cli.checks import Check, examine
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.terminal import one_line, terminal


@click.command()
@with_server
@click.pass_context
def doctor(context: click.Context, server: Server) -> None:
    """Check what a first call needs; say what to fix.

    Versions, key, base URL, network and access. It contacts the base URL only, and mints one client secret there that
    ends after 10 seconds.
    """
    with server.options() as options:
        checks = [_report(check) for check in examine(options, os.environ)]
    broken = sum(check.ok is False for check in checks)
    click.echo(f"\n{broken} to fix." if broken else "\nAll is well.")
    context.exit(1 if broken else 0)


def _report(check: Check) -> Check:
    """Print one check and give it back."""
    word, style = {True: ("ok", "green"), False: ("FAIL", "bold red"), None: ("-", "dim")}[check.ok]
    console = terminal()
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
