from collections.abc import AsyncIterator

import pytest

from openai_realtime.emulator import Emulator


@pytest.fixture
async def emulator(anyio_backend: str) -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator
