"""The transport over real sockets: retries, redirects, limits, timeouts, TLS, proxies, and secrets that stay secret."""

import asyncio
import contextlib
import gzip
import logging
import socket
import struct
import subprocess
import sys
from email.utils import formatdate
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.http_server import (
    DEADLINE,
    EPHEMERAL,
    GONE,
    KEY,
    OFFER,
    OK,
    SDP,
    SECRET,
    Certificates,
    Server,
    Step,
    answer,
    api_error,
    assert_no_secret,
    connect,
    failure,
    then_close,
    tunnel,
)

from openai_realtime import RetryPolicy, Timeout
from openai_realtime._client import AsyncRealtimeClient
from openai_realtime.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientStateError,
    ConfigurationError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from openai_realtime.models import RateLimit, RealtimeCreateClientSecretRequest, RealtimeSessionConfig

pytestmark = pytest.mark.anyio


# --- the server ------------------------------------------------------------------------------------------------------


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cut the connection with a TCP reset, after the request was read."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Hang:
    """A step that never answers, and notes when the client has come and gone."""

    def __init__(self, before: bytes = b"") -> None:
        self.before, self.arrived, self.left = before, asyncio.Event(), asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.before)
        self.arrived.set()
        with contextlib.suppress(OSError):
            await reader.read()
        self.left.set()
        writer.close()


# --- helpers ---------------------------------------------------------------------------------------------------------


async def secret_failure(*steps: Step, **options: Any) -> tuple[Any, int]:
    """The error of a call to a server with these steps, and how many requests the server saw."""
    async with Server(*steps) as server, connect(server, **options) as client:
        return await failure(client.create_realtime_client_secret()), len(server.received)


async def secret_attempts(*steps: Step, **options: Any) -> int:
    """How many attempts a call took that succeeded in the end; the server saw as many."""
    async with Server(*steps) as server, connect(server, **options) as client:
        async with asyncio.timeout(DEADLINE):
            secret = await client.create_realtime_client_secret()
        assert secret.value == EPHEMERAL
        assert secret.http.attempts == len(server.received)
        return secret.http.attempts


# --- retries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
async def test_a_passing_failure_is_tried_again(status: int) -> None:
    assert await secret_attempts(api_error(status), api_error(status), OK) == 3


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_two_retries_are_all_by_default(status: int) -> None:
    error, requests = await secret_failure(api_error(status))
    assert (error.status, requests) == (status, 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
async def test_a_lasting_failure_is_not_tried_again(status: int) -> None:
    error, requests = await secret_failure(api_error(status), OK)
    assert (error.status, requests) == (status, 1)


@pytest.mark.parametrize("retries", [0, 1, 5])
async def test_the_number_of_retries_can_be_set(retries: int) -> None:
    _, requests = await secret_failure(GONE, retry=RetryPolicy(max_retries=retries, initial_delay=0))
    assert requests == 1 + retries


async def test_a_reset_connection_is_tried_again() -> None:
    assert await secret_attempts(reset, reset, OK) == 3
    error, requests = await secret_failure(reset)
    assert (type(error), requests) == (APIConnectionError, 3)


async def test_a_connection_that_ends_without_an_answer_is_tried_again() -> None:
    assert await secret_attempts(then_close(b""), OK) == 2


async def test_a_refused_connection_is_tried_again() -> None:
    async with Server(OK) as server:
        pass  # nobody listens at this port now
    keys = []
    client = connect(server, api_key=lambda: keys.append(KEY) or KEY)
    async with client:
        error = await failure(client.create_realtime_client_secret())
    assert type(error) is APIConnectionError
    assert f"127.0.0.1:{server.origin.rpartition(':')[2]}" in str(error)
    assert len(keys) == 3


async def test_the_servers_word_on_retries_wins() -> None:
    assert await secret_attempts(api_error(400, x_should_retry="true"), OK) == 2
    _, requests = await secret_failure(api_error(503, x_should_retry="false"), OK)
    assert requests == 1


async def test_no_quota_is_final() -> None:
    error, requests = await secret_failure(api_error(429, "insufficient_quota"), OK)
    assert (type(error), error.code, requests) == (RateLimitError, "insufficient_quota", 1)


@pytest.mark.parametrize(
    "headers",
    [
        {"retry_after_ms": "1"},
        {"retry_after": "0"},
        {"retry_after": formatdate(0, usegmt=True)},
        {"retry_after": "3600", "retry_after_ms": "0"},
    ],
)
async def test_the_servers_delay_replaces_ours(headers: dict[str, str]) -> None:
    hours = RetryPolicy(initial_delay=7200, max_delay=7200)
    assert await secret_attempts(api_error(429, **headers), OK, retry=hours) == 2


@pytest.mark.parametrize(
    "headers",
    [{"retry_after_ms": "60001"}, {"retry_after": "61"}, {"retry_after": formatdate(4102444800, usegmt=True)}],
)
async def test_a_long_wait_is_given_up_at_once(headers: dict[str, str]) -> None:
    error, requests = await secret_failure(api_error(429, **headers), OK)
    assert (error.status, requests) == (429, 1)


async def test_the_wait_between_attempts_ends_with_the_task() -> None:
    async with Server(GONE) as server, connect(server, retry=RetryPolicy(initial_delay=7200, max_delay=7200)) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.create_realtime_client_secret(), 1)
        assert len(server.received) == 1


