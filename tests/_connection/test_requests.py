"""What was asked of a server finds its answer, or an end: one that does not echo, does not answer, or answers late."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import anyio
import pytest
from support.recovery import greeting
from support.scripted import Peer, serving

from openai_realtime import (
    APITimeoutError,
    ClientEvent,
    ConnectionClosedError,
    ConnectOptions,
    FunctionCallOutput,
    InputAudioBufferClear,
    InvalidRequestError,
    RateLimitsUpdated,
    RealtimeClient,
    RealtimeEventError,
    RealtimeSessionConfig,
    ResponseCreate,
    ResponseCreated,
    ResponseDone,
    ResponseEndedError,
    ResponseOutputTextDone,
    SessionUpdate,
    SessionUpdated,
    UnreadEventsError,
    UserMessage,
    decode_server_event,
)
from openai_realtime._codec.check import check
from openai_realtime._connection.ids import new_id
from openai_realtime._connection.requests import Requests
from openai_realtime._connection.tasks import stop
from openai_realtime.emulator import Emulator

pytestmark = pytest.mark.anyio

BUSY = {"type": "invalid_request_error", "code": "conversation_already_has_active_response", "message": "busy"}
NOT_ACTIVE = {"type": "invalid_request_error", "code": "response_cancel_not_active", "message": "none"}


def told(text: str) -> RealtimeSessionConfig:
    return RealtimeSessionConfig(instructions=text)


async def begin(peer: Peer, name: str, create: dict[str, Any] | None = None, *, echo: bool = True) -> None:
    create = create or await peer.receive_type("response.create")
    metadata = {"metadata": create["response"].get("metadata")} if echo else {}
    await peer.send("response.created", response={"id": name, "conversation_id": "c", **metadata})


async def end(peer: Peer, name: str, status: str = "completed", **more: Any) -> None:
    await peer.send("response.done", response={"id": name, "conversation_id": "c", "status": status, **more})


async def test_the_late_answer_of_an_update_that_was_given_up_is_not_taken_for_the_next_ones() -> None:
    async def script(peer: Peer) -> None:
        first = await peer.receive_type("session.update")
        second = await peer.receive_type("session.update")
        await peer.send("session.updated", session=first["session"])
        await peer.send("error", error={"code": "invalid_value", "message": "no", "event_id": second["event_id"]})

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(APITimeoutError):
            await connection.update_session(told("first"), timeout=0.05)
        with pytest.raises(RealtimeEventError, match="no"):
            await connection.update_session(told("second"))
        assert (await connection.wait_for(SessionUpdated, 10)).session.instructions == "first"  # news all the same


@pytest.mark.parametrize("give_up", ["timeout", "cancel"])
async def test_the_late_answer_of_a_commit_that_was_given_up_is_not_taken_for_the_next_ones(give_up: str) -> None:
    async def script(peer: Peer) -> None:
        for _ in range(4):
            await peer.receive()
        for name in ("one", "two"):
            await peer.send("input_audio_buffer.committed", item_id=name, previous_item_id=None)

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.append_audio(bytes(9600))
        if give_up == "timeout":
            with pytest.raises(APITimeoutError):
                await connection.commit_audio(timeout=0.05)
        else:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await connection.commit_audio()
        await connection.append_audio(bytes(9600))
        assert (await connection.commit_audio()).item_id == "two"


async def test_answers_under_ids_that_the_server_made_are_told_by_exclusion() -> None:
    async def script(peer: Peer) -> None:
        for name in ("made_1", "made_2"):
            item = {**(await peer.receive_type("conversation.item.create"))["item"], "id": name}
            heard = {"id": "heard", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
            await peer.send("conversation.item.added", item=heard)
            await peer.send("conversation.item.created", item=item)
        await begin(peer, "resp_1", echo=False)

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        assert (await connection.create_item(UserMessage.from_text("hi"))).item.id == "made_1"
        assert (await connection.create_item(FunctionCallOutput(call_id="c", output="{}"))).item.id == "made_2"
        assert (await connection.create_response()).response.id == "resp_1"


async def test_a_server_that_keeps_our_ids_answers_no_item_of_ours_under_another() -> None:
    async def script(peer: Peer) -> None:
        await peer.answers(1)
        create = await peer.receive()
        await peer.add({**create["item"], "id": "of_another_client"})
        await peer.add(create["item"])

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.create_item(UserMessage.from_text("hi"))
        mine = UserMessage(id="mine", content=UserMessage.from_text("hi").content)
        assert (await connection.create_item(mine)).item.id == "mine"


@pytest.mark.parametrize(
    "error",
    [
        {"type": "invalid_request_error", "code": "x", "message": "no", "event_id": None},
        {"message": "no"},
        {"code": "invalid_value", "param": "session.voice", "message": "no"},
    ],
)
async def test_an_error_without_event_id_belongs_to_the_only_request(error: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("session.update")
        await peer.send("error", error=error)

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        with pytest.raises(RealtimeEventError, match="no"):
            await connection.update_session(told("x"))


async def test_a_frame_that_is_no_event_refuses_nothing() -> None:
    async def script(peer: Peer) -> None:
        update = await peer.receive_type("session.update")
        await peer.socket.send_str("no event")
        await peer.answer(update)

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        assert (await connection.update_session(told("x"))).session.instructions == "x"
        assert "error" in [(await connection.receive(10)).type for _ in range(connection.unread)]


async def test_an_error_without_event_id_belongs_to_the_kind_of_request_that_its_code_or_param_names() -> None:
    async def script(peer: Peer) -> None:
        for _ in range(2):
            await peer.receive()
        await peer.send("error", error={"code": "input_audio_buffer_commit_empty", "message": "too small"})
        await peer.send("error", error={"code": "invalid_value", "param": "session.voice", "message": "bad voice"})

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        both = await asyncio.gather(
            connection.update_session(told("x")), connection.commit_audio(), return_exceptions=True
        )
    assert ["bad voice" in str(both[0]), "too small" in str(both[1])] == [True, True]


async def test_a_busy_refusal_that_names_no_event_is_waited_out() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("response.create")
        await peer.send("error", error={**BUSY, "event_id": None})
        await peer.send("response.created", response={"id": "vad", "conversation_id": "c", "metadata": None})
        await end(peer, "vad")
        await begin(peer, "ours")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        assert (await connection.create_response()).response.id == "ours"
        assert "error" not in [(await connection.receive(10)).type for _ in range(4)]


async def test_an_answer_that_never_comes_is_told_with_what_came_instead_and_how_long_it_was_waited_for() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("response.create")
        await peer.send("response.created", response={"id": "vad", "conversation_id": "c", "metadata": None})
        await end(peer, "vad")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        told = r"no answer to response\.create within 0\.5 seconds; instead came response\.created, response\.done"
        with pytest.raises(APITimeoutError, match=told):
            await connection.create_response(timeout=0.5)


async def test_a_commit_that_is_answered_by_cleared_is_refused() -> None:
    async def script(peer: Peer) -> None:
        for _ in range(2):
            await peer.receive()
        await peer.send("input_audio_buffer.cleared")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.append_audio(bytes(9600))
        with pytest.raises(RealtimeEventError, match=r"commit_empty.*cleared"):
            await connection.commit_audio()
        assert [(await connection.receive(10)).type for _ in range(2)][1] == "input_audio_buffer.cleared"


async def test_the_next_response_can_be_asked_for_though_the_end_of_one_never_came() -> None:
    async def script(peer: Peer) -> None:
        await begin(peer, "resp_1")
        await begin(peer, "resp_2")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.create_response()
        assert (await connection.create_response(timeout=0.5)).response.id == "resp_2"


@pytest.mark.parametrize("damaged", [{}, {"response": None}, {"response": {"id": 5}}])
async def test_the_end_of_the_only_response_ends_it_though_it_came_damaged(damaged: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await begin(peer, "first")
        await peer.send("response.done", **damaged)
        await begin(peer, "second")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.create_response()
        assert (await connection.create_response(timeout=None)).response.id == "second"


async def test_a_response_that_goes_on_is_waited_for_longer_than_the_timeout() -> None:
    async def script(peer: Peer) -> None:
        await begin(peer, "resp_1")
        for _ in range(8):
            await asyncio.sleep(0.2)
            await peer.send("response.output_text.delta", response_id="resp_1", delta="x")
        await end(peer, "resp_1")
        await begin(peer, "resp_2")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.create_response()
        assert (await connection.create_response(timeout=1)).response.id == "resp_2"


async def test_a_turn_behind_a_buffer_that_the_waiter_should_empty_is_told() -> None:
    async def script(peer: Peer) -> None:
        await begin(peer, "resp_1")
        for _ in range(100):
            await peer.send("response.output_audio.delta", response_id="resp_1", delta="A" * 4000)
        await end(peer, "resp_1")

    options = ConnectOptions(buffer_size=20_000)
    async with serving(greeting(script)) as client, client.connect(model="m", options=options) as connection:
        await connection.create_response()
        with pytest.raises(UnreadEventsError):
            await connection.create_response()


@pytest.mark.parametrize("status", ["failed", "cancelled", "incomplete", "completed"])
@pytest.mark.parametrize("when", ["before", "after", "unread"])
async def test_a_wait_ends_with_the_response_that_ends_without_its_event(status: str, when: str) -> None:
    ended = asyncio.Event()

    async def script(peer: Peer) -> None:
        await begin(peer, "resp_1")
        if when == "after":
            await peer.receive_type("input_audio_buffer.append")
        await end(peer, "resp_1", status, status_details={"error": {"code": "quota", "message": "too much"}})
        await peer.send("rate_limits.updated", rate_limits=[])
        ended.set()

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        waiting = asyncio.create_task(connection.wait_for(ResponseOutputTextDone)) if when == "before" else None
        await asyncio.sleep(0)
        await connection.create_response()
        if when == "unread":
            await ended.wait()
            await connection.wait_for(RateLimitsUpdated, 10)
            connection._inbox._waited = 2  # as if only the creation had been waited for
        waiting = waiting or asyncio.create_task(connection.wait_for(ResponseOutputTextDone))
        await asyncio.sleep(0)
        if when == "after":
            await connection.append_audio(bytes(2))
        with pytest.raises(ResponseEndedError, match=rf"ended as {status} \(quota: too much\)") as caught:
            await waiting
        assert (caught.value.status, caught.value.code, caught.value.response_id) == (status, "quota", "resp_1")


async def test_a_wait_goes_on_behind_a_response_that_calls_tools_and_one_out_of_band() -> None:
    async def script(peer: Peer) -> None:
        await begin(peer, "resp_1")
        await peer.send("response.created", response={"id": "aside", "conversation_id": None})
        await end(peer, "resp_1", output=[{"type": "function_call", "name": "f"}])
        await peer.send("response.done", response={"id": "aside", "conversation_id": None, "output": []})
        await begin(peer, "resp_2")
        await peer.send("response.output_text.done", response_id="resp_2", item_id="i", text="It is noon.")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        waiting = asyncio.create_task(connection.wait_for(ResponseOutputTextDone, 10))
        await connection.create_response()
        await connection.wait_for(ResponseDone, 10)
        await connection.create_response()
        assert (await waiting).text == "It is noon."


async def test_a_cancel_while_nothing_is_active_returns_at_once_and_its_late_refusal_is_no_news() -> None:
    async def script(peer: Peer) -> None:
        await begin(peer, "resp_1")
        await end(peer, "resp_1")
        cancel = await peer.receive_type("response.cancel")
        await peer.send("error", error={**NOT_ACTIVE, "event_id": cancel["event_id"]})
        await peer.receive_type("response.cancel")
        await peer.send("error", error=NOT_ACTIVE)
        await peer.send("rate_limits.updated", rate_limits=[])

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.create_response()
        await connection.wait_for(ResponseDone, 10)
        assert await connection.cancel_response() is None
        assert await connection.cancel_response() is None
        await connection.wait_for(RateLimitsUpdated, 10)
        assert [(await connection.receive()).type for _ in range(connection.unread)] == [
            "session.created",
            "response.created",
            "response.done",
            "rate_limits.updated",
        ]


@pytest.mark.parametrize("named", [True, False])
async def test_the_word_on_a_cancel_that_the_end_has_answered_is_no_news(named: bool) -> None:  # noqa: FBT001 - a parameter
    async def script(peer: Peer) -> None:
        await begin(peer, "resp_1")
        cancel = await peer.receive_type("response.cancel")
        await end(peer, "resp_1")
        await peer.send("error", error={**NOT_ACTIVE, "event_id": cancel["event_id"] if named else None})
        await peer.send("error", error=NOT_ACTIVE)  # of another client of the call

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.create_response()
        assert await connection.cancel_response()
        kinds = [(await connection.receive(10)).type for _ in range(4)]
    assert kinds == ["session.created", "response.created", "response.done", "error"]


@pytest.mark.parametrize("form", ["create_response", "send"])
async def test_a_cancel_reaches_a_response_that_was_asked_for_and_has_not_begun(form: str) -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def script(peer: Peer) -> None:
        create = await peer.receive_type("response.create")
        asked.set()
        await cancelled.wait()
        await peer.send(
            "response.created",
            response={"id": "r", "conversation_id": "c", "metadata": create.get("response", {}).get("metadata")},
        )
        await peer.receive_type("response.cancel")
        await end(peer, "r", "cancelled")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        if form == "send":
            await connection.send(ResponseCreate())
        else:
            creating = asyncio.create_task(connection.create_response())
        await asked.wait()
        cancelling = asyncio.create_task(connection.cancel_response())
        await asyncio.sleep(0)  # it has seen that none has begun
        cancelled.set()
        done = await cancelling
        assert done is not None
        assert done.response.status == "cancelled"
        if form != "send":
            assert isinstance(await creating, ResponseCreated)


async def test_a_cancel_on_a_call_asks_the_server_which_alone_knows() -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("response.cancel")
        await end(peer, "begun_before_we_came", "cancelled")

    async with serving(script) as client, client.connect(call_id="rtc_1") as connection:
        done = await connection.cancel_response()
        assert done is not None
        assert done.response.id == "begun_before_we_came"


async def test_every_operation_ends_in_its_time() -> None:
    async def mute(peer: Peer) -> None:
        pass

    async with serving(greeting(mute)) as client, client.connect(model="m") as connection:
        for operation in (
            connection.update_session(told("x"), timeout=0.01),
            connection.commit_audio(timeout=0.01),
            connection.clear_audio(timeout=0.01),
            connection.create_item(UserMessage.from_text("x"), timeout=0.01),
            connection.delete_item("i", timeout=0.01),
            connection.truncate_item("i", 5, timeout=0.01),
            connection.retrieve_item("i", timeout=0.01),
            connection.create_response(timeout=0.01),
            connection.clear_output_audio(timeout=0.01),
        ):
            with pytest.raises(APITimeoutError, match=r"no answer to [\w.]+ within 0\.01 seconds"):
                await operation


async def test_the_client_ends_its_sessions_as_if_each_had_been_closed() -> None:
    codes = []

    async def note(peer: Peer) -> None:
        async for _ in peer.socket:
            pass
        codes.append(peer.socket.close_code)

    async def iterate(connection: Any) -> int:
        return len([event async for event in connection])

    async with serving(greeting(note)) as client:
        first, second = await client.connect(model="m"), await client.connect(model="m")
        reading = asyncio.create_task(iterate(first))
        waiting = asyncio.create_task(second.wait_for(ResponseDone))
        await asyncio.sleep(0)
        await client.close()
        assert await reading == 1
        with pytest.raises(ConnectionClosedError) as caught:
            await waiting
    assert caught.value.code == 1000
    assert codes == [1000, 1000]


async def test_a_dropped_connection_warns_and_is_closed() -> None:
    gone = asyncio.Event()

    async def note(peer: Peer) -> None:
        async for _ in peer.socket:
            pass
        assert peer.socket.close_code == 1000
        gone.set()

    async with serving(greeting(note)) as client:
        with pytest.warns(ResourceWarning, match=r"unclosed <AsyncRealtimeConnection .*state=open unread=1>"):
            await client.connect(model="m")
        await gone.wait()


async def test_reprs_say_what_a_person_wants_to_know_and_no_secret() -> None:
    async with serving(greeting(Peer.close_without_code), api_key="sk-very-secret-0123") as client:
        connection = await client.connect(model="m")
        assert repr(client).startswith("<AsyncRealtimeClient 127.0.0.1:")
        assert "session_id='sess_1'" in repr(connection)
        assert connection.session_id == "sess_1"
        assert connection.session.id == "sess_1"
        await connection.close()
        assert "state=closed" in repr(connection)
        assert "secret" not in repr(connection) + repr(client)


async def test_a_cancel_that_was_refused_explains_no_later_error() -> None:
    async def script(peer: Peer) -> None:
        cancel = await peer.receive_type("response.cancel")
        await peer.send("error", error={**NOT_ACTIVE, "event_id": cancel["event_id"]})
        await peer.send("error", error=NOT_ACTIVE)  # of another client of the call

    async with serving(script) as client, client.connect(call_id="rtc_1") as connection:
        assert await connection.cancel_response() is None
        assert (await connection.receive(10)).type == "error"


async def test_the_servers_word_that_nothing_is_active_frees_the_next_response() -> None:
    async def script(peer: Peer) -> None:
        await begin(peer, "resp_1")
        cancel = await peer.receive_type("response.cancel")
        await peer.send("error", error={**NOT_ACTIVE, "event_id": cancel["event_id"]})
        await begin(peer, "resp_2")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        await connection.create_response()
        assert await connection.cancel_response() is None
        assert (await connection.create_response()).response.id == "resp_2"


async def test_an_event_is_checked_once_and_an_item_identified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, made = Counter[str](), Counter[str]()

    def counted_check(model: Any, *args: Any) -> None:
        checked[type(model).__name__] += 1
        check(model, *args)

    def counted_id(prefix: str) -> str:
        made[prefix] += 1
        return new_id(prefix)

    for module in ("base", "realtime"):
        monkeypatch.setattr(f"openai_realtime._connection.{module}.check", counted_check)
    monkeypatch.setattr("openai_realtime._connection.ids.new_id", counted_id)

    async def script(peer: Peer) -> None:
        await peer.answers(3)
        await begin(peer, "resp_1")

    async with serving(greeting(script)) as client, client.connect(model="m", session=told("x")) as connection:
        await connection.update_session(told("y"))
        await connection.create_item(UserMessage.from_text("x"))
        await connection.create_response()
    assert checked == {"SessionUpdate": 2, "ConversationItemCreate": 1, "ResponseConfig": 1}
    assert made == {"event": 3, "item": 1}


async def test_a_scope_that_is_cancelled_while_a_connection_closes_catches_its_own_cancellation() -> None:
    reader = asyncio.create_task(asyncio.sleep(9))
    await asyncio.sleep(0)
    with anyio.CancelScope() as scope:
        asyncio.get_running_loop().call_soon(scope.cancel)  # one turn of the loop after the reader is cancelled
        await stop([reader])
    assert scope.cancelled_caught
    assert reader.cancelled()


async def test_what_was_given_up_is_forgotten_in_the_end_and_what_is_waited_for_is_not() -> None:
    clock = [0.0]
    requests = Requests(asyncio.get_running_loop().create_future, lambda: clock[0])

    async def sent(event: ClientEvent) -> None:
        requests.sent(event)

    given_up, waited_for, later = (SessionUpdate(event_id=name, session=told(name)) for name in "abc")
    requests.sent(given_up)
    asking = asyncio.create_task(requests.ask(waited_for, lambda: sent(waited_for), None))
    await asyncio.sleep(0)
    clock[0] = 1000.0
    requests.sent(later)
    assert list(requests.unanswered.pending) == ["b", "c"]
    answer = decode_server_event('{"type": "session.updated", "session": {"type": "realtime", "instructions": "b"}}')
    assert not requests.received(answer, 7)
    assert await asking == (answer, 7)


@pytest.mark.parametrize("timeout", ["5", True, float("nan"), [1]])
async def test_a_timeout_that_is_no_number_of_seconds_is_refused_before_anything_is_sent(timeout: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.receive_type("input_audio_buffer.clear")

    async with serving(greeting(script)) as client, client.connect(model="m") as connection:
        item = UserMessage.from_text("Hello")
        for wait in (
            connection.receive(timeout),
            connection.wait_for(ResponseDone, timeout),
            connection.create_item(item, timeout=timeout),
        ):
            with pytest.raises(InvalidRequestError, match=r"timeout: .* is not a number of seconds, or None"):
                await wait
        await connection.send(InputAudioBufferClear())


@pytest.mark.parametrize("timeout", ["5", True, float("nan")])
def test_the_blocking_form_refuses_such_a_timeout_too(timeout: Any) -> None:
    with (
        Emulator() as emulator,
        RealtimeClient(**emulator.client_options) as client,
        client.connect(model="gpt-realtime-2.1") as connection,
    ):
        with pytest.raises(InvalidRequestError, match="timeout: "):
            connection.receive(timeout)
        assert connection.receive(10).type == "session.created"
