"""A WebSocket without our client: events as they travel."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Self

import aiohttp
import pybase64

from openai_realtime._codec.converter import decode_server_event
from openai_realtime.emulator import Emulator
from openai_realtime.models.events import UnknownEvent

DEADLINE = 30.0


TEXT_ONLY = {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}}


BETA_RETIRED = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."


class Wire:
    """A bare WebSocket: JSON out, JSON in, and every wait has its end."""

    def __init__(self, emulator: Emulator, path: str = "?model=gpt-realtime", **options: Any) -> None:
        headers = options.pop("headers", {"Authorization": f"Bearer {emulator.api_key}"})
        url = emulator.base_url.removesuffix("/v1") + options.pop("prefix", "/v1/realtime") + path
        self._connecting = lambda http: http.ws_connect(url, headers=headers, max_msg_size=0, **options)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE))
        try:
            self.socket = await self._connecting(self._http)
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await self._http.close()

    async def send(self, *events: Any) -> None:
        for event in events:
            await self.socket.send_str(event if isinstance(event, str) else json.dumps(event))

    async def get(self) -> dict[str, Any]:
        message = await self.socket.receive(DEADLINE)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        event = decode_server_event(message.data)
        assert not isinstance(event, UnknownEvent)
        assert re.fullmatch(r"event_[0-9A-Za-z]{21}", str(event.event_id))
        loaded: dict[str, Any] = json.loads(message.data)
        return loaded

    async def until(self, last: str) -> list[dict[str, Any]]:
        """The events up to the next one of type `last`."""
        events = [await self.get()]
        while events[-1]["type"] != last:
            events.append(await self.get())
        return events

    async def expect(self, *types: str) -> list[dict[str, Any]]:
        events = [await self.get() for _ in types]
        assert [event["type"] for event in events] == [*types]
        return events

    async def error(self) -> dict[str, Any]:
        (event,) = await self.expect("error")
        error: dict[str, Any] = event["error"]
        return error

    async def closed(self) -> tuple[int | None, str]:
        message = await self.socket.receive(DEADLINE)
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return message.data, message.extra or ""


def types(events: list[dict[str, Any]]) -> list[str]:
    """The types, runs of the same delta told once."""
    names = [event["type"] for event in events]
    return [name for index, name in enumerate(names) if name != names[index - 1] or not name.endswith("delta")]


def message(text: str, **fields: Any) -> dict[str, Any]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}
    return {"type": "conversation.item.create", "item": item}


RESPOND = {"type": "response.create"}


CANCEL = {"type": "response.cancel"}


ADDED = ("conversation.item.added", "conversation.item.done")


def tone(milliseconds: int, amplitude: int = 8000) -> bytes:
    """PCM16, 24 kHz: a tone of 200 Hz."""
    period = [round(amplitude * math.sin(2 * math.pi * index / 120)) for index in range(120)]
    return b"".join(sample.to_bytes(2, "little", signed=True) for sample in period) * (milliseconds // 5)


def silence(milliseconds: int) -> bytes:
    return bytes(48 * milliseconds)


def append(audio: bytes) -> dict[str, Any]:
    return {"type": "input_audio_buffer.append", "audio": pybase64.b64encode(audio).decode()}


SAID = "conversation.item.input_audio_transcription"
