"""`openai-realtime chat`: a conversation in text, a line a turn."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from typing import Self, TypeAlias

import click

from openai_realtime._connection.reconnect_policy import ReconnectPolicy
from openai_realtime._sync.client import RealtimeClient
from openai_realtime._sync.connection import RealtimeConnection
from openai_realtime._transport.retry import RetryPolicy
from openai_realtime.cli.failures import describe
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import MODEL
from openai_realtime.cli.terminal import print_stderr, printable, stdout_console
from openai_realtime.cli.turns import ResponseFailedError, SessionOverError, ask
from openai_realtime.errors import APIError, ConnectionClosedError, RealtimeEventError
from openai_realtime.models.base import UNSET
from openai_realtime.models.server_events import ResponseOutputAudioTranscriptDelta, ResponseOutputTextDelta
from openai_realtime.models.sessions import RealtimeSessionConfig

_PROMPT = "> "
_HINT = "Ctrl-C stops an answer; at the prompt, Ctrl-C or Ctrl-D ends the conversation."
_KEPT = "The line is kept: Enter sends it in a new session, which does not know what was said before."

_Connect: TypeAlias = Callable[[], contextlib.AbstractContextManager[RealtimeConnection]]


@click.command()
@click.option("--model", default=MODEL, show_default=True, help="The model's name.")
@click.option("--instructions", metavar="TEXT", help="What the model shall be and do.")
@with_server
def chat(server: Server, /, model: str, instructions: str | None) -> None:
    """Talk with the model in text.

    Each line on standard input is a turn, from a terminal or a pipe; the answers stream to standard output. Ctrl-C
    stops an answer and the conversation goes on; a second Ctrl-C, Ctrl-C at the prompt, or Ctrl-D ends it. At a
    terminal a lost connection is replaced. Without OPENAI_API_KEY it talks with the built-in emulator.
    """
    interactive = sys.stdin.isatty()
    config = RealtimeSessionConfig(
        output_modalities=["text"], instructions=UNSET if instructions is None else instructions
    )
    policy = ReconnectPolicy(retry=RetryPolicy(max_retries=4)) if interactive else None  # then Enter tries again
    with server.session_options("It repeats what you say.") as options, RealtimeClient(**options) as client:
        converse = _at_a_terminal if interactive else _in_a_pipe
        converse(lambda: server.connect(client, model=model, session=config, reconnect=policy))


def _in_a_pipe(connect: _Connect) -> None:
    """Answer each line; the first error ends it all."""
    with connect() as connection:
        stdout_console()  # from here on standard output takes any character
        for text in filter(None, _lines(interactive=False)):
            _print_answer(connection, text)


def _at_a_terminal(connect: _Connect) -> None:
    """Answer each line; the conversation survives errors, a Ctrl-C, and the end of its session."""
    with _Chat(connect) as conversation:
        print_stderr(_HINT)
        stdout_console()  # from here on standard output takes any character
        for text in _lines(interactive=True):
            conversation.take_turn(text)


class _Chat:
    """A conversation in one session after the other."""

    def __init__(self, connect: _Connect) -> None:
        self._connect = connect
        self._session = contextlib.ExitStack()
        self._connection: RealtimeConnection | None = None
        self._kept = ""

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def _open(self) -> RealtimeConnection:
        if self._connection is None:
            self._connection = self._session.enter_context(self._connect())
        return self._connection

    def take_turn(self, text: str) -> None:
        """Send `text`, or for none of it the line that was kept, and print the answer."""
        text, self._kept = text or self._kept, ""
        if not text:
            return
        try:
            _print_answer(self._open(), text)
        except KeyboardInterrupt:
            self._stop_answer()
        except (RealtimeEventError, ResponseFailedError) as error:
            print_stderr(f"Error: {describe(error)}")
        except (APIError, ConnectionClosedError, SessionOverError) as error:
            self._keep(text, error)

    def _stop_answer(self) -> None:
        """Cancel the answer. Another Ctrl-C here ends the conversation."""
        if self._connection is None:
            raise KeyboardInterrupt
        click.echo()  # after the ^C that the terminal shows
        print_stderr("Stopping the answer.")
        self._connection.cancel_response()

    def _keep(self, text: str, error: Exception) -> None:
        """Keep a line that the session was lost with."""
        self._kept, self._connection = text, None
        self._session.close()
        print_stderr(f"Error: {describe(error)}")
        print_stderr(_KEPT)


def _lines(*, interactive: bool) -> Iterator[str]:
    """Yield what the user says, line by line without the spaces around, up to the end of standard input."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    if interactive:
        with contextlib.suppress(ImportError):  # Windows has none
            import readline  # noqa: F401, PLC0415 - editing and a history for `input`
    with contextlib.suppress(EOFError):
        while True:
            yield _line(interactive=interactive).strip()
    if interactive:
        click.echo(err=True)


def _line(*, interactive: bool) -> str:
    """Read the next line, without its end if it was typed. Raises EOFError when there is none."""
    if interactive and sys.stdout.isatty():
        return input(_PROMPT)
    click.echo(_PROMPT if interactive else "", nl=False, err=True)  # standard output has the answers only
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _print_answer(connection: RealtimeConnection, text: str) -> None:
    """Stream one answer; each of its messages, such as a comment and then the answer, begins a line."""
    message: object = None
    try:
        for event in ask(connection, text):
            if isinstance(event, ResponseOutputTextDelta | ResponseOutputAudioTranscriptDelta):
                if message not in (None, event.item_id):
                    click.echo()
                message = event.item_id
                click.echo(printable(event.delta or ""), nl=False)
    finally:
        if message is not None:
            click.echo()
