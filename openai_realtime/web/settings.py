"""`BrokerSettings`: what a `Broker` gives to whom."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import attrs

from openai_realtime._codec.check import check
from openai_realtime.errors import ConfigurationError
from openai_realtime.models.sessions import RealtimeSessionConfig

from .choices import Allowed
from .messages import WebRequest
from .relay import Allow, from_a_user

__all__ = ["BrokerSettings"]

Authorize: TypeAlias = Callable[[WebRequest], str | Awaitable[str | None] | None]
Observers: TypeAlias = Callable[[str], Sequence[Any]]

_MIN_SALT: Final = 16
_EXPIRES_AFTER: Final = range(10, 7201)


def _no_observers(_: str) -> Sequence[Any]:
    return ()


@attrs.frozen(kw_only=True)
class BrokerSettings:
    """What a `Broker` gives to whom. Raises ConfigurationError, and InvalidRequestError for a session that is none.

    - session: the settings of every session. They are the server's: a browser cannot change them
    - authorize: a function, plain or async, that is given the `WebRequest` (``request.native`` is your framework's) and
      returns a name for the user, or None to refuse. The user's safety identifier is its salted hash
    - salt: at least 16 characters that only your service knows
    - allow: what a browser may choose, by path: ``{"audio.output.voice": ["marin", "cedar"]}``
    - relay_allow: the types of event that a relayed browser may send, or a function, plain or async, asked of each
    - observers: a function that is given the user's name and returns the session's observers: tools, conversation, ...
    - expires_after: seconds, 10 to 7200, in which a client secret opens sessions
    - rate: how many sessions and secrets a user may have a minute
    - max_seconds, idle_seconds: how long a session may last, and how long nobody may speak in it; None is no limit.
      They hold for relayed sessions and calls: a session that a client secret opens is not the server's
    - origins: pages of other origins that may use the broker, with the user's cookies: ``https://app.example.com``
    """

    session: RealtimeSessionConfig
    authorize: Authorize
    salt: str = attrs.field(repr=False)
    allow: Allowed = attrs.field(factory=dict)
    relay_allow: Allow = from_a_user
    observers: Observers = _no_observers
    expires_after: int = 60
    rate: int = 10
    max_seconds: float | None = 1800.0
    idle_seconds: float | None = 120.0
    origins: Collection[str] = ()

    def __attrs_post_init__(self) -> None:
        check(self.session, RealtimeSessionConfig)
        for problem in _problems(self):
            raise ConfigurationError(problem)


def _problems(settings: BrokerSettings) -> Iterator[str]:
    if len(settings.salt) < _MIN_SALT:
        yield f"salt: needs {_MIN_SALT} characters or more, the same in all your processes"
    if not callable(settings.authorize):
        yield "authorize: needs a function that is given the request"
    if not callable(settings.observers) or inspect.iscoroutinefunction(settings.observers):
        yield "observers: needs a plain function that is given the user's name"
    if settings.expires_after not in _EXPIRES_AFTER:
        yield "expires_after: needs 10 to 7200 seconds"
    if settings.rate < 1:
        yield "rate: needs at least one session a minute"
    # A part of a text is in the text, and so a text in place of a list would let in what it does not name.
    lists = {"origins": settings.origins, "relay_allow": settings.relay_allow}
    for name, value in {**lists, **{f"allow[{path!r}]": values for path, values in settings.allow.items()}}.items():
        if isinstance(value, str):
            yield f"{name}: needs a list, not a text"
    for origin in settings.origins:
        if "{0.scheme}://{0.netloc}".format(urlsplit(origin)) != origin:
            yield f"origins: needs https://host or https://host:port, not {origin!r}"
