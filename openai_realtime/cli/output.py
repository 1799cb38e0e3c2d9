"""Where the result of a command goes: `Output`, and its options --json and --output."""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click

from openai_realtime._codec.converter import encode

from .facts import facts, http_facts
from .terminal import print_rows, print_stdout


@attrs.frozen(kw_only=True)
class Output:
    """Where a command's result goes: JSON on stdout, JSON in a private file, or words on stdout."""

    as_json: bool
    file: str | None

    def check(self) -> None:
        """Refuse a file that cannot be written before a secret is minted that would be lost."""
        if self.file == "-":
            raise click.UsageError("--output takes a file; --json prints on standard output.")
        if self.file is not None and not os.access(Path(self.file).absolute().parent, os.W_OK):
            raise click.UsageError(f"--output: the directory of {self.file} is not there, or not writable.")

    def deliver(self, title: str, answer: Any) -> None:
        """Write `answer` where it was asked to go. Its JSON has the secrets whole."""
        data = encode(answer) + b"\n"
        if self.file is not None:
            write_private(self.file, data)
        if self.as_json:
            click.echo(data, nl=False)
            return
        rows = facts(answer)
        print_rows(title, [*rows, *http_facts(answer.http)])
        if self.file is not None:
            print_stdout(f"The answer is in {self.file}, which only you can read.")
        elif any(label == "secret" for label, _ in rows):
            print_stdout("The secret is masked here: --json prints it, --output FILE keeps it in a private file.")


def write_private(path: str, data: bytes) -> None:
    """Write `data` to a file that nobody else can read, also if it was there before."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        # Devices such as /dev/stdout keep their mode, and Windows has none.
        if hasattr(os, "fchmod") and stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
        file.write(data)


_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print the API's JSON, secrets whole, and nothing else."),
    click.option(
        "--output",
        type=click.Path(dir_okay=False, writable=True),
        metavar="FILE",
        help="Write the API's JSON to FILE, readable by you only.",
    ),
)


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add --json and --output; the function gets them as one `output`."""

    @functools.wraps(command)
    def with_output(*args: Any, as_json: bool, output: str | None, **others: Any) -> None:
        command(*args, output=Output(as_json=as_json, file=output), **others)

    decorated: Callable[..., None] = with_output
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
