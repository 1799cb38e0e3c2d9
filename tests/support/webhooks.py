"""Webhooks as OpenAI signs them, made without the library that checks them."""

import base64
import hashlib
import hmac
import time

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret, twenty-four").decode()
CALL = {
    "id": "evt_1",
    "object": "event",
    "created_at": 1_750_861_210,
    "type": "realtime.call.incoming",
    "data": {
        "call_id": "rtc_1",
        "sip_headers": [
            {"name": "From", "value": "sip:+14155550123@example.com"},
            {"name": "Via", "value": "one"},
            {"name": "Via", "value": "two"},
        ],
        "sip_media_security": "srtp",
    },
}


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None, webhook_id: str = "wh_1") -> dict[str, str]:
    """The headers that OpenAI sends with `body`, made without the library."""
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    mac = hmac.new(key, webhook_id.encode() + b"." + stamp.encode() + b"." + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(mac).decode()}"
    return {"Webhook-Id": webhook_id, "Webhook-Timestamp": stamp, "Webhook-Signature": signature}
