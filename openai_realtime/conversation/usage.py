"""What a session used, in tokens and seconds, and what that costs by the user's own prices."""

from __future__ import annotations

from typing import Any, Final, Self

from attrs import asdict, fields, frozen

from openai_realtime._codec.raw import JSON, count_in, number_in, object_in

__all__ = ["Prices", "Usage"]

_MILLION: Final = 1_000_000


@frozen(kw_only=True)
class Usage:
    """Tokens by kind, and seconds of transcribed audio; sums with ``+``.

    `cached_*` are a part of `input_*`, `reasoning` is a part of `output_text`. `transcription_*` is what the user's
    transcripts took, which the server counts apart from the responses.
    """

    input_text: int = 0
    input_audio: int = 0
    input_image: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    output_text: int = 0
    output_audio: int = 0
    reasoning: int = 0
    transcription_seconds: float = 0
    transcription_text: int = 0
    transcription_audio: int = 0
    transcription_output: int = 0

    @property
    def input_tokens(self) -> int:
        """All tokens that responses read."""
        return self.input_text + self.input_audio + self.input_image

    @property
    def output_tokens(self) -> int:
        """All tokens that responses wrote and spoke."""
        return self.output_text + self.output_audio

    @property
    def cached_tokens(self) -> int:
        """The input tokens that came from the cache."""
        return self.cached_text + self.cached_audio + self.cached_image

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Usage)})

    def to_json(self) -> dict[str, Any]:
        """Return what is not zero, by name."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def of_response(cls, usage: JSON) -> Self:
        """Read the ``usage`` of a response; what a server does not split counts as text."""
        given, made = object_in(usage, "input_token_details"), object_in(usage, "output_token_details")
        cached = object_in(given, "cached_tokens_details")
        input_audio, input_image = count_in(given, "audio_tokens"), count_in(given, "image_tokens")
        cached_audio, cached_image = count_in(cached, "audio_tokens"), count_in(cached, "image_tokens")
        output_audio = count_in(made, "audio_tokens")
        return cls(
            input_text=_rest(usage, "input_tokens", input_audio + input_image, count_in(given, "text_tokens")),
            input_audio=input_audio,
            input_image=input_image,
            cached_text=_rest(given, "cached_tokens", cached_audio + cached_image, count_in(cached, "text_tokens")),
            cached_audio=cached_audio,
            cached_image=cached_image,
            output_text=_rest(usage, "output_tokens", output_audio, count_in(made, "text_tokens")),
            output_audio=output_audio,
            reasoning=count_in(made, "reasoning_tokens"),
        )

    @classmethod
    def of_transcription(cls, usage: JSON) -> Self:
        """Read the ``usage`` of a transcript, which counts tokens or seconds."""
        if usage.get("type") == "duration":
            return cls(transcription_seconds=max(number_in(usage, "seconds") or 0, 0))
        audio = count_in(object_in(usage, "input_token_details"), "audio_tokens")
        return cls(
            transcription_text=_rest(usage, "input_tokens", audio, 0),
            transcription_audio=audio,
            transcription_output=count_in(usage, "output_tokens"),
        )


def _rest(usage: JSON, total: str, others: int, least: int) -> int:
    """Return what of a total is of no other kind: at least what the server says is text."""
    return max(count_in(usage, total) - others, least)


@frozen(kw_only=True)
class Prices:
    """What a model costs, in one currency: for a million tokens of each kind, and for a minute of transcription."""

    input_text: float = 0
    input_audio: float = 0
    input_image: float = 0
    cached_text: float = 0
    cached_audio: float = 0
    cached_image: float = 0
    output_text: float = 0
    output_audio: float = 0
    transcription_minute: float = 0
    transcription_text: float = 0
    transcription_audio: float = 0
    transcription_output: float = 0

    def cost(self, usage: Usage) -> float:
        """Return the price of `usage`; cached tokens cost what cached ones cost, and not the input's price too."""
        tokens = (
            (usage.input_text - usage.cached_text) * self.input_text
            + (usage.input_audio - usage.cached_audio) * self.input_audio
            + (usage.input_image - usage.cached_image) * self.input_image
            + usage.cached_text * self.cached_text
            + usage.cached_audio * self.cached_audio
            + usage.cached_image * self.cached_image
            + usage.output_text * self.output_text
            + usage.output_audio * self.output_audio
            + usage.transcription_text * self.transcription_text
            + usage.transcription_audio * self.transcription_audio
            + usage.transcription_output * self.transcription_output
        )
        return tokens / _MILLION + usage.transcription_seconds / 60 * self.transcription_minute
