"""How a session's connection ends: whoever leaves it, and however, nothing is left over and nobody waits on."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import gc
import inspect
import itertools
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import pytest
from aiohttp import web
from support.lifetime import DEADLINE, blocking, emulated, in_thread, nothing_left
from support.threads import FORK, FORKING, STRICT, Script, interrupted

from openai_realtime import (
    APITimeoutError,
    AsyncRealtimeClient,
    AsyncRealtimeConnection,
    ClientStateError,
    ConnectionClosedError,
    ConnectOptions,
    ConversationItemAdded,
    InputText,
    RealtimeClient,
    RealtimeConnection,
    RealtimeSessionConfig,
    ReconnectPolicy,
    ResponseCreate,
    ResponseDone,
    RestorePlan,
    RetryPolicy,
    SessionCreated,
    UnreadEventsError,
    UserMessage,
)
from openai_realtime._sync import connection as sync_connection, reader as sync_reader
from openai_realtime._sync.connecting import Connecting
from openai_realtime.emulator import Emulator, faults
from openai_realtime.models.events import ServerEvent

pytestmark = pytest.mark.anyio

MODEL = "gpt-realtime-2.1"


class Host:
    """A server that greets everybody, sends `flood` more events at once, and notes with which codes clients leave.

    With `stubborn` it reads nothing after the greeting, no close either, and with `mute` it does not even greet.
    """

    def __init__(self, *, flood: int = 0, stubborn: bool = False, mute: bool = False) -> None:
        self.codes: list[int | None] = []
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()
        self._flood, self._stubborn, self._mute = flood, stubborn, mute

    async def __aenter__(self) -> Self:
        server = web.Server(self._serve, handler_cancellation=True)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def client(self, **options: Any) -> AsyncRealtimeClient:
        url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return AsyncRealtimeClient(base_url=url, api_key="sk-made-up", **options)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if not self._mute:
            await socket.send_str('{"type":"session.created","session":{"type":"realtime"}}')
        self.arrived.set()
        for number in range(self._flood):
            await socket.send_str(f'{{"type":"number","number":{number}}}')
        if self._stubborn:
            await asyncio.Event().wait()
        async for _ in socket:
            pass
        self.codes.append(socket.close_code)
        self.left.set()
        return socket


def is_number(number: int) -> Callable[[ServerEvent], bool]:
    return lambda event: event.raw is not None and event.raw.get("number") == number


# --- leaving ----------------------------------------------------------------------------------------------------------


class Oops(Exception):  # noqa: N818 - no error of ours
    pass


async def fall_through(_: AsyncRealtimeConnection) -> None:
    pass


async def fail(_: AsyncRealtimeConnection) -> None:
    raise Oops


async def leave_the_loop(connection: AsyncRealtimeConnection) -> None:
    async for _ in connection:
        return


async def close_first(connection: AsyncRealtimeConnection) -> None:
    await connection.close()
    await asyncio.gather(connection.close(), connection.close())


async def close_and_fail(connection: AsyncRealtimeConnection) -> None:
    await connection.close()
    raise Oops


async def run_out_of_time(connection: AsyncRealtimeConnection) -> None:
    async with asyncio.timeout(0.05):
        async for _ in connection:
            pass


async def be_cancelled(connection: AsyncRealtimeConnection) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().call_soon(task.cancel)
    await connection.wait_for(ResponseDone)


async def fail_in_a_task_group(connection: AsyncRealtimeConnection) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(connection.wait_for(ResponseDone))
        group.create_task(connection.update_session(RealtimeSessionConfig()))
        group.create_task(fail(connection))


WAYS: list[tuple[Callable[[AsyncRealtimeConnection], Any], type[BaseException] | None]] = [
    (fall_through, None),
    (fail, Oops),
    (leave_the_loop, None),
    (close_first, None),
    (close_and_fail, Oops),
    (run_out_of_time, TimeoutError),
    (be_cancelled, asyncio.CancelledError),
    (fail_in_a_task_group, ExceptionGroup),
]


@pytest.mark.parametrize(("way", "error"), WAYS, ids=[way.__name__ for way, _ in WAYS])
@pytest.mark.parametrize("reconnect", [None, ReconnectPolicy(renew_before=60)], ids=["off", "on"])
async def test_leaving_keeps_the_first_exception_and_closes_the_socket(
    way: Callable[[AsyncRealtimeConnection], Any], error: type[BaseException] | None, reconnect: ReconnectPolicy | None
) -> None:
    async def use() -> None:
        async with client.connect(model="m", reconnect=reconnect) as connection:
            await way(connection)

    async with nothing_left(), Host() as host, host.client() as client:
        (raised,) = await asyncio.gather(asyncio.create_task(use()), return_exceptions=True)
        assert type(raised) is (error or type(None))
        assert getattr(raised, "__context__", None) is None or error is TimeoutError
        await host.left.wait()
        assert host.codes == [1000]


@pytest.mark.parametrize("host", [{"mute": True}, {"stubborn": True}], ids=str)
async def test_a_task_that_is_cancelled_while_it_connects_or_closes(host: dict[str, bool]) -> None:
    """A server that does not greet, and one that does not answer the close."""

    async def use() -> None:
        async with client.connect(model="m"):
            pass

    async with nothing_left(), Host(**host) as server, server.client() as client:
        task = asyncio.create_task(use())
        await server.arrived.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.05)


async def test_a_server_that_does_not_answer_the_close_holds_up_nobody() -> None:
    async with nothing_left(), Host(stubborn=True) as host, host.client() as client:
        async with client.connect(model="m") as connection:
            reading = asyncio.create_task(connection.wait_for(ResponseDone))
        with pytest.raises(ConnectionClosedError, match="1000"):
            await reading


async def test_the_client_is_closed_before_the_connection() -> None:
    async with nothing_left(), Host() as host, host.client() as client:
        async with client.connect(model="m", reconnect=ReconnectPolicy()) as connection:
            waiting = asyncio.create_task(connection.wait_for(ResponseDone))
            await connection.wait_for(SessionCreated)
            await client.close()
            with pytest.raises(ConnectionClosedError):
                await waiting
            with pytest.raises(ConnectionClosedError):
                await connection.send(ResponseCreate())
        assert connection.closed


async def test_a_client_that_is_closed_while_it_connects_says_so_whenever_that_is() -> None:
    async with Emulator() as emulator:
        for turns in range(60):
            client = AsyncRealtimeClient(**emulator.client_options)
            opening = asyncio.ensure_future(client.connect(model=MODEL))
            for _ in range(turns):
                await asyncio.sleep(0)
            await client.close()
            with contextlib.suppress(ClientStateError, ConnectionClosedError):
                assert (await opening).closed


def test_a_connection_whose_loop_is_gone_is_closed_for_good() -> None:
    with Emulator() as emulator:
        client = AsyncRealtimeClient(**emulator.client_options)

        async def leave() -> AsyncRealtimeConnection:
            return await client.connect(model=MODEL)

        async def arrive(connection: AsyncRealtimeConnection) -> None:
            with pytest.raises(ConnectionClosedError):
                await connection.update_session(RealtimeSessionConfig())
            await connection.close()
            await client.close()

        asyncio.run(arrive(asyncio.run(leave())))


@pytest.mark.parametrize("take", [copy.copy, copy.deepcopy, pickle.dumps])
async def test_a_connection_cannot_be_copied(take: Callable[[object], object]) -> None:
    async with emulated() as (_, client), client.connect(model=MODEL) as connection:
        with pytest.raises(TypeError, match="a connection cannot be copied or pickled"):
            take(connection)
        gc.collect()
        await connection.create_item(UserMessage.from_text("still there"))


# --- waking -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda c: c.receive(),
        anext,
        lambda c: c.wait_for(ResponseDone),
        lambda c: c.send(ResponseCreate()),
        lambda c: c.append_audio(bytes(2)),
        lambda c: c.create_item(UserMessage.from_text("x")),
        lambda c: c.create_response(),
        lambda c: c.ask("x"),
        lambda c: c.close(),
    ],
)
async def test_another_event_loop_is_refused_and_the_session_goes_on(use: Callable[[Any], Any]) -> None:
    """There it would wait for ever, and a send be taken for one on a lost connection."""
    async with emulated() as (_, client), client.connect(model=MODEL) as connection:
        await connection.receive()

        async def elsewhere() -> None:
            async with asyncio.timeout(DEADLINE):
                await use(connection)

        with pytest.raises(ClientStateError, match="belongs to another event loop"):
            await asyncio.to_thread(asyncio.run, elsewhere())
        assert isinstance(await connection.create_item(UserMessage.from_text("y")), ConversationItemAdded)


async def test_close_wakes_everybody() -> None:
    async def iterate() -> str:
        async for _ in connection:
            pass
        return "the end"

    async with nothing_left(), Host() as host, host.client() as client, client.connect(model="m") as connection:
        iterating = asyncio.create_task(iterate())
        waiting = [
            asyncio.create_task(wait)
            for wait in (
                connection.wait_for(ResponseDone),
                connection.wait_for(is_number(1), 600),
                connection.update_session(RealtimeSessionConfig()),
                connection.update_session(RealtimeSessionConfig()),  # waits its turn
                connection.commit_audio(),
                connection.create_response(),
                connection.create_response(),
                connection.create_item(UserMessage.from_text("x")),
                connection.cancel_response(),
            )
        ]
        while len(connection._requests._waits) < 5:  # noqa: ASYNC110 - all but those that wait for their turn
            await asyncio.sleep(0)
        await asyncio.create_task(connection.close())
        assert await iterating == "the end"
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, ConnectionClosedError), outcome
            assert (outcome.code, outcome.reason) == (1000, "by the client")
        for call in (connection.receive(), connection.wait_for(ResponseDone), connection.append_audio(b"\0\0")):
            with pytest.raises(ConnectionClosedError, match="1000"):
                await call


async def test_a_function_that_fails_ends_its_own_wait_and_nothing_else() -> None:
    def broken(_: ServerEvent) -> bool:
        raise Oops

    async with emulated() as (_, client), client.connect(model=MODEL) as connection:
        await connection.wait_for(SessionCreated)
        waiting = asyncio.create_task(connection.wait_for(broken))
        await asyncio.sleep(0)
        added = await connection.create_item(UserMessage.from_text("x"))
        with pytest.raises(Oops):
            await waiting
        assert await connection.retrieve_item(str(added.item.id))
        assert not connection.closed


async def test_close_ends_a_reconnect_that_goes_on_and_on() -> None:
    lost = asyncio.Event()

    def note(plan: RestorePlan) -> RestorePlan:
        lost.set()
        return plan

    retry = RetryPolicy(max_retries=1000, initial_delay=600, max_delay=600)
    policy = ReconnectPolicy(retry=retry, on_reconnect=note)
    async with emulated(retry=RetryPolicy(max_retries=0)) as (emulator, client):
        emulator.inject_fault(faults.Drop(at=1))
        emulator.inject_fault(faults.Drop())
        async with client.connect(model=MODEL, reconnect=policy) as connection:
            await connection.receive()
            await lost.wait()
            tasks = [asyncio.create_task(call) for call in (connection.send(ResponseCreate()), connection.receive())]
            await asyncio.sleep(0)
            await connection.close()
            for task in tasks:
                with pytest.raises(ConnectionClosedError, match="1000"):
                    await task


@pytest.mark.parametrize("buffer_size", [16 * 2**20, 1000], ids=["all-buffered", "server-held-back"])
async def test_close_with_many_unread_events(buffer_size: int) -> None:
    count, options = 10_000, ConnectOptions(buffer_size=buffer_size)
    async with nothing_left(), Host(flood=count) as host, host.client() as client:
        async with client.connect(model="m", options=options) as connection:
            if buffer_size > 1000:
                await connection.wait_for(is_number(count - 1))
            else:
                with pytest.raises(UnreadEventsError):
                    await connection.wait_for(is_number(count - 1))
        unread = [event async for event in connection]  # what was there is still there
        assert [event.raw["number"] for event in unread[1:] if event.raw] == list(range(len(unread) - 1))
        assert (len(unread) == count + 1) is (buffer_size > 1000)


# --- the blocking form ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closing", ["nothing", "the connection", "the client"])
def test_leaving_the_blocking_form_keeps_the_first_exception(closing: str) -> None:
    def leave(client: RealtimeClient) -> None:
        with client.connect(model=MODEL) as connection:
            if closing == "the connection":
                connection.close()
            if closing == "the client":
                client.close()
            raise Oops

    def run() -> None:
        with blocking() as (_, client):
            with pytest.raises(Oops) as caught:
                leave(client)
            assert caught.value.__context__ is None

    in_thread(run).result(DEADLINE)


def test_leaving_after_the_client_was_closed_is_no_error() -> None:
    def run() -> None:
        with blocking() as (_, client), client.connect(model=MODEL) as connection:
            client.close()
            connection.close()
            assert connection.closed

    in_thread(run).result(DEADLINE)


def test_a_blocking_connection_is_not_closed_inside_a_running_loop() -> None:
    with blocking() as (_, client), client.connect(model=MODEL) as connection:

        async def close() -> None:
            with pytest.raises(ClientStateError, match="block the running event loop"):
                connection.close()

        asyncio.run(close())
        assert connection.receive(DEADLINE)


def test_closing_the_client_ends_the_iteration_of_another_thread_as_closing_the_connection_does() -> None:
    def run() -> None:
        with blocking() as (_, client):
            connection = client.connect(model=MODEL).open()
            first = next(connection)
            reading = in_thread(lambda: list(connection))
            client.close()
            assert isinstance(first, SessionCreated)
            assert reading.result(DEADLINE) == []
            assert list(connection) == []

    in_thread(run).result(DEADLINE)


def test_closing_the_client_ends_an_iteration_that_is_about_to_make_room_in_the_buffer() -> None:
    def run() -> None:
        with blocking() as (_, client):
            connection = client.connect(model=MODEL, options=ConnectOptions(buffer_size=1)).open()
            run_in_loop = connection._lease.run

            def close_first(work: Any) -> Any:
                del connection._lease.run
                in_thread(client.close).result(DEADLINE)
                return run_in_loop(work)

            assert isinstance(next(connection), SessionCreated)
            connection._lease.run = close_first  # type: ignore[method-assign]
            assert list(connection) == []
            assert connection._lease.closed

    in_thread(run).result(DEADLINE)


def test_a_closed_client_has_no_usable_connections() -> None:
    def run() -> list[BaseException | None]:
        with blocking() as (_, client):
            connecting = client.connect(model=MODEL)
            connection = connecting.__enter__()
            connection.receive(DEADLINE)
            waits = [in_thread(connection.receive), in_thread(lambda: connection.wait_for(ResponseDone))]
            while not client._lease.waiters(client._lease.thread):
                threading.Event().wait(0.001)
            client.close()
            errors = [wait.exception(DEADLINE) for wait in waits]
            for call in (
                functools.partial(connection.send, ResponseCreate()),
                functools.partial(connection.wait_for, ResponseDone),
                functools.partial(connection.append_audio, b""),
            ):
                with pytest.raises(ClientStateError, match="the client is closed"):
                    call()
            with pytest.raises(ConnectionClosedError, match="1000"):
                connection.receive()
            return errors

    received, waited = in_thread(run).result(DEADLINE)
    assert isinstance(received, ConnectionClosedError)
    assert isinstance(waited, ClientStateError)


def test_one_thread_iterates_and_others_send_and_wait() -> None:
    threads, each = 4, 10

    def talk(connection: RealtimeConnection, number: int) -> list[str]:
        texts = [f"{number}-{index}" for index in range(each)]
        return [
            str(connection.create_item(UserMessage(id=text, content=[InputText(text=text)])).item.id) for text in texts
        ]

    def run() -> None:
        with blocking() as (_, client), client.connect(model=MODEL) as connection:
            waits = [
                in_thread(functools.partial(connection.wait_for, functools.partial(is_item, item_id=f"{number}-0")))
                for number in range(threads)
            ]
            while (
                len(client._lease.waiters(client._lease.thread)) < threads
            ):  # what a thread has read is not waited for
                threading.Event().wait(0.001)
            reading = in_thread(lambda: [event for event in connection if isinstance(event, ConversationItemAdded)])
            talks = [in_thread(functools.partial(talk, connection, number)) for number in range(threads)]
            made = [item_id for future in talks for item_id in future.result(DEADLINE)]
            found = [future.result(DEADLINE) for future in waits]
            connection.close()  # the iteration ends
            added = reading.result(DEADLINE)
        assert sorted(str(event.item.id) for event in added) == sorted(made)
        assert len(set(made)) == threads * each
        for number in range(threads):
            assert [event.item.id for event in added if str(event.item.id).startswith(f"{number}-")] == [
                f"{number}-{index}" for index in range(each)
            ]
        assert {id(event) for event in found} <= {id(event) for event in added}

    in_thread(run).result(DEADLINE)


def is_item(event: ServerEvent, item_id: str) -> bool:
    return isinstance(event, ConversationItemAdded) and event.item.id == item_id


def test_several_threads_that_iterate_share_the_events() -> None:
    count = 200

    def run() -> list[list[ServerEvent]]:
        with blocking() as (emulator, client):
            odd = (faults.Message(at=1, message=f'{{"type":"{number}"}}') for number in range(count))
            emulator.inject_fault(*odd, faults.Close(at=1, code=1000))
            with client.connect(model=MODEL) as connection:
                readings = [in_thread(lambda: list(connection)) for _ in range(4)]
                return [reading.result(DEADLINE) for reading in readings]

    shares = in_thread(run).result(DEADLINE)
    assert sorted(int(event.type) for share in shares for event in share if event.type.isdigit()) == list(range(count))


def test_a_thread_that_waits_for_another_to_read_has_a_timeout() -> None:
    def run() -> None:
        with blocking() as (_, client), client.connect(model=MODEL) as connection:
            connection.receive(DEADLINE)
            reading = in_thread(connection.receive)
            with pytest.raises(APITimeoutError, match=r"0\.01 seconds"):
                connection.receive(0.01)
            connection.create_item(UserMessage.from_text("x"))
            assert isinstance(reading.result(DEADLINE), ConversationItemAdded)

    in_thread(run).result(DEADLINE)


@pytest.mark.parametrize("timeout", [1e12, 10**100, float("inf")])
def test_a_timeout_that_no_clock_can_measure_is_none(timeout: float) -> None:
    with blocking() as (_, client), client.connect(model=MODEL) as connection:
        assert isinstance(connection.receive(timeout), SessionCreated)
        reading = in_thread(lambda: connection.receive(timeout))
        connection.create_item(UserMessage.from_text("x"))
        assert isinstance(reading.result(DEADLINE), ConversationItemAdded)


@pytest.mark.parametrize("handled", [ValueError, StopIteration])
def test_a_with_block_inside_an_except_block_leaves_without_that_exception(
    handled: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[tuple[object, ...]] = []
    original = Connecting.__exit__

    def leave(self: Connecting[Any], *error: object) -> None:
        left.append(error)
        original(self, *error)

    monkeypatch.setattr(Connecting, "__exit__", leave)
    with blocking() as (_, client):
        try:
            raise handled("the user's")  # noqa: TRY301 - what is handled here is the point
        except handled as error:
            depths = [len(list(traceback.walk_tb(error.__traceback__)))]
            with client.connect(model=MODEL) as connection:
                connection.receive(DEADLINE)
            depths.append(len(list(traceback.walk_tb(error.__traceback__))))
    assert left == [(None, None, None)]
    assert depths == [1, 1]


def test_an_interrupt_at_any_line_of_receive_loses_no_event() -> None:
    """Nor gives one twice, nor keeps a lock."""
    count = 6
    with blocking() as (emulator, client):
        for number in itertools.count(1):
            odd = (faults.Message(at=1, message=f'{{"type":"number","number":{n}}}') for n in range(count))
            emulator.inject_fault(*odd)
            seen: list[ServerEvent] = []
            with client.connect(model=MODEL) as connection:
                connection.wait_for(is_number(count - 1), DEADLINE)

                def read(connection: RealtimeConnection = connection, seen: list[ServerEvent] = seen) -> None:
                    seen.append(connection.receive(DEADLINE))

                read()
                hit = interrupted(read, number, sync_connection.__file__, sync_reader.__file__)
                while len(seen) <= count:
                    read()
                with pytest.raises(APITimeoutError):
                    connection.receive(0.01)
            assert [event.raw["number"] for event in seen[1:] if event.raw] == list(range(count)), number
            if not hit:
                break
    assert number > 3


# A signal may hit between the making of a coroutine and its start, of which Python warns, and rightly.
INTERRUPTED = ("-X", "dev", "-W", "error", "-W", "ignore:coroutine:RuntimeWarning")


@pytest.fixture
def served() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def script(emulator: Emulator, code: str, flags: Sequence[str] = STRICT) -> Script:
    """A Python process that has `connect()` and a client's key."""
    prelude = "from openai_realtime import *\nclient = connect(api_key=None)\n"
    return Script(emulator, prelude + inspect.cleandoc(code), flags, {"OPENAI_API_KEY": emulator.api_key})  # type: ignore[arg-type]


