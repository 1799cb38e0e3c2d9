"""The other side of all benchmarks: it prints its two URLs, then answers with bytes that were made before.

WebSocket: ``?model=KIND-COUNT`` says what to send after session.created; see `_KINDS`. Every POST gets one answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson
import turn
import uvloop
from aiohttp import WSMsgType, web
from harness import allow_many_files

_BATCH = 64  # events a write, so that writing is never what a benchmark waits for
_SLOTS = 20  # the streams are spread over the interval in so many steps
STREAM_CHUNK = 9600  # bytes: 200 ms of PCM16 at 24 kHz
STREAM_INTERVAL = 0.2  # seconds


def frame(payload: bytes) -> bytes:
    """Return an unmasked text frame."""
    size = len(payload)
    if size < 126:  # noqa: PLR2004 - RFC 6455, 5.2
        return bytes((0x81, size)) + payload
    if size < 2**16:
        return bytes((0x81, 126)) + size.to_bytes(2) + payload
    return bytes((0x81, 127)) + size.to_bytes(8) + payload


async def realtime(request: web.Request) -> web.WebSocketResponse:
    """One session."""
    socket = web.WebSocketResponse(compress=False, max_msg_size=0)
    await socket.prepare(request)
    await socket.send_frame(turn.session_created(), WSMsgType.TEXT)
    kind, _, count = request.query["model"].partition("-")
    sending = asyncio.create_task(_KINDS[kind](request, socket, int(count or 0)))
    try:
        await sending
        async for _ in socket:  # answers pings and the close
            pass
    except ConnectionError:
        pass
    finally:
        sending.cancel()
    return socket


def _transport(request: web.Request) -> Any:
    """Return the socket below aiohttp, which would build each frame anew."""
    return request.transport


async def _replay(request: web.Request, events: Iterator[bytes]) -> None:
    """Write frames as fast as the client takes them."""
    frames, transport = map(frame, events), _transport(request)
    while batch := b"".join(islice(frames, _BATCH)):
        transport.write(batch)
        await request.writer.drain()


async def _turns(request: web.Request, socket: web.WebSocketResponse, count: int) -> None:
    """`count` events of whole turns, once the client has sent something."""
    await socket.receive()
    replay = asyncio.create_task(_replay(request, islice(cycle(turn.whole_turn()), count)))
    async for _ in socket:  # while events are on their way the client may close
        pass
    replay.cancel()


async def _deltas(request: web.Request, socket: web.WebSocketResponse, count: int) -> None:
    await socket.receive()
    await _replay(request, islice(cycle([turn.audio_delta(4096)]), count))


async def _trickle(request: web.Request, socket: web.WebSocketResponse, count: int) -> None:
    await socket.receive()
    for event in islice(cycle([frame(turn.text_delta()), frame(turn.audio_delta(4096))]), count):
        _transport(request).write(event)
        await asyncio.sleep(0.001)


async def _items(_: web.Request, socket: web.WebSocketResponse, __: int) -> None:
    """Answer every conversation.item.create."""
    previous = None
    async for message in socket:
        item_id = orjson.loads(message.data)["item"]["id"]
        await socket.send_frame(turn.added(item_id, previous), WSMsgType.TEXT)
        previous = item_id


async def _echo(_: web.Request, socket: web.WebSocketResponse, __: int) -> None:
    """Answer every append with as much audio, and everything else with the settings."""
    sound, settings = turn.audio_delta(STREAM_CHUNK), turn.session_updated()
    async for message in socket:
        appended = orjson.loads(message.data)["type"] == "input_audio_buffer.append"
        await socket.send_frame(sound if appended else settings, WSMsgType.TEXT)


async def _session(request: web.Request, socket: web.WebSocketResponse, turns: int) -> None:
    """Hold a conversation of so many turns, once a response is asked for, and acknowledge what the client sends."""
    replay: asyncio.Task[None] | None = None
    async for message in socket:
        event = orjson.loads(message.data)
        if event["type"] == "conversation.item.create":
            _transport(request).write(frame(turn.put(event["item"])))
        elif event["type"] == "session.update":
            _transport(request).write(frame(turn.session_updated()))
        elif event["type"] == "response.create" and replay is None:
            replay = asyncio.create_task(_replay(request, turn.session(turns)))


async def _interrupted(request: web.Request, socket: web.WebSocketResponse, count: int) -> None:
    """Give `count` answers that the user interrupts, and tell the microseconds from that to the client's truncation."""
    await _until(socket, "response.create")
    for number in range(count):
        for event in turn.answer(number):
            _transport(request).write(frame(event))
        await asyncio.sleep(STREAM_INTERVAL)
        _transport(request).write(frame(turn.speech_started()))
        started = time.perf_counter()
        await _until(socket, "conversation.item.truncate", "conversation.item.delete")  # deleted if it was never heard
        taken = round((time.perf_counter() - started) * 1e6)
        _transport(request).write(b"".join(map(frame, turn.cut(number, taken))))


