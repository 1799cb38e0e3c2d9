"""An HTTP request and the server's response as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import aiohttp
from attrs import define, field

from openai_realtime._codec.json import load
from openai_realtime._redaction import Secret, mask
from openai_realtime.errors import APIResponseError, APIStatusError, DecodeError, error_from_response

from .redirects import origin

MAX_BODY = 16 * 2**20
_MAX_SHOWN = 256 * 1024  # bytes of a body that an error keeps: looking for secrets in many more takes seconds


@define(kw_only=True, eq=False)  # frozen ones take three times as long to make
class Request:
    """One request: a JSON or SDP `body`, or the `parts` (name, content type, content) of a multipart form.

    `repeatable` is False where a second request would open a second call.
    """

    path: str
    method: Literal["GET", "POST"] = "POST"
    accept: str = "application/json"
    content_type: str | None = None
    body: bytes | None = field(default=None, repr=False)
    parts: tuple[tuple[str, str, bytes], ...] = field(default=(), repr=False)
    repeatable: bool = True


@define(kw_only=True, eq=False)
class Response:
    """What the server said: header names in lower case, the body whole; and the headers that it was `sent`."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    sent: Mapping[str, str | Secret] = field(factory=dict, repr=False)

    @property
    def content_type(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def unexpected(self, problem: str) -> APIResponseError:
        """Make the error for a response that is not what the API promises."""
        secrets = secrets_in(self.sent)
        text = mask(self.body[:_MAX_SHOWN].decode(errors="replace"), secrets)
        return APIResponseError(problem, status=self.status, headers=mask(self.headers, secrets), body=text)

    def refusal(self) -> APIStatusError:
        """Make the error for a response with an error status, or with a redirect that is not followed."""
        secrets = secrets_in(self.sent)
        return error_from_response(self.status, mask(self.headers, secrets), mask(self._refusal_body(), secrets))

    def _refusal_body(self) -> Any:
        if self.status < 400:  # noqa: PLR2004
            where = origin(self.headers.get("location", ""))
            return {"error": {"message": f"a redirect{where and ' to ' + where} is not followed"}}
        body = self.body[:_MAX_SHOWN]
        try:
            return load(body)
        except DecodeError:
            return body.decode(errors="replace")


def secrets_in(headers: Mapping[str, str | Secret]) -> tuple[Secret, ...]:
    """List the secrets among the values of headers that are sent."""
    return tuple(value for value in headers.values() if isinstance(value, Secret))


async def read_response(response: aiohttp.ClientResponse) -> Response:
    """Read a response whole. The values of a header that is repeated are joined by commas, as HTTP has it."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key, text = name.lower(), value if value.isascii() else _printable(value)
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    try:
        body = await _read(response)
    except aiohttp.ClientPayloadError:
        if response.status < 400:  # noqa: PLR2004
            raise
        body = b""  # a refusal whose page cannot be read is one all the same
    return Response(status=response.status, headers=headers, body=body)


def _printable(value: str) -> str:
    """Make text of a header's value: aiohttp gives bytes that are no UTF-8 as lone surrogates."""
    return value.encode(errors="surrogateescape").decode(errors="replace")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read the body after decompression; not much more than MAX_BODY bytes of one that is larger."""
    chunks, size = [], 0
    while size <= MAX_BODY and not response.content.at_eof():
        chunk = await response.content.readany()
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)
