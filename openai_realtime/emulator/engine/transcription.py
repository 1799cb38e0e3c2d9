"""What the user said, as the transcription models tell it: words as they come, then the whole and its cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs
from attrs import frozen

from openai_realtime.emulator.script import Heard
from openai_realtime.models.base import UNSET
from openai_realtime.models.responses import FailureDetails, InputTokenDetails
from openai_realtime.models.server_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    LogProb,
    TranscriptionDurationUsage,
    TranscriptionTokenUsage,
)

from . import usage
from .timeline import Task, Wait, padding, words

_UNTIL_DELTA = Wait(0.03)
_UNTIL_COMPLETED = Wait(0.4)
_BY_THE_TOKEN = ("gpt-4o-transcribe", "gpt-4o-mini-transcribe")
_LIKELY = -0.05  # the logarithm of 95 %
_WHOLE = ("whisper-1",)  # one delta, with the whole text
MS_PER_WORD = 300


def delta(item_id: str, text: str) -> ConversationItemInputAudioTranscriptionDelta:
    """Tell some words more."""
    return ConversationItemInputAudioTranscriptionDelta(
        item_id=item_id, content_index=0, delta=text, obfuscation=padding()
    )


def pieces(text: str, model: str) -> list[str]:
    """`text` in the deltas in which `model` tells it."""
    if model in _WHOLE:
        return [f"{text}\n"] if text else []
    return words(text)


class Caption:
    """What is heard in one message while it is spoken; `sent` is how many deltas were. A failure is sent later."""

    def __init__(self, item_id: str, model: str, heard: Heard) -> None:
        self.heard = heard
        self.sent = 0
        self._item_id = item_id
        self._pieces = pieces(heard, model) if isinstance(heard, str) else []

    def more(self, spoken_ms: float) -> list[ConversationItemInputAudioTranscriptionDelta]:
        """Give the deltas that are due after so much speech."""
        due = self._pieces[self.sent : int(spoken_ms / MS_PER_WORD)]
        self.sent += len(due)
        return [delta(self._item_id, piece) for piece in due]


@frozen(kw_only=True)
class Spoken:
    """What is in one audio message: the model that transcribes it, how many deltas were sent, and seconds of audio.

    With a `failure` nothing is sent but that. `include_logprobs` says how likely each word was.
    """

    item_id: str
    model: str
    text: str
    sent: int
    seconds: float
    failure: FailureDetails | None = None
    include_logprobs: bool = False

    def logprobs(self, deltas: Sequence[str]) -> Any:
        """Give the tokens of `deltas`, if they are wanted and the model tells them."""
        if not (self.include_logprobs and self.model.startswith(_BY_THE_TOKEN)):
            return UNSET
        return [LogProb(token=text, logprob=_LIKELY, bytes=[*text.encode("utf-8", "surrogatepass")]) for text in deltas]


def task(spoken: Spoken, finish: Callable[[str], None]) -> Task:
    """Tell the rest of the text, then that it is complete; `finish` gets the transcript."""
    if spoken.failure is not None:
        yield _UNTIL_COMPLETED
        yield ConversationItemInputAudioTranscriptionFailed(
            item_id=spoken.item_id, content_index=0, error=spoken.failure
        )
        return
    deltas = pieces(spoken.text, spoken.model)
    for piece in deltas[spoken.sent :]:
        yield _UNTIL_DELTA
        yield attrs.evolve(delta(spoken.item_id, piece), logprobs=spoken.logprobs([piece]))
    yield _UNTIL_COMPLETED
    finish("".join(deltas))
    yield ConversationItemInputAudioTranscriptionCompleted(
        item_id=spoken.item_id,
        content_index=0,
        transcript="".join(deltas),
        usage=cost(spoken.model, spoken.text, spoken.seconds),
        logprobs=spoken.logprobs(deltas),
    )


def cost(model: str, text: str, seconds: float) -> Any:
    """Give the usage: by the token or by the started second, as the model is charged."""
    if not model.startswith(_BY_THE_TOKEN):
        return TranscriptionDurationUsage(seconds=math.ceil(seconds))
    heard, written = usage.audio_tokens(seconds * 1000, usage.USER_AUDIO_MS_PER_TOKEN), usage.text_tokens(text)
    return TranscriptionTokenUsage(
        total_tokens=heard + written,
        input_tokens=heard,
        output_tokens=written,
        input_token_details=InputTokenDetails(text_tokens=0, audio_tokens=heard),
    )
