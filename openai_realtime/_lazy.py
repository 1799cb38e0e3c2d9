"""How a package loads a public name when it is first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any


def load(package: str, name: str, module_of: Mapping[str, str]) -> Any:
    """Get the public `name` of `package` from its module, and keep it there.

    Raises AttributeError if `module_of`, the table from name to module, does not have it.
    """
    if name not in module_of:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{package}.{module_of[name]}"), name)
    setattr(sys.modules[package], name, value)
    return value
