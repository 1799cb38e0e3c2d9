"""The codec with pytest-benchmark: ``pytest benchmarks/test_codec.py``. No other test run collects this file.

Everybody does a piece of work in turns, so that a busy minute of the machine hits all of them alike; the last turn has
the figures of all. `group` is the goal's key, `side` who it is: ours, the limit, the peer, or one more to compare with.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import functools
import math
import os
import struct
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from types import NoneType
from typing import Any, NamedTuple, Union, get_args

import msgspec
import orjson
import pybase64
import pytest
import turn
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from openai_realtime import Model, decode_server_event
from openai_realtime._codec.annotations import field_hints, is_model, members, origin, plain, tags
from openai_realtime._codec.dialects import event_classes
from openai_realtime._connection.append import append_frame
from openai_realtime._connection.ids import new_id
from openai_realtime.audio import chunks, g711
from openai_realtime.models import ServerEvent

with warnings.catch_warnings(action="ignore"):
    try:
        import audioop
    except ImportError:
        audioop = None  # type: ignore[assignment]

SAMPLES = 480  # 60 ms of a telephone call
REPETITIONS = 12
ROUNDS = 3
PCM = os.urandom(4096)
APPENDS = 100
LOOP = asyncio.new_event_loop()
atexit.register(LOOP.close)


class Work(NamedTuple):
    """What one side of a row does: `each` to every one of `items`, `iterations` times a round."""

    group: str
    side: str
    name: str
    each: Callable[[Any], Any]
    items: Sequence[Any]
    iterations: int = 1
    times: int = 1
    """How often one call of `each` does it."""


class Nowhere:
    """A socket for openai's connection: sending to it costs nothing."""

    async def send(self, _: str) -> None:
        """Forget it."""


class Msgspec:
    """The decoder that knows our classes as msgspec's tagged structs, the fastest way to typed events in Python.

    It cannot tell messages by role, refuses what it does not know, and keeps nothing but the fields.
    """

    def __init__(self) -> None:
        self._structs: dict[Any, Any] = {}
        self.decode = msgspec.json.Decoder(self._union(event_classes(ServerEvent, "realtime").values())).decode

    def _union(self, models: Iterable[type[Model]]) -> Any:
        """One struct a tag: messages of all roles are one."""
        by_tag: dict[str, tuple[type[Model], ...]] = {}
        for cls in models:
            for tag in tags(cls):
                by_tag[tag] = (*by_tag.get(tag, ()), cls)
        return Union[tuple(self._struct(same, tag) for tag, same in by_tag.items())]  # noqa: UP007

    def _struct(self, same: tuple[type[Model], ...], tag: str | None = None) -> Any:
        if (same, tag) not in self._structs:
            names = dict.fromkeys(name for cls in same for name in field_hints(cls) if not (tag and name == "type"))
            found = {name: [field_hints(cls)[name] for cls in same if name in field_hints(cls)] for name in names}
            fields = [(name, self._type(Union[tuple(hints)]), msgspec.UNSET) for name, hints in found.items()]  # noqa: UP007
            self._structs[same, tag] = msgspec.defstruct(same[0].__name__, fields, kw_only=True, tag=tag)
        return self._structs[same, tag]

    def _type(self, hint: Any) -> Any:
        """Scalars are Any, which costs nothing; several models are a tagged union, and one alone is its struct."""
        parts = [part for part in members(hint) if not plain(part)]
        models = tuple(part for part in parts if is_model(part))
        items = tuple(get_args(part)[0] for part in parts if origin(part) is Sequence)
        if models:
            one = self._struct(models) if len(models) == 1 else self._union(models)
            return Union[one, NoneType, str, int]  # noqa: UP007
        return Union[list[self._type(Union[items])], NoneType] if items else Any  # noqa: UP007


theirs = AsyncRealtimeConnection(Nowhere())  # type: ignore[arg-type]


def our_append(pcm: bytes) -> bytes:
    """As a connection sends audio."""
    return append_frame("input_audio_buffer.append", new_id("event"), pcm)


def their_appends(pcm: bytes) -> None:
    """As openai's users send audio, many times in one run of a loop."""

    async def send() -> None:
        for _ in range(APPENDS):
            await theirs.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())

    LOOP.run_until_complete(send())


