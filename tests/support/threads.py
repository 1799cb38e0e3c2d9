"""Threads that are interrupted, and processes that fork."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from openai_realtime import (
    RealtimeClient,
)

DEADLINE = 30.0  # seconds; the most that any wait takes, so that a hang is a failure and not a stopped suite


KEY = "sk-made-up"


ANSWERS = {
    "client_secrets": {"value": "ek_1", "expires_at": 1, "session": {"type": "realtime", "model": "gpt-realtime"}},
    "sessions": {"object": "realtime.session", "model": "gpt-realtime", "voice": "alloy"},
    "transcription_sessions": {"object": "realtime.transcription_session", "modalities": ["text"]},
    "beta": {"error": {"message": "The beta is over.", "type": "x", "param": "", "code": "beta_api_shape_disabled"}},
    "busy": {"error": {"message": "Later.", "type": "x", "param": "", "code": "busy"}},
}


class Server:
    """One thread that answers every operation. A call named rtc_hang gets no answer, rtc_busy a Retry-After of 60."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.connections = 0
        self.hanging = threading.Event()
        self.dropped = threading.Event()
        self.busy = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._main(),), name="test server")
        self._thread.start()
        assert self._ready.wait(DEADLINE)

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._stop.wait()
        server.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                path = await _read_request(reader)
                self.paths.append(path)
                if "rtc_hang" in path:
                    self.hanging.set()
                    break
                writer.write(_answer(path))
                if "rtc_busy" in path:
                    self.busy.set()
            await reader.read(1)
        self.dropped.set()
        writer.close()


async def _read_request(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
    await reader.readexactly(int(headers.get("content-length", 0)))
    return head.split(" ")[1].removeprefix("/v1/realtime/")


def _answer(path: str) -> bytes:
    name = path.rpartition("/")[2]
    if name == "calls":
        return _http("201 Created", b"v=0\r\n", "Content-Type: text/plain", "Location: /v1/realtime/calls/rtc_1")
    if "rtc_busy" in path:
        return _http("429 Too Many Requests", json.dumps(ANSWERS["busy"]).encode(), "Retry-After: 60")
    if "rtc_none" in path:
        return _http("404 Not Found", b"")
    if "rtc_beta" in path:
        return _http("400 Bad Request", json.dumps(ANSWERS["beta"]).encode(), "Content-Type: application/json")
    if name in ANSWERS:
        return _http("200 OK", json.dumps(ANSWERS[name]).encode(), "Content-Type: application/json")
    return _http("200 OK", b"")


def _http(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def connect(server: Server, **options: Any) -> RealtimeClient:
    return RealtimeClient(**{"api_key": KEY, "base_url": server.base_url, "timeout": DEADLINE, **options})


@contextlib.contextmanager
def interrupt_at(number: int, files: tuple[str, ...]) -> Iterator[None]:
    """Raise KeyboardInterrupt before the line with that number, counted as they run in `files`, in this thread."""
    lines = itertools.count(1)

    def enter(frame: Any, *_: Any) -> Any:
        seen: set[int] = set()

        def line(frame: Any, event: str, _: Any) -> Any:
            # The second visit of a `with` line is its end, which no real interrupt can cut off from the block.
            if event == "line" and frame.f_lineno not in seen and next(lines) == number:
                raise KeyboardInterrupt
            seen.add(frame.f_lineno)
            return line

        return line if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)


def interrupted(call: Callable[[], object], number: int, *files: str) -> bool:
    """Whether `call` had so many lines."""
    try:
        with interrupt_at(number, files):
            call()
    except KeyboardInterrupt:
        return True
    return False


STRICT = ("-X", "dev", "-W", "error")


# From 3.12 on Python warns of any fork with threads; that it works here is what these tests show.
FORKING = ("-X", "dev", "-W", "error", "-W", "ignore:This process:DeprecationWarning")


PRELUDE = f"""
import atexit, logging, os, signal, sys, threading, time
from openai_realtime import ClientStateError, RealtimeClient, RealtimeError
logging.getLogger("asyncio").setLevel("ERROR")  # a busy machine is slow, of which asyncio warns in its debug mode
signal.signal(signal.SIGINT, signal.default_int_handler)  # the child of a background job starts with SIGINT ignored
def connect(**options):
    return RealtimeClient(**{{"api_key": {KEY!r}, "base_url": sys.argv[1], "timeout": {DEADLINE}, **options}})
def call(client, call_id="rtc_1"):
    print(client.hangup_realtime_call(call_id).http.status, flush=True)
"""


class Script(subprocess.Popen[str]):
    """A Python process in a session of its own, so that its children end with it when the deadline is over."""

    def __init__(self, server: Server, code: str, flags: Sequence[str], environ: dict[str, str]) -> None:
        command = [sys.executable, *flags, "-c", PRELUDE + inspect.cleandoc(code), server.base_url]
        pipe = subprocess.PIPE
        env = {**os.environ, **environ}
        super().__init__(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True, env=env)

    def finish(self) -> tuple[int, str, str]:
        """Its exit code, stdout and stderr."""
        stdout, stderr = self.communicate(timeout=DEADLINE)
        return self.returncode, stdout, stderr

    def kill_all(self) -> None:
        if self.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.communicate()


RunScript = Callable[..., Script]


FORK = """
def in_child(function):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        function()
        sys.exit()  # the long way, through everything that Python clears at its end
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print("child", code, flush=True)
"""


def fork(script: RunScript, code: str, **environ: str) -> tuple[int, str, str]:
    return script(FORK + inspect.cleandoc(code), FORKING, **environ).finish()
