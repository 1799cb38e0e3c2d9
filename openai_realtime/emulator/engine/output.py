"""The items that a response puts out: how each begins, what it says, how it ends."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from openai_realtime.emulator.script import McpToolCall, ToolCall
from openai_realtime.models import items, server_events
from openai_realtime.models.base import UNSET
from openai_realtime.models.base64 import to_base64
from openai_realtime.models.events import ServerEvent

from . import sound, usage
from .conversation import Audio, item_id
from .mcp import ApprovedCall
from .timeline import Step, Wait, padding, words

if TYPE_CHECKING:
    from .response import ResponseRun

_UNTIL_NEXT_WORD = Wait(0.015)
_UNTIL_NEXT_SOUND = Wait(0.06)
_UNTIL_MCP_OUTPUT = Wait(0.3)
_WORDS_AHEAD = 3  # of the sound


class OutputItem:
    """One item of a response, as `run` makes it: `begin`, `body` and `end` are its events, in this order."""

    def __init__(self, run: ResponseRun, item: items.Item) -> None:
        self.item: Any = item
        self._run = run
        self._index = 0

    def begin(self) -> Iterator[Step]:
        """Take the next place in the response, and in the conversation."""
        self._index = len(self._run.output)
        self._run.output.append(self.item)
        yield server_events.ResponseOutputItemAdded(response_id=self._run.id, output_index=self._index, item=self.item)
        if self._run.in_band:
            yield server_events.ConversationItemAdded(
                previous_item_id=self._run.conversation.add(self.item), item=self.item
            )

    def body(self) -> Iterator[Step]:
        """Say what it says."""
        return iter(())

    def end(self) -> Iterator[Step]:
        """Be done in the conversation, then in the response."""
        self._run.output[self._index] = self.item
        yield from self._done()
        yield server_events.ResponseOutputItemDone(response_id=self._run.id, output_index=self._index, item=self.item)

    def _done(self) -> Iterator[Step]:
        conversation = self._run.conversation
        if self._run.in_band:
            conversation.replace(self.item)
            previous = conversation.previous_of(item_id(self.item))
            # The API forgets the item before if it is the first of the conversation.
            shown = previous if previous and conversation.previous_of(previous) else None
            yield server_events.ConversationItemDone(previous_item_id=shown, item=self.item)

    @property
    def _place(self) -> dict[str, Any]:
        return {"response_id": self._run.id, "item_id": item_id(self.item), "output_index": self._index}

    @property
    def _status(self) -> items.ItemStatus:
        return "incomplete" if self._run.ended else "completed"

    def _arguments(self, arguments: str, delta: Callable[..., ServerEvent], **place: Any) -> Generator[Step, None, str]:
        """Write the arguments of a call; give those that were written before the response was stopped."""
        given = ""
        for piece in words(arguments):
            if (yield from self._run.interrupted(_UNTIL_NEXT_WORD, piece)):
                break
            given += piece
            yield delta(**place, delta=piece, obfuscation=padding())
        return given


class Message(OutputItem):
    """What the model writes, or says where the response is spoken. `audio` is the sound, a hum if there is none."""

    def __init__(self, run: ResponseRun, text: str, audio: bytes | None) -> None:
        phase: Any = "final_answer" if run.settings.reasons else UNSET
        super().__init__(
            run, items.AssistantMessage(id=run.new_id("item_"), status="in_progress", content=[], phase=phase)
        )
        self._text = text
        self._audio = audio

    def body(self) -> Iterator[Step]:
        """Put out the one part that it has."""
        content = yield from self._spoken() if self._run.settings.speaks else self._written()
        cut = self._run.ended or self._run.reply.incomplete is not None
        status: items.ItemStatus = "incomplete" if cut else "completed"
        self.item = attrs.evolve(self.item, status=status, content=[content])

    @property
    def _part(self) -> dict[str, Any]:
        return {**self._place, "content_index": 0}

    def _shown(self, part: items.TextPart | items.AudioPart) -> dict[str, Any]:
        return {"part": part, "content": part} if self._run.settings.azure else {"part": part}

    def _written(self) -> Generator[Step, None, items.OutputText]:
        yield server_events.ResponseContentPartAdded(**self._part, **self._shown(items.TextPart(text="")))
        said = ""
        for word in words(self._text):
            if (yield from self._run.interrupted(_UNTIL_NEXT_WORD, word)):
                break
            said += word
            yield server_events.ResponseOutputTextDelta(**self._part, delta=word, obfuscation=padding())
        yield server_events.ResponseOutputTextDone(**self._part, text=said)
        yield server_events.ResponseContentPartDone(**self._part, **self._shown(items.TextPart(text=said)))
        return items.OutputText(text=said)

    def _spoken(self) -> Generator[Step, None, items.OutputAudio]:
        yield server_events.ResponseContentPartAdded(**self._part, **self._shown(items.AudioPart(transcript="")))
        made = Audio(bytearray(), self._run.settings.audio_format)
        self._run.conversation.set_audio(item_id(self.item), made)
        self._run.spoken_item = item_id(self.item)
        said = yield from self._voice(made)
        self._run.made.audio += usage.audio_tokens(made.milliseconds, usage.MODEL_AUDIO_MS_PER_TOKEN)
        yield server_events.ResponseOutputAudioDone(**self._part)
        yield server_events.ResponseOutputAudioTranscriptDone(**self._part, transcript=said)
        yield server_events.ResponseContentPartDone(**self._part, **self._shown(items.AudioPart(transcript=said)))
        return items.OutputAudio(transcript=said)

    def _voice(self, made: Audio) -> Generator[Step, None, str]:
        """Say the words and make the sound; give what was said before the response was stopped."""
        given, audio_format = self._audio, made.audio_format
        audio = sound.hum(self._text, audio_format) if given is None else sound.chunks(given, audio_format)
        said = ""
        for piece in interleaved(words(self._text), audio):
            if isinstance(piece, str):
                if (yield from self._run.interrupted(_UNTIL_NEXT_WORD, piece)):
                    break
                said += piece
                yield server_events.ResponseOutputAudioTranscriptDelta(**self._part, delta=piece, obfuscation=padding())
            else:
                if (yield from self._run.interrupted(_UNTIL_NEXT_SOUND)):
                    break
                if self._run.settings.plays and not self._run.playing:
                    self._run.playing = True
                    yield server_events.OutputAudioBufferStarted(response_id=self._run.id)
                made.data.extend(piece)
                yield server_events.ResponseOutputAudioDelta(**self._part, delta=to_base64(piece))
        return said


class Function(OutputItem):
    """A function that the model calls."""

    def __init__(self, run: ResponseRun, call: ToolCall) -> None:
        self._call = call
        self._call_id = run.new_id("call_")
        item = items.FunctionCall(
            id=run.new_id("item_"), status="in_progress", name=call.name, call_id=self._call_id, arguments=""
        )
        super().__init__(run, item)

    def body(self) -> Iterator[Step]:
        """Write the arguments."""
        place = {**self._place, "call_id": self._call_id}
        given = yield from self._arguments(
            str(self._call.arguments), server_events.ResponseFunctionCallArgumentsDelta, **place
        )
        yield server_events.ResponseFunctionCallArgumentsDone(**place, name=self._call.name, arguments=given)
        self.item = attrs.evolve(self.item, status=self._status, arguments=given)


class Mcp(OutputItem):
    """A tool of an MCP server that the model calls; the call is made after the response, by `make`."""

    def __init__(self, run: ResponseRun, call: McpToolCall) -> None:
        self._call = call
        self._mcp = items.McpCall(
            id=run.new_id("item_"),
            server_label=call.server_label,
            name=call.name,
            arguments="",
            approval_request_id=call.request_id if isinstance(call, ApprovedCall) else None,
            output=None,
            error=None,
        )
        self._written = False
        super().__init__(run, self._mcp)

    def body(self) -> Iterator[Step]:
        """Write the arguments."""
        given = yield from self._arguments(
            str(self._call.arguments), server_events.ResponseMcpCallArgumentsDelta, **self._place
        )
        yield server_events.ResponseMcpCallArgumentsDone(**self._place, arguments=given)
        self.item = self._mcp = attrs.evolve(self._mcp, arguments=given)
        self._written = not self._run.ended

    def end(self) -> Iterator[Step]:
        """Be done in the response; the conversation waits for what the call gives, if it is made."""
        if not self._written:
            yield from super().end()
            return
        self._run.output[self._index] = self.item
        yield server_events.ResponseOutputItemDone(response_id=self._run.id, output_index=self._index, item=self.item)

    def make(self) -> Iterator[Step]:
        """Make the call, if it was written down; only then its item is complete."""
        if not self._written:
            return
        place: dict[str, Any] = {"item_id": item_id(self.item), "output_index": self._index}
        yield server_events.ResponseMcpCallInProgress(**place)
        yield _UNTIL_MCP_OUTPUT
        error = self._call.error
        self.item = attrs.evolve(self._mcp, output=None if error else self._call.output, error=error)
        yield from self._done()
        yield server_events.ResponseMcpCallFailed(**place) if error else server_events.ResponseMcpCallCompleted(**place)


def interleaved(texts: Sequence[str], sounds: Iterator[bytes]) -> Iterator[str | bytes]:
    """Give transcript and sound by turns, the transcript three words ahead."""
    yield from texts[:_WORDS_AHEAD]
    for pair in itertools.zip_longest(sounds, texts[_WORDS_AHEAD:]):
        yield from (piece for piece in pair if piece is not None)
