"""What `connect` gives: a connection to come, for ``async with`` or ``await``."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from openai_realtime.errors import ClientStateError
from openai_realtime.models.events import ClientEvent

from .base import AsyncConnection
from .link import Link

C = TypeVar("C", bound=AsyncConnection)


class Connecting(Generic[C]):
    """A connection to come.

    ``async with client.connect(...) as connection`` closes it at the end of the block. After ``connection = await
    client.connect(...)`` that is left to you: ``await connection.close()``.
    """

    def __init__(
        self,
        make: Callable[[], C],
        update: ClientEvent | None,
        timeout: float | None,
        links: weakref.WeakSet[Link],
    ) -> None:
        self._make = make
        self._links = links
        self._update = update
        self._timeout = timeout
        self._connection: C | None = None  # of the block that is entered

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Say to whoever takes this for the connection how to come by one."""
            raise AttributeError(f"no {name} before it is open: `async with client.connect(...) as c`, or await it")

    def __await__(self) -> Generator[Any, Any, C]:
        return self._open().__await__()

    async def __aenter__(self) -> C:
        if self._connection is not None:
            raise ClientStateError("this connect(...) is entered already; call connect once for each block")
        self._connection = await self._open()
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _open(self) -> C:
        """Connect, and put the settings in force."""
        connection = self._make()
        self._links.add(connection._link)  # noqa: SLF001 - nobody else has it yet
        await connection._open(self._update, self._timeout)  # noqa: SLF001 - as above
        return connection