async def test_each_attempt_asks_for_the_key() -> None:
    keys = iter(("sk-first", "sk-second", "sk-third"))

    async def rotating() -> str:
        return next(keys)

    async with Server(GONE, GONE, OK) as server, connect(server, api_key=rotating) as client:
        await client.create_realtime_client_secret()
    sent = [received.headers["authorization"] for received in server.received]
    assert sent == ["Bearer sk-first", "Bearer sk-second", "Bearer sk-third"]


# --- a call is opened once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [GONE, api_error(429), api_error(409, x_should_retry="true"), reset, then_close(b"")])
async def test_a_call_that_was_sent_is_not_await_resend(step: Step) -> None:
    async with Server(step, SDP) as server, connect(server) as client:
        await failure(client.create_realtime_call(OFFER))
        assert len(server.received) == 1


async def test_a_call_whose_answer_is_cut_is_not_await_resend() -> None:
    async with Server(then_close(SDP[:-3]), SDP) as server, connect(server) as client:
        await failure(client.create_realtime_call(OFFER))
        assert len(server.received) == 1


async def test_a_call_is_not_sent_again_on_a_connection_that_was_reset_when_idle() -> None:
    async with Server(SDP, reset, SDP) as server, connect(server) as client:
        await client.create_realtime_call(OFFER)
        await failure(client.create_realtime_call(OFFER))
        assert len(server.received) == 2


async def test_a_call_that_timed_out_is_not_await_resend() -> None:
    async with Server(Hang()) as server, connect(server, timeout=Timeout(read=0.1)) as client:
        assert type(await failure(client.create_realtime_call(OFFER))) is APITimeoutError
        assert len(server.received) == 1


async def test_a_call_is_tried_again_when_the_connection_was_refused() -> None:
    async with Server(SDP) as closed:
        port = int(closed.origin.rpartition(":")[2])
    async with contextlib.AsyncExitStack() as stack:
        later = Server(SDP, port=port)
        keys: list[str] = []

        async def key() -> str:
            keys.append(KEY)
            if len(keys) == 2:  # the server is up from the second attempt on
                await stack.enter_async_context(later)
            return KEY

        client = await stack.enter_async_context(connect(closed, api_key=key))
        call = await client.create_realtime_call(OFFER)
        assert (call.call_id, call.http.attempts, len(later.received)) == ("rtc_1", 2, 1)


async def test_a_call_is_tried_again_when_connecting_took_too_long() -> None:
    async with Server(welcome=Hang()) as server:  # the TLS handshake gets no answer
        secure = server.base_url.replace("http", "https")
        async with connect(server, base_url=secure, timeout=Timeout(connect=0.1)) as client:
            assert type(await failure(client.create_realtime_call(OFFER))) is APITimeoutError
        assert server.connections == 3


# --- timeouts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [Timeout(read=0.3), Timeout(read=None, total=0.3), 0.3])
@pytest.mark.parametrize("before", [b"", OK[:-1]])
async def test_a_server_that_is_silent(limit: Timeout | float, before: bytes) -> None:
    hang = Hang(before)
    async with Server(hang) as server, connect(server, timeout=limit, retry=RetryPolicy(max_retries=0)) as client:
        error = await failure(client.create_realtime_client_secret())
        assert type(error) is APITimeoutError
        assert str(error)
        async with asyncio.timeout(DEADLINE):
            await hang.left.wait()


