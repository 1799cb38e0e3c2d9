import os
import signal
from collections.abc import Iterator

import pytest

from openai_realtime.emulator import Emulator


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own shell: no key, no server, no proxy, no wish for colours."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "COLUMNS", "LINES", "PYTHONIOENCODING", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator() as server:
        use(monkeypatch, server)
        yield server


@pytest.fixture
def retired(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with Emulator(beta_retired=True) as server:
        use(monkeypatch, server)
        yield server


def use(monkeypatch: pytest.MonkeyPatch, server: Emulator) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", server.api_key)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that was started with SIGINT ignored (as in a background job) gives that to its children: undo it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
