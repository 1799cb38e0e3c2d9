"""Every example of README.rst and of the guides runs, and prints what stands there."""

import doctest
import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.guides import GUIDES, ROOT, blocks, name_of, output_in, ran, run, sessions
from sybil import Example

BESIDE_CODE = [path for path in GUIDES if path.parent.name != "benchmarks"]
EVERY = [ROOT / "README.rst", *GUIDES]
MATCHES = doctest.OutputChecker().check_output


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The examples need no key, and take none that happens to be there; their files are written elsewhere."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "AZURE_OPENAI_")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def same_logging() -> Iterator[None]:
    """The examples set levels and handlers, which other tests must not see."""
    logger, handlers = logging.getLogger("openai_realtime"), logging.root.handlers.copy()
    level = logger.level
    yield
    logger.setLevel(level)
    logging.root.handlers[:] = handlers


@pytest.mark.parametrize(("example", "following"), blocks(EVERY, "python"))
@pytest.mark.filterwarnings(r"ignore:create_realtime_\w*session belongs to the beta:DeprecationWarning")
def test_each_example_runs_and_prints_what_is_said(example: Example, following: Example | None) -> None:
    with ran(example) as (_, printed):
        assert printed.strip() == output_in(following).strip()


@pytest.mark.parametrize("path", EVERY, ids=name_of)
def test_each_output_belongs_to_an_example(path: Path) -> None:
    programs = [*blocks([path], "python"), *blocks([path], "javascript")]
    outputs = [following for _, following in (param.values for param in programs)]
    assert all(param.values[0] in outputs for param in blocks([path], "text"))


@pytest.mark.parametrize(("example", "following"), blocks(GUIDES, "console"))
def test_each_console_shows_what_is_printed(example: Example, following: object, tmp_path: Path) -> None:
    """The commands run one after the other in an empty folder; ``...`` stands for any text, and none for no matter."""
    for command, output in sessions(str(example.parsed)):
        printed = run("bash", "-euo", "pipefail", "-c", command, cwd=tmp_path)
        assert not output.strip() or MATCHES(output.strip(), printed.strip(), doctest.ELLIPSIS), printed


@pytest.mark.parametrize("path", EVERY, ids=name_of)
def test_internal_links_have_a_target(path: Path) -> None:
    text = path.read_text()
    headings = set(re.findall(r"^(.+)\n[-=]{3,}$", text, re.MULTILINE))
    links = re.findall(r"`([^`<]+)`_(?!_)|\b([A-Z]\w+)_(?=\W)", text)
    assert {quoted or word for quoted, word in links} <= headings


@pytest.mark.parametrize(
    "path", [path for path in GUIDES if path.parent.name != "benchmarks"], ids=lambda p: p.parent.name
)
def test_a_guide_begins_with_an_example_and_is_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert any(".. code-block:: " in line for line in lines[:15])
    assert len(lines) <= 450


def test_the_example_of_pytest_passes(tmp_path: Path) -> None:
    (param,) = blocks(GUIDES, "python", "def test_")
    (tmp_path / "test_example.py").write_text(str(param.values[0].parsed))
    printed = run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_example.py", cwd=tmp_path)
    assert "1 passed" in printed


def test_the_readme_names_every_guide() -> None:
    text = (ROOT / "README.rst").read_text()
    assert {path.relative_to(ROOT).as_posix() for path in GUIDES} <= {*re.findall(r"<([\w/]+/README\.rst)>", text)}
