"""A session whose connection is lost, at every point where it can be, and what is put in its place."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from support.recovery import POLICY, RETRY, Gate, greeting, lose, nothing
from support.scripted import DEADLINE, KEY, Peer, Script, serving

from openai_realtime import (
    APIStatusError,
    AsyncRealtimeClient,
    AsyncRealtimeConnection,
    ClientStateError,
    ConnectionClosedError,
    ConnectOptions,
    ConversationItemAdded,
    FunctionCallOutput,
    InputAudioBufferAppend,
    InputAudioBufferCommitted,
    InputText,
    InvalidRequestError,
    RateLimitsUpdated,
    RealtimeClient,
    RealtimeEventError,
    RealtimeSessionConfig,
    RealtimeTranscriptionSessionConfig,
    Reconnected,
    ReconnectPolicy,
    ResponseCreate,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputTextDelta,
    RestorePlan,
    RetryPolicy,
    SessionCreated,
    SessionExpiredError,
    SessionUpdate,
    SessionUpdated,
    SystemMessage,
    UserMessage,
    structure_request,
)
from openai_realtime._connection import reconnect
from openai_realtime._connection.reconnect import Recovery
from openai_realtime.emulator import Emulator, Reply, ToolCall, faults
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.server_events import ErrorDetails
from openai_realtime.models.translation_events import RealtimeTranslationSessionUpdateRequest, SessionOutputAudioDelta

pytestmark = pytest.mark.anyio

MODEL = "gpt-realtime-2.1"
TEXT = RealtimeSessionConfig(output_modalities=["text"])
CHUNK = 48_000  # bytes, a second


def settings(**more: Any) -> RealtimeSessionConfig:
    return structure_request({"type": "realtime", **more}, RealtimeSessionConfig)


PUSH_TO_TALK = settings(audio={"input": {"turn_detection": None}})


def said(item_id: str, text: str, role: str = "user") -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"id": item_id, "type": "message", "role": role, "content": [{"type": kind, "text": text}]}


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Show that no task is left behind."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() == before


@asynccontextmanager
async def connected(*scripts: Script, policy: ReconnectPolicy = POLICY, **target: Any) -> AsyncIterator[Any]:
    """A connection to a scripted server, which opens by greeting, and nothing left of both afterwards."""
    async with (
        nothing_left(),
        serving(*map(greeting, scripts)) as client,
        client.connect(**{"model": "m", **target}, reconnect=policy) as connection,
    ):
        yield connection


async def unread(connection: Any) -> Reconnected:
    """The reconnected, found by reading on: it came before what was waited for last."""
    while True:
        event = await connection.receive(10)
        if isinstance(event, Reconnected):
            return event


async def read_into(kinds: list[str], connection: Any) -> None:
    """Iterate to the end, which may be an exception."""
    async for event in connection:
        kinds.append(event.type)  # noqa: PERF401 - what came before the end counts


# --- with the emulator: each way to lose a connection -----------------------------------------------------------------

LOSSES = [
    faults.Drop(),
    faults.HalfFrame(),
    faults.Expire(),
    *(faults.Close(code=code) for code in (1001, 1011, 1012, 1013)),
    faults.Close(code=1011, error=ErrorDetails(type="server_error", message="The server had an error.")),
]


def named(fault: faults.Fault) -> str:
    return f"{type(fault).__name__}-{getattr(fault, 'code', '')}"


@asynccontextmanager
async def emulated(**target: Any) -> AsyncIterator[tuple[Emulator, AsyncRealtimeConnection]]:
    async with asyncio.timeout(30), nothing_left(), Emulator() as emulator:
        options: Any = emulator.client_options
        async with (
            AsyncRealtimeClient(**options, retry=RETRY) as client,
            client.connect(**{"model": MODEL, "reconnect": POLICY, **target}) as connection,
        ):
            yield emulator, connection


@pytest.mark.parametrize("fault", LOSSES, ids=named)
async def test_an_idle_session_is_restored(fault: faults.Fault) -> None:
    async with emulated(session=TEXT) as (emulator, connection):
        first: Any = await connection.receive(DEADLINE)
        added = await connection.create_item(UserMessage.from_text("Say hello"))
        await connection.create_response()
        answer = (await connection.wait_for(ResponseDone, DEADLINE)).response.output[0].id
        emulator.inject_fault(fault, now=True)
        reconnected = await connection.wait_for(Reconnected, DEADLINE)
        assert reconnected.restored == [added.item.id, answer]
        assert (reconnected.resent, reconnected.lost) == ([], [])
        opened = await connection.wait_for(SessionCreated, DEADLINE)
        found = await connection.retrieve_item(answer)
        assert found.item.content[0].text == "Say hello"
        await connection.create_item(UserMessage.from_text("and goodbye"))
        made = await connection.create_response()
        done = await connection.wait_for(ResponseDone, DEADLINE)
        assert (done.response.id, done.response.output[0].content[0].text) == (made.response.id, "and goodbye")
        assert opened.session.id != first.session.id


@pytest.mark.parametrize("fault", LOSSES, ids=named)
async def test_a_response_that_is_lost_fails_its_waiters_and_keeps_its_words(fault: faults.Fault) -> None:
    async with emulated(session=TEXT) as (emulator, connection):
        emulator.reply(Reply(text="One two three four five six.", pause_after=2))
        await connection.create_item(UserMessage.from_text("Count"))
        made = await connection.create_response()
        words, deltas = "", 0
        async for event in connection:
            if isinstance(event, ResponseOutputTextDelta):
                words, deltas = words + event.delta, deltas + 1
            if deltas == 2:
                break
        waiting = asyncio.create_task(connection.wait_for(ResponseDone))
        await asyncio.sleep(0)
        emulator.inject_fault(fault, now=True)
        with pytest.raises(ConnectionClosedError):
            await waiting
        reconnected = await connection.wait_for(Reconnected, DEADLINE)
        assert ("response", made.response.id) in [(lost.what, lost.id) for lost in reconnected.lost]
        kept = (await connection.retrieve_item(reconnected.restored[-1])).item
        assert kept.content[0].text == words
        assert (await connection.create_response()).response.id != made.response.id  # nothing is active any more
        await connection.wait_for(ResponseDone, DEADLINE)


async def test_a_tool_call_survives_until_its_output_comes() -> None:
    async with emulated(session=TEXT) as (emulator, connection):
        emulator.reply(Reply(tool_calls=[ToolCall(name="now", arguments='{"zone": "UTC"}')]), "It is noon.")
        await connection.create_item(UserMessage.from_text("What time is it?"))
        await connection.create_response()
        call = await connection.wait_for(ResponseFunctionCallArgumentsDone, DEADLINE)
        await connection.wait_for(ResponseDone, DEADLINE)
        emulator.inject_fault(faults.Drop(), now=True)
        reconnected = await connection.wait_for(Reconnected, DEADLINE)
        assert call.item_id in reconnected.restored
        await connection.create_item(FunctionCallOutput(call_id=call.call_id, output="12:00"))
        await connection.create_response()
        done = await connection.wait_for(ResponseDone, DEADLINE)
        assert done.response.output[0].content[0].text == "It is noon."


async def test_audio_that_was_not_committed_goes_again() -> None:
    async with emulated(session=PUSH_TO_TALK) as (emulator, connection):
        await connection.append_audio(bytes(2 * CHUNK))
        emulator.inject_fault(faults.Drop(), now=True)
        reconnected = await connection.wait_for(Reconnected, DEADLINE)
        assert reconnected.resent_audio_ms == 2000
        await connection.append_audio(bytes(CHUNK))
        committed = await connection.commit_audio()
        assert committed.item_id


@attrs.frozen
class Settings:
    """The instructions that an observer was told, from a break of the connection on."""

    told: list[Any] = attrs.field(factory=list)

    def sent(self, event: ClientEvent) -> None:
        """What the client sends tells nothing here."""

    def received(self, event: ServerEvent) -> None:
        if isinstance(event, Reconnected):
            self.told.clear()
        if isinstance(event, SessionCreated | SessionUpdated):
            self.told.append(getattr(event.session, "instructions", None))


async def test_the_settings_in_force_are_told_again() -> None:
    settings = Settings()
    session = RealtimeSessionConfig(instructions="Be brief.")
    async with emulated(session=session, observers=[settings]) as (emulator, connection):
        emulator.inject_fault(faults.Drop(), now=True)
        await connection.wait_for(Reconnected, DEADLINE)
        assert settings.told[-1] == connection.session.instructions == "Be brief."


async def test_a_transcription_session_is_restored() -> None:
    audio = {"input": {"transcription": {"model": "whisper-1"}, "turn_detection": None}}
    config = {"type": "transcription", "audio": audio}
    session = structure_request(config, RealtimeTranscriptionSessionConfig)
    async with emulated(model=None, intent="transcription", session=session) as (emulator, connection):
        await connection.append_audio(bytes(CHUNK))
        emulator.inject_fault(faults.Drop(), now=True)
        assert (await connection.wait_for(Reconnected, DEADLINE)).resent_audio_ms == 1000
        assert (await connection.commit_audio()).item_id


async def test_a_translation_session_goes_on_with_its_settings() -> None:
    session = structure_request({"audio": {"output": {"language": "es"}}}, RealtimeTranslationSessionUpdateRequest)
    async with asyncio.timeout(30), nothing_left(), Emulator() as emulator:
        options: Any = emulator.client_options
        async with (
            AsyncRealtimeClient(**options) as client,
            client.connect_translation(model="gpt-realtime-translate", session=session, reconnect=POLICY) as connection,
        ):
            await connection.append_audio(bytes(CHUNK))
            emulator.inject_fault(faults.Drop(), now=True)
            reconnected = await connection.wait_for(Reconnected, DEADLINE)
            assert [(lost.what, lost.id) for lost in reconnected.lost] == [("audio", None)]
            await connection.append_audio(bytes(CHUNK))
            await connection.wait_for(SessionOutputAudioDelta, DEADLINE)
            await connection.close_session()


# --- what goes over the second connection, and in which order ---------------------------------------------------------


async def test_the_second_connection_gets_settings_then_items_then_events() -> None:
    seen: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []

    async def first(peer: Peer) -> None:
        await peer.answers(2)
        await peer.send("response.created", response={"id": "resp_1", "conversation_id": "conv"})
        await peer.add(said("a", "Hello", role="assistant"), "u")
        await peer.send("response.done", response={"id": "resp_1"})
        lost.extend([await peer.receive() for _ in range(4)])
        peer.abort()

    async def second(peer: Peer) -> None:
        seen.extend(await peer.answers(3))
        seen.extend([await peer.receive() for _ in range(4)])
        await peer.send("conversation.item.added", item=seen[4]["item"])
        await peer.send("input_audio_buffer.committed", item_id="v")
        await peer.send("response.created", response={"id": "resp_2", "metadata": seen[6]["response"]["metadata"]})

    async with connected(first, second, session=PUSH_TO_TALK) as connection:
        await connection.create_item(UserMessage(id="u", content=[InputText(text="Hi")]))
        await connection.wait_for(ResponseDone, 10)
        await connection.append_audio(bytes(CHUNK))
        async with asyncio.TaskGroup() as group:
            adding = group.create_task(connection.create_item(UserMessage.from_text("more")))
            await asyncio.sleep(0)
            committing = group.create_task(connection.commit_audio())
            await asyncio.sleep(0)
            making = group.create_task(connection.create_response())
        # Who waited for an answer has it from the new session.
        assert isinstance(adding.result(), ConversationItemAdded)
        assert isinstance(committing.result(), InputAudioBufferCommitted)
        assert making.result().response.id == "resp_2"
        reconnected = await unread(connection)
    assert [event["type"] for event in seen[:3]] == ["session.update", *["conversation.item.create"] * 2]
    assert seen[0]["session"] == {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    assert [event["item"]["id"] for event in seen[1:3]] == ["u", "a"]
    assert [event["type"] for event in seen[3:]] == [
        "input_audio_buffer.append",
        "conversation.item.create",
        "input_audio_buffer.commit",
        "response.create",
    ]
    assert seen[3:] == lost  # the same events, with their ids
    assert (reconnected.code, reconnected.restored, reconnected.resent_audio_ms) == (1006, ["u", "a"], 1000)
    assert reconnected.resent == [event["event_id"] for event in lost[1:]]
    assert reconnected.lost == []


async def test_the_events_of_the_user_are_those_of_the_session_and_none_of_the_restore() -> None:
    async def first(peer: Peer) -> None:
        await peer.answers(2)
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.send("rate_limits.updated", rate_limits=[])
        await peer.answers(2)
        await peer.send("error", error={"message": "of nobody"})
        await peer.send("response.created", response={"id": "resp_9"})

    seen: list[str] = []
    async with connected(first, second, session=TEXT) as connection:
        await connection.create_item(UserMessage.from_text("Hi"))
        async for event in connection:
            seen.append(event.type)
            if isinstance(event, ResponseCreated):
                break
    assert seen[: seen.index("openai_realtime.reconnected")][:3] == [
        "session.created",
        "session.updated",
        "conversation.item.added",
    ]
    assert seen[seen.index("openai_realtime.reconnected") :] == [
        "openai_realtime.reconnected",
        "session.created",
        "rate_limits.updated",
        "error",
        "response.created",
    ]


async def test_a_session_lost_while_it_is_restored_is_restored_again() -> None:
    plans: list[list[dict[str, Any]]] = []

    async def first(peer: Peer) -> None:
        await peer.answers(2)
        await peer.receive_type("response.create")
        peer.abort()

    async def lost_at_once(peer: Peer) -> None:
        plans.append([await peer.receive()])
        peer.abort()

    async def lost_later(peer: Peer) -> None:
        plans.append([*await peer.answers(1), await peer.receive()])
        await peer.close_without_code()

    async def third(peer: Peer) -> None:
        plans.append([*await peer.answers(2), await peer.receive()])
        await peer.send("response.done", response={"id": "resp_1"})

    async with connected(first, lost_at_once, lost_later, third, session=TEXT) as connection:
        await connection.create_item(UserMessage.from_text("Hi"))
        await connection.send(ResponseCreate(event_id="mine"))
        await connection.wait_for(Reconnected, 10)
        await connection.wait_for(ResponseDone, 10)
    assert [[event["type"] for event in plan] for plan in plans] == [
        ["session.update"],
        ["session.update", "conversation.item.create"],
        ["session.update", "conversation.item.create", "response.create"],
    ]
    assert plans[2][2]["event_id"] == "mine"


async def test_a_session_lost_twice_is_restored_from_what_was_restored() -> None:
    second_restore: list[dict[str, Any]] = []

    async def first(peer: Peer) -> None:
        await peer.answers(2)
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.answers(2)
        await peer.answers(1)
        await peer.close_without_code()

    async def third(peer: Peer) -> None:
        second_restore.extend(await peer.answers(3))

    async with connected(first, second, third, session=TEXT) as connection:
        one = await connection.create_item(UserMessage.from_text("one"))
        assert (await connection.wait_for(Reconnected, 10)).code == 1006
        two = await connection.create_item(UserMessage.from_text("two"))
        reconnected = await connection.wait_for(Reconnected, 10)
        assert reconnected.code == 1005
        assert reconnected.restored == [one.item.id, two.item.id]
    assert [event["type"] for event in second_restore] == ["session.update", *["conversation.item.create"] * 2]
    assert second_restore[0]["session"]["output_modalities"] == ["text"]


async def test_speech_that_goes_again_is_kept_until_the_new_server_has_heard_it() -> None:
    resent: list[int] = []

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        await peer.send("input_audio_buffer.speech_started", item_id="u", audio_start_ms=0)
        for _ in range(5):
            await peer.receive_type("input_audio_buffer.append")
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.answers(1)
        for _ in range(5):
            await peer.receive_type("input_audio_buffer.append")
        peer.abort()

    async def third(peer: Peer) -> None:
        await peer.answers(1)
        resent.extend([len((await peer.receive_type("input_audio_buffer.append"))["audio"]) for _ in range(5)])
        await peer.send("rate_limits.updated", rate_limits=[])

    session = settings(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    async with connected(first, second, third, session=session) as connection:
        await connection.wait_for(lambda event: event.type == "input_audio_buffer.speech_started", 10)
        await connection.append_audio(bytes(5 * CHUNK))
        await settled(connection)
    assert resent == [64_000] * 5


async def settled(connection: Any) -> None:
    """Read on until the last session has sent its event."""
    async for event in connection:
        if isinstance(event, RateLimitsUpdated):
            return


async def test_audio_of_many_chunks_goes_on_where_it_was() -> None:
    chunks, heard = 40, bytearray()

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        for _ in range(3):
            await peer.receive_type("input_audio_buffer.append")
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.answers(1)
        while True:
            event = await peer.receive()
            if event["type"] == "input_audio_buffer.commit":
                break
            heard.extend(base64.b64decode(event["audio"]))
        await peer.send("input_audio_buffer.committed", item_id="u")

    audio = b"".join(index.to_bytes(2, "big") * (CHUNK // 2) for index in range(chunks))
    async with connected(first, second, session=PUSH_TO_TALK) as connection:
        await connection.append_audio(audio)
        await connection.commit_audio()
    assert bytes(heard) == audio


async def test_thousands_of_items_are_restored() -> None:
    count, text = 2_500, "x" * 1_200
    go = asyncio.Event()
    restored = []

    async def first(peer: Peer) -> None:
        for index in range(count):
            await peer.send("conversation.item.added", item=said(f"item_{index}", text))
        await peer.send("rate_limits.updated", rate_limits=[])
        await go.wait()
        peer.abort()

    async def second(peer: Peer) -> None:
        # Each is answered at once: who only sends, and does not read, would wait for ever, and the server with him.
        restored.extend([event["item"]["id"] for event in await peer.answers(count)])

    async with connected(first, second) as connection:
        await connection.wait_for(RateLimitsUpdated, DEADLINE)
        go.set()
        reconnected = await connection.wait_for(Reconnected, DEADLINE)
    assert reconnected.restored == restored == [f"item_{index}" for index in range(count)]


async def test_a_restore_of_many_megabytes_is_read_while_it_is_sent() -> None:
    """More than the buffers of both sockets hold: a client that did not read meanwhile would stop the server."""
    items = tuple(UserMessage(id=f"item_{index}", content=[InputText(text="x" * 100_000)]) for index in range(300))

    async def second(peer: Peer) -> None:
        for _ in items:
            event = await peer.receive_type("conversation.item.create")
            await peer.send("conversation.item.added", item=event["item"])

    policy = attrs.evolve(POLICY, on_reconnect=lambda plan: attrs.evolve(plan, items=items))
    async with connected(lose, second, policy=policy) as connection:
        reconnected = await connection.wait_for(Reconnected, DEADLINE)
        assert reconnected.restored == [item.id for item in items]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "close"),
    [
        ("invalid_api_key", 3000),
        ("insufficient_quota", 1011),
        ("invalid_model", 4000),
        ("missing_model", 4000),
        ("beta_api_shape_disabled", 4000),
    ],
)
async def test_what_comes_again_every_time_is_not_tried_again(code: str, close: int) -> None:
    attempts = []

    async def refuse(peer: Peer) -> None:
        attempts.append(peer)
        await peer.refuse(code, close, f"invalid_request_error.{code}", message=f"Incorrect API key provided: {KEY}")

    async with (
        nothing_left(),
        serving(greeting(lose), refuse) as client,
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        with pytest.raises(ConnectionClosedError) as caught:
            await connection.wait_for(Reconnected, 10)
        with pytest.raises(ConnectionClosedError):
            await connection.send(ResponseCreate())
        assert isinstance(await connection.receive(10), SessionCreated)
        with pytest.raises(ConnectionClosedError):
            await connection.receive(10)
    assert caught.value.code == 1006
    assert isinstance(caught.value.__cause__, APIStatusError)
    assert caught.value.__cause__.code == code
    assert KEY not in str(caught.value.__cause__)
    assert len(attempts) == 1


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1008, 3000, 4000])
async def test_an_end_that_is_meant_is_one(code: int) -> None:
    async def end(peer: Peer) -> None:
        await peer.socket.close(code=code)

    async with connected(end) as connection:
        with pytest.raises(ConnectionClosedError, match=str(code)):
            await connection.wait_for(Reconnected, 10)


async def test_refused_settings_end_it() -> None:
    async def first(peer: Peer) -> None:
        await peer.answers(1)
        peer.abort()

    async def second(peer: Peer) -> None:
        event = await peer.receive()
        await peer.send("error", error={"message": "no such tool", "event_id": event["event_id"]})

    async with connected(first, second, session=TEXT) as connection:
        with pytest.raises(ConnectionClosedError) as caught:
            await connection.wait_for(Reconnected, 10)
        assert isinstance(caught.value.__cause__, RealtimeEventError)
        assert "no such tool" in str(caught.value.__cause__)


async def test_a_refused_item_is_lost_and_the_others_are_not() -> None:
    async def first(peer: Peer) -> None:
        for name in ("a", "b", "c"):
            await peer.add(said(name, name))
        await peer.send("rate_limits.updated", rate_limits=[])
        await peer.receive_type("response.create")
        peer.abort()

    async def second(peer: Peer) -> None:
        for _ in range(3):
            event = await peer.receive()
            if event["item"]["id"] == "b":
                error = {"code": "invalid_value", "message": f"not {KEY}", "event_id": event["event_id"]}
                await peer.send("error", error=error)
            else:
                await peer.answer(event)

    async with connected(first, second) as connection:
        await connection.wait_for(RateLimitsUpdated, 10)
        await connection.send(ResponseCreate())
        reconnected = await connection.wait_for(Reconnected, 10)
        assert reconnected.restored == ["a", "c"]
        (lost,) = reconnected.lost
        assert (lost.what, lost.id) == ("item", "b")
        assert re.fullmatch(r"refused: invalid_value: not (sk-)?\*\*\*", lost.reason)
        await connection.close()
        assert [event.type async for event in connection if event.type == "error"] == []  # it was an answer, no event


async def test_accept_then_close_ends_after_the_retries() -> None:
    attempts = []

    async def lose_each(peer: Peer) -> None:
        attempts.append(peer)
        peer.abort()

    async with connected(lose_each) as connection:
        kinds: list[str] = []
        with pytest.raises(ConnectionClosedError, match="1006"):
            await read_into(kinds, connection)
        assert kinds.count("openai_realtime.reconnected") == 3
    assert len(attempts) == 4  # one, and three in its place: at once, and after each of two delays


async def test_an_error_is_no_sign_that_the_new_session_works() -> None:
    attempts = []

    async def fail(peer: Peer) -> None:
        attempts.append(peer)
        await peer.send("error", error={"type": "server_error", "message": "sorry"})
        await peer.socket.close(code=1011)

    async with connected(fail) as connection:
        with pytest.raises(ConnectionClosedError, match="1011"):
            await read_into([], connection)
    assert len(attempts) == 4


async def test_a_response_that_was_done_lets_the_attempts_count_anew() -> None:
    attempts = []

    async def lose_after_an_event(peer: Peer) -> None:
        attempts.append(peer)
        if len(attempts) < 6:
            await peer.send("response.done", response={"id": "resp_1"})
            peer.abort()

    async with connected(lose_after_an_event) as connection:
        reconnected = 0
        async for event in connection:
            reconnected += isinstance(event, Reconnected)
            if reconnected == 5:
                break
    assert len(attempts) == 6


async def test_attempts_that_find_no_server_end_too() -> None:
    hook_calls = []

    def note(plan: RestorePlan) -> RestorePlan:
        hook_calls.append(plan)
        return plan

    attempts = []

    async def refuse(peer: Peer) -> None:
        attempts.append(peer)
        await peer.send("error", error={"type": "server_error", "message": "sorry"})
        await peer.socket.close(code=1011)

    policy = attrs.evolve(POLICY, on_reconnect=note)
    async with serving(greeting(lose), refuse) as client, client.connect(model="m", reconnect=policy) as connection:
        with pytest.raises(ConnectionClosedError) as caught:
            await connection.wait_for(Reconnected, 10)
    assert isinstance(caught.value.__cause__, APIStatusError)
    assert len(attempts) == 3
    assert len(hook_calls) == 1  # once for each loss


async def test_the_key_is_asked_for_anew_for_every_attempt() -> None:
    keys = iter(["key-1", "key-2", "key-3"])
    seen = []

    async def note(peer: Peer) -> None:
        seen.append(peer.request.headers["Authorization"])
        if len(seen) == 2:
            await peer.socket.close(code=1011)
            return
        await peer.greet()
        if len(seen) == 1:
            peer.abort()

    async with (
        serving(note, api_key=lambda: next(keys)) as client,
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        await connection.wait_for(Reconnected, 10)
    assert seen == ["Bearer key-1", "Bearer key-2", "Bearer key-3"]


async def test_a_key_function_that_fails_ends_it() -> None:
    keys = iter(["key-1"])

    def give() -> str:
        for key in keys:
            return key
        raise LookupError("no more keys")

    async with (
        serving(greeting(lose), api_key=give) as client,
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        with pytest.raises(ConnectionClosedError) as caught:
            await connection.wait_for(Reconnected, 10)
    assert caught.value.code == 1006
    assert isinstance(caught.value.__cause__, LookupError)


# --- the user's function ----------------------------------------------------------------------------------------------


def one_item(*, second: Script) -> tuple[Script, Script]:
    async def first(peer: Peer) -> None:
        await peer.answers(1)
        await peer.receive_type("response.create")
        peer.abort()

    return first, second


@asynccontextmanager
async def hooked(hook: Any, second: Script) -> AsyncIterator[Any]:
    policy = attrs.evolve(POLICY, on_reconnect=hook)
    async with connected(*one_item(second=second), policy=policy) as connection:
        await connection.create_item(UserMessage.from_text("Hi"))
        await connection.send(ResponseCreate(event_id="mine"))
        yield connection


@pytest.mark.parametrize("form", ["plain", "async"])
async def test_a_function_changes_the_plan(form: str) -> None:
    seen: list[dict[str, Any]] = []

    async def second(peer: Peer) -> None:
        seen.extend([*await peer.answers(3), await peer.receive()])
        await peer.send("response.done", response={"id": "resp_1"})

    def change(plan: RestorePlan) -> RestorePlan:
        assert plan.cause.code == 1006
        note = SystemMessage.from_text("The line was cut.")  # without an id, as one writes it
        return attrs.evolve(
            plan, session=SessionUpdate(session=TEXT), items=(*plan.items, note), events=(ResponseCreate(),)
        )

    async def change_later(plan: RestorePlan) -> RestorePlan:
        await asyncio.sleep(0)
        return change(plan)

    async with hooked(change if form == "plain" else change_later, second) as connection:
        reconnected = await connection.wait_for(Reconnected, 10)
        await connection.wait_for(ResponseDone, 10)
    assert [event["type"] for event in seen] == [
        "session.update",
        *["conversation.item.create"] * 2,
        "response.create",
    ]
    assert seen[2]["item"]["content"][0]["text"] == "The line was cut."
    assert reconnected.restored == [event["item"]["id"] for event in seen[1:3]]
    assert reconnected.resent == [seen[3]["event_id"]]
    assert len({event["event_id"] for event in seen} | {"mine"}) == 5


async def test_a_function_refuses() -> None:
    async with hooked(lambda _: None, nothing) as connection:
        with pytest.raises(ConnectionClosedError) as caught:
            await connection.wait_for(Reconnected, 10)
    assert caught.value.code == 1006
    assert caught.value.__cause__ is None


def fail(_: RestorePlan) -> RestorePlan:
    raise LookupError("mine")


def leave(_: RestorePlan) -> RestorePlan:
    sys.exit("enough")


async def fail_later(plan: RestorePlan) -> RestorePlan:
    await asyncio.sleep(0)
    return fail(plan)


def no_item(plan: RestorePlan) -> RestorePlan:
    bad: Any = UserMessage(content=3)  # type: ignore[arg-type]
    return attrs.evolve(plan, items=(bad,))


def no_event(plan: RestorePlan) -> RestorePlan:
    return attrs.evolve(plan, events=(ResponseCreate(event_id=""),))


def no_plan(_: RestorePlan) -> Any:
    return True


@pytest.mark.parametrize(
    ("hook", "cause"),
    [
        (fail, LookupError),
        (fail_later, LookupError),
        (leave, SystemExit),
        (no_item, InvalidRequestError),
        (no_event, InvalidRequestError),
        (no_plan, Exception),
    ],
)
async def test_a_function_that_fails_ends_it(hook: Any, cause: type[BaseException]) -> None:
    async with hooked(hook, nothing) as connection:
        with pytest.raises(ConnectionClosedError) as caught:
            await connection.wait_for(Reconnected, 10)
    assert caught.value.code == 1006
    assert isinstance(caught.value.__cause__, cause)


@pytest.mark.parametrize("operation", ["send", "append_audio", "create_response", "update_session"])
async def test_a_function_cannot_use_the_connection_that_waits_for_it(operation: str) -> None:
    arguments: dict[str, Any] = {"send": ResponseCreate(), "append_audio": bytes(2), "update_session": TEXT}
    given = [arguments[operation]] if operation in arguments else []

    async def use(plan: RestorePlan) -> RestorePlan:
        await getattr(connection, operation)(*given)
        return plan

    async with hooked(use, nothing) as connection:
        with pytest.raises(ConnectionClosedError, match="1006") as caught:
            await connection.wait_for(Reconnected, 10)
    assert isinstance(caught.value.__cause__, ClientStateError)
    assert "on_reconnect" in str(caught.value.__cause__)


# --- sends and ends meanwhile -----------------------------------------------------------------------------------------


async def test_sends_wait_while_the_connection_is_replaced_and_then_go() -> None:
    seen: list[dict[str, Any]] = []

    async def talk(peer: Peer) -> None:
        await peer.greet()
        seen.extend([await peer.receive() for _ in range(2)])
        await peer.send("rate_limits.updated", rate_limits=[])

    gate = Gate(talk)
    async with (
        nothing_left(),
        serving(greeting(lose), gate) as client,
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        await gate.reached.wait()
        first = asyncio.create_task(connection.send(ResponseCreate(event_id="first")))
        cancelled = asyncio.create_task(connection.send(ResponseCreate(event_id="cancelled")))
        second = asyncio.create_task(connection.append_audio(b"12"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        cancelled.cancel()
        assert not first.done()
        assert not second.done()
        gate.open.set()
        reconnected = await connection.wait_for(Reconnected, 10)
        await asyncio.gather(first, second)
        await connection.wait_for(RateLimitsUpdated, 10)
        assert cancelled.cancelled()
    assert reconnected.resent == []
    assert [event["type"] for event in seen] == ["response.create", "input_audio_buffer.append"]
    assert seen[0]["event_id"] == "first"


async def test_resent_events_go_before_those_that_waited() -> None:
    seen: list[str] = []

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        for _ in range(20):
            await peer.receive_type("input_audio_buffer.append")
        peer.abort()

    async def talk(peer: Peer) -> None:
        await peer.greet()
        await peer.answers(1)
        seen.extend([(await peer.receive())["event_id"] for _ in range(21)])
        await peer.send("rate_limits.updated", rate_limits=[])

    gate = Gate(talk)
    async with (
        serving(greeting(first), gate) as client,
        client.connect(model="m", session=PUSH_TO_TALK, reconnect=POLICY) as connection,
    ):
        for index in range(20):
            await connection.send(InputAudioBufferAppend(event_id=str(index), audio="AAAA"))
        await gate.reached.wait()
        later = asyncio.create_task(connection.send(ResponseCreate(event_id="later")))
        gate.open.set()
        await settled(connection)
        await later
    assert seen == [*map(str, range(20)), "later"]


async def test_close_during_a_reconnect_ends_everything() -> None:
    gate = Gate()
    async with (
        nothing_left(),
        serving(greeting(lose), gate) as client,
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        await gate.reached.wait()
        tasks = [
            asyncio.create_task(connection.send(ResponseCreate())),
            asyncio.create_task(connection.wait_for(Reconnected)),
            asyncio.create_task(connection.create_response()),
        ]
        await asyncio.sleep(0)
        await connection.close()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [getattr(end, "code", end) for end in ends] == [1000] * 3
        assert [event.type async for event in connection] == ["session.created"]


async def test_close_during_a_restore_ends_everything() -> None:
    async def first(peer: Peer) -> None:
        await peer.answers(1)
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.greet()
        await peer.receive()

    gate = Gate(before=second)
    async with (
        nothing_left(),
        serving(greeting(first), gate) as client,
        client.connect(model="m", session=TEXT, reconnect=POLICY) as connection,
    ):
        await gate.reached.wait()
        await connection.close()
        assert connection.closed


async def test_close_during_the_wait_before_an_attempt_ends_everything() -> None:
    policy = ReconnectPolicy(retry=RetryPolicy(max_retries=5, initial_delay=1000, max_delay=1000))
    refused = asyncio.Event()

    async def refuse(peer: Peer) -> None:
        await peer.socket.close(code=1011)
        refused.set()

    async with (
        nothing_left(),
        serving(greeting(lose), refuse) as client,
        client.connect(model="m", reconnect=policy) as connection,
    ):
        await refused.wait()
        await connection.close()


async def test_leaving_during_a_reconnect_keeps_the_exception() -> None:
    gate = Gate()
    async with nothing_left(), serving(greeting(lose), gate) as client:
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is what is tested
            async with client.connect(model="m", reconnect=POLICY):
                await gate.reached.wait()
                raise ZeroDivisionError


# --- renewal before the session's end ---------------------------------------------------------------------------------


def renewing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first session be renewed at once, and the others never."""
    delays = iter([0.0])
    monkeypatch.setattr(Recovery, "renewal", lambda *_: next(delays, None))


