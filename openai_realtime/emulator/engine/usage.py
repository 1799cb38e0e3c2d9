"""What responses and transcriptions cost. Tokens are estimates, of the size that the API counts."""

from __future__ import annotations

import math

from attrs import define

from openai_realtime.models.base import UNSET
from openai_realtime.models.items import AssistantMessage
from openai_realtime.models.responses import (
    CachedTokenDetails,
    InputTokenDetails,
    OutputTokenDetails,
    RealtimeResponseUsage,
)
from openai_realtime.models.server_events import RateLimitStatus

from .conversation import Conversation, item_id

_LETTERS_PER_TOKEN = 4
USER_AUDIO_MS_PER_TOKEN = 100
MODEL_AUDIO_MS_PER_TOKEN = 50
_LIMIT = 15_000_000  # tokens a minute


@define
class Tokens:
    """A count by kind."""

    text: int = 0
    audio: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.text + self.audio


def text_tokens(text: str) -> int:
    """About four letters make a token."""
    return math.ceil(len(text) / _LETTERS_PER_TOKEN)


def audio_tokens(milliseconds: float, ms_per_token: int) -> int:
    """Audio by its length."""
    return math.ceil(milliseconds / ms_per_token)


def input_tokens(conversation: Conversation, instructions: str) -> Tokens:
    """All that the model reads and hears before it answers."""
    tokens = Tokens(text=text_tokens(instructions))
    for item in conversation:
        audio = conversation.audio.get(item_id(item))
        sound = audio.milliseconds if audio else 0
        rate = MODEL_AUDIO_MS_PER_TOKEN if isinstance(item, AssistantMessage) else USER_AUDIO_MS_PER_TOKEN
        tokens.audio += audio_tokens(sound, rate)
        if not sound:
            tokens.text += text_tokens(conversation.text_of(item))
    return tokens


def response_usage(given: Tokens, made: Tokens, *, reasons: bool) -> RealtimeResponseUsage:
    """The usage of a response; models that reason tell how much."""
    return RealtimeResponseUsage(
        total_tokens=given.total + made.total,
        input_tokens=given.total,
        output_tokens=made.total,
        input_token_details=InputTokenDetails(
            text_tokens=given.text,
            audio_tokens=given.audio,
            image_tokens=0,
            cached_tokens=0,
            cached_tokens_details=CachedTokenDetails(text_tokens=0, audio_tokens=0, image_tokens=0),
        ),
        output_token_details=OutputTokenDetails(
            text_tokens=made.text, audio_tokens=made.audio, reasoning_tokens=0 if reasons else UNSET
        ),
    )


def rate_limit(used: int) -> RateLimitStatus:
    """The tokens that are left after a response took `used`."""
    seconds = round(used / _LIMIT * 60, 3)
    return RateLimitStatus(name="tokens", limit=_LIMIT, remaining=_LIMIT - used, reset_seconds=seconds)
