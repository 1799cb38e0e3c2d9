"""Who may open a session, and which one: what a WebSocket's URL and headers ask for."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.sessions import defaults as sessions
from openai_realtime.emulator.wire import JSON

from .state import State, bearer_token

PATH = "/v1/realtime"
TRANSLATIONS = "/v1/realtime/translations"
AZURE = "/openai"
PREVIEW = "/openai/realtime"  # where Azure speaks the beta's dialect, to a `deployment`
UNAUTHENTICATED = 401
KEY_PROTOCOL = "openai-insecure-api-key."  # the key follows
_BETA_PROTOCOL = "openai-beta.realtime-v1"


@frozen(kw_only=True)
class Request:
    """A WebSocket's request: `path` without Azure's prefix, and the names in `headers` in lower case."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    azure: bool = False
    preview: bool = False

    @property
    def model(self) -> str | None:
        """The model that the URL names."""
        return self.query.get("deployment" if self.preview else "model")


def find(path: str) -> tuple[str, bool] | None:
    """Give the WebSocket's path without Azure's prefix, and whether it had one; None if it is no such path."""
    bare = PATH if path == PREVIEW else path.removeprefix(AZURE)
    return (bare, bare != path) if bare in (PATH, TRANSLATIONS) else None


def admit(request: Request, state: State) -> JSON:
    """Give the config of the session that the client may open.

    Raises Refusal, with status 404 for a call that is not there.
    """
    key = _key(request)
    state.check_key(key)
    if not state.beta and asks_for_beta(request):
        raise api_errors.beta_retired()
    if request.path == TRANSLATIONS:
        return _translation(request, state.secret_session(key))
    if "call_id" in request.query:
        return _call_session(request.query["call_id"], key, state)
    config = _config(request, state.secret_session(key))
    if asks_for_beta(request):
        return config
    # A secret of the beta may set a temperature, which today's sessions do not have.
    return {name: value for name, value in config.items() if name != "temperature"}


def asks_for_beta(request: Request) -> bool:
    """Whether the client speaks the beta's dialect."""
    asked = "realtime=v1" in request.headers.get("openai-beta", "") or _BETA_PROTOCOL in _protocols(request)
    return asked or request.preview


def close_code(refusal: Refusal) -> int:
    """Give the WebSocket's close code after a refusal."""
    return 3000 if refusal.status == UNAUTHENTICATED else 4000


def close_reason(refusal: Refusal) -> str:
    """Give the WebSocket's close reason after a refusal."""
    return ".".join(filter(None, (refusal.type, refusal.code)))


def _protocols(request: Request) -> list[str]:
    return [name.strip() for name in request.headers.get("sec-websocket-protocol", "").split(",")]


def _key(request: Request) -> str:
    """Give the key, from a header, from a sub-protocol, or on Azure from the query, as browsers have to."""
    bearer = bearer_token(request.headers.get("authorization", ""))
    hidden = [name.removeprefix(KEY_PROTOCOL) for name in _protocols(request) if name.startswith(KEY_PROTOCOL)]
    return bearer or request.headers.get("api-key", "") or request.query.get("api-key", "") or "".join(hidden[:1])


def _call_session(call_id: str, key: str, state: State) -> JSON:
    """Give the session of a call, for who has the API key: reports say that a client secret finds none."""
    if key != state.api_key or not state.has_call(call_id):
        raise api_errors.no_session_for_call()
    return state.call_session(call_id)


def _translation(request: Request, secret: JSON | None) -> JSON:
    """Give the translation session that is asked for."""
    base = secret if secret is not None and secret["type"] == "translation" else {"type": "translation"}
    model = request.model or base.get("model")
    if not model:
        raise api_errors.missing_model()
    if not request.azure:
        sessions.check_model(model, "model", "translation")
    return {**base, "model": model}


def _config(request: Request, secret: JSON | None) -> JSON:
    """Give the session that is asked for, on top of that of the client secret."""
    model, intent = request.model, request.query.get("intent")
    kind = {"transcription": "transcription", "realtime": "realtime"}.get(intent or "", (secret or {}).get("type"))
    if intent is not None and intent not in ("transcription", "realtime"):
        raise api_errors.unsupported_value(intent, ["realtime", "transcription"], "intent")
    base = secret if secret is not None and secret["type"] == kind else {"type": kind or "realtime"}
    if kind == "transcription":
        if model is not None:
            raise api_errors.model_for_transcription()
        return base
    model = model or base.get("model")
    if not model:
        raise api_errors.missing_model()
    if not request.azure:
        sessions.check_model(model, "model")
    return {**base, "model": model}
