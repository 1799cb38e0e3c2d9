"""Incoming calls from the webhook to their end, on the emulator, under aiohttp.web and under ASGI."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from attrs import define
from support.web import DEADLINE, under_aiohttp, under_uvicorn
from support.webhooks import CALL, OTHER, SECRET, signed

from openai_realtime import (
    AsyncRealtimeClient,
    ConfigurationError,
    InternalServerError,
    InvalidRequestError,
    RealtimeSessionConfig,
)
from openai_realtime.emulator import Emulator, faults
from openai_realtime.web.calls import CallServer, IncomingCall, OnCall, serve_calls
from openai_realtime.web.ownership import MemoryCalls

pytestmark = pytest.mark.anyio

ACCEPT = "accept_realtime_call"
SESSION = RealtimeSessionConfig(model="gpt-realtime-2.1")


@define
class Phone:
    """A caller, and the service that is called."""

    emulator: Emulator
    calls: CallServer
    http: aiohttp.ClientSession
    url: str

    async def ring(self, webhook_id: str = "wh_1", **changes: Any) -> int:
        """Deliver the webhook of a new call; the status of the answer."""
        data = {"call_id": self.emulator.incoming_call(), "sip_headers": []}
        return await self.deliver(json.dumps({**CALL, "data": data, **changes}).encode(), webhook_id)

    async def deliver(self, body: bytes, webhook_id: str = "wh_1", secret: str = SECRET) -> int:
        headers = signed(body, secret=secret, webhook_id=webhook_id)
        async with self.http.post(self.url + "/webhook", data=body, headers=headers) as response:
            return response.status

    def requests(self) -> list[str]:
        """What reached the API, without the call's id."""
        return [request.path.rpartition("/")[2] for request in self.emulator.requests]


@asynccontextmanager
async def phone(on_call: OnCall, server: Any = under_aiohttp, **options: Any) -> AsyncIterator[Phone]:
    async with (
        asyncio.timeout(DEADLINE),
        Emulator() as emulator,
        AsyncRealtimeClient(**emulator.client_options) as client,
        aiohttp.ClientSession() as http,
    ):
        calls = serve_calls(client, on_call, SECRET, **options)
        async with server(calls.app) as url:
            yield Phone(emulator, calls, http, url)
            await calls.close()


@pytest.mark.parametrize("server", [under_aiohttp, under_uvicorn])
async def test_a_call_is_accepted_and_followed_to_its_end(server: Any) -> None:
    ended = asyncio.Event()

    async def on_call(call: IncomingCall) -> None:
        await call.accept(SESSION)
        async with call.connect() as connection:
            await connection.update_session(RealtimeSessionConfig(instructions="Be brief."))
            await call.hang_up()
            async for _ in connection:
                pass
        ended.set()

    async with phone(on_call, server) as caller:
        assert await caller.ring() == 200
        await ended.wait()
        assert caller.requests()[:1] == ["accept"]
        assert "hangup" in caller.requests()


async def test_a_redelivered_webhook_does_nothing() -> None:
    taken: list[str] = []

    async def on_call(call: IncomingCall) -> None:
        taken.append(call.call_id)
        await call.reject()

    async with phone(on_call) as caller:
        body = json.dumps({**CALL, "data": {"call_id": caller.emulator.incoming_call(), "sip_headers": []}}).encode()
        assert [await caller.deliver(body) for _ in range(3)] == [200, 200, 200]
        await caller.calls.drain()
        assert len(taken) == 1
        assert caller.requests() == ["reject"]


@pytest.mark.parametrize(
    ("body", "secret", "status"),
    [(b"{}", OTHER, 400), (b"not json", SECRET, 400), (b'{"type": "response.completed"}', SECRET, 200)],
)
async def test_other_webhooks_start_nothing(body: bytes, secret: str, status: int) -> None:
    async def on_call(_: IncomingCall) -> None:
        raise AssertionError

    async with phone(on_call) as caller:
        assert await caller.deliver(body, secret=secret) == status
        assert caller.calls.calls == []


async def test_a_bad_session_is_refused_before_the_call_is_lost() -> None:
    errors: list[Exception] = []

    async def on_call(call: IncomingCall) -> None:
        try:
            await call.accept(RealtimeSessionConfig(output_modalities=["smell"]))  # type: ignore[list-item]
        except InvalidRequestError as error:
            errors.append(error)
            await call.accept(SESSION)

    async with phone(on_call) as caller:
        assert await caller.ring() == 200
        await caller.calls.drain()
        assert len(errors) == 1
        assert caller.requests() == ["accept", "hangup"]


