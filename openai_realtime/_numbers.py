"""Checks of the numbers in settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .errors import ConfigurationError


def number(setting: str, allowed: str, holds: Callable[[Any], bool]) -> Any:
    """Make a validator of numbers whose ConfigurationError names the setting."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool) or not holds(value):
            raise ConfigurationError(f"{setting}.{attribute.name}: {value!r} is not {allowed}")

    return check
