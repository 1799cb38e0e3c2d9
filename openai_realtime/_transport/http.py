"""HTTP and the upgrade to a WebSocket: attempts and retries over one aiohttp session, responses as plain values."""

from __future__ import annotations

import asyncio
import io
import itertools
import re
import time
from collections.abc import Awaitable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import aiohttp
from attrs import evolve

from openai_realtime._config import ClientConfig, ConnectOptions, Timeout
from openai_realtime._logging import HTTP, outcome
from openai_realtime._redaction import Secret, mask
from openai_realtime.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    NotFoundError,
)
from openai_realtime.models.http import HTTPInfo

from .info import http_info
from .messages import MAX_BODY, Request, Response, read_response, secrets_in
from .pool import Pool, RefusedError
from .redirects import MAX_REDIRECTS, redirect_target
from .retry import delay_after, delays

if TYPE_CHECKING:
    from .targets import ConnectTarget  # REST users never load it

T = TypeVar("T")
E = TypeVar("E", bound=APIError)

# The seconds the server has to answer a close. aiohttp hides from pyright that this is a dataclass.
_WS_TIMEOUT = aiohttp.ClientWSTimeout(ws_close=2.0)  # pyright: ignore[reportCallIssue]
_LARGE = 2**20  # bytes; aiohttp warns of more in one piece

# These fail before the first byte of the request is on the wire, so that sending again can repeat nothing.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Transport:
    """Sends requests as a `ClientConfig` says, over a pool that copies of the client share."""

    def __init__(self, config: ClientConfig, pool: Pool) -> None:
        self.config = config
        self.pool = pool
        self._prepared: Mapping[str, str | Secret] | None = None
        timeout = _client_timeout(config.timeout)
        self._timeout = evolve(timeout, total=None)  # it goes for all redirects of an attempt together
        self._upgrade_timeout = evolve(timeout, sock_read=None)  # an open WebSocket may be silent

    async def send(self, request: Request) -> tuple[Response, HTTPInfo]:
        """Return the successful response to `request`, after as many retries as it takes and the policy allows.

        Raises APIConnectionError, APITimeoutError, APIStatusError, APIResponseError and ClientStateError.
        """
        started = time.monotonic()
        backoff = self.backoff()
        for attempt in itertools.count(1):
            result, sent = await self._attempt(request)
            if isinstance(result, Response):
                info = http_info(result, attempt, time.monotonic() - started)
                HTTP.debug("%s %s: %d after %.3f s", request.method, request.path, info.status, info.elapsed)
                return result, info
            delay = self.delay(result, backoff) if request.repeatable or not sent else None
            if delay is None:
                HTTP.info("%s %s failed: %s", request.method, request.path, outcome(result))
                raise self._noted(result)
            HTTP.info("%s %s again in %.3f s: %s", request.method, request.path, delay, outcome(result))
            await asyncio.sleep(delay)
        raise AssertionError  # pragma: no cover - count() never ends

    def delay(self, error: APIConnectionError | APIStatusError, backoff: Any) -> float | None:
        """Return the seconds to wait before sending again after `error`, None if it is final."""
        return delay_after(error, self.config.retry, backoff)

    def backoff(self) -> Iterator[float]:
        """Yield the seconds before each retry, to be handed to `delay`."""
        return delays(self.config.retry)

    async def open_socket(
        self, target: ConnectTarget, options: ConnectOptions
    ) -> tuple[aiohttp.ClientWebSocketResponse[Literal[False]], tuple[Secret, ...]]:
        """Upgrade to a WebSocket, once: the socket, and the secrets that the server was sent.

        Raises the errors of `send`; a refusal keeps its body.
        """
        beta = {"openai-beta": "realtime=v1"} if target.dialect == "beta" else {}
        headers = {**await self._headers(), **target.headers, **beta}
        try:
            return await _without_frames(self._upgrade(target, options, headers)), secrets_in(headers)
        except RefusedError as error:
            failure: APIError = _refusal(evolve(error.response, sent=headers))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            failure = _connection_error(error, headers)
        except AssertionError:  # aiohttp's, where the connection went at the last moment
            self.pool.session()  # says so if that was the client's close
            failure = APIConnectionError("the connection was lost during the upgrade")
        HTTP.info("upgrade of %s failed: %s", target.path.partition("?")[0], outcome(failure))
        raise self._noted(failure)

    def _noted(self, error: E) -> E:
        """Note on `error` where most servers have the API, if it may be that this one has it there too."""
        url = self.config.base_url
        if isinstance(error, NotFoundError) and not url.endswith("/v1"):
            error.add_note(f"the base URL is {url}: that of most servers ends in /v1")
        return error

    async def _upgrade(
        self, target: ConnectTarget, options: ConnectOptions, headers: Mapping[str, str | Secret]
    ) -> aiohttp.ClientWebSocketResponse[Literal[False]]:
        return await self.pool.upgrading(self._upgrade_timeout).ws_connect(
            "ws" + self.config.base_url.removeprefix("http") + target.path,
            headers=_revealed(headers),
            proxy=_reveal(self.config.proxy),
            ssl=self.config.ssl,
            autoping=False,
            autoclose=False,  # aiohttp would wait in `receive` until the peer has taken all that was sent
            decode_text=False,  # the bytes are what the JSON parser wants
            max_msg_size=options.max_message_size,
            timeout=_WS_TIMEOUT,
        )

    async def _attempt(self, request: Request) -> tuple[Response | APIConnectionError | APIStatusError, bool]:
        """Send once: the response or the error, and whether bytes of the request may have reached the server.

        The error is given back, not raised: raised here it would carry aiohttp's exception, whose repr has the key.
        """
        own = {"accept": request.accept}
        if request.content_type:
            own["content-type"] = request.content_type
        headers = {**await self._headers(), **own}
        try:
            async with asyncio.timeout(self.config.timeout.total):
                response = await _without_frames(self._exchange(request, headers))
        except _NOT_SENT as error:
            return _connection_error(error, headers), False
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return _connection_error(error, headers), True
        response.sent = headers
        if len(response.body) > MAX_BODY:
            raise evolve(response, body=b"").unexpected(f"the body is over {MAX_BODY // 2**20} MiB")
        return response if response.status < 300 else response.refusal(), True  # noqa: PLR2004

    async def _headers(self) -> Mapping[str, str | Secret]:
        """Return the headers of one attempt, with its key: a function is asked for it anew."""
        if self._prepared is not None:
            return self._prepared
        self.pool.session()  # a closed client asks for no key
        credential = self.config.credential
        headers = {**self.config.headers, credential.header: await self._credential()}
        if isinstance(credential.source, Secret):
            self._prepared = headers
        return headers

    async def _credential(self) -> Secret:
        """Return the header's value, with this attempt's key. Raises APITimeoutError: a function may hang."""
        seconds = self.config.timeout.total
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self.config.credential.value()
        except TimeoutError:
            if not limit.expired():  # the function's own
                raise
        raise APITimeoutError(f"api_key: no key within {seconds} seconds")

    async def _exchange(self, request: Request, headers: Mapping[str, str | Secret]) -> Response:
        """Send, and follow redirects that stay at this origin and keep the body."""
        url = self.config.base_url + request.path
        response = await self._send_once(url, request, headers)
        for _ in range(MAX_REDIRECTS):
            target = redirect_target(url, response.status, response.headers)
            if target is None:
                break
            url = target
            response = await self._send_once(url, request, headers)
        return response

    async def _send_once(self, url: str, request: Request, headers: Mapping[str, str | Secret]) -> Response:
        # The session is asked for here, because the client may have been closed while a key was on its way.
        async with self.pool.session().request(
            request.method,
            url,
            data=_payload(request),
            headers=_revealed(headers),
            # aiohttp would call no body application/octet-stream; the type of a form is aiohttp's to say.
            skip_auto_headers=None if request.content_type or request.parts else ("Content-Type",),
            allow_redirects=False,
            raise_for_status=False,  # an injected session may have it on, and would throw the error's body away
            proxy=_reveal(self.config.proxy),
            ssl=self.config.ssl,
            timeout=self._timeout,
        ) as response:
            return await read_response(response)


