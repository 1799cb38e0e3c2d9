"""Webhooks as OpenAI signs them, made without the library that checks them, and a service that takes some."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from attrs import define, field

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


@define
class Service:
    """What OpenAI's webhooks come to; it answers with `statuses`, then with 200."""

    url: str = ""
    statuses: list[int] = field(factory=list)
    webhooks: asyncio.Queue[tuple[dict[str, str], bytes]] = field(factory=asyncio.Queue)

    async def take(self, request: web.Request) -> web.Response:
        self.webhooks.put_nowait((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": self.url} if status == 302 else {})


@asynccontextmanager
async def receiving() -> AsyncIterator[Service]:
    service, application = Service(), web.Application()
    application.router.add_post("/webhook", service.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    try:
        yield service
    finally:
        await runner.cleanup()
