"""What a user sees of each fault that a server or the network can have, with and without reconnecting.

A row of `FAULTS` is a fault; every one meets the asynchronous and the blocking form. The same text turn is held each
time: settings, a message, a response of three words. Who is told that the response is lost asks for another, which has
two. The last word of a row says how it stands: "goes on" after an operation that the server answered, or the exception
that iterating, sending and waiting all raise; "ended" where the iteration ends without one.
"""

from __future__ import annotations

import json

import attrs
import pytest
from support.lifetime import DEADLINE, emulated, in_thread, no_thread_left

from openai_realtime import (
    APIError,
    APIStatusError,
    AsyncRealtimeClient,
    AsyncRealtimeConnection,
    ConnectionClosedError,
    ConnectOptions,
    ConversationItemCreate,
    Error,
    RealtimeClient,
    RealtimeConnection,
    RealtimeSessionConfig,
    Reconnected,
    ReconnectPolicy,
    ResponseCreate,
    ResponseDone,
    ResponseOutputTextDelta,
    RetryPolicy,
    UnknownEvent,
    UserMessage,
)
from openai_realtime.emulator import Emulator, faults
from openai_realtime.models.events import ServerEvent
from openai_realtime.models.server_events import ErrorDetails

pytestmark = pytest.mark.anyio

MODEL = "gpt-realtime-2.1"
TEXT = RealtimeSessionConfig(output_modalities=["text"])
THREE_ATTEMPTS = RetryPolicy(max_retries=2, initial_delay=0)
LIMIT = 65_536  # bytes of a message

Seen = tuple[str, ...]

# What comes before the fault, which is after the first word, and what comes after it where it passes.
START = (
    "session.created",
    "session.updated",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "'one'",
)
MIDDLE = len(START)
END = (
    "response.output_text.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
)
REST = ("' two'", "' three'", *END, "goes on")
WHOLE = (*START, *REST)


def lost(*how: str) -> Seen:
    """The session is over, after everything that came before the fault."""
    return (*START, *how)


def restored(code: int, reason: str, *before: str) -> Seen:
    """The message and the word that came are put into a new session; the response is lost, and the second one comes."""
    reconnected = f"reconnected after {code} {reason}: 2 restored, 0 resent, lost: response"
    again = ("response.created", "response.output_item.added", "conversation.item.added", "response.content_part.added")
    return (*START, *before, reconnected, "session.created", *again, "'four'", "' five'", *END, "goes on")


def passes(*more: str) -> Seen:
    """The session goes on, and all that came is seen in its place."""
    return (*START, *more, *REST)


def message(text: str | bytes) -> faults.Fault:
    return faults.Message(at=MIDDLE, message=text)


def api_error(kind: str, code: str | None) -> ErrorDetails:
    return ErrorDetails(type=kind, code=code, message="No.")


@attrs.frozen
class Row:
    """`injected` are the faults of one connection after the other; `on` is seen with reconnect, `off` without."""

    name: str
    injected: faults.Fault | tuple[faults.Fault, ...]
    off: Seen
    on: Seen
    options: ConnectOptions = ConnectOptions(max_message_size=LIMIT)  # noqa: RUF009 - frozen


CUT = "the connection was lost"
SILENT = "the server stopped answering pings"
AGE = "Your session hit the maximum duration of 60 minutes."
TOO_LARGE = f"Message size {LIMIT + 26} exceeds limit {LIMIT}"
KEY = api_error("invalid_request_error", "invalid_api_key")
QUOTA = api_error("invalid_request_error", "insufficient_quota")
SORRY = api_error("server_error", None)
UNANSWERED = f"reconnected after 1006 {CUT}: 0 restored, 1 resent, lost: nothing"
AT_ONCE = faults.Drop()
PINGING = ConnectOptions(heartbeat=1.0)  # seconds; the answer may take half of it
HASTY = ConnectOptions(open_timeout=1.5)  # enough for the attempt after the silent one
HOPELESS = ConnectOptions(open_timeout=0.1)  # where no attempt shall succeed

