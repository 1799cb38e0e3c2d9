"""What several tests of the blocking form need."""

from collections.abc import Iterator

import pytest
from support.threads import Server


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()
