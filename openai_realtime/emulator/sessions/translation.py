"""Translation sessions. The translator is a parrot too: it says what it hears, 200 ms at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from openai_realtime._codec.converter import structure
from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.engine.timeline import Step, Wait, words
from openai_realtime.emulator.script import Script, UserInput
from openai_realtime.emulator.wire import JSON
from openai_realtime.errors import DecodeError
from openai_realtime.models.base64 import to_base64
from openai_realtime.models.events import Dialect
from openai_realtime.models.server_events import SessionCreated, SessionUpdated
from openai_realtime.models.translation import RealtimeTranslationSession
from openai_realtime.models.translation_events import (
    SessionClose,
    SessionClosed,
    SessionInputAudioBufferAppend,
    SessionInputTranscriptDelta,
    SessionOutputAudioDelta,
    SessionOutputTranscriptDelta,
    TranslationSessionUpdate,
)

from . import defaults as sessions
from .base import Session

_STEP_MS = 200
_STEP_BYTES = _STEP_MS * 48
_UNTIL_CLOSED = Wait(0.2)


class TranslationSession(Session):
    """One translation session.

    The user's words are those of ``Emulator.queue_transcripts``, and the model's the reply to them, a word for each
    200 ms. On Azure a model may have any name.
    """

    dialect: ClassVar[Dialect] = "translation"

    def __init__(self, config: JSON, script: Script, now: Callable[[], float], *, azure: bool = False) -> None:
        super().__init__(now)
        self._azure = azure
        self._config = config
        self._script = script
        self._audio = bytearray()
        self._elapsed_ms = 0
        self._to_transcribe: list[str] | None = None
        self._spoken: list[str] = []
        self.handlers = {
            TranslationSessionUpdate: self._update,
            SessionInputAudioBufferAppend: self._append,
            SessionClose: self._close,
        }

    def open(self) -> None:
        """Begin: the first event is ``session.created``."""
        self._send(SessionCreated(session=self._session()))

    @property
    def settings(self) -> JSON:
        """The effective session."""
        return sessions.translation_session(self._config, self.id, self.expires_at)

    def _session(self) -> RealtimeTranslationSession:
        return structure(self.settings, RealtimeTranslationSession)

    @property
    def _transcribes(self) -> bool:
        """Whether the client wants the user's words, too."""
        return bool(self._config.get("audio", {}).get("input", {}).get("transcription"))

    def _update(self, event: TranslationSessionUpdate) -> None:
        update = dict(event.session.raw or {})
        sessions.check_transcription(update, "session", azure=self._azure)
        self._config = sessions.merged(self._config, update)
        self._send(SessionUpdated(session=self._session()))

    def _append(self, event: SessionInputAudioBufferAppend) -> None:
        try:
            self._audio += event.to_bytes()
        except DecodeError:
            raise api_errors.not_base64("audio") from None
        while len(self._audio) >= _STEP_BYTES:
            self._send(*self._translate(bytes(self._audio[:_STEP_BYTES])))
            del self._audio[:_STEP_BYTES]

    def _translate(self, audio: bytes) -> list[Any]:
        """Give the events of one step, all at the same place in the audio."""
        if self._to_transcribe is None:
            heard = self._script.next_transcript()
            text = heard if isinstance(heard, str) else ""
            self._to_transcribe = words(text)
            self._spoken = words((self._script.reply_to(UserInput(text=text)).text or "") if text else "")
        self._elapsed_ms += _STEP_MS
        place: dict[str, Any] = {"elapsed_ms": self._elapsed_ms}
        events: list[Any] = []
        if self._to_transcribe and self._transcribes:
            events.append(SessionInputTranscriptDelta(delta=self._to_transcribe.pop(0), **place))
        if self._spoken:
            events.append(SessionOutputTranscriptDelta(delta=self._spoken.pop(0), **place))
        sound = SessionOutputAudioDelta(delta=to_base64(audio), channels=1, sample_rate=24000, format="pcm16", **place)
        return [*events, sound]

    def _close(self, _: SessionClose) -> None:
        self.timeline.start(self._finish())

    def _finish(self) -> Iterator[Step]:
        """Give what is left, and the end."""
        while self._audio or self._spoken or (self._to_transcribe and self._transcribes):
            step = bytes(self._audio[:_STEP_BYTES]).ljust(_STEP_BYTES, b"\0")
            del self._audio[:_STEP_BYTES]
            yield from self._translate(step)
        yield _UNTIL_CLOSED
        yield SessionClosed()
        self.close = (1000, "")
