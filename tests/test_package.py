"""The package's front door: what it names, and that opening it costs next to nothing."""

import importlib
import subprocess
import sys

import pytest

import openai_realtime

HEAVY = {"aiohttp", "anyio", "attr", "attrs", "cattrs", "click", "orjson", "rich"}


def fresh(code: str) -> str:
    """What a fresh interpreter prints for `code`."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout  # noqa: S603


def test_all_names_what_the_modules_make_public() -> None:
    homes = [importlib.import_module(f"openai_realtime.{name}") for name in openai_realtime._MODULES]
    assert {*openai_realtime.__all__} == {name for home in homes for name in openai_realtime._public(home)}
    assert len(openai_realtime.__all__) == len({*openai_realtime.__all__})
    assert {*openai_realtime.__all__} <= {*dir(openai_realtime)}


def test_a_star_import_brings_all_of_it() -> None:
    code = "from openai_realtime import *\nimport openai_realtime as o\nprint({*o.__all__} - {*globals()})"
    assert fresh(code) == "set()\n"


@pytest.mark.parametrize("code", ["", "dir(openai_realtime)", "hasattr(openai_realtime, 'RealtimeCleint')"])
def test_the_import_loads_no_library(code: str) -> None:
    loaded = fresh(f"import openai_realtime\n{code}\nimport sys\nprint(*sys.modules)").split()
    assert not HEAVY & {*loaded}


@pytest.mark.parametrize(
    ("name", "unwanted"),
    [
        ("ResponseDone", {"aiohttp", "anyio"}),
        ("decode_server_event", {"aiohttp", "anyio", "openai_realtime.models.server_events"}),
        ("AsyncRealtimeClient", {"openai_realtime.models.server_events", "openai_realtime.emulator", "click", "rich"}),
        ("RealtimeClient", {"openai_realtime.models.server_events", "openai_realtime.emulator", "click", "rich"}),
    ],
)
def test_a_name_loads_only_what_it_needs(name: str, unwanted: set[str]) -> None:
    loaded = fresh(f"from openai_realtime import {name}\nimport sys\nprint(*sys.modules)").split()
    assert not unwanted & {*loaded}
