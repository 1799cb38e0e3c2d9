"""A worker process that takes calls from Redis: ``python call_worker.py NAME SOCKET BASE_URL KEY LEASE``.

It writes to the list ``log`` what happens: ``NAME has CALL_ID SAVED``, ``NAME heard KEY CALL_ID``.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from openai_realtime import AsyncRealtimeClient, InputAudioBufferDtmfEventReceived, RealtimeSessionConfig
from openai_realtime.web.calls import IncomingCall, serve_calls
from openai_realtime.web.redis_calls import RedisCalls

SECRET = "not used: calls come from Redis only"


async def main(name: str, socket: str, base_url: str, key: str, lease: str) -> None:
    store: Any = redis.asyncio.Redis(unix_socket_path=socket, decode_responses=True, retry=Retry(NoBackoff(), 0))

    async def log(line: str) -> None:
        await store.rpush("log", f"{name} {line}")

    async def on_call(call: IncomingCall) -> None:
        await call.accept(RealtimeSessionConfig(model="gpt-realtime-2.1"))
        keys = call.conversation or ""
        async with call.connect() as connection:
            await log(f"has {call.call_id} {keys or 'new'}")
            async for event in connection:
                if isinstance(event, InputAudioBufferDtmfEventReceived):
                    keys += event.event
                    await call.save(keys)
                    await log(f"heard {event.event} {call.call_id}")

    async with AsyncRealtimeClient(base_url=base_url, api_key=key) as client:
        ownership = RedisCalls(store, lease=float(lease))
        async with serve_calls(client, on_call, SECRET, ownership=ownership):
            terminated = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminated.set)
            await terminated.wait()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
