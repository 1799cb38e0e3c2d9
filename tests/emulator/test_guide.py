"""What the guide says for programs in other languages. Its examples in Python run with those of all guides."""

import os
import subprocess
from pathlib import Path
from typing import Any

import yaml
from playwright._impl._driver import compute_driver_executable
from support.guides import ROOT, blocks, output_in

from openai_realtime.emulator import Emulator

GUIDE = ROOT / "openai_realtime" / "emulator" / "README.rst"


def test_the_javascript_program_scripts_a_tool_turn_and_an_interruption(tmp_path: Path) -> None:
    (param,) = blocks([GUIDE], "javascript")
    example, following = param.values
    program = tmp_path / "turn.mjs"
    program.write_text(str(example.parsed))
    node, _ = compute_driver_executable()  # the one that the browser tests bring
    with Emulator() as emulator:
        environment = {**os.environ, "OPENAI_BASE_URL": emulator.base_url, "OPENAI_API_KEY": emulator.api_key}
        run = subprocess.run(  # noqa: S603 - our own program
            [node, str(program)], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    assert run.stderr == ""
    assert [line.strip() for line in run.stdout.splitlines()] == output_in(following).splitlines()


def test_the_script_of_the_guide_means_something() -> None:
    (param,) = blocks([GUIDE], "yaml")
    script: Any = yaml.safe_load(str(param.values[0].parsed))
    Emulator().follow(script)
    assert sorted(script) == ["faults", "mcp_servers", "replies", "transcripts"]
