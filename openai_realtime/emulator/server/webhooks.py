"""Webhooks as OpenAI sends them: signed as the Standard Webhooks specification says, and again until they are taken."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

from aiohttp import ClientError, ClientSession, ClientTimeout

from openai_realtime._codec.converter import dumps
from openai_realtime.emulator import ids
from openai_realtime.emulator.wire import JSON

USER_AGENT = "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)"
_TAKEN = range(200, 300)
_ANSWER_SECONDS = 5.0
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0  # of a redelivery, in seconds; OpenAI goes on for three days
_PREFIX = "whsec_"


def incoming_call(call_id: str, sip_headers: Sequence[JSON], now: float) -> JSON:
    """Make the event that tells of a phone call."""
    data = {"call_id": call_id, "sip_headers": sip_headers, "sip_media_security": "srtp"}
    kind = "realtime.call.incoming"
    return {"id": ids.webhook_event_id(), "object": "event", "created_at": int(now), "type": kind, "data": data}


def signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Sign a webhook. `secret` is ``whsec_`` and base64, or any text, which is the key itself then."""
    key = base64.b64decode(secret.removeprefix(_PREFIX)) if secret.startswith(_PREFIX) else secret.encode()
    signed = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(signed).decode()


async def deliver(event: JSON, url: str, secret: str, attempted: Callable[[int | None], None]) -> None:
    """Send `event` to `url` until a status of 200 to 299 answers, ever more slowly.

    `attempted` gets the status of each attempt, None where there was no answer.
    """
    body, webhook_id, delay = dumps(event), ids.webhook_id(), _FIRST_DELAY
    async with ClientSession(timeout=ClientTimeout(total=_ANSWER_SECONDS)) as http:
        while True:
            now = int(time.time())  # of the service, which refuses what is older than five minutes
            headers = {
                "Content-Type": "application/json",
                "User-Agent": USER_AGENT,
                "webhook-id": webhook_id,
                "webhook-timestamp": str(now),
                "webhook-signature": signature(secret, webhook_id, now, body),
            }
            status = await _post(http, url, body, headers)
            attempted(status)
            if status is not None and status in _TAKEN:
                return
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)


async def _post(http: ClientSession, url: str, body: bytes, headers: dict[str, str]) -> int | None:
    try:
        async with http.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            return answer.status
    except (ClientError, TimeoutError):
        return None