def joined(pcm: bytes) -> bytes:
    """Return the least that can be done."""
    return b'{"type":"input_audio_buffer.append","audio":"%b"}' % pybase64.b64encode(pcm)


def works() -> Iterable[Work]:
    """All rows."""
    decoded = {
        "decode turn": (turn.whole_turn(), 10),
        "decode text": ([turn.text_delta() for _ in range(10)], 300),
        "decode audio 4": ([turn.audio_delta(4096) for _ in range(10)], 200),
        "decode audio 16": ([turn.audio_delta(16384) for _ in range(10)], 60),
    }
    for group, (events, iterations) in decoded.items():
        yield Work(group, "ours", "ours", decode_server_event, events, iterations)
        yield Work(group, "limit", "orjson", orjson.loads, events, iterations)
        yield Work(group, "peer", "openai", theirs.parse_event, events, max(1, iterations // 10))
        yield Work(group, "other", "msgspec", Msgspec().decode, events, iterations)
    deltas = [decode_server_event(turn.audio_delta(16384)) for _ in range(10)]
    yield Work("audio bytes", "ours", "ours", lambda event: event.audio, deltas, 200)
    decode = functools.partial(pybase64.b64decode, validate=True)
    yield Work("audio bytes", "limit", "pybase64", decode, [event.delta for event in deltas], 200)
    yield Work("append frame", "ours", "ours", our_append, [PCM] * 10, 100)
    yield Work("append frame", "limit", "joined bytes", joined, [PCM] * 10, 1000)
    yield Work("append frame", "peer", "openai", their_appends, [PCM], 1, APPENDS)


def telephone() -> Iterable[Work]:
    """G.711 of a buzz that swells and fades as speech does, beside audioop, which Python 3.13 has no more."""
    times = [number / 8000 for number in range(100 * SAMPLES)]
    swell = (math.sin(math.pi * 4 * at) for at in times)
    buzz = (sum(math.sin(2 * math.pi * 140 * number * at) / number for number in range(1, 9)) for at in times)
    voice = [9000 * loud * tone for loud, tone in zip(swell, buzz, strict=True)]
    samples = struct.pack(f"<{len(voice)}h", *map(int, voice))
    speech = list(chunks(samples, 60, rate=8000))
    for law in ("ulaw", "alaw"):
        encode, decode = getattr(g711, f"pcm_to_{law}"), getattr(g711, f"{law}_to_pcm")
        coded = [encode(pcm) for pcm in speech]
        yield Work(f"encode {law}", "ours", "ours", encode, speech, 10)
        yield Work(f"decode {law}", "ours", "ours", decode, coded, 10)
        if audioop is not None:
            lin2, from_law = getattr(audioop, f"lin2{law}"), getattr(audioop, f"{law}2lin")
            yield Work(f"encode {law}", "limit", "audioop", lambda pcm, to=lin2: to(pcm, 2), speech, 10)
            yield Work(f"decode {law}", "limit", "audioop", lambda codes, of=from_law: of(codes, 2), coded, 10)


_seconds: dict[tuple[str, str], list[float]] = {}


@pytest.mark.benchmark(timer=time.process_time)  # nothing here waits: what other processes take is no cost of ours
@pytest.mark.parametrize("work", [*works(), *telephone()], ids=lambda work: f"{work.group} by {work.name}")
@pytest.mark.parametrize("repetition", range(REPETITIONS))
def test_codec(benchmark: Any, repetition: int, work: Work) -> None:
    """Measure one side of one row, once more."""
    each, items = work.each, work.items

    def run() -> None:
        for item in items:
            each(item)

    benchmark.group = work.group
    benchmark.extra_info.update(side=work.side, name=work.name, events=len(items) * work.times, repetition=repetition)
    benchmark.pedantic(run, rounds=ROUNDS, iterations=work.iterations, warmup_rounds=1)
    earlier = _seconds.setdefault((work.group, work.side), [])
    for seconds in earlier:
        benchmark.stats.stats.update(seconds)
    earlier[:] = benchmark.stats.stats.data
