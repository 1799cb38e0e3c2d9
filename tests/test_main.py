import subprocess
import sys

import pytest
from support.cli import DEADLINE, error_line

from openai_realtime import __main__ as entry


def without(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    code = f"import sys; sys.modules[{module!r}] = None; from openai_realtime.__main__ import main; main()"
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False
    )


@pytest.mark.parametrize("module", ["click", "rich", "rich.console"])
def test_a_missing_extra_is_one_line_that_says_how_to_install_it(module: str) -> None:
    result = without(module, "--help")
    assert (result.returncode, result.stdout) == (2, "")
    assert error_line(result).endswith("pip install 'openai-realtime[cli]'")


def test_another_missing_module_is_no_missing_extra() -> None:
    result = without("aiohttp", "demo")
    assert result.returncode == 1
    assert "No module named 'aiohttp'" in result.stderr or "import of aiohttp halted" in result.stderr


def test_the_entry_point(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["openai-realtime", "--version"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert not ended.value.code
    assert capsys.readouterr().out.startswith("openai-realtime, version ")


def test_ctrl_c_while_modules_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("openai_realtime.cli.main", interrupted)
    with pytest.raises(SystemExit, match="130"):
        entry.main()
