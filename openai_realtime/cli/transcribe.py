"""`openai-realtime transcribe`: what is said in a WAV file, live."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Any, Self

import attrs
import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from openai_realtime._client import AsyncRealtimeClient
from openai_realtime._codec.converter import encode
from openai_realtime._config import ClientOptions, ConnectOptions
from openai_realtime._connection.realtime import AsyncRealtimeConnection
from openai_realtime.audio.pcm import duration, level
from openai_realtime.audio.wav import WavReader
from openai_realtime.errors import APITimeoutError, ConfigurationError, DecodeError, RealtimeEventError
from openai_realtime.models.audio import AudioTranscription, ServerVad
from openai_realtime.models.base import UNSET
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.server_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    Error,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
)
from openai_realtime.models.sessions import (
    RealtimeAudioInput,
    RealtimeTranscriptionAudioConfig,
    RealtimeTranscriptionSessionConfig,
)

from .connection import Connection, with_connection
from .output import note, one_line, printable, tell, terminal
from .settings import BadInputError, file_name

_MODEL = "gpt-transcribe"
# These hear no turns: "Turn detection is not supported for this transcription model."
_TURNLESS = ("gpt-realtime-whisper", "gpt-live-transcribe")
_EVENTS = "conversation.item.input_audio_transcription."
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
        return not self.model.startswith(_TURNLESS)

    def session(self, *, detection: bool) -> RealtimeTranscriptionSessionConfig:
        """The session's settings; null turns the detection off, absence would not."""
        transcription = AudioTranscription(model=self.model, language=self.language or UNSET)
        heard = RealtimeAudioInput(transcription=transcription, turn_detection=ServerVad() if detection else None)
        return RealtimeTranscriptionSessionConfig(audio=RealtimeTranscriptionAudioConfig(input=heard))


@click.command()
@click.argument("file", type=click.File("rb"), metavar="FILE.wav")
@click.option("--model", default=_MODEL, show_default=True, help="The transcription model's name.")
@click.option("--language", metavar="CODE", help="The language that is spoken, such as 'de'.")
@click.option("--realtime", is_flag=True, help="Send the audio at the speed of life, not as fast as it goes.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's transcription events, one a line.")
@with_connection
def transcribe(connection: Connection, /, file: IO[bytes], *, as_json: bool, **settings: Any) -> None:
    """Write down what is said in a WAV file.

    FILE.wav is its name; - is standard input. The words show while they come, under a progress bar on stderr; each turn
    goes to standard output as a line when it is complete. The file may be of any length; another rate than 24 kHz needs
    the extra 'audio'. Without OPENAI_API_KEY the built-in emulator answers.
    """
    with (
        _open(file) as audio,
        connection.session_server("It understands no words, and tells how long each turn is.") as options,
        _Screen(audio.duration, as_json=as_json) as screen,
    ):
        captions = asyncio.run(_transcribe(_Job(audio=audio, **settings), options, connection.connect_options, screen))
    if captions.failed:
        raise click.ClickException(f"{_turns(captions.failed)} could not be transcribed")
    if not captions.lines:
        note("No speech was found.")


def _open(file: IO[bytes]) -> WavReader:
    try:
        audio = WavReader(file)
    except (ConfigurationError, DecodeError) as error:
        raise BadInputError(f"{file_name(file)}: {error}") from None
    if not audio.duration:
        raise BadInputError(f"{file_name(file)}: holds no audio")
    return audio


async def _transcribe(job: _Job, options: ClientOptions, connect: ConnectOptions, screen: _Screen) -> _Captions:
    captions = _Captions()
    session = job.session(detection=job.detects_turns)
    async with (
        AsyncRealtimeClient(**options) as client,
        client.connect(intent="transcription", session=session, options=connect) as connection,
    ):
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_send(connection, job, screen))
                await _listen(connection, captions, screen)
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
    return captions


# --- sending ----------------------------------------------------------------------------------------------------------


async def _send(connection: AsyncRealtimeConnection, job: _Job, screen: _Screen) -> None:
    """Send all audio, as fast as the connection takes it, and end the last turn."""
    clock = asyncio.get_running_loop().time
    start, sent, pauses = clock(), 0.0, _Pauses()
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


