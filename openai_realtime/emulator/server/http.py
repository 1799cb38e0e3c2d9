"""The REST operations, from a received request to an answer. No sockets here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import unquote

from openai_realtime.emulator import errors as api_errors, ids
from openai_realtime.emulator.sessions import beta, defaults as sessions
from openai_realtime.emulator.wire import JSON, Answer, ReceivedRequest, json_answer
from openai_realtime.models.beta import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest
from openai_realtime.models.calls import RealtimeCallCreateRequest, RealtimeCallReferRequest, RealtimeCallRejectRequest
from openai_realtime.models.client_secrets import RealtimeCreateClientSecretRequest
from openai_realtime.models.sessions import RealtimeSessionConfig
from openai_realtime.models.translation import RealtimeTranslationClientSecretCreateRequest

from . import bodies, sdp
from .models import list_models, retrieve_model
from .state import BETA_SECRET_TTL, SECRET_TTL, State

Operation: TypeAlias = Callable[[State, ReceivedRequest, str], Answer]
"""Takes the emulator's state, the request and the id in its path, and answers or raises Refusal."""

CREATE_CALL = "create_realtime_call"


def create_client_secret(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/client_secrets."""
    body = bodies.read(received, RealtimeCreateClientSecretRequest)
    config = body.get("session", {"type": "realtime"})
    _check_session(config, received, "session")
    value, expires_at = state.mint(_seconds(body, SECRET_TTL), config)
    effective = sessions.session(config, ids.object_id("sess_", state.now()))
    return json_answer({"value": value, "expires_at": expires_at, "session": effective})


def create_translation_client_secret(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/translations/client_secrets."""
    body = bodies.read(received, RealtimeTranslationClientSecretCreateRequest)
    config = body["session"]
    _check_model(config, received, "session.model", "translation")
    sessions.check_transcription(config, "session", azure=is_azure(received))
    value, expires_at = state.mint(_seconds(body, SECRET_TTL), {"type": "translation", **config})
    effective = sessions.translation_session(config, ids.object_id("sess_", state.now()), expires_at)
    return json_answer({"value": value, "expires_at": expires_at, "session": effective})


def create_session(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/sessions, of the beta."""
    _check_beta(state)
    body = bodies.read(received, RealtimeSessionCreateRequest)
    _check_model(body, received, "model")
    _check_transcription(body.get("input_audio_transcription"), received, "input_audio_transcription")
    seconds = _seconds(body.get("client_secret", {}), BETA_SECRET_TTL)
    return _beta_answer(state, seconds, {"model": sessions.BETA_MODEL, **body}, "realtime")


def create_transcription_session(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/transcription_sessions, of the beta."""
    _check_beta(state)
    body = bodies.read(received, RealtimeTranscriptionSessionCreateRequest)
    _check_transcription(body.get("input_audio_transcription"), received, "input_audio_transcription")
    seconds = _seconds(body.get("client_secret", {}), BETA_SECRET_TTL, "expires_at")
    return _beta_answer(state, seconds, body, "transcription")


def create_call(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/calls. The answer is plain text, whatever the specification says."""
    form = bodies.call_form(received)
    # The offer has an error of its own, so only the rest is checked as a request.
    bodies.checked({**form, "sdp": "v=0"} if "sdp" in form else form, RealtimeCallCreateRequest)
    _check_session(form.get("session", {}), received, "session")
    body = sdp.answer(form["sdp"]).encode()
    headers = {
        "Location": f"/v1/realtime/calls/{state.open_call(form.get('session'))}",
        "Access-Control-Expose-Headers": "Location, X-Request-Id",
    }
    return Answer(status=201, body=body, content_type="text/plain; charset=utf-8", headers=headers)


def offer_of(received: ReceivedRequest) -> str:
    """Give the SDP offer of a request to `create_call`."""
    offer: str = bodies.call_form(received)["sdp"]
    return offer


def accept_call(state: State, received: ReceivedRequest, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/accept."""
    config = bodies.read(received, RealtimeSessionConfig)
    _check_session(config, received, "")
    state.check_call(call_id)
    state.set_call_session(call_id, config)
    return Answer()


def reject_call(state: State, received: ReceivedRequest, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/reject; the call is gone then."""
    bodies.read(received, RealtimeCallRejectRequest)
    return hangup_call(state, received, call_id)


def refer_call(state: State, received: ReceivedRequest, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/refer."""
    bodies.read(received, RealtimeCallReferRequest)
    state.check_call(call_id)
    return Answer()


def hangup_call(state: State, _: ReceivedRequest, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/hangup; the call is gone then."""
    state.check_call(call_id)
    state.end_call(call_id)
    return Answer()


OPERATIONS: dict[str, tuple[str, str, Operation]] = {
    "create_realtime_client_secret": ("POST", "/realtime/client_secrets", create_client_secret),
    "create_realtime_session": ("POST", "/realtime/sessions", create_session),
    "create_realtime_transcription_session": (
        "POST",
        "/realtime/transcription_sessions",
        create_transcription_session,
    ),
    "create_realtime_translation_client_secret": (
        "POST",
        "/realtime/translations/client_secrets",
        create_translation_client_secret,
    ),
    CREATE_CALL: ("POST", "/realtime/calls", create_call),
    "accept_realtime_call": ("POST", "/realtime/calls/{id}/accept", accept_call),
    "reject_realtime_call": ("POST", "/realtime/calls/{id}/reject", reject_call),
    "refer_realtime_call": ("POST", "/realtime/calls/{id}/refer", refer_call),
    "hangup_realtime_call": ("POST", "/realtime/calls/{id}/hangup", hangup_call),
    "list_models": ("GET", "/models", list_models),
    "retrieve_model": ("GET", "/models/{id}", retrieve_model),
}
"""The operations by the names that the clients give them: method, path and function."""


# With Azure's prefix, or without.
_ROUTES = {
    name: re.compile("(?:/openai)?/v1" + path.replace("{id}", "(?P<id>[^/]+)"))
    for name, (_, path, _) in OPERATIONS.items()
}


def find_operation(method: str, path: str) -> tuple[str, Operation, str]:
    """Give the name of the operation that `method` and `path` ask for, its function and the id in the path.

    Raises Refusal for a path, or a method on it, that the API does not have.
    """
    for name, route in _ROUTES.items():
        if match := route.fullmatch(path):
            allowed, _, operation = OPERATIONS[name]
            if method != allowed:
                raise api_errors.wrong_method(method, path, allowed)
            return name, operation, unquote(match.groupdict().get("id", ""))
    raise api_errors.unknown_route(method, path)


def _check_beta(state: State) -> None:
    if state.beta_retired:
        raise api_errors.beta_retired()


def _check_session(config: JSON, received: ReceivedRequest, path: str) -> None:
    """Check the names of models, and what goes with them."""
    dot = f"{path}." if path else ""
    _check_model(config, received, f"{dot}model")
    transcription = config.get("audio", {}).get("input", {}).get("transcription")
    _check_transcription(transcription, received, f"{dot}audio.input.transcription")
    if config.get("type") == "transcription":
        sessions.check_turn_detection(config, path)


def _check_model(config: JSON, received: ReceivedRequest, param: str, kind: sessions.ModelKind = "realtime") -> None:
    # On Azure a model is a deployment, which its owner may call anything.
    if "model" in config and not is_azure(received):
        sessions.check_model(config["model"], param, kind)


def _check_transcription(config: JSON | None, received: ReceivedRequest, path: str) -> None:
    model = (config or {}).get("model")
    if model is not None and not is_azure(received):
        sessions.check_transcription_model(model, f"{path}.model")


def is_azure(received: ReceivedRequest) -> bool:
    """Whether a request came to Azure's path."""
    return received.path.startswith("/openai/")


def _seconds(holder: JSON, default: int, name: str = "expires_after") -> int:
    """How long a secret shall live."""
    seconds: int = holder.get(name, {}).get("seconds", default)
    return seconds


def _beta_answer(state: State, seconds: int, given: JSON, kind: str) -> Answer:
    """Mint a secret for so many seconds that opens a session of this `kind`."""
    config = beta.session_config(given, kind)
    value, expires_at = state.mint(seconds, config)
    secret = {"value": value, "expires_at": expires_at}
    return json_answer(beta.session(given, config, ids.object_id("sess_", state.now()), secret))
