"""A secret shows itself to nobody, and what a server repeats of it is masked, whatever it looks like."""

import pickle
from typing import Any

import pytest
from hypothesis import given, strategies as st
from rich.pretty import pretty_repr

from openai_realtime._redaction import Secret, mask, may_hold_secret, redact

ODD = "0123456789abcdef0123456789abcdef"


def test_a_secret_shows_nothing() -> None:
    secret = Secret(ODD)
    assert secret.reveal() == ODD
    assert [f"{secret}", str(secret), repr({"key": secret}), f"{secret!r:>5}"] == [
        "***",
        "***",
        "{'key': ***}",
        "  ***",
    ]
    assert pretty_repr({"key": secret}) == "{'key': ***}"
    assert secret == Secret(ODD) != Secret("other")
    assert pickle.loads(pickle.dumps(secret)) == secret  # noqa: S301 - our own


@pytest.mark.parametrize(
    ("secret", "value", "masked"),
    [
        (ODD, f"no {ODD}!", "no ***!"),
        (ODD, {"error": {ODD: [f"<{ODD}>", 5, None, True]}}, {"error": {"***": ["<***>", 5, None, True]}}),
        (f"Bearer {ODD}", f"token {ODD}", "token ***"),
        (f"Bearer {ODD}", f"Bearer {ODD}", "***"),
        ("a+key/with=signs", r'{"key":"a+key\/with=signs"}', '{"key":"***"}'),
        ("none", "none of these", "none of these"),
        ("voice of customers", "customers", "customers"),
        (ODD, 7, 7),
    ],
)
def test_what_a_server_repeats_is_masked(secret: str, value: Any, masked: Any) -> None:
    assert mask(value, [Secret(secret)]) == masked


def test_a_secret_in_another_one_leaves_no_rest() -> None:
    assert mask(ODD + "-and-more", [Secret(ODD), Secret(ODD + "-and-more")]) == "***"


def test_no_secrets_change_nothing() -> None:
    assert mask({"a": ODD}, []) == {"a": ODD}


@given(text=st.text() | st.from_regex(r"(sk|ek|whsec)[-_][\w\-]+|(Bearer|Basic) [\w=]+|wss?://\w+:\w+@\w+"))
def test_no_secret_is_without_a_sign(text: str) -> None:
    assert may_hold_secret(text.encode(errors="surrogatepass")) or redact(text) == text
