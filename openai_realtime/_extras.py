"""Packages that come with an extra: loaded when they are used, by name, because they are slow to load."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import ConfigurationError


def load_extra(*modules: str, need: str, extra: str) -> list[Any]:
    """Import `modules`. Raise ConfigurationError if one is missing: `need`, and how to install `extra`."""
    try:
        return [importlib.import_module(module) for module in modules]
    except ImportError:
        raise ConfigurationError(f"{need}: pip install 'openai-realtime[{extra}]'") from None
