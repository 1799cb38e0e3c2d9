"""Faults on request: what a server, or the network before it, does wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from . import errors as api_errors
from .wire import Answer, json_answer

_REDIRECTS = 300
_ERRORS = 400


@attrs.frozen(kw_only=True)
class Fault:
    """What happens to one request in place of the ordinary answer; what is not set stays ordinary.

    - `delay`: seconds to wait before anything else.
    - `reset`: cut the connection with a TCP reset, without an answer.
    - `hang`: never answer; the client has to give up.
    - `status`: the status of the answer. From 400 on its body is an API error, unless `body` is given.
    - `body`: the body: bytes and text as they are, anything else as JSON.
    - `headers`: more headers, or other values for the ordinary ones.
    - `content_type`: the Content-Type, ``application/json`` for a `body` without one.
    - `truncate`: promise more than is sent, then close the connection.

    With a `body`, or a `status` from 300 on, the operation is not carried out.
    """

    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    content_type: str | None = None
    delay: float = 0.0
    reset: bool = False
    hang: bool = False
    truncate: bool = False

    @property
    def replaces(self) -> bool:
        """Whether the operation is not carried out."""
        return self.body is not None or (self.status or 0) >= _REDIRECTS

    def replacement(self) -> Answer:
        """The answer in place of the operation's own."""
        if isinstance(self.body, bytes | str):
            body = self.body.encode() if isinstance(self.body, str) else self.body
            return Answer(body=body, content_type="application/json")
        if self.body is not None:
            return json_answer(self.body)
        status = self.status or 0
        return api_errors.with_status(status).answer() if status >= _ERRORS else Answer()

    def applied(self, answer: Answer) -> Answer:
        """`answer` with the status, headers and content type of the fault."""
        return attrs.evolve(
            answer,
            status=self.status or answer.status,
            content_type=self.content_type or answer.content_type,
            headers={**answer.headers, **self.headers},
        )
