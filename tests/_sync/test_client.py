import asyncio
import contextlib
import functools
import gc
import inspect
import itertools
import linecache
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.threads import (
    DEADLINE,
    FORK,
    FORKING,
    KEY,
    STRICT,
    RunScript,
    Script,
    Server,
    connect,
    fork,
    interrupted,
)

from openai_realtime import (
    AsyncRealtimeClient,
    BetaRetiredError,
    ClientStateError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    RealtimeClient,
    RealtimeCreateClientSecretRequest,
    RealtimeError,
    RealtimeSessionConfig,
    RealtimeTranslationClientSecretCreateRequest,
    RetryPolicy,
)
from openai_realtime._connection.realtime import AsyncRealtimeConnection
from openai_realtime._sync import facade, lease, thread as loop_thread
from openai_realtime._sync.connection import RealtimeConnection
from openai_realtime.models import RealtimeTranslationSessionConfig
from openai_realtime.models.beta import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest

CONNECTS = ("connect", "connect_translation")
OPERATIONS = [name for name in vars(AsyncRealtimeClient) if name.endswith(("_call", "_secret", "_session"))]


@pytest.fixture
def client(server: Server) -> Iterator[RealtimeClient]:
    with connect(server) as client:
        yield client


@pytest.fixture
def script(server: Server) -> Iterator[RunScript]:
    scripts: list[Script] = []

    def run(code: str, flags: Sequence[str] = STRICT, **environ: str) -> Script:
        scripts.append(Script(server, code, flags, environ))
        return scripts[-1]

    yield run
    for process in scripts:
        process.kill_all()


@pytest.fixture
def no_new_threads(server: Server) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(5.0)
        assert not thread.is_alive(), thread


def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """A future of what `function` gives or raises; its result() is asked for with a deadline."""
    executor = ThreadPoolExecutor(1)
    future = executor.submit(function, *args)
    executor.shutdown(wait=False)
    return future


# -- The facade is derived ------------------------------------------------------------------------------------------


def test_every_public_method_is_there_and_nothing_else() -> None:
    def public(cls: type) -> set[str]:
        return {name for name in dir(cls) if not name.startswith("_")}

    assert len(OPERATIONS) == 9
    assert public(AsyncRealtimeClient) == public(RealtimeClient) == {*OPERATIONS, *CONNECTS, "close", "with_options"}


def test_the_connection_has_all_methods_too() -> None:
    def public(cls: type) -> set[str]:
        return {name for name in dir(cls) if not name.startswith("_")}

    names = public(RealtimeConnection)
    assert names == public(AsyncRealtimeConnection)
    for name in names - {"closed", "observer_errors", "session", "session_id", "unread"}:
        ours, theirs = (inspect.signature(getattr(cls, name)) for cls in (RealtimeConnection, AsyncRealtimeConnection))
        assert ours.parameters == theirs.parameters, name


@pytest.mark.parametrize("name", [*OPERATIONS, "connect", "close", "with_options", "__init__"])
def test_signatures_are_the_same(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(cls, name)) for cls in (RealtimeClient, AsyncRealtimeClient))
    assert ours.parameters == theirs.parameters


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_name_and_docstring_and_are_no_coroutines(name: str) -> None:
    ours, theirs = getattr(RealtimeClient, name), getattr(AsyncRealtimeClient, name)
    assert ours.__doc__ == theirs.__doc__
    assert ours.__doc__
    assert ours.__name__ == theirs.__name__ == name
    assert not inspect.iscoroutinefunction(ours)


# -- The operations -------------------------------------------------------------------------------------------------

SESSION = RealtimeSessionConfig(model="gpt-realtime")
TRANSLATION = RealtimeTranslationClientSecretCreateRequest(
    session=RealtimeTranslationSessionConfig(model="gpt-realtime-translate")
)


