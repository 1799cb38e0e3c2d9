"""`ReconnectPolicy`, and the events and values that tell how a lost connection was replaced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, TypeAlias

from attrs import field, frozen
from attrs.validators import optional

from openai_realtime._transport.retry import RetryPolicy
from openai_realtime._validators import checked, kind_of, number
from openai_realtime.errors import ConnectionClosedError
from openai_realtime.models.base import Model
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.items import Item

__all__ = ["Lost", "ReconnectPolicy", "Reconnected", "RestorePlan", "SessionExpiring"]


@frozen(kw_only=True, repr=False)
class Lost(Model):
    """Something that a reconnect could not bring back: of which kind, its id if it has one, and why."""

    what: Literal["response", "item", "transcript", "audio", "event"]
    id: str | None
    reason: str


@frozen(kw_only=True, repr=False)
class Reconnected(ServerEvent):
    """A local event, in the place where the session changed: everything before it is of the lost one.

    `code` and `reason` say how that ended. `restored` has the ids of the items that the new session begins with,
    `resent` the ids of the events that the old one had not answered, and `resent_audio_ms` is how much input audio in
    no turn yet goes again.
    """

    type: Literal["openai_realtime.reconnected"] = "openai_realtime.reconnected"
    code: int
    reason: str
    restored: Sequence[str]
    resent: Sequence[str]
    resent_audio_ms: int = 0
    lost: Sequence[Lost]


@frozen(kw_only=True, repr=False)
class SessionExpiring(ServerEvent):
    """A local event, a minute before the end of a session that is not replaced: `expires_at` is UNIX seconds."""

    type: Literal["openai_realtime.session_expiring"] = "openai_realtime.session_expiring"
    expires_at: float


@frozen(kw_only=True)
class RestorePlan:
    """What a new session is to begin with: `session` (a settings event, or None), then `items`, then `events`.

    `events` are those that the lost session had not answered, audio that was in no item yet among them, in their order.
    `lost` is what cannot be restored, and `cause` how the session ended.
    """

    cause: ConnectionClosedError
    session: ClientEvent | None
    items: tuple[Item, ...]
    events: tuple[ClientEvent, ...]
    lost: tuple[Lost, ...]


Hook: TypeAlias = Callable[[RestorePlan], RestorePlan | Awaitable[RestorePlan | None] | None]


_retry: Any = checked(
    lambda value: isinstance(value, RetryPolicy),
    "not a RetryPolicy, such as RetryPolicy(max_retries=8)",
    of="reconnect",
)
_from_zero: Any = number("reconnect", "a number from 0", lambda value: value >= 0)
_hook: Any = checked(lambda value: value is None or callable(value), "not a function", of="reconnect", shown=kind_of)


@frozen(kw_only=True)
class ReconnectPolicy:
    """How a lost connection is replaced: how often and how fast it is tried, and what may change the plan.

    - retry: after how long a failed attempt is repeated, and how often. It counts anew after progress: a response that
      was done, or `stable_after` seconds of life.
    - max_reconnects: how often a session's connection is replaced at most, all its life; renewals do not count.
    - renew_before: seconds before the session's end (``expires_at``) to replace it, as soon as nothing is under way;
      None waits for the end. The old connection is closed when the new one is ready.
    - on_reconnect: a function, plain or async, that is asked once for each loss. It gives the plan back, as it is or
      changed, or None to let the connection end. It runs in the event loop: a plain one must not block. It cannot use
      the connection, which waits for it.
    """

    retry: RetryPolicy = field(factory=lambda: RetryPolicy(max_retries=8), validator=_retry)
    stable_after: float = field(default=60.0, validator=_from_zero)
    max_reconnects: int = field(default=100, validator=_from_zero)
    renew_before: float | None = field(default=None, validator=optional(_from_zero))
    on_reconnect: Hook | None = field(default=None, validator=_hook)


def until_renewal(expires_at: float | None, before: float | None, now: float) -> float | None:
    """Return the seconds until a session that ends at `expires_at` is to be renewed, `before` that; None if it is not.

    Times are UNIX seconds. Never before half of the time is over, so that a large `before` cannot loop, and not at all
    for an end in the past, which tells only that the two clocks differ.
    """
    if expires_at is None or before is None or not expires_at > now:  # nor for NaN
        return None
    left = expires_at - now
    return max(left - before, left / 2)
