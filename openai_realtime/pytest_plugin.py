"""Fixtures for tests of code that uses this package. pytest loads this module by itself, so it imports next to nothing.

``realtime_emulator`` is an `Emulator`; ``realtime_client`` and ``async_realtime_client`` are clients connected to it.
``realtime_caller`` is a person who calls your voice agent there. The last two want a test that runs under anyio's
plugin (``pytest.mark.anyio``) or pytest-asyncio's, in any of its modes. ``realtime_environment`` points programs
that make their clients themselves to the emulator.
"""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from openai_realtime._sync.client import RealtimeClient

    from ._client import AsyncRealtimeClient
    from .caller import Caller
    from .emulator import Emulator


@pytest.fixture
def realtime_emulator() -> Iterator[Emulator]:
    """Return an emulator of the Realtime API on a free port, in a thread of its own."""
    from .emulator import Emulator  # noqa: PLC0415 - only when asked for

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def realtime_client(realtime_emulator: Emulator) -> Iterator[RealtimeClient]:
    """Return a blocking client of ``realtime_emulator``."""
    from openai_realtime._sync.client import RealtimeClient  # noqa: PLC0415

    with RealtimeClient(**realtime_emulator.client_options) as client:
        yield client


@pytest.fixture
def async_realtime_client(request: pytest.FixtureRequest) -> AsyncRealtimeClient:
    """Return an asyncio client of ``realtime_emulator``, in the event loop of the plugin that runs the test."""
    plugin = "anyio" if "anyio_backend" in request.fixturenames else "asyncio"
    client: AsyncRealtimeClient = request.getfixturevalue(f"_{plugin}_realtime_client")
    return client


@pytest.fixture
async def _anyio_realtime_client(realtime_emulator: Emulator) -> AsyncIterator[AsyncRealtimeClient]:
    async with _client_of(realtime_emulator) as client:
        yield client


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give pytest-asyncio, if it is there, a fixture of its own kind: in strict mode it takes no other."""
    if config.pluginmanager.hasplugin("asyncio"):
        import pytest_asyncio  # noqa: PLC0415

        module: Any = types.ModuleType("openai_realtime_asyncio")  # pytest looks for fixtures in modules and classes
        module.fixture = pytest_asyncio.fixture(_asyncio_realtime_client, name="_asyncio_realtime_client")
        config.pluginmanager.register(module)


async def _asyncio_realtime_client(realtime_emulator: Emulator) -> AsyncIterator[AsyncRealtimeClient]:
    async with _client_of(realtime_emulator) as client:
        yield client


def _client_of(emulator: Emulator) -> AsyncRealtimeClient:
    from ._client import AsyncRealtimeClient  # noqa: PLC0415

    return AsyncRealtimeClient(**emulator.client_options)


@pytest.fixture
def realtime_environment(realtime_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """``realtime_emulator``, to which ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` point every client of the program."""
    monkeypatch.setenv("OPENAI_BASE_URL", realtime_emulator.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", realtime_emulator.api_key)
    return realtime_emulator


@pytest.fixture
def realtime_caller(realtime_emulator: Emulator) -> Caller:
    """Return a person who calls the agent under test, through ``realtime_emulator``."""
    from .caller import Caller  # noqa: PLC0415

    return Caller(realtime_emulator)
