"""Which way imports go: a module imports only what stands on a line before its own. Type checkers' imports aside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import openai_realtime

LAYERS = """
    _lazy
    __init__
    _redaction
    _problems
    errors
    _validators _extras _logging
    models.suggestions models.constraints models.pickling
    models.base
    _codec.annotations models.base64 models.http models.webhooks
    models.audio models.tools models.prompts models.events models.items
    models.sessions
    models.responses models.client_secrets models.calls
    models.translation
    models.client_events models.server_events
    models.translation_events
    models.beta
    models
    audio
    _codec.dialects _codec.json _codec.reader _codec.explain
    _codec.check
    _codec.converter
    _codec.raw
    _codec.audio_rates
    _codec
    conversation
    audio.playback
    _transport.retry
    _config
    _transport.redirects
    _transport.messages _transport.targets
    _transport.info
    _transport.pool
    _transport.http
    _transport.drain _transport.heartbeat
    _transport.websocket
    _transport
    _connection.append _connection.ids _connection.tasks _connection.observers _connection.unanswered
    _connection.requests _connection.kept_audio _connection.reconnect_policy
    _connection.expiry _connection.inbox _connection.tracker
    _connection.restore _connection.ask _connection.dispatcher
    _connection.reconnect
    _connection.link
    _connection.status
    _connection.base
    _connection.realtime _connection.translation _connection.connecting
    _connection
    _migration
    _client
    _sync.thread
    _sync.lease
    _sync.facade
    _sync.reader
    _sync.connection
    _sync.connecting
    _sync.client
    _sync
    tools recording telemetry leash
    recording.proxy
    web.messages web.webhooks web.ownership
    web.aiohttp_server web.asgi web.relay web.twilio web.page
    web.app web.redis_calls web.choices web.limits
    web.calls web.settings
    web.broker
    web
    emulator
    caller
    pytest_plugin cli
    __main__
"""
LEVELS = {name: level for level, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}
FOR_THE_EMULATOR = LEVELS["_codec"]  # never the client: it is an independent judge
DOORS = {
    "json": {"_codec.json"},
    "orjson": {"_codec.json"},
    "aiohttp": {
        "_transport.messages",
        "_transport.pool",
        "_transport.http",
        "_transport.heartbeat",
        "_transport.websocket",
        "web.aiohttp_server",
        "recording.proxy",
        "emulator",
    },
}
ROOT = Path(openai_realtime.__file__).parent
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(ROOT.rglob("*.py"))}


def unit(name: str) -> str:
    """The longest beginning of a dotted name that LAYERS has: ``cli`` of ``cli.output``."""
    while name and name not in LEVELS:
        name = name.rpartition(".")[0]
    return name


def imported(module: str) -> Iterator[str]:
    """The dotted names that a module imports, at its top or inside a function."""
    nodes: list[ast.AST] = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = ["openai_realtime", *module.split(".")][: -node.level] if node.level else []
            yield from (".".join([*here, node.module or "", alias.name]).replace("..", ".") for alias in node.names)
        nodes.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    here = unit(module.removesuffix(".__init__"))
    assert here, f"{module} has no place in LAYERS"
    own, foreign = set(), set()
    for name in imported(module):
        (own if name.startswith("openai_realtime.") else foreign).add(name.removeprefix("openai_realtime."))
    for name in own:
        there = unit(name) or "__init__"
        level = LEVELS[there]
        assert there == here or level < LEVELS[here], f"{module} imports {name}"
        assert here != "emulator" or there == here or level <= FOR_THE_EMULATOR, f"{module} imports {name}"
    assert all(here in DOORS.get(name.partition(".")[0], {here}) for name in foreign)
    # Webhooks are what the emulator sends by itself.
    served = here == "emulator" and module != "emulator.server.webhooks"
    assert not served or {name for name in foreign if name.startswith("aiohttp")} <= {"aiohttp.web"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_are_relative_inside_a_folder_and_absolute_across(module: str) -> None:
    folder = ".".join(["openai_realtime", *module.split(".")[:-1]])
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level < 2
            above, _, name = (node.module or "").rpartition(".")
            assert node.level or above != folder or (MODULES[module].parent / name).is_dir()


def test_the_walk_sees_imports_of_every_form() -> None:
    assert {
        "openai_realtime.models.base.Model",
        "openai_realtime._redaction.redact",
        "cattrs.preconf.orjson.make_converter",
    } <= {*imported("_codec.converter")}
    assert "openai_realtime._lazy.load" in {*imported("models.__init__")} & {*imported("__init__")}
    assert "openai_realtime.__version__" in {*imported("_config")}
    assert unit("emulator.server.app") == "emulator"
