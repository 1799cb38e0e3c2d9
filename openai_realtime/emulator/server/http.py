"""The nine REST operations, from a received request to an answer. No sockets here."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from typing import Any, TypeAlias
from urllib.parse import unquote

from openai_realtime._codec.converter import structure_request
from openai_realtime._codec.text import load
from openai_realtime.emulator import errors as api_errors, ids
from openai_realtime.emulator.sessions import beta, effective as sessions
from openai_realtime.emulator.wire import JSON, Answer, ReceivedRequest, json_answer
from openai_realtime.errors import DecodeError, InvalidRequestError
from openai_realtime.models.base import Model
from openai_realtime.models.beta import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest
from openai_realtime.models.calls import RealtimeCallCreateRequest, RealtimeCallReferRequest, RealtimeCallRejectRequest
from openai_realtime.models.client_secrets import RealtimeCreateClientSecretRequest
from openai_realtime.models.sessions import RealtimeSessionConfig
from openai_realtime.models.translation import RealtimeTranslationClientSecretCreateRequest

from . import sdp
from .state import BETA_SECRET_TTL, SECRET_TTL, State

Operation: TypeAlias = Callable[[State, ReceivedRequest, str], Answer]
"""Takes the emulator's state, the request and the call id from its path, and answers or raises Refusal."""

CREATE_CALL = "create_realtime_call"
_FORM = "multipart/form-data"
_SDP = "application/sdp"
_JSON = "application/json"


