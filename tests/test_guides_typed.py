"""The examples of README.rst and of the guides pass both type checkers as they stand there, without ignores."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.guides import GUIDES, ROOT, blocks

SECONDS = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for each example, named by where it stands."""
    folder = tmp_path_factory.mktemp("examples")
    for param in blocks([ROOT / "README.rst", *GUIDES], "python"):
        name = "".join(char if char.isalnum() else "_" for char in str(param.id))
        (folder / f"{name}.py").write_text(str(param.values[0].parsed))
    return folder


def test_mypy_takes_every_example(folder: Path) -> None:
    files = sorted(map(str, folder.glob("*.py")))
    options = [
        "--scripts-are-modules",
        "--config-file",
        "",
        "--disable-error-code=import-untyped",
    ]  # Django has no types
    command = [sys.executable, "-m", "mypy", *options, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_takes_every_example(folder: Path) -> None:
    settings = {"include": [str(folder)], "extraPaths": [str(ROOT)], "typeCheckingMode": "basic"}
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--project", str(project), "--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
