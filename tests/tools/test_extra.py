"""Without the extra, one line says what to install."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["msgspec", "docstring_parser"])
def test_a_missing_extra_is_told_in_one_line(missing: str) -> None:
    program = f"import sys; sys.modules[{missing!r}] = None\nfrom openai_realtime.tools import Tools"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    expected = f"tools need {missing}: pip install 'openai-realtime[tools]'"
    assert ended.stderr.splitlines()[-1].endswith(f"ConfigurationError: {expected}")
