"""Events of a voice conversation as a server sends them, made up here: sizes and kinds are those of real sessions."""

from __future__ import annotations

import base64
import itertools
import random
import re
from collections.abc import Iterator
from typing import Any

import orjson

_numbers = itertools.count(1)
_random = random.Random(7)  # noqa: S311 - sound that is the same every time

SESSION: dict[str, Any] = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_Bench0000000000000001",
    "model": "gpt-realtime",
    "output_modalities": ["audio"],
    "instructions": "You are the voice of a benchmark. Answer in one short sentence, and never ask anything back.",
    "tools": [
        {
            "type": "function",
            "name": "look_up",
            "description": "Look up a word.",
            "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
        }
    ],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "expires_at": 1800000000,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 200,
                "idle_timeout_ms": None,
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
    "include": None,
}
_USER = "item_Bench00000000000000000"
_PLACE = {
    "response_id": "resp_Bench00000000000000001",
    "item_id": "item_Bench00000000000000001",
    "output_index": 0,
    "content_index": 0,
}
_CALL = {
    "response_id": "resp_Bench00000000000000001",
    "item_id": "item_Bench00000000000000002",
    "output_index": 1,
    "call_id": "call_Bench000000001",
}
_USAGE = {
    "total_tokens": 412,
    "input_tokens": 180,
    "output_tokens": 232,
    "input_token_details": {"text_tokens": 119, "audio_tokens": 61, "image_tokens": 0, "cached_tokens": 64},
    "output_token_details": {"text_tokens": 52, "audio_tokens": 180},
}


def event(kind: str, **fields: Any) -> bytes:
    """One event as JSON."""
    return orjson.dumps({"type": kind, "event_id": f"event_Bench{next(_numbers):013}", **fields})


def audio_delta(size: int) -> bytes:
    """`size` bytes of sound."""
    sound = base64.b64encode(_random.randbytes(size)).decode()
    return event("response.output_audio.delta", **_PLACE, delta=sound)


def text_delta() -> bytes:
    """Return a word."""
    return event("response.output_text.delta", **_PLACE, delta=" benchmark", obfuscation="a81Xq")


def session_created() -> bytes:
    """Return the first event of a session."""
    return event("session.created", session=SESSION)


def session_updated() -> bytes:
    """Return the answer to session.update."""
    return event("session.updated", session=SESSION)


def added(item_id: str, previous: str | None) -> bytes:
    """Return the answer to conversation.item.create."""
    return event("conversation.item.added", previous_item_id=previous, item=_message("user", "completed", item_id))


def whole_turn() -> list[bytes]:
    """Return the 111 events in which a user speaks and is answered with speech, its words and a function call."""
    return [*_heard(), *_spoken(), *_called(), *_ended()]


def session(turns: int) -> Iterator[bytes]:
    """Make so many turns, one after the other in a conversation, with ids of their own."""
    events = whole_turn()
    for number in range(turns):
        last = _CALL["item_id"].replace("Bench", f"T{number - 1:05}_") if number else None
        for one in events:
            linked = one.replace(b'"previous_item_id":null', b'"previous_item_id":%b' % orjson.dumps(last))
            yield re.sub(rb"\b(event|item|resp|call)_Bench", rb"\1_T%05d_" % number, linked)


def put(item: dict[str, Any]) -> bytes:
    """Answer an item that the client creates, and may have given no id."""
    put_item = {"id": f"item_Put{next(_numbers)}", **item}
    return event("conversation.item.added", previous_item_id="item_Last", item=put_item)


def answer(number: int) -> list[bytes]:
    """Begin a response that speaks: 400 ms of sound."""
    place = {**_PLACE, "response_id": f"resp_{number}", "item_id": f"item_{number}"}
    sound = base64.b64encode(bytes(19200)).decode()
    return [
        event("response.created", response={**_response("in_progress", []), "id": place["response_id"]}),
        event("response.output_audio.delta", **place, delta=sound),
    ]


def cut(number: int, microseconds: int) -> list[bytes]:
    """Truncate its item and end it; the first event's id has a figure for who measures."""
    truncated = {"item_id": f"item_{number}", "content_index": 0, "audio_end_ms": 200}
    return [
        event("conversation.item.truncated", **truncated, event_id=f"event_{microseconds}"),
        event("response.done", response={**_response("cancelled", []), "id": f"resp_{number}"}),
    ]


def speech_started() -> bytes:
    """Tell that the user begins to speak."""
    return event("input_audio_buffer.speech_started", audio_start_ms=320, item_id=f"item_User{next(_numbers)}")


