"""The REST operations, from a received request to an answer. No sockets here."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from attrs import frozen

from openai_realtime.emulator import errors as api_errors, ids
from openai_realtime.emulator.sessions import beta, defaults as sessions
from openai_realtime.emulator.wire import JSON, Answer, ReceivedRequest, json_answer
from openai_realtime.models.base import Model
from openai_realtime.models.beta import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest
from openai_realtime.models.calls import RealtimeCallCreateRequest, RealtimeCallReferRequest, RealtimeCallRejectRequest
from openai_realtime.models.client_secrets import RealtimeCreateClientSecretRequest
from openai_realtime.models.sessions import RealtimeSessionConfig
from openai_realtime.models.translation import RealtimeTranslationClientSecretCreateRequest

from . import sdp
from .models import list_models, retrieve_model
from .state import BETA_SECRET_TTL, SECRET_TTL, State

CREATE_CALL = "create_realtime_call"


@frozen(kw_only=True)
class Operation:
    """How an operation is asked for, the class of its body, and what it does; that may raise Refusal.

    `answer` gets the emulator's state, the request, its body and the id in its path. The body is checked already.
    """

    method: str = "POST"
    path: str
    body: type[Model] | None = None
    answer: Callable[[State, ReceivedRequest, JSON, str], Answer]
    is_beta: bool = False


def create_client_secret(state: State, received: ReceivedRequest, body: JSON, _: str) -> Answer:
    """POST /realtime/client_secrets."""
    config = body.get("session", {"type": "realtime"})
    _check_session(config, received, "session")
    value, expires_at = state.mint(_seconds(body, SECRET_TTL), config)
    effective = sessions.session(config, ids.object_id("sess_", state.now()))
    return json_answer({"value": value, "expires_at": expires_at, "session": effective})


def create_translation_client_secret(state: State, received: ReceivedRequest, body: JSON, _: str) -> Answer:
    """POST /realtime/translations/client_secrets."""
    config = body["session"]
    _check_model(config, received, "session.model", "translation")
    sessions.check_transcription(config, "session", azure=is_azure(received))
    value, expires_at = state.mint(_seconds(body, SECRET_TTL), {"type": "translation", **config})
    effective = sessions.translation_session(config, ids.object_id("sess_", state.now()), expires_at)
    return json_answer({"value": value, "expires_at": expires_at, "session": effective})


def create_session(state: State, received: ReceivedRequest, body: JSON, _: str) -> Answer:
    """POST /realtime/sessions, of the beta."""
    _check_model(body, received, "model")
    _check_transcription(body.get("input_audio_transcription"), received, "input_audio_transcription")
    seconds = _seconds(body.get("client_secret", {}), BETA_SECRET_TTL)
    return _beta_answer(state, seconds, {"model": sessions.BETA_MODEL, **body}, "realtime")


def create_transcription_session(state: State, received: ReceivedRequest, body: JSON, _: str) -> Answer:
    """POST /realtime/transcription_sessions, of the beta."""
    _check_transcription(body.get("input_audio_transcription"), received, "input_audio_transcription")
    seconds = _seconds(body.get("client_secret", {}), BETA_SECRET_TTL, "expires_at")
    return _beta_answer(state, seconds, body, "transcription")


def create_call(state: State, received: ReceivedRequest, form: JSON, _: str) -> Answer:
    """POST /realtime/calls. The answer is plain text, whatever the specification says."""
    _check_session(form.get("session", {}), received, "session")
    body = sdp.answer(form["sdp"]).encode()
    headers = {
        "Location": f"/v1/realtime/calls/{state.open_call(form.get('session'))}",
        "Access-Control-Expose-Headers": "Location, X-Request-Id",
    }
    return Answer(status=201, body=body, content_type="text/plain; charset=utf-8", headers=headers)


def accept_call(state: State, received: ReceivedRequest, config: JSON, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/accept."""
    _check_session(config, received, "")
    state.check_call(call_id)
    state.set_call_session(call_id, config)
    return Answer()


def refer_call(state: State, _: ReceivedRequest, __: JSON, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/refer."""
    state.check_call(call_id)
    return Answer()


def end_call(state: State, _: ReceivedRequest, __: JSON, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/hangup, or reject; the call is gone then."""
    state.check_call(call_id)
    state.end_call(call_id)
    return Answer()


OPERATIONS: dict[str, Operation] = {
    "create_realtime_client_secret": Operation(
        path="/realtime/client_secrets", body=RealtimeCreateClientSecretRequest, answer=create_client_secret
    ),
    "create_realtime_session": Operation(
        path="/realtime/sessions", body=RealtimeSessionCreateRequest, answer=create_session, is_beta=True
    ),
    "create_realtime_transcription_session": Operation(
        path="/realtime/transcription_sessions",
        body=RealtimeTranscriptionSessionCreateRequest,
        answer=create_transcription_session,
        is_beta=True,
    ),
    "create_realtime_translation_client_secret": Operation(
        path="/realtime/translations/client_secrets",
        body=RealtimeTranslationClientSecretCreateRequest,
        answer=create_translation_client_secret,
    ),
    CREATE_CALL: Operation(path="/realtime/calls", body=RealtimeCallCreateRequest, answer=create_call),
    "accept_realtime_call": Operation(
        path="/realtime/calls/{id}/accept", body=RealtimeSessionConfig, answer=accept_call
    ),
    "reject_realtime_call": Operation(
        path="/realtime/calls/{id}/reject", body=RealtimeCallRejectRequest, answer=end_call
    ),
    "refer_realtime_call": Operation(
        path="/realtime/calls/{id}/refer", body=RealtimeCallReferRequest, answer=refer_call
    ),
    "hangup_realtime_call": Operation(path="/realtime/calls/{id}/hangup", answer=end_call),
    "list_models": Operation(method="GET", path="/models", answer=list_models),
    "retrieve_model": Operation(method="GET", path="/models/{id}", answer=retrieve_model),
}
"""The operations by the names that the clients give them."""


# With Azure's prefix, or without.
_ROUTES = {
    name: re.compile("(?:/openai)?/v1" + operation.path.replace("{id}", "(?P<id>[^/]+)"))
    for name, operation in OPERATIONS.items()
}


def find_operation(method: str, path: str) -> tuple[str, Operation, str]:
    """Give the name of the operation that `method` and `path` ask for, the operation and the id in the path.

    Raises Refusal for a path, or a method on it, that the API does not have.
    """
    for name, route in _ROUTES.items():
        if match := route.fullmatch(path):
            operation = OPERATIONS[name]
            if method != operation.method:
                raise api_errors.wrong_method(method, path, operation.method)
            return name, operation, unquote(match.groupdict().get("id", ""))
    raise api_errors.unknown_route(method, path)


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
