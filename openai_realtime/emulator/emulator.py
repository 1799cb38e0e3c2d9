"""`Emulator`: a server on a real port that speaks the Realtime API, for tests and for work without a key."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from typing import Self, TypedDict, cast

from aiohttp import web

from openai_realtime.emulator.server.http import OPERATIONS, find_operation
from openai_realtime.emulator.server.state import State
from openai_realtime.emulator.server.websocket import LiveConnection
from openai_realtime.emulator.sessions.base import Session
from openai_realtime.emulator.sessions.beta_session import BetaSession
from openai_realtime.emulator.sessions.realtime import LiveSession
from openai_realtime.emulator.sessions.translation import TranslationSession
from openai_realtime.errors import ClientStateError
from openai_realtime.models.items import McpListedTool

from . import errors as api_errors, ids
from .errors import Refusal
from .faults import Fault
from .live_faults import LiveFault
from .script import Condition, McpServer, Reply, Script
from .server import admission, websocket
from .wire import JSON, Answer, ReceivedRequest, masked_headers, masked_path

CONNECT = "connect"
KEYS = frozenset("0123456789*#ABCD")  # of a telephone
_MAX_BODY = 16 * 1024 * 1024
_SHUTDOWN_SECONDS = 0.1  # requests that hang must not hold up the end of a test
_DEADLINE = 10.0  # seconds within which the server thread starts, or ends
_HAND_OVER_TURNS = 5

# To listen on all addresses is no address to connect to.
_REACHED_AT = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - given, not taken by default


class EmulatorOptions(TypedDict):
    """What a client needs to talk to an emulator."""

    base_url: str
    api_key: str


class Emulator:
    """A local server that answers as the Realtime API does.

    ``async with Emulator() as emulator`` runs it in the current event loop, ``with Emulator() as emulator`` in a thread
    of its own. `port` 0 takes a free one. With `beta_retired` the two beta operations answer 400
    ``beta_api_shape_disabled``, as api.openai.com does. Raises OSError if the port is taken.

    A WebSocket at `/v1/realtime` opens a session. Its model repeats what it hears, unless `reply` gave it something
    better to say. `speed` is how much faster than life events come; by default they come at once. With `beta` a
    connection with the header ``OpenAI-Beta: realtime=v1`` speaks the beta's dialect, where api.openai.com closes it.

    `requests` holds every request that came in whole, in order, and grows until you clear it.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        beta_retired: bool = False,
        beta: bool = False,
        speed: float = math.inf,
    ) -> None:
        self.requests: list[ReceivedRequest] = []
        self._host = host
        self._port = port
        self._state = State(beta_retired=beta_retired)
        self._faults: dict[str, deque[Fault]] = {name: deque() for name in (*OPERATIONS, CONNECT)}
        self._beta = beta
        self._speed = speed
        self._script = Script()
        self._calls: dict[str, LiveSession] = {}
        self._pressed: dict[str, str] = {}  # the keys of calls to which nobody is attached yet
        self._live_faults: deque[tuple[LiveFault, ...]] = deque()
        self._connections: set[LiveConnection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runner: web.AppRunner | None = None
        self._thread: _ServerThread | None = None

    @property
    def api_key(self) -> str:
        """The one key that this emulator takes, made up at random."""
        return self._state.api_key

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT/v1``, also if it listens on all addresses.

        Raises ClientStateError while the emulator is not running.
        """
        if self._runner is None or not self._runner.addresses:
            raise ClientStateError("the emulator is not running; use it as `with Emulator() as emulator:`")
        host = _REACHED_AT.get(self._host, self._host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self._runner.addresses[0][1]}/v1"

    @property
    def client_options(self) -> EmulatorOptions:
        """The options that connect a client: ``AsyncRealtimeClient(**emulator.client_options)``."""
        return {"base_url": self.base_url, "api_key": self.api_key}

    def fail(self, operation: str, *faults: Fault) -> None:
        """Queue `faults` for an operation, such as ``create_realtime_client_secret``: one each for its next requests.

        ``connect`` is the request that opens a WebSocket.

        Raises ValueError for an unknown operation.
        """
        if operation not in self._faults:
            raise ValueError(f"unknown operation {operation!r}; known are {', '.join(self._faults)}")
        self._faults[operation].extend(faults)

    def disturb(self, *faults: LiveFault) -> None:
        """Queue what happens to the next WebSocket connection; the next call is for the one after it."""
        self._live_faults.append(faults)

    def disturb_now(self, fault: LiveFault) -> None:
        """Let `fault` happen to all open connections."""
        self._in_loop(lambda: self._disturb(fault))

    def incoming_call(self) -> str:
        """Let a phone call come in over SIP; gives the call id that the webhook would bring."""
        return self._state.open_call()

    def press(self, call_id: str, keys: str) -> None:
        """Let the caller press `keys` of the telephone, such as ``"12#"``; a sideband hears of each.

        Raises ValueError for a call that is not there, and for other keys than those of `KEYS`.
        """
        if not self._state.has_call(call_id):
            raise ValueError(f"no call {call_id!r}")
        if not keys or set(keys) - KEYS:
            raise ValueError(f"keys: {keys!r} is not made of {''.join(sorted(KEYS))}")
        self._in_loop(lambda: self._press(call_id, keys))

    def mcp_server(self, server_label: str, *tools: McpListedTool, reachable: bool = True) -> None:
        """Say what tools the MCP server has that sessions call `server_label`, or that it cannot be reached.

        Nothing is asked over the network, wherever `server_url` points; a server not described here has no tools to
        list. What a call gives is in its `McpToolCall`.
        """
        self._script.mcp_servers[server_label] = McpServer(tools=tools, reachable=reachable)

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock forward, to see secrets and sessions expire, and silences end, without waiting."""
        self._state.advance(seconds)
        self._in_loop(lambda: self._advance(seconds))

    def reply(self, *replies: Reply | str, when: Condition | None = None) -> None:
        """Say what the model answers next: each reply once, in order; a text stands for ``Reply(text=...)``.

        With `when` they are rules instead, used whenever they apply to the user's last text: a string that it holds, a
        compiled pattern or a function. Raises TypeError for a reply that is neither a `Reply` nor a text.
        """
        for reply in replies:
            if not isinstance(reply, Reply | str):
                raise TypeError(f"reply: {type(reply).__name__} is neither a Reply nor a text")
            self._script.add(Reply(text=reply) if isinstance(reply, str) else reply, when)

    def hear(self, *transcripts: str) -> None:
        """Say what the user's next audio messages say: nothing here understands speech."""
        self._script.add_transcripts(transcripts)

    def resume(self) -> None:
        """Let the responses go on that wait because of `Reply.pause_after`, or will: one for each connection."""
        self._in_loop(self._resume)

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise ClientStateError("the emulator is running already")
        self._loop = asyncio.get_running_loop()
        runner = self._runner = web.AppRunner(
            self._application(), access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        runner, self._runner = self._runner, None
        if runner is None:
            return
        await asyncio.gather(*(connection.close() for connection in self._connections))
        # asyncio needs a few turns to hand over a connection it has accepted; when the server is closed before, nobody
        # ever closes that connection (its _accept_connection2 fails in Server._attach).
        for _ in range(_HAND_OVER_TURNS):
            await asyncio.sleep(0)
        await runner.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        """Run the emulator in a thread of its own until `close`."""
        if self._thread is not None:
            raise ClientStateError("the emulator is running already")
        thread = _ServerThread(self)
        thread.start()
        thread.ready.result(_DEADLINE)
        self._thread = thread
        return self

    def close(self) -> None:
        """End what `start` began. Calling it again does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    # --- serving --------------------------------------------------------------------------------------------------

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or do what a fault wants."""
        started, fault = time.perf_counter(), Fault()
        try:
            received = await _received(request)
            self.requests.append(received)
            if (found := _session_request(request)) is not None:
                return await self._connect(request, found)
            name, operation, call_id = find_operation(request.method, request.rel_url.raw_path)
            fault = self._next_fault(name)
            await _disturb(request, fault)
            if fault.replaces:
                answer = fault.replacement()
            else:
                self._state.authenticate(request.headers)
                answer = operation(self._state, received, call_id)
                self._end_calls()
        except web.HTTPRequestEntityTooLarge:
            answer = api_errors.too_large().answer()
        except Refusal as refusal:
            answer = refusal.answer()
        return await _send(request, fault.applied(answer), started, truncate=fault.truncate)

    async def _connect(self, request: web.Request, wanted: admission.Request) -> web.StreamResponse:
        """Open a WebSocket, or do what a fault wants instead."""
        fault = self._next_fault(CONNECT)
        await _disturb(request, fault)
        if fault.replaces:
            return await _send(
                request, fault.applied(fault.replacement()), time.perf_counter(), truncate=fault.truncate
            )
        socket = websocket.new_socket()
        try:
            config = admission.admit(wanted, self._state, beta=self._beta)
        except Refusal as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                return web.Response(status=refusal.status)
            await websocket.prepare(socket, request)
            await websocket.refuse(socket, refusal)
            return socket
        await websocket.prepare(socket, request)
        session = self._session(config, wanted)
        connection = LiveConnection(socket, _transport(request), session, self._speed)
        if self._live_faults:
            connection.faults.extend(self._live_faults.popleft())
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
        return socket

    def _session(self, config: JSON, wanted: admission.Request) -> Session:
        """A new session, or that of the call to which the client attaches."""
        call_id = wanted.query.get("call_id")
        if config["type"] == "translation":
            translation = TranslationSession(config, self._script, self._state.now, azure=wanted.azure)
            translation.open()
            return translation
        if call_id is None:
            kind = BetaSession if admission.asks_for_beta(wanted) else LiveSession
            session = kind(config, self._script, self._state.now, azure=wanted.azure)
            session.open()
            return session
        if call_id not in self._calls:
            session = LiveSession(config, self._script, self._state.now, azure=wanted.azure, sideband=True)
            session.open()
            session.press(self._pressed.pop(call_id, ""))
            self._calls[call_id] = session
        return self._calls[call_id]

    def _press(self, call_id: str, keys: str) -> None:
        """Send the keys to who is attached to the call, or keep them for who will be."""
        if call_id not in self._calls:
            self._pressed[call_id] = self._pressed.get(call_id, "") + keys
            return
        self._calls[call_id].press(keys)
        self._wake(self._calls[call_id])

    def _end_calls(self) -> None:
        """Close what is attached to calls that have ended."""
        for call_id in [call_id for call_id in self._calls if not self._state.has_call(call_id)]:
            session = self._calls.pop(call_id)
            session.close = (1000, "")
            self._wake(session)

    def _wake(self, session: Session) -> None:
        for connection in self._connections:
            if connection.session is session:
                connection.wake()

    def _in_loop(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the server's loop, from whatever thread."""
        if self._loop is not None and self._runner is not None:
            self._loop.call_soon_threadsafe(callback)

    def _advance(self, seconds: float) -> None:
        for session in {*self._calls.values(), *(connection.session for connection in self._connections)}:
            if session.expires_at <= self._state.now():
                session.expire()
            else:
                session.advance(seconds)
            self._wake(session)
        for connection in self._connections:
            connection.clock_moved()

    def _disturb(self, fault: LiveFault) -> None:
        for connection in self._connections:
            connection.disturb(fault)

    def _resume(self) -> None:
        for connection in self._connections:
            connection.resume()

    def _next_fault(self, operation: str) -> Fault:
        queue = self._faults[operation]
        return queue.popleft() if queue else Fault()


class _ServerThread(threading.Thread):
    """A daemon thread with an event loop that runs one emulator."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(name="openai-realtime-emulator", daemon=True)
        self.ready: Future[None] = Future()
        self._emulator = emulator

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._emulator.__aenter__()
        except Exception as error:  # noqa: BLE001 - it is raised in the thread that called `start`
            self.ready.set_exception(error)
            return
        self.ready.set_result(None)
        await self._stopped.wait()
        await self._emulator.__aexit__()

    def stop(self) -> None:
        """End the server and wait for the thread."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self.join(_DEADLINE)


def _session_request(request: web.Request) -> admission.Request | None:
    """What a WebSocket's request asks for; None for any other request."""
    found = admission.find(request.path)
    if found is None or not websocket.is_wanted(request):
        return None
    headers = {name.lower(): value for name, value in request.headers.items()}
    return admission.Request(path=found[0], azure=found[1], query=request.query, headers=headers)


async def _received(request: web.Request) -> ReceivedRequest:
    headers = masked_headers(request.headers)
    body = await request.read()
    return ReceivedRequest(method=request.method, path=masked_path(request.raw_path), headers=headers, body=body)


async def _disturb(request: web.Request, fault: Fault) -> None:
    """What a fault does before there is an answer, or in its place."""
    await asyncio.sleep(fault.delay)
    if fault.reset:
        websocket.reset(_transport(request))
    if fault.reset or fault.hang:
        await asyncio.Event().wait()  # until the connection is gone, which cancels this


async def _send(request: web.Request, answer: Answer, started: float, *, truncate: bool) -> web.StreamResponse:
    headers = {**_standard_headers(started), **answer.headers}
    if answer.content_type:
        headers.setdefault("Content-Type", answer.content_type)
    if not truncate:
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body) + 1
    response.force_close()
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    return response


def _standard_headers(started: float) -> dict[str, str]:
    """What every answer of the API has. `started` is when the request came, by ``time.perf_counter``."""
    return {
        "x-request-id": ids.request_id(),
        "openai-processing-ms": str(round((time.perf_counter() - started) * 1000)),
        "openai-version": "2020-10-01",
        "openai-organization": "emulator",
        "openai-project": "proj_emulator",
    }


def _transport(request: web.Request) -> asyncio.Transport:
    """The connection of a request that is being handled; only later would there be none."""
    return cast("asyncio.Transport", request.transport)
