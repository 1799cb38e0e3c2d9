"""The connection against a scripted server: each test says what the server sends and when."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import traceback
from array import array
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from support.scripted import DEADLINE, KEY, Peer, Script, serving

from openai_realtime import (
    APITimeoutError,
    AsyncRealtimeClient,
    AuthenticationError,
    BadRequestError,
    BetaRetiredError,
    ConnectionClosedError,
    ConnectOptions,
    ConversationItemCreate,
    Error,
    InputAudio,
    InputAudioBufferSpeechStarted,
    InternalServerError,
    InvalidRequestError,
    NotFoundError,
    RateLimitsUpdated,
    RealtimeAudioConfig,
    RealtimeAudioOutput,
    RealtimeClient,
    RealtimeEventError,
    RealtimeSessionConfig,
    ReconnectPolicy,
    ResponseConfig,
    ResponseCreate,
    ResponseCreated,
    ResponseDone,
    ResponseOutputTextDelta,
    RetryPolicy,
    SessionCreated,
    SessionExpiredError,
    SessionUpdated,
    UnknownEvent,
    UnreadEventsError,
    UserMessage,
)
from openai_realtime._connection.inbox import Inbox
from openai_realtime._connection.realtime import AsyncRealtimeConnection

pytestmark = pytest.mark.anyio


async def greet(peer: Peer) -> None:
    await peer.send("session.created", session={"type": "realtime", "id": "sess_1"})


def after_greeting(script: Script) -> Script:
    async def run(peer: Peer) -> None:
        await greet(peer)
        await script(peer)

    return run


async def test_a_text_turn() -> None:
    async def turn(peer: Peer) -> None:
        assert peer.request.query == {"model": "gpt-realtime-2.1"}
        assert peer.request.headers["Authorization"] == f"Bearer {KEY}"
        assert "OpenAI-Beta" not in peer.request.headers
        update = await peer.receive_type("session.update")
        assert update["session"] == {"type": "realtime", "output_modalities": ["text"]}
        await peer.send("session.updated", session=update["session"])
        item = await peer.receive_type("conversation.item.create")
        assert item["item"]["content"] == [{"type": "input_text", "text": "Say hello"}]
        await peer.receive_type("response.create")
        await peer.send("response.created", response={"id": "resp_1", "conversation_id": "conv_1"})
        for text in ("Hel", "lo"):
            await peer.send("response.output_text.delta", response_id="resp_1", delta=text)
        await peer.send("response.done", response={"id": "resp_1", "status": "completed"})

    async with serving(after_greeting(turn)) as client:
        session = RealtimeSessionConfig(output_modalities=["text"])
        async with client.connect(model="gpt-realtime-2.1", session=session) as connection:
            await connection.send(ConversationItemCreate(item=UserMessage.from_text("Say hello")))
            await connection.send(ResponseCreate())
            events, text = [], ""
            async for event in connection:
                events.append(type(event))
                match event:
                    case ResponseOutputTextDelta(delta=delta):
                        text += delta
                    case ResponseDone():
                        break
    assert text == "Hello"
    assert events == [SessionCreated, SessionUpdated, ResponseCreated, *[ResponseOutputTextDelta] * 2, ResponseDone]


@pytest.mark.parametrize(
    ("code", "close", "kind"),
    [
        ("invalid_api_key", 3000, AuthenticationError),
        (None, 3000, AuthenticationError),
        ("invalid_model", 4000, BadRequestError),
        ("beta_api_shape_disabled", 4000, BetaRetiredError),
    ],
)
async def test_a_refusal_after_the_upgrade(code: str | None, close: int, kind: type[BadRequestError]) -> None:
    attempts = []

    async def refuse(peer: Peer) -> None:
        attempts.append(peer)
        await peer.refuse(code, close, f"invalid_request_error.{code}", message=f"Incorrect key: {KEY}")

    async with serving(refuse) as client:
        with pytest.raises(kind) as caught:
            async with client.connect(model="m"):
                pass
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.close_code) == (code, close)
    assert caught.value.close_reason == f"invalid_request_error.{code}"
    assert KEY not in str(caught.value)
    assert len(attempts) == 1


async def test_a_server_error_at_the_start_is_retried_and_the_next_connection_serves() -> None:
    async def fail(peer: Peer) -> None:
        await peer.send("error", error={"type": "server_error", "code": None, "message": "sorry"})
        await peer.socket.close(code=1011)

    async with serving(fail, greet) as client, client.connect(model="m") as connection:
        assert isinstance(await connection.receive(10), SessionCreated)


async def test_accept_then_close_does_not_loop() -> None:
    attempts = []

    async def fail(peer: Peer) -> None:
        attempts.append(peer)
        await peer.send("error", error={"type": "server_error", "message": "sorry"})
        await peer.socket.close(code=1011)

    async with serving(fail) as client:
        with pytest.raises(InternalServerError):
            async with client.connect(model="m"):
                pass
    assert len(attempts) == 3


async def test_a_refused_upgrade_keeps_its_body() -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "gone", "code": "no_call"}}, status=404)

    async with aiohttp.ClientSession() as session, _http(handle) as url:
        async with AsyncRealtimeClient(base_url=url, api_key=KEY, http_session=session) as client:
            with pytest.raises(NotFoundError, match="no_call: gone"):
                async with client.connect(call_id="rtc_1"):
                    pass
        assert not session.closed


async def test_a_refused_upgrade_that_repeats_the_key_is_masked() -> None:
    odd = "hush-hush-0123"  # what Azure or a gateway uses, and no pattern knows

    async def handle(_: web.Request) -> web.Response:
        return web.json_response({"error": {"message": f"bad {odd}"}}, status=401, headers={"X-Echo": odd})

    async with _http(handle) as url, AsyncRealtimeClient(base_url=url, api_key=odd) as client:
        with pytest.raises(AuthenticationError) as caught:
            async with client.connect(model="m"):
                pass
    assert odd not in str(caught.value) + repr(vars(caught.value))


async def test_a_redirect_is_refused_and_the_key_stays_here() -> None:
    seen = []

    async def other(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response()

    async with _http(other) as elsewhere:

        async def redirect(_: web.Request) -> web.Response:
            raise web.HTTPFound(elsewhere)

        async with _http(redirect) as url, AsyncRealtimeClient(base_url=url, api_key=KEY) as client:
            with pytest.raises(Exception, match="redirect") as caught:
                async with client.connect(model="m"):
                    pass
    assert caught.value.status == 302
    assert not seen


@asynccontextmanager
async def _http(handler: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("given", [{}, {"model": "m", "call_id": "c"}, {"intent": "realtime"}, {"model": ""}])
async def test_bad_targets_are_refused_before_the_network(given: dict[str, str]) -> None:
    async with AsyncRealtimeClient(base_url="http://127.0.0.1:1/v1", api_key=KEY) as client:
        with pytest.raises(InvalidRequestError):
            async with client.connect(**given):  # type: ignore[arg-type]
                pass


async def test_transcription_and_sideband_urls() -> None:
    queries = []

    async def note(peer: Peer) -> None:
        queries.append(dict(peer.request.query))
        if "intent" in peer.request.query:
            await greet(peer)

    async with serving(note) as client:
        async with client.connect(intent="transcription"):
            pass
        async with client.connect(call_id="rtc_1"):  # says nothing at first, and is open
            pass
    assert queries == [{"intent": "transcription"}, {"call_id": "rtc_1"}]


@pytest.mark.parametrize(
    "given",
    [
        {"model": "m", "session": RealtimeSessionConfig(max_output_tokens="nope")},  # type: ignore[arg-type]
        {"model": "m", "session": {"type": "realtime"}},
        {"model": "m", "session": 5},
        {"model": "m", "dialect": "beta", "session": RealtimeSessionConfig()},
        {"model": "m", "options": {"heartbeat": 5}, "reconnect": None},
        {"model": "m", "options": 5},
        {"model": "m", "reconnect": True},
        {"model": "m", "reconnect": RetryPolicy()},
    ],
)
async def test_bad_settings_are_refused_before_the_network(given: dict[str, Any]) -> None:
    reached = []

    async def script(peer: Peer) -> None:
        reached.append(peer)
        await greet(peer)

    async with serving(script) as client:
        with pytest.raises(InvalidRequestError, match=r"session|options|reconnect"):
            async with client.connect(**given):
                pass
    assert not reached


@pytest.mark.parametrize(
    ("operation", "argument", "name"),
    [
        ("send", {"type": "response.create"}, "event"),
        ("send", UserMessage.from_text("x"), "event"),
        ("send", RateLimitsUpdated(rate_limits=[]), "event"),
        ("send", None, "event"),
        ("append_audio", "AAAA", "audio"),
        ("append_audio", [0, 0], "audio"),
        ("append_audio", memoryview(array("f", [0.5])), "audio: a memoryview of items of 4 bytes is not PCM"),
        ("create_response", {}, "ResponseConfig"),
        ("create_response", RealtimeSessionConfig(), "ResponseConfig"),
        ("create_response", ResponseConfig(metadata=[1]), "metadata"),  # type: ignore[arg-type]
        ("update_session", {}, "session"),
        ("wait_for", "response.done", "event"),
        ("wait_for", None, "event"),
        ("wait_for", ResponseCreate, "event: ResponseCreate is not an event class of the server"),
        ("wait_for", dict, "event"),
        ("wait_for", asyncio.sleep, "event: an async function is not .* or a plain function"),
    ],
)
async def test_arguments_of_a_wrong_type_are_named_before_the_wire(operation: str, argument: Any, name: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("input_audio_buffer.append")  # and nothing before
        await peer.send("rate_limits.updated", rate_limits=[])

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(InvalidRequestError, match=name):
            await getattr(connection, operation)(argument)
        await connection.append_audio(bytearray(2))
        assert await connection.wait_for(RateLimitsUpdated, 10)


async def test_audio_may_lie_in_memory_as_samples_and_with_gaps() -> None:
    """As numpy and sound libraries have it."""
    samples = memoryview(array("h", range(-30_000, 30_000)))
    sent: list[bytes] = []

    async def script(peer: Peer) -> None:
        while sum(map(len, sent)) < 4 + samples.nbytes:
            sent.append(base64.b64decode((await peer.receive_type("input_audio_buffer.append"))["audio"]))

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.append_audio(memoryview(b"a-b-c-d-")[::2])
        await connection.append_audio(samples)
    assert b"".join(sent) == b"abcd" + samples.tobytes()
    assert max(map(len, sent)) == 48_000
    assert InputAudio.from_bytes(memoryview(b"a-b-")[::2]).audio == base64.b64encode(b"ab").decode()


async def test_send_checks_before_the_wire() -> None:
    async def only_good(peer: Peer) -> None:
        assert (await peer.receive())["type"] == "response.create"

    async with serving(after_greeting(only_good)) as client, client.connect(model="m") as connection:
        bad = RealtimeSessionConfig(audio=RealtimeAudioConfig(output=RealtimeAudioOutput(speed=3.0)))
        with pytest.raises(InvalidRequestError, match=r"session\.audio\.output\.speed: 3\.0 is not between"):
            await connection.update_session(bad)
        await connection.send(ResponseCreate())


async def test_an_error_that_names_the_event_is_raised_and_others_are_delivered() -> None:
    async def script(peer: Peer) -> None:
        update = await peer.receive_type("session.update")
        await peer.send("error", error={"type": "server_error", "code": "other", "message": "of nobody"})
        error = {"type": "invalid_request_error", "code": "unknown_parameter", "message": "no", "param": "session.x"}
        await peer.send("error", error={**error, "event_id": update["event_id"]})
        await peer.send("rate_limits.updated", rate_limits=[])

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(RealtimeEventError, match=r"unknown_parameter: no \(param session\.x\)"):
            await connection.update_session(RealtimeSessionConfig())
        events = [await connection.receive(10) for _ in range(3)]
    assert [type(event) for event in events] == [SessionCreated, Error, RateLimitsUpdated]


async def test_the_word_on_a_cancel_that_came_too_late_is_no_news() -> None:
    async def script(peer: Peer) -> None:
        await peer.send("response.created", response={"id": "resp_1", "conversation_id": "c"})
        cancel = await peer.receive_type("response.cancel")
        await peer.send("response.done", response={"id": "resp_1"})  # it was on its way
        late = {"type": "invalid_request_error", "code": "response_cancel_not_active", "message": "no response"}
        await peer.send("error", error={**late, "event_id": cancel["event_id"]})
        await peer.send("error", error={**late, "event_id": "of_another"})

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.wait_for(ResponseCreated, 10)
        done = await connection.cancel_response()
        assert done is not None
        assert done.response.id == "resp_1"
        events = [await connection.receive(10) for _ in range(4)]
    assert [type(event) for event in events] == [SessionCreated, ResponseCreated, ResponseDone, Error]
    assert events[3].error.event_id == "of_another"


@pytest.mark.parametrize("timeout", [0, -1, None])
async def test_a_wait_without_time_finds_what_is_there(timeout: float | None) -> None:
    async with serving(greet) as client, client.connect(model="m") as connection:
        assert isinstance(await connection.wait_for(SessionCreated, timeout), SessionCreated)
        assert isinstance(await connection.receive(timeout), SessionCreated)


async def test_an_event_that_this_package_does_not_know_is_sent_as_it_is() -> None:
    async def script(peer: Peer) -> None:
        event = await peer.receive_type("new.event")
        await peer.send("new.answer", to=event["event_id"], x=event["x"])

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.send(UnknownEvent(type="new.event", event_id="mine", raw={"x": [1, {"y": None}]}))
        answer = await connection.wait_for(UnknownEvent, 10)
    assert answer.raw == {"type": "new.answer", "event_id": "event_s", "to": "mine", "x": [1, {"y": None}]}


async def test_a_server_that_knows_no_metadata_answers_the_response_that_was_asked_for() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("response.create")
        await peer.send("response.created", response={"id": "resp_other", "metadata": None})  # of the server's own
        await peer.send("response.created", response={"id": "resp_1"})

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        assert (await connection.create_response()).response.id == "resp_1"


async def test_a_late_commit_error_meets_its_own_commit() -> None:
    async def script(peer: Peer) -> None:
        first = await peer.receive_type("input_audio_buffer.commit")
        error = {"type": "invalid_request_error", "code": "input_audio_buffer_commit_empty", "message": "too small"}
        await peer.send("error", error={**error, "event_id": first["event_id"]})
        await peer.receive_type("input_audio_buffer.commit")
        await peer.send("input_audio_buffer.committed", item_id="item_2", previous_item_id=None)

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        both = await asyncio.gather(connection.commit_audio(), connection.commit_audio(), return_exceptions=True)
    assert isinstance(both[0], RealtimeEventError)
    assert both[1].item_id == "item_2"  # type: ignore[union-attr]


async def test_errors_before_the_first_event_are_delivered() -> None:
    async def complain(peer: Peer) -> None:
        await peer.send("error", error={"type": "server_error", "message": "sorry"})
        await greet(peer)

    async with serving(complain) as client, client.connect(model="m") as connection:
        assert connection.unread == 2
        early = await connection.receive()
        assert isinstance(early, Error)
        assert early.error.message == "sorry"
        assert isinstance(await connection.receive(), SessionCreated)


@pytest.mark.parametrize("reconnect", [None, ReconnectPolicy()], ids=["off", "on"])
@pytest.mark.parametrize("type_", [["error"], {"a": 1}, 5, 1.5, True, None])
async def test_an_event_whose_type_is_no_text_is_delivered(type_: Any, reconnect: ReconnectPolicy | None) -> None:
    async def odd(peer: Peer) -> None:
        await peer.socket.send_str(json.dumps({"type": type_, "odd": True}))
        await peer.answers(1)

    async with (
        serving(after_greeting(odd)) as client,
        client.connect(model="m", reconnect=reconnect) as connection,
    ):
        await connection.receive()
        event = await connection.receive()
        assert event.raw == {"type": type_, "odd": True}
        assert await connection.update_session(RealtimeSessionConfig())


BUSY = "conversation_already_has_active_response"


async def begin(peer: Peer, response_id: str) -> None:
    """Take the next request for a response, and begin it."""
    create = await peer.receive_type("response.create")
    metadata = create["response"]["metadata"]
    await peer.send("response.created", response={"id": response_id, "conversation_id": "c", "metadata": metadata})


async def refuse(peer: Peer, code: str) -> None:
    """Take the next request for a response, and refuse it."""
    create = await peer.receive_type("response.create")
    await peer.send("error", error={"code": code, "message": "no", "event_id": create["event_id"]})


async def begun_after_a_refusal(connection: AsyncRealtimeConnection, creating: asyncio.Task[ResponseCreated]) -> str:
    """The id of the response that `creating` asks for again, when the peer was told by an append to go on."""
    while connection._requests._waits:  # noqa: ASYNC110 - up to the refusal, of which nobody else is told
        await asyncio.sleep(0)
    await connection.append_audio(bytes(2))
    return str((await creating).response.id)


async def test_responses_wait_their_turn() -> None:
    async def script(peer: Peer) -> None:
        for name in ("resp_1", "resp_2"):
            await begin(peer, name)
            if name == "resp_1":
                await peer.send("response.done", response={"id": name})

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        made = await asyncio.gather(
            connection.create_response(), connection.create_response(ResponseConfig(instructions="again"))
        )
    assert [event.response.id for event in made] == ["resp_1", "resp_2"]


async def test_a_response_that_the_server_refuses_for_one_of_its_own_is_asked_for_again() -> None:
    async def script(peer: Peer) -> None:
        refused = await peer.receive_type("response.create")
        await peer.send("response.created", response={"id": "resp_vad", "conversation_id": "c", "metadata": None})
        await peer.send("error", error={"code": BUSY, "message": "busy", "event_id": refused["event_id"]})
        await peer.receive_type("input_audio_buffer.append")
        await peer.send("response.done", response={"id": "resp_vad"})
        await begin(peer, "resp_1")

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        creating = asyncio.create_task(connection.create_response())
        await connection.wait_for(ResponseCreated, 10)
        assert await begun_after_a_refusal(connection, creating) == "resp_1"


async def test_a_response_of_the_server_that_begins_and_ends_with_the_refusal_is_waited_for_too() -> None:
    async def script(peer: Peer) -> None:
        refused = await peer.receive_type("response.create")
        error = {"code": BUSY, "message": "", "event_id": refused["event_id"]}
        send_at_once(
            peer,
            {"type": "response.created", "response": {"id": "resp_vad", "conversation_id": "c", "metadata": None}},
            {"type": "error", "error": error},
            {"type": "response.done", "response": {"id": "resp_vad"}},
        )
        await begin(peer, "resp_1")

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        assert (await connection.create_response()).response.id == "resp_1"


def send_at_once(peer: Peer, *events: dict[str, Any]) -> None:
    """Send `events` in one piece, so that the client has the last when it looks at the first."""
    assert peer.request.transport is not None
    frames = b""
    for payload in (json.dumps(event).encode() for event in events):
        short = len(payload) < 126
        size = bytes([len(payload)]) if short else bytes([126]) + len(payload).to_bytes(2, "big")
        frames += b"\x81" + size + payload  # a text frame of a server: not masked
    peer.request.transport.write(frames)


@pytest.mark.parametrize(("entries", "ours"), [(15, 1), (16, 0)])
async def test_a_response_whose_metadata_are_full_gets_no_entry_of_ours_and_is_found(entries: int, ours: int) -> None:
    given = {str(number): "x" for number in range(entries)}

    async def script(peer: Peer) -> None:
        create = await peer.receive_type("response.create")
        metadata = create["response"]["metadata"]
        assert len(metadata) == entries + ours
        for response_id, theirs in [("resp_vad", None), ("resp_other", {"0": "x"}), ("resp_1", metadata)]:
            await peer.send(
                "response.created", response={"id": response_id, "conversation_id": "c", "metadata": theirs}
            )

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        made = await connection.create_response(ResponseConfig(metadata=given))
        assert made.response.id == "resp_1"


async def test_a_response_waits_for_the_end_of_one_that_the_server_began_itself() -> None:
    async def script(peer: Peer) -> None:
        await peer.send("response.created", response={"id": "resp_vad", "conversation_id": "c", "metadata": None})
        await peer.receive_type("input_audio_buffer.append")  # the first to come: the response waits
        await peer.send("response.done", response={"id": "resp_vad"})
        await begin(peer, "resp_1")

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.wait_for(ResponseCreated, 10)
        creating = asyncio.create_task(connection.create_response())
        await asyncio.sleep(0)
        await connection.append_audio(bytes(2))
        assert (await creating).response.id == "resp_1"


async def test_a_refusal_of_a_response_is_told_whatever_its_code() -> None:
    async def script(peer: Peer) -> None:
        for code in (BUSY, "invalid_value"):
            await refuse(peer, code)

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(RealtimeEventError, match="already_has_active"):
            await connection.create_response(timeout=0.5)  # no response is heard of, however long we wait
        with pytest.raises(RealtimeEventError, match="invalid_value"):
            await connection.create_response()


@pytest.mark.parametrize("reconnected", [["created", "done"], ["done"]])
async def test_a_response_is_asked_for_again_when_the_one_in_the_way_is_heard_of_after_the_refusal(
    reconnected: list[str],
) -> None:
    """As after a plain ResponseCreate; of one that began before a sideband was there only the end is heard."""

    async def script(peer: Peer) -> None:
        await refuse(peer, BUSY)
        await peer.receive_type("input_audio_buffer.append")
        for what in reconnected:
            await peer.send(f"response.{what}", response={"id": "resp_0", "conversation_id": "c", "metadata": None})
        await begin(peer, "resp_1")

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        creating = asyncio.create_task(connection.create_response())
        while not connection._requests._waits:  # noqa: ASYNC110 - up to the request, of which nobody is told
            await asyncio.sleep(0)
        assert await begun_after_a_refusal(connection, creating) == "resp_1"


async def test_a_session_that_ends_while_a_response_is_in_the_way_is_no_longer_waited_for() -> None:
    async def script(peer: Peer) -> None:
        await refuse(peer, BUSY)
        await peer.socket.close(code=1011)

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(ConnectionClosedError, match="1011"):
            await connection.create_response()


async def test_cancelling_what_is_over_is_no_error() -> None:
    async def script(peer: Peer) -> None:
        cancel = await peer.receive_type("response.cancel")
        error = {"code": "response_cancel_not_active", "message": "none", "event_id": cancel["event_id"]}
        await peer.send("error", error=error)

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        assert await connection.cancel_response() is None


async def test_a_cancel_is_not_answered_by_the_end_of_a_response_out_of_band() -> None:
    async def script(peer: Peer) -> None:
        await peer.send("response.created", response={"id": "main", "conversation_id": "c", "metadata": None})
        await peer.send("response.created", response={"id": "aside", "conversation_id": None, "metadata": None})
        await peer.receive_type("response.cancel")
        await peer.send("response.done", response={"id": "aside", "status": "completed"})
        await peer.send("response.done", response={"id": "main", "status": "cancelled"})

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.wait_for(lambda event: (event.raw or {}).get("response", {}).get("id") == "aside", 10)
        done = await connection.cancel_response()
        assert done is not None
        assert done.response.id == "main"


async def test_another_error_of_a_cancel_is_raised() -> None:
    async def script(peer: Peer) -> None:
        cancel = await peer.receive_type("response.cancel")
        await peer.send("error", error={"code": "invalid_value", "message": "no", "event_id": cancel["event_id"]})

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(RealtimeEventError, match="invalid_value"):
            await connection.cancel_response("resp_1")


async def test_audio_is_cleared_and_truncated() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("input_audio_buffer.clear")
        await peer.send("input_audio_buffer.cleared")
        truncate = await peer.receive_type("conversation.item.truncate")
        assert (truncate["audio_end_ms"], truncate["content_index"]) == (1500, 0)
        for item_id in ("another", truncate["item_id"]):
            await peer.send("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=1500)

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        assert (await connection.clear_audio()).type == "input_audio_buffer.cleared"
        assert (await connection.truncate_item("item_1", 1500)).item_id == "item_1"


async def test_the_audio_of_a_call_is_cleared() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("output_audio_buffer.clear")
        await peer.send("output_audio_buffer.cleared", response_id="resp_1")

    async with serving(script) as client, client.connect(call_id="rtc_1") as connection:
        assert (await connection.clear_output_audio()).response_id == "resp_1"


async def test_the_settings_of_a_beta_session_are_others() -> None:
    async with serving(greet) as client, client.connect(model="m", dialect="beta") as connection:
        with pytest.raises(InvalidRequestError, match="BetaSessionUpdate"):
            await connection.update_session(RealtimeSessionConfig())


async def test_an_answer_that_never_comes_is_an_error_of_ours() -> None:
    async def mute(peer: Peer) -> None:
        await peer.receive_type("session.update")

    async with serving(after_greeting(mute)) as client, client.connect(model="m") as connection:
        with pytest.raises(APITimeoutError, match=r"no answer to session\.update"):
            await connection.update_session(RealtimeSessionConfig(), timeout=0.01)
        assert not connection.closed


async def test_a_cancelled_operation_is_forgotten() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("session.update")
        await peer.answers(1)

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.update_session(RealtimeSessionConfig()), 0.05)
        assert not connection._requests._waits
        assert not connection._inbox._waits
        assert (await connection.update_session(RealtimeSessionConfig(instructions="x"))).session.instructions == "x"


async def test_waiters_and_an_iterator_all_see_the_event_in_order() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("response.create")
        await peer.send("response.output_text.delta", delta="a")
        await peer.send("response.done", response={"id": "resp_1"})
        await peer.socket.close()

    async def read(connection: Any) -> list[str]:
        return [event.type async for event in connection]

    async with (
        serving(after_greeting(script)) as client,
        client.connect(model="m") as connection,
        asyncio.TaskGroup() as group,
    ):
        reading = group.create_task(read(connection))
        first = group.create_task(connection.wait_for(ResponseDone, 10))
        second = group.create_task(connection.wait_for(lambda event: event.type == "response.done", 10))
        await connection.send(ResponseCreate())
    assert first.result() is second.result()
    assert reading.result() == ["session.created", "response.output_text.delta", "response.done"]


async def pair(peer: Peer) -> None:
    await peer.send("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_1")
    await peer.send("response.done", response={"id": "resp_1"})
    await peer.send("rate_limits.updated", rate_limits=[])


@pytest.mark.parametrize(
    "kinds", [(ResponseDone, InputAudioBufferSpeechStarted), (InputAudioBufferSpeechStarted, ResponseDone)]
)
async def test_waits_that_begin_together_find_their_events_in_any_order(kinds: tuple[type[Any], type[Any]]) -> None:
    async with serving(after_greeting(pair)) as client, client.connect(model="m") as connection:
        while connection.unread < 4:  # noqa: ASYNC110 - without a wait, which would be the first of them
            await asyncio.sleep(0)
        found = await asyncio.gather(*(connection.wait_for(kind, 10) for kind in kinds))
        assert [type(event) for event in found] == list(kinds)
        assert await connection.wait_for(RateLimitsUpdated, 10)
        later = asyncio.create_task(connection.wait_for(InputAudioBufferSpeechStarted))
        with pytest.raises(APITimeoutError):
            await connection.wait_for(SessionCreated, 0.01)
        assert not later.done()  # it looks behind what the others found
        later.cancel()


async def test_a_cancelled_wait_hides_no_event_from_the_next() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("response.create")
        await pair(peer)

    def cancel(event: Any) -> bool:
        """Cancel the first wait when its event is found, and not given out yet."""
        if isinstance(event, ResponseDone):
            first.cancel()
        return False

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        first = asyncio.create_task(connection.wait_for(ResponseDone))
        second = asyncio.create_task(connection.wait_for(cancel))
        await asyncio.sleep(0)
        await connection.send(ResponseCreate())
        await asyncio.wait([first])
        assert first.cancelled()
        assert await connection.wait_for(ResponseDone, 10)
        second.cancel()


@pytest.mark.parametrize("unread", [False, True])
async def test_a_function_that_raises_stop_iteration_ends_its_own_wait_and_nothing_else(unread: bool) -> None:  # noqa: FBT001 - a parameter
    async def script(peer: Peer) -> None:
        await peer.answers(1)

    def broken(_: object) -> bool:
        return bool(next(iter(())))

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        if not unread:
            await connection.receive()
        waiting = asyncio.create_task(connection.wait_for(broken, 10))
        await asyncio.sleep(0)
        assert await connection.update_session(RealtimeSessionConfig())
        with pytest.raises(RuntimeError, match="StopIteration"):
            await waiting
        assert not connection.closed


async def test_an_exit_in_a_function_ends_its_own_wait_and_nothing_else() -> None:
    """Raised in the reader task it would end the event loop, which all blocking clients of a process share."""

    async def script(peer: Peer) -> None:
        await peer.answers(1)

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.receive()
        updating = asyncio.create_task(connection.update_session(RealtimeSessionConfig()))
        with pytest.raises(SystemExit, match="enough"):
            await connection.wait_for(lambda _: sys.exit("enough"), 10)
        assert await updating
        assert not connection.closed


@pytest.mark.parametrize("call", ["send", "receive", "wait_for", "append_audio", "create_response"])
async def test_each_error_of_a_closed_connection_is_a_new_one(call: str) -> None:
    """Each raise adds to an exception's traceback, and what the frames there hold is never freed."""
    argument = {"send": (ResponseCreate(),), "wait_for": (ResponseDone,), "append_audio": (bytes(2),)}

    async def script(peer: Peer) -> None:
        await peer.socket.close(code=1011, message=b"bye")

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(ConnectionClosedError):
            await connection.wait_for(ResponseDone)
        await connection.receive()
        errors = []
        for _ in range(10):
            with pytest.raises(ConnectionClosedError) as caught:
                await getattr(connection, call)(*argument.get(call, ()))
            errors.append(caught.value)
    assert len({id(error) for error in errors}) == 10
    assert len({len(list(traceback.walk_tb(error.__traceback__))) for error in errors}) == 1
    assert {(error.code, error.reason) for error in errors} == {(1011, "bye")}


