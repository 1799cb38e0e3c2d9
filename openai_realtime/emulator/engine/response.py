"""One response of the model, from ``response.created`` to ``rate_limits.updated``, as a task of the timeline."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, cast

import attrs
from attrs import frozen

from openai_realtime.emulator.script import McpToolCall, Reply, ToolCall
from openai_realtime.models.items import Item
from openai_realtime.models.responses import RealtimeResponse, RealtimeResponseStatus, ResponseAudioConfig
from openai_realtime.models.server_events import (
    OutputAudioBufferStopped,
    RateLimitsUpdated,
    ResponseCreated,
    ResponseDone,
)

from . import usage
from .context import Context
from .mcp import McpServers
from .output import Function, Mcp, Message, OutputItem
from .timeline import PAUSE, Step, Wait
from .usage import Tokens

StopReason: TypeAlias = Literal["turn_detected", "client_cancelled"]

# As recorded, without the way through the network.
_UNTIL_CREATED = Wait(0.01)
_UNTIL_FIRST_DELTA = Wait(0.2)
_UNTIL_DONE = Wait(0.04)
_UNTIL_RATE_LIMITS = Wait(0.043)


@frozen(kw_only=True)
class ResponseSettings:
    """What the session and ``response.create`` together ask of one response.

    `tools` are those that the model may use. With `plays` the server plays the speech itself, as in a call, and tells
    when it begins and ends. On `azure` content parts come twice in their events, and no rate limits.
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
    azure: bool


class ResponseRun:
    """A response that is being made.

    The conversation gets its items, unless it is out of band: then `settings.conversation_id` is None. `mcp` knows
    which calls want approval. `output` are its items so far, `made` what they cost, `spoken_item` is the id of the
    message that is heard. In a call it plays from `playback_start`, in seconds of the session's time, and `played_ms`
    says how much of it the caller heard who cut it short; None for who did not.
    """

    def __init__(self, settings: ResponseSettings, reply: Reply, context: Context, mcp: McpServers) -> None:
        self.new_id = context.new_id
        self.id = self.new_id("resp_")
        self.settings = settings
        self.reply = reply
        self.conversation = context.conversation
        self._timeline = context.timeline
        self.output: list[Item] = []
        self.made = Tokens()
        self.active = True
        self.playing = False
        self.spoken_item = ""
        self.playback_start = 0.0
        self.played_ms: int | None = None
        self._mcp = mcp
        self._mcp_calls: list[Mcp] = []
        self._stop: StopReason | None = None
        self._full = False
        self._deltas = 0
        self.task = self._run()

    @property
    def in_band(self) -> bool:
        """Whether the response belongs to the conversation."""
        return self.settings.conversation_id is not None

    @property
    def playback_seconds(self) -> float:
        """How long it takes to hear the speech that was made."""
        return self.made.audio * usage.MODEL_AUDIO_MS_PER_TOKEN / 1000

    @property
    def ended(self) -> bool:
        """Whether it says no more: it was stopped, or is as long as it may be."""
        return self._stop is not None or self._full

    def stop(self, reason: StopReason) -> None:
        """End the response where it is."""
        self._stop = self._stop or reason

    def interrupted(self, wait: Wait, text: str = "") -> Generator[Step, None, bool]:
        """Wait for the next delta; give whether there is none because the response was stopped or is full."""
        if not self.ended:  # who was stopped on the way here would pause for ever
            yield PAUSE if self._deltas == self.reply.pause_after else wait
        self._deltas += 1
        limit = self.settings.max_output_tokens
        cost = usage.text_tokens(text)
        self._full = self._full or (limit != "inf" and self.made.text + cost > limit)
        if not self.ended:
            self.made.text += cost
        return self.ended

    def _run(self) -> Iterator[Step]:
        yield _UNTIL_CREATED
        yield ResponseCreated(response=self._response("in_progress"))
        given = Tokens(text=usage.text_tokens(self.settings.instructions))
        given.add(self.conversation.tokens, 1)
        if self.reply.failure is None:
            yield _UNTIL_FIRST_DELTA
            yield from self._items()
        self.active = False
        if not self.output:
            given = Tokens()
        cost = usage.response_usage(given, self.made, reasons=self.settings.reasons)
        yield ResponseDone(response=attrs.evolve(self._final(), usage=cost))
        if self._stop is None and self.reply.failure is None and not self.settings.azure:
            yield _UNTIL_RATE_LIMITS
            yield RateLimitsUpdated(rate_limits=[usage.rate_limit(given.total + self.made.total)])
        for call in self._mcp_calls:
            yield from call.make()
        yield from self._play_out()

    def _items(self) -> Iterator[Step]:
        """Put out the items. Models that reason begin the next one before they end the one before, as recorded.

        Who answers the end of the last one at once finds that the response has ended, too.
        """
        ending: Iterator[Step] = iter(())
        for part in self._parts():
            if not self.settings.reasons:
                yield from ending
            yield from part.begin()
            yield from ending
            yield from part.body()
            ending = part.end()
        yield _UNTIL_DONE
        yield from ending

    def _parts(self) -> Iterator[OutputItem]:
        """Make one item after the other, until the response ends."""
        if self.reply.text is not None and not self.ended:
            yield Message(self, self.reply.text, self.reply.audio)
        for call in self.reply.tool_calls:
            if not self.ended:
                yield Function(self, call) if isinstance(call, ToolCall) else self._mcp_part(call)

    def _mcp_part(self, call: McpToolCall) -> OutputItem:
        """Ask whether the call may be made, or write it down."""
        if self._mcp.needs_approval(call, self.settings.tools):
            return OutputItem(self, self._mcp.ask(call))
        part = Mcp(self, call)
        self._mcp_calls.append(part)
        return part

    def _play_out(self) -> Iterator[Step]:
        """Wait until the caller has heard it all."""
        if self.playing:
            yield Wait(max(0.0, self.playback_start + self.playback_seconds - self._timeline.now))
        if self.playing:
            self.playing = False
            yield OutputAudioBufferStopped(response_id=self.id)

    def _response(self, status: str) -> RealtimeResponse:
        settings = self.settings
        return RealtimeResponse(
            object="realtime.response",
            id=self.id,
            status=cast("Any", status),
            status_details=None,
            output=[*self.output],
            conversation_id=settings.conversation_id,
            output_modalities=["audio" if settings.speaks else "text"],
            max_output_tokens=settings.max_output_tokens,
            audio=settings.audio,
            usage=None,
            metadata=settings.metadata,
        )

    def _final(self) -> RealtimeResponse:
        details: RealtimeResponseStatus | None = None
        if self.reply.failure is not None:
            details = RealtimeResponseStatus(type="failed", error=self.reply.failure)
        elif self._stop is not None:
            details = RealtimeResponseStatus(type="cancelled", reason=self._stop)
        elif self._full or self.reply.incomplete:
            reason = self.reply.incomplete or "max_output_tokens"
            details = RealtimeResponseStatus(type="incomplete", reason=reason)
        status = details.type if details and details.type else "completed"
        return attrs.evolve(self._response(status), status_details=details)
