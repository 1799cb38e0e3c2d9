"""The ids that a client gives to its events and items."""

from __future__ import annotations

import os
import random
from typing import Any, Final, TypeVar

import attrs

from openai_realtime.models.base import UNSET
from openai_realtime.models.client_events import ConversationItemCreate
from openai_realtime.models.events import ClientEvent

C = TypeVar("C", bound=ClientEvent)


_RANDOM: Final = random.Random()  # noqa: S311 - for ids; not the shared one, which programs seed to repeat themselves
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_RANDOM.seed)


def new_id(prefix: str) -> str:
    """Make an id of our own, for an event or an item; the server keeps it."""
    return f"{prefix}_{_RANDOM.getrandbits(64):x}"


def identified(event: C) -> C:
    """Return the event with an id, which an error that it causes will name, and one for the item that it creates."""
    given: Any = event.event_id
    if given in (UNSET, None):
        event = attrs.evolve(event, event_id=new_id("event"))
    item: Any = event.item if isinstance(event, ConversationItemCreate) else None
    if getattr(item, "id", "") in (UNSET, None):
        event = attrs.evolve(event, item=attrs.evolve(item, id=new_id("item")))  # type: ignore[call-arg]
    return event
