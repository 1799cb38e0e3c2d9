"""The API's objects as attrs classes, by concept. They are inert: no methods that talk, no reference to a client.

A name is loaded when it is first used: defining all 190 classes takes half as long as importing aiohttp.
"""

from typing import TYPE_CHECKING, Any

from openai_realtime import lazy

if TYPE_CHECKING:
    from .audio import *  # noqa: F403  - each module's __all__ is its public part
    from .base import *  # noqa: F403
    from .beta import *  # noqa: F403
    from .beta_events import *  # noqa: F403
    from .client_events import *  # noqa: F403
    from .events import *  # noqa: F403
    from .items import *  # noqa: F403
    from .responses import *  # noqa: F403
    from .server_events import *  # noqa: F403
    from .sessions import *  # noqa: F403
    from .tools import *  # noqa: F403
    from .translation import *  # noqa: F403
    from .translation_events import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        if name == "__all__":  # for a star import, which brings everything
            return lazy.names(lazy.MODELS)
        value = globals()[name] = lazy.load(__name__, name, lazy.MODELS if name[0].isupper() else ())
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *lazy.names(lazy.MODELS)})
