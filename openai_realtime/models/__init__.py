"""The API's objects as attrs classes, by concept. They are inert: no methods that talk, no reference to a client."""

from .audio import *  # noqa: F403  - each module's __all__ is its public part
from .base import *  # noqa: F403
from .beta import *  # noqa: F403
from .sessions import *  # noqa: F403
from .tools import *  # noqa: F403
from .translation import *  # noqa: F403