def test_ctrl_c_during_iteration_loses_no_event(served: Emulator) -> None:
    """Interrupted while it waits, again and again, a program still sees every event once and in order."""
    rounds = 5
    code = f"""
        with client, client.connect(model="{MODEL}") as connection:
            seen = []
            while len(seen) < {rounds} + 1:
                try:
                    for event in connection:
                        seen.append(event.type)
                        print(event.type, flush=True)
                        if len(seen) == {rounds} + 1:
                            break
                except KeyboardInterrupt:
                    print("interrupted", flush=True)
            connection.create_item(UserMessage.from_text("still there"))
    """
    process = script(served, code, INTERRUPTED)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "session.created\n"
        for number in range(rounds):
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted\n"
            served.inject_fault(faults.Message(message=f'{{"type":"number-{number}"}}'), now=True)
            assert process.stdout.readline() == f"number-{number}\n"
        assert process.finish() == (0, "", "")
    finally:
        process.kill_all()


def test_ctrl_c_leaves_the_block_and_closes_the_connection(served: Emulator) -> None:
    process = script(
        served,
        f"""
        with client, client.connect(model="{MODEL}") as connection:
            for event in connection:
                print(event.type, flush=True)
        """,
        INTERRUPTED,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "session.created\n"
        process.send_signal(signal.SIGINT)
        code, _, stderr = process.finish()
        assert code == -signal.SIGINT
        assert stderr.count("Traceback") == 1
        assert stderr.endswith("KeyboardInterrupt\n")
    finally:
        process.kill_all()


def test_ctrl_c_ends_a_receive_though_another_thread_is_in_one(served: Emulator) -> None:
    process = script(
        served,
        f"""
        def interrupt(main):
            while sys._current_frames()[main].f_code.co_name != "get":
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)
        with client, client.connect(model="{MODEL}") as connection:
            connection.receive(10)
            thread = threading.Thread(target=lambda: print(connection.receive(25).type))
            thread.start()
            threading.Thread(target=interrupt, args=(threading.get_ident(),)).start()
            try:
                connection.receive(25)
            except KeyboardInterrupt:
                print("interrupted")
            connection.create_item(UserMessage.from_text("x"))
            thread.join()
            print(connection.receive(10).type)
        """,
        INTERRUPTED,
    )
    try:
        seen = ["interrupted", "conversation.item.added", "conversation.item.done"]
        assert process.finish() == (0, "".join(f"{line}\n" for line in seen), "")
    finally:
        process.kill_all()


# --- forks ------------------------------------------------------------------------------------------------------------


def forked(emulator: Emulator, child: str) -> tuple[int, str, str]:
    """What a program says that forks inside a connection, does `child`, and then talks on in the parent."""
    code = FORK + inspect.cleandoc(f"""
        def attempt(call):
            try:
                print("child:", call(), flush=True)
            except ClientStateError as error:
                print("child:", type(error).__name__, flush=True)
        with client, client.connect(model="{MODEL}") as connection:
            first, = [connection.receive(10)]
            in_child(lambda: {child})
            connection.create_item(UserMessage.from_text("x"))
            print([connection.receive(10).type for _ in range(2)], flush=True)
    """)
    process = script(emulator, code, FORKING)
    try:
        return process.finish()
    finally:
        process.kill_all()


ADDED = "['conversation.item.added', 'conversation.item.done']\n"


@pytest.mark.parametrize(
    "call",
    [
        "connection.send(ResponseCreate())",
        "connection.receive()",
        "next(connection)",
        "connection.wait_for(ResponseDone)",
        "connection.create_item(UserMessage.from_text('of the child'))",
        "connection.append_audio(bytes(100))",
    ],
)
def test_a_connection_is_of_no_use_in_a_forked_child(served: Emulator, call: str) -> None:
    """It is an error at once, and the parent's session hears nothing of it."""
    assert forked(served, f"attempt(lambda: {call})") == (0, f"child: ClientStateError\nchild 0\n{ADDED}", "")


@pytest.mark.parametrize("call", ["None", "connection.close()", "client.close()"])
def test_what_a_forked_child_leaves_or_closes_harms_nobody(served: Emulator, call: str) -> None:
    assert forked(served, call) == (0, f"child 0\n{ADDED}", "")


def test_a_forked_child_connects_anew(served: Emulator) -> None:
    child = f"(c := client.connect(model='{MODEL}').open(), print(c.receive(10).type, flush=True), c.close())"
    assert forked(served, child) == (0, f"session.created\nchild 0\n{ADDED}", "")
