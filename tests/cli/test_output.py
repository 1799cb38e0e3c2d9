import json
import os
import re
import stat
from pathlib import Path

from support.cli import process, run

from openai_realtime.cli.output import write_private
from openai_realtime.emulator import Emulator


def test_json_is_the_answer_whole_and_nothing_else(emulator: Emulator) -> None:
    result = run("secret", "--json")
    answer = json.loads(result.stdout)
    assert re.fullmatch(r"ek_\w{16,}", answer["value"])
    assert answer["session"]["type"] == "realtime"
    assert (result.stdout.count("\n"), result.stderr) == (1, "")


def test_output_is_a_private_file_and_stdout_says_where(emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    result = run("secret", "--output", str(file))
    assert result.exit_code == 0, result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    value = json.loads(file.read_bytes())["value"]
    assert value not in result.stdout
    assert f"The answer is in {file}" in result.stdout


def test_output_makes_an_open_file_private_and_replaces_it(emulator: Emulator, tmp_path: Path) -> None:
    file = tmp_path / "secret.json"
    file.write_text("x" * 100_000)
    file.chmod(0o644)
    result = run("secret", "--json", "--output", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == result.stdout_bytes


def test_a_device_keeps_its_mode() -> None:
    before = Path(os.devnull).stat().st_mode
    write_private(os.devnull, b"x")
    assert Path(os.devnull).stat().st_mode == before


def test_a_file_that_cannot_be_written_costs_no_secret(emulator: Emulator, tmp_path: Path) -> None:
    assert run("secret", "--output", str(tmp_path / "no" / "file")).exit_code == 2
    assert emulator.requests == []


def test_a_process_prints_json_only(emulator: Emulator) -> None:
    result = process("secret", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["value"].startswith("ek_")
