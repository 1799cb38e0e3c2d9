"""What a test must leave behind: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from openai_realtime import (
    AsyncRealtimeClient,
    RealtimeClient,
)
from openai_realtime.emulator import Emulator

T = TypeVar("T")


DEADLINE = 30.0


@contextlib.asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Show that the body ends in time and leaves no task and no open socket: pytest makes warnings of those errors."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(DEADLINE):
        yield
    gc.collect()
    assert asyncio.all_tasks() == before


@contextlib.asynccontextmanager
async def emulated(**options: Any) -> AsyncIterator[tuple[Emulator, AsyncRealtimeClient]]:
    """An emulator and a client of it, of which nothing is left afterwards."""
    async with (
        nothing_left(),
        Emulator() as emulator,
        AsyncRealtimeClient(**emulator.client_options, **options) as client,
    ):
        yield emulator, client


@contextlib.contextmanager
def no_thread_left() -> Iterator[None]:
    """The same for the blocking form."""
    before = set(threading.enumerate())
    yield
    gc.collect()
    for thread in set(threading.enumerate()) - before:
        thread.join(DEADLINE)
        assert not thread.is_alive(), thread


def in_thread(function: Callable[[], T]) -> Future[T]:
    """A future of what `function` gives; its thread keeps no process alive that gave up waiting for it."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


@contextlib.contextmanager
def blocking(**options: Any) -> Iterator[tuple[Emulator, RealtimeClient]]:
    with no_thread_left(), Emulator() as emulator, RealtimeClient(**emulator.client_options, **options) as client:
        yield emulator, client