async def test_a_timeout_is_tried_again() -> None:
    assert await secret_attempts(Hang(), OK, timeout=Timeout(read=0.5)) == 2


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_within_the_origin_is_followed(status: int) -> None:
    async with Server(answer(status, Location="/v2/there?x=1"), OK) as server, connect(server) as client:
        secret = await client.create_realtime_client_secret()
    assert secret.value == EPHEMERAL
    first, second = server.received
    assert (second.method, second.target) == ("POST", "/v2/there?x=1")
    assert (second.body, second.headers["authorization"]) == (first.body, first.headers["authorization"])


async def test_a_redirected_form_is_sent_whole_again() -> None:
    async with Server(answer(307, Location="../there"), SDP) as server, connect(server) as client:
        await client.create_realtime_call(OFFER, RealtimeSessionConfig())
    first, second = server.received
    assert second.target == "/v1/there"
    assert first.body.count(b"v=0") == second.body.count(b"v=0") == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_origin_is_refused(status: int) -> None:
    async with Server(OK) as other, Server(answer(status, Location=other.base_url)) as server:
        async with connect(server) as client:
            error = await failure(client.create_realtime_client_secret())
        assert type(error) is APIStatusError
        assert (error.status, str(error)) == (status, f"HTTP {status}: a redirect to {other.origin} is not followed")
        assert (len(server.received), other.received, other.connections) == (1, [], 0)


@pytest.mark.parametrize("status", [301, 302, 303, 304])
async def test_a_redirect_that_would_lose_the_body_is_refused(status: int) -> None:
    error, requests = await secret_failure(answer(status, Location="/v1/there"), OK)
    assert (error.status, str(error), requests) == (status, f"HTTP {status}: a redirect is not followed", 1)


@pytest.mark.parametrize("location", ["http://[", "//[::1", "http://a\u2100b/", "http://user:hush-hush@HOST/v1", None])
async def test_a_redirect_to_nowhere_sensible_is_refused(location: str | None) -> None:
    async with Server(b"") as server, connect(server) as client:
        headers = {} if location is None else {"Location": location.replace("HOST", server.origin[7:])}
        server.steps = [answer(307, **headers), OK]
        error = await failure(client.create_realtime_client_secret())
        assert (type(error), error.status, len(server.received)) == (APIStatusError, 307, 1)
        assert "is not followed" in str(error)


async def test_a_ring_of_redirects_ends() -> None:
    error, requests = await secret_failure(answer(307, Location="/v1/round"))
    assert (error.status, requests) == (307, 6)


# --- answers that are not what was promised --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (answer(200, b"value=" + EPHEMERAL.encode()), "HTTP 200: not JSON"),
        (answer(200, b""), "HTTP 200: not JSON"),
        (answer(204, b"", None), "HTTP 204: content type unknown"),
        (answer(200, b"[1]"), "HTTP 200: a JSON object was expected, not list"),
        (answer(200, b"null"), "HTTP 200: a JSON object was expected, not NoneType"),
        (answer(200, b"\xff\xfe"), "HTTP 200: not JSON"),
        (answer(200, SECRET, "text/html"), "HTTP 200: content type text/html"),
        (answer(200, SECRET, None), "HTTP 200: content type"),
    ],
)
async def test_an_answer_that_is_no_json_object(step: Step, problem: str) -> None:
    error, requests = await secret_failure(step)
    assert type(error) is APIResponseError
    assert str(error).startswith(problem)
    assert requests == 1


async def test_an_odd_answer_keeps_its_facts() -> None:
    error, _ = await secret_failure(answer(200, "<p>key ek_1234567890</p>", "text/html", x_request_id="req_1"))
    assert (error.status, error.request_id, error.body) == (200, "req_1", "<p>key ek_***</p>")
    assert error.headers["content-type"] == "text/html"
    assert str(error) == "HTTP 200: content type text/html [request req_1]"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
async def test_json_has_several_names(content_type: str) -> None:
    assert await secret_attempts(answer(200, SECRET, content_type)) == 1


