"""A local server that speaks the Realtime API, for tests and for work without a key.

::

    with Emulator() as emulator, RealtimeClient(**emulator.client_options) as client:
        ...

It shares the models and the converter with the client and nothing above them, so that it judges the client
independently.
"""

from . import faults
from .emulator import Emulator, EmulatorOptions
from .script import McpToolCall, Reply, ToolCall
from .server.telephone import PhoneCall
from .wire import ReceivedRequest

__all__ = [
    "Emulator",
    "EmulatorOptions",
    "McpToolCall",
    "PhoneCall",
    "ReceivedRequest",
    "Reply",
    "ToolCall",
    "faults",
]
