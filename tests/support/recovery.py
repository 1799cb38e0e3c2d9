"""Connections that are lost when a test says so."""

from __future__ import annotations

import asyncio

from support.scripted import Peer, Script

from openai_realtime import (
    ReconnectPolicy,
    RetryPolicy,
)

RETRY = RetryPolicy(max_retries=2, initial_delay=0)


POLICY = ReconnectPolicy(retry=RETRY)


def greeting(script: Script) -> Script:
    async def run(peer: Peer) -> None:
        if "call_id" not in peer.request.query:
            await peer.greet()
        await script(peer)

    return run


async def lose(peer: Peer) -> None:
    peer.abort()


async def nothing(_: Peer) -> None:
    pass


class Gate:
    """A script that says that it was reached, and goes on when it may."""

    def __init__(self, then: Script = nothing, before: Script = nothing) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()
        self._then, self._before = then, before

    async def __call__(self, peer: Peer) -> None:
        await self._before(peer)
        self.reached.set()
        await self.open.wait()
        await self._then(peer)
