"""The words of a transcription session, turn by turn."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from openai_realtime.models.events import ServerEvent
from openai_realtime.models.server_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    InputAudioBufferCommitted,
)

from .terminal import one_line


@attrs.define
class _Turn:
    text: str = ""
    committed: bool = False
    done: bool = False


class Captions:
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
        """Learn from `event`; return the lines that are complete now."""
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
