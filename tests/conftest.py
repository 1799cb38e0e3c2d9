import gc

import pytest
from hypothesis import HealthCheck, settings
from support.http_server import certificates  # noqa: F401 - a fixture

# Sessions are large, cores are few, and machines differ.
settings.register_profile(
    "package",
    max_examples=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("package")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: when tests collect garbage, they need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
