"""`Conversation`: what was said, heard, called and spent in a session, reduced from its events."""

from .items import Caption, ItemState
from .reducer import Conversation
from .responses import ResponseSummary
from .usage import Prices, Usage

__all__ = ["Caption", "Conversation", "ItemState", "Prices", "ResponseSummary", "Usage"]
