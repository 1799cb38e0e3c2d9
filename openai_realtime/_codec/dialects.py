"""Which wire type is which class: a table for each dialect and direction, made at first use."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Final, TypeVar

import attrs

from openai_realtime.errors import ConfigurationError
from openai_realtime.models.events import ClientEvent, Dialect, Event, ServerEvent

E = TypeVar("E", bound=Event)

# Later modules win: the beta is today's events, but for those it has in another shape.
_MODULES: Final[Mapping[Dialect, Mapping[type[Event], tuple[str, ...]]]] = {
    "realtime": {ClientEvent: ("client_events",), ServerEvent: ("server_events",)},
    "translation": {ClientEvent: ("translation_events",), ServerEvent: ("translation_events",)},
    "beta": {ClientEvent: ("client_events", "beta"), ServerEvent: ("server_events", "beta")},
}


@functools.cache
def event_classes(base: type[E], dialect: Dialect) -> Mapping[str, type[E]]:
    """List the classes of a dialect's client or server events, by wire type; `base` is ClientEvent or ServerEvent."""
    if dialect not in _MODULES:
        raise ConfigurationError(f"dialect: {dialect!r} is not one of {', '.join(map(repr, _MODULES))}")
    modules = (importlib.import_module(f"openai_realtime.models.{name}") for name in _MODULES[dialect][base])
    return {attrs.fields(cls).type.default: cls for module in modules for cls in _events(module, base)}


def _events(module: ModuleType, base: type[E]) -> Iterator[type[E]]:
    values = (getattr(module, name) for name in module.__all__)
    return (value for value in values if isinstance(value, type) and issubclass(value, base))
