"""What an error says on the command line, and its exit code."""

from __future__ import annotations

from typing import Final

import click

from openai_realtime.errors import BetaRetiredError, ConfigurationError, DecodeError, InvalidRequestError

SUCCESSOR: Final = "on the command line: openai-realtime secret"
_BAD_INPUT = (ConfigurationError, DecodeError, InvalidRequestError)


class BadInputError(click.ClickException):
    """A file or flags that the API would refuse."""

    exit_code = 2


def describe(error: Exception) -> str:
    """Say in one line what went wrong."""
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


def exit_code(error: Exception) -> int:
    """Tell apart bad input or usage (2) and the API or the network (1)."""
    if isinstance(error, click.ClickException):
        return error.exit_code
    return 2 if isinstance(error, _BAD_INPUT) else 1
