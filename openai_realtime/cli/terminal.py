"""What goes to the terminal: lines and tables without secrets and without anything that a terminal would obey."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from openai_realtime._redaction import redact

Rows: TypeAlias = Sequence[tuple[str, str]]

_WIDTH: Final = 100
_PATIENCE: Final = 2.0  # seconds after which a user wants to know what is waited for


def one_line(text: str) -> str:
    """Strip secrets, line breaks and what a terminal would obey from `text`."""
    text = " ".join(redact(text).split())
    return "".join(character if character.isprintable() else "?" for character in text)


def printable(text: str) -> str:
    """Strip all that a terminal would obey from `text`, but for line breaks and tabs."""
    return "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )


def print_stderr(message: str) -> None:
    """Print one line on stderr; a terminal wraps it between words."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(one_line(message), soft_wrap=not console.is_terminal)


def stdout_console() -> Console:
    """Take standard output as it is now. Colours and boxes are for terminals only; no character is too rare for it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return Console(highlight=False, markup=False, emoji=False)


def print_stdout(text: str) -> None:
    """Print a line on stdout, wrapped between words on a terminal and nowhere else."""
    console = stdout_console()
    console.print(text, soft_wrap=not console.is_terminal)


@contextlib.contextmanager
def waiting(whom: str) -> Iterator[None]:
    """Say on stderr that the program waits for `whom` if the block takes more than 2 seconds."""
    timer = threading.Timer(_PATIENCE, print_stderr, [f"Waiting for {whom} (Ctrl-C ends it)."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


@contextlib.contextmanager
def listening_errors(host: str, port: int) -> Iterator[None]:
    """Say in one line why nobody can listen there. Raises UsageError."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise click.UsageError(f"cannot listen on {host} port {port}: {reason}; --port 0 takes a free one") from None


def print_rows(title: str, rows: Rows, *, style: str = "green") -> None:
    """Print `rows` under `title`: a panel on a terminal, plain lines that grep likes in a pipe or file."""
    console = stdout_console()
    if console.is_terminal:
        console.print(_panel(title, rows, style, min(console.width, _WIDTH)))
        return
    click.echo(title)
    width = max((len(label) for label, _ in rows), default=0)
    for label, text in rows:
        click.echo(f"  {label:{width}}  {text}")


def _panel(title: str, rows: Rows, style: str, width: int) -> Panel:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(label), Text(text))
    return Panel(grid, title=Text(title, style=f"bold {style}"), title_align="left", border_style=style, width=width)
