"""A spoken turn is not lost with its connection, at whatever point of it that happens."""

from __future__ import annotations

import asyncio
import base64
import time
from typing import Any

import attrs
import pytest
from support.recovery import POLICY, greeting
from support.scripted import Peer, serving

from openai_realtime import (
    ConnectionClosedError,
    RateLimitsUpdated,
    RealtimeSessionConfig,
    RealtimeTranscriptionSessionConfig,
    Reconnected,
    ReconnectPolicy,
    ResponseDone,
    SessionExpiring,
    structure_request,
)

pytestmark = pytest.mark.anyio

SECOND = 48_000
SPEECH = bytes(range(256)) * (SECOND // 256) + bytes(SECOND % 256)


def settings(*, detect: bool = False, transcribe: bool = True, **detection: Any) -> dict[str, Any]:
    turn_detection = {"type": "server_vad", **detection} if detect else None
    return {
        "turn_detection": turn_detection,
        "transcription": {"model": "gpt-4o-transcribe"} if transcribe else None,
    }


def talking(**options: Any) -> RealtimeSessionConfig:
    return structure_request({"type": "realtime", "audio": {"input": settings(**options)}}, RealtimeSessionConfig)


def turn(item_id: str = "turn") -> dict[str, Any]:
    return {"id": item_id, "type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}


async def spoken(peer: Peer, upto: str, *, seconds: int = 1) -> None:
    """Take a turn of push-to-talk, and cut the connection at one of the points of its way."""
    await peer.answers(1)
    for _ in range(seconds):
        await peer.receive_type("input_audio_buffer.append")
    await peer.receive_type("input_audio_buffer.commit")
    if upto != "commit":
        await peer.send("input_audio_buffer.committed", item_id="turn", previous_item_id=None)
    if upto not in ("commit", "committed"):
        await peer.send("conversation.item.added", item=turn(), previous_item_id=None)
    transcription = "conversation.item.input_audio_transcription"
    if upto in ("delta", "completed"):
        await peer.send(f"{transcription}.delta", item_id="turn", content_index=0, delta="Please do not")
    if upto == "completed":
        text = "Please do not delete my account"
        await peer.send(f"{transcription}.completed", item_id="turn", content_index=0, transcript=text)
    await peer.send("rate_limits.updated", rate_limits=[])
    if upto != "commit":
        await peer.receive_type("input_audio_buffer.clear")  # all was read
    peer.abort()


@pytest.mark.parametrize(
    ("upto", "transcribe"),
    [
        ("committed", True),
        ("added", True),
        ("delta", True),
        ("completed", True),
        ("committed", False),
        ("added", False),
    ],
)
async def test_a_committed_turn_is_in_the_new_session_whole(upto: str, transcribe: bool) -> None:  # noqa: FBT001 - a parameter
    restored: list[Any] = []

    async def second(peer: Peer) -> None:
        await peer.answers(1)
        if transcribe or upto == "committed":
            restored.append((await peer.answers(1))[0]["item"])
        await peer.send("response.done", response={"id": "r"})

    async def first(peer: Peer) -> None:
        await spoken(peer, upto)

    async with (
        serving(greeting(first), greeting(second)) as client,
        client.connect(model="m", session=talking(transcribe=transcribe), reconnect=POLICY) as connection,
    ):
        await connection.append_audio(SPEECH)
        assert (await connection.commit_audio()).item_id == "turn"
        await connection.wait_for(RateLimitsUpdated, 10)
        with pytest.raises(ConnectionClosedError):  # what clears is done again, and nobody answers here
            await asyncio.gather(connection.clear_audio(), connection.wait_for(ResponseDone))
        reconnected = await until_replaced(connection)
    lost = [(lost.what, lost.id) for lost in reconnected.lost if lost.what != "event"]
    if not restored:  # its audio was let go when its item came, because nobody transcribes
        assert lost == [("item", "turn")]
        return
    (item,), (part,) = restored, restored[0]["content"]
    assert (item["id"], reconnected.restored) == ("turn", ["turn"])
    if upto == "completed":
        assert (part["text"], lost) == ("Please do not delete my account", [])
    else:
        assert base64.b64decode(part["audio"]) == SPEECH
        assert lost == ([("transcript", "turn")] if transcribe else [])


async def until_replaced(connection: Any) -> Reconnected:
    async for event in connection:
        if isinstance(event, Reconnected):
            return event
    raise AssertionError


async def test_a_detected_turn_that_nobody_answered_yet_is_spoken_again() -> None:
    """Restored as an item it would stay without an answer: the server begins one itself for what it hears."""
    heard, all_heard = bytearray(), asyncio.Event()

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        await peer.send("input_audio_buffer.speech_started", item_id="turn", audio_start_ms=0)
        for _ in range(3):
            await peer.receive_type("input_audio_buffer.append")
        await peer.send("input_audio_buffer.speech_stopped", item_id="turn", audio_end_ms=2500)
        await peer.send("input_audio_buffer.committed", item_id="turn")
        await peer.send("rate_limits.updated", rate_limits=[])
        await peer.receive_type("input_audio_buffer.append")
        peer.abort()

    async def second(peer: Peer) -> None:
        await peer.answers(1)
        while len(heard) < 4 * SECOND:
            heard.extend(base64.b64decode((await peer.receive_type("input_audio_buffer.append"))["audio"]))
        all_heard.set()

    audio = SPEECH * 4
    async with (
        serving(greeting(first), greeting(second)) as client,
        client.connect(model="m", session=talking(detect=True), reconnect=POLICY) as connection,
    ):
        await connection.append_audio(audio[: 3 * SECOND])
        await connection.wait_for(RateLimitsUpdated, 10)
        await connection.append_audio(audio[3 * SECOND :])
        reconnected = await connection.wait_for(Reconnected, 10)
        assert (reconnected.restored, reconnected.resent, reconnected.resent_audio_ms, reconnected.lost) == (
            [],
            [],
            4000,
            [],
        )
        await all_heard.wait()
    assert bytes(heard) == audio


async def test_a_detected_turn_that_is_answered_is_an_item_and_what_follows_it_audio() -> None:
    seen: list[Any] = []

    async def first(peer: Peer) -> None:
        await peer.answers(1)
        await peer.send("input_audio_buffer.speech_started", item_id="turn", audio_start_ms=0)
        await peer.receive_type("input_audio_buffer.append")
        await peer.send("input_audio_buffer.speech_stopped", item_id="turn", audio_end_ms=750)
        await peer.send("input_audio_buffer.committed", item_id="turn")
        await peer.send("conversation.item.added", item=turn(), previous_item_id=None)
        await peer.send("response.created", response={"id": "r", "conversation_id": "c"})
        await peer.send("rate_limits.updated", rate_limits=[])
        await peer.receive_type("input_audio_buffer.append")
        peer.abort()

    async def second(peer: Peer) -> None:
        seen.extend(await peer.answers(2))
        seen.extend([await peer.receive() for _ in range(2)])
        await peer.send("rate_limits.updated", rate_limits=[])

    async with (
        serving(greeting(first), greeting(second)) as client,
        client.connect(model="m", session=talking(detect=True), reconnect=POLICY) as connection,
    ):
        await connection.append_audio(SPEECH)
        await connection.wait_for(RateLimitsUpdated, 10)
        await connection.append_audio(b"ab")
        assert (await connection.wait_for(Reconnected, 10)).restored == ["turn"]
        await connection.wait_for(RateLimitsUpdated, 10)
    assert base64.b64decode(seen[1]["item"]["content"][0]["audio"]) == SPEECH[: 750 * 48]
    assert [base64.b64decode(event["audio"]) for event in seen[2:]] == [SPEECH[750 * 48 :], b"ab"]


async def test_a_turn_of_a_transcription_session_is_spoken_and_committed_again() -> None:
    """There are no items to be created there: the transcript is all that the session is for."""
    seen: list[str] = []

    async def first(peer: Peer) -> None:
        await spoken(peer, "delta")

    async def second(peer: Peer) -> None:
        await peer.answers(1)
        seen.extend([(await peer.receive())["type"] for _ in range(3)])
        await peer.send("rate_limits.updated", rate_limits=[])

    def hello(script: Any) -> Any:
        async def run(peer: Peer) -> None:
            await peer.send("session.created", session={"type": "transcription", "id": "s"})
            await script(peer)

        return run

    session = structure_request(
        {"type": "transcription", "audio": {"input": settings()}}, RealtimeTranscriptionSessionConfig
    )
    async with (
        serving(hello(first), hello(second)) as client,
        client.connect(intent="transcription", session=session, reconnect=POLICY) as connection,
    ):
        await connection.append_audio(SPEECH)
        await connection.commit_audio()
        await connection.wait_for(RateLimitsUpdated, 10)
        clearing = asyncio.create_task(connection.clear_audio(timeout=10))
        reconnected = await until_replaced(connection)
        assert (reconnected.restored, reconnected.lost) == ([], [])
        await connection.wait_for(RateLimitsUpdated, 10)
        clearing.cancel()
        await asyncio.wait([clearing])
    assert seen == ["input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear"]


async def test_reconnecting_without_progress_ends_and_with_progress_ends_after_a_number() -> None:
    attempts: list[Peer] = []

    async def overloaded(peer: Peer) -> None:
        attempts.append(peer)
        await peer.send("rate_limits.updated", rate_limits=[])
        await peer.socket.close(code=1011, message=b"overloaded")

    async with serving(greeting(overloaded)) as client:
        async with client.connect(model="m", reconnect=POLICY) as connection:
            with pytest.raises(ConnectionClosedError, match="overloaded"):
                await end_of(connection)
        assert len(attempts) == 4  # one, and three in its place

        policy = attrs.evolve(POLICY, stable_after=0.0, max_reconnects=6)
        async with client.connect(model="m", reconnect=policy) as connection:
            with pytest.raises(ConnectionClosedError, match="overloaded"):
                await end_of(connection)
    assert len(attempts) == 4 + 7


async def end_of(connection: Any) -> None:
    async for _ in connection:
        pass


@pytest.mark.parametrize("reconnect", [None, ReconnectPolicy()])
async def test_the_end_of_a_session_that_is_not_replaced_is_told_before_it_comes(reconnect: Any) -> None:
    async def script(peer: Peer) -> None:
        expires_at = time.time() + 0.4
        await peer.greet(expires_at=expires_at)
        await peer.receive_type("input_audio_buffer.append")
        await peer.send("rate_limits.updated", rate_limits=[])

    async with serving(script) as client, client.connect(model="m", reconnect=reconnect) as connection:
        if reconnect is None:
            event = await connection.wait_for(SessionExpiring, 10)
            assert event.expires_at > time.time()
        await connection.append_audio(b"12")
        await connection.wait_for(RateLimitsUpdated, 10)
        kinds = [(await connection.receive()).type for _ in range(connection.unread)]
    assert ("openai_realtime.session_expiring" in kinds) is (reconnect is None)


@pytest.mark.parametrize("expires_at", ["soon", None, -5, 0, True, 1e308, float("nan"), float("inf")])
async def test_an_odd_end_of_a_session_harms_nobody(expires_at: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.send("session.created", session={"id": "sess_9", "model": "m", "expires_at": expires_at})
        await peer.receive_type("input_audio_buffer.append")
        await peer.send("rate_limits.updated", rate_limits=[])

    async with serving(script) as client, client.connect(model="m") as connection:
        assert connection.session_id == "sess_9"
        assert "model='m' session_id='sess_9'" in repr(connection)
        await connection.append_audio(b"12")
        await connection.wait_for(RateLimitsUpdated, 10)
        assert connection.unread == 2