FAULTS = [
    # Before the session is open: the connection is tried again, with or without reconnect.
    Row("drop-before-first-event", AT_ONCE, WHOLE, WHOLE),
    Row("half-frame-before-first-event", faults.HalfFrame(), WHOLE, WHOLE),
    Row("close-before-first-event", faults.Close(code=1012), WHOLE, WHOLE),
    Row("silence-before-first-event", faults.Silence(), WHOLE, WHOLE, HASTY),
    Row("accept-then-server-error", faults.Close(error=SORRY), WHOLE, WHOLE),
    Row(
        "accept-then-server-error-always",
        (faults.Close(error=SORRY),) * 3,
        ("InternalServerError None 1011",),
        ("InternalServerError None 1011",),
    ),
    Row(
        "accept-then-bad-key",
        faults.Close(error=KEY, code=3000),
        ("AuthenticationError invalid_api_key 3000",),
        ("AuthenticationError invalid_api_key 3000",),
    ),
    Row(
        "accept-then-no-quota",
        faults.Close(error=QUOTA, code=4000),
        ("RateLimitError insufficient_quota 4000",),
        ("RateLimitError insufficient_quota 4000",),
    ),
    Row("drop-always", (AT_ONCE,) * 3, ("APIConnectionError",), ("APIConnectionError",)),
    Row("silence-always", (faults.Silence(),) * 3, ("APITimeoutError",), ("APITimeoutError",), HOPELESS),
    # The settings are not answered: `connect` fails, or sends them again.
    Row(
        "drop-before-settings",
        faults.Drop(at="session.updated"),
        (f"ConnectionClosedError 1006 {CUT}",),
        ("session.created", UNANSWERED, *WHOLE),
    ),
    # In the middle of a response.
    Row("drop", faults.Drop(at=MIDDLE), lost(f"ConnectionClosedError 1006 {CUT}"), restored(1006, CUT)),
    Row("half-frame", faults.HalfFrame(at=MIDDLE), lost(f"ConnectionClosedError 1006 {CUT}"), restored(1006, CUT)),
    Row(
        "silence",
        faults.Silence(at=MIDDLE),
        lost(f"ConnectionClosedError 1006 {SILENT}"),
        restored(1006, SILENT),
        PINGING,
    ),
    Row("close-1000", faults.Close(at=MIDDLE, code=1000, reason="bye"), lost("ended 1000 bye"), lost("ended 1000 bye")),
    *(
        Row(
            f"close-{code}",
            faults.Close(at=MIDDLE, code=code, reason="bye"),
            lost(f"ConnectionClosedError {code} bye"),
            restored(code, "bye"),
        )
        for code in (1001, 1011, 1012, 1013)
    ),
    *(
        Row(
            f"close-{code}",
            faults.Close(at=MIDDLE, code=code, reason="bye"),
            lost(f"ConnectionClosedError {code} bye"),
            lost(f"ConnectionClosedError {code} bye"),
        )
        for code in (1002, 1008, 3000, 4000)
    ),
    Row(
        "error-then-close",
        faults.Close(at=MIDDLE, error=SORRY, reason="bye"),
        lost("error None", "ConnectionClosedError 1011 bye after error None"),
        restored(1011, "bye", "error None"),
    ),
    Row(
        "fatal-error-then-close",
        faults.Close(at=MIDDLE, error=QUOTA, reason="bye"),
        lost("error insufficient_quota", "ConnectionClosedError 1011 bye after error insufficient_quota"),
        lost("error insufficient_quota", "ConnectionClosedError 1011 bye after error insufficient_quota"),
    ),
    Row(
        "expire",
        faults.Expire(at=MIDDLE),
        lost("error session_expired", f"SessionExpiredError 1001 {AGE} after error session_expired"),
        restored(1001, AGE, "error session_expired"),
    ),
    # The new connection has a fault too.
    Row(
        "drop-twice",
        (faults.Drop(at=MIDDLE), AT_ONCE),
        lost(f"ConnectionClosedError 1006 {CUT}"),
        restored(1006, CUT),
    ),
    Row(
        "drop-in-the-restore",
        (faults.Drop(at=MIDDLE), faults.Drop(at="conversation.item.added")),
        lost(f"ConnectionClosedError 1006 {CUT}"),
        restored(1006, CUT),
    ),
    Row(
        "drop-for-good",
        (faults.Drop(at=MIDDLE), *(AT_ONCE,) * 3),
        lost(f"ConnectionClosedError 1006 {CUT}"),
        lost(f"ConnectionClosedError 1006 {CUT} because APIConnectionError"),
    ),
    Row(
        "drop-then-bad-key",
        (faults.Drop(at=MIDDLE), faults.Close(error=KEY, code=3000)),
        lost(f"ConnectionClosedError 1006 {CUT}"),
        lost(f"ConnectionClosedError 1006 {CUT} because AuthenticationError invalid_api_key 3000"),
    ),
    # What the session survives.
    Row("delay", faults.Delay(at=MIDDLE, seconds=0.1), WHOLE, WHOLE),
    Row("swap", faults.Swap(at=MIDDLE), lost("' three'", "' two'", *REST[2:]), lost("' three'", "' two'", *REST[2:])),
    Row("unknown-event", message('{"type":"brand.new","x":[1]}'), passes("brand.new"), passes("brand.new")),
    Row(
        "unknown-values",
        message('{"type":"response.output_item.done","item":{"type":"hologram","status":"pondering"},"more":null}'),
        passes("response.output_item.done"),
        passes("response.output_item.done"),
    ),
    Row("no-type", message('{"x":1}'), passes("no type"), passes("no type")),
    Row("invalid-json", message("{nope"), passes("error invalid_json"), passes("error invalid_json")),
    Row("no-object", message("[1]"), passes("error invalid_json"), passes("error invalid_json")),
    Row("binary-frame", message(b"\0\1"), passes("error invalid_event"), passes("error invalid_event")),
    Row("error-event", message('{"type":"error","error":{"code":"x"}}'), passes("error x"), passes("error x")),
    Row(
        "oversized-message",
        message(json.dumps({"type": "pad", "pad": "x" * LIMIT})),
        lost(f"ConnectionClosedError 1009 {TOO_LARGE}"),
        lost(f"ConnectionClosedError 1009 {TOO_LARGE}"),
    ),
]

