"""What the two loggers tell: refusals, retries and events by type and size, and never a secret or a content."""

from __future__ import annotations

import logging

import pytest
from support.http_server import GONE, OK, Server, answer, api_error, connect, failure
from support.recovery import POLICY, greeting, lose, nothing
from support.scripted import DEADLINE, Peer, serving

from openai_realtime import APIStatusError, ConversationItemCreate, Reconnected, ResponseOutputTextDelta, UserMessage
from openai_realtime._logging import event_type

pytestmark = pytest.mark.anyio
WORDS = "the words of a user"
KEY = "hush-hush-0123456789"


def lines(caplog: pytest.LogCaptureFixture, logger: str) -> list[tuple[int, str]]:
    return [(level, text) for name, level, text in caplog.record_tuples if name == f"openai_realtime.{logger}"]


async def test_requests_and_retries(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Server(api_error(503, message=WORDS), OK) as server, connect(server) as client:
        await client.create_realtime_client_secret()
    (retry, done) = lines(caplog, "http")
    assert retry == (logging.INFO, "POST /realtime/client_secrets again in 0.000 s: InternalServerError (503)")
    assert done[0] == logging.DEBUG
    assert done[1].startswith("POST /realtime/client_secrets: 200 after 0.")
    assert WORDS not in caplog.text


async def test_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    page = answer(401, '{"error":{"message":"bad ' + KEY + '"}}')
    async with Server(page) as server, connect(server, api_key=KEY) as client:
        await failure(client.hangup_realtime_call("rtc_1"))
    assert lines(caplog, "http") == [
        (logging.INFO, "POST /realtime/calls/rtc_1/hangup failed: AuthenticationError (401)")
    ]


async def test_a_refused_upgrade(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with Server(GONE, answer(404)) as server, connect(server, api_key=KEY) as client:
        with pytest.raises(APIStatusError):
            await client.connect(model="m", query={"token": KEY}, headers={"X-Token": KEY})
    assert lines(caplog, "http") == [
        (logging.INFO, "upgrade of /realtime failed: InternalServerError (500)"),
        (logging.INFO, "upgrade again in 0.000 s: InternalServerError (500)"),
        (logging.INFO, "upgrade of /realtime failed: NotFoundError (404)"),
    ]
    assert KEY not in caplog.text


async def talk(peer: Peer) -> None:
    await peer.receive()
    await peer.send("response.output_text.delta", delta=WORDS, response_id="r", item_id="i", output_index=0)
    await peer.send(f"{WORDS}\n{KEY}")


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
async def test_events_by_type_and_size(level: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(level, logger="openai_realtime")
    async with serving(greeting(talk), api_key=KEY) as client, client.connect(model="m") as connection:
        await connection.send(ConversationItemCreate(item=UserMessage.from_text(WORDS)))
        await connection.wait_for(ResponseOutputTextDelta, timeout=DEADLINE)
        await connection.wait_for(lambda event: event.type.startswith(WORDS), timeout=DEADLINE)
    told = [text.partition(",")[0] for _, text in lines(caplog, "session")]
    assert told == ([] if level == logging.INFO else TOLD) + ["session ended with 1000"]
    assert WORDS not in caplog.text
    assert KEY not in caplog.text


TOLD = [
    "received session.created",
    "sending conversation.item.create",
    "received response.output_text.delta",
    "received an event without a proper type",
]


async def test_a_reconnect(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="openai_realtime.session")
    async with (
        serving(greeting(lose), greeting(nothing)) as client,
        client.connect(model="m", reconnect=POLICY) as connection,
    ):
        await connection.wait_for(Reconnected, timeout=DEADLINE)
    assert lines(caplog, "session") == [
        (logging.INFO, "connection ended with 1006: replaced by another"),
        (logging.INFO, "session ended with 1000"),
    ]


@pytest.mark.parametrize("odd", ["", "two words", "line\nline", "ü", 5, None, ["a"]])
def test_what_is_no_type_is_not_told(odd: object) -> None:
    assert event_type(odd) == "an event without a proper type"
