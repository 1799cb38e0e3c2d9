"""What a WebSocket connects to: path, query and dialect."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from attrs import frozen

from openai_realtime.errors import InvalidRequestError, Problem


@frozen(kw_only=True)
class ConnectTarget:
    """What a WebSocket connects to: path and query, and the dialect that is spoken there."""

    path: str
    dialect: Literal["realtime", "translation", "beta"] = "realtime"

    @property
    def silent(self) -> bool:
        """Whether the server says nothing at first, as it does on the sideband of a call."""
        return "?call_id=" in self.path


def realtime_target(model: str | None, call_id: str | None, intent: str | None, *, beta: bool) -> ConnectTarget:
    """The target that exactly one of the arguments names. Raises InvalidRequestError for none, several or a bad one."""
    named = {"model": model, "call_id": call_id, "intent": intent}
    given = {name: value for name, value in named.items() if value is not None}
    if len(given) != 1:
        both = " and ".join(given) or "nothing"
        raise InvalidRequestError([Problem("connect", "invalid_value", both, "exactly one of model, call_id, intent")])
    ((name, value),) = given.items()
    if not isinstance(value, str) or not value or (name == "intent" and value != "transcription"):
        allowed = "'transcription'" if name == "intent" else "a string of length 1 or more"
        raise InvalidRequestError([Problem(name, "invalid_value", repr(value)[:80], allowed)])
    return ConnectTarget(path=f"/realtime?{urlencode(given)}", dialect="beta" if beta else "realtime")


def translation_target(model: str) -> ConnectTarget:
    """The target of a translation session. Raises InvalidRequestError for a bad `model`."""
    if not isinstance(model, str) or not model:
        raise InvalidRequestError([Problem("model", "invalid_value", repr(model)[:80], "a string of length 1 or more")])
    return ConnectTarget(path=f"/realtime/translations?{urlencode({'model': model})}", dialect="translation")