EVERY = pytest.mark.parametrize("row", FAULTS, ids=lambda row: row.name)
BOTH = pytest.mark.parametrize("reconnect", [None, ReconnectPolicy(retry=THREE_ATTEMPTS)], ids=["off", "on"])


@EVERY
@BOTH
async def test_asyncio(row: Row, reconnect: ReconnectPolicy | None) -> None:
    async with (
        emulated(retry=THREE_ATTEMPTS) as (emulator, client),
    ):
        prepare(emulator, row)
        assert await hold_turn(client, row.options, reconnect) == (row.on if reconnect else row.off)


@EVERY
@BOTH
def test_blocking(row: Row, reconnect: ReconnectPolicy | None) -> None:
    def run() -> Seen:
        with (
            Emulator() as emulator,
            RealtimeClient(**emulator.client_options, retry=THREE_ATTEMPTS) as client,
        ):
            prepare(emulator, row)
            return hold_turn_blocking(client, row.options, reconnect)

    with no_thread_left():
        assert in_thread(run).result(DEADLINE) == (row.on if reconnect else row.off)


def prepare(emulator: Emulator, row: Row) -> None:
    for fault in row.injected if isinstance(row.injected, tuple) else (row.injected,):
        emulator.inject_fault(fault)
    emulator.reply("one two three", "four five")


async def hold_turn(client: AsyncRealtimeClient, options: ConnectOptions, reconnect: ReconnectPolicy | None) -> Seen:
    seen: list[str] = []
    try:
        async with client.connect(model=MODEL, session=TEXT, options=options, reconnect=reconnect) as connection:
            await connection.send(ConversationItemCreate(item=UserMessage.from_text("Count.")))
            await connection.send(ResponseCreate())
            raised = None
            try:
                async for event in connection:
                    seen.append(shown(event))
                    if has_lost_a_response(event):
                        await connection.send(ResponseCreate())
                    if isinstance(event, ResponseDone):
                        break
            except ConnectionClosedError as error:
                raised = error
            seen.append(await how_it_stands(connection, raised))
    except (APIError, ConnectionClosedError) as error:
        seen.append(described(error))
    return tuple(seen)