@pytest.mark.parametrize(
    "broken",
    [
        then_close(OK[:-5]),
        answer(200, b"no gzip", Content_Encoding="gzip"),
        then_close(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n"),
        then_close(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
        then_close(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
        then_close(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"),
    ],
)
async def test_an_answer_cut_short_or_garbled_is_a_lost_connection(broken: Step) -> None:
    error, requests = await secret_failure(broken)
    assert (type(error), requests) == (APIConnectionError, 3)
    assert await secret_attempts(broken, OK) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        answer(403, "<title>Blocked</title>", "text/html", Content_Encoding="gzip"),  # it says so, and is not
        then_close(answer(403, b"{" * 100)[:-50]),
    ],
)
async def test_a_refusal_whose_body_cannot_be_read_is_one_all_the_same(refusal: Step) -> None:
    error, requests = await secret_failure(refusal)
    assert (type(error), error.message, requests) == (PermissionDeniedError, "no error body", 1)


async def test_a_long_header_is_read() -> None:
    """Those of companies' login pages have more than the 8 KiB that aiohttp takes by itself."""
    error, _ = await secret_failure(answer(403, "no", "text/html", Content_Security_Policy="x" * 40_000))
    assert (type(error), len(error.headers["content-security-policy"])) == (PermissionDeniedError, 40_000)
    async with Server(answer(403, "no", Content_Security_Policy="x" * 40_000)) as server, connect(server) as client:
        assert type(await failure(client.connect(model="m").__aenter__())) is PermissionDeniedError


LIMIT = 16 * 2**20


async def test_a_body_over_the_limit_is_refused() -> None:
    padding = b" " * (LIMIT + 1 - len(SECRET))
    error, requests = await secret_failure(answer(200, SECRET + padding))
    assert (type(error), requests) == (APIResponseError, 1)
    assert str(error) == "HTTP 200: the body is over 16 MiB"
    assert await secret_attempts(answer(200, SECRET + padding[1:])) == 1


@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
@pytest.mark.parametrize("status", [200, 500])
async def test_of_a_large_page_an_error_keeps_the_beginning(status: int, content_type: str) -> None:
    page = b'{"error":{"message":"' + b"a" * LIMIT
    error, _ = await secret_failure(answer(status, page[:LIMIT], content_type))
    assert (error.status, len(error.body), error.body[:10]) == (status, 256 * 1024, page[:10].decode())


async def test_an_error_body_over_the_limit_is_refused() -> None:
    error, requests = await secret_failure(answer(500, bytes(LIMIT + 1), x_request_id="req_big"))
    assert (type(error), error.status, error.request_id, requests) == (APIResponseError, 500, "req_big", 1)


async def test_a_gzip_bomb_is_refused() -> None:
    bomb = gzip.compress(SECRET + bytes(64 * 2**20))
    assert len(bomb) < 2**17
    error, _ = await secret_failure(answer(200, bomb, Content_Encoding="gzip"))
    assert str(error) == "HTTP 200: the body is over 16 MiB"


async def test_a_compressed_answer_is_read() -> None:
    assert await secret_attempts(answer(200, gzip.compress(SECRET), Content_Encoding="gzip")) == 1


async def test_a_large_request_goes_without_a_warning() -> None:
    request = RealtimeCreateClientSecretRequest(session=RealtimeSessionConfig(instructions="x" * (2 * 2**20)))
    async with Server(OK, SDP) as server, connect(server) as client:
        await client.create_realtime_client_secret(request)  # warnings are errors here
        await client.create_realtime_call(OFFER, RealtimeSessionConfig(instructions="x" * (2 * 2**20)))
    assert all(len(received.body) > 2 * 2**20 for received in server.received)


# --- errors of the API -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, APIStatusError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (408, APIStatusError),
        (409, ConflictError),
        (413, APIStatusError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        (500, InternalServerError),
        (502, InternalServerError),
        (503, InternalServerError),
    ],
)
async def test_the_exception_follows_the_status(status: int, expected: type[APIStatusError]) -> None:
    step = api_error(status, "a_code", "It is so.", x_request_id="req_1", set_cookie="__cf_bm=hush-hush")
    error, _ = await secret_failure(step, retry=RetryPolicy(max_retries=0))
    assert type(error) is expected
    assert (error.message, error.type, error.param, error.code) == ("It is so.", "a_type", None, "a_code")
    assert error.body == {"error": {"message": "It is so.", "type": "a_type", "param": None, "code": "a_code"}}
    assert (error.status, error.request_id, error.headers["content-type"]) == (status, "req_1", "application/json")
    assert str(error) == f"HTTP {status} a_code: It is so. [request req_1]"


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        ("<html>\n<head><title>502 Bad Gateway</title></head></html>", "text/html", "502 Bad Gateway"),
        ("upstream connect error", "text/plain", "upstream connect error"),
        (b"", None, "no error body"),
        (b"\xff", "text/plain", "\ufffd"),
        ("[]", "application/json", "no error body"),
        ('{"error":"busy"}', "application/json", "busy"),
    ],
)
async def test_an_error_page_of_another_kind(body: str | bytes, content_type: str | None, message: str) -> None:
    error, requests = await secret_failure(answer(502, body, content_type))
    assert (type(error), error.message, requests) == (InternalServerError, message, 3)


