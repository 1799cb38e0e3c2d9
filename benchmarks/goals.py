"""What is to be reached: the only place with figures that somebody decided. All else in this directory is measured."""

from __future__ import annotations

from typing import NamedTuple


class Goal(NamedTuple):
    """The most that ours may cost: as a multiple of the limit's cost, of the peer's, or in `unit`. None is no goal."""

    work: str
    unit: str
    of_limit: float | None = None
    of_peer: float | None = None
    at_most: float | None = None


GOALS = {
    # A fresh interpreter
    "import": Goal("import openai_realtime", "ms", of_limit=1.25, of_peer=0.45),
    # The package loads its parts on first use: only with the client has a program paid for aiohttp.
    "import client": Goal("from openai_realtime import AsyncRealtimeClient", "ms", of_limit=1.25, of_peer=0.45),
    "heavy imports": Goal("modules of cli, emulator, otel, soxr that this imports", "", at_most=0),
    "first call": Goal("first REST call, more than later ones", "ms", at_most=15),
    "first event": Goal("first event decoded, more than later ones", "ms", at_most=15),
    "first event connected": Goal("the same on an open connection", "ms", at_most=15),
    # Codec
    "decode turn": Goal("decode the events of a whole turn, an event", "us", of_limit=2.5, of_peer=1 / 15),
    "decode text": Goal("decode a text delta", "us", of_limit=4.2),
    "decode audio 4": Goal("decode an audio delta of 4 KiB", "us", of_limit=2.2),
    "decode audio 16": Goal("decode an audio delta of 16 KiB", "us", of_limit=1.5),
    "audio bytes": Goal("audio bytes of a 16 KiB delta", "us", of_limit=1.3),
    "append frame": Goal("4 KiB of PCM to an append frame", "us", of_peer=1 / 30, at_most=1.2),
    # Telephone: 480 samples. A thousand calls, both ways, are 16,700 of each a second.
    "encode ulaw": Goal("60 ms of speech to mu-law", "us", of_limit=1.5),
    "decode ulaw": Goal("and back", "us", of_limit=1.5),
    "encode alaw": Goal("60 ms of speech to A-law", "us", of_limit=1.5),
    "decode alaw": Goal("and back", "us", of_limit=1.5),
    # HTTP
    "rest sequential": Goal("REST call, sequential, wall", "us", of_limit=1.25),
    "rest sequential cpu": Goal("REST call, sequential, CPU", "us", of_limit=1.25, of_peer=1 / 5),
    "rest sequential floor": Goal("aiohttp and our codec: check, encode, structure", "us"),
    "rest concurrent": Goal("REST call, 16 in flight, wall", "us", of_limit=1.25),
    "rest concurrent cpu": Goal("REST call, 16 in flight, CPU", "us", of_limit=1.25, of_peer=1 / 5),
    "rest concurrent floor": Goal("aiohttp and our codec, 16 in flight", "us"),
    "rest blocking": Goal("blocking REST call, wall", "us", of_peer=0.45),
    "rest blocking cpu": Goal("blocking REST call, CPU", "us", of_peer=0.45),
    # WebSocket
    "turn": Goal("receive and decode a turn, an event", "us", of_limit=2.8, of_peer=1 / 10),
    "turn floor": Goal("aiohttp and our codec, an event", "us"),
    "turn websockets": Goal("the same, beside another peer", "us", of_peer=1),
    "turn blocking": Goal("the same, blocking beside async", "us", of_limit=2),
    "trickle": Goal("one event a millisecond, an event", "us", of_peer=0.55),
    "trickle uvloop": Goal("the same on uvloop", "us", of_peer=0.55),
    "trickle blocking": Goal("the same, blocking", "us", of_peer=0.8),
    "close": Goal("close with 10,000 unread events", "s", at_most=0.5),
    "append": Goal("append 4 KiB of PCM and write it to the socket", "us", of_peer=1 / 30),
    "append blocks": Goal("append 15 MiB: longest the event loop stood still", "ms"),
    # Memory
    "memory plain": Goal("idle connection, asyncio", "KiB", at_most=20),
    "memory plain uvloop": Goal("idle connection, uvloop", "KiB", at_most=20),
    "memory tls": Goal("idle TLS connection, asyncio", "KiB"),
    "memory tls uvloop": Goal("idle TLS connection, uvloop", "KiB", at_most=65),
    # Twice the buffer of 16 MiB: the bytes, and what is made of them.
    "slow consumer": Goal("slow consumer: growth up to 100,000 deltas", "MiB", of_limit=1.1, at_most=32),
    # Scale
    "stream 100": Goal("100 connections of audio both ways, CPU", "% of a core"),
    "stream 300": Goal("300 connections, CPU beside 100", "% of a core", of_limit=3 * 1.15),
    "stream 1000": Goal("1,000 connections, CPU beside 100", "% of a core", of_limit=10 * 1.15),
    "long conversation": Goal("10,000 items: cost of one, late beside early", "us", of_limit=1.1),
    # Web services
    "mint": Goal("client secret through the broker, 16 in flight, wall", "us"),
    "mint cpu": Goal("client secret through the broker, CPU", "us"),
    "relay": Goal("100 relayed sessions of audio both ways, CPU", "% of a core"),
    "relay p50": Goal("what the relay adds to an event there and back, p50", "ms"),
    "relay p99": Goal("the same, p99", "ms"),
    # The lease, and half a second.
    "take over p50": Goal("a killed worker's call has another, lease 2 s, p50", "s", at_most=2.5),
    "take over p99": Goal("the same, p99 of 200 kills", "s", at_most=2.5),
    # Voice
    "voice event": Goal("an event with five observers, CPU", "us", of_limit=2.5),
    "session openai-agents": Goal("an event with conversation, tools, playback, CPU", "us", of_peer=1 / 8),
    "session pydantic-ai": Goal("the same, beside another peer", "us", of_peer=1 / 8),
    "session livekit": Goal("the same, beside another peer", "us", of_peer=1 / 8),
    "interrupt p50": Goal("speech_started to truncate, 100 sessions, p50", "ms", at_most=2),
    "interrupt p99": Goal("the same, p99", "ms", at_most=10),
    "voice stream": Goal("100 sessions of audio both ways with observers, CPU", "% of a core"),
}