async def test_a_session_is_renewed_before_its_end() -> None:
    ends = []

    async def first(peer: Peer) -> None:
        await peer.greet(expires_at=time.time() + 2)
        await peer.answers(1)
        ends.append(await peer.socket.receive())

    async def second(peer: Peer) -> None:
        await peer.greet(expires_at=time.time() + 3600)
        await peer.answers(1)

    policy = ReconnectPolicy(retry=RETRY, renew_before=60)
    async with (
        nothing_left(),
        serving(first, second) as client,
        client.connect(model="m", session=TEXT, reconnect=policy) as connection,
    ):
        reconnected = await connection.wait_for(Reconnected, 10)
        assert reconnected.lost == []
        assert "session's end" in reconnected.reason
    assert ends[0].data == 1000


async def test_a_renewal_waits_for_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    renewing_once(monkeypatch)
    answer, order = asyncio.Event(), []

    async def first(peer: Peer) -> None:
        create = await peer.receive_type("response.create")
        item = await peer.receive_type("conversation.item.create")
        await answer.wait()
        metadata = create["response"]["metadata"]
        response = {"id": "resp_1", "conversation_id": "conv", "metadata": metadata}
        await peer.send("response.created", response=response)
        await peer.add(item["item"])
        await peer.receive_type("input_audio_buffer.append")  # the session is still open, both ways
        order.append("response.done")
        await peer.send("response.done", response={"id": "resp_1"})
        order.append((await peer.socket.receive()).type.name)

    async def second(peer: Peer) -> None:
        order.append("restored")
        await peer.answers(1)

    async with connected(first, second) as connection:
        async with asyncio.TaskGroup() as group:
            group.create_task(connection.create_response())
            await asyncio.sleep(0)
            group.create_task(connection.create_item(UserMessage.from_text("Hi")))
            answer.set()
        await connection.append_audio(b"12")
        await connection.wait_for(ResponseDone, 10)
        reconnected = await connection.wait_for(Reconnected, 10)
        assert reconnected.lost == []
        assert len(reconnected.restored) == 1
    assert order == ["response.done", "restored", "CLOSE"]


