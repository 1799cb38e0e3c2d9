import pytest
from support.http_server import certificates  # noqa: F401 - a fixture


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
