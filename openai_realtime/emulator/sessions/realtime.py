"""Realtime and transcription sessions: what each client event does, and what the server sends for it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

from openai_realtime._codec.converter import structure
from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.engine import sound, transcription
from openai_realtime.emulator.engine.conversation import Audio, Conversation, audio_of, item_id, numbered, without_audio
from openai_realtime.emulator.engine.hearing import InputBuffer, SpeechStarted
from openai_realtime.emulator.engine.idle import IdleTimer
from openai_realtime.emulator.engine.mcp import McpServers
from openai_realtime.emulator.engine.response import ResponseRun, ResponseSettings, StopReason
from openai_realtime.emulator.engine.timeline import Step, Task, Wait
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.script import Heard, Reply, Script
from openai_realtime.emulator.wire import JSON
from openai_realtime.errors import DecodeError
from openai_realtime.models.base import Maybe, Unset
from openai_realtime.models.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.items import InputAudio, Item, ItemReference, McpApprovalResponse, UserMessage
from openai_realtime.models.responses import ResponseAudioConfig, ResponseConfig
from openai_realtime.models.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferDtmfEventReceived,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    ResponseDone,
    ResponseOutputAudioDelta,
    SessionCreated,
    SessionUpdated,
)
from openai_realtime.models.sessions import RealtimeSession, RealtimeTranscriptionSession
from openai_realtime.models.translation_events import SessionClose, SessionClosed

from . import effective as sessions
from .base import Session

_MIN_COMMIT_MS = 100
_QUIET = 0.002  # audio below this is silence, in which nobody said anything
_UNTIL_COMMIT_ERROR = Wait(0.9)


class LiveSession(Session):
    """One realtime or transcription session.

    `config` is what the client asked for; `script` has the replies; `now` gives UNIX seconds. On Azure a model may have
    any name. A `sideband` controls a call, whose audio goes another way.
    """

    not_for_transcription: ClassVar[tuple[type[ClientEvent], ...]] = (ResponseCreate, ResponseCancel)

    def __init__(
        self,
        config: JSON,
        script: Script,
        now: Callable[[], float],
        *,
        azure: bool = False,
        sideband: bool = False,
    ) -> None:
        super().__init__(now, "sess_u0_" if sideband else "sess_")
        self._config = config
        self._script = script
        self._azure = azure
        self._sideband = sideband
        self._conversation = Conversation()
        self._runs: list[ResponseRun] = []
        self._mcp = McpServers(script.mcp_servers, self._conversation, self._new_id)
        self._buffer = InputBuffer()
        self._idle = IdleTimer()
        self._user_item: str | None = None  # the message that the speech becomes
        self._caption: transcription.Caption | None = None
        self._conversation_id = self._new_id("conv_")

    # --- in and out ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin: the first event is ``session.created``, but a call began before anybody could be told."""
        if not self._sideband:
            self._send(SessionCreated(session=self._session()))
        self._list_tools()

    def pull(self, until: float) -> ServerEvent | None:
        """The next event that is due; in a call the sound goes another way."""
        if self._idle.running and self._idle.due <= self._clock(until):
            self.timeline.now = max(self.timeline.now, until if math.isfinite(until) else 0)
            self._time_out()
        event = super().pull(until)
        while self._sideband and isinstance(event, ResponseOutputAudioDelta):
            event = super().pull(until)
        if isinstance(event, OutputAudioBufferStarted):
            self._run(event.response_id).playback_start = self.timeline.now
        if isinstance(event, ResponseDone):
            run = self._run(event.response.id)
            self._truncate_played(run)
            self._wait_for_user(run, self._clock(until))
        return event

    @property
    def next_due(self) -> float:
        """When there is something to do; infinite if there is nothing."""
        return min(super().next_due, self._idle.due)

    def advance(self, seconds: float) -> None:
        """Let so much silence pass at once."""
        self._idle.advance(seconds)

    def send_dtmf(self, keys: str) -> None:
        """Let the caller press keys of the telephone."""
        for key in keys:
            self._send(InputAudioBufferDtmfEventReceived(event=key, received_at=int(self._now())))

    def _takes(self, event: ClientEvent) -> bool:
        if self._is_transcription and isinstance(event, self.not_for_transcription):
            raise api_errors.wrong_event(event.type, "transcription")
        if event.type == "session.input_audio_buffer.append":
            raise api_errors.wrong_event(event.type, self._config["type"])
        return super()._takes(event) and (self._sideband or not isinstance(event, OutputAudioBufferClear))

    def _close(self, _: SessionClose) -> None:
        self._send(SessionClosed())
        self.close = (1000, "")

    # --- the session --------------------------------------------------------------------------------------------------

    @property
    def _is_transcription(self) -> bool:
        return bool(self._config["type"] == "transcription")

    def _effective(self) -> JSON:
        return sessions.opened(self._config, self.id, self.expires_at)

    def _session(self) -> RealtimeSession | RealtimeTranscriptionSession:
        if self._is_transcription:
            return structure(self._effective(), RealtimeTranscriptionSession)
        return structure(self._effective(), RealtimeSession)

    def _update(self, event: SessionUpdate) -> None:
        update = dict(event.session.raw or {})
        sessions.check_update(self._config, update, azure=self._azure)
        merged = sessions.merged(self._config, update)
        voice = self._effective()["audio"].get("output", {}).get("voice")
        new_voice = merged["audio"].get("output", {}).get("voice", voice)
        if new_voice != voice and self._conversation.has_model_audio:
            raise api_errors.fixed_voice()
        self._config = merged
        self._send(SessionUpdated(session=self._session()))
        self._list_tools()
        if self._idle_timeout() is None:
            self._idle.stop()

    def _list_tools(self) -> None:
        for task in self._mcp.use(self._config.get("tools", ()), once=False):
            self.timeline.start(task)

    # --- items --------------------------------------------------------------------------------------------------------

    def _create_item(self, event: ConversationItemCreate) -> None:
        if isinstance(event.item, McpApprovalResponse):
            self._mcp.check(event.item)
        sounds = audio_of(event.item)
        item = without_audio(numbered(event.item, self._new_id("item_")))
        previous = self._conversation.add(item, event.previous_item_id or None)
        if sounds:
            self._conversation.audio[item_id(item)] = Audio(sounds, self._input_format())
        if isinstance(item, McpApprovalResponse):
            self._mcp.answer(item)
        self._announce(item, previous)

    def _announce(self, item: Item, previous: str | None) -> None:
        self._send(ConversationItemAdded(previous_item_id=previous, item=item))
        self._send(ConversationItemDone(previous_item_id=previous, item=item))

    def _delete_item(self, event: ConversationItemDelete) -> None:
        self._conversation.delete(event.item_id)
        self._send(ConversationItemDeleted(item_id=event.item_id))

    def _retrieve_item(self, event: ConversationItemRetrieve) -> None:
        item = self._conversation.find(event.item_id, "retrieve")
        self._send(ConversationItemRetrieved(item=self._conversation.with_audio(item)))

    def _truncate_item(self, event: ConversationItemTruncate) -> None:
        self._truncate(event.item_id, event.content_index, event.audio_end_ms)

    def _truncate(self, key: str, content_index: int, end_ms: int) -> None:
        self._conversation.truncate(key, content_index, end_ms)
        self._send(ConversationItemTruncated(item_id=key, content_index=content_index, audio_end_ms=end_ms))

    # --- the user's audio ---------------------------------------------------------------------------------------------

    def _append(self, event: InputAudioBufferAppend) -> None:
        try:
            audio = event.to_bytes()
        except DecodeError:
            raise api_errors.not_base64("audio") from None
        given = self._effective()["audio"]["input"]
        for signal in self._buffer.append(audio, given["format"], given["turn_detection"]):
            if isinstance(signal, SpeechStarted):
                self._speech_started(signal.ms)
            else:
                self._speech_stopped(signal.ms, signal.audio)
        if given["turn_detection"] is None and self._user_item is None and not self._is_quiet(audio):
            self._user_item = self._new_id("item_")
            self._begin_caption()
        if self._caption is not None:
            self._send(*self._caption.more(self._buffer.milliseconds(given["format"])))

    def _speech_started(self, start_ms: int) -> None:
        self._idle.stop()
        self._user_item = self._new_id("item_")
        self._send(InputAudioBufferSpeechStarted(audio_start_ms=start_ms, item_id=self._user_item))
        self._begin_caption()
        if self._detection("interrupt_response"):
            self._interrupt()

    def _interrupt(self) -> None:
        """Stop the response, and in a call what is heard of it; what was not heard goes when the response is done."""
        cut = [run for run in self._runs if run.playing and run.in_band]
        for run in cut:
            run.played_ms = round((self.timeline.now - run.playback_start) * 1000)
            self._stop_playback(run)
        if active := self._active_run():
            self._stop(active, "turn_detected")
        for run in cut:
            if not run.active:
                self._truncate_played(run)

    def _truncate_played(self, run: ResponseRun) -> None:
        """Forget what the caller did not hear of a response that was cut short."""
        audio = self._conversation.audio.get(run.spoken_item)
        if run.played_ms is not None and audio is not None:
            with contextlib.suppress(Refusal):  # the client deleted the item, or cut all of it
                self._truncate(run.spoken_item, 0, min(run.played_ms, int(audio.milliseconds)))

    def _speech_stopped(self, end_ms: int, audio: bytes) -> None:
        self._send(InputAudioBufferSpeechStopped(audio_end_ms=end_ms, item_id=self._user_item or ""))
        self._take_turn(audio)
        if self._detection("create_response") and self._active_run() is None:
            self._respond(ResponseConfig())

    def _detection(self, name: str) -> bool:
        """A switch of the turn detection; transcription sessions have none."""
        detection = self._effective()["audio"]["input"]["turn_detection"] or {}
        return not self._is_transcription and bool(detection.get(name))

    def _commit(self, event: InputAudioBufferCommit) -> None:
        audio_format = self._input_format()
        length = self._buffer.milliseconds(audio_format)
        if length < _MIN_COMMIT_MS:
            error = self._error(api_errors.buffer_too_small(length), event)
            self.timeline.start(_later(_UNTIL_COMMIT_ERROR, error))
            return
        self._take_turn(self._buffer.take(audio_format))

    # --- the user's silence -------------------------------------------------------------------------------------------

    def _clock(self, until: float) -> float:
        """Seconds for the idle timeout. Without a speed the user's audio tells the time: nobody could speak before."""
        return self._heard_ms() / 1000 if math.isinf(until) else until

    def _heard_ms(self) -> float:
        return self._buffer.position(self._input_format())

    def _idle_timeout(self) -> int | None:
        """Milliseconds of silence after which the model speaks up, if it does."""
        detection = self._effective()["audio"]["input"]["turn_detection"] or {}
        given: int | None = detection.get("idle_timeout_ms")
        return given

    def _wait_for_user(self, run: ResponseRun, now: float) -> None:
        """Count the silence after a response, if the session wants that and nobody speaks already."""
        timeout_ms = self._idle_timeout()
        if timeout_ms is not None and run.in_band and not self._buffer.speaking:
            playback = run.playback_seconds
            self._idle.start(now, playback + timeout_ms / 1000, round(self._heard_ms() + playback * 1000))

    def _time_out(self) -> None:
        """Nobody spoke: the silence becomes a message, and the model speaks up."""
        self._idle.stop()
        self._user_item = self._new_id("item_")
        end = round(self._heard_ms())
        self._send(
            InputAudioBufferTimeoutTriggered(
                audio_start_ms=min(self._idle.start_ms, end), audio_end_ms=end, item_id=self._user_item
            )
        )
        self._take_turn(self._buffer.take(self._input_format()))
        self._respond(ResponseConfig())

    def _clear(self, _: InputAudioBufferClear) -> None:
        self._buffer.take(self._input_format())
        self._user_item = self._caption = None
        self._send(InputAudioBufferCleared())

    def _take_turn(self, audio: bytes) -> None:
        """Make a user message of `audio`."""
        key = self._user_item or self._new_id("item_")
        item = UserMessage(id=key, status="completed", content=[InputAudio(transcript=None)])
        previous = self._conversation.add(item)
        self._conversation.audio[key] = Audio(bytearray(audio), self._input_format())
        self._send(InputAudioBufferCommitted(previous_item_id=previous, item_id=key))
        self._announce(item, previous)
        self._transcribe(item, audio)
        self._user_item = None

    # --- what the user said -------------------------------------------------------------------------------------------

    def _transcription_model(self) -> str | None:
        config = self._effective()["audio"]["input"]["transcription"] or {}
        model: str | None = config.get("model")
        return model

    def _begin_caption(self) -> None:
        """Some models tell the words while they are spoken, if the test said what they are."""
        model = self._transcription_model()
        text = self._script.next_transcript() if model in transcription.STREAMING_MODELS else None
        if model and text is not None and self._user_item:
            self._caption = transcription.Caption(self._user_item, model, text)

    def _transcribe(self, item: UserMessage, audio: bytes) -> None:
        caption, self._caption = self._caption, None
        text = caption.text if caption else self._words(audio)
        key, model = item_id(item), self._transcription_model()
        self._conversation.words[key] = text
        if model is None:
            return

        def finish(transcript: str) -> None:
            self._conversation.replace(attrs.evolve(item, content=[InputAudio(transcript=transcript)]))

        seconds = len(audio) / sound.bytes_per_ms(self._input_format()) / 1000
        told = caption.told if caption else 0
        spoken = transcription.Spoken(item_id=key, model=model, text=text, told=told, seconds=seconds)
        self.timeline.start(transcription.task(spoken, finish))

    def _is_quiet(self, audio: bytes) -> bool:
        return sound.level(audio, self._input_format()) < _QUIET

    def _words(self, audio: bytes) -> str:
        if self._is_quiet(audio):
            return ""
        scripted = self._script.next_transcript()
        seconds = len(audio) / sound.bytes_per_ms(self._input_format()) / 1000
        return f"{seconds:.1f} seconds of speech." if scripted is None else scripted

    # --- responses ----------------------------------------------------------------------------------------------------

    def _create_response(self, event: ResponseCreate) -> None:
        config = event.response or ResponseConfig()
        active = self._active_run()
        if active and config.conversation != "none":
            raise api_errors.active_response(active.id)
        self._respond(config)

    def _respond(self, config: ResponseConfig) -> None:
        settings = self._response_settings(config)
        for task in self._mcp.use(settings.tools, once=True):
            self.timeline.start(task)
        run = ResponseRun(settings, self._reply(config, settings), self._conversation, self._mcp, self._new_id)
        self._runs = [*(other for other in self._runs if other.active or other.playing), run]
        self.timeline.start(run.task)
        if run.in_band:
            self._idle.stop()

    def _reply(self, config: ResponseConfig, settings: ResponseSettings) -> Reply:
        """What the model says: it makes the calls that were approved before it goes on."""
        calls = self._mcp.approved() if settings.conversation_id else ()
        if calls:
            return Reply(tool_calls=calls)
        return self._script.reply_to(self._audible(self._conversation.heard(self._input_items(config)), settings))

    def _input_items(self, config: ResponseConfig) -> list[Item] | None:
        """What a response shall answer in place of the conversation."""
        if isinstance(config.input, Unset):
            return None
        return [
            self._conversation.find(item.id, "retrieve") if isinstance(item, ItemReference) else item
            for item in config.input
        ]

    def _audible(self, heard: Heard, settings: ResponseSettings) -> Heard:
        """The user's audio can be played back if both sides use one format."""
        same = settings.audio_format["type"] == self._input_format()["type"]
        return heard if same else attrs.evolve(heard, audio=None)

    def _response_settings(self, config: ResponseConfig) -> ResponseSettings:
        session = self._effective()
        own: Mapping[str, Any] = config.raw or {}
        output = {**session["audio"]["output"], **own.get("audio", {}).get("output", {})}
        shown = {name: output[name] for name in ("format", "voice")}
        return ResponseSettings(
            speaks="audio" in own.get("output_modalities", session["output_modalities"]),
            audio_format=output["format"],
            audio=structure({"output": shown}, ResponseAudioConfig),
            instructions=own.get("instructions", session["instructions"]),
            tools=own.get("tools", self._config.get("tools", ())),
            max_output_tokens=own.get("max_output_tokens", session["max_output_tokens"]),
            metadata=own.get("metadata"),
            conversation_id=None if config.conversation == "none" else self._conversation_id,
            reasons=sessions.reasons(session["model"]),
            plays=self._sideband,
        )

    def _cancel_response(self, event: ResponseCancel) -> None:
        wanted = event.response_id
        runs = [run for run in self._runs if run.active and (run.id == wanted if wanted else run.in_band)]
        if not runs:
            raise api_errors.no_active_response()
        self._stop(runs[0], "client_cancelled")

    def _clear_output(self, _: OutputAudioBufferClear) -> None:
        playing = next((run for run in reversed(self._runs) if run.playing), None)
        if playing is not None:
            self._stop_playback(playing)

    def _stop_playback(self, run: ResponseRun) -> None:
        run.playing = False
        self.timeline.wake(run.task)
        self._send(OutputAudioBufferCleared(response_id=run.id))

    def _stop(self, run: ResponseRun, reason: StopReason) -> None:
        run.stop(reason)
        self.timeline.wake(run.task)

    def _run(self, response_id: Maybe[str]) -> ResponseRun:
        return next(run for run in self._runs if run.id == response_id)

    def _active_run(self) -> ResponseRun | None:
        return next((run for run in self._runs if run.active and run.in_band), None)

    def _input_format(self) -> JSON:
        given: JSON = self._effective()["audio"]["input"]["format"]
        return given

    handlers: ClassVar[Mapping[type[ClientEvent], Callable[[Any, Any], None]]] = {
        SessionClose: _close,
        SessionUpdate: _update,
        ConversationItemCreate: _create_item,
        ConversationItemDelete: _delete_item,
        ConversationItemRetrieve: _retrieve_item,
        ConversationItemTruncate: _truncate_item,
        InputAudioBufferAppend: _append,
        InputAudioBufferCommit: _commit,
        InputAudioBufferClear: _clear,
        ResponseCreate: _create_response,
        ResponseCancel: _cancel_response,
        OutputAudioBufferClear: _clear_output,
    }


def _later(wait: Wait, event: ServerEvent) -> Task:
    steps: list[Step] = [wait, event]
    return iter(steps)
