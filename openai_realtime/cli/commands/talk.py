"""`openai-realtime talk`: a spoken conversation, with the microphone or from a file."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from typing import IO, Any, TypeAlias

import attrs
import click

from openai_realtime._client import AsyncRealtimeClient
from openai_realtime._config import ClientOptions, ConnectOptions
from openai_realtime._connection.realtime import AsyncRealtimeConnection
from openai_realtime._connection.reconnect_policy import ReconnectPolicy
from openai_realtime.audio import RATE, CaptureStream, Duplex, Microphone, Speaker, WavReader, WavWriter, paced
from openai_realtime.audio.playback import Playback
from openai_realtime.cli.failures import BadInputError
from openai_realtime.cli.keys import keys
from openai_realtime.cli.output import Output
from openai_realtime.cli.server import Server, with_server
from openai_realtime.cli.settings import MODEL, file_name
from openai_realtime.cli.talk_screen import TalkScreen
from openai_realtime.cli.terminal import print_stderr
from openai_realtime.cli.turns import spoken_session
from openai_realtime.conversation import Conversation
from openai_realtime.errors import ConfigurationError, DecodeError
from openai_realtime.models.audio import AudioPcm, AudioTranscription
from openai_realtime.models.sessions import RealtimeAudioInput, RealtimeSessionConfig

_TRANSCRIBER = "gpt-transcribe"
_SILENCE = bytes(RATE // 50 * 2)  # 20 ms
_QUIET_BLOCKS = 100  # of 20 ms without anything: then a conversation from a file is over
_DRAW_SECONDS = 0.1

_Play: TypeAlias = Callable[[int], bytes]
"""Takes up to so many bytes of what the model says, to be heard now."""


@attrs.frozen(kw_only=True)
class _Job:
    """Who talks with whom, and with what. Without `source` the devices are used."""

    model: str
    voice: str | None
    instructions: str | None
    source: WavReader | None
    output: WavWriter | None
    microphone: str | None
    speaker: str | None
    audio_backend: str | None
    echo_cancellation: bool

    @property
    def session(self) -> RealtimeSessionConfig:
        """The session's settings; the words of the user are wanted too."""
        heard = RealtimeAudioInput(format=AudioPcm(rate=RATE), transcription=AudioTranscription(model=_TRANSCRIBER))
        return spoken_session(self.voice, self.instructions, heard)


@click.command()
@click.option("--model", default=MODEL, show_default=True, help="The model's name.")
@click.option("--voice", help="The voice's name, such as 'marin'.")
@click.option("--instructions", metavar="TEXT", help="What the model shall be and do.")
@click.option("--input", "source", type=click.File("rb"), metavar="FILE.wav", help="Say this, and use no devices.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True),
    metavar="FILE.wav",
    help="Write what is heard of the model.",
)
@click.option("--microphone", metavar="NAME", help="A part of the microphone's name.")
@click.option("--speaker", metavar="NAME", help="A part of the loudspeaker's name.")
@click.option("--audio-backend", metavar="NAME", help="miniaudio's backend, such as 'alsa'; 'null' is silence.")
@click.option(
    "--echo-cancellation/--no-echo-cancellation", default=True, show_default=True, help="Not needed with headphones."
)
@with_server
def talk(server: Server, /, source: IO[bytes] | None, output: str | None, **settings: Any) -> None:
    """Talk with the model by voice.

    What both sides say shows while it is said; speak at any time to interrupt the model. Needs the extras 'audio' and
    'aec' (without it: --no-echo-cancellation, and headphones). With --input the words come from a file, and the command
    ends after the answer. Without OPENAI_API_KEY it talks with the built-in emulator.
    """
    Output(as_json=False, file=output).check()
    with contextlib.ExitStack() as stack:
        said = None if source is None else _open(source)
        written = None if output is None else stack.enter_context(WavWriter(output))
        options = stack.enter_context(server.session_options("It hears no words, and repeats your voice."))
        job = _Job(source=said, output=written, **settings)
        asyncio.run(_converse(job, options, server.connect_options))


