"""What a WebSocket connects to: path, query and dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from attrs import field, frozen

from openai_realtime._config import check_headers
from openai_realtime._problems import Problem, Summary
from openai_realtime._redaction import Secret
from openai_realtime.errors import InvalidRequestError

_SURROGATE = re.compile("[\ud800-\udfff]")
_ONE = (
    "exactly one of model, call_id and intent (the model in the session's settings does not count; what a gateway "
    "wants beside it goes into query)"
)
_UNSHOWN = Summary("string", "its value")  # which may be a gateway's key
_TEXT = "a string of length 1 or more"


@frozen(kw_only=True)
class ConnectTarget:
    """What a WebSocket connects to: path and query, the dialect that is spoken there, and headers of the upgrade."""

    path: str = field(repr=lambda path: repr(path.partition("?")[0]))  # what a gateway wants in a query may be a key
    dialect: Literal["realtime", "translation", "beta"] = "realtime"
    on_call: bool = False
    """Whether it is the sideband of a call: the server says nothing at first, and keeps the session when it is lost."""
    headers: Mapping[str, Secret] = field(factory=dict)


def realtime_target(  # noqa: PLR0913 - what connect takes
    model: str | None,
    call_id: str | None,
    intent: str | None,
    *,
    dialect: Any = "realtime",
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ConnectTarget:
    """Make the target that one of the first three names. Raises InvalidRequestError for none, several, bad ones."""
    named = {"model": model, "call_id": call_id, "intent": intent}
    given = {name: value for name, value in named.items() if value is not None}
    if len(given) != 1:
        kind = "invalid_value" if given else "missing_required_parameter"
        raise InvalidRequestError([Problem("connect", kind, Summary("object", " and ".join(given)), _ONE)])
    ((name, value),) = given.items()
    if not isinstance(value, str) or not value or (name == "intent" and value != "transcription"):
        allowed = "'transcription'" if name == "intent" else _TEXT
        raise InvalidRequestError([Problem(name, "invalid_value", value, allowed)])
    if dialect not in ("realtime", "beta"):
        raise InvalidRequestError([Problem("dialect", "invalid_value", dialect, "'realtime' or 'beta'")])
    return ConnectTarget(
        path=f"/realtime?{_query(given, query)}",
        dialect=dialect,
        on_call=call_id is not None,
        headers=check_headers("headers", headers),
    )


def translation_target(
    model: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> ConnectTarget:
    """Make the target of a translation session. Raises InvalidRequestError for a bad `model`."""
    if not isinstance(model, str) or not model:
        raise InvalidRequestError([Problem("model", "invalid_value", model, _TEXT)])
    return ConnectTarget(
        path=f"/realtime/translations?{_query({'model': model}, query)}",
        dialect="translation",
        headers=check_headers("headers", headers),
    )


def _query(named: Mapping[str, str], more: Any) -> str:
    """Join both to a query. Raises InvalidRequestError for what is no text, or is named twice."""
    if more is not None and not isinstance(more, Mapping):
        raise InvalidRequestError([Problem("query", "invalid_type", more, "a dict of names and values")])
    for name, value in (more or {}).items():
        if not isinstance(name, str) or not isinstance(value, str) or name in named:
            allowed = f"another name than {name!r}" if name in named else "a string"
            raise InvalidRequestError([Problem(f"query[{name!r}]", "invalid_value", _UNSHOWN, allowed)])
    query = {**named, **(more or {})}
    for name, value in query.items():
        if _SURROGATE.search(name + value):
            shown = value if name in named else _UNSHOWN
            raise InvalidRequestError([Problem(name, "invalid_value", shown, "text that UTF-8 can hold")])
    return urlencode(query)