def hold_turn_blocking(client: RealtimeClient, options: ConnectOptions, reconnect: ReconnectPolicy | None) -> Seen:
    seen: list[str] = []
    try:
        with client.connect(model=MODEL, session=TEXT, options=options, reconnect=reconnect) as connection:
            connection.send(ConversationItemCreate(item=UserMessage.from_text("Count.")))
            connection.send(ResponseCreate())
            raised = None
            try:
                for event in connection:
                    seen.append(shown(event))
                    if has_lost_a_response(event):
                        connection.send(ResponseCreate())
                    if isinstance(event, ResponseDone):
                        break
            except ConnectionClosedError as error:
                raised = error
            seen.append(how_it_stands_blocking(connection, raised))
    except (APIError, ConnectionClosedError) as error:
        seen.append(described(error))
    return tuple(seen)


async def how_it_stands(connection: AsyncRealtimeConnection, raised: ConnectionClosedError | None) -> str:
    if not connection.closed:
        await connection.update_session(TEXT)
        return "goes on"
    with pytest.raises(ConnectionClosedError) as sending:
        await connection.send(ResponseCreate())
    with pytest.raises(ConnectionClosedError) as waiting:
        await connection.wait_for(ResponseDone)
    return ending(raised, sending.value, waiting.value)


def how_it_stands_blocking(connection: RealtimeConnection, raised: ConnectionClosedError | None) -> str:
    if not connection.closed:
        connection.update_session(TEXT)
        return "goes on"
    with pytest.raises(ConnectionClosedError) as sending:
        connection.send(ResponseCreate())
    with pytest.raises(ConnectionClosedError) as waiting:
        connection.wait_for(ResponseDone)
    return ending(raised, sending.value, waiting.value)


def ending(raised: ConnectionClosedError | None, *others: ConnectionClosedError) -> str:
    """How a session ended, which all must tell alike."""
    (told,) = {described(error) for error in (raised, *others) if error}
    return told if raised else told.replace("ConnectionClosedError", "ended")


def has_lost_a_response(event: ServerEvent) -> bool:
    return isinstance(event, Reconnected) and any(lost.what == "response" for lost in event.lost)


def shown(event: ServerEvent) -> str:
    """An event in a few words."""
    match event:
        case ResponseOutputTextDelta(delta=delta):
            return repr(delta)
        case Error():
            return f"error {event.error.code}"
        case Reconnected():
            lost = ", ".join(lost.what for lost in event.lost) or "nothing"
            counts = f"{len(event.restored)} restored, {len(event.resent)} resent"
            return f"reconnected after {event.code} {event.reason}: {counts}, lost: {lost}"
        case UnknownEvent():
            assert event.raw
    return str(event.type or "no type")


def described(error: BaseException) -> str:
    """An exception with the codes that tell its cause."""
    words: list[object] = [type(error).__name__]
    if isinstance(error, APIStatusError):
        words += [error.code, error.close_code]
    if isinstance(error, ConnectionClosedError):
        words += [error.code, error.reason]
        words += ["after error", error.event["error"]["code"]] if error.event else []
    if error.__cause__:
        words += ["because", described(error.__cause__)]
    return " ".join(map(str, words))


IDLE = [
    (faults.Drop(), f"ConnectionClosedError 1006 {CUT}", f"1006 {CUT}"),
    (faults.HalfFrame(), f"ConnectionClosedError 1006 {CUT}", f"1006 {CUT}"),
    (faults.Close(code=1012, reason="bye"), "ConnectionClosedError 1012 bye", "1012 bye"),
    (faults.Silence(), f"ConnectionClosedError 1006 {SILENT}", f"1006 {SILENT}"),
]


@pytest.mark.parametrize(("fault", "off", "on"), IDLE, ids=[type(fault).__name__ for fault, *_ in IDLE])
async def test_now(fault: faults.Fault, off: str, on: str) -> None:
    """Without anything under way nothing is lost, and a wait is told at once, not at the next send."""
    async with emulated() as (emulator, client):
        async with client.connect(model=MODEL, session=TEXT, options=PINGING) as connection:
            emulator.inject_fault(fault, now=True)
            with pytest.raises(ConnectionClosedError) as caught:
                await connection.wait_for(ResponseDone)
            assert described(caught.value) == off
        policy = ReconnectPolicy(retry=THREE_ATTEMPTS)
        async with client.connect(model=MODEL, session=TEXT, options=PINGING, reconnect=policy) as connection:
            emulator.inject_fault(fault, now=True)
            reconnected = await connection.wait_for(Reconnected)
            assert shown(reconnected) == f"reconnected after {on}: 0 restored, 0 resent, lost: nothing"
            assert await how_it_stands(connection, None) == "goes on"
