"""`AsyncRealtimeClient`: the operations of the Realtime API as coroutines."""

from __future__ import annotations

import asyncio
import copy
import functools
import os
import re
import sys
import warnings
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack
from urllib.parse import urlsplit

import attrs

from openai_realtime import models
from openai_realtime._codec.check import check
from openai_realtime._codec.converter import encode, structure
from openai_realtime._codec.json import load_object
from openai_realtime._transport.http import Transport
from openai_realtime._transport.messages import Request, Response
from openai_realtime._transport.pool import Pool
from openai_realtime.models.base import UNSET, Maybe, Model

from ._config import ClientOptions, ConnectOptions, resolve_config, sealed
from ._redaction import without_frames
from .errors import BetaRetiredError, ConfigurationError, DecodeError, InvalidRequestError, Problem

__all__ = ["AsyncRealtimeClient"]

if TYPE_CHECKING:
    from openai_realtime._connection.connecting import Connecting
    from openai_realtime._connection.link import Link
    from openai_realtime._connection.observers import Observer
    from openai_realtime._connection.realtime import AsyncRealtimeConnection
    from openai_realtime._connection.reconnect_policy import ReconnectPolicy
    from openai_realtime._connection.translation import AsyncRealtimeTranslationConnection
    from openai_realtime.models import beta
    from openai_realtime.models.http import HTTPInfo

R = TypeVar("R", bound=Model)

_SUCCESSOR = "create_realtime_client_secret"
_JSON = "application/json"
_SDP = "application/sdp"


