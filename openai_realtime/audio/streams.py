"""Audio between a sound device's thread and the program, which may be blocking or asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import Future
from typing import Protocol, Self

from .pcm import RATE, WIDTH, Audio, duration

__all__ = ["CaptureStream", "PlaybackStream", "Sink"]


class Sink(Protocol):
    """What plays audio: a `Speaker`, or an object of your own."""

    @property
    def played(self) -> int:
        """How many bytes were played so far, silence in between not counted."""
        ...

    def write(self, pcm: Audio, /) -> None:
        """Queue `pcm`. Never waits."""
        ...

    def clear(self) -> int:
        """Drop what is queued, at an interruption. Give how many bytes that was."""
        ...


class CaptureStream:
    """Audio as it is recorded. Iterate over it with ``for`` or ``async for``; one reader at a time.

    Never more than `max_latency_ms` wait to be read: what is older is dropped, and `dropped_ms` says how much that was.
    """

    def __init__(self, *, rate: int = RATE, max_latency_ms: int = 200) -> None:
        self.rate = rate
        self.dropped_ms = 0.0
        """How much audio came too fast for the reader."""
        self.muted = False
        """Whether silence is given in place of what is recorded, so that a server still hears a turn end."""
        self._limit = max_latency_ms * rate * WIDTH // 1000
        self._blocks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._waiting: Future[None] | None = None

    def put(self, pcm: Audio) -> None:
        """Add what was just recorded, from any thread. The oldest goes if there is too much."""
        block = bytes(len(pcm)) if self.muted else bytes(pcm)
        with self._lock:
            self._blocks.append(block)
            self._size += len(block)
            while self._size > self._limit and len(self._blocks) > 1:
                self.dropped_ms += duration(self._pop(), rate=self.rate) * 1000
        self._wake()

    def end(self, error: BaseException | None = None) -> None:
        """End the iteration after what is there, from any thread; with `error`, it is raised to the reader."""
        with self._lock:
            if not self._ended:
                self._ended, self._error = True, error
        self._wake()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        while isinstance(block := self._get(StopIteration), Future):
            block.result()
        return block

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while isinstance(block := self._get(StopAsyncIteration), Future):
            await asyncio.wrap_future(block)
        return block

    def _get(self, end: type[Exception]) -> bytes | Future[None]:
        """Give the oldest block, or what to wait for. Raises `end` when there will be none."""
        with self._lock:
            if self._blocks:
                return self._pop()
            if self._error is not None:
                raise self._error
            if self._ended:
                raise end
            self._waiting = Future()
            return self._waiting

    def _pop(self) -> bytes:
        block = self._blocks.popleft()
        self._size -= len(block)
        return block

    def _wake(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting.set_running_or_notify_cancel():
            waiting.set_result(None)


class PlaybackStream:
    """Audio that waits to be played: a `Sink` whose player takes from it with `read`."""

    def __init__(self, *, rate: int = RATE) -> None:
        self.rate = rate
        self._queue = bytearray()
        self._played = 0
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._empty: list[Future[None]] = []

    @property
    def played(self) -> int:
        """How many bytes the player has taken so far, silence not counted."""
        return self._played

    @property
    def queued(self) -> int:
        """How many bytes wait to be played."""
        return len(self._queue)

    def write(self, pcm: Audio) -> None:
        """Queue `pcm`, from any thread. Never waits. Raises what ended the playing, if something has."""
        with self._lock:
            if self._error is not None:
                raise self._error
            self._queue += pcm

    def clear(self) -> int:
        """Drop what is queued, at an interruption. Give how many bytes that was."""
        with self._lock:
            dropped = len(self._queue)
            self._queue.clear()
        self._tell_empty()
        return dropped

    def read(self, size: int) -> bytes:
        """Take up to `size` bytes to play now, from any thread."""
        with self._lock:
            pcm = bytes(self._queue[:size])
            del self._queue[:size]
            self._played += len(pcm)
            empty = not self._queue
        if empty:
            self._tell_empty()
        return pcm

    async def drain(self) -> None:
        """Wait until the player has taken all that is queued. Raises what ended the playing, if something has."""
        await asyncio.wrap_future(self._until_empty())

    def drain_blocking(self, timeout: float | None = None) -> None:
        """Wait as `drain` does, without an event loop. Raises TimeoutError after `timeout` seconds."""
        self._until_empty().result(timeout)

    def fail(self, error: BaseException) -> None:
        """Say that nothing can be played any more, from any thread."""
        self._error = error
        self.clear()

    def _until_empty(self) -> Future[None]:
        future: Future[None] = Future()
        with self._lock:
            if self._queue:
                self._empty.append(future)
                return future
        self._finish(future)
        return future

    def _tell_empty(self) -> None:
        with self._lock:
            waiting, self._empty = self._empty, []
        for future in waiting:
            if future.set_running_or_notify_cancel():
                self._finish(future)

    def _finish(self, future: Future[None]) -> None:
        if self._error is None:
            future.set_result(None)
        else:
            future.set_exception(self._error)
