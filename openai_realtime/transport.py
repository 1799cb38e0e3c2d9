"""HTTP: one aiohttp session for a client, retries, and answers as plain values. aiohttp enters here."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from attrs import field, frozen

from .config import ClientConfig
from .converter import load
from .errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    ClientStateError,
    DecodeError,
    error_from_response,
)
from .models.base import RateLimit, ResponseInfo
from .retry import delays, is_retryable, next_delay

MAX_BODY = 16 * 2**20
_MAX_REDIRECTS = 5
_REDIRECTS_THAT_KEEP_THE_BODY = (307, 308)

# These fail before the first byte of the request is on the wire, so that sending again can repeat nothing.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


@frozen(kw_only=True)
class Call:
    """One POST: a JSON or SDP `body`, or the `parts` (name, content type, content) of a multipart form.

    `repeatable` is False where a second request would open a second call.
    """

    path: str
    accept: str = "application/json"
    content_type: str | None = None
    body: bytes | None = field(default=None, repr=False)
    parts: tuple[tuple[str, str, bytes], ...] = field(default=(), repr=False)
    repeatable: bool = True


@frozen(kw_only=True)
class Answer:
    """What the server said: header names in lower case, the body whole."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Pool:
    """The one aiohttp session of a client and its copies, made in the loop that first needs it."""

    def __init__(self, session: aiohttp.ClientSession | None = None) -> None:
        self._injected = session is not None
        self._session = session
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def session(self) -> aiohttp.ClientSession:
        """The session. Raises ClientStateError after close and in another event loop than the first."""
        loop = asyncio.get_running_loop()
        if self._closed:
            raise ClientStateError("the client is closed")
        if self._loop not in (None, loop):
            raise ClientStateError("the client belongs to another event loop; make one client for each loop")
        if self._session is not None and self._session.closed:
            raise ClientStateError("the injected http_session is closed")
        if self._session is None:
            # No limit of connections here: who wants one has it on the server's side or injects a session.
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._loop = loop
        return self._session

    async def close(self) -> None:
        """Close the session, unless it was injected. Calling it again does nothing."""
        if self._closed:
            return
        if self._session is not None and not self._injected:
            self.session()  # refuses to close in another loop, where it could only leave sockets behind
            await self._session.close()
        self._closed = True


class _Headers(dict[str, str]):
    """Headers that hold a key: their repr names them only, so that no traceback with locals shows it."""

    def __repr__(self) -> str:
        return f"<headers {', '.join(self)}>"


class Transport:
    """Sends calls as a `ClientConfig` says, over a pool that copies of the client share."""

    def __init__(self, config: ClientConfig, pool: Pool) -> None:
        self.config = config
        self.pool = pool

    async def send(self, call: Call) -> tuple[Answer, ResponseInfo]:
        """The successful answer to `call`, after as many retries as it takes and the policy allows.

        Raises APIConnectionError, APITimeoutError, APIStatusError, APIResponseError and ClientStateError.
        """
        started = time.monotonic()
        backoff = delays(self.config.retry)
        for attempt in itertools.count(1):
            outcome, sent = await self._attempt(call)
            if isinstance(outcome, Answer):
                return outcome, _response_info(outcome, attempt, time.monotonic() - started)
            delay = self._delay(outcome, backoff) if call.repeatable or not sent else None
            if delay is None:
                raise outcome
            await asyncio.sleep(delay)
        raise AssertionError  # pragma: no cover - count() never ends

    def _delay(self, error: APIConnectionError | APIStatusError, backoff: Any) -> float | None:
        """The seconds to wait before sending again after `error`, None if it is final."""
        if isinstance(error, APIConnectionError):
            return next(backoff, None)
        if not is_retryable(error.status, error.headers, error.code):
            return None
        return next_delay(self.config.retry, backoff, error.headers)

    async def _attempt(self, call: Call) -> tuple[Answer | APIConnectionError | APIStatusError, bool]:
        """One request: its answer or its error, and whether bytes of it may have reached the server.

        The error is given back, not raised: raised here it would carry aiohttp's exception, whose repr has the key.
        """
        session = self.pool.session()
        credential = self.config.credential
        headers = _Headers({**self.config.headers, "Accept": call.accept, credential.header: await credential.value()})
        if call.content_type:
            headers["Content-Type"] = call.content_type
        try:
            answer = await self._exchange(session, call, headers)
        except _NOT_SENT as error:
            return _connection_error(error), False
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return _connection_error(error), True
        if answer.status < 300:  # noqa: PLR2004
            return answer, True
        return _status_error(answer), True

    async def _exchange(self, session: aiohttp.ClientSession, call: Call, headers: _Headers) -> Answer:
        """Send, and follow redirects that stay at this origin and keep the body."""
        url = self.config.base_url + call.path
        answer = await self._post(session, url, call, headers)
        for _ in range(_MAX_REDIRECTS):
            target = urljoin(url, answer.headers.get("location", ""))
            if answer.status not in _REDIRECTS_THAT_KEEP_THE_BODY or _origin(target) != _origin(url):
                break
            url = target
            answer = await self._post(session, url, call, headers)
        return answer

    async def _post(self, session: aiohttp.ClientSession, url: str, call: Call, headers: _Headers) -> Answer:
        timeout = self.config.timeout
        async with session.post(
            url,
            data=_multipart(call.parts) if call.parts else call.body,
            headers=headers,
            allow_redirects=False,
            proxy=self.config.proxy,
            ssl=self.config.ssl,
            timeout=aiohttp.ClientTimeout(total=timeout.total, connect=timeout.connect, sock_read=timeout.read),
        ) as response:
            received = {name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers}
            return Answer(status=response.status, headers=received, body=await _read(response, received))


