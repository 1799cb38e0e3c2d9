import pytest
from support.cli import error_line, run

from openai_realtime.emulator import Emulator


@pytest.mark.parametrize("command", ["session", "transcription-session"])
def test_the_beta_commands_warn_in_one_line(emulator: Emulator, command: str) -> None:
    line = error_line(run(command, "--json"))
    assert line.startswith(f"Warning: create_realtime_{command.replace('-', '_')} ")
    assert line.endswith("on the command line: openai-realtime secret")


def test_a_retired_operation_says_what_to_run_instead(retired: Emulator) -> None:
    result = run("session")
    warning, error, end = result.stderr.split("\n")
    assert (result.exit_code, result.stdout, end) == (1, "", "")
    assert warning.startswith("Warning: ")
    assert error.startswith("Error: HTTP 400 beta_api_shape_disabled")
    assert error.endswith("on the command line: openai-realtime secret")