class _Pauses:
    """Where to end turns for a model that does not: in the first pause after 15 s, and after 60 s anyway."""

    _SHORTEST, _LONGEST = 15.0, 60.0  # seconds
    _QUIET = 0.01  # of full scale: -40 dB

    def __init__(self) -> None:
        self._length = 0.0

    def end_turn(self, block: bytes) -> bool:
        """Whether a turn ends after this block of about 100 ms."""
        self._length += duration(block)
        quiet = bool(block) and level(block) < self._QUIET
        ends = self._length >= self._LONGEST or (self._length >= self._SHORTEST and quiet)
        if ends:
            self._length = 0.0
        return ends


# --- hearing ----------------------------------------------------------------------------------------------------------


async def _listen(connection: AsyncRealtimeConnection, captions: _Captions, screen: _Screen) -> None:
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


@attrs.define
class _Turn:
    text: str = ""
    committed: bool = False
    done: bool = False


class _Captions:
    """What is said, turn by turn. Transcripts may be complete in any order; lines come in that of the audio."""

    def __init__(self) -> None:
        self.failed = self.lines = 0
        self._open: dict[str, _Turn] = {}  # in the order of the audio

    @property
    def waiting(self) -> int:
        """How many turns have no transcript yet."""
        return sum(turn.committed and not turn.done for turn in self._open.values())

    @property
    def words(self) -> str:
        """The words of the turns that have no line yet."""
        return " ".join(turn.text.strip() for turn in self._open.values() if turn.text)

    def take(self, event: ServerEvent) -> list[str]:
        """Learn from `event`; the lines that are complete now."""
        match event:
            case InputAudioBufferCommitted():
                self._turn(event.item_id).committed = True
            case ConversationItemInputAudioTranscriptionDelta():
                self._turn(event.item_id).text += event.delta or ""
            case ConversationItemInputAudioTranscriptionCompleted():
                self._end(event.item_id, event.transcript or "")
            case ConversationItemInputAudioTranscriptionFailed():
                self.failed += 1
                self._end(event.item_id, "")
        lines = [line for turn in self._complete() if (line := one_line(turn.text))]
        self.lines += len(lines)
        return lines

    def _turn(self, item_id: str) -> _Turn:
        return self._open.setdefault(item_id, _Turn())

    def _end(self, item_id: str, text: str) -> None:
        turn = self._turn(item_id)
        turn.text, turn.done = text, True

    def _complete(self) -> Iterator[_Turn]:
        """Take the turns off the front that are complete."""
        while self._open:
            key, turn = next(iter(self._open.items()))
            if not turn.done:
                return
            yield self._open.pop(key)


class _Screen:
    """Lines or events on standard output, and on a terminal the words so far and a progress bar on stderr."""

    def __init__(self, seconds: float, *, as_json: bool) -> None:
        terminal()  # standard output takes any character
        self._as_json = as_json
        self._words = ""
        self._seconds = seconds
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.1f} of {task.total:.1f} s"),
        )
        self._bar = Progress(*columns, console=self._console)
        self._task = self._bar.add_task("Sending", total=seconds)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._stop()

    def sent(self, seconds: float) -> None:
        """So much audio was sent."""
        self._bar.update(self._task, completed=min(seconds, self._seconds))

    def event(self, event: ServerEvent) -> None:
        """Print an event, if events are wanted, and the reason of a failure."""
        if isinstance(event, InputAudioBufferCleared):
            self._bar.update(self._task, description="Transcribing")
        if self._as_json and str(event.type).startswith(_EVENTS):
            self._print(functools.partial(click.echo, encode(event)))
        elif isinstance(event, ConversationItemInputAudioTranscriptionFailed):
            self._print(functools.partial(note, f"Error: a turn could not be transcribed: {_reason(event.error)}"))

    def show(self, lines: list[str], words: str) -> None:
        """Print complete lines, and show the words that are not in one yet."""
        self._words = printable(words)
        for line in [] if self._as_json else lines:
            self._print(functools.partial(tell, line))

    def _print(self, write: Callable[[], None]) -> None:
        self._stop()  # standard output and stderr may be the same terminal
        write()
        self._start()

    def _start(self) -> None:
        """Draw from here on; a new one every time, because an old one would draw where it was."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            return
        self._live = Live(
            console=self._console,
            get_renderable=self._picture,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _picture(self) -> RenderableType:
        """The last two lines of the words, over the bar."""
        room = 2 * self._console.width - 2
        words = self._words if len(self._words) <= room else f"…{self._words[1 - room :]}"
        return Group(Text(words, style="dim"), self._bar) if words else self._bar


def _turns(count: int) -> str:
    return f"{count} turn" if count == 1 else f"{count} turns"


def _reason(error: Any) -> str:
    return str(getattr(error, "message", None) or getattr(error, "code", None) or "no reason given")
