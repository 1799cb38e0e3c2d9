"""`CallServer`: takes the webhook of an incoming phone call, and runs your function for each call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from openai_realtime import AsyncRealtimeClient
from openai_realtime._codec.validation import check
from openai_realtime.errors import RealtimeError, WebhookVerificationError
from openai_realtime.models.sessions import RealtimeSessionConfig
from openai_realtime.models.webhooks import RealtimeCallIncoming, SipHeader

from .app import WebApp
from .messages import WebRequest, WebResponse
from .webhooks import unwrap_webhook

if TYPE_CHECKING:
    from openai_realtime import AsyncRealtimeConnection

__all__ = ["CallServer", "IncomingCall", "serve_calls"]

_log: Final = logging.getLogger("openai_realtime.web")
_BUSY_HERE: Final = 486
_REMEMBERED: Final = 10_000
_REMEMBERED_SECONDS: Final = 72 * 3600  # so long OpenAI delivers a webhook again


class IncomingCall:
    """A phone call that nobody has answered yet. Accept, reject or refer it within some seconds, or it is over."""

    def __init__(self, client: AsyncRealtimeClient, event: RealtimeCallIncoming) -> None:
        self.call_id: str = event.data.call_id
        self.sip_headers: Sequence[SipHeader] = event.data.sip_headers
        """As the caller sent them: do not trust them."""
        self.event = event
        self.state: Literal["ringing", "accepted", "ended"] = "ringing"
        self._client = client

    def __repr__(self) -> str:
        return f"<IncomingCall {self.call_id} {self.state}>"

    async def accept(self, session: RealtimeSessionConfig) -> None:
        """Answer with a session. Its settings are checked here: the API takes bad ones, and the call then dies.

        Raises InvalidRequestError, and what `AsyncRealtimeClient.accept_realtime_call` raises.
        """
        check(session, RealtimeSessionConfig)
        await self._client.accept_realtime_call(self.call_id, session)
        self.state = "accepted"

    async def reject(self, status_code: int = 603) -> None:
        """Decline with a SIP status, 300 to 699; 603 is Decline, 486 Busy Here."""
        await self._client.reject_realtime_call(self.call_id, status_code)
        self.state = "ended"

    async def refer(self, target_uri: str) -> None:
        """Transfer to `target_uri`, such as ``tel:+14155550123``."""
        await self._client.refer_realtime_call(self.call_id, target_uri)
        self.state = "ended"

    async def hang_up(self) -> None:
        """End the call."""
        await self._client.hangup_realtime_call(self.call_id)
        self.state = "ended"

    def connect(self, **options: Any) -> AbstractAsyncContextManager[AsyncRealtimeConnection]:
        """Open the call's sideband, with the options of `AsyncRealtimeClient.connect`."""
        return self._client.connect(call_id=self.call_id, **options)


OnCall: TypeAlias = Callable[[IncomingCall], Awaitable[None]]


class CallServer:
    """Verifies webhooks, answers them at once, and runs `on_call` in a task for each call; `serve_calls` makes it.

    `app` serves POST /webhook as ASGI or in aiohttp.web. When `on_call` returns or fails, a call that it did not answer
    is rejected; when `max_seconds` are over it is cancelled, and the call is ended. Redelivered webhooks are answered
    and do nothing. `drain` stops taking calls and waits for those under way.
    """

    def __init__(
        self,
        client: AsyncRealtimeClient,
        on_call: OnCall,
        secrets: str | Iterable[str],
        *,
        max_seconds: float | None,
        max_calls: int,
    ) -> None:
        self._client = client
        self._on_call = on_call
        self._secrets = [secrets] if isinstance(secrets, str) else list(secrets)
        self._max_seconds = max_seconds
        self._max_calls = max_calls
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._draining = False
        self.app = WebApp({("POST", "/webhook"): self.webhook}, on_close=self.close)

    @property
    def calls(self) -> list[str]:
        """The ids of the calls under way."""
        return [*self._calls]

    async def webhook(self, request: WebRequest) -> WebResponse:
        """Answer a webhook: 200 when it is genuine, 400 when not, 503 to have it delivered again elsewhere."""
        try:
            event = unwrap_webhook(request.headers, request.body, self._secrets)
        except WebhookVerificationError as error:
            _log.warning("a webhook was refused: %s", error)
            return WebResponse.error(400, "invalid_webhook", "the signature does not fit")
        if not isinstance(event, RealtimeCallIncoming) or self._is_known(request.headers["webhook-id"]):
            return WebResponse()
        if self._draining or len(self._calls) >= self._max_calls:
            del self._seen[request.headers["webhook-id"]]
            return WebResponse.error(503, "busy", "deliver it again", {"Retry-After": "1"})
        self.take(event)
        return WebResponse()

    def take(self, event: RealtimeCallIncoming) -> asyncio.Task[None]:
        """Run `on_call` for a call that came in another way than by a webhook here, such as from a queue."""
        call = IncomingCall(self._client, event)
        task = asyncio.create_task(self._run(call), name=f"call {call.call_id}")
        self._calls[call.call_id] = task
        task.add_done_callback(lambda _: self._calls.pop(call.call_id, None))
        return task

    async def drain(self, timeout: float | None = None) -> None:
        """Take no more calls, and return when those under way are over or `timeout` seconds have passed."""
        self._draining = True
        if self._calls:
            await asyncio.wait(self._calls.values(), timeout=timeout)

    async def close(self) -> None:
        """Take no more calls, and cancel what is under way: each `on_call` gets the CancelledError."""
        self._draining = True
        tasks = [*self._calls.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_known(self, webhook_id: str) -> bool:
        """Tell whether a webhook was delivered before, and remember it."""
        now = time.monotonic()
        while self._seen and (len(self._seen) > _REMEMBERED or next(iter(self._seen.values())) < now):
            self._seen.popitem(last=False)
        if webhook_id in self._seen:
            return True
        self._seen[webhook_id] = now + _REMEMBERED_SECONDS
        return False

    async def _run(self, call: IncomingCall) -> None:
        try:
            async with asyncio.timeout(self._max_seconds):
                await self._on_call(call)
        except TimeoutError:
            _log.info("call %s: its time is over", call.call_id)
        except Exception:  # noqa: BLE001 - of the user's function: it ends this call and no other
            _log.exception("call %s: on_call failed", call.call_id)
        finally:
            await self._leave(call)

    async def _leave(self, call: IncomingCall) -> None:
        """Leave no caller in silence."""
        with contextlib.suppress(RealtimeError):
            if call.state == "ringing":
                await call.reject(_BUSY_HERE)
            elif call.state == "accepted":
                await call.hang_up()


def serve_calls(
    client: AsyncRealtimeClient,
    on_call: OnCall,
    secrets: str | Iterable[str],
    *,
    max_seconds: float | None = 3600.0,
    max_calls: int = 1000,
) -> CallServer:
    """Serve incoming calls: ``app.add_routes(serve_calls(client, on_call, secret).app.aiohttp_routes())``."""
    return CallServer(client, on_call, secrets, max_seconds=max_seconds, max_calls=max_calls)
