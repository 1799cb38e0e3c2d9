"""Whether the session lacks the tools of a program."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from openai_realtime._codec.raw import json_of, object_in, objects_in, received_json, text_in
from openai_realtime.models.events import ClientEvent, ServerEvent

_LOG = logging.getLogger("openai_realtime.tools")


class MissingTools:
    """Warns once, when a response begins in a session that has not got the definitions: none would ever be called."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._missing: set[str] = set()

    def sent(self, event: ClientEvent) -> None:
        """Follow a response that is asked for, which may have tools of its own."""
        if event.type == "response.create" and "tools" in object_in(json_of(event), "response"):
            self._names.clear()

    def received(self, event: ServerEvent) -> None:
        """Follow the session's settings; some servers leave out its tools."""
        if event.type in ("session.created", "session.updated"):
            session = object_in(received_json(event), "session")
            declared = {text_in(tool, "name") for tool in objects_in(session, "tools")}
            self._missing = self._names - declared if isinstance(session.get("tools"), list) else set()
        elif event.type == "response.created" and self._missing & self._names:
            names = ", ".join(sorted(self._missing))
            _LOG.warning("the session has no tool %s: give it tools=tools.definitions in connect(session=...)", names)
            self._names.clear()
