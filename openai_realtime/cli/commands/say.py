"""`openai-realtime say`: the model's spoken answer to a text, as a WAV file."""

from __future__ import annotations

import io
import secrets
from pathlib import Path
from typing import Any

import click

from openai_realtime._sync.client import RealtimeClient
from openai_realtime._sync.connection import RealtimeConnection
from openai_realtime.audio import duration, write_wav
from openai_realtime.cli.output import Output
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import MODEL
from openai_realtime.cli.terminal import print_stdout, printable, stdout_console
from openai_realtime.cli.turns import ask, decode_audio, spoken_session
from openai_realtime.models.server_events import ResponseOutputAudioDelta, ResponseOutputAudioTranscriptDelta


@click.command()
@click.argument("text")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE.wav",
    required=True,
    help="The WAV file to write: 24 kHz, mono, 16 bits. It appears when it is complete.",
)
@click.option("--model", default=MODEL, show_default=True, help="The model's name.")
@click.option("--voice", help="The voice's name, such as 'marin'.")
@click.option("--instructions", metavar="TEXT", help="What the model shall be and do.")
@with_server
def say(server: Server, /, text: str, output: str, model: str, **settings: Any) -> None:
    """Write the model's spoken answer as WAV.

    TEXT is what you say to the model. The words of its answer stream to standard output. Without OPENAI_API_KEY the
    built-in emulator answers.
    """
    if not text.strip():
        raise click.UsageError("TEXT is empty.")
    Output(as_json=False, file=output).check()
    with (
        server.session_options("It repeats your words, and hums in place of a voice.") as options,
        RealtimeClient(**options) as client,
        server.connect(client, model=model, session=spoken_session(**settings)) as connection,
    ):
        audio = _listen(connection, text)
    if not audio:
        raise click.ClickException("the answer has no audio; nothing was written")
    _replace(output, _wav(audio))
    print_stdout(f"{duration(audio):.1f} s of speech are in {output}.")


def _listen(connection: RealtimeConnection, text: str) -> bytes:
    """Collect the audio of the answer; print its words as they come."""
    stdout_console()  # from here on standard output takes any character
    audio = bytearray()
    try:
        for event in ask(connection, text):
            if isinstance(event, ResponseOutputAudioDelta):
                audio += decode_audio(event)
            elif isinstance(event, ResponseOutputAudioTranscriptDelta):
                click.echo(printable(event.delta or ""), nl=False)
    finally:
        click.echo()
    return bytes(audio)


def _wav(audio: bytes) -> bytes:
    file = io.BytesIO()
    write_wav(file, audio)
    return file.getvalue()


def _replace(path: str, data: bytes) -> None:
    """Put `data` in the file at `path` in one step, so that nobody ever finds half of it there."""
    target = Path(path).resolve()  # a link stays a link
    if target.exists() and not target.is_file():
        target.write_bytes(data)  # a device or pipe is written to, not replaced
        return
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        new.write_bytes(data)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
