"""The command line: conversations, one command for each operation, the emulator, a demonstration and a check-up.

Exit codes: 0 all went well, 1 the API or the network, 2 usage, bad input or configuration, 130 Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from typing import Any

import click

from openai_realtime import __version__
from openai_realtime.emulator import Emulator
from openai_realtime.errors import BetaRetiredError, ConfigurationError, DecodeError, InvalidRequestError

from .chat import chat
from .commands import call, secret, session, transcription_session, translation_secret
from .connection import CommandGroup, Connection, connection_options
from .demo import demo
from .doctor import doctor
from .output import SUCCESSOR, note
from .say import say
from .transcribe import transcribe

__all__ = ["main"]

_BAD_INPUT = (ConfigurationError, DecodeError, InvalidRequestError)
_INTERRUPTED = 130  # what a shell reports of a process that SIGINT ended


class _Main(CommandGroup):
    """The top of the command tree. Every error ends here, as one line on stderr and an exit code."""

    def main(self, *args: Any, **extra: Any) -> Any:
        connection = Connection()
        extra |= {"obj": connection, "standalone_mode": False}
        try:
            code = super().main(*args, **extra)
        except click.Abort:
            code = _INTERRUPTED
        except Exception as error:  # noqa: BLE001 - a bug is one line too; --debug shows where it is
            if connection.debug:
                traceback.print_exc()
            note(f"Error: {_describe(error)}")
            code = _exit_code(error)
        sys.exit(code)


def _describe(error: Exception) -> str:
    match error:
        case click.UsageError(ctx=click.Context() as context):
            return f"{error.format_message()} (see {context.command_path} --help)"
        case click.ClickException():
            return error.format_message()
        case BetaRetiredError():
            return f"{error}; {SUCCESSOR}"
        case _ if type(error).__module__.startswith("openai_realtime."):
            return str(error)
    return f"{type(error).__name__}: {error}"


def _exit_code(error: Exception) -> int:
    return error.exit_code if isinstance(error, click.ClickException) else 2 if isinstance(error, _BAD_INPUT) else 1


@click.group(
    cls=_Main,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The API key comes from OPENAI_API_KEY only: a flag would show it in the process list. OPENAI_BASE_URL, "
    "OPENAI_ORG_ID, OPENAI_PROJECT_ID and HTTPS_PROXY work too. Exit codes: 0 all went well, 1 the API or the "
    "network, 2 usage or bad input.",
)
@click.version_option(__version__, prog_name="openai-realtime")
@connection_options
def main() -> None:
    """Conversations, credentials and calls of the OpenAI Realtime API, and a local server that speaks it.

    `openai-realtime demo` shows it all without a key.
    """


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--beta-retired", is_flag=True, help="Refuse the two beta operations, as api.openai.com does today.")
def emulate(port: int, host: str, *, beta_retired: bool) -> None:
    """Run the emulator until Ctrl-C.

    It prints the two settings that point a program in any language to it.
    """
    try:
        emulator = Emulator(host=host, port=port, beta_retired=beta_retired).start()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise click.UsageError(f"cannot listen on {host} port {port}: {reason}; --port 0 takes a free one") from None
    with contextlib.suppress(KeyboardInterrupt), contextlib.closing(emulator):
        click.echo(f"An emulator of the OpenAI Realtime API runs at {emulator.base_url}\n")
        click.echo(f"export OPENAI_BASE_URL={emulator.base_url}")
        click.echo(f"export OPENAI_API_KEY={emulator.api_key}")
        click.echo("\nCtrl-C ends it.")
        while True:
            time.sleep(3600)
    click.echo()


for _command in (
    demo,
    chat,
    say,
    transcribe,
    emulate,
    secret,
    session,
    transcription_session,
    translation_secret,
    call,
    doctor,
):
    main.add_command(_command)
