"""Every example of the README runs, prints what the README says, and its tables are complete."""

import asyncio
import contextlib
import importlib
import inspect
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from sybil import Document, Example
from sybil.parsers.rest import CodeBlockParser, PythonCodeBlockParser

from openai_realtime import AsyncRealtimeClient, ClientOptions, errors
from openai_realtime.emulator import Emulator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text()
SECONDS = 120


def not_python(example: Example) -> None:
    raise AssertionError(f"line {example.line} is compared or run here, not by sybil")


PARSERS = [PythonCodeBlockParser(), *(CodeBlockParser(language, not_python) for language in ("text", "sh"))]
EXAMPLES = list(Document.parse(str(ROOT / "README.rst"), *PARSERS).examples())


def language(example: Example) -> str:
    return str(example.region.lexemes["arguments"])


def blocks(name: str, *words: str) -> list[Any]:
    found = [e for e in EXAMPLES if language(e) == name and all(word in e.parsed for word in words)]
    return [pytest.param(example, id=f"line-{example.line}") for example in found]


def only(name: str, *words: str) -> Example:
    (found,) = blocks(name, *words)
    (example,) = found.values
    assert isinstance(example, Example)
    return example


def output_after(example: Example) -> str:
    """The block of text that follows a block of Python, which is what it prints."""
    following = EXAMPLES[EXAMPLES.index(example) + 1 :][:1]
    return "".join(str(other.parsed) for other in following if language(other) == "text")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples need no key, and take none that happens to be there."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_OPENAI_")):
            monkeypatch.delenv(name)


@contextlib.contextmanager
def ran(example: Example) -> Iterator[tuple[dict[str, Any], str]]:
    """Run one block alone, in a namespace of its own: the names it made, and what it printed."""
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            Example(example.document, example.line, example.column, example.region, names).evaluate()
        yield names, printed.getvalue()
    finally:
        for value in names.values():
            if isinstance(value, Emulator):
                value.close()


@pytest.mark.parametrize("example", blocks("python"))
@pytest.mark.filterwarnings(r"ignore:create_realtime_\w*session belongs to the beta:DeprecationWarning")
def test_each_example_runs_and_prints_what_is_said(example: Example) -> None:
    with ran(example) as (_, printed):
        assert printed.strip() == output_after(example).strip()


@pytest.mark.parametrize("example", blocks("text"))
def test_each_output_belongs_to_an_example(example: Example) -> None:
    assert language(EXAMPLES[EXAMPLES.index(example) - 1]) == "python"


@pytest.mark.parametrize("words", [("async def main",), ("RealtimeTranscriptionSessionCreateRequest",), ("web",)])
def test_the_ways_to_call_it_are_short(words: tuple[str, ...]) -> None:
    example = next(param.values[0] for param in blocks("python", *words))
    code = [
        line for line in example.parsed.splitlines() if line.strip() and not line.startswith(("import", "from", "#"))
    ]
    assert len(code) < 10


def test_the_web_handler_answers() -> None:
    async def ask(app: Any) -> dict[str, Any]:
        async with TestServer(app) as server, aiohttp.ClientSession() as http:
            answer = await http.post(server.make_url("/token"))
            body: dict[str, Any] = await answer.json()
            return body

    with ran(only("python", "web.Application")) as (names, _):
        body = asyncio.run(asyncio.wait_for(ask(names["app"]), SECONDS))
    assert body.keys() == {"value", "expires_at"}
    assert body["value"].startswith("ek_")


def run(*command: str, cwd: Path) -> str:
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_with_fixtures_passes(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(str(only("python", "def test_").parsed))
    assert "1 passed" in run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_example.py", cwd=tmp_path)


def test_the_command_lines_work(tmp_path: Path) -> None:
    lines = str(only("sh").parsed)
    assert lines.count("\n") == lines.count("openai-realtime ") == lines.count("--emulator")
    printed = run("bash", "-euo", "pipefail", "-c", lines, cwd=tmp_path)
    assert "ek_***" in printed  # masked for people,
    assert re.search(r'"value":\s*"ek_\w+"', printed)  # whole for programs
    assert oct((tmp_path / "secret.json").stat().st_mode)[-3:] == "600"


# --- the first screen ------------------------------------------------------------------------------------------------

COMMANDS = [line.strip() for line in README.splitlines() if line.startswith("    python3 -m venv ")]


def test_the_first_screen_has_two_commands_and_a_short_example() -> None:
    first_screen = README.splitlines()[:35]
    demo, tests = COMMANDS
    assert demo.endswith("openai-realtime demo")
    assert ".[test]" in tests
    assert {f"    {demo}", f"    {tests}", ".. code-block:: python"} <= set(first_screen)
    code = [line for line in str(EXAMPLES[0].parsed).splitlines() if line.strip()]
    assert len(code) <= 10
    assert len(blocks("python")) >= 12


def test_ci_runs_the_command_of_the_readme() -> None:
    """With commands that do nothing but say how they were called."""
    fakes = (
        "python3() { echo python3 $*; }; .venv/bin/pip() { echo pip $*; }; .venv/bin/coverage() { echo coverage $*; }"
    )
    script = f"{fakes}; source .ci/run"
    printed = run("bash", "-c", script, cwd=ROOT).splitlines()
    assert printed[0] == COMMANDS[1]
    assert printed[1:] == [step.replace(".venv/bin/", "").replace('"', "") for step in COMMANDS[1].split(" && ")]


# --- what the tables and lists say -----------------------------------------------------------------------------------


def test_all_operations_are_in_the_table() -> None:
    operations = {name for name, _ in inspect.getmembers(AsyncRealtimeClient, inspect.isfunction) if "realtime" in name}
    assert set(re.findall(r"^   \* - ``(\w+_realtime_\w+)``$", README, re.MULTILINE)) == operations
    assert len(operations) == 9


def test_all_options_are_in_the_table() -> None:
    table = README[README.index("   * - Argument\n") : README.index("``client.with_options(...)`` gives")]
    options = re.findall(r"``(\w+)``", "".join(re.findall(r"^   \* - (.*)$", table, re.MULTILINE)))
    assert set(options) == set(ClientOptions.__annotations__)


def test_the_tree_of_errors_is_the_one_of_the_module() -> None:
    tree = re.compile(r"^ +(RealtimeError|[│ ]*[├└]── .*)$", re.MULTILINE)
    assert tree.findall(README) == tree.findall(errors.__doc__ or "")


def test_internal_links_have_a_target() -> None:
    headings = set(re.findall(r"^(.+)\n[-=]{3,}$", README, re.MULTILINE))
    links = re.findall(r"`([^`<]+)`_(?!_)|\b([A-Z]\w+)_(?=\W)", README)
    assert {quoted or word for quoted, word in links} <= headings


def test_the_speed_table_shows_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """To be written anew by ``python benchmarks/readme.py``."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text())
    table = (ROOT / "benchmarks" / "README.rst").read_text()
    assert importlib.import_module("readme").updated(table, results) == table
    assert table.count("   * - ") == 1 + len(results["rows"])
