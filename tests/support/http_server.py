"""A raw HTTP server that says what a test wants, and a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any, Self

import attrs
import pytest
import trustme

from openai_realtime import RetryPolicy
from openai_realtime._client import AsyncRealtimeClient
from openai_realtime.errors import (
    RealtimeError,
)

DEADLINE = 30.0


KEY = "sk-transport-" + "0123456789abcdef" * 2


EPHEMERAL = "ek_" + "0123456789abcdef" * 2


SECRET = b'{"value":"%s","expires_at":1790000000,"session":{"type":"realtime","id":"sess_1"}}' % EPHEMERAL.encode()


OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"


@attrs.frozen
class Received:
    """One request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


Step = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server on a free port of 127.0.0.1 that does one of `steps` for each request, the last one again and again.

    A step is the bytes of the answer, or a function that has the connection. With `welcome`, that is all that happens:
    no request is read.
    """

    def __init__(
        self, *steps: Step, tls: ssl.SSLContext | None = None, port: int = 0, welcome: Step | None = None
    ) -> None:
        self.steps = list(steps)
        self._welcome = welcome
        self.received: list[Received] = []
        self.connections = 0
        self._tls, self._port, self._tasks = tls, port, set[asyncio.Task[Any]]()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*self._tasks)

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        return self.origin + "/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        self.connections += 1
        await self._talk(reader, writer)
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            if self._welcome is not None:
                await take(self._welcome, reader, writer)
                return
            while not writer.is_closing():
                self.received.append(await read_request(reader))
                await take(self.steps.pop(0) if len(self.steps) > 1 else self.steps[0], reader, writer)


async def take(step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if callable(step):
        await step(reader, writer)
    else:
        writer.write(step)
        await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    assert len(dict(pairs)) == len(pairs), f"a header came twice: {[name for name, _ in pairs]}"
    headers = dict(pairs)
    return Received(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def answer(
    status: int = 200, body: bytes | str = b"", content_type: str | None = "application/json", **headers: str
) -> bytes:
    """The bytes of an answer; underscores in the names of `headers` stand for hyphens."""
    body = body.encode() if isinstance(body, str) else body
    fields = {"content-type": content_type, "content-length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
    head = "\r\n".join((f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *lines, "", ""))
    return head.encode() + body


def api_error(status: int, code: str | None = None, message: str = "refused", **headers: str) -> bytes:
    detail = (
        f'"message":"{message}","type":"a_type","param":null,"code":{f"{chr(34)}{code}{chr(34)}" if code else "null"}'
    )
    return answer(status, '{"error":{' + detail + "}}", **headers)


OK = answer(200, SECRET)


SDP = answer(201, "v=0\r\n", "text/plain; charset=utf-8", Location="/v1/realtime/calls/rtc_1")


GONE = api_error(500)


def then_close(data: bytes) -> Step:
    """Send `data`, then close the connection."""

    async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        writer.close()

    return step


def connect(server: Server, **options: Any) -> AsyncRealtimeClient:
    """A client of `server` that never sleeps and whose every request has a deadline."""
    settings = {"base_url": server.base_url, "api_key": KEY, "timeout": DEADLINE, "retry": RetryPolicy(initial_delay=0)}
    return AsyncRealtimeClient(**(settings | options))  # type: ignore[misc]


async def failure(call: Awaitable[object]) -> Any:
    """The error of `call`, shown to pickle and to keep every secret, in tracebacks with local variables too."""
    with pytest.raises(RealtimeError) as caught:
        async with asyncio.timeout(DEADLINE):
            await call
    error = caught.value
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert_no_secret(str(error) + repr(error) + repr(vars(error)) + shown)
    assert "\n" not in str(error)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
    return error


def assert_no_secret(text: str) -> None:
    assert KEY not in text
    assert EPHEMERAL not in text
    assert "hush-hush" not in text


@attrs.frozen
class Certificates:
    """A server's certificate for 127.0.0.1, and a client context that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Certificates(server, client)


@contextlib.asynccontextmanager
async def tunnel(to: Server) -> AsyncIterator[Server]:
    """A proxy that opens every tunnel it is asked for, to the server `to`."""

    async def connect_through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*to.origin.rpartition("//")[2].split(":"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))

    async with Server(connect_through) as proxy:
        yield proxy


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()
