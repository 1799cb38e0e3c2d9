"""One response of the model, from ``response.created`` to ``rate_limits.updated``, as a task of the timeline."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import attrs
from attrs import frozen

from openai_realtime.emulator.ids import NewId
from openai_realtime.emulator.script import McpToolCall, Reply, ToolCall
from openai_realtime.models.base import UNSET
from openai_realtime.models.base64 import to_base64
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.items import (
    AssistantMessage,
    AudioPart,
    FunctionCall,
    Item,
    ItemStatus,
    McpCall,
    OutputAudio,
    OutputText,
    TextPart,
)
from openai_realtime.models.responses import RealtimeResponse, RealtimeResponseStatus, ResponseAudioConfig
from openai_realtime.models.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    RateLimitsUpdated,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
)

from . import sound, usage
from .conversation import Audio, Conversation, item_id
from .mcp import ApprovedCall, McpServers
from .text import padding, words
from .timeline import PAUSE, Step, Wait
from .usage import Tokens

StopReason: TypeAlias = Literal["turn_detected", "client_cancelled"]

# As recorded, without the way through the network.
_UNTIL_CREATED = Wait(0.01)
_UNTIL_FIRST_DELTA = Wait(0.2)
_UNTIL_NEXT_WORD = Wait(0.015)
_UNTIL_NEXT_SOUND = Wait(0.06)
_UNTIL_DONE = Wait(0.04)
_UNTIL_RATE_LIMITS = Wait(0.043)
_UNTIL_MCP_OUTPUT = Wait(0.3)
_WORDS_AHEAD = 3  # of the sound


@frozen(kw_only=True)
class ResponseSettings:
    """What the session and ``response.create`` together ask of one response.

    `tools` are those that the model may use. With `plays` the server plays the speech itself, as in a call, and tells
    when it begins and ends.
    """

    speaks: bool
    audio_format: dict[str, Any]
    audio: ResponseAudioConfig
    instructions: str
    tools: Sequence[dict[str, Any]]
    max_output_tokens: int | Literal["inf"]
    metadata: Mapping[str, str] | None
    conversation_id: str | None
    reasons: bool
    plays: bool


class ResponseRun:
    """A response that is being made.

    `conversation` gets its items, unless the response is out of band: then `settings.conversation_id` is None. `mcp`
    knows which calls want approval. `spoken_item` is the id of the message that is heard. In a call it plays from
    `playback_start`, in seconds of the session's time, and `played_ms` says how much of it the caller heard who cut it
    short; None for who did not.
    """

    def __init__(
        self, settings: ResponseSettings, reply: Reply, conversation: Conversation, mcp: McpServers, new_id: NewId
    ) -> None:
        self.id = new_id("resp_")
        self.active = True
        self.playing = False
        self.spoken_item = ""
        self.playback_start = 0.0
        self.played_ms: int | None = None
        self._settings = settings
        self._reply = reply
        self._conversation = conversation
        self._mcp = mcp
        self._new_id = new_id
        self._stop: StopReason | None = None
        self._full = False
        self._output: list[Item] = []
        self._mcp_calls: list[tuple[int, McpCall, McpToolCall]] = []
        self._made = Tokens()
        self._deltas = 0
        self.task = self._run()

    @property
    def in_band(self) -> bool:
        """Whether the response belongs to the conversation."""
        return self._settings.conversation_id is not None

    @property
    def playback_seconds(self) -> float:
        """How long it takes to hear the speech that was made."""
        return self._made.audio * usage.MODEL_AUDIO_MS_PER_TOKEN / 1000

    def stop(self, reason: StopReason) -> None:
        """End the response where it is."""
        self._stop = self._stop or reason

    @property
    def _ended(self) -> bool:
        return self._stop is not None or self._full

    # --- the course of events -----------------------------------------------------------------------------------------

    def _run(self) -> Iterator[Step]:
        yield _UNTIL_CREATED
        yield ResponseCreated(response=self._response("in_progress"))
        given = usage.input_tokens(self._conversation, self._settings.instructions)
        if self._reply.failure is None:
            yield _UNTIL_FIRST_DELTA
            yield from self._items()
        yield _UNTIL_DONE
        self.active = False
        if not self._output:
            given = Tokens()
        cost = usage.response_usage(given, self._made, reasons=self._settings.reasons)
        yield ResponseDone(response=attrs.evolve(self._final(), usage=cost))
        if self._stop is None and self._reply.failure is None:
            yield _UNTIL_RATE_LIMITS
            yield RateLimitsUpdated(rate_limits=[usage.rate_limit(given.total + self._made.total)])
        yield from self._call_mcp()
        if self.playing:
            yield Wait(self.playback_seconds)
        if self.playing:
            self.playing = False
            yield OutputAudioBufferStopped(response_id=self.id)

    def _items(self) -> Iterator[Step]:
        if self._reply.text is not None and not self._ended:
            yield from self._message(self._reply.text)
        for call in self._reply.tool_calls:
            if not self._ended:
                yield from self._function_call(call) if isinstance(call, ToolCall) else self._mcp_call(call)

    def _message(self, text: str) -> Iterator[Step]:
        item = AssistantMessage(
            id=self._new_id("item_"),
            status="in_progress",
            content=[],
            phase="final_answer" if self._settings.reasons else UNSET,
        )
        index = len(self._output)
        yield from self._begin(item, index)
        body: Generator[Step, None, OutputText | OutputAudio] = (
            self._speech(text, item, index) if self._settings.speaks else self._text(text, item, index)
        )
        content = yield from body
        cut = self._ended or self._reply.incomplete is not None
        status: ItemStatus = "incomplete" if cut else "completed"
        yield from self._end(attrs.evolve(item, status=status, content=[content]), index)

    def _text(self, text: str, item: AssistantMessage, index: int) -> Generator[Step, None, OutputText]:
        place = self._place(item, index)
        yield ResponseContentPartAdded(**place, part=TextPart(text=""))
        said = ""
        for word in words(text):
            if (yield from self._interrupted(_UNTIL_NEXT_WORD, word)):
                break
            said += word
            yield ResponseOutputTextDelta(**place, delta=word, obfuscation=padding())
        yield ResponseOutputTextDone(**place, text=said)
        yield ResponseContentPartDone(**place, part=TextPart(text=said))
        return OutputText(text=said)

    def _speech(self, text: str, item: AssistantMessage, index: int) -> Generator[Step, None, OutputAudio]:
        place, audio_format = self._place(item, index), self._settings.audio_format
        yield ResponseContentPartAdded(**place, part=AudioPart(transcript=""))
        audio = self._reply.audio if self._reply.audio is not None else sound.hum(text, audio_format)
        made = self._conversation.audio[item_id(item)] = Audio(bytearray(), audio_format)
        self.spoken_item = item_id(item)
        said = ""
        for piece in interleaved(words(text), sound.chunks(audio, audio_format)):
            if isinstance(piece, str):
                if (yield from self._interrupted(_UNTIL_NEXT_WORD, piece)):
                    break
                said += piece
                yield ResponseOutputAudioTranscriptDelta(**place, delta=piece, obfuscation=padding())
            else:
                if (yield from self._interrupted(_UNTIL_NEXT_SOUND)):
                    break
                if self._settings.plays and not self.playing:
                    self.playing = True
                    yield OutputAudioBufferStarted(response_id=self.id)
                made.data.extend(piece)
                yield ResponseOutputAudioDelta(**place, delta=to_base64(piece))
        self._made.audio += usage.audio_tokens(made.milliseconds, usage.MODEL_AUDIO_MS_PER_TOKEN)
        yield ResponseOutputAudioDone(**place)
        yield ResponseOutputAudioTranscriptDone(**place, transcript=said)
        yield ResponseContentPartDone(**place, part=AudioPart(transcript=said))
        return OutputAudio(transcript=said)

    def _function_call(self, call: ToolCall) -> Iterator[Step]:
        item = FunctionCall(
            id=self._new_id("item_"),
            status="in_progress",
            name=call.name,
            call_id=self._new_id("call_"),
            arguments="",
        )
        index = len(self._output)
        yield from self._begin(item, index)
        place: dict[str, Any] = {
            "response_id": self.id,
            "item_id": item_id(item),
            "output_index": index,
            "call_id": item.call_id,
        }
        given = yield from self._arguments(call.arguments, ResponseFunctionCallArgumentsDelta, place)
        yield ResponseFunctionCallArgumentsDone(**place, name=call.name, arguments=given)
        status: ItemStatus = "incomplete" if self._ended else "completed"
        yield from self._end(attrs.evolve(item, status=status, arguments=given), index)

    def _mcp_call(self, call: McpToolCall) -> Iterator[Step]:
        """Ask whether the call may be made, or write it down; it is made after the response."""
        index = len(self._output)
        if self._mcp.needs_approval(call, self._settings.tools):
            request = self._mcp.ask(call)
            yield from self._begin(request, index)
            yield from self._end(request, index)
            return
        item = McpCall(
            id=self._new_id("item_"),
            server_label=call.server_label,
            name=call.name,
            arguments="",
            approval_request_id=call.request_id if isinstance(call, ApprovedCall) else None,
            output=None,
            error=None,
        )
        yield from self._begin(item, index)
        place: dict[str, Any] = {"response_id": self.id, "item_id": item.id, "output_index": index}
        given = yield from self._arguments(call.arguments, ResponseMcpCallArgumentsDelta, place)
        yield ResponseMcpCallArgumentsDone(**place, arguments=given)
        item = attrs.evolve(item, arguments=given)
        if self._ended:
            yield from self._end(item, index)
            return
        self._mcp_calls.append((index, item, call))
        self._output[index] = item
        yield ResponseOutputItemDone(response_id=self.id, output_index=index, item=item)

    def _call_mcp(self) -> Iterator[Step]:
        """Make the calls that the response wrote down; only then their items are complete."""
        for index, item, call in self._mcp_calls:
            yield ResponseMcpCallInProgress(item_id=item.id, output_index=index)
            yield _UNTIL_MCP_OUTPUT
            done = attrs.evolve(item, output=None if call.error else call.output, error=call.error)
            yield from self._item_done(done)
            ended = ResponseMcpCallFailed if call.error else ResponseMcpCallCompleted
            yield ended(item_id=item.id, output_index=index)

    def _arguments(
        self, arguments: str, delta: Callable[..., ServerEvent], place: dict[str, Any]
    ) -> Generator[Step, None, str]:
        """Write the arguments of a call; gives those that were written before the response was stopped."""
        given = ""
        for piece in words(arguments):
            if (yield from self._interrupted(_UNTIL_NEXT_WORD, piece)):
                break
            given += piece
            yield delta(**place, delta=piece, obfuscation=padding())
        return given

    # --- the steps of an item -----------------------------------------------------------------------------------------

    def _begin(self, item: Item, index: int) -> Iterator[Step]:
        self._output.append(item)
        yield ResponseOutputItemAdded(response_id=self.id, output_index=index, item=item)
        if self.in_band:
            yield ConversationItemAdded(previous_item_id=self._conversation.add(item), item=item)

    def _end(self, item: Item, index: int) -> Iterator[Step]:
        self._output[index] = item
        yield from self._item_done(item)
        yield ResponseOutputItemDone(response_id=self.id, output_index=index, item=item)

    def _item_done(self, item: Item) -> Iterator[Step]:
        if self.in_band:
            self._conversation.replace(item)
            yield ConversationItemDone(previous_item_id=self._forgotten_previous(item), item=item)

    def _forgotten_previous(self, item: Item) -> str | None:
        """The item before, which the API forgets here if it is the first of the conversation."""
        previous = self._conversation.previous_of(item_id(item))
        return previous if previous and self._conversation.previous_of(previous) else None

    def _place(self, item: Item, index: int) -> dict[str, Any]:
        return {"response_id": self.id, "item_id": item_id(item), "output_index": index, "content_index": 0}

    def _interrupted(self, wait: Wait, text: str = "") -> Generator[Step, None, bool]:
        """Wait for the next delta; gives whether there is none because the response was stopped or is full."""
        if not self._ended:  # who was stopped on the way here would pause for ever
            yield PAUSE if self._deltas == self._reply.pause_after else wait
        self._deltas += 1
        limit = self._settings.max_output_tokens
        cost = usage.text_tokens(text)
        self._full = self._full or (limit != "inf" and self._made.text + cost > limit)
        if not self._ended:
            self._made.text += cost
        return self._ended

    # --- the response object ------------------------------------------------------------------------------------------

    def _response(self, status: str) -> RealtimeResponse:
        settings = self._settings
        return RealtimeResponse(
            object="realtime.response",
            id=self.id,
            status=cast("Any", status),
            status_details=None,
            output=[*self._output],
            conversation_id=settings.conversation_id,
            output_modalities=["audio" if settings.speaks else "text"],
            max_output_tokens=settings.max_output_tokens,
            audio=settings.audio,
            usage=None,
            metadata=settings.metadata,
        )

    def _final(self) -> RealtimeResponse:
        details: RealtimeResponseStatus | None = None
        if self._reply.failure is not None:
            details = RealtimeResponseStatus(type="failed", error=self._reply.failure)
        elif self._stop is not None:
            details = RealtimeResponseStatus(type="cancelled", reason=self._stop)
        elif self._full or self._reply.incomplete:
            reason = self._reply.incomplete or "max_output_tokens"
            details = RealtimeResponseStatus(type="incomplete", reason=reason)
        status = details.type if details and details.type else "completed"
        return attrs.evolve(self._response(status), status_details=details)


def interleaved(texts: Sequence[str], sounds: Iterator[bytes]) -> Iterator[str | bytes]:
    """Transcript and sound by turns, the transcript three words ahead."""
    yield from texts[:_WORDS_AHEAD]
    for pair in itertools.zip_longest(sounds, texts[_WORDS_AHEAD:]):
        yield from (piece for piece in pair if piece is not None)
