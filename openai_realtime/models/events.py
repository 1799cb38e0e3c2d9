"""What events are made of: the two directions, the unknown event, and the ids that many of them share."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from attrs import frozen

from .base import ABSENT, Assigned, Model
from .constraints import Length

__all__ = ["ClientEvent", "ContentEvent", "Dialect", "Event", "ItemEvent", "OutputEvent", "ServerEvent", "UnknownEvent"]

Dialect: TypeAlias = Literal["realtime", "translation", "beta"]
"""Which events a connection speaks: today's API, translation sessions, or what the API spoke until 2026-05-12."""


@frozen(kw_only=True, repr=False, eq=False)
class Event(Model):
    """A message of a session, in either direction.

    Its class is named like its `type`: ``response.done`` is `ResponseDone`. Where another dialect gives the same type
    another shape, the class there has the dialect's name in front: `BetaResponseDone`.
    """

    type: str
    event_id: Assigned[Annotated[str, Length(1, 512)]] = ABSENT


@frozen(kw_only=True, repr=False, eq=False)
class ServerEvent(Event):
    """An event from the server."""


@frozen(kw_only=True, repr=False, eq=False)
class ClientEvent(Event):
    """An event from the client. An error that it causes names its `event_id`."""


@frozen(kw_only=True, repr=False, eq=False)
class UnknownEvent(ServerEvent, ClientEvent):
    """An event whose `type` the dialect does not have; all its data is in `raw`.

    One of your own, ``UnknownEvent(type="new.event", raw={...})``, is sent as it is: for what the API has and this
    package not yet.
    """

    any_fields: ClassVar = True


@frozen(kw_only=True, repr=False, eq=False)
class ItemEvent(ServerEvent):
    """The base of events about one item."""

    item_id: str


@frozen(kw_only=True, repr=False, eq=False)
class OutputEvent(ItemEvent):
    """The base of events about an item that a response makes; `output_index` is its place in the response."""

    response_id: str
    output_index: int


@frozen(kw_only=True, repr=False, eq=False)
class ContentEvent(OutputEvent):
    """The base of events about one content part of an item that a response makes."""

    content_index: int
