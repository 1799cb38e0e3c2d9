"""What `talk` shows: the words of both sides as they come, levels, and how long each answer took to begin."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Final, Self

from rich.live import Live
from rich.table import Table
from rich.text import Text

from openai_realtime._codec.raw import object_in, received_json, text_in
from openai_realtime.audio.pcm import level_dbfs
from openai_realtime.audio.playback import Playback
from openai_realtime.conversation import Caption, Conversation
from openai_realtime.models.events import ClientEvent, ServerEvent

from .terminal import one_line, stdout_console

_NAMES: Final = {"user": "you", "assistant": "model", "tool": "tool", "error": "error"}
_STYLES: Final = {"user": "cyan", "assistant": "green", "tool": "magenta", "error": "red"}
_QUIETEST: Final = -60.0  # dBFS; what is softer is an empty meter
_METER: Final = 10  # characters
_KEYS: Final = "m mutes, space interrupts, q ends"


class TalkScreen:
    """Lines on standard output, and on a terminal below them what is being said; an observer of the connection."""

    def __init__(self, conversation: Conversation, playback: Playback) -> None:
        self.muted = False
        self._conversation, self._playback = conversation, playback
        self._console = stdout_console()
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if self._is_drawn() else None
        self._printed: set[str] = set()
        self._latency: dict[str, float] = {}  # seconds, by the item that answers
        self._silent_since: float | None = None
        self._levels = {"mic": _QUIETEST, "model": _QUIETEST}

    def _is_drawn(self) -> bool:
        return self._console.is_terminal and not self._console.is_dumb_terminal

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.draw(last=True)
        if self._live is not None:
            self._live.stop()

    def sent(self, event: ClientEvent) -> None:
        """Follow nothing: what is sent is not shown."""

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server, before anybody reads it."""
        match event.type:
            case "input_audio_buffer.speech_stopped":
                self._silent_since = time.monotonic()
            case "response.output_audio.delta" if self._silent_since is not None:
                key = text_in(received_json(event), "item_id")
                self._latency[key], self._silent_since = time.monotonic() - self._silent_since, None
            case "response.output_item.done":
                item = object_in(received_json(event), "item")
                if text_in(item, "type") in ("function_call", "mcp_call"):
                    self._print("tool", f"{text_in(item, 'name')} {text_in(item, 'arguments')}")
            case "response.done":
                self._show_failure(text_in(object_in(received_json(event), "response"), "id"))
            case "error":
                self._print("error", text_in(object_in(received_json(event), "error"), "message"))

    def _show_failure(self, response_id: str) -> None:
        for failure in self._conversation.failures:
            if failure.id == response_id:
                reason = text_in(failure.error, "message") or failure.reason
                self._print("error", f"the answer is {failure.status}: {reason}")

    def hear(self, name: str, pcm: bytes) -> None:
        """Show how loud ``mic`` or ``model`` is now; the meter falls slowly, so that the eye can follow."""
        self._levels[name] = max(level_dbfs(pcm), self._levels[name] - 3, _QUIETEST)

    def draw(self, *, last: bool = False) -> None:
        """Print what is final and was heard, in order, and show the rest; at the `last` print that too."""
        captions = [one for one in self._conversation.captions if one.item_id not in self._printed]
        while captions and (last or self._is_over(captions[0])):
            self._print_caption(captions.pop(0))
        if self._live is not None:
            self._live.update(self._picture(captions), refresh=True)

    def summary(self) -> str:
        """Say in one line how the conversation went."""
        times = list(self._latency.values())
        speed = f", begun after {statistics.median(times):.2f} s (median)" if times else ""
        usage = self._conversation.usage
        answers = "1 answer" if len(times) == 1 else f"{len(times)} answers"
        return f"{answers}{speed}; {usage.input_tokens + usage.output_tokens:,} tokens."

    def _is_over(self, caption: Caption) -> bool:
        """Whether no more comes of it: the words of an answer are there long before it is heard."""
        item = self._conversation.item(caption.item_id)
        waits = item is not None and self._playback.queued_ms > 0 and self._heard(caption) < item.audio_ms
        return caption.final and not waits

    def _heard(self, caption: Caption) -> float:
        return self._playback.heard_ms(caption.item_id)

    def _print_caption(self, caption: Caption) -> None:
        self._printed.add(caption.item_id)
        latency, item = self._latency.get(caption.item_id), self._conversation.item(caption.item_id)
        remarks = [] if latency is None else [f"after {latency:.2f} s"]
        if item is not None and caption.role == "assistant" and self._heard(caption) + 1 < item.audio_ms:
            remarks.append(f"cut at {self._heard(caption) / 1000:.1f} s")
        self._print(caption.role, caption.text, ", ".join(remarks))

    def _print(self, role: str, text: str, remark: str = "") -> None:
        text = one_line(text)
        if self._live is None:
            self._console.print(f"{_NAMES[role]}: {text}" + (f" ({remark})" if remark else ""), soft_wrap=True)
            return
        self._console.print(_rows([(role, Text.assemble(text, "  " if remark else "", (remark, "dim")))]))

    def _picture(self, captions: list[Caption]) -> Table:
        spoken = [(caption.role, Text(one_line(caption.text), style="dim")) for caption in captions]
        picture = Table.grid()
        picture.add_row(_rows(spoken) if spoken else Text())
        picture.add_row(self._status())
        return picture

    def _status(self) -> Text:
        microphone = "muted     " if self.muted else _meter(self._levels["mic"])
        status = Text(f"mic {microphone}  model {_meter(self._levels['model'])}", no_wrap=True, overflow="ellipsis")
        if self._latency:
            status.append(f"  {[*self._latency.values()][-1]:.2f} s")
        return status.append(f"  {_KEYS}", style="dim")


def _meter(level: float) -> str:
    filled = round((level - _QUIETEST) / -_QUIETEST * _METER)
    return ("#" * filled).ljust(_METER, ".")


def _rows(lines: Sequence[tuple[str, Text]]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=5, no_wrap=True)
    grid.add_column(overflow="fold")
    for role, text in lines:
        grid.add_row(Text(_NAMES[role], style=f"bold {_STYLES[role]}"), text)
    return grid
