"""`Conversation`: what was said, heard, called and spent in a session, reduced from its events."""

from .items import ItemState
from .reducer import Caption, Conversation
from .responses import ResponseSummary
from .usage import Prices, Usage

__all__ = ["Caption", "Conversation", "ItemState", "Prices", "ResponseSummary", "Usage"]
