"""The command line: conversations, one command for each operation, the emulator, a demonstration and a check-up.

Exit codes: 0 all went well, 1 the API or the network, 2 usage, bad input or configuration, 130 Ctrl-C.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any, Final

import click

from openai_realtime import __version__

from .failures import describe, exit_code
from .server import CommandGroup, Server, server_options
from .terminal import print_stderr

__all__ = ["main"]

_INTERRUPTED = 130  # what a shell reports of a process that SIGINT ended
_COMMANDS: Final = {
    "demo": "Mint credentials and hold a session.",
    "chat": "Talk with the model in text.",
    "talk": "Talk with the model by voice.",
    "say": "Write the model's spoken answer as WAV.",
    "transcribe": "Write down what is said in a WAV file.",
    "emulate": "Run the emulator until Ctrl-C, or SIGTERM.",
    "ring": "Ring at your service, as a phone call does.",
    "web": "Serve a page to talk with the model.",
    "secret": "Mint a client secret for a browser or phone.",
    "translation-secret": "Mint a client secret for translation.",
    "call": "Open a WebRTC call; answer, transfer and end calls.",
    "session": "Create a session of the retired beta.",
    "transcription-session": "Create a transcription session of the beta.",
    "proxy": "Stand in front of the API and record.",
    "inspect": "Explain a recording: turns, latencies, tools, tokens, cost and errors.",
    "diff": "Tell how two recordings differ by shape.",
    "doctor": "Check what a first call needs; say what to fix.",
}


class _Main(CommandGroup):
    """The top of the command tree: it loads the command that is used, and ends every error as text and exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """Give the names in the order of the table."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` name; import its module only now, so that the help of all is fast."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is None or command is None:
            return name, command, rest
        module = name.replace("-", "_")
        return name, getattr(importlib.import_module(f"{__name__}.commands.{module}"), module), rest

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command and exit with its code."""
        server = Server()
        extra |= {"obj": server, "standalone_mode": False}
        try:
            code = super().main(*args, **extra)
        except click.Abort:
            code = _INTERRUPTED
        except Exception as error:  # noqa: BLE001 - a bug is one line too; --debug shows where it is
            if server.debug:
                traceback.print_exc()
            print_stderr(f"Error: {describe(error)}")
            if advice := server.advice(error):
                print_stderr(f"-> {advice}")
            code = exit_code(error)
        sys.exit(code)


@click.group(
    cls=_Main,
    commands={name: click.Command(name, help=text) for name, text in _COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The API key comes from OPENAI_API_KEY only: a flag would show it in the process list. OPENAI_BASE_URL, "
    "OPENAI_ORG_ID, OPENAI_PROJECT_ID and HTTPS_PROXY work too. Exit codes: 0 all went well, 1 the API or the "
    "network, 2 usage or bad input.",
)
@click.version_option(__version__, prog_name="openai-realtime")
@server_options
def main() -> None:
    """Conversations, credentials and calls of the OpenAI Realtime API, and a local server that speaks it.

    `openai-realtime demo` shows it all without a key.
    """
