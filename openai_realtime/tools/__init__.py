"""Functions that the model may call: their schemas, checked arguments, concurrent calls and approvals.

Needs the extra ``tools``.
"""

from openai_realtime.errors import ConfigurationError

try:
    from .function_calls import Tool, ToolCall
    from .tools import Tools
except ModuleNotFoundError as error:
    if error.name not in ("msgspec", "docstring_parser"):
        raise
    raise ConfigurationError(f"tools need {error.name}: pip install 'openai-realtime[tools]'") from None

__all__ = ["Tool", "ToolCall", "Tools"]