class AsyncRealtimeClient:
    """A client of the OpenAI Realtime API for asyncio. Its options are those of `ClientOptions`.

    It serves one running event loop at a time. Every method raises InvalidRequestError before any network use,
    and APIConnectionError, APITimeoutError, APIStatusError or APIResponseError afterwards.
    """

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        self._options = sealed(options)
        del options  # a traceback may show local variables
        session = self._options.get("http_session")
        self._configure(Pool(session.reveal() if session else None))
        self._owns_pool = True
        # Shared with copies, as the pool is: what is open is closed with it.
        self._links: weakref.WeakSet[Link] = weakref.WeakSet()
        # Neither with the import nor in the first call, which an event loop waits for.
        from openai_realtime.models import client_secrets  # noqa: F401, PLC0415

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, sessions that are open among them: they end as if they had been closed one by one.

        Bounded in time. Calling it again does nothing; on a copy it leaves the shared ones open.
        """
        if self._owns_pool:
            try:
                await asyncio.gather(*(link.close() for link in self._links if link.is_here()))
            finally:
                await self._transport.pool.close()

    def __repr__(self) -> str:
        transport: Transport | None = vars(self).get("_transport")  # absent in the traceback of a failed start
        return f"<{type(self).__name__} {urlsplit(transport.config.base_url).netloc if transport else 'not made'}>"

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """Make a copy with other options that shares the connections of this client, and ends with it."""
        given = sealed(options)
        del options  # a traceback may show local variables
        if "http_session" in given:
            raise ConfigurationError("with_options shares the connections: http_session cannot be changed")
        changed = copy.copy(self)
        changed._options = {**self._options, **given}  # noqa: SLF001 - our own copy
        changed._owns_pool = False  # noqa: SLF001
        changed._configure(self._transport.pool)  # noqa: SLF001
        return changed

    def _configure(self, pool: Pool) -> None:
        self._transport = Transport(resolve_config(self._options, os.environ), pool)

    async def create_realtime_client_secret(
        self, request: models.RealtimeCreateClientSecretRequest | None = None
    ) -> models.RealtimeCreateClientSecretResponse:
        """Mint a short-lived secret (``ek_...``) that a browser or phone opens sessions with.

        https://platform.openai.com/docs/api-reference/realtime-sessions/create-realtime-client-secret
        """
        request = models.RealtimeCreateClientSecretRequest() if request is None else request
        check(request, models.RealtimeCreateClientSecretRequest)
        return await self._post("/realtime/client_secrets", request, models.RealtimeCreateClientSecretResponse)

    def create_realtime_session(
        self, request: beta.RealtimeSessionCreateRequest
    ) -> Coroutine[Any, Any, beta.RealtimeSessionCreateResponse]:
        """Create a session of the beta. Deprecated: the API retired it on 2026-05-12, other servers still have it.

        Raises BetaRetiredError where it is gone. `to_client_secret_request` turns `request` into the current one.
        """
        from openai_realtime.models import beta  # noqa: PLC0415 - few programs need it

        _warn_retired("create_realtime_session")
        return self._post_beta(
            "/realtime/sessions", request, beta.RealtimeSessionCreateRequest, beta.RealtimeSessionCreateResponse
        )

    def create_realtime_transcription_session(
        self, request: beta.RealtimeTranscriptionSessionCreateRequest
    ) -> Coroutine[Any, Any, beta.RealtimeTranscriptionSessionCreateResponse]:
        """Create a transcription session of the beta. Deprecated like `create_realtime_session`."""
        from openai_realtime.models import beta  # noqa: PLC0415 - few programs need it

        _warn_retired("create_realtime_transcription_session")
        return self._post_beta(
            "/realtime/transcription_sessions",
            request,
            beta.RealtimeTranscriptionSessionCreateRequest,
            beta.RealtimeTranscriptionSessionCreateResponse,
        )

    async def create_realtime_translation_client_secret(
        self, request: models.RealtimeTranslationClientSecretCreateRequest
    ) -> models.RealtimeTranslationClientSecretCreateResponse:
        """Mint a short-lived secret for translation sessions.

        https://platform.openai.com/docs/api-reference/realtime-sessions/create-realtime-translation-client-secret
        """
        check(request, models.RealtimeTranslationClientSecretCreateRequest)
        path = "/realtime/translations/client_secrets"
        return await self._post(path, request, models.RealtimeTranslationClientSecretCreateResponse)

    async def create_realtime_call(
        self, sdp: str, session: models.RealtimeSessionConfig | None = None
    ) -> models.RealtimeCall:
        """Open a WebRTC call: `sdp` is the offer, `session` its settings.

        Without `session` the offer goes alone, as it must with a client secret, which has the session. The request is
        never repeated once bytes of it were sent, because each one opens a call.

        https://platform.openai.com/docs/api-reference/realtime-calls/create-call
        """
        settings: Maybe[models.RealtimeSessionConfig] = UNSET if session is None else session
        check(models.RealtimeCallCreateRequest(sdp=sdp, session=settings))
        request = Request(path="/realtime/calls", accept=f"{_SDP}, text/plain", repeatable=False)
        if session is None:
            request = attrs.evolve(request, content_type=_SDP, body=sdp.encode())
        else:
            request = attrs.evolve(request, parts=(("sdp", _SDP, sdp.encode()), ("session", _JSON, encode(session))))
        return _parse_call(*await self._transport.send(request))

    async def accept_realtime_call(self, call_id: str, session: models.RealtimeSessionConfig) -> models.EmptyResult:
        """Answer an incoming SIP call with a session.

        https://platform.openai.com/docs/api-reference/realtime-calls/accept-call
        """
        check(session, models.RealtimeSessionConfig)
        return await self._control(call_id, "accept", session)

    async def reject_realtime_call(self, call_id: str, status_code: int | None = None) -> models.EmptyResult:
        """Decline an incoming SIP call; `status_code` is the SIP status for the caller, by default 603 (Decline)."""
        request = models.RealtimeCallRejectRequest(status_code=UNSET if status_code is None else status_code)
        check(request)
        return await self._control(call_id, "reject", request)

    async def refer_realtime_call(self, call_id: str, target_uri: str) -> models.EmptyResult:
        """Transfer a SIP call to `target_uri`, such as ``tel:+14155550123``."""
        request = models.RealtimeCallReferRequest(target_uri=target_uri)
        check(request)
        return await self._control(call_id, "refer", request)

    async def hangup_realtime_call(self, call_id: str) -> models.EmptyResult:
        """End a call, SIP or WebRTC."""
        return await self._control(call_id, "hangup")

    @without_frames
    def connect(  # noqa: PLR0913 - keywords, each with a default
        self,
        *,
        model: str | None = None,
        call_id: str | None = None,
        intent: Literal["transcription"] | None = None,
        session: models.RealtimeSessionConfig | models.RealtimeTranscriptionSessionConfig | None = None,
        dialect: Literal["realtime", "beta"] = "realtime",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        options: ConnectOptions | None = None,
        reconnect: ReconnectPolicy | None = None,
        observers: Sequence[Observer] = (),
        timeout: float | None = 30,
    ) -> Connecting[AsyncRealtimeConnection]:
        """Open a session over a WebSocket: with a `model`, on a call (`call_id`), or to transcribe (`intent`).

        ``async with`` it, or ``await`` it and close the connection yourself.

        - session: settings, in force when the connection is yours; the server has `timeout` seconds to take them
        - dialect: "beta" speaks the retired beta, which other servers still have
        - query, headers: what gateways want in the URL and the upgrade beyond that
        - reconnect: a lost connection is replaced and what stood in the session restored; without, the session ends
        - observers: are told of every event, see `Observer`

        The first call in a process imports what sessions need, for some 50 ms, unless the program has imported
        `AsyncRealtimeConnection` already.

        Raises InvalidRequestError unless exactly one of the first three is given, and what the other methods raise if
        the server refuses.
        """
        # REST users never load what a session needs.
        from openai_realtime._connection.connecting import Connecting  # noqa: PLC0415
        from openai_realtime._connection.realtime import AsyncRealtimeConnection, settings  # noqa: PLC0415
        from openai_realtime._transport.targets import realtime_target  # noqa: PLC0415

        target = realtime_target(model, call_id, intent, dialect=dialect, query=query, headers=headers)
        update = None if session is None else settings(session, target.dialect)
        connection = functools.partial(AsyncRealtimeConnection, self._transport, target, options, reconnect, observers)
        return Connecting(connection, update, timeout, self._links)

    @without_frames
    def connect_translation(  # noqa: PLR0913 - keywords, each with a default
        self,
        *,
        model: str,
        session: models.RealtimeTranslationSessionUpdateRequest | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        options: ConnectOptions | None = None,
        reconnect: ReconnectPolicy | None = None,
        observers: Sequence[Observer] = (),
        timeout: float | None = 30,
    ) -> Connecting[AsyncRealtimeTranslationConnection]:
        """Open a translation session over a WebSocket, with a model such as ``gpt-realtime-translate``.

        The arguments and errors are those of `connect`.
        """
        from openai_realtime._connection.connecting import Connecting  # noqa: PLC0415 - as above
        from openai_realtime._connection.translation import (  # noqa: PLC0415 - as above
            AsyncRealtimeTranslationConnection,
            translation_settings,
        )
        from openai_realtime._transport.targets import translation_target  # noqa: PLC0415 - as above

        target = translation_target(model, query, headers)
        update = None if session is None else translation_settings(session)
        connection = functools.partial(
            AsyncRealtimeTranslationConnection, self._transport, target, options, reconnect, observers
        )
        return Connecting(connection, update, timeout, self._links)

    async def _post(self, path: str, request: Model, result: type[R]) -> R:
        return _parse_json(*await self._transport.send(_json_request(path, request)), result)

    async def _post_beta(self, path: str, request: Model, expected: type[Model], result: type[R]) -> R:
        check(request, expected)
        try:
            return await self._post(path, request, result)
        except BetaRetiredError as error:
            error.successor = _SUCCESSOR
            raise

    async def _control(self, call_id: str, action: str, body: Model | None = None) -> models.EmptyResult:
        _check_call_id(call_id)
        path = f"/realtime/calls/{call_id}/{action}"
        request = Request(path=path) if body is None else _json_request(path, body)
        response, info = await self._transport.send(request)
        if response.content_type == "text/html":  # the page of a captive portal or a login, and no word of the API
            raise response.unexpected("content type text/html")
        return models.EmptyResult(http=info)


def _json_request(path: str, body: Model) -> Request:
    return Request(path=path, content_type=_JSON, body=encode(body))


def _parse_json(response: Response, info: HTTPInfo, cls: type[R]) -> R:
    """Make the result of a JSON response. Raises APIResponseError if it is none."""
    if not response.content_type.endswith("json"):
        raise response.unexpected(f"content type {response.content_type or 'unknown'}")
    try:
        result = structure(load_object(response.body), cls)
    except DecodeError as error:
        problem = str(error)
    else:
        object.__setattr__(result, "http", info)  # frozen, but nobody has it yet; evolve would make all of it again
        return result
    # Raised outside the handler: the converter's frames hold the whole response, secrets included.
    raise response.unexpected(problem)


def _parse_call(response: Response, info: HTTPInfo) -> models.RealtimeCall:
    """Take the SDP answer and the call's id from a response.

    The spec says application/sdp, the API sends text/plain: both are fine. Raises APIResponseError for anything else.
    """
    if response.content_type not in (_SDP, "text/plain"):
        raise response.unexpected(f"content type {response.content_type or 'unknown'}")
    location = response.headers.get("location", "")
    named = re.search(r"/calls/([\w-]+)", location, re.ASCII)
    if named is None:
        raise response.unexpected("no Location header that names the call")
    if not response.body.strip():
        raise response.unexpected("no SDP answer, the body is empty")
    return models.RealtimeCall(
        sdp=response.body.decode(errors="replace"), call_id=named[1], location=location, http=info
    )


def _check_call_id(call_id: object) -> None:
    """Refuse what would change the path: the id is a part of it."""
    if not isinstance(call_id, str) or not re.fullmatch(r"[\w-]+", call_id, re.ASCII):
        raise InvalidRequestError([Problem("call_id", "invalid_value", call_id, "a call id such as 'rtc_...'")])


def _warn_retired(name: str) -> None:
    """Warn at the line of the user's code, however many frames of this package are in between."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - what warnings itself does
    while frame.f_back is not None and str(frame.f_globals.get("__package__")).startswith(str(__package__)):
        frame, level = frame.f_back, level + 1
    message = f"{name} belongs to the beta, which the API retired on 2026-05-12; call {_SUCCESSOR} instead"
    warnings.warn(message, DeprecationWarning, stacklevel=level)
