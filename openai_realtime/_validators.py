"""Checks of the fields of attrs classes, as validators whose ConfigurationError names the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from .errors import ConfigurationError


def checked(holds: Callable[[Any], bool], wanted: str, *, of: str = "", shown: Callable[[Any], str] = repr) -> Any:
    """Make the validator of a field for which `holds` says whether a value is right.

    The error reads ``of.field: value is wanted``, with the value as `shown` writes it.
    """

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not holds(value):
            name = f"{of}.{attribute.name}" if of else attribute.name
            raise ConfigurationError(f"{name}: {shown(value)} is {wanted}")

    return check


def number(of: str, allowed: str, holds: Callable[[Any], bool]) -> Any:
    """Make the validator of a number, which is no bool."""
    return checked(lambda value: is_number(value) and holds(value), f"not {allowed}", of=of)


def is_number(value: object) -> bool:
    """Whether `value` is a number, which True is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def kind_of(value: object) -> str:
    """Show a value by its class: what it holds may be long, or secret."""
    return type(value).__name__