async def _without_frames(work: Awaitable[T]) -> T:
    """Do `work`. What it raises forgets where: aiohttp's frames hold the headers, and a traceback may show them."""
    try:
        return await work
    except BaseException as error:  # noqa: BLE001 - it is raised again
        raise error.with_traceback(None) from None


def _reveal(value: Secret | None) -> Any:
    return None if value is None else value.reveal()


def _revealed(headers: Mapping[str, str | Secret]) -> dict[str, str]:
    """Return the headers as aiohttp needs them."""
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in headers.items()}


def _client_timeout(timeout: Timeout) -> aiohttp.ClientTimeout:
    """Make what aiohttp keeps to. A timer for each read is costly, and one as long as the attempt never rings."""
    read, total = timeout.read, timeout.total
    if read is not None and total is not None and read >= total:
        read = None
    return aiohttp.ClientTimeout(total=total, connect=timeout.connect, sock_read=read)


def _payload(request: Request) -> aiohttp.MultipartWriter | io.BytesIO | bytes | None:
    """Make what aiohttp sends, anew for each attempt; much goes as a file."""
    if request.parts:
        return _multipart(request.parts)
    return request.body if request.body is None or len(request.body) <= _LARGE else io.BytesIO(request.body)


def _multipart(parts: tuple[tuple[str, str, bytes], ...]) -> aiohttp.MultipartWriter:
    writer = aiohttp.MultipartWriter("form-data")
    for name, content_type, content in parts:
        part = writer.append(io.BytesIO(content), {"Content-Type": content_type})
        part.set_content_disposition("form-data", name=name)
    return writer


def _refusal(response: Response) -> APIStatusError | APIResponseError:
    """Make the error for a response to an upgrade that is none."""
    if response.status >= 300:  # noqa: PLR2004
        return response.refusal()
    page = response.content_type or "no content type"
    return response.unexpected(f"no WebSocket but {page}: a proxy or a login page, or a server without sessions")


def _connection_error(error: Exception, headers: Mapping[str, str | Secret]) -> APIConnectionError:
    """Make the error for what kept an answer away; the server may have written of the `headers` in it."""
    cls = APITimeoutError if isinstance(error, TimeoutError) else APIConnectionError
    return cls(mask(_reason(error), secrets_in(headers)))


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return _short(error) or "no answer within the total timeout"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was lost in the middle of the answer"
    if isinstance(error, aiohttp.ServerDisconnectedError):  # its text may be the beginning of an answer
        return "the server closed the connection in place of an answer"
    if isinstance(error, aiohttp.ClientHttpProxyError):  # its text has the proxy's password
        return f"the proxy answered {error.status} {error.message}"
    if isinstance(error, aiohttp.ClientResponseError):
        return " ".join(f"no HTTP answer: {error.message}".split())
    return _short(error) or type(error).__name__


def _short(error: Exception) -> str:
    """Put the text of aiohttp's `error` in one line, without a URL's query, in which a gateway's key may stand."""
    # "ssl:default" is how aiohttp words that nothing special was asked of TLS, also where there is none.
    return " ".join(re.sub(r"\?\S*| ssl:default", "", str(error)).split())
