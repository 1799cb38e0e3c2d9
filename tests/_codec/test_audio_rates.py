"""How much audio a millisecond is."""

from __future__ import annotations

from typing import Any

import pytest

from openai_realtime._codec.audio_rates import bytes_per_ms


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ({}, 48),
        ({"audio": {"output": {"format": {"type": "audio/pcm"}}}}, 48),
        ({"audio": {"output": {"format": {"type": "audio/pcm", "rate": 16_000}}}}, 32),
        ({"audio": {"output": {"format": {"type": "audio/pcmu"}}}}, 8),
        ({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, 48),
        ({"output_audio_format": "g711_alaw"}, 8),
        ({"audio": {"output": {"format": {"type": ["odd"], "rate": "odd"}}}}, 48),
    ],
)
def test_a_millisecond_of_output_is_counted_by_format_and_rate(session: dict[str, Any], expected: float) -> None:
    assert bytes_per_ms(session, "output") == expected
