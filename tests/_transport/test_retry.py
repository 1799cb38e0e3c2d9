"""When a request is sent again, and after how long: read from the generator, without a clock."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from openai_realtime import RetryPolicy
from openai_realtime._transport.retry import delays, is_retryable, next_delay, server_delay

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SECONDS = st.floats(0, 1e6)
POLICIES = st.builds(
    RetryPolicy, max_retries=st.integers(0, 40), initial_delay=SECONDS, max_delay=SECONDS, give_up_after=SECONDS
)


def test_the_defaults_are_two_retries_after_half_a_second_and_one() -> None:
    assert list(delays(RetryPolicy(), jitter=lambda: 0.0)) == [0.5, 1.0]


def test_delays_double_up_to_the_limit() -> None:
    policy = RetryPolicy(max_retries=7)
    assert list(delays(policy, jitter=lambda: 0.0)) == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_jitter_takes_up_to_a_quarter_off() -> None:
    assert list(delays(RetryPolicy(), jitter=lambda: 1.0)) == [0.375, 0.75]


@given(POLICIES, st.data())
def test_every_delay_is_within_its_bounds(policy: RetryPolicy, data: st.DataObject) -> None:
    jitters = iter(data.draw(st.lists(st.floats(0, 1), min_size=policy.max_retries, max_size=policy.max_retries)))
    full = list(delays(policy, jitter=lambda: 0.0))
    drawn = list(delays(policy, jitter=lambda: next(jitters)))
    assert len(drawn) == len(full) == policy.max_retries
    assert all(0.75 * most <= delay <= most <= policy.max_delay for delay, most in zip(drawn, full, strict=True))
    assert all(earlier <= later for earlier, later in pairwise(full))


def test_the_jitter_is_random_by_default() -> None:
    policy = RetryPolicy(max_retries=20, initial_delay=1, max_delay=1)
    drawn = list(delays(policy))
    assert len(set(drawn)) > 1
    assert all(0.75 <= delay <= 1 for delay in drawn)


def test_very_many_retries_do_not_overflow() -> None:
    assert list(delays(RetryPolicy(max_retries=3000), jitter=lambda: 0.0))[-1] == 8.0


@pytest.mark.parametrize(
    ("status", "expected"),
    [(408, True), (409, True), (429, True), (500, True), (502, True), (503, True), (504, True), (529, True)]
    + [(status, False) for status in (301, 307, 400, 401, 403, 404, 410, 413, 422, 499)],
)
def test_the_statuses_that_are_worth_another_try(status: int, expected: bool) -> None:  # noqa: FBT001
    assert is_retryable(status, {}, None) is expected


def test_no_quota_is_final() -> None:
    assert not is_retryable(429, {}, "insufficient_quota")
    assert is_retryable(429, {}, "rate_limit_exceeded")


@pytest.mark.parametrize("status", [400, 408, 429, 500])
def test_the_servers_own_word_wins(status: int) -> None:
    assert is_retryable(status, {"x-should-retry": "true"}, None)
    assert not is_retryable(status, {"x-should-retry": "false"}, None)


def test_another_word_than_true_and_false_is_none() -> None:
    assert is_retryable(500, {"x-should-retry": "maybe"}, None)
    assert not is_retryable(400, {"x-should-retry": ""}, None)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=20), usegmt=True)}, 20.0),
        ({"retry-after": "Sat, 21 Nov 2026 13:00:30 +0100"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:40"}, 40.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:50 -0000"}, 50.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 +999999999999999"}, None),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"}, 0.0),
        ({"retry-after": "Mon, 01 Jan 2024 00:00:00 -9999"}, None),
        ({"retry-after": "1" * 9999}, float("inf")),
    ],
)
def test_what_the_server_asks_for(headers: dict[str, str], expected: float | None) -> None:
    assert server_delay(headers, now=lambda: NOW) == expected


def test_dates_count_from_the_present() -> None:
    asked = server_delay({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)})
    assert asked is not None
    assert 90 < asked <= 100


NOISE = st.text() | st.from_regex(
    r"(Mon, )?\d{1,3} [A-Z][a-z]{2} \d{1,6} \d+:\d+(:\d+)? ?([+-]\d{1,6}|GMT|[A-Z]{1,4})?"
)


@given(NOISE, NOISE)
def test_no_header_is_too_odd(milliseconds: str, after: str) -> None:
    asked = server_delay({"retry-after-ms": milliseconds, "retry-after": after}, now=lambda: NOW)
    assert asked is None or asked >= 0


def policy_delay(**headers: str) -> float | None:
    policy = RetryPolicy()
    return next_delay(policy, delays(policy, jitter=lambda: 0.0), {k.replace("_", "-"): v for k, v in headers.items()})


def test_the_servers_delay_replaces_ours_up_to_the_limit() -> None:
    assert policy_delay() == 0.5
    assert policy_delay(retry_after="7") == 7
    assert policy_delay(retry_after="60") == 60
    assert policy_delay(retry_after="60.5") is None
    assert policy_delay(retry_after_ms="60001") is None
    assert policy_delay(retry_after="inf") is None


def test_the_servers_delay_brings_no_extra_try() -> None:
    policy = RetryPolicy(max_retries=1)
    backoff = delays(policy)
    assert next_delay(policy, backoff, {"retry-after": "1"}) == 1
    assert next_delay(policy, backoff, {"retry-after": "1"}) is None
