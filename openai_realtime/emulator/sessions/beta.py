"""A session in the beta's dialect: its client events as today's, and today's server events as the beta's.

The emulator is today's API inside; what the beta had and today's API lacks (`temperature`) is carried
along, so that it can be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, cast

import attrs

from openai_realtime._codec.converter import structure
from openai_realtime._codec.raw import json_of
from openai_realtime.emulator.script import Script
from openai_realtime.emulator.wire import JSON
from openai_realtime.models import beta, items, server_events
from openai_realtime.models.audio import BETA_FORMATS
from openai_realtime.models.base import UNSET
from openai_realtime.models.client_events import ResponseCancel, ResponseCreate, SessionUpdate
from openai_realtime.models.events import ClientEvent, Dialect, ServerEvent
from openai_realtime.models.responses import RealtimeResponse
from openai_realtime.models.sessions import RealtimeTranscriptionSession

from . import defaults as sessions
from .realtime import LiveSession

TEMPERATURE = 0.8  # the beta's default

# Where today's settings have what the beta has at the top.
_PATHS: Final[Mapping[str, tuple[str, ...]]] = {
    "modalities": ("output_modalities",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "input_audio_format": ("audio", "input", "format"),
    "output_audio_format": ("audio", "output", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "max_response_output_tokens": ("max_output_tokens",),
}
_MOVED = frozenset({"type", "audio", "output_modalities", "max_output_tokens"})
_FORMAT_NAMES = {given.type: name for name, given in BETA_FORMATS.items()}
_RENAMED: Final[Mapping[type[ServerEvent], type[ServerEvent]]] = {
    server_events.ConversationItemAdded: server_events.ConversationItemCreated,
    server_events.ResponseOutputTextDelta: beta.ResponseTextDelta,
    server_events.ResponseOutputTextDone: beta.ResponseTextDone,
    server_events.ResponseOutputAudioDelta: beta.ResponseAudioDelta,
    server_events.ResponseOutputAudioDone: beta.ResponseAudioDone,
    server_events.ResponseOutputAudioTranscriptDelta: beta.ResponseAudioTranscriptDelta,
    server_events.ResponseOutputAudioTranscriptDone: beta.ResponseAudioTranscriptDone,
}


def session_update(given: Mapping[str, Any], kind: str) -> SessionUpdate:
    """Give the update of a session of this `kind`, ``realtime`` or ``transcription``."""
    return structure({"type": "session.update", "session": {"type": kind, **_settings(given)}}, SessionUpdate)


def session_config(given: Mapping[str, Any], kind: str) -> JSON:
    """Give the config of the session of this `kind` that a client secret opens; `given` made the secret."""
    settings = _settings({name: value for name, value in given.items() if name != "client_secret"})
    return {"type": kind, **({"temperature": TEMPERATURE} if kind == "realtime" else {}), **settings}


def session(given: Mapping[str, Any], config: JSON, session_id: str, secret: JSON) -> JSON:
    """Give the session that the answer to `given` shows, whose config is `config`, with the `secret` that opens it."""
    effective = _session(sessions.session(config, session_id))
    shown = {**effective, "client_secret": secret, "modalities": given.get("modalities", effective["modalities"])}
    # These the beta wrote otherwise here than in the events of a session.
    (shown["turn_detection"] or {}).pop("idle_timeout_ms", None)
    transcription = shown["input_audio_transcription"]
    if config["type"] == "transcription" and transcription and transcription["prompt"] is None:
        transcription["prompt"] = ""
    return shown


def response_create(given: Mapping[str, Any]) -> ResponseCreate:
    """Give the request for a response with the settings `given`."""
    return structure({"type": "response.create", "response": _settings(given)}, ResponseCreate)


def _settings(given: Mapping[str, Any]) -> JSON:
    """Give the settings of a session or a response under today's names."""
    result: JSON = {}
    for name, value in given.items():
        *parents, last = _PATHS.get(name, (name,))
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = _current_value(name, value)
    return result


def _current_value(name: str, value: Any) -> Any:
    match name:
        case "modalities":
            return ["audio"] if "audio" in value else ["text"]
        case "input_audio_format" | "output_audio_format":
            return json_of(BETA_FORMATS[value])
        case "turn_detection" if value is not None:
            return {"type": "server_vad", **value}
        case _:
            return value


def server_event(event: ServerEvent, temperature: float) -> ServerEvent:
    """Give an event as the beta has it; `temperature` is that of the session."""
    match event:
        case server_events.SessionCreated() | server_events.SessionUpdated():
            return _session_event(event)
        case server_events.ResponseCreated() | server_events.ResponseDone():
            cls = (
                beta.BetaResponseCreated if isinstance(event, server_events.ResponseCreated) else beta.BetaResponseDone
            )
            return cls(event_id=event.event_id, response=_response(event.response, temperature))
        case _:
            return _plain(event)