async def test_an_accept_that_failed_may_be_tried_again() -> None:
    async def on_call(call: IncomingCall) -> None:
        with pytest.raises(InternalServerError):
            await call.accept(SESSION)
        assert call.state == "ringing"
        await call.accept(SESSION)
        await call.accept(SESSION)  # does nothing

    async with phone(on_call) as caller:
        caller.emulator.inject_fault(faults.HTTPResponse(500, headers={"x-should-retry": "false"}), operation=ACCEPT)
        assert await caller.ring() == 200
        await caller.calls.drain()
        assert caller.requests() == ["accept", "accept", "hangup"]


@pytest.mark.parametrize(("secrets", "text"), [("whsec_%%%", "base64"), ([], "none is given"), ("", "whsec_")])
async def test_secrets_are_checked_before_the_first_call(secrets: Any, text: str) -> None:
    async with AsyncRealtimeClient(api_key="sk-1") as client:
        with pytest.raises(ConfigurationError, match=text):
            serve_calls(client, lambda _: asyncio.sleep(0), secrets)


async def test_what_is_no_function_is_refused_before_the_first_call() -> None:
    nothing: Any = None
    async with AsyncRealtimeClient(api_key="sk-1") as client:
        with pytest.raises(ConfigurationError, match="on_call: needs an async function"):
            serve_calls(client, nothing, SECRET)


async def test_a_store_that_fails_has_webhooks_delivered_again(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryCalls):
        async def add(self, event: Any) -> None:
            raise OSError("disk full")

        async def claims(self) -> AsyncIterator[Any]:
            raise OSError("no such store")
            yield

    async def on_call(_: IncomingCall) -> None:
        raise AssertionError

    with caplog.at_level(logging.ERROR, "openai_realtime.web"):
        async with phone(on_call, ownership=Broken()) as caller:
            assert [await caller.ring(), await caller.ring()] == [503, 503]
    assert "no such store" in caplog.text


async def test_a_timeout_of_the_function_is_its_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def on_call(_: IncomingCall) -> None:
        raise TimeoutError("the database")

    with caplog.at_level(logging.INFO, "openai_realtime.web"):
        async with phone(on_call) as caller:
            await caller.ring()
            await caller.calls.drain()
    assert "on_call failed" in caplog.text


async def test_a_function_that_fails_leaves_no_caller_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    async def on_call(_: IncomingCall) -> None:
        raise KeyError("no such customer")

    with caplog.at_level(logging.ERROR, "openai_realtime.web"):
        async with phone(on_call) as caller:
            assert await caller.ring() == 200
            await caller.calls.drain()
            assert caller.requests() == ["reject"]
    assert "on_call failed" in caplog.text


async def test_a_call_ends_when_its_time_is_over() -> None:
    async def on_call(call: IncomingCall) -> None:
        await call.accept(SESSION)
        await asyncio.Event().wait()

    async with phone(on_call, max_seconds=0.05) as caller:
        await caller.ring()
        await caller.calls.drain()
        assert caller.requests() == ["accept", "hangup"]


async def test_no_more_calls_than_allowed_and_none_while_draining() -> None:
    accepted, release = asyncio.Queue[str](), asyncio.Event()

    async def on_call(call: IncomingCall) -> None:
        await call.accept(SESSION)
        accepted.put_nowait(call.call_id)
        await release.wait()

    async with phone(on_call, max_calls=1) as caller:
        assert [await caller.ring("wh_1"), await caller.ring("wh_2")] == [200, 200]
        first = await accepted.get()
        assert caller.calls.calls == [first]
        assert accepted.empty()
        release.set()
        assert await accepted.get() != first
        await caller.calls.drain()
        assert await caller.ring("wh_3") == 503  # it is to be delivered elsewhere


async def test_close_rejects_the_calls_that_wait() -> None:
    accepted = asyncio.Event()

    async def on_call(call: IncomingCall) -> None:
        await call.accept(SESSION)
        accepted.set()
        await asyncio.Event().wait()

    async with phone(on_call, max_calls=1) as caller:
        assert [await caller.ring("wh_1"), await caller.ring("wh_2")] == [200, 200]
        await accepted.wait()
        await caller.calls.close()
        assert caller.requests() == ["accept", "hangup", "reject"]


async def test_close_ends_calls_and_each_function_is_told() -> None:
    cancelled, begun = asyncio.Event(), asyncio.Event()

    async def on_call(call: IncomingCall) -> None:
        try:
            await call.accept(SESSION)
            begun.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with phone(on_call) as caller:
        await caller.ring()
        await begun.wait()
        await caller.calls.close()
        assert cancelled.is_set()
        assert caller.requests() == ["accept", "hangup"]
