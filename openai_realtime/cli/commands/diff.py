"""`openai-realtime diff`: how two recordings differ by shape."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from openai_realtime.cli.terminal import print_stdout
from openai_realtime.recording import read
from openai_realtime.recording.diff import compare

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("first", type=_FILE)
@click.argument("second", type=_FILE)
def diff(first: Path, second: Path) -> None:
    """Tell how two recordings differ by shape.

    New and missing types of events, their fields, and the order; values, ids and times do not count. The exit code is 1
    if there is a difference.
    """
    found = compare(read(first), read(second))
    for line in (*(f"+ {line}" for line in found.added), *(f"- {line}" for line in found.gone), *found.order):
        print_stdout(line)
    sys.exit(0 if found.is_empty else 1)
