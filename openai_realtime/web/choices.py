"""What a browser may choose of a session: the server's settings with the few values that the server lets it set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from openai_realtime._codec.converter import encode, structure_request
from openai_realtime._codec.json import load, load_object
from openai_realtime._problems import Summary
from openai_realtime.errors import DecodeError, InvalidRequestError, Problem
from openai_realtime.models.sessions import RealtimeSessionConfig

__all__ = ["Allowed", "chosen", "in_query"]

Allowed: TypeAlias = Mapping[str, Collection[Any] | None]
"""By path, such as ``audio.output.voice``: the values that may be chosen, or None for any that the API takes."""


def chosen(session: RealtimeSessionConfig, choices: Mapping[str, Any], allowed: Allowed) -> RealtimeSessionConfig:
    """Return `session` with the user's `choices`, by path.

    Raises InvalidRequestError that names every path and value that is not allowed.
    """
    problems = [problem for path, value in choices.items() for problem in _problems(path, value, allowed)]
    if problems:
        raise InvalidRequestError(problems)
    if not choices:
        return session
    settings = load_object(encode(session))
    for path, value in choices.items():
        _set(settings, path.split("."), value)
    return structure_request(settings, RealtimeSessionConfig)


def in_query(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the choices in a query: what is JSON, such as ``1.5``, is that; all else is text.

    ``model`` stands in a query because every client of the API sends one, and is the server's.
    """
    return {path: _value(text) for path, text in query.items() if path != "model"}


def _value(text: str) -> Any:
    try:
        return load(text)
    except DecodeError:
        return text


def _problems(path: str, value: Any, allowed: Allowed) -> Sequence[Problem]:
    if path not in allowed:
        open_to = ", ".join(allowed) or "nothing"
        wanted = f"for the browser to choose; what it may choose: {open_to}"
        return [Problem(path, "invalid_value", Summary("string", "this"), wanted)]
    values = allowed[path]
    if values is None or any(value == each for each in values):  # a set would want a hash of whatever came
        return []
    return [Problem(path, "invalid_value", value, choices=tuple(map(str, values)))]


def _set(settings: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *parents, name = path
    for parent in parents:
        if not isinstance(settings.get(parent), dict):  # null, or not there
            settings[parent] = {}
        settings = settings[parent]
    settings[name] = value
