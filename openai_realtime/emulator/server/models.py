"""The list of models: those that sessions know, with the days on which they end."""

from __future__ import annotations

import re

from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.sessions import defaults as sessions
from openai_realtime.emulator.wire import JSON, Answer, ReceivedRequest, json_answer

from .state import State

_CREATED = 1_756_339_200  # the day of gpt-realtime, for all: those of the others are not known
# What was announced by November 2026.
_ENDS = (
    (re.compile(r"gpt-realtime(-mini)?(-2025-\d\d-\d\d)?|gpt-audio-mini(-2025-\d\d-\d\d)?"), "2027-01-20"),
    (re.compile(r"whisper-1|gpt-4o(-mini)?-transcribe(-.+)?"), "2027-02-26"),
)


def list_models(_: State, __: ReceivedRequest, ___: JSON, ____: str) -> Answer:
    """GET /models."""
    return json_answer({"object": "list", "data": [_shown(model) for model in sessions.KNOWN_MODELS]})


def retrieve_model(_: State, __: ReceivedRequest, ___: JSON, model: str) -> Answer:
    """GET /models/{model}, of all that a session can have."""
    if not any(sessions.is_known_model(model, kind) for kind in sessions.MODEL_KINDS):
        raise api_errors.unknown_model(model)
    return json_answer(_shown(model))


def _shown(model: str) -> JSON:
    end = next((day for pattern, day in _ENDS if pattern.fullmatch(model)), None)
    return {"id": model, "object": "model", "created": _CREATED, "owned_by": "system", "shutdown_date": end}