def _session_event(event: server_events.SessionCreated | server_events.SessionUpdated) -> ServerEvent:
    created, data = isinstance(event, server_events.SessionCreated), _session(cast("JSON", event.session.raw))
    if isinstance(event.session, RealtimeTranscriptionSession):
        kind = beta.TranscriptionSessionCreated if created else beta.TranscriptionSessionUpdated
        return kind(event_id=event.event_id, session=structure(data, beta.RealtimeTranscriptionSessionCreateResponse))
    cls = beta.BetaSessionCreated if created else beta.BetaSessionUpdated
    return cls(event_id=event.event_id, session=structure(data, beta.RealtimeSessionCreateResponse))


def _session(effective: JSON) -> JSON:
    """Give an effective session in the beta's fields. A session that is open shows no secret."""
    kept = {name: value for name, value in effective.items() if name not in _MOVED}
    moved = {name: _beta_value(name, _at(effective, path)) for name, path in _PATHS.items()}
    known = {name: value for name, value in moved.items() if value is not UNSET}
    return {**kept, **known, "client_secret": None}


def _at(effective: JSON, path: tuple[str, ...]) -> Any:
    place: Any = effective
    for name in path:
        place = place.get(name, UNSET) if isinstance(place, dict) else UNSET
    return place


def _beta_value(name: str, value: Any) -> Any:
    match name:
        case "modalities":  # a transcription session has none, and the beta showed these
            return value if value == ["text"] else ["audio", "text"]
        case "input_audio_format" | "output_audio_format" if value is not UNSET:
            return _FORMAT_NAMES[value["type"]]
        case _:
            return value


def _response(response: RealtimeResponse, temperature: float) -> beta.BetaRealtimeResponse:
    output: Any = response.audio.output if response.audio else None
    return beta.BetaRealtimeResponse(
        object=response.object,
        id=response.id,
        status=response.status,
        status_details=response.status_details,
        output=[_item(item) for item in response.output or ()],
        conversation_id=response.conversation_id,
        modalities=_beta_value("modalities", response.output_modalities),
        voice=output.voice,
        output_audio_format=_FORMAT_NAMES[output.format.type],
        temperature=temperature,
        max_output_tokens=response.max_output_tokens,
        usage=response.usage,
        metadata=response.metadata,
    )


def _plain(event: ServerEvent) -> ServerEvent:
    """Give the event under the beta's name, with its item, and without the padding, which came later."""
    cls = _RENAMED.get(type(event), type(event))
    names = {field.name for field in attrs.fields(cls)} - {"type", "raw"}
    values = {name: getattr(event, name) for name in names}
    if "item" in values:
        values["item"] = _item(values["item"])
    if "obfuscation" in values:
        values["obfuscation"] = UNSET
    return cls(**values)


def _item(item: items.Item) -> items.Item:
    """Give an item with its ``object``, and the parts that the beta had in the model's messages."""
    if not isinstance(item, items.ConversationItem):
        return item
    shown = attrs.evolve(item, object="realtime.item")
    if not isinstance(shown, items.AssistantMessage):
        return cast("items.Item", shown)
    parts: Any = [
        items.TextPart(text=part.text)
        if isinstance(part, items.OutputText)
        else items.AudioPart(audio=part.audio, transcript=part.transcript)
        if isinstance(part, items.OutputAudio)
        else part
        for part in shown.content
    ]
    return attrs.evolve(shown, content=parts, phase=UNSET)


class BetaSession(LiveSession):
    """One realtime or transcription session as the API held them until 2026-05-12."""

    dialect: ClassVar[Dialect] = "beta"
    not_for_transcription: ClassVar[tuple[type[ClientEvent], ...]] = (beta.BetaResponseCreate, ResponseCancel)

    def __init__(self, config: JSON, script: Script, now: Callable[[], float], *, azure: bool = False) -> None:
        extra = {} if config["type"] == "transcription" else {"temperature": TEMPERATURE}
        super().__init__({**extra, **config}, script, now, azure=azure)
        self.handlers = {
            **{kind: do for kind, do in self.handlers.items() if kind not in (SessionUpdate, ResponseCreate)},
            beta.BetaSessionUpdate: self._update_beta,
            beta.TranscriptionSessionUpdate: self._update_transcription,
            beta.BetaResponseCreate: self._create_beta_response,
        }

    def pull(self, until: float) -> ServerEvent | None:
        """Give the next event that is due. The beta does not tell when an item is done."""
        event = super().pull(until)
        while isinstance(event, server_events.ConversationItemDone):
            event = super().pull(until)
        return event and server_event(event, self._config.get("temperature", TEMPERATURE))

    def _update_beta(self, event: beta.BetaSessionUpdate) -> None:
        self._update_as("realtime", event.session.raw or {})

    def _update_transcription(self, event: beta.TranscriptionSessionUpdate) -> None:
        self._update_as("transcription", event.session.raw or {})

    def _update_as(self, kind: str, given: Mapping[str, Any]) -> None:
        model = (given.get("input_audio_transcription") or {}).get("model")
        if model is not None and not self._azure:  # before the update looks, which has another name for it
            sessions.check_transcription_model(model, "session.input_audio_transcription.model")
        self._update(session_update(given, kind))

    def _create_beta_response(self, event: beta.BetaResponseCreate) -> None:
        given = event.response.raw if event.response else None
        self._responses.create(response_create(given or {}))
