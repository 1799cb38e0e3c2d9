"""Realtime and transcription sessions: what each client event does, and what the server sends for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal, Protocol

from openai_realtime._codec.converter import structure
from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.engine.context import Context
from openai_realtime.emulator.engine.conversation import Audio, audio_of, item_id, numbered, without_audio
from openai_realtime.emulator.engine.mcp import McpServers
from openai_realtime.emulator.engine.responses import Responses
from openai_realtime.emulator.engine.timeline import Step, Wait
from openai_realtime.emulator.engine.turns import Turns
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.script import Script
from openai_realtime.emulator.wire import JSON
from openai_realtime.models import client_events, server_events
from openai_realtime.models.base64 import to_base64
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.items import Item, McpApprovalResponse
from openai_realtime.models.sessions import RealtimeSession, RealtimeTranscriptionSession
from openai_realtime.models.translation_events import SessionClose, SessionClosed

from . import defaults as sessions
from .base import Session

_UNTIL_COMMIT_ERROR = Wait(0.9)


class SpeechOutput(Protocol):
    """Who plays what the model says in a call."""

    def play(self, audio: bytes) -> None:
        """Play `audio`, in the session's format, after what is playing."""

    def stop(self) -> None:
        """Stop what is playing."""


class LiveSession(Session):
    """One realtime or transcription session.

    `config` is what the client asked for; `script` has the replies; `now` gives UNIX seconds. On Azure a model may have
    any name. A `sideband` controls a call, whose audio goes another way: in by `hear`, out to `output`.
    """

    not_for_transcription: ClassVar[tuple[type[ClientEvent], ...]] = (
        client_events.ResponseCreate,
        client_events.ResponseCancel,
    )

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
        self._azure = azure
        self.output: SpeechOutput | None = None
        self._context = Context(script, self.timeline, self._new_id, self._send, sideband, azure)
        self._apply(config)
        self._mcp = McpServers(script.mcp_servers, self._context.conversation, self._new_id)
        self._responses = Responses(self._context, self._mcp, self._new_id("conv_"))
        self._turns = Turns(self._context, self._responses)
        self.handlers = {
            SessionClose: self._close,
            client_events.SessionUpdate: self._update,
            client_events.ConversationItemCreate: self._create_item,
            client_events.ConversationItemDelete: self._delete_item,
            client_events.ConversationItemRetrieve: self._retrieve_item,
            client_events.ConversationItemTruncate: self._responses.truncate,
            client_events.InputAudioBufferAppend: self._turns.append,
            client_events.InputAudioBufferCommit: self._commit,
            client_events.InputAudioBufferClear: self._turns.clear,
            client_events.ResponseCreate: self._responses.create,
            client_events.ResponseCancel: self._responses.cancel,
            client_events.OutputAudioBufferClear: self._responses.clear_output,
        }

    @property
    def settings(self) -> JSON:
        """The effective session."""
        return sessions.opened(self._config, self.id, self.expires_at)

    @property
    def conversation(self) -> list[Item]:
        """The items, in order."""
        return [*self._context.conversation]

    def open(self) -> None:
        """Begin: the first event is ``session.created``, but a call began before anybody could be told."""
        if not self._context.sideband:
            self.announce()
        self._list_tools()

    def announce(self) -> None:
        """Tell the client that the session is there."""
        self._send(server_events.SessionCreated(session=self._session()))

    def pull(self, until: float) -> ServerEvent | None:
        """Give the next event that is due; in a call the sound goes another way."""
        self._turns.check_idle(until)
        event = super().pull(until)
        while self._context.sideband and isinstance(event, server_events.ResponseOutputAudioDelta):
            if self.output is not None:
                self.output.play(event.audio)
            event = super().pull(until)
        match event:
            case server_events.OutputAudioBufferCleared() if self.output is not None:
                self.output.stop()
            case server_events.OutputAudioBufferStarted(response_id=response_id):
                self._responses.run(response_id).playback_start = self.timeline.now
            case server_events.ResponseDone(response=response):
                run = self._responses.run(response.id)
                self._responses.truncate_played(run)
                self._turns.response_done(run, until)
        return event

    def hear(self, audio: bytes) -> None:
        """Take the caller's audio, in the session's format."""
        for _ in self._turns.append(client_events.InputAudioBufferAppend(audio=to_base64(audio))):
            pass

    def format_of(self, side: Literal["input", "output"]) -> str:
        """Give the type of the audio that comes in or goes out, such as ``audio/pcm``."""
        kind: str = self._context.settings["audio"][side]["format"]["type"]
        return kind

    @property
    def next_due(self) -> float:
        """When there is something to do; infinite if there is nothing."""
        return min(super().next_due, self._context.idle.due)

    def advance(self, seconds: float) -> None:
        """Let so much silence pass at once."""
        self._context.idle.advance(seconds)

    def send_dtmf(self, keys: str) -> None:
        """Let the caller press keys of the telephone."""
        for key in keys:
            self._send(server_events.InputAudioBufferDtmfEventReceived(event=key, received_at=int(self._now())))

    def _takes(self, event: ClientEvent) -> bool:
        if self._is_transcription and isinstance(event, self.not_for_transcription):
            raise api_errors.wrong_event(event.type, "transcription")
        if event.type == "session.input_audio_buffer.append":
            raise api_errors.wrong_event(event.type, self._config["type"])
        return super()._takes(event) and (
            self._context.sideband or not isinstance(event, client_events.OutputAudioBufferClear)
        )

    def _close(self, _: SessionClose) -> None:
        self._send(SessionClosed())
        self.close = (1000, "")

    @property
    def _is_transcription(self) -> bool:
        return bool(self._config["type"] == "transcription")

    def _session(self) -> RealtimeSession | RealtimeTranscriptionSession:
        if self._is_transcription:
            return structure(self.settings, RealtimeTranscriptionSession)
        return structure(self.settings, RealtimeSession)

    def _update(self, event: client_events.SessionUpdate) -> None:
        update = dict(event.session.raw or {})
        sessions.check_update(self._config, update, azure=self._azure)
        merged = sessions.merged(self._config, update)
        voice = self._context.settings["audio"].get("output", {}).get("voice")
        new_voice = merged["audio"].get("output", {}).get("voice", voice)
        if new_voice != voice and self._context.conversation.has_model_audio:
            raise api_errors.fixed_voice()
        self._apply(merged)
        self._send(server_events.SessionUpdated(session=self._session()))
        self._list_tools()
        if self._context.detection("idle_timeout_ms") is None:
            self._context.idle.stop()

    def _apply(self, config: JSON) -> None:
        self._config = config
        self._context.settings = self.settings
        self._context.tools = config.get("tools", ())

    def _list_tools(self) -> None:
        for task in self._mcp.use(self._config.get("tools", ()), once=False):
            self.timeline.start(task)

    def _create_item(self, event: client_events.ConversationItemCreate) -> None:
        if isinstance(event.item, McpApprovalResponse):
            self._mcp.check(event.item)
        sounds = audio_of(event.item)
        item = without_audio(numbered(event.item, self._new_id("item_")))
        previous = self._context.conversation.add(item, event.previous_item_id or None)
        if sounds:
            self._context.conversation.set_audio(item_id(item), Audio(sounds, self._context.input_format))
        if isinstance(item, McpApprovalResponse):
            self._mcp.answer(item)
        self._turns.announce(item, previous)

    def _delete_item(self, event: client_events.ConversationItemDelete) -> None:
        self._context.conversation.delete(event.item_id)
        self._send(server_events.ConversationItemDeleted(item_id=event.item_id))

    def _retrieve_item(self, event: client_events.ConversationItemRetrieve) -> None:
        item = self._context.conversation.find(event.item_id, "retrieve")
        self._send(server_events.ConversationItemRetrieved(item=self._context.conversation.with_audio(item)))

    def _commit(self, event: client_events.InputAudioBufferCommit) -> None:
        try:
            self._turns.commit()
        except Refusal as refusal:
            steps: list[Step] = [_UNTIL_COMMIT_ERROR, self._error(refusal, event)]
            self.timeline.start(iter(steps))
