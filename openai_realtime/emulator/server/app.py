"""The server on its port: requests and WebSockets in, answers, sessions or faults out."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from typing import cast

import attrs
from aiohttp import web

from openai_realtime.emulator import errors as api_errors, faults, ids
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.faults import FaultQueue
from openai_realtime.emulator.wire import Answer, History, ReceivedRequest, masked_headers, masked_path, raw_answer

from . import admission, bodies, websocket
from .connection import LiveConnection
from .control import PREFIX, Control
from .http import CREATE_CALL, find_operation, is_azure
from .offers import OfferedCalls
from .sessions import Sessions
from .state import State
from .telephone import Telephone

_log = logging.getLogger("openai_realtime.emulator")
_REDIRECTS = 300
_UNTAKEN = (401, 404, 405)  # nobody may fill the memory without a key
_ERRORS = 400
_MAX_BODY = 16 * 1024 * 1024
_SHUTDOWN_SECONDS = 0.1  # requests that hang must not hold up the end of a test
_HAND_OVER_TURNS = 5


class Server:
    """Serve the API in the running event loop, between `start` and `stop`.

    `requests` gets every request that came in whole. What goes wrong on purpose comes from `queue`.
    """

    def __init__(  # noqa: PLR0913
        self,
        requests: History[ReceivedRequest],
        state: State,
        sessions: Sessions,
        queue: FaultQueue,
        *,
        control: Control,
        telephone: Telephone,
    ) -> None:
        self._requests = requests
        self._state = state
        self._sessions = sessions
        self._worker = sessions.worker
        self._faults = queue
        self._control = control
        self._telephone = telephone
        self._calls = OfferedCalls(state, sessions, queue)
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 while it does not."""
        return self._runner.addresses[0][1] if self._runner and self._runner.addresses else 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen, with TLS if there is a context for it. Raises OSError if the port is taken."""
        application = web.Application(client_max_size=_MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close all sessions with 1001, and the port."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        await self._sessions.close()
        await self._calls.close()
        await self._telephone.close()
        self._worker.close()
        # asyncio needs a few turns to hand over a connection it has accepted; when the server is closed before, nobody
        # ever closes that connection (its _accept_connection2 fails in Server._attach).
        for _ in range(_HAND_OVER_TURNS):
            await asyncio.sleep(0)
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; what is refused, or goes wrong in here, is an answer too."""
        started, ordinary = time.perf_counter(), faults.HTTPResponse()
        try:
            if request.path.startswith(PREFIX):
                return await _send(request, await self._control.handle(request), ordinary, started)
            received = await _received(request)
            self._requests.keep(received, len(received.body))
            if (found := _session_request(request)) is not None:
                return await self._connect(request, found)
            return await self._operate(request, received, started)
        except web.HTTPRequestEntityTooLarge:
            answer = api_errors.too_large().answer()
        except Refusal as refusal:
            answer = refusal.answer()
        except ConnectionError:  # the client is gone: nobody reads an answer
            return web.Response()
        except Exception:  # noqa: BLE001 - it is logged, and the client is told
            _log.exception("a defect of the emulator")
            answer = api_errors.defect().answer()
        return await _send(request, answer, ordinary, started)

    async def _operate(self, request: web.Request, received: ReceivedRequest, started: float) -> web.StreamResponse:
        """Carry out an operation, or do what a fault wants."""
        change = faults.HTTPResponse()
        try:
            name, operation, call_id = find_operation(request.method, request.rel_url.raw_path)
            change = await _apply_faults(request, self._faults.get(name))
            answer = _replacement(change)
            if answer is None:
                key = self._state.authenticate(request.headers)
                if operation.is_beta and self._state.beta_retired:
                    raise api_errors.beta_retired()
                body = await self._worker.run(len(received.body), bodies.read, received, operation.body)
                answer = operation.answer(self._state, received, body, call_id)
                if name == CREATE_CALL:
                    answer = await self._calls.connect(answer, body["sdp"], key, azure=is_azure(received))
                self._telephone.follow(name, call_id, body)
                self._sessions.end_calls()
        except Refusal as refusal:
            if refusal.status in _UNTAKEN:
                self._requests.replace(received, attrs.evolve(received, body=b""), 0)
            answer = refusal.answer()
        return await _send(request, answer, change, started)

    async def _connect(self, request: web.Request, wanted: admission.Request) -> web.StreamResponse:
        """Open a WebSocket, or do what a fault wants instead."""
        started = time.perf_counter()
        fault = await _apply_faults(request, self._faults.get(faults.CONNECT))
        if (answer := _replacement(fault)) is not None:
            return await _send(request, answer, fault, started)
        socket = websocket.new_socket()
        try:
            config = admission.admit(wanted, self._state)
        except Refusal as refusal:
            if refusal.status == web.HTTPNotFound.status_code:
                return await _send(request, refusal.answer(), fault, started)
            await websocket.prepare(socket, request)
            await websocket.refuse(socket, refusal)
            return socket
        await websocket.prepare(socket, request)
        _log.info("%s WebSocket open", masked_path(request.raw_path))
        channel = websocket.WebSocketChannel(socket, _transport(request))
        connection = LiveConnection(channel, self._sessions.open(config, wanted), self._worker)
        connection.faults.extend(self._faults.get(faults.SESSION))
        with self._sessions.connected(connection):
            await connection.run()
        return socket


