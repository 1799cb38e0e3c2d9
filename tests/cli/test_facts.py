import time
from typing import Any

import pytest

from openai_realtime.cli.facts import facts, format_time, format_value, http_facts, mask
from openai_realtime.models import HTTPInfo, RealtimeCreateClientSecretResponse, VoiceId
from openai_realtime.models.beta import RealtimeSessionCreateResponse


def test_mask_shows_the_kind_only() -> None:
    assert (mask("ek_1234567890"), mask("whatever")) == ("ek_***", "***")


@pytest.mark.parametrize(
    ("seconds", "distance"),
    [(99, "in 99 s"), (600, "in 10 min"), (7200, "in 2 h"), (0, "in 0 s"), (-30, "30 s ago")],
)
def test_moments_tell_how_far_they_are(seconds: int, distance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    assert format_time(1_800_000_000 + seconds).endswith(f":{seconds % 60:02d} ({distance})")


@pytest.mark.parametrize(("value", "text"), [(0, ""), (None, ""), ("soon", ""), (10**30, str(10**30))])
def test_moments_that_are_none(value: Any, text: str) -> None:
    assert format_time(value) == text


def test_short_values() -> None:
    assert format_value(VoiceId(id="voice_1")) == "voice_1"
    assert format_value(["audio", "text"]) == "audio, text"
    assert format_value({"a": 1}) == ""
    assert format_value("x" * 300) == "x" * 200 + "..."


def test_facts_of_an_odd_answer_are_what_it_has() -> None:
    answer = RealtimeSessionCreateResponse(client_secret=None, voice=None, model="m", id="sess_1", audio="?")  # type: ignore[arg-type]
    assert facts(answer) == [("session", "sess_1"), ("model", "m")]
    odd = RealtimeCreateClientSecretResponse(value=5, expires_at="?", session=None)  # type: ignore[arg-type]
    assert facts(odd) == [("secret", "***")]


def test_http_facts() -> None:
    assert http_facts(None) == []
    assert http_facts(HTTPInfo(status=200, headers={}, elapsed=0.25)) == [("answer", "HTTP 200 in 250 ms")]
    full = HTTPInfo(status=201, headers={}, request_id="req_1", processing_ms=3, attempts=2, elapsed=1)
    assert http_facts(full) == [
        ("answer", "HTTP 201 in 1000 ms (server 3 ms), 2 attempts"),
        ("request id", "req_1"),
    ]
