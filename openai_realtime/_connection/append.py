"""The frame of an append, which is sent fifty times a second: joined from bytes, without an event in between."""

from __future__ import annotations

import pybase64

from openai_realtime.models.base64 import Binary


def append_frame(event_type: str, event_id: str, audio: Binary) -> bytes:
    """Return the JSON of an append of `audio`. The two texts hold nothing that JSON escapes."""
    head = f'{{"type":"{event_type}","event_id":"{event_id}","audio":"'
    return b"".join((head.encode(), pybase64.b64encode(audio), b'"}'))
