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
        """Ask for the next thing, if nothing is in its way when all that came at once has been followed."""
        if self._connection is not None and self._task is None and self._is_ready:
            self._task = asyncio.ensure_future(self._ask())

    @property
    def _is_ready(self) -> bool:
        has_item = bool(self._items) and not self.pending.is_waiting
        return self.activity.is_idle and (self.pending.is_due or self._has_filler or has_item)

    @property
    def _has_filler(self) -> bool:
        return bool(self.fillers and self._say_while_waiting)

    def _next(self) -> tuple[Item | None, ResponseConfig]:
        if self.pending.is_due:
            self.pending.asked()
            # Forced to call a function in each response, it would never come to speak.
            return None, ResponseConfig(tool_choice="auto") if self._is_forced else ResponseConfig()
        if self._has_filler:
            self.fillers.clear()
            self._is_filling = True
            said = f"{_EXACTLY}{self._say_while_waiting}"
            return None, ResponseConfig(instructions=said, input=[], tool_choice="none")
        return self._items.popleft()

    async def _ask(self) -> None:
        try:
            if self._connection is not None and self._is_ready:
                item, config = self._next()
                if item is not None:
                    await self.send(ConversationItemCreate(item=item))
                await self._connection.create_response(config)
        except RealtimeError as error:
            self.activity.give_up()
            if not isinstance(error, ConnectionClosedError):  # which nobody overlooks
                _LOG.warning("the model was not asked to speak: %s", error)
        finally:
            self._task, self._is_filling = None, False
        self.advance()