@pytest.mark.parametrize(
    ("name", "args", "path", "field", "value"),
    [
        ("create_realtime_client_secret", (), "client_secrets", "value", "ek_1"),
        (
            "create_realtime_client_secret",
            (RealtimeCreateClientSecretRequest(session=SESSION),),
            "client_secrets",
            "value",
            "ek_1",
        ),
        ("create_realtime_session", (RealtimeSessionCreateRequest(),), "sessions", "voice", "alloy"),
        (
            "create_realtime_transcription_session",
            (RealtimeTranscriptionSessionCreateRequest(),),
            "transcription_sessions",
            "modalities",
            ["text"],
        ),
        ("create_realtime_translation_client_secret", (TRANSLATION,), "translations/client_secrets", "value", "ek_1"),
        ("create_realtime_call", ("v=0\r\n",), "calls", "call_id", "rtc_1"),
        ("create_realtime_call", ("v=0\r\n", SESSION), "calls", "sdp", "v=0\r\n"),
        ("accept_realtime_call", ("rtc_1", SESSION), "calls/rtc_1/accept", None, None),
        ("reject_realtime_call", ("rtc_1", 486), "calls/rtc_1/reject", None, None),
        ("refer_realtime_call", ("rtc_1", "tel:+14155550123"), "calls/rtc_1/refer", None, None),
        ("hangup_realtime_call", ("rtc_1",), "calls/rtc_1/hangup", None, None),
    ],
)
@pytest.mark.filterwarnings("ignore:create_realtime_:DeprecationWarning")
def test_operation(  # noqa: PLR0913, PLR0917 - one row of the table
    server: Server, client: RealtimeClient, name: str, args: tuple[Any, ...], path: str, field: str | None, value: Any
) -> None:
    result = getattr(client, name)(*args)
    assert server.paths == [path]
    assert result.http.status in (200, 201)
    if field:
        assert getattr(result, field) == value


def test_keywords_and_defaults(server: Server, client: RealtimeClient) -> None:
    client.reject_realtime_call(call_id="rtc_1")
    client.create_realtime_call(sdp="v=0\r\n", session=None)
    assert server.paths == ["calls/rtc_1/reject", "calls"]


def test_errors_reach_the_caller(server: Server, client: RealtimeClient) -> None:
    with pytest.raises(NotFoundError):
        client.hangup_realtime_call("rtc_none")
    with pytest.raises(BetaRetiredError):
        client.hangup_realtime_call("rtc_beta")
    with pytest.raises(InvalidRequestError):
        client.hangup_realtime_call("no/id")
    assert len(server.paths) == 2


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("create_realtime_session", RealtimeSessionCreateRequest()),
        ("create_realtime_transcription_session", RealtimeTranscriptionSessionCreateRequest()),
    ],
)
def test_deprecation_warning_names_the_callers_line(client: RealtimeClient, name: str, request_: Any) -> None:
    operation = getattr(client, name)
    with pytest.warns(DeprecationWarning, match="create_realtime_client_secret") as caught:
        operation(request_)
    (warning,) = caught
    assert warning.filename == __file__
    assert linecache.getline(__file__, warning.lineno).strip() == "operation(request_)"


@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_a_deprecation_made_an_error_leaves_the_client_usable(client: RealtimeClient) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DeprecationWarning):
            client.create_realtime_session(RealtimeSessionCreateRequest())
    assert client.hangup_realtime_call("rtc_1").http


# -- Options and copies ---------------------------------------------------------------------------------------------


def test_an_aiohttp_session_is_refused(server: Server, client: RealtimeClient) -> None:
    with pytest.raises(ConfigurationError, match=r"http_session.*AsyncRealtimeClient"):
        connect(server, http_session=object())
    with pytest.raises(ConfigurationError, match="http_session"):
        client.with_options(http_session=None)
    assert connect(server, http_session=None)


