"""`RedisCalls`: calls that outlive a worker, kept in Redis Streams.

A call goes on at the server when the process that holds its sideband dies. The stream has an entry for each call, and a
consumer group says which worker owns it: an entry that was idle for as long as a lease is taken over (XCLAIM). A
hash for each call has its owner, a fencing token, and what the owner saved. Redis 6.2 or newer, or Valkey.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from openai_realtime._codec.converter import decode, dumps, encode
from openai_realtime._codec.json import load
from openai_realtime._extras import load_extra
from openai_realtime.errors import ConfigurationError, DecodeError
from openai_realtime.models.webhooks import RealtimeCallIncoming

from .ownership import OwnedCall

__all__ = ["RedisCalls"]

_log: Final = logging.getLogger("openai_realtime.web")
_KEPT_SECONDS: Final = 72 * 3600  # so long OpenAI delivers a webhook again
_PAUSE: Final = 0.25  # seconds between two looks for calls whose owner is gone
_FREE: Final = "nobody"
_FOR_EVER_MS: Final = 10**9

# Each script does in one step what two workers may try at once. KEYS: the stream, the call's hash.
_ADD: Final = """
if redis.call('EXISTS', KEYS[2]) == 1 then return false end
local id = redis.call('XADD', KEYS[1], '*', 'call_id', ARGV[1], 'event', ARGV[2])
redis.call('HSET', KEYS[2], 'entry', id, 'token', 0)
redis.call('EXPIRE', KEYS[2], ARGV[3])
return id
"""
_OWN: Final = """
local entry, owner = redis.call('HGET', KEYS[2], 'entry'), redis.call('HGET', KEYS[2], 'owner')
if entry ~= ARGV[2] then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  redis.call('XDEL', KEYS[1], ARGV[2])
  return false