def _open(file: IO[bytes]) -> WavReader:
    try:
        return WavReader(file)
    except (ConfigurationError, DecodeError) as error:
        raise BadInputError(f"{file_name(file)}: {error}") from None


async def _converse(job: _Job, options: ClientOptions, connect: ConnectOptions) -> None:
    conversation, playback = Conversation(), Playback("pull")
    screen = TalkScreen(conversation, playback)
    play = _player(playback, screen, job.output)
    with _voice(job, conversation, playback, play) as voice:
        async with (
            AsyncRealtimeClient(**options) as client,
            client.connect(
                model=job.model,
                session=job.session,
                options=connect,
                observers=[conversation, playback, screen],
                reconnect=ReconnectPolicy(),
            ) as connection,
        ):
            with screen:
                await _until_over(connection, voice, screen, playback)
    print_stderr(screen.summary())


def _player(playback: Playback, screen: TalkScreen, output: WavWriter | None) -> _Play:
    """Take what is played; show how loud it is, and write it."""

    def play(size: int) -> bytes:
        pcm = playback.read(size).ljust(size, b"\0")
        screen.hear("model", pcm)
        if output is not None:
            output.write(pcm)
        return pcm

    return play


@contextlib.contextmanager
def _voice(job: _Job, conversation: Conversation, playback: Playback, play: _Play) -> Iterator[AsyncIterable[bytes]]:
    """Open what the user is heard with, and what `play` is heard with."""
    names: dict[str, Any] = {"backend": job.audio_backend}
    if job.source is not None:
        yield _FromFile(job.source, conversation, playback, play)
    elif job.echo_cancellation:
        with Duplex(play, capture_device=job.microphone, playback_device=job.speaker, **names) as duplex:
            yield duplex.microphone
    else:
        with Microphone(device=job.microphone, **names) as microphone, Speaker(play, device=job.speaker, **names):
            yield microphone


class _FromFile:
    """A file in place of the microphone, and the clock in place of the loudspeaker; ends after the last answer."""

    def __init__(self, reader: WavReader, conversation: Conversation, playback: Playback, play: _Play) -> None:
        self._reader, self._conversation, self._playback, self._play = reader, conversation, playback, play

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for pcm in paced(itertools.chain(self._reader, self._silence())):
            self._play(len(pcm))
            yield pcm

    def _silence(self) -> Iterator[bytes]:
        quiet = 0
        while quiet < _QUIET_BLOCKS:
            yield _SILENCE
            quiet = 0 if self._is_busy() else quiet + 1

    def _is_busy(self) -> bool:
        words_come = any(not caption.final for caption in self._conversation.captions)
        active = self._conversation.user_is_speaking or self._conversation.active_response is not None
        return active or words_come or self._playback.queued_ms > 0


async def _until_over(
    connection: AsyncRealtimeConnection, voice: AsyncIterable[bytes], screen: TalkScreen, playback: Playback
) -> None:
    """Talk until the user ends it, the file is over, or the connection is."""
    ended = asyncio.Event()

    def on_key(key: str) -> None:
        match key:
            case "m":
                screen.muted = not screen.muted
                if isinstance(voice, CaptureStream):
                    voice.muted = screen.muted
            case " ":
                playback.interrupt()
            case "q":
                ended.set()

    work = _send(connection, voice, screen), _read(connection), _draw(screen), ended.wait()
    with keys(on_key):
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one) for one in work]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None


async def _send(connection: AsyncRealtimeConnection, voice: AsyncIterable[bytes], screen: TalkScreen) -> None:
    async for pcm in voice:
        screen.hear("mic", pcm)
        await connection.append_audio(pcm)


async def _read(connection: AsyncRealtimeConnection) -> None:
    """Take the events: the observers have seen them."""
    async for _ in connection:
        pass


async def _draw(screen: TalkScreen) -> None:
    while True:
        screen.draw()
        await asyncio.sleep(_DRAW_SECONDS)
