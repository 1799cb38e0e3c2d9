"""The loop thread under interrupts, exits of users' functions, green threads, and connections that nobody closes."""

import functools
import gc
import inspect
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio.from_thread
import pytest
from support.lifetime import blocking, no_thread_left
from support.threads import DEADLINE, Server, connect, interrupted

from openai_realtime import ClientStateError, ConnectionClosedError, RealtimeClient
from openai_realtime._sync import facade, lease, thread

MODEL = "gpt-realtime"
FILES = (facade.__file__, lease.__file__, thread.__file__, anyio.from_thread.__file__)
INTERRUPTED = (
    "ignore:coroutine .* was never awaited",  # made, and interrupted before its start: Python says so, and rightly
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def interrupted_in_thread(call: Callable[[], object], number: int) -> bool:
    """Whether `call` was interrupted at that line; in a thread of its own, so that a hang is a failure."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(interrupted, call, number, *FILES).result(DEADLINE)


@pytest.mark.filterwarnings(*INTERRUPTED)
def test_an_interrupt_at_any_line_of_the_first_call_leaves_no_thread(server: Server) -> None:
    for number in itertools.count(1):
        with no_thread_left():
            client = connect(server)
            hit = interrupted_in_thread(functools.partial(client.hangup_realtime_call, "rtc_1"), number)
            assert client.hangup_realtime_call("rtc_1").http
            client.close()
        if not hit:
            break
    gc.collect()
    assert number > 30


@pytest.mark.filterwarnings(*INTERRUPTED)
def test_an_interrupt_at_any_line_of_the_last_close_leaves_no_thread(server: Server) -> None:
    for number in itertools.count(1):
        with no_thread_left():
            client = connect(server)
            client.hangup_realtime_call("rtc_1")
            hit = interrupted_in_thread(client.close, number)
            client.close()
            with pytest.raises(ClientStateError, match="the client is closed"):
                client.hangup_realtime_call("rtc_1")
            del client
        if not hit:
            break
    gc.collect()
    assert number > 30


ALARMED = """
import faulthandler, signal, sys, threading, time
from openai_realtime import RealtimeClient, RetryPolicy
faulthandler.dump_traceback_later(110, exit=True)
def stop(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
for microseconds in range(20, 1500, 20):
    client = RealtimeClient(api_key="sk-made-up", base_url=sys.argv[1])
    try:
        signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6)
        client.hangup_realtime_call("rtc_1")
        client.close()
        time.sleep(1)  # and no longer: Python ignores an exception in a destructor
    except KeyboardInterrupt:
        pass
    client.close()
end = time.monotonic() + 30
while threading.active_count() > 1 and time.monotonic() < end:
    time.sleep(0.01)  # one that is about to start cannot be joined
print(threading.active_count())
"""


def test_alarms_at_any_moment_of_a_clients_life_never_hang_the_program(server: Server) -> None:
    command = [sys.executable, "-W", "ignore", "-c", ALARMED, server.base_url]
    done = subprocess.run(  # noqa: S603 - our own
        command, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


@pytest.mark.parametrize("leave", [SystemExit, KeyboardInterrupt])
def test_a_users_function_that_exits_ends_nothing_but_its_own_call(leave: type[BaseException]) -> None:
    def exits(*_: object) -> Any:
        raise leave

    class Exiting:
        sent = received = staticmethod(exits)

    with blocking() as (emulator, client):
        with RealtimeClient(**{**emulator.client_options, "api_key": exits}) as other, pytest.raises(leave):
            other.create_realtime_client_secret()
        with client.connect(model=MODEL, observers=[Exiting()]) as connection:
            with pytest.raises(leave):
                connection.wait_for(exits, DEADLINE)
            assert [type(error) for error in connection.observer_errors] == [leave]
            with ThreadPoolExecutor(1) as executor:
                waiting = executor.submit(connection.wait_for, waits_then(exits))
                assert connection.clear_audio(timeout=DEADLINE)
                assert isinstance(waiting.exception(DEADLINE), leave)
        assert client.create_realtime_client_secret().value


def waits_then(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """A function that accepts no event that is here, and is `function` for others."""
    return lambda event: event.type != "session.created" and function()


def test_an_event_loop_that_failed_fails_its_calls_and_is_replaced(server: Server) -> None:
    def fail() -> None:
        raise SystemExit

    with connect(server) as client, ThreadPoolExecutor(1) as executor:
        call = executor.submit(client.hangup_realtime_call, "rtc_hang")
        assert server.hanging.wait(DEADLINE)
        assert client._lease.thread is not None
        failing = client._lease.thread
        failing.call_soon(fail)
        assert isinstance(call.exception(DEADLINE), ClientStateError)
        failing.join(DEADLINE)
        assert client.hangup_realtime_call("rtc_1").http


def test_a_call_that_begins_while_the_event_loop_fails_comes_to_an_end(server: Server) -> None:
    stopped, go = threading.Event(), threading.Event()

    def fail() -> None:
        stopped.set()
        go.wait(DEADLINE)
        raise SystemExit

    with connect(server) as client, ThreadPoolExecutor(1) as executor:
        client.hangup_realtime_call("rtc_1")
        failing = client._lease.thread
        assert failing is not None
        failing.call_soon(fail)
        assert stopped.wait(DEADLINE)
        call = executor.submit(client.hangup_realtime_call, "rtc_1")
        while not client._lease.waiters(failing):
            time.sleep(0.001)
        go.set()
        assert isinstance(call.exception(DEADLINE), RuntimeError | None)
        failing.join(DEADLINE)
        assert client.hangup_realtime_call("rtc_1").http


def test_a_connection_is_opened_and_closed_by_hand() -> None:
    with blocking() as (_, client):
        connection = client.connect(model=MODEL).open()
        assert connection.receive(DEADLINE).type == "session.created"
        connection.close()
        with pytest.raises(ConnectionClosedError, match="1000"):
            connection.receive(DEADLINE)


def test_a_dropped_connection_warns_and_is_closed_by_the_event_loop() -> None:
    with blocking() as (_, client):
        connection = client.connect(model=MODEL).open()
        opened = [connection]
        del connection
        with pytest.warns(ResourceWarning, match="unclosed"):
            opened.clear()


def test_help_shows_what_the_blocking_form_takes_and_returns() -> None:
    returned = {
        "connect": "Connecting[RealtimeConnection]",
        "connect_translation": "Connecting[RealtimeTranslationConnection]",
        "create_realtime_session": "beta.RealtimeSessionCreateResponse",
        "hangup_realtime_call": "models.EmptyResult",
    }
    for name, result in returned.items():
        method = getattr(RealtimeClient, name)
        assert inspect.signature(method).return_annotation == result
        assert "await" not in method.__doc__
        assert "async" not in method.__doc__


GREEN = """
import sys
from gevent import monkey
monkey.patch_all(thread="threads" in sys.argv)
from openai_realtime import ConfigurationError, RealtimeClient
try:
    RealtimeClient(api_key="sk-made-up")
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.parametrize("patched", ["threads", "all but threads"])
def test_green_threads_are_refused_with_a_way_out(patched: str) -> None:
    command = [sys.executable, "-c", GREEN, patched]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603 - our own
    assert "gevent has replaced" in done.stdout
    assert "gunicorn -k gthread" in done.stdout