async def test_an_event_that_the_server_never_answers_holds_up_no_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    renewing_once(monkeypatch)
    monkeypatch.setattr(reconnect, "_SILENCE", 0.05)

    async with connected(nothing, nothing) as connection:
        assert await connection.cancel_response() is None
        reconnected = await connection.wait_for(Reconnected, 10)
        assert [lost.reason for lost in reconnected.lost] == ["response.cancel: the response ended with its connection"]


async def test_what_the_old_session_still_sends_is_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    renewing_once(monkeypatch)

    async def first(peer: Peer) -> None:
        assert peer.request.transport is not None
        peer.socket._autoclose = False
        assert (await peer.socket.receive()).type.name == "CLOSE"
        peer.socket._writer._closing = False  # type: ignore[union-attr]
        await peer.send("rate_limits.updated", rate_limits=[])
        await peer.socket.close()

    async with connected(first, nothing) as connection:
        kinds = []
        async for event in connection:
            kinds.append(event.type)
            if len(kinds) == 4:
                break
    assert kinds == ["session.created", "rate_limits.updated", "openai_realtime.reconnected", "session.created"]


async def test_sends_during_a_renewal_go_to_the_new_session(monkeypatch: pytest.MonkeyPatch) -> None:
    renewing_once(monkeypatch)
    reached, go_on, got = asyncio.Event(), asyncio.Event(), []

    async def first(peer: Peer) -> None:
        await peer.answers(1)

    async def second(peer: Peer) -> None:
        update = await peer.receive()
        reached.set()
        await go_on.wait()
        await peer.answer(update)
        got.append((await peer.receive())["event_id"])
        await peer.send("rate_limits.updated", rate_limits=[])

    async with connected(first, second, session=TEXT) as connection:
        await reached.wait()
        sending = asyncio.create_task(connection.send(ResponseCreate(event_id="mine")))
        await asyncio.sleep(0)
        go_on.set()
        await sending
        await connection.wait_for(RateLimitsUpdated, 10)
    assert got == ["mine"]


