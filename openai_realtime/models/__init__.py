"""The API's objects as attrs classes, by concept. They are inert: no methods that talk, no reference to a client.

What only sessions need, the events and what they hold, is loaded when it is first used: 120 classes cost a REST user
nothing.
"""

import importlib
import typing

from .audio import *  # noqa: F403  - each module's __all__ is its public part
from .base import *  # noqa: F403
from .beta import *  # noqa: F403
from .sessions import *  # noqa: F403
from .tools import *  # noqa: F403
from .translation import *  # noqa: F403

_EVENT_MODULES = (
    "items",
    "responses",
    "events",
    "client_events",
    "server_events",
    "translation_events",
    "beta_events",
)

if typing.TYPE_CHECKING:
    from .beta_events import *  # noqa: F403
    from .client_events import *  # noqa: F403
    from .events import *  # noqa: F403
    from .items import *  # noqa: F403
    from .responses import *  # noqa: F403
    from .server_events import *  # noqa: F403
    from .translation_events import *  # noqa: F403
else:

    def __getattr__(name: str) -> typing.Any:
        for module in _EVENT_MODULES if not name.startswith("_") else ():
            home = importlib.import_module(f".{module}", __name__)
            if name in home.__all__:
                return getattr(home, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
