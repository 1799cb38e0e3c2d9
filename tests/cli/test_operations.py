import warnings
from typing import Any

import pytest
from support.cli import error_line, run

from openai_realtime.models import EmptyResult


@pytest.mark.parametrize(
    ("category", "filtered", "code", "line"),
    [
        (DeprecationWarning, "error", 1, "Error: DeprecationWarning: something else"),
        (UserWarning, "always", 0, "Warning: something else"),
    ],
)
def test_other_warnings_keep_their_filters(
    monkeypatch: pytest.MonkeyPatch, category: type[Warning], filtered: Any, code: int, line: str
) -> None:
    def noisy(*_: object) -> EmptyResult:
        warnings.filterwarnings(filtered, message="something else")
        warnings.warn("something else", category, stacklevel=1)
        return EmptyResult()

    monkeypatch.setattr("openai_realtime._sync.client.RealtimeClient.create_realtime_client_secret", noisy)
    result = run("--emulator", "secret")
    assert (result.exit_code, error_line(result)) == (code, line)
