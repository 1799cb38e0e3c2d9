"""The broker under aiohttp.web and under ASGI, with browsers that are allowed and others."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiortc import RTCSessionDescription
from attrs import define, evolve
from support.http_server import OFFER
from support.peer import calling
from support.scripted import Peer, serving
from support.web import DEADLINE, under_aiohttp, under_uvicorn, until
from support.webhooks import CALL, SECRET, signed

from openai_realtime import (
    AsyncRealtimeClient,
    ConfigurationError,
    InvalidRequestError,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeSessionConfig,
    RetryPolicy,
    encode,
)
from openai_realtime.emulator import Emulator, faults
from openai_realtime.web.broker import Broker, BrokerSettings
from openai_realtime.web.calls import serve_calls
from openai_realtime.web.choices import chosen
from openai_realtime.web.limits import RateLimiter, is_foreign
from openai_realtime.web.messages import WebRequest

pytestmark = pytest.mark.anyio

SERVERS = pytest.mark.parametrize("server", [under_aiohttp, under_uvicorn])
SALT = "0123456789abcdef"
VOICE = "audio.output.voice"
SIGNED_IN = {"Authorization": "Bearer ada"}


async def user_of(request: WebRequest) -> str | None:
    """Who has a token is who it says."""
    return request.headers.get("authorization", "").removeprefix("Bearer ") or None


SETTINGS = BrokerSettings(
    session=RealtimeSessionConfig(
        model="gpt-realtime-2.1",
        instructions="Be brief.",
        output_modalities=["text"],
        audio=RealtimeAudioConfig(output=RealtimeAudioOutput(voice="marin")),
    ),
    authorize=user_of,
    salt=SALT,
    allow={VOICE: ["marin", "cedar"], "audio.output.speed": None},
)


@define
class Browser:
    emulator: Emulator
    broker: Broker
    http: aiohttp.ClientSession
    url: str

    async def post(self, path: str, body: Any = b"", **headers: str) -> tuple[int, Any, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {**SIGNED_IN, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with self.http.post(self.url + path, data=data, headers=sent) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(text) if is_json else text, response.headers


class Follower:
    """An observer that knows when its session is open and when it is over."""

    def __init__(self) -> None:
        self.is_open, self.is_over = asyncio.Event(), asyncio.Event()
        self.types: list[str] = []

    def sent(self, event: Any) -> None: ...
    def received(self, event: Any) -> None:
        self.types.append(event.type)

    def opened(self, connection: Any) -> None:
        self.connection = connection
        self.is_open.set()

    def closed(self) -> None:
        self.is_over.set()


@asynccontextmanager
async def browser(server: Any = under_aiohttp, **changes: Any) -> AsyncIterator[Browser]:
    async with (
        asyncio.timeout(DEADLINE),
        Emulator() as emulator,
        AsyncRealtimeClient(**emulator.client_options, retry=RetryPolicy(max_retries=0)) as client,
        aiohttp.ClientSession() as http,
    ):
        broker = Broker(client, evolve(SETTINGS, **changes))
        async with server(broker.app) as url:
            yield Browser(emulator, broker, http, url)
            await broker.close()


@SERVERS
async def test_a_client_secret_has_the_servers_settings_and_the_users_choice(server: Any) -> None:
    async with browser(server) as page:
        status, secret, headers = await page.post("/client_secret", {VOICE: "cedar"})
        assert status == 200
        assert secret.keys() == {"value", "expires_at"}
        assert headers["Cache-Control"] == "no-store"
        request = page.emulator.requests[-1]
        session = json.loads(request.body)["session"]
        assert session["audio"]["output"]["voice"] == "cedar"
        assert session["instructions"] == "Be brief."
        digest = hmac.new(SALT.encode(), b"ada", hashlib.sha256).hexdigest()
        assert request.headers["openai-safety-identifier"] == digest
        assert len(digest) == 64


@SERVERS
async def test_choices_that_are_not_allowed_are_named(server: Any) -> None:
    async with browser(server) as page:
        choices = {VOICE: "alloy", "instructions": "obey", "audio.output.speed": 9}
        status, body, _ = await page.post("/client_secret", choices)
        assert status == 422
        said = [problem["message"] for problem in body["error"]["problems"]]
        assert said == [
            f"{VOICE}: 'alloy' is not one of 'marin', 'cedar'",
            f"instructions: this is not for the browser to choose; what it may choose: {VOICE}, audio.output.speed",
        ]
        status, body, _ = await page.post("/client_secret", {"audio.output.speed": 9})
        assert (status, body["error"]["problems"][0]["path"]) == (422, "audio.output.speed")
        assert page.emulator.requests == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "the body is not a JSON object"),
        (b"{", "the body is not a JSON object"),
        (b"\xff", "the body is not a JSON object"),
        (b'{"a": NaN}', "a: this is not for the browser to choose"),
    ],
)
async def test_a_body_that_is_no_object_of_choices_is_refused(body: bytes, said: str) -> None:
    async with browser() as page:
        status, answer, _ = await page.post("/client_secret", body)
        assert (status, answer["error"]["message"].partition(";")[0]) == (422, said)


@SERVERS
async def test_who_may_not_gets_nothing(server: Any) -> None:
    async with browser(server) as page:
        assert (await page.post("/client_secret", Authorization=""))[0] == 401
        assert (await page.post("/client_secret", Origin="https://evil.example"))[0] == 403
        assert (await page.post("/client_secret", b" " * 300_000))[0] == 413
        assert (await page.post("/nothing"))[0] == 404
        async with page.http.get(page.url + "/client_secret") as response:
            assert response.status == 405
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await page.http.ws_connect(page.url + "/realtime")
        assert refused.value.status in (401, 403)  # an ASGI server may have no other refusal than 403
        assert page.emulator.requests == []


@SERVERS
async def test_pages_of_other_origins_only_if_they_are_named(server: Any) -> None:
    friend = "https://app.example.com"
    async with browser(server, origins=[friend]) as page:
        status, _, headers = await page.post("/client_secret", Origin=friend)
        assert (status, headers["Access-Control-Allow-Origin"]) == (200, friend)
        assert headers["Access-Control-Allow-Credentials"] == "true"
        async with page.http.options(page.url + "/client_secret", headers={"Origin": friend}) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Methods"] == "POST"
        async with page.http.options(page.url + "/client_secret", headers={"Origin": "https://x.example"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_user_may_come_so_often_a_minute() -> None:
    async with browser(rate=2) as page:
        assert [(await page.post("/client_secret"))[0] for _ in range(3)] == [200, 200, 429]
        status, _, headers = await page.post("/client_secret")
        assert (status, 0 < int(headers["Retry-After"]) <= 60) == (429, True)
        assert (await page.post("/client_secret", Authorization="Bearer grace"))[0] == 200


def test_the_rate_limit_forgets() -> None:
    now = [0.0]
    limiter = RateLimiter(2, 60, clock=lambda: now[0])
    assert [limiter.wait("ada") for _ in range(3)] == [0, 0, 60]
    now[0] = 59.0
    assert limiter.wait("ada") == 1
    now[0] = 60.0
    assert limiter.wait("ada") == 0


@pytest.mark.parametrize(
    ("origin", "host", "foreign"),
    [
        (None, "a.example", False),
        ("https://a.example", "a.example", False),
        ("https://a.example:443", "a.example", False),
        ("https://a.example", "a.example:443", False),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", False),
        ("http://127.0.0.1:8081", "127.0.0.1:8080", True),
        ("https://b.example", "a.example", True),
        ("null", "a.example", True),
        ("https://[", "a.example", True),
    ],
)
def test_a_foreign_origin(origin: str | None, host: str, *, foreign: bool) -> None:
    headers = {"host": host, **({"origin": origin} if origin else {})}
    assert is_foreign(headers, ()) is foreign


@SERVERS
async def test_a_call_is_opened_and_followed(server: Any) -> None:
    follower = Follower()
    async with browser(server, observers=lambda _: [follower]) as page:
        status, sdp, headers = await page.post(f"/calls?{VOICE}=cedar&model=gpt-other", OFFER.encode())
        assert (status, headers["Content-Type"]) == (201, "application/sdp")
        assert sdp.startswith("v=0")
        assert "Location" not in headers  # the call's id is the server's
        await follower.is_open.wait()
        await page.broker.close()
        assert page.emulator.requests[-1].path.endswith("/hangup")


async def test_a_call_outlives_its_sideband() -> None:
    follower = Follower()
    async with browser(observers=lambda _: [follower]) as page:
        assert (await page.post("/calls", OFFER.encode()))[0] == 201
        await follower.is_open.wait()
        follower.connection._link.socket._tcp.abort()
        await until(lambda: "openai_realtime.reconnected" in follower.types)
        assert not [request for request in page.emulator.requests if request.path.endswith("/hangup")]


async def test_a_call_that_is_made_while_the_service_ends_is_hung_up() -> None:
    async with browser() as page:
        page.emulator.inject_fault(faults.Delay(0.2), operation="create_realtime_call")
        calling = asyncio.create_task(page.post("/calls", OFFER.encode()))
        await until(lambda: bool(page.emulator.requests))
        await page.broker.close()
        assert (await calling)[0] == 503
        assert page.emulator.requests[-1].path.endswith("/hangup")


async def test_the_broker_learns_that_a_browser_has_left_its_call() -> None:
    follower = Follower()
    async with browser(observers=lambda _: [follower]) as page, calling() as caller:
        status, answer, _ = await page.post("/calls", (await caller.offer()).encode())
        assert status == 201
        await caller.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await caller.until("session.created")
        await follower.is_open.wait()
        await caller.peer.close()
        await follower.is_over.wait()
        await until(lambda: not page.broker._sessions)


@pytest.mark.parametrize("limit", ["max_seconds", "idle_seconds"])
async def test_a_session_ends_at_its_limit(limit: str) -> None:
    async with browser(**{limit: 0.05}) as page:
        async with page.http.ws_connect(f"{page.url}/realtime", headers=SIGNED_IN) as socket:
            messages = [message async for message in socket]
            assert [json.loads(message.data)["type"] for message in messages] == ["session.created", "session.updated"]
            assert socket.close_code == 1000
        assert (await page.post("/calls", OFFER.encode()))[0] == 201
        await until(lambda: page.emulator.requests[-1].path.endswith("/hangup"))


@SERVERS
async def test_an_offer_that_is_none(server: Any) -> None:
    async with browser(server) as page:
        status, body, _ = await page.post("/calls", b"\xffhello")
        assert (status, body["error"]["problems"][0]["path"]) == (422, "sdp")


@SERVERS
async def test_a_relayed_session(server: Any) -> None:
    async with browser(server) as page:
        url, protocols = f"{page.url}/realtime?model=gpt-other&{VOICE}=cedar", ("realtime", "other")
        async with page.http.ws_connect(url, headers=SIGNED_IN, protocols=protocols) as socket:
            assert socket.protocol == "realtime"
            assert (await socket.receive_json())["type"] == "session.created"
            updated = await socket.receive_json()
            assert updated["session"]["audio"]["output"]["voice"] == "cedar"
            assert updated["session"]["model"] == "gpt-realtime-2.1"
            _, message = await asyncio.gather(page.broker.close(), socket.receive())
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
            assert (await page.post("/client_secret"))[0] == 503


@SERVERS
async def test_a_session_that_is_not_open_yet_is_closed_too(server: Any) -> None:
    asked = asyncio.Event()

    async def silent(_: Peer) -> None:
        asked.set()

    async with serving(silent) as client, aiohttp.ClientSession() as http:
        broker = Broker(client, SETTINGS)
        async with (
            server(broker.app) as url,
            http.ws_connect(url + "/realtime", headers=SIGNED_IN) as socket,
        ):
            await asked.wait()
            _, message = await asyncio.gather(broker.close(), socket.receive())
            assert message.data == 1001


@SERVERS
async def test_a_browser_that_vanishes_leaves_nothing_behind(server: Any) -> None:
    follower = Follower()
    async with browser(server, observers=lambda _: [follower]) as page:
        socket = await page.http.ws_connect(f"{page.url}/realtime", headers=SIGNED_IN)
        await follower.is_open.wait()
        transport = socket._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()
        await follower.is_over.wait()
        await until(lambda: not page.broker._sessions)
        await socket.close()


@SERVERS
async def test_a_defect_of_the_service_closes_and_is_logged(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: str) -> list[Any]:
        raise LookupError("no such tools")

    async with browser(server, observers=broken) as page:
        async with page.http.ws_connect(f"{page.url}/realtime", headers=SIGNED_IN) as socket:
            message = await socket.receive()
            assert message.data == 1011
            assert "tools" not in message.extra
        await until(lambda: not page.broker._sessions)
    assert "no such tools" in caplog.text


@SERVERS
@pytest.mark.parametrize("others", [["realtime"], []])
async def test_a_key_that_a_browser_sends_as_a_protocol_is_not_logged(
    server: Any, others: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    protocols = [*others, "openai-insecure-api-key.ek_secret"]
    with caplog.at_level(logging.INFO):
        async with browser(server) as page:
            async with page.http.ws_connect(f"{page.url}/realtime", headers=SIGNED_IN, protocols=protocols) as socket:
                assert (await socket.receive_json())["type"] == "session.created"
            await until(lambda: not page.broker._sessions)
    assert "ek_secret" not in caplog.text


@SERVERS
async def test_a_plain_request_to_the_websocket(server: Any) -> None:
    async with browser(server) as page, page.http.get(page.url + "/realtime", headers=SIGNED_IN) as response:
        assert (response.status, response.headers["Upgrade"]) == (426, "websocket")


async def test_a_request_that_breaks_off_mints_nothing() -> None:
    async with browser(under_uvicorn) as page:
        port = int(page.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /client_secret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ada\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert (await page.post("/client_secret"))[0] == 200
        assert len(page.emulator.requests) == 1


async def test_a_choice_in_a_query_may_be_a_number() -> None:
    async with browser() as page:
        url = f"{page.url}/realtime?audio.output.speed=1.25"
        async with page.http.ws_connect(url, headers=SIGNED_IN) as socket:
            await socket.receive_json()
            assert (await socket.receive_json())["session"]["audio"]["output"]["speed"] == 1.25


def test_a_choice_below_what_is_null() -> None:
    path = "audio.input.noise_reduction.type"
    session = RealtimeSessionConfig(audio=RealtimeAudioConfig(input=RealtimeAudioInput(noise_reduction=None)))
    assert b'"near_field"' in encode(chosen(session, {path: "near_field"}, {path: ["near_field"]}))


@pytest.mark.parametrize("value", [[], {}, None, "Marin", 1])
def test_a_choice_of_any_kind_is_compared(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=VOICE):
        chosen(SETTINGS.session, {VOICE: value}, {VOICE: {"marin", "cedar"}})


async def test_a_phone_call_has_the_servers_settings_and_its_limits() -> None:
    follower, body = Follower(), json.dumps(CALL)
    async with browser(observers=lambda _: [follower]) as page:
        calls = serve_calls(page.broker._client, page.broker.take_call, SECRET)
        async with under_aiohttp(calls.app) as url:
            body = body.replace("rtc_1", page.emulator.incoming_call())
            headers = signed(body.encode())
            async with page.http.post(url + "/webhook", data=body, headers=headers) as response:
                assert response.status == 200
            await follower.is_open.wait()
            await calls.close()
        accept = page.emulator.requests[0]
        assert json.loads(accept.body)["instructions"] == "Be brief."
        caller = hmac.new(SALT.encode(), b"sip:+14155550123@example.com", hashlib.sha256).hexdigest()
        assert {request.headers["openai-safety-identifier"] for request in page.emulator.requests} == {caller}


async def test_a_relayed_session_with_a_choice_that_is_not_allowed() -> None:
    async with browser() as page:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await page.http.ws_connect(f"{page.url}/realtime?instructions=obey", headers=SIGNED_IN)
        assert refused.value.status == 422


async def test_what_fails_upstream_tells_the_browser_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with browser() as page:
        wrong = page.broker._client.with_options(api_key="sk-wrong-key-1234567890")
        page.broker._client = wrong
        with caplog.at_level(logging.WARNING, "openai_realtime.web"):
            status, body, _ = await page.post("/client_secret")
        assert (status, body["error"]["code"]) == (502, "upstream_error")
        assert "key" not in body["error"]["message"]
        assert "sk-wrong" not in caplog.text
        async with page.http.ws_connect(f"{page.url}/realtime", headers=SIGNED_IN) as socket:
            assert (await socket.receive()).data == 1011


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"salt": "salt"}, "salt"),
        ({"origins": "https://app.example.com"}, "origins"),
        ({"origins": ["https://app.example.com/"]}, "origins"),
        ({"origins": ["*"]}, "origins"),
        ({"allow": {VOICE: "marin"}}, "allow"),
        ({"relay_allow": "response.create"}, "relay_allow"),
        ({"rate": 0}, "rate"),
        ({"expires_after": 5}, "expires_after"),
        ({"authorize": "user"}, "authorize"),
        ({"observers": []}, "observers"),
        ({"observers": asyncio.sleep}, "observers"),
    ],
)
def test_settings_that_let_in_more_than_they_say_are_refused(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        evolve(SETTINGS, **changes)


async def test_an_authorize_that_only_says_yes_makes_not_all_users_one() -> None:
    async with AsyncRealtimeClient(api_key="sk-1") as client:
        broker = Broker(client, evolve(SETTINGS, authorize=lambda _: True))
        handle = broker.app._routes["POST", "/client_secret"]
        with pytest.raises(ConfigurationError, match="needs to return a name for the user"):
            await handle(WebRequest(method="POST", path="/client_secret", headers={}))


def test_the_session_is_checked_once_and_not_at_the_first_user() -> None:
    with pytest.raises(InvalidRequestError, match="output_modalities"):
        evolve(SETTINGS, session=RealtimeSessionConfig(output_modalities=["smell"]))  # type: ignore[list-item]
    assert SALT not in repr(SETTINGS)
