"""An HTTP request and the server's answer as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import aiohttp
from attrs import define, evolve, field

MAX_BODY = 16 * 2**20


_MIN_KEY = 8  # shorter ones are made up for servers that ask for none, and may be any word


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
    """What the server said: header names in lower case, the body whole."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    credential: str = field(default="", repr=False)

    def without_credential(self) -> Response:
        """The same for an error: some gateways repeat the key of the request, and not every key looks like one."""
        key = self.credential.rpartition(" ")[2]
        if len(key) < _MIN_KEY:
            return self
        headers = {name: value.replace(key, "***") for name, value in self.headers.items()}
        return evolve(self, headers=headers, body=self.body.replace(key.encode(), b"***"))

    @property
    def content_type(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_answer(response: aiohttp.ClientResponse, credential: str = "") -> Response:
    """All of an answer. The values of a header that is repeated are joined by commas, as HTTP has it."""
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Response(status=response.status, headers=headers, body=await _read(response), credential=credential)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body after decompression; not much more than MAX_BODY bytes of one that is larger."""
    chunks, size = [], 0
    while size <= MAX_BODY and (chunk := await response.content.readany()):
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)