async def _read(response: aiohttp.ClientResponse, headers: Mapping[str, str]) -> bytes:
    """The body, up to MAX_BODY bytes after decompression."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            message = f"the body is over {MAX_BODY // 2**20} MiB"
            raise APIResponseError(message, status=response.status, headers=headers)
    return bytes(body)


def _multipart(parts: tuple[tuple[str, str, bytes], ...]) -> aiohttp.MultipartWriter:
    writer = aiohttp.MultipartWriter("form-data")
    for name, content_type, content in parts:
        part = writer.append(content, {"Content-Type": content_type})
        part.set_content_disposition("form-data", name=name)
    return writer


def _connection_error(error: Exception) -> APIConnectionError:
    if isinstance(error, TimeoutError):
        return APITimeoutError(str(error) or "no answer within the total timeout")
    if isinstance(error, aiohttp.ClientPayloadError):
        return APIConnectionError("the connection was lost in the middle of the answer")
    return APIConnectionError(str(error) or type(error).__name__)


def _status_error(answer: Answer) -> APIStatusError:
    if answer.status < 400:  # noqa: PLR2004
        where = _origin(answer.headers.get("location", "")) or "nowhere"
        body: Any = {"error": {"message": f"a redirect to {where} is not followed"}}
    else:
        body = _json_or_text(answer.body)
    return error_from_response(answer.status, answer.headers, body)


def _json_or_text(body: bytes) -> Any:
    try:
        return load(body)
    except DecodeError:
        return body.decode(errors="replace")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""


def _response_info(answer: Answer, attempts: int, elapsed: float) -> ResponseInfo:
    headers = answer.headers
    processing = headers.get("openai-processing-ms", "")
    return ResponseInfo(
        status=answer.status,
        headers=headers,
        request_id=headers.get("x-request-id") or headers.get("apim-request-id"),
        processing_ms=int(processing) if processing.isdecimal() else None,
        rate_limits=_rate_limits(headers),
        attempts=attempts,
        elapsed=elapsed,
    )


def _rate_limits(headers: Mapping[str, str]) -> tuple[RateLimit, ...]:
    found = (re.fullmatch(r"x-ratelimit-(?:limit|remaining|reset)-(\w+)", name) for name in headers)
    names = dict.fromkeys(match[1] for match in found if match)
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
    return int(text) if text and text.isdecimal() else None


def _seconds(text: str | None) -> float | None:
    """The seconds in a duration as the API writes it: ``20ms``, ``1s``, ``6m0s``."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhd])", text or "")
    return sum(float(number) * units[unit] for number, unit in parts) if parts else None
