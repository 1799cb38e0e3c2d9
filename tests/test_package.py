"""The package's front door: what it names, and that opening it costs next to nothing."""

import importlib
from pathlib import Path

import pytest
from support.processes import fresh

import openai_realtime
from openai_realtime import models

HEAVY = {"aiohttp", "anyio", "attr", "attrs", "cattrs", "click", "orjson", "rich"}


TABLES = {module.__name__: vars(module)["_MODULE_OF"] for module in (openai_realtime, models)}


def test_all_names_what_the_table_has() -> None:
    assert {*openai_realtime.__all__} == {*TABLES["openai_realtime"]}
    assert len(openai_realtime.__all__) == len({*openai_realtime.__all__})
    assert {*openai_realtime.__all__} <= {*dir(openai_realtime)}
    assert {*TABLES["openai_realtime.models"]} <= {*dir(models)}


@pytest.mark.parametrize(
    ("package", "name", "module"),
    [(package, name, module) for package, table in TABLES.items() for name, module in table.items()],
)
def test_the_table_names_the_module_that_makes_the_name_public(package: str, name: str, module: str) -> None:
    home = importlib.import_module(f"{package}.{module}")
    assert name in home.__all__
    assert getattr(importlib.import_module(package), name) is getattr(home, name)


def test_all_models_are_in_models() -> None:
    modules = {path.stem for path in Path(models.__file__).parent.glob("*.py")} - {
        "__init__",
        "beta",
        "base64",
        "suggestions",
        "pickling",
    }
    public = {
        name for module in modules for name in importlib.import_module(f"openai_realtime.models.{module}").__all__
    }
    assert public == {*TABLES["openai_realtime.models"]}


@pytest.mark.parametrize(("package", "least"), [("openai_realtime", 100), ("openai_realtime.models", 140)])
def test_a_star_import_brings_all_of_it(package: str, least: int) -> None:
    code = f"from {package} import *\nimport {package} as o\nprint({{*o.__all__}} - {{*globals()}}, len(o.__all__))"
    missing, count = fresh(code).split(") ")
    assert missing == "set("
    assert int(count) > least


# --- what is loaded when: each class costs as much as a small module -------------------------------------------------

BASE = {"base", "suggestions", "pickling", "constraints"}
SESSIONS = {*BASE, "http", "audio", "tools", "prompts", "sessions"}
SERVER = {*SESSIONS, "client_secrets", "base64", "translation", "items", "responses", "events", "server_events"}


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter has after `code`."""
    return {*fresh(f"{code}\nimport sys\nprint(*sys.modules)").split()}


def of_models(names: set[str]) -> set[str]:
    """The modules of openai_realtime.models among `names`, without the package's name and the readers of hints."""
    prefix = "openai_realtime.models."
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}


CLIENT = SERVER - {"translation", "server_events", "client_secrets", "http"} | {"client_events"}


@pytest.mark.parametrize("code", ["", "dir(openai_realtime)", "hasattr(openai_realtime, 'RealtimeCleint')"])
def test_the_import_loads_no_library(code: str) -> None:
    assert not HEAVY & loaded(f"import openai_realtime\n{code}")


@pytest.mark.parametrize("name", ["AsyncRealtimeClient", "RealtimeClient"])
def test_a_client_loads_no_sessions_no_events_and_no_connection(name: str) -> None:
    found = loaded(f"from openai_realtime import {name}")
    assert of_models(found) == {*BASE, "http"}
    unwanted = {"_connection", "_transport.websocket", "_codec.explain", "emulator", "cli", "_migration", "audio"}
    assert not {f"openai_realtime.{module}" for module in unwanted} & found
    assert not {"click", "rich", "opentelemetry", "soxr", "pybase64", "difflib"} & found


@pytest.mark.parametrize(
    ("call", "more"), [("create_realtime_client_secret()", set()), ("create_realtime_call('v=0')", {"calls"})]
)
def test_a_call_loads_next_to_nothing_after_what_its_client_has_loaded(call: str, more: set[str]) -> None:
    code = f"""
import asyncio, sys
from openai_realtime import APIConnectionError, AsyncRealtimeClient, RetryPolicy
async def main():
    options = {{"api_key": "k", "base_url": "http://127.0.0.1:9", "retry": RetryPolicy(max_retries=0)}}
    async with AsyncRealtimeClient(**options) as client:
        before = {{*sys.modules}}
        try:
            await client.{call}
        except APIConnectionError:
            pass
        print(*sys.modules.keys() - before)
asyncio.run(main())
"""
    assert of_models({*fresh(code).split()}) == more


def test_a_session_loads_next_to_nothing_in_the_event_loop_after_the_import_of_its_class() -> None:
    code = """
import asyncio, sys
from openai_realtime import APIConnectionError, AsyncRealtimeClient, AsyncRealtimeConnection, RetryPolicy
async def main():
    before = {*sys.modules}
    options = {"api_key": "k", "base_url": "http://127.0.0.1:9", "retry": RetryPolicy(max_retries=0)}
    async with AsyncRealtimeClient(**options) as client:
        try:
            await client.connect(model="gpt-realtime-2.1")
        except APIConnectionError:
            pass
    print(*(name for name in sys.modules.keys() - before if name.startswith("openai_realtime")))
asyncio.run(main())
"""
    assert {*fresh(code).split()} == {"openai_realtime._connection.connecting", "openai_realtime._codec.dialects"}


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("decode_server_event(event)", SERVER),
        (
            "decode_client_event(event)",
            SERVER - {"translation", "server_events", "client_secrets", "http"} | {"client_events"},
        ),
        ("decode(event, openai_realtime.VoiceId)", {*BASE, "audio"}),
    ],
)
def test_reading_loads_the_classes_of_its_direction(call: str, wanted: set[str]) -> None:
    found = loaded(f'import openai_realtime\nevent = \'{{"type": "new"}}\'\nopenai_realtime.{call}')
    assert of_models(found) == wanted
    assert not {"aiohttp", "anyio"} & found


def test_a_model_loads_only_what_comes_before_it() -> None:
    found = loaded("from openai_realtime import ResponseDone")
    assert of_models(found) == SERVER
    assert not {"aiohttp", "anyio", "cattrs", "orjson"} & found
    assert of_models(loaded("from openai_realtime.models import ServerVad")) == {
        "base",
        "suggestions",
        "pickling",
        "constraints",
        "audio",
    }
    assert of_models(loaded("import openai_realtime.models\nhasattr(openai_realtime.models, 'sessions')")) == set()