def create_client_secret(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/client_secrets."""
    body = _checked(_json_body(received), RealtimeCreateClientSecretRequest)
    config = body.get("session", {"type": "realtime"})
    _check_session(config, received, "session")
    value, expires_at = state.mint(_seconds(body, SECRET_TTL), config)
    effective = sessions.session(config, ids.object_id("sess_", state.now()))
    return json_answer({"value": value, "expires_at": expires_at, "session": effective})


def create_translation_client_secret(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/translations/client_secrets."""
    body = _checked(_json_body(received), RealtimeTranslationClientSecretCreateRequest)
    config = body["session"]
    _check_model(config, received, "session.model", "translation")
    sessions.check_transcription(config, "session", azure=is_azure(received))
    value, expires_at = state.mint(_seconds(body, SECRET_TTL), {"type": "translation", **config})
    effective = sessions.translation_session(config, ids.object_id("sess_", state.now()), expires_at)
    return json_answer({"value": value, "expires_at": expires_at, "session": effective})


def create_session(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/sessions, of the beta."""
    _check_beta(state)
    body = _checked(_json_body(received), RealtimeSessionCreateRequest)
    _check_model(body, received, "model")
    _check_transcription(body.get("input_audio_transcription"), received, "input_audio_transcription")
    seconds = _seconds(body.get("client_secret", {}), BETA_SECRET_TTL)
    config = beta.session_config({"model": sessions.BETA_MODEL, **body}, "realtime")
    secret = _beta_secret(state, seconds, config)
    return json_answer(sessions.beta_session(body, ids.object_id("sess_", state.now()), secret))


def create_transcription_session(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/transcription_sessions, of the beta."""
    _check_beta(state)
    body = _checked(_json_body(received), RealtimeTranscriptionSessionCreateRequest)
    _check_transcription(body.get("input_audio_transcription"), received, "input_audio_transcription")
    seconds = _seconds(body.get("client_secret", {}), BETA_SECRET_TTL, "expires_at")
    secret = _beta_secret(state, seconds, beta.session_config(body, "transcription"))
    return json_answer(sessions.beta_transcription_session(body, ids.object_id("sess_", state.now()), secret))


def create_call(state: State, received: ReceivedRequest, _: str) -> Answer:
    """POST /realtime/calls. The answer is plain text, whatever the specification says."""
    form = _call_form(received)
    # The offer has an error of its own, so only the rest is checked as a request.
    _checked({**form, "sdp": "v=0"} if "sdp" in form else form, RealtimeCallCreateRequest)
    _check_session(form.get("session", {}), received, "session")
    body = sdp.answer(form["sdp"]).encode()
    headers = {
        "Location": f"/v1/realtime/calls/{state.open_call(form.get('session'))}",
        "Access-Control-Expose-Headers": "Location, X-Request-Id",
    }
    return Answer(status=201, body=body, content_type="text/plain; charset=utf-8", headers=headers)


def offer_of(received: ReceivedRequest) -> str:
    """Give the SDP offer of a request to `create_call`."""
    offer: str = _call_form(received)["sdp"]
    return offer


def accept_call(state: State, received: ReceivedRequest, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/accept."""
    config = _checked(_json_body(received), RealtimeSessionConfig)
    _check_session(config, received, "")
    state.check_call(call_id)
    state.set_call_session(call_id, config)
    return Answer()


def reject_call(state: State, received: ReceivedRequest, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/reject; the call is gone then."""
    _checked(_json_body(received), RealtimeCallRejectRequest)
    return hangup_call(state, received, call_id)


def refer_call(state: State, received: ReceivedRequest, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/refer."""
    _checked(_json_body(received), RealtimeCallReferRequest)
    state.check_call(call_id)
    return Answer()


def hangup_call(state: State, _: ReceivedRequest, call_id: str) -> Answer:
    """POST /realtime/calls/{call_id}/hangup; the call is gone then."""
    state.check_call(call_id)
    state.end_call(call_id)
    return Answer()


OPERATIONS: dict[str, tuple[str, Operation]] = {
    "create_realtime_client_secret": ("/realtime/client_secrets", create_client_secret),
    "create_realtime_session": ("/realtime/sessions", create_session),
    "create_realtime_transcription_session": ("/realtime/transcription_sessions", create_transcription_session),
    "create_realtime_translation_client_secret": (
        "/realtime/translations/client_secrets",
        create_translation_client_secret,
    ),
    CREATE_CALL: ("/realtime/calls", create_call),
    "accept_realtime_call": ("/realtime/calls/{call_id}/accept", accept_call),
    "reject_realtime_call": ("/realtime/calls/{call_id}/reject", reject_call),
    "refer_realtime_call": ("/realtime/calls/{call_id}/refer", refer_call),
    "hangup_realtime_call": ("/realtime/calls/{call_id}/hangup", hangup_call),
}
"""The operations by the names that the clients give them: path and function."""


# With Azure's prefix, or without.
_ROUTES = {
    name: re.compile("(?:/openai)?/v1" + path.replace("{call_id}", "(?P<call_id>[^/]+)"))
    for name, (path, _) in OPERATIONS.items()
}


def find_operation(method: str, path: str) -> tuple[str, Operation, str]:
    """Give the name of the operation that `method` and `path` ask for, its function and the call id in the path.

    Raises Refusal for a path, or a method on it, that the API does not have.
    """
    for name, route in _ROUTES.items():
        if match := route.fullmatch(path):
            if method != "POST":
                raise api_errors.wrong_method(method, path)
            return name, OPERATIONS[name][1], unquote(match.groupdict().get("call_id", ""))
    raise api_errors.unknown_route(method, path)


# --- reading a request ------------------------------------------------------------------------------------------------


def _json_body(received: ReceivedRequest) -> Any:
    """Give the JSON of the body; an empty body is an empty object."""
    if not received.body.strip():
        return {}
    if received.content_type != _JSON:
        raise api_errors.unsupported_content_type(received.content_type, [_JSON])
    return _parsed(received.body)


def _parsed(data: bytes, param: str | None = None) -> Any:
    try:
        return load(data)
    except DecodeError:
        raise api_errors.not_json(param) from None


def _checked(body: Any, cls: type[Model]) -> JSON:
    """`body`, if a request of type `cls` may have it."""
    if not isinstance(body, dict):
        raise api_errors.not_an_object(body)
    try:
        request = structure_request(body, cls)
    except InvalidRequestError as error:
        raise api_errors.from_problems(error) from None
    api_errors.check_rates(request)
    return body


def _call_form(received: ReceivedRequest) -> JSON:
    """Give the offer and the session, from a form or from a bare offer."""
    if received.content_type == _SDP:
        return {"sdp": received.body.decode("utf-8", "replace")}
    if received.content_type != _FORM:
        raise api_errors.unsupported_content_type(received.content_type, [_FORM, _SDP])
    fields = _form_fields(received)
    form: JSON = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
    return {**form, "session": _parsed(fields["session"], "session")} if "session" in fields else form


def _form_fields(received: ReceivedRequest) -> dict[str, bytes]:
    """Give the fields of a multipart form, read by the standard library's parser of such messages."""
    head = f"Content-Type: {received.headers['content-type']}\r\n\r\n".encode("utf-8", "surrogateescape")
    message = message_from_bytes(head + received.body)
    if not message.is_multipart():
        raise api_errors.not_a_form()
    parts = [part for part in message.walk() if not part.is_multipart()]
    return {
        str(part.get_param("name", "", "content-disposition")): _payload(part.get_payload(decode=True))
        for part in parts
    }


def _payload(data: Any) -> bytes:
    return data if isinstance(data, bytes) else b""


# --- what the models leave open ---------------------------------------------------------------------------------------


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


def _beta_secret(state: State, seconds: int, config: JSON) -> JSON:
    value, expires_at = state.mint(seconds, config)
    return {"value": value, "expires_at": expires_at}
