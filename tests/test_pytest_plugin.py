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
    pytester.runpytest_inprocess("-W", "error").assert_outcomes(passed=3)
