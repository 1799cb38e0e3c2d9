"""Ids and secrets of the shape that the API gives them. Clients shall treat them all as opaque."""

from __future__ import annotations

import base64
import re
import secrets
import string
from collections.abc import Callable
from typing import TypeAlias

NewId: TypeAlias = Callable[[str], str]
"""Makes an id with the given prefix."""

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_EPOCH = 1576800000
_KEY_PREFIX = re.compile(r"sk-(?:[a-z]+-)?|ek_|")
_SHOWN_TAIL = 4


def object_id(prefix: str, now: float) -> str:
    """``sess_`` and the like: five base62 digits of the time, then sixteen random ones. `now` is UNIX seconds."""
    return prefix + _base62(int(now) - _EPOCH, 5) + "".join(secrets.choice(_BASE62) for _ in range(16))


def tool_call_id() -> str:
    """Make the id of a function call: these are shorter, and without the time."""
    return "call_" + "".join(secrets.choice(_BASE62) for _ in range(16))


def playback_event_id() -> str:
    """Make the id of an ``output_audio_buffer`` event, which another part of the API makes."""
    return "event_" + secrets.token_hex(8)


def call_id(now: float) -> str:
    """Make the id of a call: ``rtc_``, the shard that has the call, then as every id."""
    return object_id("rtc_u0_", now)


def client_secret(now: float) -> str:
    """``ek_`` and 32 hexadecimal digits, of which the first eight are the time. `now` is UNIX seconds."""
    return f"ek_{int(now):08x}{secrets.token_hex(12)}"


def request_id() -> str:
    """Make the value of ``x-request-id``."""
    return "req_" + secrets.token_hex(16)


def api_key() -> str:
    """Make up an API key, for one emulator only."""
    return "sk-emulator-" + secrets.token_urlsafe(32)


def webhook_secret() -> str:
    """Make up what webhooks are signed with: ``whsec_`` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def webhook_id() -> str:
    """Make the id by which redeliveries of a webhook are told."""
    return "wh_" + secrets.token_hex(16)


def webhook_event_id() -> str:
    """Make the id of a webhook's event."""
    return "evt_" + secrets.token_hex(16)


def masked_key(key: str) -> str:
    """`key` as the API shows it in error messages: its kind, four stars, its last four characters."""
    match = _KEY_PREFIX.match(key)
    prefix = match[0] if match else ""
    secret = key[len(prefix) :]
    return f"{prefix}****{secret[-_SHOWN_TAIL:] if len(secret) > _SHOWN_TAIL else ''}"


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = _BASE62[digit] + text
    return text
