"""What only the README has: its first screen, its commands, and tables that are complete."""

import asyncio
import importlib
import inspect
import json
import os
import re
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from support.guides import ROOT, SECONDS, blocks, examples, ran, run
from sybil import Example

from openai_realtime import AsyncRealtimeClient, ClientOptions, errors

README = (ROOT / "README.rst").read_text()
EXAMPLES = examples(ROOT / "README.rst")


def only(name: str, *words: str) -> Example:
    (found,) = blocks([ROOT / "README.rst"], name, *words)
    example, _ = found.values
    assert isinstance(example, Example)
    return example


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples need no key, and take none that happens to be there."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_OPENAI_")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("words", [("async def main",), ("RealtimeCreateClientSecretRequest(",), ("web",)])
def test_the_ways_to_call_it_are_short(words: tuple[str, ...]) -> None:
    example = next(param.values[0] for param in blocks([ROOT / "README.rst"], "python", *words))
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


COMMANDS = [line.strip() for line in README.splitlines() if line.startswith("    python3 -m venv ")]


def test_the_first_screen_has_two_commands_and_a_short_example() -> None:
    first_screen = README.splitlines()[:35]
    demo, tests = COMMANDS
    assert demo.endswith("openai-realtime demo")
    assert ".[test]" in tests
    assert {f"    {demo}", f"    {tests}", ".. code-block:: python"} <= set(first_screen)
    code = [line for line in str(EXAMPLES[0].parsed).splitlines() if line.strip()]
    assert len(code) <= 10
    assert len(README.splitlines()) <= 350


def test_ci_runs_the_command_of_the_readme() -> None:
    """With commands that do nothing but say how they were called."""
    fakes = (
        "python3() { echo python3 $*; }; .venv/bin/pip() { echo pip $*; }; .venv/bin/coverage() { echo coverage $*; }"
    )
    script = f"{fakes}; source .ci/run"
    printed = run("bash", "-c", script, cwd=ROOT).splitlines()
    assert printed[0] == COMMANDS[1]
    assert printed[1:] == [step.replace(".venv/bin/", "").replace('"', "") for step in COMMANDS[1].split(" && ")]


def test_all_operations_are_in_the_table() -> None:
    operations = {name for name, _ in inspect.getmembers(AsyncRealtimeClient, inspect.isfunction) if "realtime" in name}
    assert set(re.findall(r"^   \* - ``(\w+_realtime_\w+)``$", README, re.MULTILINE)) == operations
    assert len(operations) == 9


def test_all_options_are_in_the_table() -> None:
    text = (ROOT / "openai_realtime" / "README.rst").read_text()
    table = text[text.index("   * - Argument\n") : text.index("``client.with_options(...)`` gives")]
    options = re.findall(r"``(\w+)``", "".join(re.findall(r"^   \* - (.*)$", table, re.MULTILINE)))
    assert set(options) == set(ClientOptions.__annotations__)


def test_the_tree_of_errors_is_the_one_of_the_module() -> None:
    tree = re.compile(r"^ +(RealtimeError|[│ ]*[├└]── .*)$", re.MULTILINE)
    assert tree.findall(README) == tree.findall(errors.__doc__ or "")


def test_the_speed_table_shows_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """To be written anew by ``python benchmarks/readme.py``."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text())
    table = (ROOT / "benchmarks" / "README.rst").read_text()
    assert importlib.import_module("readme").updated(table, results) == table
    assert table.count("   * - ") == 1 + len(results["rows"])