def test_no_local_variable_of_a_traceback_shows_the_key(client: RealtimeClient) -> None:
    for make in (RealtimeClient, client.with_options):
        with pytest.raises(ConfigurationError) as caught:
            make(api_key="sk-hidden-away", base_url="ftp://127.0.0.1")
        ours = [entry.frame.f_locals for entry in caught.traceback[1:]]
        assert ours
        assert "hidden-away" not in repr(ours)


def test_a_copy_shares_the_connections(server: Server, client: RealtimeClient) -> None:
    client.hangup_realtime_call("rtc_1")
    copy = client.with_options(timeout=20.0)
    copy.hangup_realtime_call("rtc_2")
    copy.with_options(timeout=21.0).hangup_realtime_call("rtc_3")
    assert server.connections == 1
    assert type(copy) is RealtimeClient


def test_closing_a_copy_leaves_the_original_usable(client: RealtimeClient) -> None:
    with client.with_options(timeout=20.0) as copy:
        copy.hangup_realtime_call("rtc_1")
    copy.close()
    assert client.hangup_realtime_call("rtc_2").http


def test_closing_the_original_ends_its_copies(server: Server) -> None:
    with connect(server) as client:
        used, unused = client.with_options(timeout=20.0), client.with_options(timeout=21.0)
        used.hangup_realtime_call("rtc_1")
    for copy in (used, unused, used.with_options(timeout=22.0)):
        with pytest.raises(ClientStateError, match="the client is closed"):
            copy.hangup_realtime_call("rtc_2")


@pytest.mark.usefixtures("no_new_threads")
def test_copies_do_not_keep_the_thread(server: Server) -> None:
    with connect(server) as client:
        for seconds in (5.0, 6.0):
            client.with_options(timeout=seconds).hangup_realtime_call("rtc_1")


# -- Threads --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_new_threads")
def test_many_threads_share_a_client(server: Server) -> None:
    def work(number: int) -> None:
        for call in range(5):
            client.hangup_realtime_call(f"rtc_{number}_{call}")

    with connect(server) as client, ThreadPoolExecutor(16) as executor:
        for future in [executor.submit(work, number) for number in range(16)]:
            future.result(DEADLINE)
    assert sorted(server.paths) == sorted(f"calls/rtc_{n}_{call}/hangup" for n in range(16) for call in range(5))


def test_many_clients_share_one_thread_that_ends_with_the_last(server: Server) -> None:
    before = set(threading.enumerate())
    clients = [connect(server) for _ in range(10)]
    assert set(threading.enumerate()) == before
    for client in clients:
        client.hangup_realtime_call("rtc_1")
    (thread,) = set(threading.enumerate()) - before
    for client in clients[1:]:
        client.close()
    assert set(threading.enumerate()) - before == {thread}
    clients[0].hangup_realtime_call("rtc_1")
    clients[0].close()
    assert set(threading.enumerate()) == before


@pytest.mark.usefixtures("no_new_threads")
def test_made_and_closed_again_and_again(server: Server) -> None:
    for _ in range(20):
        with connect(server) as client:
            client.hangup_realtime_call("rtc_1")
    assert len(server.paths) == 20


@pytest.mark.usefixtures("no_new_threads")
def test_threads_that_start_and_end_the_event_loop_at_once(server: Server) -> None:
    barrier = threading.Barrier(8)

    def work() -> None:
        for _ in range(10):
            with connect(server) as client:
                barrier.wait(DEADLINE)
                client.hangup_realtime_call("rtc_1")

    with ThreadPoolExecutor(8) as executor:
        for future in [executor.submit(work) for _ in range(8)]:
            future.result(DEADLINE)
    assert len(server.paths) == 80


def test_a_system_exit_of_the_key_function_ends_only_its_own_call(server: Server, client: RealtimeClient) -> None:
    def no_key() -> str:
        sys.exit("no key in the vault")

    with connect(server, api_key=no_key) as other:
        for _ in range(2):
            with pytest.raises(SystemExit, match="no key in the vault"):
                other.hangup_realtime_call("rtc_1")
        assert client.hangup_realtime_call("rtc_1").http


