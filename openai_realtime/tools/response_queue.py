"""`ResponseQueue`: asks the model to speak, one thing after the other, when nothing is under way."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Protocol

from openai_realtime._codec.raw import object_in, received_json
from openai_realtime.conversation.activity import Activity
from openai_realtime.errors import ConnectionClosedError, RealtimeError
from openai_realtime.models.client_events import ConversationItemCreate
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.items import Item
from openai_realtime.models.responses import ResponseConfig

from .pending_responses import PendingResponses

_LOG = logging.getLogger("openai_realtime.tools")
_SESSION = ("session.created", "session.updated")
_FREE = ("auto", "none", None)
_EXACTLY = "Say exactly this, and nothing else: "


class ActingConnection(Protocol):
    """What tools act on: an open asyncio connection."""

    async def send(self, event: ClientEvent) -> None:
        """Send an event."""

    async def create_response(self, response: ResponseConfig | None = None) -> object:
        """Make the model answer."""


class ResponseQueue:
    """Decides what the model is asked next: to speak about outputs, to fill a silence, or what the program has put.

    `pending` says which outputs it has not spoken about, `fillers` which calls wait for approval without a word.
    """

    def __init__(self, say_while_waiting: str | None) -> None:
        self.pending = PendingResponses()
        self.fillers: set[str] = set()
        self.activity = Activity()
        self._say_while_waiting = say_while_waiting
        self._items: deque[tuple[Item, ResponseConfig]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_filling = False
        self._is_forced = False  # to call a function in each response, by the session's settings
        self._connection: ActingConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def opened(self, connection: ActingConnection) -> None:
        """Act on a connection from now on, in the event loop that runs."""
        self._connection, self._loop = connection, asyncio.get_running_loop()
        self.advance()

    def put(self, item: Item, config: ResponseConfig) -> None:
        """Queue an item that the model is to answer; from any thread."""
        self._items.append((item, config))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.advance)

    def received(self, event: ServerEvent) -> None:
        """Follow a response from its beginning to its end, and what the session has the model do in each."""
        if event.type in _SESSION:
            self._is_forced = object_in(received_json(event), "session").get("tool_choice") not in _FREE
        begun = len(self.activity.responses)
        self.activity.received(event)
        if len(self.activity.responses) > begun and not self._is_filling:  # a filler is made without the outputs
            self.pending.spoken()

    async def send(self, event: ClientEvent) -> None:
        """Send an event on the connection."""
        if self._connection is not None:
            await self._connection.send(event)

    def advance(self) -> None:
        """Ask for the next thing, if nothing is in its way."""
        if self._connection is None or self._task is not None or not self.activity.is_idle:
            return
        if self.pending.is_due:
            self.pending.asked()
            # Forced to call a function in each response, it would never come to speak.
            self._ask(None, ResponseConfig(tool_choice="auto") if self._is_forced else ResponseConfig())
        elif self.fillers and self._say_while_waiting:
            self.fillers.clear()
            self._is_filling = True
            said = _EXACTLY + self._say_while_waiting
            self._ask(None, ResponseConfig(instructions=said, input=[], tool_choice="none"))
        elif self._items and not self.pending.is_waiting:
            self._ask(*self._items.popleft())

    def _ask(self, item: Item | None, config: ResponseConfig) -> None:
        self._task = asyncio.ensure_future(self._asked(item, config))

    async def _asked(self, item: Item | None, config: ResponseConfig) -> None:
        try:
            if item is not None:
                await self.send(ConversationItemCreate(item=item))
            if self._connection is not None:
                await self._connection.create_response(config)
        except RealtimeError as error:
            self.activity.give_up()
            if not isinstance(error, ConnectionClosedError):  # which nobody overlooks
                _LOG.warning("the model was not asked to speak: %s", error)
        finally:
            self._task, self._is_filling = None, False
        self.advance()