async def test_a_cancelled_receive_loses_nothing() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("response.create")
        await peer.send("response.done", response={})

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        assert isinstance(await connection.receive(), SessionCreated)
        with pytest.raises(APITimeoutError):
            await connection.receive(0.01)
        task = asyncio.create_task(connection.receive())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await connection.send(ResponseCreate())
        assert isinstance(await connection.receive(10), ResponseDone)


async def test_frames_that_hold_no_event_are_reported_and_the_session_goes_on() -> None:
    async def script(peer: Peer) -> None:
        await peer.socket.send_str("{no json")
        await peer.socket.send_bytes(b"\0")
        await peer.socket.send_bytes(json.dumps({"type": "rate_limits.updated", "rate_limits": []}).encode())
        await peer.send("brand.new", secret=1)

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        _, invalid, binary, relayed, new = [await connection.receive(10) for _ in range(5)]
    assert isinstance(invalid, Error)
    assert invalid.error.code == "invalid_json"
    assert isinstance(binary, Error)
    assert binary.error.code == "invalid_event"
    assert [(event.raw["frame"], event.raw["frame_size"]) for event in (invalid, binary)] == [
        ("{no json", 8),
        ("\0", 1),
    ]
    assert isinstance(relayed, RateLimitsUpdated)
    assert isinstance(new, UnknownEvent)
    assert new.raw == {"type": "brand.new", "event_id": "event_s", "secret": 1}


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4000])
async def test_the_end_is_told(code: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.send("error", error={"type": "server_error", "code": "last_words", "message": "bye"})
        await peer.socket.close(code=code, message=b"Your session hit the maximum duration of 60 minutes.")

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        seen = []
        try:
            async for event in connection:
                seen.append(event.type)  # noqa: PERF401 - what came before the end counts
            ended: Any = None
        except ConnectionClosedError as error:
            ended = error
        assert seen == ["session.created", "error"]
        if code == 1000:
            assert ended is None
        else:
            assert type(ended) is (SessionExpiredError if code == 1001 else ConnectionClosedError)
            assert (ended.code, ended.event["error"]["code"]) == (code, "last_words")
        with pytest.raises(ConnectionClosedError):
            await connection.send(ResponseCreate())
        with pytest.raises(ConnectionClosedError):
            await connection.wait_for(ResponseDone, 10)
        assert connection.closed


async def test_a_lost_connection_wakes_everybody() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("session.update")
        assert peer.request.transport is not None
        peer.request.transport.abort()

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        waiting = asyncio.create_task(connection.wait_for(ResponseDone))
        with pytest.raises(ConnectionClosedError) as caught:
            await connection.update_session(RealtimeSessionConfig())
        assert caught.value.code == 1006
        with pytest.raises(ConnectionClosedError) as another:
            await waiting
        assert another.value is not caught.value  # two tasks that raise one exception mix their tracebacks


async def test_a_full_buffer_holds_back_the_server_and_nothing_is_lost() -> None:
    count = 3000

    async def script(peer: Peer) -> None:
        for index in range(count):
            await peer.send("response.output_audio.delta", delta="A" * 4000, output_index=index)
        await peer.socket.close()

    options = ConnectOptions(buffer_size=100_000)
    async with serving(after_greeting(script)) as client, client.connect(model="m", options=options) as connection:
        assert isinstance(await connection.receive(), SessionCreated)
        with pytest.raises(UnreadEventsError):
            await connection.wait_for(ResponseDone, 10)
        indexes = [event.output_index async for event in connection]
    assert indexes == list(range(count))


async def test_events_of_no_length_fill_the_buffer_too() -> None:
    """Each takes memory, and a server could send them for ever."""
    count = 3000

    async def script(peer: Peer) -> None:
        for _ in range(count):
            await peer.socket.send_str("")
        await peer.socket.close()

    options = ConnectOptions(buffer_size=100_000)
    async with serving(after_greeting(script)) as client, client.connect(model="m", options=options) as connection:
        with pytest.raises(UnreadEventsError):
            await connection.wait_for(ResponseDone, 10)
        assert connection.unread < 1000
        assert len([event async for event in connection if isinstance(event, Error)]) == count


async def test_a_server_that_stops_answering_is_noticed() -> None:
    async def script(peer: Peer) -> None:
        assert peer.request.transport is not None
        peer.request.transport.pause_reading()  # no frame of ours is read any more, pings included
        await asyncio.Event().wait()

    options = ConnectOptions(heartbeat=0.05)
    async with serving(after_greeting(script)) as client, client.connect(model="m", options=options) as connection:
        with pytest.raises(ConnectionClosedError, match="pings"):
            await connection.wait_for(ResponseDone)


async def test_leaving_after_an_exception_keeps_it_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with serving(greet) as client:
        with pytest.raises(ZeroDivisionError):
            async with client.connect(model="m"):
                raise ZeroDivisionError
    assert not {task for task in asyncio.all_tasks() - before if "Connection" in repr(task)}


async def test_long_audio_is_split() -> None:
    sizes = []

    async def script(peer: Peer) -> None:
        while sum(sizes) < 200_000:
            append = await peer.receive_type("input_audio_buffer.append")
            sizes.append(len(base64.b64decode(append["audio"])))

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.append_audio(bytes(200_000))
    assert sizes == [48_000] * 4 + [8_000]


async def test_what_nobody_has_read_is_counted() -> None:
    async def script(peer: Peer) -> None:
        for _ in range(3):
            await peer.send("rate_limits.updated", rate_limits=[])
        await peer.send("response.done", response={})

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.wait_for(ResponseDone, 10)
        assert connection.unread == 5
        await connection.receive()
        assert connection.unread == 4


async def test_a_defect_of_the_reader_ends_the_session_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("response.create")
        await peer.send("response.done", response={})

    def broken(_: Inbox, __: object) -> None:
        raise ZeroDivisionError

    async with serving(after_greeting(script)) as client, client.connect(model="m") as connection:
        await connection.receive()
        monkeypatch.setattr(Inbox, "put", broken)
        await connection.send(ResponseCreate())
        with pytest.raises(ConnectionClosedError, match="the reader failed") as caught:
            await connection.receive()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        with pytest.raises(ConnectionClosedError, match="the reader failed"):
            await connection.send(ResponseCreate())


# --- the blocking form ------------------------------------------------------------------------------------------------


async def test_the_blocking_form_reads_everything_in_a_few_hops() -> None:
    count = 500

    async def script(peer: Peer) -> None:
        await peer.receive_type("response.create")
        await peer.send("response.created", response={"id": "resp_1"})
        for index in range(count):
            await peer.send("response.output_text.delta", delta=str(index))
        await peer.send("response.done", response={"id": "resp_1"})

    def talk(options: Any) -> tuple[list[str], int]:
        with RealtimeClient(**options) as client, client.connect(model="m") as connection:
            connection.send(ResponseCreate())
            connection.wait_for(ResponseDone, 10)  # everything is here now, and still to be read
            hops, run = [], connection._lease.run
            connection._lease.run = lambda make: hops.append(make) or run(make)  # type: ignore[method-assign,func-returns-value]
            events = [connection.receive(10) for _ in range(count + 3)]
            with pytest.raises(APITimeoutError):
                connection.receive(0.01)
            del connection._lease.run
        assert connection.closed
        with pytest.raises(ConnectionClosedError, match="1000"):
            connection.receive()
        return [event.delta for event in events if isinstance(event, ResponseOutputTextDelta)], len(hops)

    async with serving(after_greeting(script)) as client:
        options = {"base_url": client._transport.config.base_url, "api_key": KEY}
        deltas, hops = await asyncio.to_thread(talk, options)
    assert deltas == [str(index) for index in range(count)]
    assert hops == 0  # all were brought as they came


async def test_the_blocking_form_iterates_to_the_normal_end_and_raises_at_others() -> None:
    async def normal(peer: Peer) -> None:
        await peer.socket.close()

    async def broken(peer: Peer) -> None:
        await peer.socket.close(code=1011)

    def read(options: Any) -> None:
        with RealtimeClient(**options) as client:
            with client.connect(model="m") as connection:
                assert [event.type for event in connection] == ["session.created"]
            with client.connect(model="m") as connection, pytest.raises(ConnectionClosedError, match="1011"):
                list(connection)

    async with serving(after_greeting(normal), after_greeting(broken)) as client:
        await asyncio.to_thread(read, {"base_url": client._transport.config.base_url, "api_key": KEY})


async def test_a_thread_that_waits_is_woken_by_close() -> None:
    def talk(options: Any) -> None:
        with RealtimeClient(**options) as client, client.connect(model="m") as connection:
            assert isinstance(connection.receive(10), SessionCreated)
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(connection.receive)
                connection.close()
                with pytest.raises(ConnectionClosedError, match="1000"):
                    waiting.result(DEADLINE)

    async with serving(greet) as client:
        await asyncio.to_thread(talk, {"base_url": client._transport.config.base_url, "api_key": KEY})


async def test_the_blocking_form_reads_on_though_the_buffer_was_full() -> None:
    count = 300

    async def flood(peer: Peer) -> None:
        for index in range(count):
            await peer.send("response.output_audio.delta", delta="A" * 4000, output_index=index)
        await peer.socket.close()

    def read(client: RealtimeClient) -> list[int]:
        with client, client.connect(model="m", options=ConnectOptions(buffer_size=20_000)) as connection:
            with pytest.raises(UnreadEventsError):
                connection.wait_for(ResponseDone, 10)
            assert connection.unread > 0
            _, *deltas = connection
            assert connection.unread == 0
            return [event.output_index for event in deltas]  # type: ignore[attr-defined]

    async with serving(after_greeting(flood)) as client:
        blocking = RealtimeClient(base_url=client._transport.config.base_url, api_key=KEY)
        assert await asyncio.to_thread(read, blocking) == list(range(count))