async def test_a_server_that_does_not_answer_the_close_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    renewing_once(monkeypatch)
    monkeypatch.setattr("openai_realtime._transport.websocket._CLOSE", 0.05)

    async def deaf(peer: Peer) -> None:
        assert peer.request.transport is not None
        peer.request.transport.pause_reading()
        await asyncio.Event().wait()

    async with connected(deaf, nothing) as connection:
        await connection.wait_for(Reconnected, 10)


async def test_two_renewals_without_an_event_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    delays = iter([0.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(Recovery, "renewal", lambda *_: next(delays, None))
    async with connected(nothing) as connection:
        reconnected = 0
        async for event in connection:
            reconnected += isinstance(event, Reconnected)
            if reconnected == 4:
                break
        assert not connection.closed


@pytest.mark.parametrize("trouble", ["refused", "no key", "lost while it is restored"])
async def test_a_renewal_that_fails_leaves_the_session_that_works_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    renewing_once(monkeypatch)
    monkeypatch.setattr("openai_realtime._connection.link._RENEWAL_PAUSE", 0.3)
    keys = iter(["k", *([] if trouble == "no key" else ["k"])])
    failed = asyncio.Event()

    def key() -> str:
        found = next(keys, None)
        if found is None and not failed.is_set():
            failed.set()
            raise LookupError("no key just now")
        return "k"

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        await failed.wait()
        await peer.answers(1)

    async def refuse(peer: Peer) -> None:
        if trouble == "refused":
            await peer.refuse("invalid_api_key", 3000, "invalid_request_error.invalid_api_key")
        else:
            await peer.greet()
            await peer.receive()
            peer.abort()
        failed.set()

    async def third(peer: Peer) -> None:
        await peer.answers(2)

    scripts = [greeting(first), *([] if trouble == "no key" else [refuse]), greeting(third)]
    async with (
        serving(*scripts, api_key=key) as client,
        client.connect(model="m", session=TEXT, reconnect=POLICY) as connection,
    ):
        await failed.wait()
        added = await connection.create_item(UserMessage.from_text("still here"))
        assert (await connection.wait_for(Reconnected, 10)).restored == [added.item.id]


async def test_a_session_that_changes_while_its_renewal_is_prepared_is_restored_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renewing_once(monkeypatch)

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        peer.socket._autoclose = False
        assert (await peer.socket.receive()).type.name == "CLOSE"
        peer.socket._writer._closing = False  # type: ignore[union-attr]
        await peer.add(said("late", "of the telephone"))
        await peer.socket.close()

    async def second(peer: Peer) -> None:
        await peer.answers(1)

    async def third(peer: Peer) -> None:
        await peer.answers(2)

    async with connected(first, second, third, session=TEXT) as connection:
        assert (await connection.wait_for(Reconnected, 10)).restored == ["late"]


def recovery(expires_at: Any, before: float | None) -> Recovery:
    made = Recovery(None, None, None, ReconnectPolicy(renew_before=before))  # type: ignore[arg-type]
    made.tracker.expires_at = expires_at
    return made


@pytest.mark.parametrize(
    ("expires_at", "before", "delay"),
    [
        (4600, 60, 3540),
        (4600, 5000, 1800),
        (4600, None, None),
        (None, 60, None),
        (1000, 60, None),  # the clocks differ: a renewal would come at once, and again
        (900, 60, None),
    ],
)
async def test_when_a_session_is_renewed(expires_at: Any, before: float | None, delay: float | None) -> None:
    assert recovery(expires_at, before).renewal(1000) == delay


# --- calls ------------------------------------------------------------------------------------------------------------


async def on_a_call(*operations: Any, second: Script, count: int) -> tuple[Reconnected, list[Any]]:
    """What operations give whose answers are lost with the sideband of a call, and how that is told."""

    async def first(peer: Peer) -> None:
        for _ in range(count):
            await peer.receive()
        peer.abort()

    async with connected(first, second, model=None, call_id="rtc_1") as connection:
        results = await asyncio.gather(*(make(connection) for make in operations), return_exceptions=True)
        return await unread(connection), results


@pytest.mark.parametrize("done", [True, False])
async def test_on_a_call_the_server_is_asked_whether_it_made_an_item(done: bool) -> None:  # noqa: FBT001 - a parameter
    kinds: list[str] = []

    async def second(peer: Peer) -> None:
        question = await peer.receive_type("conversation.item.retrieve")
        if done:
            await peer.send("conversation.item.retrieved", item=said("mine", "Hi"))
            return
        error = {"code": "item_not_found", "message": "no", "event_id": question["event_id"]}
        await peer.send("error", error=error)
        kinds.append((await peer.answers(1))[0]["type"])

    item = UserMessage(id="mine", content=[InputText(text="Hi")])
    reconnected, (added,) = await on_a_call(lambda connection: connection.create_item(item), second=second, count=1)
    assert added.item.id == "mine"
    assert (reconnected.lost, len(reconnected.resent)) == ([], 0 if done else 1)
    assert kinds == ([] if done else ["conversation.item.create"])


@pytest.mark.parametrize("done", [True, False])
async def test_on_a_call_the_server_is_asked_whether_it_deleted_an_item(done: bool) -> None:  # noqa: FBT001 - a parameter
    async def second(peer: Peer) -> None:
        question = await peer.receive_type("conversation.item.retrieve")
        if done:
            error = {"code": "item_not_found", "message": "no", "event_id": question["event_id"]}
            await peer.send("error", error=error)
        else:
            await peer.send("conversation.item.retrieved", item=said("mine", "Hi"))
            await peer.receive_type("conversation.item.delete")
            await peer.send("conversation.item.deleted", item_id="mine")

    reconnected, (deleted,) = await on_a_call(lambda connection: connection.delete_item("mine"), second=second, count=1)
    assert deleted.item_id == "mine"
    assert (reconnected.lost, len(reconnected.resent)) == ([], 0 if done else 1)


async def test_on_a_call_nothing_is_spoken_or_committed_twice() -> None:
    async def second(peer: Peer) -> None:
        await peer.receive_type("session.update")  # harms nobody twice, and is the first to come
        await peer.send("session.updated", session={"instructions": "x"})

    reconnected, results = await on_a_call(
        lambda connection: connection.create_response(),
        lambda connection: connection.append_audio(bytes(480)),
        lambda connection: connection.commit_audio(),
        lambda connection: connection.update_session(settings(instructions="x")),
        second=second,
        count=4,
    )
    assert [type(result) for result in results[::2]] == [ConnectionClosedError] * 2
    assert results[3].session.raw == {"instructions": "x"}
    assert [lost.what for lost in reconnected.lost] == ["event", "event", "audio"]
    assert "10 ms" in reconnected.lost[2].reason


async def test_a_call_whose_session_has_expired_is_over_at_once() -> None:
    async def first(peer: Peer) -> None:
        await peer.refuse("session_expired", 1001, "Your session hit the maximum duration of 60 minutes.")

    kinds: list[str] = []
    async with connected(first, model=None, call_id="rtc_1") as connection:
        with pytest.raises(SessionExpiredError):
            await read_into(kinds, connection)
    assert kinds == ["error"]


# --- the blocking form ------------------------------------------------------------------------------------------------


def blocking(options: Any, emulator: Emulator) -> list[str]:
    with RealtimeClient(**options) as client, client.connect(model=MODEL, session=TEXT, reconnect=POLICY) as connection:
        added = connection.create_item(UserMessage.from_text("Say hello"))
        emulator.inject_fault(faults.Drop(), now=True)
        assert connection.wait_for(Reconnected, DEADLINE).restored == [added.item.id]
        connection.create_response()
        kinds = []
        for event in connection:
            kinds.append(event.type)
            if isinstance(event, ResponseDone):
                assert event.response.output[0].content[0].text == "Say hello"
                break
        return kinds


async def test_the_blocking_form_goes_on_too() -> None:
    async with asyncio.timeout(30), Emulator() as emulator:
        kinds = await asyncio.to_thread(blocking, emulator.client_options, emulator)
    assert kinds.count("openai_realtime.reconnected") == 1
    assert kinds.count("session.created") == 2


# --- what cannot come from outside ------------------------------------------------------------------------------------


async def test_a_server_that_does_not_answer_the_restore_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai_realtime._connection.reconnect._ANSWER", 0.05)

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        peer.abort()

    async def deaf(peer: Peer) -> None:
        await peer.receive()

    async def third(peer: Peer) -> None:
        await peer.answers(1)

    async with connected(first, deaf, third, session=TEXT) as connection:
        await connection.wait_for(Reconnected, 10)


async def test_odd_errors_during_a_restore_are_passed_on() -> None:
    async def first(peer: Peer) -> None:
        await peer.answers(1)
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.socket.send_str(json.dumps({"type": "error", "error": "odd"}))
        await peer.answers(1)

    async with connected(first, second, session=TEXT) as connection:
        await connection.wait_for(Reconnected, 10)
        await connection.wait_for(lambda event: event.type == "error", 10)


async def test_the_tools_that_a_server_lists_during_a_restore_are_told() -> None:
    listed = {"id": "list", "type": "mcp_list_tools", "server_label": "docs", "tools": []}

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        peer.abort()

    async def second(peer: Peer) -> None:
        update = await peer.receive()
        await peer.add(listed)
        await peer.answer(update)

    async with connected(first, second, session=TEXT) as connection:
        await connection.wait_for(Reconnected, 10)
        assert (await connection.wait_for(ConversationItemAdded, 10)).item.id == "list"


async def test_a_frame_that_is_no_event_does_not_refuse_the_settings_of_a_restore() -> None:
    async def first(peer: Peer) -> None:
        await peer.answers(1)
        peer.abort()

    async def second(peer: Peer) -> None:
        update = await peer.receive()
        await peer.socket.send_str("no event")
        await peer.answer(update)

    async with connected(first, second, session=TEXT) as connection:
        await connection.wait_for(Reconnected, 10)


async def test_an_event_whose_type_is_no_text_does_not_end_a_restore() -> None:
    async def first(peer: Peer) -> None:
        await peer.answers(1)
        peer.abort()

    async def second(peer: Peer) -> None:
        update = await peer.receive()
        await peer.socket.send_str('{"type": ["x"]}')
        await peer.answer(update)

    async with connected(first, second, session=TEXT) as connection:
        await connection.wait_for(Reconnected, 10)


@pytest.mark.parametrize("junk", ["yes", True, {"items": []}])
async def test_what_on_reconnect_returns_and_is_no_plan_is_told(junk: Any) -> None:
    async def first(peer: Peer) -> None:
        peer.abort()

    policy = ReconnectPolicy(on_reconnect=lambda _: junk)
    async with connected(first, policy=policy) as connection:
        with pytest.raises(ConnectionClosedError) as ended:
            await read_into([], connection)
    assert "on_reconnect" in str(ended.value.__cause__)
    assert "a RestorePlan or None" in str(ended.value.__cause__)


# --- interruption after a reconnect -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("played", "left", "kinds"),
    [
        (500, "It was a dark", ["delete", "create"]),
        (0, "", ["delete"]),
        (5000, None, []),
    ],
)
async def test_speech_that_was_restored_as_text_is_cut_to_the_words_that_were_played(
    played: int, left: str | None, kinds: list[str]
) -> None:
    seen: list[dict[str, Any]] = []

    async def first(peer: Peer) -> None:
        await peer.add(said("before", "Tell me"))
        part = {"type": "output_audio", "transcript": "It was a dark and stormy night"}
        await peer.add({"id": "a", "type": "message", "role": "assistant", "content": [part]}, "before")
        audio = base64.b64encode(bytes(1000 * 48)).decode()
        await peer.send("response.output_audio.delta", item_id="a", content_index=0, delta=audio)
        await peer.send("rate_limits.updated", rate_limits=[])
        await peer.receive_type("response.cancel")
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.answers(2)
        for kind in kinds:
            event = await peer.receive_type(f"conversation.item.{kind}")
            seen.append(event)
            if kind == "delete":
                await peer.send("conversation.item.deleted", item_id="a")
            else:
                await peer.answer(event)

    async with connected(first, second) as connection:
        await connection.wait_for(RateLimitsUpdated, 10)
        await connection.cancel_response()
        assert (await unread(connection)).restored == ["before", "a"]
        truncated = await connection.truncate_item("a", audio_end_ms=played)
        assert (truncated.item_id, truncated.audio_end_ms) == ("a", played)
    assert [event["type"].rpartition(".")[2] for event in seen] == kinds
    if left:
        assert seen[1]["item"] == {**said("a", left, role="assistant"), "id": "a"}
        assert seen[1]["previous_item_id"] == "before"


# --- servers that differ ----------------------------------------------------------------------------------------------


async def test_items_that_the_new_server_calls_otherwise_are_restored_under_its_ids() -> None:
    async def first(peer: Peer) -> None:
        await peer.answers(1)
        await peer.receive_type("response.create")
        peer.abort()

    async def second(peer: Peer) -> None:
        create = await peer.receive_type("conversation.item.create")
        await peer.send("conversation.item.created", previous_item_id=None, item={**create["item"], "id": "made_here"})
        await begin_response(peer)

    async with connected(first, second) as connection:
        await connection.create_item(UserMessage.from_text("Hi"))
        assert (await connection.create_response()).response.id == "resp_9"
        reconnected = await unread(connection)
    assert (reconnected.restored, reconnected.lost) == (["made_here"], [])


async def begin_response(peer: Peer) -> None:
    create = await peer.receive_type("response.create")
    metadata = create["response"]["metadata"]
    await peer.send("response.created", response={"id": "resp_9", "conversation_id": "c", "metadata": metadata})


async def test_a_server_that_says_nothing_of_its_session_is_restored_without_waiting_for_that() -> None:
    async def first(peer: Peer) -> None:
        await peer.receive_type("session.update")
        await peer.receive_type("response.create")
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.receive_type("session.update")
        await begin_response(peer)

    options = ConnectOptions(wait_for_session=False)
    async with (
        serving(first, second) as client,
        client.connect(model="m", session=TEXT, reconnect=POLICY, options=options) as connection,
    ):
        assert (await connection.create_response()).response.id == "resp_9"
