"""`openai-realtime call`: calls over WebRTC and SIP, one command for each operation."""

from __future__ import annotations

from typing import IO, Any

import click

from openai_realtime.cli.failures import BadInputError
from openai_realtime.cli.operations import run
from openai_realtime.cli.output import Output, output_options
from openai_realtime.cli.server import CommandGroup, Server, with_server
from openai_realtime.cli.settings import CALL, call_session, file_name, settings_options


@click.group(cls=CommandGroup)
def call() -> None:
    """Open a WebRTC call; answer, transfer and end calls."""


@call.command()
@click.argument("offer", type=click.File("rb"), metavar="OFFER.sdp")
@settings_options(CALL)
@output_options
@with_server
def create(server: Server, /, offer: IO[bytes], config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Open a call with the SDP offer in a file; - is standard input.

    Without --config and flags the offer goes alone, for a key that is a client secret with its own session.
    """
    wanted = call_session(config, flags) if config or any(value is not None for value in flags.values()) else None
    try:
        sdp = offer.read().decode()
    except UnicodeDecodeError:
        raise BadInputError(f"{file_name(offer)}: not UTF-8 text, so no SDP offer") from None
    run(server, output, "Call", lambda client: client.create_realtime_call(sdp, wanted))


@call.command()
@click.argument("call_id")
@settings_options(CALL)
@output_options
@with_server
def accept(server: Server, /, call_id: str, config: IO[bytes] | None, output: Output, **flags: Any) -> None:
    """Answer an incoming SIP call with a session."""
    wanted = call_session(config, flags)
    run(server, output, f"Accepted {call_id}", lambda client: client.accept_realtime_call(call_id, wanted))


@call.command()
@click.argument("call_id")
@click.option("--status-code", type=int, help="The SIP status for the caller.  [default: 603, Decline]")
@output_options
@with_server
def reject(server: Server, call_id: str, status_code: int | None, output: Output) -> None:
    """Decline an incoming SIP call."""
    run(server, output, f"Rejected {call_id}", lambda client: client.reject_realtime_call(call_id, status_code))


@call.command()
@click.argument("call_id")
@click.argument("target_uri")
@output_options
@with_server
def refer(server: Server, call_id: str, target_uri: str, output: Output) -> None:
    """Transfer a SIP call to TARGET_URI, such as tel:+14155550123."""
    title = f"Referred {call_id} to {target_uri}"
    run(server, output, title, lambda client: client.refer_realtime_call(call_id, target_uri))


@call.command()
@click.argument("call_id")
@output_options
@with_server
def hangup(server: Server, call_id: str, output: Output) -> None:
    """End a call."""
    run(server, output, f"Hung up {call_id}", lambda client: client.hangup_realtime_call(call_id))
