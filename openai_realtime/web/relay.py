"""`relay`: a browser's WebSocket passed on to a session that the server holds, and back."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol, TypeAlias

from openai_realtime._codec.converter import decode_client_event, dumps
from openai_realtime._codec.raw import received_json
from openai_realtime._connection.tasks import stop
from openai_realtime.errors import ConnectionClosedError, DecodeError, InvalidRequestError, RealtimeError
from openai_realtime.models.events import ClientEvent, ServerEvent

from .messages import WebSocket, check_websocket

__all__ = ["ALLOWED", "from_a_user", "relay"]

ALLOWED: Final = frozenset(
    {
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "response.create",
        "response.cancel",
    }
)
"""The types of event with which a browser talks; the settings are the server's."""

# Of a response: not its instructions or tools.
_HARMLESS: Final = {"output_modalities", "max_output_tokens", "metadata"}

_LOCAL: Final = "openai_realtime."
GOING_AWAY: Final = 1001
INTERNAL: Final = 1011
_NORMAL, _UNSUPPORTED = 1000, 1003
_SENDABLE: Final = (*range(1000, 1004), *range(1007, 1012))  # the others may not be in a close frame
_PRIVATE: Final = range(3000, 5000)
_MAX_REASON: Final = 123  # bytes, by RFC 6455
_MAX_ECHO: Final = 64  # characters of what a browser made up
_MAX_ID: Final = 512  # characters of an event_id, by the API
_SEND_SECONDS: Final = 30.0  # in which a browser must have taken one event
_CLOSE_SECONDS: Final = 2.0


_Allowed: TypeAlias = Callable[[ClientEvent], bool | Awaitable[bool]]
Allow: TypeAlias = Collection[str] | _Allowed


def from_a_user(event: ClientEvent) -> bool:
    """Tell whether an event only talks: what a user may say, nothing that changes what the model is told to do."""
    raw = event.raw or {}
    if event.type == "conversation.item.create":
        item = raw.get("item")
        return isinstance(item, dict) and (item.get("type"), item.get("role")) == ("message", "user")
    if event.type == "response.create":
        response = raw.get("response")
        return response is None or (isinstance(response, dict) and response.keys() <= _HARMLESS)
    return event.type in ALLOWED


class _Connection(Protocol):
    """What is relayed: an open connection."""

    async def send(self, event: ClientEvent) -> None: ...
    def __aiter__(self) -> _Connection: ...
    async def __anext__(self) -> ServerEvent: ...


async def relay(connection: _Connection, websocket: WebSocket, *, allow: Allow = from_a_user) -> None:
    """Pass events between a browser and an open connection until one of them ends; then close the browser's side.

    `websocket` has been accepted. `allow` is the types of event that the browser may send, or a function, plain or
    async, that is asked of each. Others, and events that the API would refuse, are answered with an ``error`` event
    and go no further. Whoever is slow holds the other side back: nothing is buffered here. The session itself is closed
    by whoever opened it. A close of the session is passed on, with its code where a close frame may carry it.
    """
    check_websocket(websocket)
    allowed = allow if callable(allow) else lambda event: event.type in allow
    outward = asyncio.create_task(_to_browser(connection, websocket))
    inward = asyncio.create_task(_to_session(connection, websocket, allowed))
    code, reason = INTERNAL, ""
    try:
        done, _ = await asyncio.wait([outward, inward], return_when=asyncio.FIRST_COMPLETED)
        code, reason = next(iter(done)).result()
    except asyncio.CancelledError:  # the service ends
        code = GOING_AWAY
        raise
    finally:
        await stop([outward, inward])
        await close_websocket(websocket, code, reason)


async def _to_browser(connection: _Connection, websocket: WebSocket) -> tuple[int, str]:
    """Pass on what the server says; how the session ended."""
    try:
        async for event in connection:
            if not str(event.type).startswith(_LOCAL):  # of this package, and unknown to other clients
                await _send(websocket, dumps(received_json(event)).decode())
    except ConnectionClosedError as error:
        known = error.code in _SENDABLE or error.code in _PRIVATE
        return (error.code if known else INTERNAL), error.reason
    except ConnectionError:  # the browser is gone
        pass
    return _NORMAL, ""


async def _to_session(connection: _Connection, websocket: WebSocket, allowed: _Allowed) -> tuple[int, str]:
    """Pass on what the browser says; how its connection ended."""
    while (message := await websocket.receive()) is not None:
        if isinstance(message, bytes):
            return _UNSUPPORTED, "events are text"
        refusal = await _pass_on(connection, message, allowed)
        try:
            if refusal is not None:
                await _send(websocket, refusal)
        except ConnectionError:
            break
    return _NORMAL, ""


async def _send(websocket: WebSocket, text: str) -> None:
    """Send a message. Raises ConnectionError also for a browser that is there and does not read."""
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            await websocket.send(text)
    except TimeoutError:
        raise ConnectionError("the browser does not read") from None


async def _pass_on(connection: _Connection, message: str, allowed: _Allowed) -> str | None:
    """Send one event of the browser; the error event that refuses it, if it is refused."""
    try:
        event = decode_client_event(message)
    except DecodeError:
        return _refusal("invalid_json", "Invalid event: it is not a JSON object.", None)
    event_id = event.event_id if isinstance(event.event_id, str) and len(event.event_id) <= _MAX_ID else None
    if not isinstance(event.type, str) or not await _is_allowed(event, allowed):  # whatever a browser made up
        kind = str(event.type)[:_MAX_ECHO]
        return _refusal("event_not_allowed", f"This event, of type '{kind}', is not allowed here.", event_id)
    try:
        await connection.send(event)
    except InvalidRequestError as error:
        return _refusal("invalid_value", str(error), event_id)
    except ConnectionClosedError:  # the other direction tells how
        await asyncio.Event().wait()
    except RealtimeError:
        return _refusal("server_error", "The event was not sent.", event_id)
    return None


async def _is_allowed(event: ClientEvent, allowed: _Allowed) -> bool:
    verdict = allowed(event)
    return await verdict if inspect.isawaitable(verdict) else verdict


def _refusal(code: str, message: str, event_id: str | None) -> str:
    error = {"type": "invalid_request_error", "code": code, "message": message, "param": None, "event_id": event_id}
    return dumps({"type": "error", "event_id": "event_relay", "error": error}).decode()


async def close_websocket(websocket: WebSocket, code: int, reason: str) -> None:
    """Close a browser's WebSocket, which may be closed, or gone without a word."""
    short = reason.encode()[:_MAX_REASON].decode(errors="ignore")
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await websocket.close(code, short)
    except (OSError, RuntimeError):
        pass
