"""`openai-realtime transcribe`: what is said in a WAV file, live."""

from __future__ import annotations

import asyncio
import contextlib
from typing import IO, Any

import attrs
import click

from openai_realtime._client import AsyncRealtimeClient
from openai_realtime._config import ClientOptions
from openai_realtime._connection.realtime import AsyncRealtimeConnection
from openai_realtime.audio.pcm import duration, level
from openai_realtime.audio.wav import WavReader
from openai_realtime.cli.captions import Captions
from openai_realtime.cli.failures import BadInputError
from openai_realtime.cli.progress import Screen
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import file_name
from openai_realtime.cli.terminal import print_stderr
from openai_realtime.errors import APITimeoutError, ConfigurationError, DecodeError, RealtimeEventError
from openai_realtime.models.audio import TURNLESS_MODELS, AudioTranscription, ServerVad
from openai_realtime.models.base import UNSET
from openai_realtime.models.server_events import Error, InputAudioBufferCleared
from openai_realtime.models.sessions import (
    RealtimeAudioInput,
    RealtimeTranscriptionAudioConfig,
    RealtimeTranscriptionSessionConfig,
)

_MODEL = "gpt-transcribe"
_PATIENCE = 60.0  # seconds without any event, after all audio is sent, in which a server may still transcribe


@attrs.frozen(kw_only=True)
class _Job:
    """What to transcribe, and how."""

    audio: WavReader
    model: str
    language: str | None
    realtime: bool

    @property
    def detects_turns(self) -> bool:
        """Whether the server finds where a turn ends."""
        return not self.model.startswith(TURNLESS_MODELS)

    def session(self, *, detection: bool) -> RealtimeTranscriptionSessionConfig:
        """Make the session's settings; null turns the detection off, absence would not."""
        transcription = AudioTranscription(model=self.model, language=self.language or UNSET)
        heard = RealtimeAudioInput(transcription=transcription, turn_detection=ServerVad() if detection else None)
        return RealtimeTranscriptionSessionConfig(audio=RealtimeTranscriptionAudioConfig(input=heard))


@click.command()
@click.argument("file", type=click.File("rb"), metavar="FILE.wav")
@click.option("--model", default=_MODEL, show_default=True, help="The transcription model's name.")
@click.option("--language", metavar="CODE", help="The language that is spoken, such as 'de'.")
@click.option("--realtime", is_flag=True, help="Send the audio in real time, not as fast as it goes.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's transcription events, one a line.")
@with_server
def transcribe(server: Server, /, file: IO[bytes], *, as_json: bool, **settings: Any) -> None:
    """Write down what is said in a WAV file.

    FILE.wav is its name; - is standard input. The words show while they come, under a progress bar on stderr; each turn
    goes to standard output as a line when it is complete. The file may be of any length; another rate than 24 kHz needs
    the extra 'audio'. Without OPENAI_API_KEY the built-in emulator answers.
    """
    with (
        _open(file) as audio,
        server.session_options("It understands no words, and tells how long each turn is.") as options,
    ):
        screen = Screen(audio.duration, as_json=as_json)
        captions = asyncio.run(_transcribe(_Job(audio=audio, **settings), server, options, screen))
    if captions.failed:
        raise click.ClickException(f"{_turns(captions.failed)} could not be transcribed")
    if not captions.lines:
        print_stderr("No speech was found.")


def _open(file: IO[bytes]) -> WavReader:
    try:
        audio = WavReader(file)
    except (ConfigurationError, DecodeError) as error:
        raise BadInputError(f"{file_name(file)}: {error}") from None
    if not audio.duration:
        raise BadInputError(f"{file_name(file)}: holds no audio")
    return audio


async def _transcribe(job: _Job, server: Server, options: ClientOptions, screen: Screen) -> Captions:
    captions = Captions()
    session = job.session(detection=job.detects_turns)
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(AsyncRealtimeClient(**options))
        with server.waiting():
            opening = client.connect(intent="transcription", session=session, options=server.connect_options)
            connection = await stack.enter_async_context(opening)
        stack.enter_context(screen)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_send(connection, job, screen))
                await _listen(connection, captions, screen)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
    return captions


async def _send(connection: AsyncRealtimeConnection, job: _Job, screen: Screen) -> None:
    """Send all audio, as fast as the connection takes it, and end the last turn."""
    clock = asyncio.get_running_loop().time
    start, sent, pauses = clock(), 0.0, Pauses()
    for block in job.audio:
        await connection.append_audio(block)
        sent += duration(block)
        screen.sent(sent)
        if not job.detects_turns and pauses.end_turn(block):
            await connection.commit_audio()
        if job.realtime:
            await asyncio.sleep(start + sent - clock())
    await _finish(connection, job)


async def _finish(connection: AsyncRealtimeConnection, job: _Job) -> None:
    """Commit what is left, and let the server mark the end of it with ``input_audio_buffer.cleared``."""
    if job.detects_turns:
        # The detection ends no turn without a silence, and must not end one at the same time as the commit does.
        await connection.update_session(job.session(detection=False))
    try:
        await connection.commit_audio()
    except RealtimeEventError as error:
        if error.code != "input_audio_buffer_commit_empty":  # it is, if the last turn ended in time
            raise
    await connection.clear_audio()


async def _listen(connection: AsyncRealtimeConnection, captions: Captions, screen: Screen) -> None:
    """Show what comes until all audio is sent and every turn is transcribed, or has failed."""
    all_sent = False
    while captions.waiting or not all_sent:
        try:
            event = await connection.receive(_PATIENCE if all_sent else None)
        except APITimeoutError:
            raise APITimeoutError(
                f"no transcript of {_turns(captions.waiting)} within {_PATIENCE:.0f} seconds"
            ) from None
        if isinstance(event, Error):
            raise RealtimeEventError(event.raw or {})
        all_sent = all_sent or isinstance(event, InputAudioBufferCleared)
        screen.event(event)
        screen.show(captions.take(event), captions.words)


class Pauses:
    """Where to end turns for a model that does not: in the first pause after 15 s, and after 60 s anyway."""

    _SHORTEST, _LONGEST = 15.0, 60.0  # seconds
    _QUIET = 0.01  # of full scale: -40 dB

    def __init__(self) -> None:
        self._length = 0.0

    def end_turn(self, block: bytes) -> bool:
        """Decide whether a turn ends after this block of about 100 ms."""
        self._length += duration(block)
        quiet = bool(block) and level(block) < self._QUIET
        ends = self._length >= self._LONGEST or (self._length >= self._SHORTEST and quiet)
        if ends:
            self._length = 0.0
        return ends


def _turns(count: int) -> str:
    return f"{count} turn" if count == 1 else f"{count} turns"
