"""A connection without a server: what is sent on it is kept, and a test says what the server answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from openai_realtime import ConversationItemTruncate, ResponseConfig, ResponseCreate, decode_server_event
from openai_realtime._codec.converter import encode
from openai_realtime._connection.ids import identified
from openai_realtime.errors import ConnectionClosedError
from openai_realtime.models.base import UNSET
from openai_realtime.models.events import ClientEvent


class Line:
    """Feeds observers as a connection does."""

    def __init__(self, *observers: Any) -> None:
        self.observers = observers
        self.wire: list[dict[str, Any]] = []
        self.closed = False
        for observer in observers:
            if hasattr(observer, "opened"):
                observer.opened(self)

    async def send(self, event: ClientEvent) -> None:
        await asyncio.sleep(0)
        if self.closed:
            raise ConnectionClosedError(1006, "gone")
        event = identified(event)
        for observer in self.observers:
            observer.sent(event)
        self.wire.append(json.loads(encode(event)))

    async def create_response(self, response: ResponseConfig | None = None) -> None:
        await self.send(ResponseCreate(response=response or UNSET))

    async def truncate_item(self, item_id: str, audio_end_ms: int, content_index: int = 0) -> None:
        await self.send(
            ConversationItemTruncate(item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index)
        )

    async def close(self) -> None:
        self.closed = True

    def hear(self, type: str, **fields: Any) -> None:  # noqa: A002 - the wire's name
        self.received(decode_server_event(json.dumps({"type": type, **fields})))

    def received(self, event: Any) -> None:
        for observer in self.observers:
            observer.received(event)

    def begin(self, response_id: str = "r1", **fields: Any) -> None:
        self.hear("response.created", response={"id": response_id, "conversation_id": "conv_1", **fields})

    def end(self, response_id: str = "r1", **fields: Any) -> None:
        self.hear("response.done", response={"id": response_id, "status": "completed", **fields})

    def call(self, name: str, call_id: str = "c1", arguments: str = "{}", response_id: str = "r1") -> None:
        """Let the model call a function."""
        item = {"id": f"item_{call_id}", "type": "function_call", "status": "completed", "call_id": call_id,
                "name": name, "arguments": arguments}  # fmt: skip
        self.hear("response.output_item.done", response_id=response_id, output_index=0, item=item)

    @property
    def sent(self) -> list[str]:
        """What was sent, in short: the type of an event, of an item its own."""
        return [one["item"]["type"] if "item" in one else one["type"] for one in self.wire]

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of calls by their ids."""
        items = [one["item"] for one in self.wire if "item" in one]
        return {item["call_id"]: item["output"] for item in items if "call_id" in item}

    async def until(self, condition: Callable[[], object]) -> None:
        """Let tasks and threads go on until something holds."""
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - what it waits for may be in a thread
                await asyncio.sleep(0.001)

    async def settle(self) -> None:
        """Let the tasks go on that can."""
        for _ in range(20):
            await asyncio.sleep(0)