# -- Closing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("used", [False, True])
def test_use_after_close(server: Server, used: bool) -> None:  # noqa: FBT001 - a test parameter
    client = connect(server)
    if used:
        client.hangup_realtime_call("rtc_1")
    client.close()
    client.close()
    with pytest.raises(ClientStateError, match="the client is closed"):
        client.hangup_realtime_call("rtc_1")
    with pytest.raises(ClientStateError, match="the client is closed"), client:
        client.create_realtime_client_secret()
    assert len(server.paths) == used


@pytest.mark.usefixtures("no_new_threads")
def test_a_signal_handler_may_close_the_client_during_its_first_call(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When there is no thread yet, and so nothing to close."""
    client, start = connect(server), loop_thread.LoopThread.start

    def interrupted(thread: loop_thread.LoopThread) -> None:
        client.close()
        start(thread)

    monkeypatch.setattr(loop_thread.LoopThread, "start", interrupted)
    with pytest.raises(ClientStateError, match="the client is closed"):
        client.hangup_realtime_call("rtc_1")
    assert (server.paths, client._lease.thread) == ([], None)


@pytest.mark.usefixtures("no_new_threads")
def test_close_from_many_threads(server: Server) -> None:
    client = connect(server)
    client.hangup_realtime_call("rtc_1")
    barrier = threading.Barrier(8)

    def close() -> None:
        barrier.wait(DEADLINE)
        client.close()

    with ThreadPoolExecutor(8) as executor:
        for future in [executor.submit(close) for _ in range(8)]:
            future.result(DEADLINE)
    assert server.dropped.wait(DEADLINE)


@pytest.mark.usefixtures("no_new_threads")
def test_close_during_a_call_ends_the_call(server: Server) -> None:
    client = connect(server)
    call = in_thread(client.hangup_realtime_call, "rtc_hang")
    assert server.hanging.wait(DEADLINE)
    client.close()
    with pytest.raises(ClientStateError, match="closed during the call"):
        call.result(DEADLINE)
    assert server.dropped.wait(DEADLINE)
    assert len(server.paths) == 1


def test_close_during_the_wait_for_a_retry(server: Server) -> None:
    client = connect(server, retry=RetryPolicy(give_up_after=60.0))
    call = in_thread(client.hangup_realtime_call, "rtc_busy")
    assert server.busy.wait(DEADLINE)
    in_thread(client.close).result(DEADLINE)
    with pytest.raises(RealtimeError):
        call.result(DEADLINE)


def test_close_during_the_wait_for_a_key(server: Server) -> None:
    asked = threading.Event()

    async def key() -> str:
        asked.set()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    client = connect(server, api_key=key)
    call = in_thread(client.hangup_realtime_call, "rtc_1")
    assert asked.wait(DEADLINE)
    in_thread(client.close).result(DEADLINE)
    with pytest.raises(ClientStateError, match="closed during the call"):
        call.result(DEADLINE)
    assert server.paths == []


def test_a_result_that_comes_after_the_close_is_dropped(server: Server) -> None:
    """Of a call that does not let itself be cancelled."""
    started = threading.Event()

    async def stubborn() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            started.set()
            await asyncio.Event().wait()
        return "late"

    client = connect(server)
    call = in_thread(client._lease.run, stubborn)
    assert started.wait(DEADLINE)
    client.close()
    with pytest.raises(ClientStateError, match="closed during the call"):
        call.result(DEADLINE)


def test_close_leaves_the_calls_of_other_clients_alone(server: Server, client: RealtimeClient) -> None:
    with connect(server) as other:
        other.hangup_realtime_call("rtc_1")
        call = in_thread(client.hangup_realtime_call, "rtc_hang")
        assert server.hanging.wait(DEADLINE)
    assert not call.done()
    client.close()
    with pytest.raises(ClientStateError):
        call.result(DEADLINE)


@pytest.mark.usefixtures("no_new_threads")
def test_close_while_a_call_is_about_to_start(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    warned, closed = threading.Event(), threading.Event()

    def pause(*_: object) -> None:
        """The deprecation warning comes in the caller's thread, before the event loop hears of the call."""
        warned.set()
        assert closed.wait(DEADLINE)

    client = connect(server)
    client.hangup_realtime_call("rtc_1")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", pause)
        call = in_thread(client.create_realtime_session, RealtimeSessionCreateRequest())
        assert warned.wait(DEADLINE)
        client.close()
        closed.set()
        with pytest.raises(ClientStateError, match="closed during the call"):
            call.result(DEADLINE)
    assert server.paths == ["calls/rtc_1/hangup"]


@pytest.mark.usefixtures("no_new_threads")
def test_calls_against_close_give_a_result_or_our_error(server: Server) -> None:
    def work(client: RealtimeClient, barrier: threading.Barrier) -> None:
        barrier.wait(DEADLINE)
        with contextlib.suppress(RealtimeError):
            while True:
                client.hangup_realtime_call("rtc_1")

    with ThreadPoolExecutor(4) as executor:
        for _ in range(40):
            client, barrier = connect(server), threading.Barrier(5)
            futures = [executor.submit(work, client, barrier) for _ in range(4)]
            barrier.wait(DEADLINE)
            client.close()
            for future in futures:
                future.result(DEADLINE)


# -- Inside a running event loop ------------------------------------------------------------------------------------


def test_refused_inside_a_running_loop(server: Server) -> None:
    async def main() -> None:
        client = connect(server)
        with pytest.raises(ClientStateError, match="AsyncRealtimeClient"):
            client.hangup_realtime_call("rtc_1")
        with pytest.raises(ClientStateError, match="AsyncRealtimeClient"):
            client.create_realtime_session(RealtimeSessionCreateRequest())
        client.close()

    asyncio.run(main())
    gc.collect()  # a coroutine that was never awaited would warn here
    assert server.paths == []


def test_refused_in_a_callback_of_a_loop(server: Server, client: RealtimeClient) -> None:
    async def main() -> None:
        done: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

        def callback() -> None:
            try:
                client.hangup_realtime_call("rtc_1")
            except ClientStateError as error:
                done.set_result(error)
            else:
                done.set_result(None)

        asyncio.get_running_loop().call_soon(callback)
        assert "AsyncRealtimeClient" in str(await asyncio.wait_for(done, DEADLINE))

    asyncio.run(main())


def test_the_with_block_inside_a_loop_shows_the_error_of_its_body(server: Server) -> None:
    async def main(error: Exception) -> None:
        with connect(server):
            raise error

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main(ZeroDivisionError()))


