"""No key and no token comes out: not in tracebacks with local variables, not where a server repeats it."""

from __future__ import annotations

import asyncio
import io
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
from rich.console import Console
from rich.traceback import Traceback
from support.http_server import OK, Server, answer, connect, failure, then_close
from support.recovery import greeting, nothing
from support.scripted import DEADLINE, Peer, serving

from openai_realtime import (
    APIConnectionError,
    APIStatusError,
    AsyncRealtimeClient,
    ConfigurationError,
    ConnectionClosedError,
    Error,
    InvalidRequestError,
    McpTool,
    RealtimeClient,
    RealtimeCreateClientSecretRequest,
    RealtimeSessionConfig,
    RetryPolicy,
    SessionUpdate,
    structure_request,
)

pytestmark = pytest.mark.anyio

ODD = "0123456789abcdef0123456789abcdef"  # what Azure's keys look like
TOKEN = "hush-hush-token"
SESSION = RealtimeSessionConfig(
    tools=[McpTool(server_label="docs", server_url="https://docs.example/mcp", authorization=TOKEN)]
)
LARGE = attrs.evolve(SESSION, instructions="x" * 2**20)
Use = Callable[[AsyncRealtimeClient], Awaitable[Any]]
USES: list[Use] = [
    lambda client: client.create_realtime_client_secret(RealtimeCreateClientSecretRequest(session=SESSION)),
    lambda client: client.create_realtime_call("v=0\r\n", SESSION),
    lambda client: client.connect(model="m", headers={"X-Token": TOKEN}, query={"token": TOKEN}).__aenter__(),
]


async def asynchronous_key() -> str:
    return ODD


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("key", [ODD, lambda: ODD, asynchronous_key])
async def test_a_users_timeout_shows_no_secret(use: Use, key: Any) -> None:
    arrived = asyncio.Event()

    async def silent(*_: object) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with Server(silent) as server, connect(server, api_key=key, default_headers={"X-Team": TOKEN}) as client:
        task = asyncio.ensure_future(use(client))
        async with asyncio.timeout(DEADLINE):
            await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert_hidden(caught.value)


async def test_an_interrupted_send_shows_no_secret() -> None:
    async def deaf(peer: Peer) -> None:
        peer.request.transport.pause_reading()  # type: ignore[union-attr]
        await asyncio.Event().wait()

    async with serving(greeting(deaf)) as client, client.connect(model="m") as connection:
        with pytest.raises(TimeoutError) as caught:  # noqa: PT012 - what fails is the sends together
            async with asyncio.timeout(0.1):
                while True:
                    await connection.send(SessionUpdate(session=LARGE))
    assert_hidden(caught.value)


async def test_an_interrupted_wait_for_new_settings_shows_no_secret() -> None:
    async with serving(greeting(nothing)) as client, client.connect(model="m") as connection:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1):
                await connection.update_session(SESSION)
    assert_hidden(caught.value)


async def test_a_bad_argument_of_connect_shows_no_other() -> None:
    good: dict[str, Any] = {"model": "m", "headers": {"X-Token": TOKEN}, "query": {"token": TOKEN}}
    for bad in (
        {"headers": {"X-Token": TOKEN + "\n"}},
        {"headers": [TOKEN]},
        {"query": {"token": TOKEN, "n": 5}},
        {"query": {"token": TOKEN + "\ud800"}},
        {"query": {"model": TOKEN}},
        {"query": [TOKEN]},
        {"model": None},
        {"dialect": "old"},
        {"session": {"tools": [{"type": "mcp", "authorization": TOKEN}]}},
    ):
        for use in (AsyncRealtimeClient(api_key=ODD).connect, RealtimeClient(api_key=ODD).connect):
            with pytest.raises((ConfigurationError, InvalidRequestError)) as caught:
                use(**{**good, **bad})
            assert_hidden(caught.value)
            assert_no_word(str(caught.value))


@pytest.mark.parametrize("bad", [{"options": 5}, {"reconnect": 5}, {"observers": 5}, {"timeout": "x"}])
async def test_a_connection_that_could_not_be_made_can_be_shown(bad: dict[str, Any]) -> None:
    async with serving(greeting(nothing)) as client:
        with pytest.raises(InvalidRequestError) as caught:
            await client.connect(model="m", session=SESSION, query={"token": TOKEN}, **bad)
    assert_hidden(caught.value)


def test_an_option_that_is_not_taken_shows_no_other() -> None:
    options: Any = {"api_key": ODD, "http_session": 5}
    client = AsyncRealtimeClient(api_key=ODD)
    for use in (RealtimeClient, AsyncRealtimeClient, client.with_options):
        with pytest.raises(ConfigurationError, match="http_session") as caught:
            use(**options)
        assert_hidden(caught.value)