end
if owner and owner ~= ARGV[5] and ARGV[4] == 'new' then return false end
redis.call('HSET', KEYS[2], 'owner', ARGV[3])
return {redis.call('HINCRBY', KEYS[2], 'token', 1), redis.call('HGET', KEYS[2], 'conversation')}
"""
_RENEW: Final = """
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[2] then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[4], 'FORCE', 'JUSTID')
redis.call('EXPIRE', KEYS[2], ARGV[5])
return 1
"""
_FREE_IT: Final = """
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'owner', ARGV[3])
redis.call('HINCRBY', KEYS[2], 'token', 1)
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[4], 'IDLE', ARGV[5], 'FORCE', 'JUSTID')
return 1
"""
_RELEASE: Final = """
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[2] then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('HSET', KEYS[2], 'owner', '', 'entry', '')
return 1
"""
_SAVE: Final = """
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], 'conversation', ARGV[2])
return 1
"""


class _RedisCall:
    """A call that this worker owns as long as the token in Redis is the one it was given."""

    def __init__(
        self, calls: RedisCalls, event: RealtimeCallIncoming, entry: str, token: str, conversation: Any
    ) -> None:
        self.event = event
        self.conversation = conversation
        self.lost = asyncio.Event()
        self.entry = entry
        self.token = token
        self.accepted = False
        self._calls = calls

    async def begin_accept(self) -> bool:
        self.accepted = True
        return bool(await self._calls.redis.hsetnx(self._calls.key(self.event), "accepted", self._calls.worker))

    async def is_ours(self) -> bool:
        with self._calls.outages():
            return bool(await self._calls.redis.hget(self._calls.key(self.event), "token") == self.token)
        return False  # nobody knows

    async def save(self, conversation: Any) -> None:
        self.conversation = conversation  # while Redis is away it is kept here, for when the lease is renewed
        with self._calls.outages():
            await self._calls.run(_SAVE, self.event, self.token, dumps(conversation).decode())

    async def release(self) -> None:
        with self._calls.outages():
            await self._calls.forget(self)

    async def hand_over(self) -> bool:
        with self._calls.outages():  # else it is taken over when the lease ends
            await self._calls.free(self)
        return True


class RedisCalls:
    """A `CallOwnership` for many workers.

    `redis` is a ``redis.asyncio.Redis`` of your own, made with ``decode_responses=True``; it is used and never closed.
    A worker that is gone loses its calls after `lease` seconds; renewing takes three commands a call in that time.
    """

    def __init__(self, redis: Any, *, lease: float = 10.0, stream: str = "openai_realtime:calls") -> None:
        (self._errors,) = load_extra("redis.exceptions", need="RedisCalls needs redis", extra="redis")
        if not redis.get_encoder().decode_responses:
            raise ConfigurationError("RedisCalls needs a client that is made with decode_responses=True")
        self.redis = redis
        self.worker = f"worker-{uuid.uuid4().hex[:12]}"
        self._lease = lease
        self._stream = stream
        self._group = "workers"
        self._owned: dict[str, _RedisCall] = {}
        self._stopped = False
        self._renewing: asyncio.Task[None] | None = None

    async def add(self, event: RealtimeCallIncoming) -> None:
        """Keep an incoming call; the same call again changes nothing. Raises what redis-py raises."""
        await self.run(_ADD, event, event.data.call_id, encode(event).decode(), _KEPT_SECONDS)

    async def claims(self) -> AsyncIterator[OwnedCall]:
        """Yield calls as this worker gets them; a Redis that is away for a while is waited for."""
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew_all())
        while not self._stopped:
            try:
                call = await self._next()
            except self._errors.RedisError as error:
                await self._wait_for_redis(error)
            else:
                if call is not None:
                    yield call

    def stop(self) -> None:
        """End `claims`; the calls that this worker owns stay its own."""
        self._stopped = True

    async def close(self) -> None:
        """Stop renewing: what is not released or handed over is taken over after the lease."""
        self._stopped = True
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])

    def key(self, event: RealtimeCallIncoming) -> str:
        """Return the hash of a call."""
        return f"{self._stream}:{event.data.call_id}"

    async def run(self, script: str, event: RealtimeCallIncoming, *arguments: Any) -> Any:
        """Run a script on the stream and a call's hash."""
        return await self.redis.eval(script, 2, self._stream, self.key(event), *arguments)

    async def forget(self, call: _RedisCall) -> None:
        """Let go of a call that is over."""
        self._owned.pop(call.event.data.call_id, None)
        await self.run(_RELEASE, call.event, self._group, call.token, call.entry)

    @contextlib.contextmanager
    def outages(self) -> Iterator[None]:
        """Log a Redis that is away, is full or may not be written to, and go on: calls do not end with it."""
        try:
            yield
        except self._errors.RedisError as error:
            _log.warning("Redis: %s", error)

    async def free(self, call: _RedisCall) -> None:
        """Let another worker take a call at once."""
        self._owned.pop(call.event.data.call_id, None)
        await self.run(_FREE_IT, call.event, self._group, call.token, _FREE, call.entry, _FOR_EVER_MS)

    async def _next(self) -> _RedisCall | None:
        """Return the next call: one whose owner is gone, else a new one, for which it waits a little."""
        idle, pause = int(self._lease * 1000), int(min(self._lease / 4, _PAUSE) * 1000)
        # XAUTOCLAIM would look at ten entries only, most of which have an owner.
        left = await self.redis.xpending_range(self._stream, self._group, "-", "+", 1, idle=idle)
        names = [one["message_id"] for one in left]
        taken = names and await self.redis.xclaim(self._stream, self._group, self.worker, idle, names)
        for entry, fields in taken:
            return await self._own(entry or names[0], fields, "old")
        if names:  # another worker was quicker; there may be more
            return None
        read = await self.redis.xreadgroup(self._group, self.worker, {self._stream: ">"}, count=1, block=pause)
        for entry, fields in read[0][1] if read else ():
            return await self._own(entry, fields, "new")
        return None

    async def _own(self, entry: str, fields: Mapping[str, str] | None, kind: str) -> _RedisCall | None:
        """Make this worker the owner of an entry; None if another one is, or the entry is a leftover or no call."""
        try:
            event = decode((fields or {})["event"], RealtimeCallIncoming)
        except (DecodeError, KeyError):  # Redis 6.2 has None for the fields of an entry that was deleted
            _log.warning("the entry %s of the stream is no call", entry)
            await self.redis.xack(self._stream, self._group, entry)
            await self.redis.xdel(self._stream, entry)
            return None
        if event.data.call_id in self._owned:
            return None
        owned = await self.run(_OWN, event, self._group, entry, self.worker, kind, _FREE)
        if owned is None:
            return None
        token, conversation = owned
        call = _RedisCall(self, event, entry, str(token), load(conversation) if conversation else None)
        self._owned[event.data.call_id] = call
        return call

    async def _renew_all(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            for call in [*self._owned.values()]:
                with self.outages():
                    await self._renew(call)

    async def _renew(self, call: _RedisCall) -> None:
        renewed = await self.run(_RENEW, call.event, self._group, call.token, self.worker, call.entry, _KEPT_SECONDS)
        if renewed == 0:
            _log.warning("call %s: another worker owns it now", call.event.data.call_id)
            self._owned.pop(call.event.data.call_id, None)
            call.lost.set()
        elif renewed == -1:
            await self._keep_again(call)

    async def _keep_again(self, call: _RedisCall) -> None:
        """Put a call back into a Redis that has forgotten it."""
        await self._make_group()
        entry = await self.run(_ADD, call.event, call.event.data.call_id, encode(call.event).decode(), _KEPT_SECONDS)
        if entry is not None:
            key = self.key(call.event)
            accepted = {"accepted": self.worker} if call.accepted else {}
            mine = {"owner": self.worker, "token": call.token, **accepted}
            await self.redis.hset(key, mapping=mine)
            call.entry = str(entry)
            await self._renew(call)
            if call.conversation is not None:
                await call.save(call.conversation)

    async def _wait_for_redis(self, error: Exception) -> None:
        if "NOGROUP" not in str(error):
            _log.warning("Redis: %s", error)
            await asyncio.sleep(min(self._lease / 4, _PAUSE))
        with self.outages():
            await self._make_group()

    async def _make_group(self) -> None:
        try:
            await self.redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except self._errors.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
