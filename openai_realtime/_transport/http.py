"""HTTP and the upgrade to a WebSocket: one aiohttp session for a client, retries, answers as plain values."""

from __future__ import annotations

import asyncio
import io
import itertools
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import aiohttp
from attrs import evolve

from openai_realtime._codec.converter import load
from openai_realtime._config import ClientConfig, ConnectOptions, Hidden, Timeout
from openai_realtime.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    DecodeError,
    error_from_response,
)
from openai_realtime.models.http import HTTPInfo, RateLimit

from .messages import MAX_BODY, Request, Response, read_answer
from .pool import Pool, RefusedError
from .retry import delays, is_retryable, next_delay
from .targets import ConnectTarget

# The seconds the server has to answer a close. aiohttp hides from pyright that this is a dataclass.
_WS_TIMEOUT = aiohttp.ClientWSTimeout(ws_close=2.0)  # pyright: ignore[reportCallIssue]
_MAX_REDIRECTS = 5
_REDIRECTS_THAT_KEEP_THE_BODY = (307, 308)
_MAX_DIGITS = 18  # what fits 64 bits
_LARGE = 2**20  # bytes; aiohttp warns of more in one piece
_RATE_LIMIT = re.compile(r"x-ratelimit-(?:limit|remaining|reset)-([\w-]+)")

# These fail before the first byte of the request is on the wire, so that sending again can repeat nothing.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Transport:
    """Sends calls as a `ClientConfig` says, over a pool that copies of the client share."""

    def __init__(self, config: ClientConfig, pool: Pool) -> None:
        self.config = config
        self.pool = pool
        self._prepared = Hidden()
        self._timeout = _client_timeout(config.timeout)
        self._upgrade_timeout = evolve(self._timeout, sock_read=None)  # an open WebSocket may be silent

    async def send(self, request: Request) -> tuple[Response, HTTPInfo]:
        """The successful answer to `request`, after as many retries as it takes and the policy allows.

        Raises APIConnectionError, APITimeoutError, APIStatusError, APIResponseError and ClientStateError.
        """
        started = time.monotonic()
        backoff = delays(self.config.retry)
        for attempt in itertools.count(1):
            outcome, sent = await self._attempt(request)
            if isinstance(outcome, Response):
                return outcome, _response_info(outcome, attempt, time.monotonic() - started)
            delay = self.delay(outcome, backoff) if request.repeatable or not sent else None
            if delay is None:
                raise outcome
            await asyncio.sleep(delay)
        raise AssertionError  # pragma: no cover - count() never ends

    def delay(self, error: APIConnectionError | APIStatusError, backoff: Any) -> float | None:
        """The seconds to wait before sending again after `error`, None if it is final."""
        if isinstance(error, APIConnectionError):
            return next(backoff, None)
        if not is_retryable(error.status, error.headers, error.code):
            return None
        return next_delay(self.config.retry, backoff, error.headers)

    def backoff(self) -> Iterator[float]:
        """The seconds before each retry, to be handed to `delay`."""
        return delays(self.config.retry)

    async def open_socket(
        self, target: ConnectTarget, options: ConnectOptions
    ) -> aiohttp.ClientWebSocketResponse[Literal[False]]:
        """Upgrade to a WebSocket, once. Raises the errors of `send`; a refusal keeps its body."""
        config, headers = self.config, await self._headers()
        headers.update(target.headers)
        if target.dialect == "beta":
            headers["OpenAI-Beta"] = "realtime=v1"
        session = self.pool.upgrading(self._upgrade_timeout)
        try:
            return await session.ws_connect(
                "ws" + config.base_url.removeprefix("http") + target.path,
                headers=headers,
                proxy=config.proxy,
                ssl=config.ssl,
                autoping=False,
                autoclose=False,  # aiohttp would wait in `receive` until the peer has taken all that was sent
                decode_text=False,  # the bytes are what the JSON parser wants
                max_msg_size=options.max_message_size,
                timeout=_WS_TIMEOUT,
            )
        except RefusedError as error:
            answer = evolve(error.answer, credential=headers[config.credential.header])
            failure: Exception = _status_error(answer.without_credential())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            failure = _connection_error(error)
        raise failure

    async def _attempt(self, request: Request) -> tuple[Response | APIConnectionError | APIStatusError, bool]:
        """One request: its answer or its error, and whether bytes of it may have reached the server.

        The error is given back, not raised: raised here it would carry aiohttp's exception, whose repr has the key.
        """
        headers = await self._headers()
        headers["Accept"] = request.accept
        if request.content_type:
            headers["Content-Type"] = request.content_type
        try:
            answer = await self._exchange(request, headers)
        except _NOT_SENT as error:
            return _connection_error(error), False
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _connection_error(error), True
        if len(answer.body) > MAX_BODY:
            message = f"the body is over {MAX_BODY // 2**20} MiB"
            raise APIResponseError(message, status=answer.status, headers=answer.without_credential().headers)
        if answer.status < 300:  # noqa: PLR2004
            return answer, True
        return _status_error(answer.without_credential()), True

    async def _headers(self) -> Hidden:
        """The headers of one attempt, with its key: a string is always the same, a function is asked anew."""
        if not self._prepared:
            self.pool.session()  # a closed client asks for no key
            headers = Hidden({**self.config.headers, self.config.credential.header: await self._credential()})
            if not isinstance(self.config.credential.source, str):
                return headers
            self._prepared = headers
        return Hidden(self._prepared)

    async def _credential(self) -> str:
        """The header's value, with this attempt's key. Raises APITimeoutError: a function that gives it may hang."""
        seconds = self.config.timeout.total
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self.config.credential.value()
        except TimeoutError:
            if not limit.expired():  # the function's own
                raise
        raise APITimeoutError(f"api_key: no key within {seconds} seconds")

    async def _exchange(self, request: Request, headers: Hidden) -> Response:
        """Send, and follow redirects that stay at this origin and keep the body."""
        url = self.config.base_url + request.path
        answer = await self._send_once(url, request, headers)
        for _ in range(_MAX_REDIRECTS):
            target = _redirect_target(url, answer)
            if target is None:
                break
            url = target
            answer = await self._send_once(url, request, headers)
        return answer

    async def _send_once(self, url: str, request: Request, headers: Hidden) -> Response:
        # The session is asked for here, because the client may have been closed while a key was on its way.
        async with self.pool.session().request(
            request.method,
            url,
            data=_payload(request),
            headers=headers,
            # aiohttp would call no body application/octet-stream; the type of a form is aiohttp's to say.
            skip_auto_headers=None if request.content_type or request.parts else ("Content-Type",),
            allow_redirects=False,
            raise_for_status=False,  # an injected session may have it on, and would throw the error's body away
            proxy=self.config.proxy,
            ssl=self.config.ssl,
            timeout=self._timeout,
        ) as response:
            return await read_answer(response, headers[self.config.credential.header])