def test_close_inside_a_loop_is_refused_and_can_be_done_outside(server: Server) -> None:
    client = connect(server)
    client.hangup_realtime_call("rtc_1")

    async def main() -> None:
        client.close()

    with pytest.raises(ClientStateError, match="AsyncRealtimeClient"):
        asyncio.run(main())
    assert client.hangup_realtime_call("rtc_2").http
    client.close()
    asyncio.run(main())
    assert server.dropped.wait(DEADLINE)


def test_a_worker_thread_of_a_loop_may_block(client: RealtimeClient) -> None:
    async def main() -> Any:
        return await asyncio.to_thread(client.hangup_realtime_call, "rtc_1")

    assert asyncio.run(main()).http


def test_the_key_function_cannot_call_a_blocking_client(server: Server, client: RealtimeClient) -> None:
    def key() -> str:
        return client.create_realtime_client_secret().value  # type: ignore[return-value]

    with connect(server, api_key=key) as other, pytest.raises(ClientStateError, match="AsyncRealtimeClient"):
        other.hangup_realtime_call("rtc_1")


# -- Ctrl-C at every line -------------------------------------------------------------------------------------------


def interrupted_in_thread(*arguments: Any) -> bool:
    """An interrupt inside an except block leaves Python handling that exception, in the thread that it hit."""
    return bool(in_thread(interrupted, *arguments).result(DEADLINE))


