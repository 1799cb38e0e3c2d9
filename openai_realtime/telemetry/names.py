"""Every name that goes out, in one place: the conventions for generative AI still move.

From https://opentelemetry.io/docs/specs/semconv/gen-ai/ as of November 2026; names of our own begin with the package's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
CONVERSATION: Final = "gen_ai.conversation.id"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
OUTPUT_TYPE: Final = "gen_ai.output.type"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"
ERROR_TYPE: Final = "error.type"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - no secret
STAGE: Final = "openai_realtime.turn.stage"
INTERRUPTED: Final = "openai_realtime.interrupted"

USAGE: Final = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
    "input_text": "gen_ai.usage.text.input_tokens",
    "input_audio": "gen_ai.usage.audio.input_tokens",
    "input_image": "gen_ai.usage.image.input_tokens",
    "cached_text": "gen_ai.usage.text.cache_read.input_tokens",
    "cached_audio": "gen_ai.usage.audio.cache_read.input_tokens",
    "cached_image": "gen_ai.usage.image.cache_read.input_tokens",
    "output_text": "gen_ai.usage.text.output_tokens",
    "output_audio": "gen_ai.usage.audio.output_tokens",
}
"""Attributes of a response's span by the field of `Usage`."""

DURATION: Final = "gen_ai.client.operation.duration"
FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
TOKENS: Final = "gen_ai.client.token.usage"
TURN: Final = "openai_realtime.turn.duration"

SECONDS: Final[Sequence[float]] = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96)
COUNTS: Final[Sequence[float]] = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)

CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The environment variable that turns content on."""
