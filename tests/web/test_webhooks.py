import json
import time
import traceback
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given, strategies as st
from support.webhooks import CALL, OTHER, SECRET, signed

from openai_realtime import AsyncRealtimeClient, ConfigurationError, WebhookVerificationError
from openai_realtime.models import LiveTransportIncoming, RealtimeCallIncoming, SipHeader, UnknownWebhookEvent
from openai_realtime.web.calls import serve_calls
from openai_realtime.web.webhooks import MAX_BODY, unwrap_webhook


def test_an_incoming_call_has_its_headers_in_order() -> None:
    body = json.dumps(CALL).encode()
    event = unwrap_webhook(signed(body), body, SECRET)
    assert isinstance(event, RealtimeCallIncoming)
    assert event.data.call_id == "rtc_1"
    assert [header.name for header in event.data.sip_headers] == ["From", "Via", "Via"]
    assert event.data.sip_headers[2] == SipHeader(name="Via", value="two")
    assert event.data.sip_header("from") == "sip:+14155550123@example.com"
    assert event.data.sip_header("To") is None
    assert event.data.sip_media_security == "srtp"
    assert "+14155550123" not in repr(event)


@pytest.mark.parametrize(
    ("kind", "cls"), [("live.transport.incoming", LiveTransportIncoming), ("response.completed", UnknownWebhookEvent)]
)
def test_other_events_are_kept_whole(kind: str, cls: type) -> None:
    body = json.dumps({**CALL, "type": kind, "more": [1]}).encode()
    event = unwrap_webhook(signed(body), body, SECRET)
    assert type(event) is cls
    assert event.raw is not None
    assert event.raw["more"] == [1]


@pytest.mark.parametrize("secrets", [[OTHER, SECRET], (SECRET, OTHER), iter([OTHER, SECRET])])
def test_a_secret_can_be_rotated(secrets: list[str]) -> None:
    body = json.dumps(CALL).encode()
    assert unwrap_webhook(signed(body), body, secrets).id == "evt_1"


def test_a_secret_without_prefix_is_its_own_bytes() -> None:
    body = json.dumps(CALL).encode()
    assert unwrap_webhook(signed(body, secret="plain"), body, "plain").id == "evt_1"


@pytest.mark.parametrize("late", [-400, 400])
def test_an_old_webhook_and_one_from_the_future_are_refused(late: float) -> None:
    body = json.dumps(CALL).encode()
    with pytest.raises(WebhookVerificationError, match=r"too (old|new)"):
        unwrap_webhook(signed(body, at=time.time() + late), body, SECRET)


def test_the_signature_is_the_one_of_a_real_webhook() -> None:
    """A delivery of 2025-06-25, whose age `unwrap_webhook` refuses: so the library is asked for its signature."""
    body = (
        '{"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, '
        '"type": "response.completed", "data": {"id": "resp_123"}}'
    )
    secret, message_id = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=", "wh_685c059ae39c8190af8c71ed1022a24d"
    signed_at = datetime.fromtimestamp(1_750_861_210, UTC)
    signature = standardwebhooks.Webhook(secret).sign(message_id, signed_at, body)
    assert signature == "v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY="


def test_a_changed_body_is_refused() -> None:
    body = json.dumps(CALL).encode()
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        unwrap_webhook(signed(body), body.replace(b"rtc_1", b"rtc_2"), SECRET)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff\xfe", b"{", b"NaN", b" " * (MAX_BODY + 1)])
def test_what_is_signed_and_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookVerificationError):
        unwrap_webhook(signed(body), body, SECRET)


HEADERS = st.dictionaries(
    st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "other"]),
    st.text(max_size=20) | st.sampled_from(["v1,", "v1", "v1,a,b", "1e400", "nan", "-1", str(int(time.time()))]),
)


@given(HEADERS, st.binary(max_size=40))
def test_hostile_headers_and_bodies_raise_one_error(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookVerificationError):
        unwrap_webhook(headers, body, [SECRET, OTHER])


@pytest.mark.parametrize("secrets", ["whsec_", "whsec_ü", "", [], b"whsec_", [None], None])
def test_a_secret_that_is_none_is_a_configuration_error(secrets: Any) -> None:
    body = json.dumps(CALL).encode()
    with pytest.raises(ConfigurationError, match="webhook secret") as caught:
        unwrap_webhook(signed(body), body, secrets)
    assert "ü" not in str(caught.value)


def test_a_body_that_was_parsed_is_no_forged_webhook() -> None:
    body = json.dumps(CALL).encode()
    parsed: Any = CALL
    with pytest.raises(ConfigurationError, match="needs the bytes as they came"):
        unwrap_webhook(signed(body), parsed, SECRET)
    text: Any = body.decode()
    assert unwrap_webhook(signed(body), text, SECRET).id == "evt_1"


def test_no_traceback_shows_the_secret() -> None:
    nothing: Any = None
    for use in (
        lambda: unwrap_webhook({}, b"{}", SECRET),
        lambda: unwrap_webhook(nothing, b"{}", SECRET),
        lambda: unwrap_webhook({}, b" " * (MAX_BODY + 1), SECRET),
        lambda: unwrap_webhook({}, b"{}", [SECRET, nothing]),
        lambda: serve_calls(AsyncRealtimeClient(), print, [SECRET, nothing]),  # type: ignore[arg-type],
    ):
        with pytest.raises((WebhookVerificationError, ConfigurationError, TypeError)) as caught:
            use()
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert SECRET not in "".join(str(frame.locals) for frame in shown.stack if "/tests/" not in frame.filename)
    server = serve_calls(AsyncRealtimeClient(), print, SECRET)  # type: ignore[arg-type]
    assert SECRET not in repr(vars(server))
