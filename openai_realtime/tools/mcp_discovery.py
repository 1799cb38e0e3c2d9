"""Which MCP servers of a session were asked for their tools to the end."""

from __future__ import annotations

from collections.abc import Sequence

from openai_realtime.models.events import ServerEvent
from openai_realtime.models.items import McpListedTool, McpListTools
from openai_realtime.models.server_events import ConversationItemDone, McpListToolsCompleted


class McpDiscovery:
    """Follows the listing of tools: it is complete when the list and the word that it is complete are both there."""

    def __init__(self) -> None:
        self.listed: dict[str, Sequence[McpListedTool]] = {}
        """The tools of each server by its label."""
        self._lists: dict[str, McpListTools] = {}
        self._completed: set[str] = set()

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server; the two may come in any order."""
        if isinstance(event, McpListToolsCompleted):
            self._completed.add(str(event.item_id))
        elif isinstance(event, ConversationItemDone) and isinstance(event.item, McpListTools):
            self._lists[str(event.item.id)] = event.item
        for item_id in self._completed & self._lists.keys():
            found = self._lists.pop(item_id)
            self.listed[found.server_label] = found.tools
