"""What the blocking `connect` gives: a connection to come, for ``with`` or ``open()``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar

from openai_realtime._client import AsyncRealtimeClient
from openai_realtime._redaction import without_frames
from openai_realtime.errors import ClientStateError

from .facade import Facade, show_result
from .lease import Lease

if TYPE_CHECKING:
    from openai_realtime._connection.connecting import Connecting as AsyncConnecting

    from .connection import Connection, RealtimeConnection, RealtimeTranslationConnection

P = ParamSpec("P")
C = TypeVar("C", bound="Connection[Any]")


class Connecting(Generic[C]):
    """A connection to come.

    ``with client.connect(...) as connection`` closes it at the end of the block. After ``connection =
    client.connect(...).open()`` that is left to you: ``connection.close()``.
    """

    def __init__(self, connecting: AsyncConnecting[Any], form: Callable[[], type[C]], lease: Lease) -> None:
        self._connecting = connecting
        self._form = form
        self._lease = lease
        self._connection: C | None = None  # of the block that is entered

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Say to whoever takes this for the connection how to come by one."""
            raise AttributeError(f"no {name} before it is open: `with client.connect(...) as c`, or open() it")

    def open(self) -> C:
        """Open the session and return its connection."""
        return self._lease.run(self._open)

    def __enter__(self) -> C:
        if self._connection is not None:
            raise ClientStateError("this connect(...) is entered already; call connect once for each block")
        self._connection = self.open()
        return self._connection

    def __exit__(self, *_: object) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def _open(self) -> C:
        form = self._form()
        # Made here, in the loop thread, so that it is closed when an interrupt keeps it from the caller.
        return form(await self._connecting, self._lease)


def connecting(
    method: Callable[Concatenate[AsyncRealtimeClient, P], AsyncConnecting[Any]], form: Callable[[], type[C]]
) -> Callable[Concatenate[Facade[AsyncRealtimeClient], P], Connecting[C]]:
    """Make the blocking form of a method that opens a connection: same parameters."""

    @without_frames
    @functools.wraps(method)
    def call(self: Facade[AsyncRealtimeClient], /, *args: P.args, **kwargs: P.kwargs) -> Connecting[C]:
        return Connecting(method(self._client, *args, **kwargs), form, self._lease)

    call.__doc__ = (method.__doc__ or "").replace("``async with`` it, or ``await`` it", "``with`` it, or ``open()`` it")
    show_result(call, f"Connecting[{form.__annotations__['return'][len('type[') : -1]}]")
    return call


def realtime() -> type[RealtimeConnection]:
    """Load the blocking class when it is used: REST users never load the events."""
    from .connection import RealtimeConnection  # noqa: PLC0415 - see above

    return RealtimeConnection


def translation() -> type[RealtimeTranslationConnection]:
    """Load the blocking class when it is used."""
    from .connection import RealtimeTranslationConnection  # noqa: PLC0415 - as above

    return RealtimeTranslationConnection
