"""What `transcribe` shows: lines or events on standard output, words and a progress bar on stderr."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from openai_realtime._codec.converter import encode
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.server_events import (
    ConversationItemInputAudioTranscriptionFailed,
    InputAudioBufferCleared,
)

from .terminal import print_stderr, print_stdout, printable, stdout_console

_EVENTS = "conversation.item.input_audio_transcription."


class Screen:
    """Lines or events on standard output, and on a terminal the words so far and a progress bar on stderr."""

    def __init__(self, seconds: float, *, as_json: bool) -> None:
        stdout_console()  # standard output takes any character
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
        """Show how many `seconds` of audio were sent."""
        self._bar.update(self._task, completed=min(seconds, self._seconds))

    def event(self, event: ServerEvent) -> None:
        """Print an event, if events are wanted, and the reason of a failure."""
        if isinstance(event, InputAudioBufferCleared):
            self._bar.update(self._task, description="Transcribing")
        if self._as_json and str(event.type).startswith(_EVENTS):
            self._print(functools.partial(click.echo, encode(event)))
        elif isinstance(event, ConversationItemInputAudioTranscriptionFailed):
            self._print(
                functools.partial(print_stderr, f"Error: a turn could not be transcribed: {_reason(event.error)}")
            )

    def show(self, lines: list[str], words: str) -> None:
        """Print complete lines, and show the words that are not in one yet."""
        self._words = printable(words)
        for line in [] if self._as_json else lines:
            self._print(functools.partial(print_stdout, line))

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
        """Draw the last two lines of the words, over the bar."""
        room = 2 * self._console.width - 2
        words = self._words if len(self._words) <= room else f"…{self._words[1 - room :]}"
        return Group(Text(words, style="dim"), self._bar) if words else self._bar


def _reason(error: Any) -> str:
    return str(getattr(error, "message", None) or getattr(error, "code", None) or "no reason given")
