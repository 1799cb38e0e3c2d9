"""Sessions in a file: recorded as they go, read again, compared, explained, and played back as a server."""

from .reading import Entry, feed, read
from .recorder import Recorder

__all__ = ["Entry", "Recorder", "feed", "read"]