@pytest.mark.usefixtures("no_new_threads")
# An interrupt between the making of the coroutine and its start leaves it unused; Python says so, and rightly.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_line_of_a_call_leaves_the_client_usable(server: Server) -> None:
    for number in itertools.count(1):
        with connect(server) as client:
            call = functools.partial(client.hangup_realtime_call, "rtc_1")
            call()
            if not interrupted_in_thread(call, number, facade.__file__, lease.__file__, loop_thread.__file__):
                break
            call()
    assert number > 20


@pytest.mark.usefixtures("no_new_threads")
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_line_of_the_first_call_leaves_the_client_usable(server: Server) -> None:
    for number in itertools.count(1):
        with connect(server) as client:
            call = functools.partial(client.hangup_realtime_call, "rtc_1")
            if not interrupted_in_thread(call, number, facade.__file__, lease.__file__, loop_thread.__file__):
                break
            call()
    assert number > 20


# -- Scripts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "with connect() as client: call(client)",
        "client = connect(); call(client); client.close()",
        "client = connect(); call(client); client.close(); client.close()",
        "client = connect(); call(client)",
        "call(connect())",
        "def main():\n    client = connect()\n    call(client)\nmain()",
        "client = connect(); copy = client.with_options(timeout=20.0); call(copy)",
        "clients = [connect() for _ in range(3)]; call(clients[1])",
        "client = connect(); call(client); atexit.register(client.close)",
        "client = connect(); client.create_realtime_client_secret(); atexit.register(call, client)",
        # The first call is the main thread's: when that has ended, Python 3.12.1 starts no thread any more.
        (
            "client = connect(); client.create_realtime_client_secret()\n"
            "thread = threading.Thread(target=call, args=(client,))\nthread.start()"
        ),
        "client = connect(); call(client); sys.exit()",
    ],
)
def test_script_ends_without_a_word(server: Server, script: RunScript, code: str) -> None:
    assert script(code).finish() == (0, "200\n", "")
    assert server.dropped.wait(DEADLINE)


def test_a_dropped_client_gives_the_event_loop_thread_back(server: Server) -> None:
    before = set(threading.enumerate())
    client = connect(server)
    client.hangup_realtime_call("rtc_1")
    del client
    with connect(server) as other:
        other.hangup_realtime_call("rtc_1")
    for thread in set(threading.enumerate()) - before:
        thread.join(DEADLINE)
        assert not thread.is_alive()


def test_a_client_dropped_in_a_running_program_closes_its_connections(server: Server, script: RunScript) -> None:
    process = script("call(connect())\nsys.stdin.readline()\nprint('ended')")
    assert server.dropped.wait(DEADLINE)
    assert process.finish() == (0, "200\nended\n", "")


def test_a_copy_outlives_the_name_of_its_original(server: Server, script: RunScript) -> None:
    code = "copy = connect().with_options(timeout=20.0)\ncall(copy)\ncall(copy)"
    assert script(code).finish() == (0, "200\n200\n", "")
    assert server.connections == 1


def test_script_that_never_calls(server: Server, script: RunScript) -> None:
    assert script("client = connect()\nwith connect(): print('made')").finish() == (0, "made\n", "")


def test_script_that_ends_while_a_daemon_thread_is_in_a_call(server: Server, script: RunScript) -> None:
    code = """
        client = connect()
        threading.Thread(target=call, args=(client, "rtc_hang"), daemon=True).start()
        sys.stdin.readline()
    """
    process = script(code)
    assert server.hanging.wait(DEADLINE)
    assert process.finish() == (0, "", "")


