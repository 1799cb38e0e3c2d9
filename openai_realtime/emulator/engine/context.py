"""What the parts of one session share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

from openai_realtime.emulator.ids import NewId
from openai_realtime.emulator.script import Script
from openai_realtime.emulator.wire import JSON

from .conversation import Conversation
from .hearing import IdleTimer
from .timeline import Timeline


@define(eq=False)
class Context:
    """One session's script, time and items.

    `send` takes events for the client. `settings` is the effective session, `tools` are its tools as the client gave
    them, `idle` counts the user's silence. In a `sideband` the server plays the speech itself; `azure` has
    habits of its own.
    """

    script: Script
    timeline: Timeline
    new_id: NewId
    send: Callable[..., None]
    sideband: bool = False
    azure: bool = False
    settings: JSON = field(factory=dict)
    tools: Sequence[JSON] = ()
    conversation: Conversation = field(factory=Conversation)
    idle: IdleTimer = field(factory=IdleTimer)

    @property
    def input(self) -> JSON:
        """The settings of the user's audio."""
        given: JSON = self.settings["audio"]["input"]
        return given

    @property
    def input_format(self) -> JSON:
        """The format of the user's audio."""
        given: JSON = self.input["format"]
        return given

    def detection(self, name: str) -> Any:
        """Give a setting of the turn detection; None where it, or all of it, is not set."""
        return (self.input["turn_detection"] or {}).get(name)

    def answers(self, name: str) -> bool:
        """Say whether a switch of the turn detection is on; transcription sessions have none."""
        return self.settings["type"] != "transcription" and bool(self.detection(name))
