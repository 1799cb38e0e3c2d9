"""What the commands print: results for people with secrets masked, the API's JSON, and errors as one line."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import stat
import sys
import time
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from openai_realtime._codec.converter import encode
from openai_realtime._redaction import redact
from openai_realtime.models.audio import VoiceId
from openai_realtime.models.base import UNSET, Model
from openai_realtime.models.http import HTTPInfo

Rows: TypeAlias = Sequence[tuple[str, str]]

SUCCESSOR: Final = "on the command line: openai-realtime secret"
_MAX_TEXT: Final = 200
_WIDTH: Final = 100


# --- text -------------------------------------------------------------------------------------------------------------


def one_line(text: str) -> str:
    """`text` without secrets, line breaks and what a terminal would obey."""
    text = " ".join(redact(text).split())
    return "".join(character if character.isprintable() else "?" for character in text)


def printable(text: str) -> str:
    """`text` with its line breaks, and without anything else that a terminal would obey."""
    return "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )


def note(message: str) -> None:
    """One line on stderr; a terminal wraps it between words."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    console.print(one_line(message), soft_wrap=not console.is_terminal)


def mask(secret: str) -> str:
    """Enough of a secret to tell its kind."""
    return "ek_***" if secret.startswith("ek_") else "***"


def moment(seconds: Any) -> str:
    """UNIX seconds as local time, and how far away that is; nothing for what is no time, such as the API's 0."""
    if not isinstance(seconds, int) or seconds <= 0:
        return ""
    try:
        local = datetime.fromtimestamp(seconds, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return str(seconds)
    return f"{local:%Y-%m-%d %H:%M:%S} ({_distance(seconds - time.time())})"


def _distance(seconds: float) -> str:
    size = abs(seconds)
    text = f"{size:.0f} s" if size < 100 else f"{size / 60:.0f} min" if size < 6000 else f"{size / 3600:.0f} h"  # noqa: PLR2004
    return f"in {text}" if seconds >= 0 else f"{text} ago"


def short(value: Any) -> str:
    """One value of an answer, on one line. What is absent, null or a whole object shows nothing."""
    if isinstance(value, VoiceId):
        return short(value.id)
    if isinstance(value, list):
        return ", ".join(map(short, value))
    if not isinstance(value, str | int | float):
        return ""
    text = one_line(str(value))
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "..."


# --- what an answer says ----------------------------------------------------------------------------------------------

# A label, where its value is in the answers (the first place that has something counts), and how it is written.
# The places are the current session's, inside a client secret or alone, and the beta's.
_FACTS: Final[Sequence[tuple[str, tuple[str, ...], Callable[[Any], str]]]] = (
    ("secret", ("value", "client_secret.value"), lambda value: mask(value) if isinstance(value, str) else "***"),
    ("expires", ("client_secret.expires_at", "expires_at"), moment),
    ("session", ("session.id", "id"), short),
    ("call", ("call_id",), short),
    ("location", ("location",), short),
    ("SDP answer", ("sdp",), lambda sdp: f"{len(sdp.splitlines())} lines; --output FILE or --json gives them"),
    ("model", ("session.model", "model"), short),
    (
        "transcription",
        (
            "session.audio.input.transcription.model",
            "audio.input.transcription.model",
            "input_audio_transcription.model",
        ),
        short,
    ),
    ("voice", ("session.audio.output.voice", "audio.output.voice", "voice"), short),
    ("language", ("session.audio.output.language",), short),
    ("output", ("session.output_modalities", "output_modalities", "modalities"), short),
    (
        "turn detection",
        ("session.audio.input.turn_detection.type", "audio.input.turn_detection.type", "turn_detection.type"),
        short,
    ),
    ("instructions", ("session.instructions", "instructions"), short),
)


def facts(answer: Model) -> Rows:
    """The rows that an answer has something for."""
    rows = ((label, next(_found(answer, places), None), write) for label, places, write in _FACTS)
    return [(label, text) for label, value, write in rows if value is not None and (text := write(value))]


def _found(answer: Model, places: Sequence[str]) -> Iterator[Any]:
    """The values at `places`, where there are any: an answer may have anything anywhere, or nothing."""
    for place in places:
        value: Any = answer
        for name in place.split("."):
            value = getattr(value, name, None) if isinstance(value, Model) else None
        if value is not None and value is not UNSET:
            yield value


def http_facts(info: HTTPInfo | None) -> Rows:
    """How the answer came: ``HTTP 200 in 12 ms (server 3 ms)``, and the id that support asks for."""
    if info is None:
        return []
    server = f" (server {info.processing_ms} ms)" if info.processing_ms is not None else ""
    attempts = f", {info.attempts} attempts" if info.attempts > 1 else ""
    took = f"HTTP {info.status} in {info.elapsed * 1000:.0f} ms{server}{attempts}"
    return [("answer", took), *request_id(info.request_id)]


def request_id(value: str | None) -> Rows:
    """A row for the id of a request, if the server sent one."""
    return [("request id", short(value))] if value else []


# --- printing ---------------------------------------------------------------------------------------------------------


def terminal() -> Console:
    """Standard output as it is now. Colours and boxes are for terminals only; no character is too rare for it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return Console(highlight=False, markup=False, emoji=False)


def tell(text: str) -> None:
    """A line on stdout, wrapped between words on a terminal and nowhere else."""
    console = terminal()
    console.print(text, soft_wrap=not console.is_terminal)


def show(title: str, rows: Rows, *, style: str = "green") -> None:
    """Print `rows` under `title`: a panel on a terminal, plain lines that grep likes in a pipe or file."""
    console = terminal()
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
        show(title, [*rows, *http_facts(answer.http)])
        if self.file is not None:
            tell(f"The answer is in {self.file}, which only you can read.")
        elif any(label == "secret" for label, _ in rows):
            tell("The secret is masked here: --json prints it, --output FILE keeps it in a private file.")


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


@contextlib.contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Say warnings in one line each; Python alone would say them in two, and not say what is deprecated."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message="create_realtime", category=DeprecationWarning)
        try:
            yield
        finally:
            for warning in caught:
                hint = f"; {SUCCESSOR}" if warning.category is DeprecationWarning else ""
                note(f"Warning: {warning.message}{hint}")
