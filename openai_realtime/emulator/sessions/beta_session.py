"""A session in the beta's dialect: today's session, with other words in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from openai_realtime.emulator.script import Script
from openai_realtime.emulator.wire import JSON
from openai_realtime.models.beta import BetaResponseCreate, BetaSessionUpdate, TranscriptionSessionUpdate
from openai_realtime.models.client_events import ResponseCancel, ResponseCreate, SessionUpdate
from openai_realtime.models.events import ClientEvent, Dialect, ServerEvent
from openai_realtime.models.server_events import ConversationItemDone

from . import beta, effective as sessions
from .realtime import LiveSession


class BetaSession(LiveSession):
    """One realtime or transcription session as the API held them until 2026-05-12."""

    dialect: ClassVar[Dialect] = "beta"
    not_for_transcription: ClassVar[tuple[type[ClientEvent], ...]] = (BetaResponseCreate, ResponseCancel)

    def __init__(self, config: JSON, script: Script, now: Callable[[], float], *, azure: bool = False) -> None:
        extra = {} if config["type"] == "transcription" else {"temperature": beta.TEMPERATURE}
        super().__init__({**extra, **config}, script, now, azure=azure)

    def pull(self, until: float) -> ServerEvent | None:
        """The next event that is due. The beta does not tell when an item is done."""
        event = super().pull(until)
        while isinstance(event, ConversationItemDone):
            event = super().pull(until)
        return event and beta.server_event(event, self._config.get("temperature", beta.TEMPERATURE))

    def _update_beta(self, event: BetaSessionUpdate) -> None:
        self._update_as("realtime", event.session.raw or {})

    def _update_transcription(self, event: TranscriptionSessionUpdate) -> None:
        self._update_as("transcription", event.session.raw or {})

    def _update_as(self, kind: str, given: Mapping[str, Any]) -> None:
        model = (given.get("input_audio_transcription") or {}).get("model")
        if model is not None and not self._azure:  # before the update looks, which has another name for it
            sessions.check_transcription_model(model, "session.input_audio_transcription.model")
        self._update(beta.session_update(given, kind))

    def _create_beta_response(self, event: BetaResponseCreate) -> None:
        given = event.response.raw if event.response else None
        self._create_response(beta.response_create(given or {}))

    handlers: ClassVar[Mapping[type[ClientEvent], Callable[[Any, Any], None]]] = {
        **{kind: take for kind, take in LiveSession.handlers.items() if kind not in (SessionUpdate, ResponseCreate)},
        BetaSessionUpdate: _update_beta,
        TranscriptionSessionUpdate: _update_transcription,
        BetaResponseCreate: _create_beta_response,
    }
