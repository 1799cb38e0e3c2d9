"""Which module has which public name, and how a package loads a name when it is first used (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, Final

MODELS: Final = (
    "models.base",
    "models.audio",
    "models.tools",
    "models.sessions",
    "models.translation",
    "models.items",
    "models.responses",
    "models.events",
    "models.server_events",
    "models.client_events",
    "models.beta",
    "models.translation_events",
    "models.beta_events",
)
"""The modules of `openai_realtime.models` that have public names, those first that the later ones need."""

MODULES: Final = (
    "errors",
    "config",
    *MODELS,
    "reconnect",
    "connection",
    "translation_connection",
    "sync_connection",
    "converter",
    "migration",
    "client",
    "sync",
)
"""All modules with public names. What is cheap or often wanted comes first: a name is looked for in this order."""

_CLIENTS: Final = {"AsyncRealtimeClient": ("client",), "RealtimeClient": ("sync",)}
_FUNCTIONS: Final = ("converter", "migration")


def homes(name: str) -> tuple[str, ...]:
    """The modules that may have the public `name`. The clients' are known: no REST call needs the classes of events."""
    return _CLIENTS.get(name) or (_FUNCTIONS if name.islower() else MODULES)


def load(package: str, name: str, modules: Iterable[str]) -> Any:
    """The public `name` of the first of `modules` that has it; those behind it are not loaded.

    Raises AttributeError, as of the module `package`, if none has it.
    """
    for home in map(_module, modules):
        if name in home.__all__:
            return getattr(home, name)
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


def names(modules: Iterable[str]) -> list[str]:
    """The public names of `modules`, which are all loaded."""
    return sorted({name for home in map(_module, modules) for name in home.__all__})


def _module(name: str) -> Any:
    return importlib.import_module(f"{__package__}.{name}")
