import subprocess
import sys

import pytest

from openai_realtime import AsyncRealtimeClient, RealtimeClient
from openai_realtime.emulator import Emulator, faults
from openai_realtime.errors import InternalServerError

pytest_plugins = ["pytester"]


def test_the_plugin_imports_nothing_heavy() -> None:
    code = "import sys, openai_realtime.pytest_plugin; print(*sys.modules)"
    run = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(run.stdout.split())
    assert "openai_realtime.pytest_plugin" in loaded
    assert not {"aiohttp", "attrs", "attr", "cattrs", "click", "rich", "orjson", "anyio"} & loaded


def test_emulator_and_client_are_one_pair(realtime_emulator: Emulator, realtime_client: RealtimeClient) -> None:
    assert realtime_client.create_realtime_client_secret().value.startswith("ek_")
    realtime_emulator.inject_fault(
        faults.HTTPResponse(status=500, headers={"x-should-retry": "false"}), operation="create_realtime_client_secret"
    )
    with pytest.raises(InternalServerError):
        realtime_client.create_realtime_client_secret()
    assert [request.path for request in realtime_emulator.requests] == ["/v1/realtime/client_secrets"] * 2


@pytest.mark.anyio
async def test_async_client(realtime_emulator: Emulator, async_realtime_client: AsyncRealtimeClient) -> None:
    secret = await async_realtime_client.create_realtime_client_secret()
    assert secret.value.startswith("ek_")
    assert len(realtime_emulator.requests) == 1


INNER = """
kept = []

def test_uses_them(realtime_client, realtime_emulator):
    kept.extend([realtime_client, realtime_emulator])

def test_another_gets_others(realtime_emulator):
    assert realtime_emulator is not kept[1]
    assert realtime_emulator.api_key != kept[1].api_key

def test_they_are_closed():
    import pytest
    from openai_realtime.errors import ClientStateError
    with pytest.raises(ClientStateError):
        kept[0].create_realtime_client_secret()
    with pytest.raises(ClientStateError):
        kept[1].base_url
"""


def test_fixtures_end_with_their_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(INNER)
    pytester.runpytest_inprocess("-W", "error", "-p", "no:asyncio").assert_outcomes(passed=3)


ASYNCIO = """
import pytest

@pytest.mark.asyncio
async def test_marked(async_realtime_client, realtime_emulator):
    secret = await async_realtime_client.create_realtime_client_secret()
    async with async_realtime_client.connect(model="gpt-realtime-2.1") as connection:
        await connection.create_response()
    assert secret.value.startswith("ek_") and len(realtime_emulator.requests) == 2

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_of_anyio(async_realtime_client):
    assert (await async_realtime_client.create_realtime_client_secret()).value
"""
UNMARKED = """
async def test_unmarked(async_realtime_client):
    assert (await async_realtime_client.create_realtime_client_secret()).value
"""
CLIENT_AT_IMPORT = """
from openai_realtime import RealtimeClient

client = RealtimeClient()

def test_a_client_made_at_import(realtime_environment):
    with RealtimeClient() as other:
        assert other.create_realtime_client_secret().value.startswith("ek_")
    assert realtime_environment.requests
"""


@pytest.mark.parametrize(
    ("mode", "source", "passed"),
    [("strict", ASYNCIO, 2), ("auto", ASYNCIO.replace("@pytest.mark.asyncio", ""), 2), ("auto", UNMARKED, 1)],
)
def test_pytest_asyncio_in_its_modes(pytester: pytest.Pytester, mode: str, source: str, passed: int) -> None:
    pytester.makeini(f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(source)
    pytester.runpytest_subprocess("-W", "error", timeout=60).assert_outcomes(passed=passed)


def test_the_environment_of_programs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    pytester.makepyfile(CLIENT_AT_IMPORT)
    pytester.runpytest_subprocess("-W", "error", "-p", "no:asyncio", timeout=60).assert_outcomes(passed=1)
