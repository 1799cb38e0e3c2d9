"""Fixtures for tests of code that uses this package. pytest loads this module by itself, so it imports next to nothing.

``realtime_emulator`` is an `Emulator`; ``realtime_client`` and ``async_realtime_client`` are clients connected to it.
``realtime_caller`` is a person who calls your voice agent there. The last two want a test that runs under anyio's
plugin (``pytest.mark.anyio``), or pytest-asyncio's in its auto mode.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from openai_realtime._sync.client import RealtimeClient

    from ._client import AsyncRealtimeClient
    from .caller import Caller
    from .emulator import Emulator


@pytest.fixture
def realtime_emulator() -> Iterator[Emulator]:
    """An emulator of the Realtime API on a free port, in a thread of its own."""
    from .emulator import Emulator  # noqa: PLC0415 - only when asked for

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def realtime_client(realtime_emulator: Emulator) -> Iterator[RealtimeClient]:
    """A blocking client of ``realtime_emulator``."""
    from openai_realtime._sync.client import RealtimeClient  # noqa: PLC0415

    with RealtimeClient(**realtime_emulator.client_options) as client:
        yield client


@pytest.fixture
async def async_realtime_client(realtime_emulator: Emulator) -> AsyncIterator[AsyncRealtimeClient]:
    """An asyncio client of ``realtime_emulator``."""
    from ._client import AsyncRealtimeClient  # noqa: PLC0415

    async with AsyncRealtimeClient(**realtime_emulator.client_options) as client:
        yield client


@pytest.fixture
def realtime_caller(realtime_emulator: Emulator) -> Caller:
    """A person who calls the agent under test, through ``realtime_emulator``."""
    from .caller import Caller  # noqa: PLC0415

    return Caller(realtime_emulator)
