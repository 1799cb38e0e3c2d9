"""Which way imports go: a module imports only what stands before it in LAYERS. Type checkers' imports aside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import openai_realtime

LAYERS = """
    lazy __init__ errors codegen models.base models.hints models.binary pcm
    models.audio models.tools models.events models.items models.sessions models.responses models.translation models.beta
    models.client_events models.server_events models.translation_events models.beta_events models models.dialects
    validation converter config
    retry conversation toolbox webhooks migration
    reconnect
    transport
    inbox websocket recovery connection translation_connection
    client
    facade sync_connection sync web
    emulator pytest_plugin cli __main__
"""
ORDER = LAYERS.split()
FOR_THE_EMULATOR = ORDER[: ORDER.index("converter") + 1]  # never the client: it is an independent judge
DOORS = {"json": {"converter"}, "orjson": {"converter"}, "aiohttp": {"transport", "websocket", "emulator", "web"}}
ROOT = Path(openai_realtime.__file__).parent
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(ROOT.rglob("*.py"))}


def unit(name: str) -> str:
    """The longest beginning of a dotted name that ORDER has: ``cli`` of ``cli.output``."""
    while name and name not in ORDER:
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
    allowed = FOR_THE_EMULATOR if here == "emulator" else ORDER[: ORDER.index(here)]
    assert {unit(name) or "__init__" for name in own} - {here} <= set(allowed)
    assert all(here in DOORS.get(name.partition(".")[0], {here}) for name in foreign)
    assert here != "emulator" or {name for name in foreign if name.startswith("aiohttp")} <= {"aiohttp.web"}


def test_the_walk_sees_imports_of_every_form() -> None:
    assert {"openai_realtime.models.base.Model", "openai_realtime.errors.redact", "orjson"} <= {*imported("converter")}
    assert "openai_realtime.lazy" in {*imported("models.__init__")} & {*imported("__init__")}
    assert "openai_realtime.__version__" in {*imported("config")}
    assert unit("emulator.server.Emulator") == "emulator"
