"""What a browser may choose of a session: the server's settings with the few values that the server lets it set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from openai_realtime._codec.converter import encode, structure_request
from openai_realtime._codec.text import load_object
from openai_realtime.errors import InvalidRequestError, Problem
from openai_realtime.models.sessions import RealtimeSessionConfig

__all__ = ["Allowed", "chosen"]

Allowed: TypeAlias = Mapping[str, Collection[Any] | None]
"""By path, such as ``audio.output.voice``: the values that may be chosen, or None for any that the API takes."""


def chosen(session: RealtimeSessionConfig, choices: Mapping[str, Any], allowed: Allowed) -> RealtimeSessionConfig:
    """Return `session` with the user's `choices`, by path.

    Raises InvalidRequestError that names every path and value that is not allowed.
    """
    problems = [problem for path, value in choices.items() for problem in _problems(path, value, allowed)]
    if problems:
        raise InvalidRequestError(problems)
    settings = load_object(encode(session))
    for path, value in choices.items():
        _set(settings, path.split("."), value)
    return structure_request(settings, RealtimeSessionConfig)


def _problems(path: str, value: Any, allowed: Allowed) -> Sequence[Problem]:
    if path not in allowed:
        return [Problem(path, "unknown_parameter", choices=tuple(allowed))]
    values = allowed[path]
    if values is None or value in values:
        return []
    return [Problem(path, "invalid_value", value, choices=tuple(map(str, values)))]


def _set(settings: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *parents, name = path
    for parent in parents:
        settings = settings.setdefault(parent, {})
    settings[name] = value
