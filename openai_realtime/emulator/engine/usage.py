"""What responses and transcriptions cost. Tokens are estimates, of the size that the API counts."""

from __future__ import annotations

import math

from attrs import define

from openai_realtime.models.base import UNSET
from openai_realtime.models.items import AssistantMessage, Item
from openai_realtime.models.responses import (
    CachedTokenDetails,
    InputTokenDetails,
    OutputTokenDetails,
    RealtimeResponseUsage,
)
from openai_realtime.models.server_events import RateLimitStatus

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

    def add(self, other: Tokens, times: int) -> None:
        """Count `other` so many times more; -1 takes it back."""
        self.text += other.text * times
        self.audio += other.audio * times


def text_tokens(text: str) -> int:
    """Count about four letters as a token."""
    return math.ceil(len(text) / _LETTERS_PER_TOKEN)


def audio_tokens(milliseconds: float, ms_per_token: int) -> int:
    """Count audio by its length."""
    return math.ceil(milliseconds / ms_per_token)


def item_tokens(item: Item, milliseconds: float, text: str) -> Tokens:
    """Count an item by its audio, so many milliseconds of it, or else by its `text`."""
    if not milliseconds:
        return Tokens(text=text_tokens(text))
    rate = MODEL_AUDIO_MS_PER_TOKEN if isinstance(item, AssistantMessage) else USER_AUDIO_MS_PER_TOKEN
    return Tokens(audio=audio_tokens(milliseconds, rate))


def response_usage(given: Tokens, made: Tokens, *, reasons: bool) -> RealtimeResponseUsage:
    """Give the usage of a response; models that reason tell how much."""
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
    """Give the tokens that are left after a response took `used`."""
    seconds = round(used / _LIMIT * 60, 3)
    return RateLimitStatus(name="tokens", limit=_LIMIT, remaining=_LIMIT - used, reset_seconds=seconds)
