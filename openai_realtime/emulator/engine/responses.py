"""All responses of a session: which one is active, what stops them, and what is still owed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import attrs

from openai_realtime._codec.converter import structure
from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.script import Reply, UserInput
from openai_realtime.emulator.sessions import defaults as sessions
from openai_realtime.models.client_events import (
    ConversationItemTruncate,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
)
from openai_realtime.models.items import Item, ItemReference
from openai_realtime.models.responses import ResponseAudioConfig, ResponseConfig
from openai_realtime.models.server_events import ConversationItemTruncated, OutputAudioBufferCleared

from .context import Context
from .mcp import McpServers
from .response import ResponseRun, ResponseSettings, StopReason


class Responses:
    """The responses of one session. `owes_answer` says that a turn of the user waits for the active one to end."""

    def __init__(self, context: Context, mcp: McpServers, conversation_id: str) -> None:
        self.owes_answer = False
        self._context = context
        self._mcp = mcp
        self._conversation_id = conversation_id
        self._runs: list[ResponseRun] = []

    def create(self, event: ResponseCreate) -> None:
        """Do what the client asks for. Raises Refusal while another response is active."""
        config = event.response or ResponseConfig()
        active = self._active()
        if active and config.conversation != "none":
            raise api_errors.active_response(active.id)
        self.begin(config)

    def answer_turn(self) -> None:
        """Answer what the user said, as soon as no other response is active."""
        self.owes_answer = self._active() is not None
        if not self.owes_answer:
            self.begin(ResponseConfig())

    def begin(self, config: ResponseConfig) -> None:
        """Let the model answer."""
        settings = self._settings(config)
        for task in self._mcp.use(settings.tools, once=True):
            self._context.timeline.start(task)
        run = ResponseRun(settings, self._reply(config, settings), self._context, self._mcp)
        self._runs = [*(other for other in self._runs if other.active or other.playing), run]
        self._context.timeline.start(run.task)
        if run.in_band:
            self._context.idle.stop()

    def run(self, response_id: Any) -> ResponseRun:
        """Give the response with that id."""
        return next(run for run in self._runs if run.id == response_id)

    def cancel(self, event: ResponseCancel) -> None:
        """Stop the response that the client means. Raises Refusal if it is not active."""
        wanted = event.response_id
        runs = [run for run in self._runs if run.active and (run.id == wanted if wanted else run.in_band)]
        if not runs:
            raise api_errors.no_active_response()
        self._stop(runs[0], "client_cancelled")

    def clear_output(self, _: OutputAudioBufferClear) -> None:
        """Stop what is heard in a call."""
        playing = next((run for run in reversed(self._runs) if run.playing), None)
        if playing is not None:
            self._stop_playback(playing)

    def interrupt(self) -> None:
        """Stop the response, and in a call what is heard of it; what was not heard goes when the response is done."""
        cut = [run for run in self._runs if run.playing and run.in_band]
        for run in cut:
            run.played_ms = round((self._context.timeline.now - run.playback_start) * 1000)
            self._stop_playback(run)
        if active := self._active():
            self._stop(active, "turn_detected")
        for run in cut:
            if not run.active:
                self.truncate_played(run)

    def truncate_played(self, run: ResponseRun) -> None:
        """Forget what the caller did not hear of a response that was cut short."""
        audio = self._context.conversation.audio(run.spoken_item)
        if run.played_ms is not None and audio is not None:
            with contextlib.suppress(Refusal):  # the client deleted the item, or cut all of it
                self._truncate(run.spoken_item, 0, min(run.played_ms, int(audio.milliseconds)))

    def truncate(self, event: ConversationItemTruncate) -> None:
        """Cut what the model said. Raises Refusal for what cannot be cut."""
        self._truncate(event.item_id, event.content_index, event.audio_end_ms)

    def _truncate(self, key: str, content_index: int, end_ms: int) -> None:
        self._context.conversation.truncate(key, content_index, end_ms)
        self._context.send(ConversationItemTruncated(item_id=key, content_index=content_index, audio_end_ms=end_ms))

    def _active(self) -> ResponseRun | None:
        return next((run for run in self._runs if run.active and run.in_band), None)

    def _stop(self, run: ResponseRun, reason: StopReason) -> None:
        run.stop(reason)
        self._context.timeline.wake(run.task)

    def _stop_playback(self, run: ResponseRun) -> None:
        run.playing = False
        self._context.timeline.wake(run.task)
        self._context.send(OutputAudioBufferCleared(response_id=run.id))

    def _reply(self, config: ResponseConfig, settings: ResponseSettings) -> Reply:
        """Give what the model says: it makes the calls that were approved before it goes on."""
        calls = self._mcp.approved() if settings.conversation_id else ()
        if calls:
            return Reply(tool_calls=calls)
        given = self._context.conversation.last_input(self._input_items(config))
        return self._context.script.reply_to(self._audible(given, settings), self._context.conversation)

    def _input_items(self, config: ResponseConfig) -> list[Item] | None:
        """Give what a response shall answer in place of the conversation."""
        if not isinstance(config.input, list | tuple):
            return None
        find = self._context.conversation.find
        return [find(item.id, "retrieve") if isinstance(item, ItemReference) else item for item in config.input]

    def _audible(self, given: UserInput, settings: ResponseSettings) -> UserInput:
        """Keep the user's audio, which can be played back, if both sides use one format."""
        same = settings.audio_format["type"] == self._context.input_format["type"]
        return given if same else attrs.evolve(given, audio=None)

    def _settings(self, config: ResponseConfig) -> ResponseSettings:
        session = self._context.settings
        own: Mapping[str, Any] = config.raw or {}
        output = {**session["audio"]["output"], **own.get("audio", {}).get("output", {})}
        shown = {name: output[name] for name in ("format", "voice")}
        instructions = own.get("instructions")  # null is the session's
        return ResponseSettings(
            speaks="audio" in own.get("output_modalities", session["output_modalities"]),
            audio_format=output["format"],
            audio=structure({"output": shown}, ResponseAudioConfig),
            instructions=session["instructions"] if instructions is None else instructions,
            tools=own.get("tools", self._context.tools),
            max_output_tokens=own.get("max_output_tokens", session["max_output_tokens"]),
            metadata=own.get("metadata"),
            conversation_id=None if config.conversation == "none" else self._conversation_id,
            reasons=sessions.reasons(session["model"]),
            plays=self._context.sideband,
            azure=self._context.azure,
        )
