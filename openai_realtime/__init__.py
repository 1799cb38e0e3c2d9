"""A small, typed SDK for the OpenAI Realtime API: `AsyncRealtimeClient`, and `RealtimeClient` for blocking code.

Everything public is here, loaded on first use, so that importing the package costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import *  # noqa: F403  - each module's __all__ is its public part
    from .config import *  # noqa: F403
    from .converter import *  # noqa: F403
    from .errors import *  # noqa: F403
    from .migration import *  # noqa: F403
    from .models import *  # noqa: F403
    from .sync import *  # noqa: F403

__version__ = "0.1.0"

_MODULES = (
    "errors",
    "models",
    "config",
    "converter",
    "migration",
    "client",
    "sync",
    # The events come last: whoever makes REST calls never loads their 120 classes.
    "models.items",
    "models.responses",
    "models.events",
    "models.client_events",
    "models.server_events",
    "models.translation_events",
    "models.beta_events",
)


if not TYPE_CHECKING:  # or type checkers would take any misspelt name for Any

    def __getattr__(name: str) -> Any:
        for module in _MODULES if not name.startswith("_") else ():
            home = importlib.import_module(f".{module}", __name__)
            if name in _public(home):
                value = globals()[name] = getattr(home, name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        homes = (importlib.import_module(f".{module}", __name__) for module in _MODULES)
        return sorted({*globals(), *(name for home in homes for name in _public(home))})


def _public(module: Any) -> Any:
    return getattr(module, "__all__", None) or [name for name in vars(module) if name[0].isupper()]
