"""A server that does what a test says, event by event: one script for each connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from aiohttp import WSMsgType, web

from openai_realtime import AsyncRealtimeClient, RetryPolicy

KEY = "sk-secret-1234567890"
DEADLINE = 30


class Peer:
    """The server's end of one connection."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.request = request

    async def greet(self, **session: Any) -> None:
        await self.send("session.created", session={"type": "realtime", "id": "sess_1", **session})

    async def send(self, type: str, **fields: Any) -> None:  # noqa: A002 - the wire's name
        await self.socket.send_str(json.dumps({"type": type, "event_id": "event_s", **fields}))

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE):
            event: dict[str, Any] = json.loads(await self.socket.receive_str())
            return event

    async def receive_type(self, type: str) -> dict[str, Any]:  # noqa: A002
        event = await self.receive()
        assert event["type"] == type
        return event

    async def answer(self, event: dict[str, Any]) -> dict[str, Any]:
        """Answer what sets up a session, as the API does: settings and items."""
        if event["type"] == "session.update":
            await self.send("session.updated", session=event["session"])
        else:
            assert event["type"] == "conversation.item.create"
            await self.add(event["item"])
        return event

    async def add(self, item: dict[str, Any], previous: str | None = None) -> None:
        await self.send("conversation.item.added", previous_item_id=previous, item=item)
        await self.send("conversation.item.done", previous_item_id=previous, item=item)

    async def answers(self, count: int) -> list[dict[str, Any]]:
        """The next events, each answered before the next is read."""
        return [await self.answer(await self.receive()) for _ in range(count)]

    async def refuse(self, code: str | None, close: int, reason: str, message: str = "no") -> None:
        await self.send("error", error={"type": "invalid_request_error", "code": code, "message": message})
        await self.socket.close(code=close, message=reason.encode())

    async def close_without_code(self) -> None:
        await self.socket.send_frame(b"", WSMsgType.CLOSE)

    def abort(self) -> None:
        """Cut the connection."""
        assert self.request.transport is not None
        self.request.transport.abort()


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def serving(*scripts: Script, **options: Any) -> AsyncIterator[AsyncRealtimeClient]:
    """A client of a server that runs one script for each connection, the last one for all later ones."""
    waiting, failures = list(scripts), []

    async def handle(request: web.Request) -> web.StreamResponse:
        script = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        try:
            await script(Peer(socket, request))
            async for _ in socket:  # to the end, so that the client closes in order
                pass
        except (AssertionError, TimeoutError) as error:
            failures.append(error)
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", handle)
    app.router.add_get("/v1/realtime/translations", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    options = {"api_key": KEY, "retry": RetryPolicy(max_retries=2, initial_delay=0), **options}
    try:
        async with asyncio.timeout(DEADLINE), AsyncRealtimeClient(base_url=base_url, **options) as client:
            yield client
    finally:
        await runner.cleanup()
    assert not failures, failures