def test_settings_that_are_refused_show_no_secret() -> None:
    tool = {"type": "mcp", "server_label": "s", "server_url": "u", "authorization": TOKEN, "headers": {"X": TOKEN}}
    with pytest.raises(InvalidRequestError, match="unknown field") as caught:
        structure_request({"type": "realtime", "tools": [{**tool, "more": 1}]}, RealtimeSessionConfig)
    assert_hidden(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-Token: " + TOKEN.encode() + b"\r\nX-Oth",  # broken off within its headers
        b"HTTP/1.1 200 OK\r\nX-Token: " + TOKEN.encode() + b"\0\r\n\r\n",
        TOKEN.encode() + b" is refused\r\n\r\n",
    ],
)
@pytest.mark.parametrize("use", USES)
async def test_half_an_answer_repeats_no_secret(answer: bytes, use: Use) -> None:
    async with (
        Server(then_close(answer)) as server,
        connect(server, default_headers={"X-Token": TOKEN}, retry=RetryPolicy(max_retries=0)) as client,
    ):
        error = await failure(use(client))
    assert_no_word(str(error))
    assert "RawResponseMessage" not in str(error)


def assert_hidden(error: BaseException) -> None:
    """No secret stands in the traceback, but in the frames of the tests themselves."""
    while error.__traceback__ and "openai_realtime" not in error.__traceback__.tb_frame.f_code.co_filename:
        error.__traceback__ = error.__traceback__.tb_next
    shown = Console(width=200, file=io.StringIO(), record=True)
    shown.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True, max_frames=0))
    assert_no_word(shown.export_text())
    contexts = [error]
    while contexts[-1].__cause__ or contexts[-1].__context__:
        contexts.append(contexts[-1].__cause__ or contexts[-1].__context__)  # type: ignore[arg-type]
    for each in contexts:
        frames = traceback.StackSummary.extract(traceback.walk_tb(each.__traceback__), capture_locals=True)
        ours = [frame for frame in frames if "/tests/" not in frame.filename]
        assert_no_word("".join(str(frame.locals) for frame in ours))


async def test_a_key_that_is_repeated_in_an_escaped_form() -> None:
    key = "key/with+signs=="
    page = answer(401, '{"error":{"message":"bad key key\\/with+signs=="}}', X_Key=key)
    async with Server(page) as server, connect(server, api_key=key) as client:
        error = await failure(client.create_realtime_client_secret())
    assert (error.message, error.headers["x-key"]) == ("bad key ***", "***")


async def test_the_values_of_default_headers_are_masked() -> None:
    page = answer(403, '{"error":{"message":"team ' + TOKEN + ' may not"}}')
    async with Server(page) as server, connect(server, default_headers={"X-Team": TOKEN}) as client:
        error = await failure(client.create_realtime_client_secret())
    assert error.message == "team *** may not"


async def refuse(peer: Peer) -> None:
    """Repeat what the client sent to identify itself, in an error and in the reason of the close."""
    sent = peer.request.headers["authorization"].split()[1] + " " + peer.request.headers["x-token"]
    await peer.refuse("invalid_api_key", 3000, f"bad {sent}", f"denied for {sent}")


async def test_a_refused_session_repeats_no_secret() -> None:
    async with serving(refuse, api_key=ODD) as client:
        with pytest.raises(APIStatusError) as caught:
            await client.connect(model="m", headers={"X-Token": TOKEN})
    error = caught.value
    assert (error.message, error.close_reason) == ("denied for *** ***", "bad *** ***")
    assert_no_word(repr(error) + str(error) + repr(vars(error)))


async def test_an_error_event_repeats_no_secret() -> None:
    async with (
        serving(greeting(refuse), api_key=ODD, default_headers={"X-Token": TOKEN}) as client,
        client.connect(model="m") as connection,
    ):
        event = await connection.wait_for(Error, timeout=DEADLINE)
        with pytest.raises(ConnectionClosedError) as caught:
            async for _ in connection:
                pass
    assert event.error.message == "denied for *** ***"
    assert caught.value.reason == "bad *** ***"
    assert_no_word(repr(event) + str(event.raw) + repr(caught.value) + repr(vars(caught.value)))


def assert_no_word(text: str) -> None:
    assert ODD not in text
    assert TOKEN not in text


async def test_a_query_stands_in_no_error() -> None:
    async with Server(OK) as server:
        url = server.base_url
    async with AsyncRealtimeClient(base_url=url, api_key=ODD) as client:
        with pytest.raises(APIConnectionError) as caught:
            await client.with_options(timeout=1).connect(model="m", query={"token": TOKEN})
    assert_no_word(str(caught.value))
    assert "?" not in str(caught.value)
