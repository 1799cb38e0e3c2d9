"""`Broker`: what stands between a browser or phone and the Realtime API, inside your web service.

Four doors, each of which takes the server's settings: a client secret, a WebRTC call, a relayed WebSocket, a SIP call.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import inspect
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from openai_realtime import AsyncRealtimeClient
from openai_realtime._codec.text import load_object
from openai_realtime.errors import (
    ConfigurationError,
    DecodeError,
    InvalidRequestError,
    Problem,
    RateLimitError,
    RealtimeError,
)
from openai_realtime.models.base import UNSET
from openai_realtime.models.client_secrets import ExpiresAfter, RealtimeCreateClientSecretRequest
from openai_realtime.models.sessions import RealtimeSessionConfig

from .app import WebApp
from .choices import Allowed, chosen
from .limits import RateLimiter, cors_headers, is_foreign
from .messages import WebRequest, WebResponse, WebSocket
from .page import page_routes
from .relay import Allow, from_a_user, relay

__all__ = ["Broker", "BrokerSettings"]

Authorize: TypeAlias = Callable[[WebRequest], str | Awaitable[str | None] | None]
Observers: TypeAlias = Callable[[str], Sequence[Any]]

_log: Final = logging.getLogger("openai_realtime.web")
_SUBPROTOCOL: Final = "realtime"
_CLOSE_SECONDS: Final = 4.0
_MODEL: Final = "gpt-realtime-2.1"
_MIN_SALT: Final = 16


def _no_observers(_: str) -> Sequence[Any]:
    return ()


def _check_salt(_: object, __: object, salt: str) -> None:
    if len(salt) < _MIN_SALT:
        raise ConfigurationError(f"salt: needs {_MIN_SALT} characters or more, the same in all your processes")


@attrs.frozen(kw_only=True)
class BrokerSettings:
    """What a `Broker` gives to whom.

    - session: the settings of every session. They are the server's: a browser cannot change them
    - authorize: a function, plain or async, that is given the `WebRequest` (``request.native`` is your framework's) and
      returns a name for the user, or None to refuse. The user's safety identifier is its salted hash
    - salt: at least 16 characters that only your service knows
    - allow: what a browser may choose, by path: ``{"audio.output.voice": ["marin", "cedar"]}``
    - relay_allow: the types of event that a relayed browser may send, or a function that is asked of each
    - observers: a function that is given the user's name and returns the session's observers: tools, conversation, ...
    - expires_after: seconds, 10 to 7200, in which a client secret opens sessions
    - rate: how many sessions and secrets a user may have a minute
    - max_seconds, idle_seconds: how long a session may last, and how long it may be silent; None is no limit. They hold
      for relayed sessions and calls: a session that a client secret opens is not the server's
    - origins: pages of other origins that may use the broker, ``https://app.example.com``
    """

    session: RealtimeSessionConfig
    authorize: Authorize
    salt: str = attrs.field(repr=False, validator=_check_salt)
    allow: Allowed = attrs.field(factory=dict)
    relay_allow: Allow = from_a_user
    observers: Observers = _no_observers
    expires_after: int = 60
    rate: int = 10
    max_seconds: float | None = 1800.0
    idle_seconds: float | None = 120.0
    origins: Collection[str] = ()


class Broker:
    """Opens sessions for the users of a web service. `app` serves it, as ASGI or in aiohttp.web.

    - POST /client_secret, a JSON object of choices: ``{"value": "ek_...", "expires_at": ...}``
    - POST /calls, an SDP offer, the choices in the query: the SDP answer; the broker holds the call's sideband
    - GET /realtime, the choices in the query: a WebSocket that speaks the API's events

    With `page` GET / is a page to try it with, and /realtime.js its script. Call `close` when the service ends.
    """

    def __init__(self, client: AsyncRealtimeClient, settings: BrokerSettings, *, page: bool = False) -> None:
        self._client = client
        self._settings = settings
        self._limiter = RateLimiter(settings.rate, 60)
        self._sessions: set[asyncio.Task[Any]] = set()
        routes = {
            ("POST", "/client_secret"): self._guarded(self._client_secret),
            ("POST", "/calls"): self._guarded(self._call),
            ("OPTIONS", "/client_secret"): self._preflight,
            ("OPTIONS", "/calls"): self._preflight,
        }
        pages = page_routes() if page else {}
        self.app = WebApp({**routes, **pages}, {"/realtime": self._relay}, on_close=self.close)

    async def close(self) -> None:
        """End the open sessions, each with a Close, within a few seconds."""
        for task in self._sessions:
            task.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=_CLOSE_SECONDS)

    async def _client_secret(self, request: WebRequest, user: str) -> WebResponse:
        session = chosen(self._settings.session, _object(request.body), self._settings.allow)
        expires_after = ExpiresAfter(anchor="created_at", seconds=self._settings.expires_after)
        body = RealtimeCreateClientSecretRequest(session=session, expires_after=expires_after)
        secret = await self._for(user).create_realtime_client_secret(body)
        return WebResponse.json({"value": secret.value, "expires_at": secret.expires_at})

    async def _call(self, request: WebRequest, user: str) -> WebResponse:
        session = chosen(self._settings.session, request.query, self._settings.allow)
        client = self._for(user)
        call = await client.create_realtime_call(request.body.decode(errors="replace"), session)
        self._supervise(self._sideband(client, call.call_id, user))
        return WebResponse(status=201, body=call.sdp.encode(), content_type="application/sdp")

    async def _sideband(self, client: AsyncRealtimeClient, call_id: str, user: str) -> None:
        """Follow a call to its end; without its sideband nobody would limit it, and so it ends then."""
        try:
            async with client.connect(call_id=call_id, observers=self._observers(user)) as connection:
                async for _ in connection:
                    pass
        finally:
            await _hang_up(client, call_id)

    async def _relay(self, request: WebRequest, websocket: WebSocket) -> WebResponse | None:
        user = await self._admitted(request)
        if isinstance(user, WebResponse):
            return user
        try:
            session = chosen(self._settings.session, _choices(request.query), self._settings.allow)
        except InvalidRequestError as error:
            return _unprocessable(error)
        task = self._supervise(self._relayed(websocket, request, session, user))
        await asyncio.wait([task])
        return None

    async def _relayed(
        self, websocket: WebSocket, request: WebRequest, session: RealtimeSessionConfig, user: str
    ) -> None:
        offered = request.headers.get("sec-websocket-protocol", "")
        await websocket.accept(_SUBPROTOCOL if _SUBPROTOCOL in offered.replace(" ", "").split(",") else None)
        model = session.model or _MODEL
        try:
            connecting = self._for(user).connect(
                model=model, session=attrs.evolve(session, model=UNSET), observers=self._observers(user)
            )
            async with connecting as connection:
                await relay(connection, websocket, allow=self._settings.relay_allow)
        except RealtimeError as error:
            _log.warning("a relayed session failed: %s", error)
            await websocket.close(1011, "the session could not be opened")

    def _observers(self, user: str) -> list[Any]:
        return [*self._settings.observers(user)]

    def _for(self, user: str) -> AsyncRealtimeClient:
        digest = hmac.new(self._settings.salt.encode(), user.encode(), hashlib.sha256).hexdigest()  # 64 characters
        return self._client.with_options(safety_identifier=digest)

    def _supervise(self, session: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(session)
        self._sessions.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sessions.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("a session ended with %s: %s", type(error).__name__, error)

    def _guarded(
        self, handler: Callable[[WebRequest, str], Awaitable[WebResponse]]
    ) -> Callable[[WebRequest], Awaitable[WebResponse]]:
        """Admit the user first, and answer what fails without telling more than the user has to know."""

        async def handle(request: WebRequest) -> WebResponse:
            user = await self._admitted(request)
            response = user if isinstance(user, WebResponse) else await _answered(handler(request, user))
            cors = cors_headers(request.headers, self._settings.origins)
            return attrs.evolve(response, headers={**response.headers, **cors})

        return handle

    async def _admitted(self, request: WebRequest) -> str | WebResponse:
        """Return the user's name, or the response that refuses."""
        if is_foreign(request.headers, self._settings.origins):
            return WebResponse.error(403, "foreign_origin", "this page may not use this service")
        user: Any = self._settings.authorize(request)
        if inspect.isawaitable(user):
            user = await user
        if not user:
            return WebResponse.error(401, "unauthorized", "sign in first")
        seconds = self._limiter.wait(str(user))
        if seconds:
            after = {"Retry-After": str(int(seconds) + 1)}
            return WebResponse.error(429, "rate_limit_exceeded", f"try again in {seconds:.0f} s", after)
        return str(user)

    async def _preflight(self, request: WebRequest) -> WebResponse:
        cors = cors_headers(request.headers, self._settings.origins)
        allowed = {
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": "content-type, authorization",
        }
        return WebResponse(status=204, headers={**cors, **allowed} if cors else {})


async def _answered(handling: Awaitable[WebResponse]) -> WebResponse:
    try:
        return await handling
    except InvalidRequestError as error:
        return _unprocessable(error)
    except RateLimitError as error:
        _log.warning("refused: %s", error)
        return WebResponse.error(503, "busy", "too many sessions at the moment", {"Retry-After": "10"})
    except RealtimeError as error:
        _log.warning("failed: %s", error)
        return WebResponse.error(502, "upstream_error", "the session could not be opened")


def _unprocessable(error: InvalidRequestError) -> WebResponse:
    return WebResponse.json(error.to_json(), 422)


def _object(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body; an empty body chooses nothing."""
    if not body.strip():
        return {}
    try:
        return load_object(body)
    except DecodeError as error:
        raise InvalidRequestError([Problem("", "invalid_type", "the body", "a JSON object")]) from error


def _choices(query: Mapping[str, str]) -> Mapping[str, str]:
    """The choices in a query; ``model`` stands there because every client of the API sends one, and is the server's."""
    return {path: value for path, value in query.items() if path != "model"}


async def _hang_up(client: AsyncRealtimeClient, call_id: str) -> None:
    try:
        await client.hangup_realtime_call(call_id)
    except RealtimeError as error:  # it is over already, as it should be
        _log.info("call %s: %s", call_id, error)
