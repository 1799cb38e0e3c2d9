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


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
