"""`Broker`: what stands between a browser or phone and the Realtime API, inside your web service.

It has four ways in, each with the server's settings: a client secret, a WebRTC call, a relayed WebSocket, a SIP call.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final

import attrs

from openai_realtime import AsyncRealtimeClient, ReconnectPolicy
from openai_realtime._codec.json import load_object
from openai_realtime._problems import Summary
from openai_realtime.errors import (
    ConfigurationError,
    DecodeError,
    InvalidRequestError,
    Problem,
    RateLimitError,
    RealtimeError,
)
from openai_realtime.leash import Leash
from openai_realtime.models.base import UNSET
from openai_realtime.models.client_secrets import ExpiresAfter, RealtimeCreateClientSecretRequest
from openai_realtime.models.sessions import RealtimeSessionConfig

from .app import WebApp
from .calls import IncomingCall
from .choices import chosen, in_query
from .limits import RateLimiter, cors_headers, is_foreign
from .messages import WebRequest, WebResponse, WebSocket
from .page import page_routes
from .relay import GOING_AWAY, INTERNAL, close_websocket, relay
from .settings import BrokerSettings

if TYPE_CHECKING:
    from openai_realtime import AsyncRealtimeConnection

__all__ = ["Broker", "BrokerSettings"]

_log: Final = logging.getLogger("openai_realtime.web")
_SUBPROTOCOL: Final = "realtime"
_CLOSE_SECONDS: Final = 4.0
_MODEL: Final = "gpt-realtime-2.1"


class Broker:
    """Opens sessions for the users of a web service. `app` serves three of its endpoints, as ASGI or in aiohttp.web.

    - POST /client_secret, a JSON object of choices: ``{"value": "ek_...", "expires_at": ...}``
    - POST /calls, an SDP offer, the choices in the query: the SDP answer; the broker holds the call's sideband
    - GET /realtime, the choices in the query: a WebSocket that speaks the API's events

    `take_call` is the fourth, the telephone. With `page` GET / is a page to try it with, and /realtime.js its script.
    Call `close` when the service ends.
    """

    def __init__(self, client: AsyncRealtimeClient, settings: BrokerSettings, *, page: bool = False) -> None:
        self._client = client
        self._settings = settings
        self._limiter = RateLimiter(settings.rate, 60)
        self._sessions: set[asyncio.Task[Any]] = set()
        self._closing = False
        routes = {
            ("POST", "/client_secret"): self._guarded(self._client_secret),
            ("POST", "/calls"): self._guarded(self._call),
            ("OPTIONS", "/client_secret"): self._preflight,
            ("OPTIONS", "/calls"): self._preflight,
        }
        pages = page_routes() if page else {}
        self.app = WebApp({**routes, **pages}, {"/realtime": self._relay}, on_close=self.close)

    async def close(self) -> None:
        """End the open sessions, each with a Close, within a few seconds, and open no more."""
        self._closing = True
        for task in self._sessions:
            task.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=_CLOSE_SECONDS)

    async def take_call(self, call: IncomingCall) -> None:
        """Accept a phone call, and follow it to its end: the `on_call` of `serve_calls`. The user is who it is from."""
        user = call.event.data.sip_header("From") or call.call_id
        await call.accept(self._settings.session, safety_identifier=self._identifier(user))
        await _followed(call.connect(reconnect=ReconnectPolicy(), observers=self._observers(user)))

    async def _client_secret(self, request: WebRequest, user: str) -> WebResponse:
        session = chosen(self._settings.session, _object(request.body), self._settings.allow)
        expires_after = ExpiresAfter(anchor="created_at", seconds=self._settings.expires_after)
        body = RealtimeCreateClientSecretRequest(session=session, expires_after=expires_after)
        secret = await self._for(user).create_realtime_client_secret(body)
        return WebResponse.json({"value": secret.value, "expires_at": secret.expires_at})

    async def _call(self, request: WebRequest, user: str) -> WebResponse:
        session = chosen(self._settings.session, in_query(request.query), self._settings.allow)
        client = self._for(user)
        call = await client.create_realtime_call(request.body.decode(errors="replace"), session)
        if self._closing:  # while the call was made
            await _hang_up(client, call.call_id)
            return _closing()
        self._supervise(self._sideband(client, call.call_id, user))
        return WebResponse(status=201, body=call.sdp.encode(), content_type="application/sdp")

    async def _sideband(self, client: AsyncRealtimeClient, call_id: str, user: str) -> None:
        """Follow a call to its end; without its sideband nobody would limit it, and so it ends then."""
        try:
            observers = self._observers(user)
            await _followed(client.connect(call_id=call_id, reconnect=ReconnectPolicy(), observers=observers))
        finally:
            await _hang_up(client, call_id)

    async def _relay(self, request: WebRequest, websocket: WebSocket) -> WebResponse | None:
        user = await self._admitted(request)
        if isinstance(user, WebResponse):
            return user
        try:
            session = chosen(self._settings.session, in_query(request.query), self._settings.allow)
        except InvalidRequestError as error:
            return _unprocessable(error)
        task = self._supervise(self._relayed(websocket, request, session, user))
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:  # by a server that cancels the handler of a browser that is gone
            task.cancel()
            await asyncio.wait([task])
            raise
        return None

    async def _relayed(
        self, websocket: WebSocket, request: WebRequest, session: RealtimeSessionConfig, user: str
    ) -> None:
        offered = request.headers.get("sec-websocket-protocol", "")
        await websocket.accept(_SUBPROTOCOL if _SUBPROTOCOL in offered.replace(" ", "").split(",") else None)
        code, reason = INTERNAL, "the session could not be opened"
        try:
            async with self._connect(session, user) as connection:
                await relay(connection, websocket, allow=self._settings.relay_allow)
        except asyncio.CancelledError:
            code, reason = GOING_AWAY, ""
            raise
        finally:  # what the relay has closed stays as it is
            await close_websocket(websocket, code, reason)

    def _connect(
        self, session: RealtimeSessionConfig, user: str
    ) -> AbstractAsyncContextManager[AsyncRealtimeConnection]:
        model, settings = session.model or _MODEL, attrs.evolve(session, model=UNSET)
        return self._for(user).connect(model=model, session=settings, observers=self._observers(user))

    def _observers(self, user: str) -> list[Any]:
        leash = Leash(seconds=self._settings.max_seconds, idle_seconds=self._settings.idle_seconds)
        return [leash, *self._settings.observers(user)]

    def _for(self, user: str) -> AsyncRealtimeClient:
        return self._client.with_options(safety_identifier=self._identifier(user))

    def _identifier(self, user: str) -> str:
        """Return the 64 characters by which the API knows a user."""
        return hmac.new(self._settings.salt.encode(), user.encode(), hashlib.sha256).hexdigest()

    def _supervise(self, session: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(session)
        self._sessions.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sessions.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, RealtimeError):
            _log.warning("a session failed: %s", error)
        elif error is not None:
            _log.error("a session failed", exc_info=error)

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
        if self._closing:
            return _closing()
        if is_foreign(request.headers, self._settings.origins):
            return WebResponse.error(403, "foreign_origin", "this page may not use this service")
        user: Any = self._settings.authorize(request)
        if inspect.isawaitable(user):
            user = await user
        if isinstance(user, bool):  # all users would be one
            raise ConfigurationError("authorize: needs to return a name for the user or None, not True or False")
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
            "Access-Control-Max-Age": "600",
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


def _closing() -> WebResponse:
    return WebResponse.error(503, "closing", "try again", {"Retry-After": "1"})


def _unprocessable(error: InvalidRequestError) -> WebResponse:
    return WebResponse.json(error.to_json(), 422)


def _object(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a body; an empty body chooses nothing."""
    if not body.strip():
        return {}
    try:
        return load_object(body)
    except DecodeError as error:
        raise InvalidRequestError(
            [Problem("", "invalid_type", Summary("string", "the body"), "a JSON object")]
        ) from error


async def _followed(connecting: AbstractAsyncContextManager[AsyncRealtimeConnection]) -> None:
    async with connecting as connection:
        async for _ in connection:
            pass


async def _hang_up(client: AsyncRealtimeClient, call_id: str) -> None:
    try:
        await client.hangup_realtime_call(call_id)
    except RealtimeError as error:  # it is over already, as it should be
        _log.info("call %s: %s", call_id, error)
