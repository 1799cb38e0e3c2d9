"""The control API on the emulator's port, by which a test in any language scripts it, on this machine only."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from openai_realtime._codec.converter import structure_request
from openai_realtime.audio.pcm import RATE, WIDTH
from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.errors import Refusal
from openai_realtime.emulator.script_file import CallDocument, ScriptDocument, follow, read_script
from openai_realtime.emulator.sessions.base import Session
from openai_realtime.emulator.wire import Answer, json_answer
from openai_realtime.errors import ConfigurationError, DecodeError, InvalidRequestError
from openai_realtime.models.base64 import from_base64

from . import bodies
from .openapi import Operation, described
from .telephone import CALLER, PhoneCall

if TYPE_CHECKING:
    from openai_realtime.emulator.emulator import Emulator

PREFIX: Final = "/emulator/"


class Control:
    """Does with `emulator` what requests to ``/emulator/...`` ask for."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def handle(self, request: web.Request) -> Answer:
        """Answer one request. Raises Refusal for what is not there, wrong, or from another machine."""
        if not _is_local(request):
            raise Refusal("The control API is for programs of this machine.", status=403)
        path = request.path.removeprefix(PREFIX)
        operation = _OPERATIONS.get((request.method, path))
        if operation is None:
            raise api_errors.unknown_route(request.method, request.path)
        # Other types than JSON are refused: a page in a browser may send those anywhere.
        body = bodies.json_body(await request.read(), request.content_type)
        try:
            result = operation.function(self._emulator, body)
        except InvalidRequestError as error:
            raise api_errors.from_problems(error) from None
        except (ConfigurationError, DecodeError) as error:
            raise Refusal(str(error), code="invalid_value") from None
        return json_answer(result)


def _script(emulator: Emulator, body: Any) -> Any:
    if not isinstance(body, dict):
        raise api_errors.not_an_object(body)
    follow(read_script(body), emulator)
    return {}


def _call(emulator: Emulator, body: Any) -> Any:
    """Let the telephone ring if the body says how; else only begin a call."""
    if not body:
        return {"call_id": emulator.incoming_call()}
    given = structure_request(body, CallDocument)
    headers = [(header.name, header.value) for header in given.sip_headers or ()]
    audio = from_base64(given.audio) if given.audio else None
    call = emulator.ring(given.webhook_url or None, sip_headers=headers or CALLER, audio=audio, keys=given.keys or "")
    return {"call_id": call.call_id}


def _calls(emulator: Emulator, _: Any) -> Any:
    return {"calls": [_shown_call(call) for call in emulator.calls]}


def _shown_call(call: PhoneCall) -> Mapping[str, Any]:
    return {
        "call_id": call.call_id,
        "deliveries": call.deliveries,
        "answered": call.answered.done() and call.answered.result(),
        "ended": call.ended.result() if call.ended.done() else None,
        "heard_ms": len(call.heard) // (RATE * WIDTH // 1000),
    }


def _hang_up(emulator: Emulator, body: Any) -> Any:
    call_id = _field(body, "call_id", str)
    for call in emulator.calls:
        if call.call_id == call_id:
            call.hang_up()
            return {}
    raise ConfigurationError(f"call_id: no call {call_id!r} rang here")


def _dtmf(emulator: Emulator, body: Any) -> Any:
    emulator.send_dtmf(_field(body, "call_id", str), _field(body, "keys", str))
    return {}


def _clock(emulator: Emulator, body: Any) -> Any:
    emulator.advance(_field(body, "seconds", int, float))
    return {}


def _resume(emulator: Emulator, _: Any) -> Any:
    emulator.resume()
    return {}


def _requests(emulator: Emulator, _: Any) -> Any:
    names = ("method", "path", "headers", "json")
    return {"requests": [{name: getattr(request, name) for name in names} for request in emulator.requests]}


def _sessions(emulator: Emulator, _: Any) -> Any:
    return {"sessions": [_shown(session) for session in emulator.sessions]}


def _shown(session: Session) -> Mapping[str, Any]:
    return {
        "id": session.id,
        "settings": session.settings,
        "received": [*session.received],
        "conversation": session.conversation,
    }


def _openapi(_: Emulator, __: Any) -> Any:
    return described(PREFIX, _OPERATIONS)


_OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    ("POST", "script"): Operation(
        _script, "Say what happens: transcripts, replies, faults, MCP servers.", ScriptDocument
    ),
    ("POST", "calls"): Operation(
        _call, "Let a phone call come in, and ring if there is a body; gives its call_id.", CallDocument
    ),
    ("GET", "calls"): Operation(
        _calls, "Give the phone calls that rang: deliveries of the webhook, and what became of them."
    ),
    ("POST", "hang_up"): Operation(_hang_up, "Let the caller hang up.", {"call_id": str}),
    ("POST", "dtmf"): Operation(_dtmf, "Let the caller press keys.", {"call_id": str, "keys": str}),
    ("POST", "clock"): Operation(_clock, "Move the emulator's clock forward.", {"seconds": float}),
    ("POST", "resume"): Operation(_resume, "Let paused responses go on."),
    ("GET", "requests"): Operation(_requests, "Give the HTTP requests that came in."),
    ("GET", "sessions"): Operation(_sessions, "Give the sessions: what each received, its conversation, its settings."),
    ("GET", "openapi.json"): Operation(_openapi, "Give this description."),
}


def _field(body: Any, name: str, *kinds: type) -> Any:
    """Give a field of the body. Raises Refusal if it is missing, or of another type."""
    value = body.get(name) if isinstance(body, dict) else None
    if value is None:
        raise api_errors.missing_parameter(name)
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ConfigurationError(
            f"{name}: {type(value).__name__} is not {' or '.join(kind.__name__ for kind in kinds)}"
        )
    return value


def _is_local(request: web.Request) -> bool:
    """Whether a program of this machine asks, and asks for this machine: no page that another name led here."""
    return all(map(_is_loopback, (request.remote or "", request.url.host or "")))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