async def _until(socket: web.WebSocketResponse, *kinds: str) -> None:
    async for message in socket:
        if any(f'"{kind}"' in message.data[:100] for kind in kinds):
            return
    raise ConnectionError


async def _nothing(_: web.Request, __: web.WebSocketResponse, ___: int) -> None:
    pass


_streams: list[set[asyncio.WriteTransport]] = [set() for _ in range(_SLOTS)]


async def _stream(request: web.Request, socket: web.WebSocketResponse, __: int) -> None:
    """Audio in real time, until the client closes."""
    slot, transport = min(_streams, key=len), _transport(request)
    slot.add(transport)
    try:
        async for _ in socket:
            pass
    finally:
        slot.discard(transport)


async def _tick() -> None:
    """One task for all streams: a task each would cost this server more than the writes do."""
    sound, loop = frame(turn.audio_delta(STREAM_CHUNK)), asyncio.get_running_loop()
    due = loop.time()
    for slot in cycle(_streams):
        for transport in slot:
            transport.write(sound)
        due += STREAM_INTERVAL / _SLOTS
        await asyncio.sleep(max(due - loop.time(), 0))


_KINDS: dict[str, Callable[[web.Request, web.WebSocketResponse, int], Coroutine[Any, Any, None]]] = {
    "turn": _turns,
    "delta": _deltas,
    "trickle": _trickle,
    "items": _items,
    "echo": _echo,
    "session": _session,
    "interrupted": _interrupted,
    "stream": _stream,
    "idle": _nothing,
}

_SECRET = {"value": "ek_bench_not_real", "expires_at": 1800000000, "session": turn.SESSION}
_BODY = orjson.dumps(_SECRET)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\nopenai-processing-ms: 1\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


class Rest(asyncio.Protocol):
    """HTTP/1.1 as far as a POST with a Content-Length needs it; a framework would cost more than the clients do."""

    def connection_made(self, transport: Any) -> None:
        """Begin with nothing received."""
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (request := self._complete()) is not None:
            self._received = self._received[request:]
            self._transport.write(_ANSWER)

    def _complete(self) -> int | None:
        """Return the length of the first request, None while a part of it is missing."""
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        return len(head) + len(end) + length if len(body) >= length else None


async def main(folder: str) -> None:
    """Serve until killed; with TLS if there is a folder with a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if folder else None
    if context is not None:
        context.load_cert_chain(Path(folder) / "server.pem")
    app = web.Application()
    app.router.add_get("/v1/realtime", realtime)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context, backlog=1024).start()
    rest = await asyncio.get_running_loop().create_server(Rest, "127.0.0.1", 0, ssl=context)
    scheme = "https" if folder else "http"
    ports = runner.addresses[0][1], rest.sockets[0].getsockname()[1]
    print(*(f"{scheme}://127.0.0.1:{port}/v1" for port in ports), flush=True)
    await _tick()


if __name__ == "__main__":
    allow_many_files()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main("".join(sys.argv[1:])))
