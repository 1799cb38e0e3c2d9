"""Bytes as JSON carries them: base64, by pybase64, which is 10 to 25 times faster than the standard library's."""

from __future__ import annotations

import functools
from typing import Final, TypeAlias

import pybase64

from openai_realtime._logging import SESSION
from openai_realtime.errors import DecodeError

Binary: TypeAlias = bytes | bytearray | memoryview

MAX_AUDIO: Final = 15 * 2**20 * 4 // 3
"""The most base64 characters that one event may hold: 15 MiB of audio."""


def flat(data: Binary) -> bytes | bytearray:
    """Return `data` as bytes one after the other: a memoryview may have items of any size, and gaps between them."""
    return data.tobytes() if isinstance(data, memoryview) else data


def to_base64(data: Binary) -> str:
    """Write `data` as base64 text."""
    return pybase64.b64encode_as_string(flat(data))


def from_base64(text: str) -> bytes:
    """Read base64 text. Raises DecodeError for anything else, which a server may have sent."""
    try:
        return pybase64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise DecodeError("audio that is not base64") from None


def audio_of(delta: str, item_id: str) -> bytes:
    """Read the audio of a delta for `item_id`: empty if it is damaged, which is logged once for each item.

    A loop that reads events goes on so, and plays no noise.
    """
    try:
        return from_base64(delta)
    except DecodeError:
        _log_damage(item_id if isinstance(item_id, str) else "")
        return b""


@functools.lru_cache(maxsize=128)
def _log_damage(_: str) -> None:
    SESSION.warning("the server sent audio that is not base64; it is left out")