# --- the HTTP facts --------------------------------------------------------------------------------------------------


async def test_the_http_facts_of_an_answer() -> None:
    step = answer(
        200,
        SECRET,
        x_request_id="req_1",
        openai_processing_ms="37",
        x_ratelimit_limit_requests="500",
        x_ratelimit_remaining_requests="499",
        x_ratelimit_reset_requests="120ms",
        x_ratelimit_limit_tokens="many",
        x_ratelimit_reset_tokens="6m0.5s",
        x_ratelimit_remaining_input_images="4",
    )
    async with Server(GONE, step) as server, connect(server) as client:
        http = (await client.create_realtime_client_secret()).http
    assert (http.status, http.request_id, http.processing_ms, http.attempts) == (200, "req_1", 37, 2)
    assert http.headers["content-type"] == "application/json"
    assert 0 < http.elapsed < DEADLINE
    assert http.rate_limits == (
        RateLimit(name="requests", limit=500, remaining=499, reset=0.12),
        RateLimit(name="tokens", limit=None, remaining=None, reset=360.5),
        RateLimit(name="input-images", limit=None, remaining=4, reset=None),
    )


@pytest.mark.parametrize("value", ["", "12.5", "soon", "9" * 5000, "-1"])
async def test_odd_numbers_in_headers_are_no_numbers(value: str) -> None:
    step = answer(200, SECRET, openai_processing_ms=value, x_ratelimit_limit_tokens=value, apim_request_id="azure_1")
    async with Server(step) as server, connect(server) as client:
        http = (await client.create_realtime_client_secret()).http
    assert (http.processing_ms, http.rate_limits[0].limit, http.request_id) == (None, None, "azure_1")


async def test_a_header_that_comes_twice_is_joined() -> None:
    step = OK.replace(b"\r\n\r\n", b"\r\nvia: one\r\nvia: two\r\n\r\n", 1)
    async with Server(step) as server, connect(server) as client:
        http = (await client.create_realtime_client_secret()).http
    assert http.headers["via"] == "one, two"
    assert http.rate_limits == ()


# --- secrets ---------------------------------------------------------------------------------------------------------


async def test_a_key_that_a_server_repeats_is_masked() -> None:
    error, _ = await secret_failure(api_error(401, "invalid_api_key", f"Incorrect API key provided: {KEY}."))
    assert error.message == "Incorrect API key provided: ***."
    odd = "hush-hush-0123"  # what a gateway may use as a key, and no pattern knows
    error, _ = await secret_failure(api_error(401, None, f"No such token: {odd}"), api_key=odd)
    assert error.message == "No such token: ***"


async def test_a_key_in_the_headers_of_an_error_is_masked() -> None:
    odd = "hush-hush-0123"
    error, _ = await secret_failure(answer(401, b"{}", "application/json", X_Echo=odd), api_key=odd)
    assert error.headers["x-echo"] == "***"


async def test_a_key_on_a_page_that_came_with_success_is_masked() -> None:
    odd = "hush-hush-0123"
    error, _ = await secret_failure(answer(200, f"<p>{odd}".encode(), "text/html", X_Echo=odd), api_key=odd)
    assert (error.body, error.headers["x-echo"]) == ("<p>***", "***")


async def test_a_key_that_does_not_come_has_the_attempts_deadline() -> None:
    async def never() -> str:
        await asyncio.Event().wait()
        return KEY

    async with Server(OK) as server, connect(server, api_key=never, timeout=0.05) as client:
        error = await failure(client.create_realtime_client_secret())
    assert isinstance(error, APITimeoutError)
    assert str(error) == "api_key: no key within 0.05 seconds"


async def test_a_timeout_of_the_key_function_itself_is_its_own() -> None:
    def broken() -> str:
        raise TimeoutError("vault")

    async with Server(OK) as server, connect(server, api_key=broken) as client:
        with pytest.raises(TimeoutError, match="vault"):
            await client.create_realtime_client_secret()