def test_script_that_fails_shows_its_own_error_only(server: Server, script: RunScript) -> None:
    code, stdout, stderr = script("client = connect(); call(client); raise ValueError('mine')").finish()
    assert (code, stdout) == (1, "200\n")
    assert stderr.count("Traceback") == 1
    assert stderr.endswith("ValueError: mine\n")


# -- Ctrl-C ---------------------------------------------------------------------------------------------------------


def test_ctrl_c_ends_the_call_and_leaves_the_client_usable(server: Server, script: RunScript) -> None:
    code = """
        client = connect()
        try:
            call(client, "rtc_hang")
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        sys.stdin.readline()
        call(client)
        client.close()
    """
    process = script(code)
    assert server.hanging.wait(DEADLINE)
    process.send_signal(signal.SIGINT)
    assert server.dropped.wait(DEADLINE)
    assert process.finish() == (0, "interrupted\n200\n", "")
    assert server.paths == ["calls/rtc_hang/hangup", "calls/rtc_1/hangup"]


def test_an_interrupt_that_wakes_nobody_ends_the_wait(server: Server, script: RunScript) -> None:
    """As Ctrl-C just before the wait, of which the program learns at its next step only."""
    process = script("""
        def interrupt():
            sys.stdin.readline()
            signal.raise_signal(signal.SIGINT)  # in this thread: the main one sleeps on
        threading.Thread(target=interrupt).start()
        client = connect(timeout=None)
        try:
            call(client, "rtc_hang")
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert server.hanging.wait(DEADLINE)
    assert process.finish() == (0, "interrupted\n", "")


def test_ctrl_c_inside_the_with_block(server: Server, script: RunScript) -> None:
    process = script("with connect() as client: call(client); call(client, 'rtc_hang')")
    assert server.hanging.wait(DEADLINE)
    process.send_signal(signal.SIGINT)
    code, stdout, stderr = process.finish()
    assert (code, stdout) == (-signal.SIGINT, "200\n")
    assert stderr.count("Traceback") == 1
    assert stderr.endswith("KeyboardInterrupt\n")
    assert server.dropped.wait(DEADLINE)


def test_ctrl_c_before_the_event_loop_took_the_call(server: Server, script: RunScript) -> None:
    code = """
        asked, release = threading.Event(), threading.Event()
        def slow_key():
            asked.set()
            release.wait(20)
            return "sk-made-up"
        def interrupt(main):
            while sys._current_frames()[main].f_code.co_qualname != "Waiter._wait":
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)
        busy, client = connect(api_key=slow_key), connect()
        call(client)
        thread = threading.Thread(target=busy.hangup_realtime_call, args=("rtc_slow",))
        thread.start()
        asked.wait(20)
        threading.Thread(target=interrupt, args=(threading.get_ident(),)).start()
        try:
            call(client, "rtc_interrupted")
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        release.set()
        thread.join()
        call(client, "rtc_after")
        client.close()
        busy.close()
    """
    assert script(code).finish() == (0, "200\ninterrupted\n200\n", "")
    assert server.paths == [f"calls/{name}/hangup" for name in ("rtc_1", "rtc_slow", "rtc_after")]


def test_a_signal_handler_may_close_the_client_it_interrupts(server: Server, script: RunScript) -> None:
    code = """
        client = connect()
        signal.signal(signal.SIGTERM, lambda *_: client.close())
        try:
            call(client, "rtc_hang")
        except ClientStateError as error:
            print(error)
    """
    process = script(code)
    assert server.hanging.wait(DEADLINE)
    process.send_signal(signal.SIGTERM)
    assert process.finish() == (0, "the client was closed during the call\n", "")


# -- Forks ----------------------------------------------------------------------------------------------------------


def test_a_client_used_before_a_fork_works_on_both_sides(server: Server, script: RunScript) -> None:
    code = """
        client = connect()
        call(client)
        in_child(lambda: (call(client), call(client), client.close()))
        call(client)
        client.close()
    """
    assert fork(script, code) == (0, "200\n200\n200\nchild 0\n200\n", "")
    assert server.connections == 2


@pytest.mark.parametrize(
    "child", ["None", "call(client)", "client.close()", "(call(client), in_child(lambda: call(client)))"]
)
def test_what_a_child_does_not_close_harms_nobody(server: Server, script: RunScript, child: str) -> None:
    code = f"""
        client = connect(timeout=20.0)
        call(client)
        in_child(lambda: {child})
        call(client)
    """
    status, stdout, stderr = fork(script, code)
    assert (status, stderr) == (0, "")
    assert stdout.count("child 0") == 1 + child.count("in_child")
    assert stdout.endswith("child 0\n200\n")
    # The parent's connection survived, and each process that called has one of its own.
    assert server.connections == 1 + child.count("call(")


def test_closed_stays_closed_in_a_child(server: Server, script: RunScript) -> None:
    code = """
        client = connect()
        call(client)
        client.close()
        def child():
            try:
                call(client)
            except ClientStateError as error:
                print(error)
        in_child(child)
    """
    assert fork(script, code) == (0, "200\nthe client is closed\nchild 0\n", "")


def test_copies_share_in_a_child_what_they_share_in_the_parent(server: Server, script: RunScript) -> None:
    code = """
        client = connect()
        copy = client.with_options(timeout=20.0)
        call(copy)
        def child():
            call(copy)
            call(client)
            client.close()
            try:
                call(copy)
            except ClientStateError as error:
                print(error)
        in_child(child)
        call(client)
    """
    assert fork(script, code) == (0, "200\n200\n200\nthe client is closed\nchild 0\n200\n", "")
    assert server.connections == 2


def test_a_child_needs_no_environment_of_its_own(server: Server, script: RunScript) -> None:
    code = """
        client = connect(api_key=None)
        call(client)
        del os.environ["OPENAI_API_KEY"]
        in_child(lambda: call(client))
    """
    assert fork(script, code, OPENAI_API_KEY=KEY) == (0, "200\n200\nchild 0\n", "")


def test_a_fork_while_another_thread_is_in_a_call(server: Server, script: RunScript) -> None:
    code = """
        client = connect()
        def hang():
            try:
                call(client, "rtc_hang")
            except ClientStateError as error:
                print(error)
        thread = threading.Thread(target=hang)
        thread.start()
        sys.stdin.readline()
        in_child(lambda: (call(client), client.close()))
        client.close()
        thread.join()
    """
    process = script(FORK + inspect.cleandoc(code), FORKING)
    assert server.hanging.wait(DEADLINE)
    assert process.finish() == (0, "200\nchild 0\nthe client was closed during the call\n", "")


def test_a_fork_while_another_thread_holds_the_locks(server: Server, script: RunScript) -> None:
    code = """
        from openai_realtime._sync.thread import LoopThread
        client = connect()
        held, release = threading.Event(), threading.Event()
        def hold():
            with LoopThread.lock:
                held.set()
                release.wait(20)
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(20)
        in_child(lambda: (call(client), client.close()))
        release.set()
        thread.join()
        call(client)
        client.close()
    """
    assert fork(script, code) == (0, "200\nchild 0\n200\n", "")


def test_a_pool_of_forked_workers(server: Server, script: RunScript) -> None:
    code = """
        import multiprocessing
        client = connect()
        call(client)
        def work(number):
            return os.getpid(), client.hangup_realtime_call(f"rtc_{number}").http.status
        with multiprocessing.get_context("fork").Pool(3) as pool:
            results = pool.map(work, range(30), chunksize=10)
        print({status for _, status in results}, os.getpid() in {pid for pid, _ in results})
        call(client)
    """
    assert fork(script, code) == (0, "200\n{200} False\n200\n", "")
    assert len(server.paths) == 32
    assert 2 <= server.connections <= 4