def _client_timeout(timeout: Timeout) -> aiohttp.ClientTimeout:
    """What aiohttp keeps to. A timer for each read is costly, and one as long as all of the attempt never rings."""
    read, total = timeout.read, timeout.total
    if read is not None and total is not None and read >= total:
        read = None
    return aiohttp.ClientTimeout(total=total, connect=timeout.connect, sock_read=read)


def _payload(request: Request) -> aiohttp.MultipartWriter | io.BytesIO | bytes | None:
    """What aiohttp sends, made anew for each attempt; much goes as a file."""
    if request.parts:
        return _multipart(request.parts)
    return request.body if request.body is None or len(request.body) <= _LARGE else io.BytesIO(request.body)


def _multipart(parts: tuple[tuple[str, str, bytes], ...]) -> aiohttp.MultipartWriter:
    writer = aiohttp.MultipartWriter("form-data")
    for name, content_type, content in parts:
        part = writer.append(io.BytesIO(content), {"Content-Type": content_type})
        part.set_content_disposition("form-data", name=name)
    return writer


def _connection_error(error: Exception) -> APIConnectionError:
    if isinstance(error, TimeoutError):
        return APITimeoutError(str(error) or "no answer within the total timeout")
    if isinstance(error, aiohttp.ClientPayloadError):
        return APIConnectionError("the connection was lost in the middle of the answer")
    if isinstance(error, aiohttp.ClientHttpProxyError):  # its text has the proxy's password
        return APIConnectionError(f"the proxy answered {error.status} {error.message}")
    if isinstance(error, aiohttp.ClientResponseError):
        return APIConnectionError(_one_line(f"no HTTP answer: {error.message}"))
    # "ssl:default" is how aiohttp words that nothing special was asked of TLS, also where there is none.
    return APIConnectionError(_one_line(str(error).replace(" ssl:default", "")) or type(error).__name__)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _status_error(answer: Response) -> APIStatusError:
    if answer.status < 400:  # noqa: PLR2004
        where = _origin(answer.headers.get("location", ""))
        body: Any = {"error": {"message": f"a redirect{where and ' to ' + where} is not followed"}}
    else:
        body = _json_or_text(answer.body)
    return error_from_response(answer.status, answer.headers, body)


def _json_or_text(body: bytes) -> Any:
    try:
        return load(body)
    except DecodeError:
        return body.decode(errors="replace")


def _redirect_target(url: str, answer: Response) -> str | None:
    """Where a redirect that keeps the body leads, None if it leaves the origin (or adds a user to it)."""
    if answer.status not in _REDIRECTS_THAT_KEEP_THE_BODY or not answer.headers.get("location"):
        return None
    try:
        target = urljoin(url, answer.headers["location"])
        same = urlsplit(target)[:2] == urlsplit(url)[:2]
    except ValueError:
        return None
    return target if same else None


def _origin(url: str) -> str:
    """The scheme, host and port of `url`, empty if it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def _response_info(answer: Response, attempts: int, elapsed: float) -> HTTPInfo:
    headers = answer.headers
    return HTTPInfo(
        status=answer.status,
        headers=headers,
        request_id=headers.get("x-request-id") or headers.get("apim-request-id"),
        processing_ms=_integer(headers.get("openai-processing-ms")),
        rate_limits=_rate_limits(headers),
        attempts=attempts,
        elapsed=elapsed,
    )


def _rate_limits(headers: Mapping[str, str]) -> tuple[RateLimit, ...]:
    limits = [name for name in headers if name.startswith("x-ratelimit-")]
    if not limits:
        return ()
    names = dict.fromkeys(match[1] for match in map(_RATE_LIMIT.fullmatch, limits) if match)
    return tuple(
        RateLimit(
            name=name,
            limit=_integer(headers.get(f"x-ratelimit-limit-{name}")),
            remaining=_integer(headers.get(f"x-ratelimit-remaining-{name}")),
            reset=_seconds(headers.get(f"x-ratelimit-reset-{name}")),
        )
        for name in names
    )


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def _seconds(text: str | None) -> float | None:
    """The seconds in a duration as the API writes it: ``20ms``, ``1s``, ``6m0s``."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text or "")
    return sum(float(number) * units[unit] for number, unit in parts) if parts else None
