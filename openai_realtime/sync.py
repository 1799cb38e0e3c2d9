"""`RealtimeClient`: the same client for code without an event loop, derived from the async one.

All blocking clients of a process share one event-loop thread, which ends with the last of them.
"""

from __future__ import annotations

import asyncio
import functools
import os
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, Self, TypeVar, Unpack, cast

from anyio.from_thread import BlockingPortal, BlockingPortalProvider

from .client import AsyncRealtimeClient
from .config import ClientOptions
from .errors import ClientStateError, ConfigurationError

__all__ = ["RealtimeClient"]

P = ParamSpec("P")
T = TypeVar("T")


def blocking(
    method: Callable[Concatenate[AsyncRealtimeClient, P], Awaitable[T]],
) -> Callable[Concatenate[RealtimeClient, P], T]:
    """The blocking form of a coroutine method: same parameters, same docstring, the awaited result."""

    @functools.wraps(method)
    def call(self: RealtimeClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        portal, client = self._start()
        # The coroutine is made in this thread, so that its warnings name the caller's line.
        return _wait(portal, method(client, *args, **kwargs))

    return call


class RealtimeClient:
    """A blocking client of the OpenAI Realtime API. Its options are those of `ClientOptions`.

    It may be used from several threads, and in a child process after ``os.fork()``, where it starts anew. Ctrl-C
    interrupts a call and leaves it usable. Inside a running event loop it raises ClientStateError.
    """

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        if options.get("http_session") is not None:
            raise ConfigurationError("http_session belongs to your event loop; use AsyncRealtimeClient with it")
        self._options = options
        self._reset(AsyncRealtimeClient(**options))

    def _reset(self, client: AsyncRealtimeClient) -> None:
        self._client = client
        self._portal: BlockingPortal | None = None
        self._closed = False
        self._lock = threading.Lock()
        _facades.add(self)

    def _start(self) -> tuple[BlockingPortal, AsyncRealtimeClient]:
        """The event-loop thread, started if it is not running, and the client that lives there."""
        _refuse_running_loop()
        with self._lock:
            if self._closed:
                raise ClientStateError("the client is closed")
            if self._portal is None:
                self._portal = _shared.provider.__enter__()
            return self._portal, self._client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and leave the event-loop thread. Calling it again does nothing."""
        _refuse_running_loop()
        with self._lock:
            portal, self._portal, self._closed = self._portal, None, True
        if portal is not None:
            try:
                _wait(portal, self._client.close())
            finally:
                _shared.provider.__exit__(None, None, None)

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """A copy with other options that shares the connections of this client, and ends with it."""
        changed = type(self).__new__(type(self))
        changed._options = cast("ClientOptions", {**self._options, **options})  # noqa: SLF001 - our own copy
        changed._reset(self._client.with_options(**options))  # noqa: SLF001
        return changed

    create_realtime_client_secret = blocking(AsyncRealtimeClient.create_realtime_client_secret)
    create_realtime_session = blocking(AsyncRealtimeClient.create_realtime_session)
    create_realtime_transcription_session = blocking(AsyncRealtimeClient.create_realtime_transcription_session)
    create_realtime_translation_client_secret = blocking(AsyncRealtimeClient.create_realtime_translation_client_secret)
    create_realtime_call = blocking(AsyncRealtimeClient.create_realtime_call)
    accept_realtime_call = blocking(AsyncRealtimeClient.accept_realtime_call)
    reject_realtime_call = blocking(AsyncRealtimeClient.reject_realtime_call)
    refer_realtime_call = blocking(AsyncRealtimeClient.refer_realtime_call)
    hangup_realtime_call = blocking(AsyncRealtimeClient.hangup_realtime_call)


def _wait(portal: BlockingPortal, awaitable: Awaitable[T]) -> T:
    """The result of `awaitable` in the portal's loop; an interrupt here cancels it there."""
    future = portal.start_task_soon(_finish, awaitable)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def _finish(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ClientStateError("RealtimeClient would block the running event loop; use AsyncRealtimeClient and await it")


class _Shared:
    """The event-loop thread of this process, and what a fork left of the parent's."""

    def __init__(self) -> None:
        self.provider = BlockingPortalProvider()
        # Never freed: collecting the parent's sockets here would touch the event loop it shares with us.
        self.abandoned: list[object] = []

    def start_anew(self) -> None:
        """Run in the child after a fork, where the parent's thread does not exist."""
        self.abandoned.append(self.provider)
        self.provider = BlockingPortalProvider()
        for facade in list(_facades):
            closed = facade._closed  # noqa: SLF001 - same module
            self.abandoned.append(facade._client)  # noqa: SLF001
            facade._reset(AsyncRealtimeClient(**facade._options))  # noqa: SLF001
            facade._closed = closed  # noqa: SLF001


_facades: weakref.WeakSet[RealtimeClient] = weakref.WeakSet()
_shared = _Shared()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_shared.start_anew)