async def test_a_login_page_is_no_success_of_a_call_without_a_result() -> None:
    async with Server(answer(200, b"<html>login", "text/html")) as server, connect(server) as client:
        error = await failure(client.hangup_realtime_call("rtc_1"))
    assert isinstance(error, APIResponseError)


async def test_a_short_key_masks_no_words() -> None:
    error, _ = await secret_failure(api_error(401, None, "none of these"), api_key="none")
    assert error.message == "none of these"


@pytest.mark.parametrize(
    "step",
    [OK, GONE, reset, answer(200, SECRET, "text/plain"), answer(200, SECRET + b"!"), then_close(OK[:-1])],
)
async def test_no_log_line_holds_a_secret(step: Step, caplog: pytest.LogCaptureFixture) -> None:
    asyncio.get_running_loop().set_debug(True)
    for name in (None, *logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    async with Server(step) as server, connect(server, default_headers={"X-Token": "hush-hush"}) as client:
        with contextlib.suppress(APIError):
            await client.create_realtime_client_secret()
    assert server.received[0].headers["x-token"] == "hush-hush"
    assert_no_secret(caplog.text + "".join(repr(vars(record)) for record in caplog.records))


async def test_no_repr_holds_a_secret() -> None:
    async with Server(OK) as server, connect(server, default_headers={"X-Token": "hush-hush"}) as client:
        secret = await client.create_realtime_client_secret()
        shown = (client, vars(client), client._transport, vars(client._transport), client._transport.config, secret)
        assert_no_secret("".join(map(repr, (*shown, secret.http))))


# --- one session for a client ----------------------------------------------------------------------------------------


async def test_the_session_is_made_when_it_is_needed() -> None:
    async with Server(OK) as server, connect(server) as client:
        assert client._transport.pool._session is None
        await client.create_realtime_client_secret()
        session = client._transport.pool._session
        assert session is not None
        await client.create_realtime_client_secret()
        assert client._transport.pool._session is session
        assert server.connections == 1
    assert session.closed


def test_a_client_is_made_outside_of_any_loop() -> None:
    client = AsyncRealtimeClient(api_key=KEY)
    asyncio.run(client.close())
    with pytest.raises(ClientStateError, match="closed"):
        asyncio.run(client.hangup_realtime_call("rtc_1"))


async def test_an_injected_session_is_used_and_not_closed() -> None:
    async with Server(OK) as server, aiohttp.ClientSession(headers={"X-Mine": "1"}) as session:
        async with connect(server, http_session=session) as client:
            await client.create_realtime_client_secret()
        assert not session.closed
        assert server.received[0].headers["x-mine"] == "1"
        error = await failure(client.create_realtime_client_secret())
        assert type(error) is ClientStateError


async def test_an_injected_session_that_raises_for_status_loses_no_error() -> None:
    async with Server(api_error(400, "bad")) as server, aiohttp.ClientSession(raise_for_status=True) as session:
        error = await failure(connect(server, http_session=session).create_realtime_client_secret())
    assert (type(error), error.code, len(server.received)) == (BadRequestError, "bad", 1)


@pytest.mark.parametrize("session", [5, "aiohttp", aiohttp.ClientSession, object()])
def test_an_injected_session_of_another_library_is_refused(session: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^http_session: needs an aiohttp.ClientSession, not a?"):
        AsyncRealtimeClient(api_key=KEY, http_session=session)


async def test_an_injected_session_that_is_closed() -> None:
    async with Server(OK) as server, aiohttp.ClientSession() as session:
        client = connect(server, http_session=session)
    assert "http_session is closed" in str(await failure(client.create_realtime_client_secret()))


async def new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


def test_an_injected_session_of_another_loop() -> None:
    with asyncio.Runner() as first:
        session = first.run(new_session())

        async def use() -> Any:
            async with Server(OK) as server:
                return await failure(connect(server, http_session=session).create_realtime_client_secret())

        assert "another event loop" in str(asyncio.run(use()))
        first.run(session.close())


async def test_close_is_final_and_idempotent() -> None:
    keys: list[str] = []
    async with Server(OK) as server:
        client = connect(server, api_key=lambda: keys.append(KEY) or KEY)
        await client.create_realtime_client_secret()
        await client.close()
        await client.close()
        error = await failure(client.create_realtime_client_secret())
    assert (type(error), str(error)) == (ClientStateError, "the client is closed")
    assert len(keys) == 1  # a closed client asks for none


async def test_two_tasks_may_close_at_once() -> None:
    async with Server(OK) as server:
        client = connect(server)
        await client.create_realtime_client_secret()
        await asyncio.gather(client.close(), client.close())


async def test_a_client_closed_while_its_key_is_on_the_way() -> None:
    async def key() -> str:
        await client.close()
        return KEY

    async with Server(OK) as server:
        client = connect(server, api_key=key)
        error = await failure(client.create_realtime_client_secret())
    assert (type(error), server.received) == (ClientStateError, [])


async def test_a_client_closed_in_the_middle_of_a_call() -> None:
    hang = Hang()
    async with Server(hang) as server:
        client = connect(server)
        call = asyncio.create_task(failure(client.create_realtime_client_secret()))
        async with asyncio.timeout(DEADLINE):
            await hang.arrived.wait()
            await client.close()
            assert type(await call) in (ClientStateError, APIConnectionError)


def test_nothing_is_left_open() -> None:
    code = f"""if True:
        import asyncio, gc, logging, sys
        logging.getLogger("asyncio").setLevel("ERROR")  # it warns of a machine that is slow
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from support.http_server import OK, GONE, Server, connect

        async def main():
            async with Server(OK, GONE) as server:
                async with connect(server) as client:
                    calls = (client.create_realtime_client_secret() for _ in range(5))
                    await asyncio.gather(*calls, return_exceptions=True)
                await client.close()
                unused = connect(server)
                await unused.close()
        asyncio.run(main())
        gc.collect()
        """
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own code
    assert (done.returncode, done.stderr) == (0, "")


# --- many calls, and none --------------------------------------------------------------------------------------------


async def test_a_hundred_calls_at_once() -> None:
    waiting = 0
    everyone = asyncio.Event()

    async def together(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 100:
            everyone.set()
        await everyone.wait()
        writer.write(OK)

    async with Server(together) as server, connect(server) as client, asyncio.timeout(DEADLINE):
        secrets = await asyncio.gather(*(client.create_realtime_client_secret() for _ in range(100)))
    assert {secret.value for secret in secrets} == {EPHEMERAL}
    assert len(server.received) == server.connections == 100


async def test_a_cancelled_call_ends_its_request_and_spares_the_others() -> None:
    hang, other = Hang(), Hang()
    async with Server(hang, other, OK) as server, connect(server) as client, asyncio.timeout(DEADLINE):
        cancelled = asyncio.create_task(client.create_realtime_client_secret())
        await hang.arrived.wait()
        spared = asyncio.create_task(client.create_realtime_client_secret())
        await other.arrived.wait()
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        await hang.left.wait()
        assert not other.left.is_set()
        assert (await client.create_realtime_client_secret()).value == EPHEMERAL
        spared.cancel()
        with pytest.raises(asyncio.CancelledError):
            await spared


# --- TLS and proxies -------------------------------------------------------------------------------------------------


async def test_https_with_a_context(certificates: Certificates) -> None:
    async with Server(OK, tls=certificates.server) as server, connect(server, ssl=certificates.client) as client:
        assert (await client.create_realtime_client_secret()).value == EPHEMERAL


async def test_https_without_checks(certificates: Certificates) -> None:
    async with Server(OK, tls=certificates.server) as server, connect(server, ssl=False) as client:
        assert (await client.create_realtime_client_secret()).value == EPHEMERAL


async def test_a_bad_certificate_ends_the_connection(certificates: Certificates) -> None:
    asyncio.get_running_loop().set_debug(False)  # else it reports the failed handshake on the server's side, too
    async with Server(OK, tls=certificates.server) as server, connect(server) as client:
        error = await failure(client.create_realtime_client_secret())
        assert type(error) is APIConnectionError
        assert "CERTIFICATE_VERIFY_FAILED" in str(error)
        assert server.received == []


async def test_plain_text_where_tls_is_spoken() -> None:
    async with Server(welcome=b"220 mail.example ready\r\n") as server:
        secure = server.base_url.replace("http", "https")
        async with connect(server, base_url=secure) as client:
            error = await failure(client.create_realtime_client_secret())
    assert type(error) is APIConnectionError
    assert "ssl" in str(error).lower()


async def test_a_proxy_gets_requests_for_plain_http() -> None:
    async with Server(OK) as proxy:
        options = {"base_url": "http://api.invalid/v1", "proxy": proxy.origin, "allow_insecure_http": True}
        async with connect(proxy, **options) as client:
            await client.create_realtime_client_secret()
    assert proxy.received[0].target == "http://api.invalid/v1/realtime/client_secrets"


async def test_a_proxy_of_the_environment_is_not_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Server(OK) as server, Server(OK) as proxy:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
        monkeypatch.delenv("REQUEST_METHOD", raising=False)
        async with connect(server) as client:
            await client.create_realtime_client_secret()
        assert (len(server.received), proxy.connections) == (1, 0)
        async with connect(server, base_url="http://api.invalid/v1", allow_insecure_http=True) as client:
            await client.create_realtime_client_secret()
        assert (len(server.received), len(proxy.received)) == (1, 1)


async def test_a_proxy_tunnels_https(certificates: Certificates) -> None:
    async with Server(OK, tls=certificates.server) as server, tunnel(server) as proxy:
        address = proxy.origin.replace("//", "//user:hush-hush@")
        async with connect(server, ssl=certificates.client, proxy=address) as client:
            assert (await client.create_realtime_client_secret()).value == EPHEMERAL
    assert (proxy.received[0].method, proxy.received[0].target) == ("CONNECT", server.origin[8:])
    assert proxy.received[0].headers["proxy-authorization"].startswith("Basic ")
    assert "authorization" not in proxy.received[0].headers
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_proxy_that_refuses(certificates: Certificates) -> None:
    async with Server(answer(407)) as proxy:
        address = proxy.origin.replace("//", "//user:hush-hush@")
        async with connect(proxy, base_url="https://api.invalid/v1", proxy=address) as client:
            error = await failure(client.create_realtime_client_secret())
    assert type(error) is APIConnectionError
    assert str(error) == "the proxy answered 407 Proxy Authentication Required"


async def test_a_proxy_that_is_not_there() -> None:
    async with Server(OK) as proxy:
        pass
    async with connect(proxy, base_url="https://api.invalid/v1", proxy=proxy.origin) as client:
        assert type(await failure(client.create_realtime_client_secret())) is APIConnectionError


# --- with_options ----------------------------------------------------------------------------------------------------


async def test_a_copy_shares_the_connections() -> None:
    async with Server(OK) as server, connect(server) as client:
        await client.create_realtime_client_secret()
        async with client.with_options(api_key="sk-other", organization="org-1") as changed:
            await changed.create_realtime_client_secret()
        await client.create_realtime_client_secret()  # the copy's end has closed nothing
    sent = [
        (received.headers["authorization"], received.headers.get("openai-organization")) for received in server.received
    ]
    assert sent == [(f"Bearer {KEY}", None), ("Bearer sk-other", "org-1"), (f"Bearer {KEY}", None)]
    assert server.connections == 1
    assert type(await failure(changed.create_realtime_client_secret())) is ClientStateError


async def test_a_copy_used_first_makes_the_session_for_both() -> None:
    async with Server(GONE) as server, connect(server) as client:
        error = await failure(client.with_options(retry=RetryPolicy(max_retries=0)).create_realtime_client_secret())
        assert (error.status, len(server.received)) == (500, 1)
        await failure(client.create_realtime_client_secret())
        assert (len(server.received), server.connections) == (4, 1)


async def test_a_copy_cannot_have_another_session() -> None:
    async with aiohttp.ClientSession() as session, AsyncRealtimeClient(api_key=KEY) as client:
        with pytest.raises(ConfigurationError, match="http_session cannot be changed"):
            client.with_options(http_session=session)
        with pytest.raises(ConfigurationError, match="unknown option: max_retries"):
            client.with_options(max_retries=1)  # type: ignore[call-arg]


async def test_the_redirects_of_an_attempt_share_its_time() -> None:
    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(answer(307, Location="/v1/on"))
        await writer.drain()

    async with Server(slow) as server, connect(server, timeout=0.2, retry=RetryPolicy(max_retries=0)) as client:
        error = await failure(client.create_realtime_client_secret())
        requests = len(server.received)
    assert isinstance(error, APITimeoutError)
    assert str(error) == "no answer within the total timeout"
    assert requests <= 2


async def test_a_header_that_is_no_text_can_be_printed() -> None:
    error, _ = await secret_failure(api_error(400).replace(b"\r\n", b"\r\nx-request-id: r\xff\x1b[2J\r\n", 1))
    assert error.status == 400
    assert str(error) == "HTTP 400 a_type: refused [request r\N{REPLACEMENT CHARACTER} [2J]"
