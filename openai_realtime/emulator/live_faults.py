"""Faults of an open connection: what a server, or the network before it, does wrong in the middle of a session."""

from __future__ import annotations

import struct
from typing import Literal, TypeAlias, get_args

import attrs

from openai_realtime.errors import ConfigurationError
from openai_realtime.models.server_events import ErrorDetails

FaultKind: TypeAlias = Literal["drop", "half_frame", "close", "error", "silence", "expire", "message", "delay", "swap"]

_ERROR = ErrorDetails(type="server_error", message="The server had an error.")
_FINAL_TEXT = 0x81
_LONG = 127  # the length stands in the next eight bytes


def _check_kind(_: object, __: object, kind: object) -> None:
    if kind not in get_args(FaultKind):
        raise ConfigurationError(f"kind: {kind!r} is not one of {', '.join(map(repr, get_args(FaultKind)))}")


@attrs.frozen(kw_only=True)
class LiveFault:
    """One thing that goes wrong, once.

    `at` says when: after so many events, or before the first event of a type. The kinds:

    - ``drop``: cut the connection with a TCP reset.
    - ``half_frame``: cut it in the middle of a frame.
    - ``close``: close it with `code` and `reason`.
    - ``error``: send `error` as an event, then close with `code` and `reason`.
    - ``silence``: send nothing any more, not even answers to pings, and keep the connection.
    - ``expire``: end the session as if its hour were over.
    - ``message``: send `message` in between: text as it is, be it JSON or not, and bytes as a binary message.
    - ``delay``: wait `seconds` before the next event.
    - ``swap``: send the next event after the one that follows it; it is held until that one comes.
    """

    kind: FaultKind = attrs.field(validator=_check_kind)
    at: int | str = 0
    code: int = 1011
    reason: str = ""
    error: ErrorDetails = _ERROR
    message: str | bytes = attrs.field(default="", repr=False)
    seconds: float = 0.0


def half_frame(payload: bytes) -> bytes:
    """The first half of the WebSocket frame that would carry `payload`."""
    return struct.pack("!BBQ", _FINAL_TEXT, _LONG, len(payload)) + payload[: len(payload) // 2]
