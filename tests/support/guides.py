"""The examples of README.rst and of the guides beside the code."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Document, Example
from sybil.parsers.rest import CodeBlockParser, PythonCodeBlockParser

from openai_realtime.emulator import Emulator

ROOT = Path(__file__).parents[2]
SECONDS = 120
GUIDES = [*sorted((ROOT / "openai_realtime").rglob("README.rst")), ROOT / "benchmarks" / "README.rst"]


def not_python(example: Example) -> None:
    raise AssertionError(f"line {example.line} is compared or run here, not by sybil")


PARSERS = [
    PythonCodeBlockParser(),
    *(CodeBlockParser(language, not_python) for language in ("text", "console", "yaml", "javascript")),
]


@functools.cache
def examples(path: Path) -> list[Example]:
    return list(Document.parse(str(path), *PARSERS).examples())


def name_of(path: Path) -> str:
    return str(path.parent.relative_to(ROOT))


def language(example: Example) -> str:
    return str(example.region.lexemes["arguments"])


def blocks(paths: list[Path], name: str, *words: str) -> list[Any]:
    """The examples in one language that have all `words`, as parameters of a test: each with the one that follows."""
    found = []
    for path in paths:
        every = examples(path)
        for example, following in itertools.zip_longest(every, every[1:]):
            if language(example) == name and all(word in example.parsed for word in words):
                found.append(pytest.param(example, following, id=f"{name_of(path)}-line-{example.line}"))
    return found


def output_in(following: Example | None) -> str:
    """The block of text that follows a block of Python, which is what it prints."""
    return str(following.parsed) if following is not None and language(following) == "text" else ""


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


def run(*command: str, cwd: Path) -> str:
    """What a command prints on both streams; it must succeed."""
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(  # noqa: S603
        command,
        cwd=cwd,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def sessions(console: str) -> Iterator[tuple[str, str]]:
    """The commands of a console, each with the output that is shown after it."""
    for part in f"\n{console}".split("\n$ ")[1:]:
        command, _, output = part.partition("\n")
        yield command, output
