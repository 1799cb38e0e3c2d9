"""`openai-realtime chat`: a conversation in text, a line a turn."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator

import click

from openai_realtime._sync.client import RealtimeClient
from openai_realtime._sync.connection import RealtimeConnection
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.terminal import note, printable, terminal
from openai_realtime.cli.turns import ResponseFailedError, ask
from openai_realtime.errors import RealtimeEventError
from openai_realtime.models.base import UNSET
from openai_realtime.models.server_events import ResponseOutputAudioTranscriptDelta, ResponseOutputTextDelta
from openai_realtime.models.sessions import RealtimeSessionConfig

_MODEL = "gpt-realtime-2.1"
_PROMPT = "> "
_HINT = "Ctrl-C stops an answer; at the prompt, Ctrl-C or Ctrl-D ends the conversation."


@click.command()
@click.option("--model", default=_MODEL, show_default=True, help="The model's name.")
@click.option("--instructions", metavar="TEXT", help="What the model shall be and do.")
@with_server
def chat(server: Server, /, model: str, instructions: str | None) -> None:
    """Talk with the model in text.

    Each line on standard input is a turn, from a terminal or a pipe; the answers stream to standard output. Ctrl-C
    stops an answer and the conversation goes on; a second Ctrl-C, Ctrl-C at the prompt, or Ctrl-D ends it. Without
    OPENAI_API_KEY it talks with the built-in emulator.
    """
    interactive = sys.stdin.isatty()
    config = RealtimeSessionConfig(
        output_modalities=["text"], instructions=UNSET if instructions is None else instructions
    )
    with (
        server.session_options("It repeats what you say.") as options,
        RealtimeClient(**options) as client,
        client.connect(model=model, session=config, options=server.connect_options) as session,
    ):
        if interactive:
            note(_HINT)
        terminal()  # from here on standard output takes any character
        for text in _lines(interactive=interactive):
            _take_turn(session, text, interactive=interactive)


def _lines(*, interactive: bool) -> Iterator[str]:
    """What the user says, line by line, up to the end of standard input."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    if interactive:
        with contextlib.suppress(ImportError):  # Windows has none
            import readline  # noqa: F401, PLC0415 - editing and a history for `input`
    with contextlib.suppress(EOFError):
        while True:
            if text := _line(interactive=interactive).strip():
                yield text
    if interactive:
        click.echo(err=True)


def _line(*, interactive: bool) -> str:
    """The next line, without its end if it was typed. Raises EOFError when there is none."""
    if interactive and sys.stdout.isatty():
        return input(_PROMPT)
    click.echo(_PROMPT if interactive else "", nl=False, err=True)  # standard output has the answers only
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _take_turn(session: RealtimeConnection, text: str, *, interactive: bool) -> None:
    """Send `text` and print the answer. In a terminal the conversation survives an error and a Ctrl-C."""
    try:
        _print_answer(session, text)
    except KeyboardInterrupt:
        if not interactive:
            raise
        click.echo()  # after the ^C that the terminal shows
        note("Stopping the answer.")
        session.cancel_response()  # another Ctrl-C here ends the conversation
    except (RealtimeEventError, ResponseFailedError) as error:
        if not interactive:
            raise
        message = error.message if isinstance(error, ResponseFailedError) else str(error)
        note(f"Error: {message}")


def _print_answer(session: RealtimeConnection, text: str) -> None:
    """Stream one answer; each of its messages, such as a comment and then the answer, begins a line."""
    message: object = None
    try:
        for event in ask(session, text):
            if isinstance(event, ResponseOutputTextDelta | ResponseOutputAudioTranscriptDelta):
                if message not in (None, event.item_id):
                    click.echo()
                message = event.item_id
                click.echo(printable(event.delta or ""), nl=False)
    finally:
        if message is not None:
            click.echo()