def _heard() -> list[bytes]:
    user = _USER
    return [
        event("session.updated", session=SESSION),
        event("input_audio_buffer.speech_started", audio_start_ms=320, item_id=user),
        event("input_audio_buffer.speech_stopped", audio_end_ms=1856, item_id=user),
        event("input_audio_buffer.committed", previous_item_id=None, item_id=user),
        event("conversation.item.added", previous_item_id=None, item=_message("user", "completed", user)),
        event("conversation.item.done", previous_item_id=None, item=_message("user", "completed", user)),
        *(_transcript(user, word) for word in ("What", " is", " a", " benchmark", "?")),
        event(
            "conversation.item.input_audio_transcription.completed",
            item_id=user,
            content_index=0,
            transcript="What is a benchmark?",
            usage={"type": "duration", "seconds": 2},
        ),
    ]


def _transcript(item_id: str, word: str) -> bytes:
    kind = "conversation.item.input_audio_transcription.delta"
    return event(kind, item_id=item_id, content_index=0, delta=word, obfuscation="f0Pz")


def _spoken() -> list[bytes]:
    words = [
        "A",
        "benchmark",
        "runs",
        "the",
        "same",
        "work",
        "again",
        "and",
        "again",
        "and",
        "tells",
        "how",
        "long",
        "it",
        "took.",
    ] * 3
    place = {key: value for key, value in _PLACE.items() if key != "content_index"}
    item_place = {key: value for key, value in place.items() if key != "item_id"}
    kinds = "response.output_audio_transcript.delta", "response.output_audio.delta"
    begun, ended = (_message("assistant", status, _PLACE["item_id"]) for status in ("in_progress", "completed"))
    sounds = [audio_delta(size) for size in (2400, 4800, 7200, 12000) for _ in range(8)]
    return [
        event("response.created", response=_response("in_progress", [])),
        event("response.output_item.added", **item_place, item=begun),
        event("conversation.item.added", previous_item_id=_USER, item=begun),
        event("response.content_part.added", **_PLACE, part={"type": "audio", "transcript": ""}),
        *(event(kinds[0], **_PLACE, delta=f" {word}", obfuscation="Zk2") for word in words),
        *sounds,
        event("response.output_audio.done", **_PLACE),
        event("response.output_audio_transcript.done", **_PLACE, transcript=" ".join(words)),
        event("response.content_part.done", **_PLACE, part={"type": "audio", "transcript": " ".join(words)}),
        event("conversation.item.done", previous_item_id=_USER, item=ended),
        event("response.output_item.done", **item_place, item=ended),
    ]


def _called() -> list[bytes]:
    pieces = ['{"', "word", '":"', "bench", "mark", '"}']
    place = {"response_id": _CALL["response_id"], "output_index": 1}
    call = {"id": _CALL["item_id"], "object": "realtime.item", "type": "function_call", "name": "look_up"}
    call |= {"call_id": _CALL["call_id"], "status": "completed", "arguments": "".join(pieces)}
    return [
        event("response.output_item.added", **place, item={**call, "status": "in_progress", "arguments": ""}),
        event("conversation.item.added", previous_item_id=_PLACE["item_id"], item={**call, "status": "in_progress"}),
        *(event("response.function_call_arguments.delta", **_CALL, delta=piece, obfuscation="q") for piece in pieces),
        event("response.function_call_arguments.done", **_CALL, name="look_up", arguments="".join(pieces)),
        event("conversation.item.done", previous_item_id=_PLACE["item_id"], item=call),
        event("response.output_item.done", **place, item=call),
    ]


def _ended() -> list[bytes]:
    output = [_message("assistant", "completed", _PLACE["item_id"])]
    limit = {"name": "tokens", "limit": 40000, "remaining": 39588, "reset_seconds": 0.618}
    return [
        event("response.done", response=_response("completed", output)),
        event("rate_limits.updated", rate_limits=[limit, {**limit, "name": "requests"}]),
    ]


def _message(role: str, status: str, item_id: Any) -> dict[str, Any]:
    heard: dict[str, Any] = {"type": "input_audio", "transcript": None}
    said = {"type": "output_audio", "transcript": "A benchmark runs the same work again."}
    content = [heard if role == "user" else said] if status == "completed" else []
    item = {"id": item_id, "object": "realtime.item", "type": "message"}
    return {**item, "status": status, "role": role, "content": content}


def _response(status: str, output: list[Any]) -> dict[str, Any]:
    return {
        "object": "realtime.response",
        "id": _PLACE["response_id"],
        "status": status,
        "status_details": None,
        "output": output,
        "conversation_id": "conv_Bench0000000000000001",
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}},
        "usage": _USAGE if output else None,
        "metadata": None,
    }
