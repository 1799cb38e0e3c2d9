"""Where sessions connect to, and what they say there: URLs, credentials, headers, Azure, the beta, TLS, proxies."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import aiohttp
import pytest
from support.http_server import Certificates, Server, answer, connect, tunnel
from support.lifetime import DEADLINE, emulated, in_thread, no_thread_left, nothing_left
from support.upgrade_server import KEY, MODEL, UpgradeServer

from openai_realtime import (
    APIConnectionError,
    APIResponseError,
    AsyncRealtimeClient,
    AuthenticationError,
    BadRequestError,
    BetaRetiredError,
    ConfigurationError,
    ConversationItemCreate,
    InvalidRequestError,
    RealtimeClient,
    RealtimeSessionConfig,
    ResponseConfig,
    ResponseDone,
    ResponseOutputTextDelta,
    SessionCreated,
    UnknownEvent,
    UserMessage,
)
from openai_realtime.emulator import Emulator, faults
from openai_realtime.models.events import ServerEvent

pytestmark = pytest.mark.anyio

TEXT = RealtimeSessionConfig(output_modalities=["text"])
NOT_SENT = ("openai-beta", "openai-organization", "openai-project", "openai-safety-identifier", "api-key")


# --- the URL ----------------------------------------------------------------------------------------------------------

TARGETS = [
    ({"model": MODEL}, "model"),
    ({"model": "ft:gpt/ü&model=x"}, "model"),
    ({"call_id": "rtc_u1&model=x"}, "call_id"),
    ({"intent": "transcription"}, "intent"),
    ({"model": MODEL, "dialect": "beta"}, "model"),
]


@pytest.mark.parametrize(("target", "name"), TARGETS)
async def test_urls(target: dict[str, Any], name: str) -> None:
    async with nothing_left(), UpgradeServer() as server:
        async with server.client() as client, client.connect(**target):
            pass
        async with server.azure(api_key=KEY) as client, client.connect(**target):
            pass
        async with server.client(base_url=server.origin + "/a/gateway/") as client, client.connect(**target):
            pass
        assert [request.path for request in server.requests] == [
            f"{prefix}/realtime" for prefix in ("/v1", "/openai/v1", "/a/gateway")
        ]
        assert [dict(request.query) for request in server.requests] == [{name: target[name]}] * 3


async def test_translation_urls() -> None:
    async with nothing_left(), UpgradeServer() as server:
        for client in (server.client(), server.azure(api_key=KEY)):
            async with client, client.connect_translation(model="gpt-realtime-translate"):
                pass
        path = "/v1/realtime/translations?model=gpt-realtime-translate"
        assert [request.raw_path for request in server.requests] == [path, f"/openai{path}"]


BAD = [
    *({}, {"model": None}, {"model": ""}, {"model": 7}, {"call_id": ""}, {"intent": ""}, {"intent": "realtime"}),
    *(
        dict(pair)
        for pair in itertools.combinations({"model": "m", "call_id": "c", "intent": "transcription"}.items(), 2)
    ),
    {"model": "m", "call_id": "c", "intent": "transcription"},
]


@pytest.mark.parametrize("target", BAD, ids=str)
async def test_exactly_one_target(target: dict[str, Any]) -> None:
    async with nothing_left(), UpgradeServer() as server, server.client() as client:
        with pytest.raises(InvalidRequestError):
            async with client.connect(**target):
                pass
        assert server.requests == []


@pytest.mark.parametrize("target", BAD, ids=str)
def test_exactly_one_target_in_the_blocking_form(target: dict[str, Any]) -> None:
    with (
        no_thread_left(),
        RealtimeClient(base_url="http://127.0.0.1:1/v1", api_key=KEY) as client,
        pytest.raises(InvalidRequestError),
        client.connect(**target),
    ):
        pass


# --- credentials and headers ------------------------------------------------------------------------------------------


async def test_the_least_is_sent() -> None:
    async with nothing_left(), UpgradeServer() as server, server.client() as client, client.connect(model=MODEL):
        (request,) = server.requests
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert not [name for name in NOT_SENT if name in request.headers]
        assert "Sec-WebSocket-Protocol" not in request.headers
        assert "Cookie" not in request.headers


async def test_the_headers_that_are_asked_for() -> None:
    options = {"organization": "org-1", "project": "proj-1", "safety_identifier": "user-1"}
    async with nothing_left(), UpgradeServer() as server:
        async with (
            server.client(**options, default_headers={"X-Trace": "t"}) as client,
            client.connect(model=MODEL, dialect="beta"),
        ):
            pass
        async with server.client() as client, client.with_options(**options).connect_translation(model="t"):  # type: ignore[arg-type]
            pass
        assert server.sent("OpenAI-Organization") == ["org-1", "org-1"]
        assert server.sent("OpenAI-Project") == ["proj-1", "proj-1"]
        assert server.sent("OpenAI-Safety-Identifier") == ["user-1", "user-1"]
        assert server.sent("X-Trace") == ["t", None]
        assert server.sent("OpenAI-Beta") == ["realtime=v1", None]


async def test_the_key_is_asked_anew_for_each_attempt() -> None:
    keys = (f"sk-number-{number}-0123456789" for number in itertools.count(1))

    async def key() -> str:
        return next(keys)

    async with nothing_left(), UpgradeServer(503, 429) as server, server.client(api_key=key) as client:
        async with client.connect(model=MODEL):
            pass
        async with client.connect(model=MODEL):
            pass
        assert server.sent("Authorization") == [f"Bearer sk-number-{number}-0123456789" for number in (1, 2, 3, 4)]


async def test_a_key_that_cannot_be_had() -> None:
    def key() -> str:
        raise LookupError("no vault")

    async with nothing_left(), UpgradeServer() as server, server.client(api_key=key) as client:
        with pytest.raises(LookupError, match="no vault"):
            async with client.connect(model=MODEL):
                pass
        assert server.requests == []


async def test_a_client_secret() -> None:
    async with emulated() as (_, client):
        secret = (await client.create_realtime_client_secret()).value
        assert secret.startswith("ek_")
        async with client.with_options(api_key=secret).connect(model=MODEL) as connection:
            assert isinstance(await connection.receive(DEADLINE), SessionCreated)


def test_a_client_secret_in_the_blocking_form() -> None:
    def run() -> ServerEvent:
        with Emulator() as emulator, RealtimeClient(**emulator.client_options) as client:
            secret = client.create_realtime_client_secret().value
            assert secret.startswith("ek_")
            with client.with_options(api_key=secret).connect(model=MODEL) as connection:
                return connection.receive(DEADLINE)

    with no_thread_left():
        assert isinstance(in_thread(run).result(DEADLINE), SessionCreated)


# --- Azure ------------------------------------------------------------------------------------------------------------


async def test_azure_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-company")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-company")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-of-another-company")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key-of-the-environment")
    async with nothing_left(), UpgradeServer() as server:
        async with server.azure() as client, client.connect(model="deployment"):
            pass
        async with server.azure(api_key="azure-key") as client, client.connect(model="deployment"):
            pass
        assert server.sent("api-key") == ["azure-key-of-the-environment", "azure-key"]
        assert not [value for request in server.requests for value in request.headers.values() if "another" in value]
        assert server.sent("Authorization") == server.sent("OpenAI-Beta") == [None, None]


async def test_azure_with_entra_tokens() -> None:
    tokens = (f"token-{number}" for number in itertools.count(1))
    async with nothing_left(), UpgradeServer(503) as server:
        async with server.azure(azure_ad_token_provider=lambda: next(tokens)) as client:
            async with client.connect(model="deployment"):
                pass
            async with client.connect(model="deployment"):
                pass
        assert server.sent("Authorization") == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]
        assert server.sent("api-key") == [None, None, None]


async def test_a_turn_on_azure() -> None:
    async with nothing_left(), Emulator() as emulator:
        endpoint = emulator.base_url.removesuffix("/v1")
        async with (
            AsyncRealtimeClient(azure_endpoint=endpoint, api_key=emulator.api_key) as client,
            client.connect(model="my-deployment", session=TEXT) as connection,
        ):
            await connection.create_item(UserMessage.from_text("Hello"))
            await connection.create_response()
            done = await connection.wait_for(ResponseDone, DEADLINE)
            assert done.response.status == "completed"
        with pytest.raises(AuthenticationError):
            async with (
                AsyncRealtimeClient(azure_endpoint=endpoint, api_key="azure-wrong-key") as client,
                client.connect(model="my-deployment"),
            ):
                pass


async def test_a_deployment_that_azure_does_not_have() -> None:
    body = {"error": {"code": "OpperationNotSupported", "message": "The realtime operation does not work with it."}}
    async with nothing_left(), Emulator() as emulator:
        emulator.inject_fault(faults.HTTPResponse(status=400, body=body), operation="connect")
        endpoint = emulator.base_url.removesuffix("/v1")
        async with AsyncRealtimeClient(azure_endpoint=endpoint, api_key=emulator.api_key) as client:
            with pytest.raises(BadRequestError, match="does not work with it") as caught:
                async with client.connect(model="my-deployment"):
                    pass
        assert (caught.value.code, caught.value.close_code) == ("OpperationNotSupported", None)


# --- the beta ---------------------------------------------------------------------------------------------------------


async def test_the_beta_is_over_at_the_api() -> None:
    async with emulated() as (emulator, client):
        with pytest.raises(BetaRetiredError) as caught:
            async with client.connect(model=MODEL, dialect="beta"):
                pass
        assert (caught.value.close_code, len(emulator.requests)) == (4000, 1)
        assert caught.value.close_reason == "invalid_request_error.beta_api_shape_disabled"
        async with client.connect(model=MODEL):
            pass


async def test_a_turn_in_the_beta() -> None:
    async with (
        nothing_left(),
        Emulator(beta=True) as emulator,
        AsyncRealtimeClient(**emulator.client_options) as client,
        client.connect(model=MODEL, dialect="beta") as connection,
    ):
        emulator.reply("Good morning")
        await connection.send(ConversationItemCreate(item=UserMessage.from_text("Hello")))
        await connection.create_response(ResponseConfig())
        events: list[ServerEvent] = []
        async for event in connection:
            events.append(event)
            if event.type == "response.done":
                break
        assert events[0].type == "session.created"
        assert not [event for event in events if isinstance(event, UnknownEvent)]
        assert not [event for event in events if isinstance(event, ResponseOutputTextDelta)]
        types = {event.type for event in events}
        assert "conversation.item.created" in types
        words = [event.delta for event in events if event.type == "response.audio_transcript.delta"]  # type: ignore[attr-defined]
        assert "".join(words) == "Good morning"


# --- the user's own HTTP session, TLS, proxies ------------------------------------------------------------------------


async def test_an_injected_session_is_used_and_left_open() -> None:
    async with nothing_left(), UpgradeServer() as server:
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(
            connector=connector, headers={"X-Mine": "1"}, raise_for_status=True
        ) as session:
            async with server.client(http_session=session) as client, client.connect(model=MODEL):
                assert len(connector._acquired) == 1  # its connection is what is used
            assert not session.closed
            async with server.client(http_session=session) as client, client.connect(model=MODEL) as connection:
                assert isinstance(await connection.receive(DEADLINE), SessionCreated)
        assert len(server.requests) == 2


async def test_tls(certificates: Certificates) -> None:
    async with nothing_left(), UpgradeServer(tls=certificates.server) as server:
        async with server.client(ssl=certificates.client) as client, client.connect(model=MODEL) as connection:
            assert isinstance(await connection.receive(DEADLINE), SessionCreated)
        async with server.client(ssl=False) as client, client.connect(model=MODEL):
            pass
        assert server.origin.startswith("https:")
        assert len(server.requests) == 2


async def test_a_bad_certificate(certificates: Certificates) -> None:
    asyncio.get_running_loop().set_debug(False)  # else it reports the failed handshake on the server's side, too
    async with asyncio.timeout(DEADLINE), UpgradeServer(tls=certificates.server) as server, server.client() as client:
        with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            async with client.connect(model=MODEL):
                pass
        assert server.requests == []


async def test_a_proxy(certificates: Certificates) -> None:
    async with nothing_left(), UpgradeServer(tls=certificates.server) as server, tunnel(server) as proxy:  # type: ignore[arg-type]
        address = proxy.origin.replace("//", "//user:hush-hush@")
        async with (
            server.client(ssl=certificates.client, proxy=address) as client,
            client.connect(model=MODEL) as connection,
        ):
            assert isinstance(await connection.receive(DEADLINE), SessionCreated)
        assert [(request.method, request.target) for request in proxy.received] == [("CONNECT", server.origin[8:])]
        assert "authorization" not in proxy.received[0].headers
        assert server.sent("Authorization") == [f"Bearer {KEY}"]


async def test_a_key_never_goes_in_the_clear() -> None:
    with pytest.raises(ConfigurationError, match="in the clear"):
        AsyncRealtimeClient(base_url="http://api.invalid/v1", api_key=KEY)


async def test_a_page_in_place_of_a_websocket() -> None:
    page = answer(200, "<title>Log in</title>", "text/html")
    async with asyncio.timeout(DEADLINE), Server(page) as server, connect(server) as client:
        with pytest.raises(APIResponseError) as caught:
            await client.connect(model=MODEL)
    assert str(caught.value) == (
        "HTTP 200: no WebSocket but text/html: a proxy or a login page, or a server without sessions"
    )


async def test_a_scheme_in_capitals() -> None:
    async with nothing_left(), UpgradeServer() as server:
        async with server.client(base_url=f"HTTP://{server.origin[7:]}/v1") as client, client.connect(model=MODEL):
            pass
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "target", [{"model": "\ud800"}, {"call_id": "rtc_\udfff"}, {"model": "m", "query": {"a": "\ud800"}}]
)
async def test_text_that_no_url_can_hold(target: dict[str, Any]) -> None:
    async with AsyncRealtimeClient(api_key=KEY) as client:
        with pytest.raises(InvalidRequestError, match="is not text that UTF-8 can hold"):
            await client.connect(**target)


async def test_headers_of_a_connection_replace_those_of_the_client() -> None:
    async with (
        UpgradeServer() as server,
        server.client(default_headers={"X-Team": "voice"}) as client,
        client.connect(model=MODEL, headers={"x-team": "mine"}, query={"guardrails": "a b"}),
    ):
        pass
    assert server.requests[0].headers.getall("X-Team") == ["mine"]
    assert dict(server.requests[0].query) == {"model": MODEL, "guardrails": "a b"}