def _replacement(fault: faults.HTTPResponse) -> Answer | None:
    """Give what a fault answers in place of the operation; None if the operation is carried out."""
    if fault.body is not None:
        return raw_answer(fault.body)
    if fault.status is None or fault.status < _REDIRECTS:
        return None
    return api_errors.with_status(fault.status).answer() if fault.status >= _ERRORS else Answer()


def _session_request(request: web.Request) -> admission.Request | None:
    """Give what a WebSocket's request asks for; None for any other request."""
    found = admission.find(request.path)
    if found is None or not websocket.is_wanted(request):
        return None
    headers = {name.lower(): value for name, value in request.headers.items()}
    preview = request.path == admission.PREVIEW
    return admission.Request(path=found[0], azure=found[1], preview=preview, query=request.query, headers=headers)


async def _received(request: web.Request) -> ReceivedRequest:
    headers = masked_headers(request.headers)
    body = await request.read()
    return ReceivedRequest(method=request.method, path=masked_path(request.raw_path), headers=headers, body=body)


async def _apply_faults(request: web.Request, wanted: Sequence[faults.Fault]) -> faults.HTTPResponse:
    """Do what faults do before there is an answer, or in its place; give what they change of the answer."""
    change = faults.HTTPResponse()
    for fault in wanted:
        match fault:
            case faults.Delay(seconds=seconds):
                await asyncio.sleep(seconds)
            case faults.HTTPResponse():
                change = fault
            case _:
                if isinstance(fault, faults.Drop):
                    websocket.reset(_transport(request))
                await asyncio.Event().wait()  # until the connection is gone, which cancels this
    return change


async def _send(request: web.Request, answer: Answer, fault: faults.HTTPResponse, started: float) -> web.StreamResponse:
    """Send `answer` as `fault` changes it; `started` is when the request came, by ``time.perf_counter``."""
    _log.info("%s %s %d", request.method, masked_path(request.raw_path), fault.status or answer.status)
    headers = {**_standard_headers(started), **answer.headers, **fault.headers}
    if content_type := fault.content_type or answer.content_type:
        headers.setdefault("Content-Type", content_type)
    status = fault.status or answer.status
    if not fault.truncate:
        return web.Response(status=status, body=answer.body, headers=headers)
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(answer.body) + 1
    response.force_close()
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    return response


def _standard_headers(started: float) -> dict[str, str]:
    """Give what every answer of the API has."""
    return {
        "x-request-id": ids.request_id(),
        "openai-processing-ms": str(round((time.perf_counter() - started) * 1000)),
        "openai-version": "2020-10-01",
        "openai-organization": "emulator",
        "openai-project": "proj_emulator",
    }


def _transport(request: web.Request) -> asyncio.Transport:
    """Give the connection of a request that is being handled; only later would there be none."""
    return cast("asyncio.Transport", request.transport)
