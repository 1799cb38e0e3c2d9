"""`CallServer`: takes the webhook of an incoming phone call, and runs your function for each call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

from openai_realtime import AsyncRealtimeClient
from openai_realtime._codec.check import check
from openai_realtime._connection.tasks import stop
from openai_realtime._redaction import Secret, without_frames
from openai_realtime.errors import ConfigurationError, RealtimeError, WebhookVerificationError
from openai_realtime.models.sessions import RealtimeSessionConfig
from openai_realtime.models.webhooks import RealtimeCallIncoming, SipHeader

from .app import WebApp
from .messages import WebRequest, WebResponse
from .ownership import CallOwnership, MemoryCalls, OwnedCall
from .webhooks import check_secrets, unwrap_webhook

if TYPE_CHECKING:
    from openai_realtime import AsyncRealtimeConnection

__all__ = ["CallServer", "IncomingCall", "serve_calls"]

_log: Final = logging.getLogger("openai_realtime.web")
_BUSY_HERE: Final = 486


class IncomingCall:
    """A phone call: a new one, which nobody has answered, or one that a worker which is gone has left.

    Accept, reject or refer a new one within some seconds, or it is over. For one that was left, `accept` does nothing,
    and `conversation` has what the owner before saved.
    """

    def __init__(self, client: AsyncRealtimeClient, owned: OwnedCall) -> None:
        self.event = owned.event
        self.call_id: str = owned.event.data.call_id
        self.sip_headers: Sequence[SipHeader] = owned.event.data.sip_headers
        """As the caller sent them: do not trust them."""
        self.state: Literal["ringing", "accepted", "ended"] = "ringing"
        self._client = client
        self._owned = owned
        self._may_accept = False

    def __repr__(self) -> str:
        return f"<IncomingCall {self.call_id} {self.state}>"

    @property
    def conversation(self) -> Any:
        """What was saved of the call, as JSON; None at first."""
        return self._owned.conversation

    async def accept(self, session: RealtimeSessionConfig, *, safety_identifier: str | None = None) -> None:
        """Answer with a session. Its settings are checked here: the API takes bad ones, and the call then dies.

        `safety_identifier` is the caller's, for this and for `connect`. After a failure it may be tried again. Raises
        InvalidRequestError, and what `AsyncRealtimeClient.accept_realtime_call` raises.
        """
        check(session, RealtimeSessionConfig)
        if safety_identifier is not None:
            self._client = self._client.with_options(safety_identifier=safety_identifier)
        self._may_accept = self._may_accept or await self._owned.begin_accept()
        if self._may_accept and self.state == "ringing":
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

    @without_frames
    def connect(self, **options: Any) -> AbstractAsyncContextManager[AsyncRealtimeConnection]:
        """Open the call's sideband, with the options of `AsyncRealtimeClient.connect`."""
        return self._client.connect(call_id=self.call_id, **options)

    async def save(self, conversation: Any) -> None:
        """Keep JSON, such as ``Conversation.to_json()``, for the worker that takes the call over from this one."""
        await self._owned.save(conversation)

    async def is_ours(self) -> bool:
        """Ask whether this worker owns the call. Do so before what must not be done twice, such as a booking."""
        return await self._owned.is_ours()


OnCall: TypeAlias = Callable[[IncomingCall], Awaitable[None]]


class CallServer:
    """Verifies webhooks, answers them at once, and runs `on_call` in a task for each call; `serve_calls` makes it.

    `app` serves POST /webhook as ASGI or in aiohttp.web. Use it as an async context manager, or call `start` and
    `close`; an ASGI lifespan of `app` does both. When `on_call` returns or fails, a call that it did not answer is
    rejected, and one that is still there is ended; so is one whose `max_seconds` are over.
    """

    def __init__(  # noqa: PLR0913 - as `serve_calls`
        self,
        client: AsyncRealtimeClient,
        on_call: OnCall,
        secrets: str | Iterable[str],
        *,
        ownership: CallOwnership | None,
        max_seconds: float | None,
        max_calls: int,
    ) -> None:
        if not callable(on_call):
            raise ConfigurationError("on_call: needs an async function that is given the call")
        self._client = client
        self._on_call = on_call
        self._secrets = Secret([secrets] if isinstance(secrets, str | None) else list(secrets))
        check_secrets(self._secrets.reveal())
        self._ownership: CallOwnership = MemoryCalls() if ownership is None else ownership
        self._max_seconds = max_seconds
        self._free = asyncio.Semaphore(max_calls)
        self._calls: dict[asyncio.Task[None], str] = {}
        self._claiming: asyncio.Task[None] | None = None
        self._draining = False
        self._closing = asyncio.Event()
        self.app = WebApp({("POST", "/webhook"): self.webhook}, on_start=self.start, on_close=self.close)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def calls(self) -> list[str]:
        """The ids of the calls under way."""
        return [*self._calls.values()]

    async def start(self) -> None:
        """Begin to take calls. Calling it again does nothing."""
        if self._claiming is None and not self._draining:
            self._claiming = asyncio.create_task(self._claim())

    async def webhook(self, request: WebRequest) -> WebResponse:
        """Answer a webhook: 200 when it is genuine, 400 when not, 503 to have it delivered again."""
        try:
            event = unwrap_webhook(request.headers, request.body, self._secrets.reveal())
        except WebhookVerificationError as error:
            _log.warning("a webhook was refused: %s", error)
            return WebResponse.error(400, "invalid_webhook", "the signature does not fit")
        if not isinstance(event, RealtimeCallIncoming):
            return WebResponse()
        if self._draining:
            return _again()
        await self.start()
        try:
            await self._ownership.add(event)
        except Exception:  # noqa: BLE001 - whatever store it is: the call is not kept, and so not answered for
            _log.exception("call %s could not be kept", event.data.call_id)
            return _again()
        return WebResponse()

    async def drain(self, timeout: float | None = None) -> None:
        """Take no more calls, and return when those under way are over or `timeout` seconds have passed."""
        self._draining = True
        self._ownership.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                if self._claiming is not None:
                    await asyncio.wait([self._claiming])
                await self._all_ended()

    async def close(self) -> None:
        """Take no more calls, cancel what is under way, and hand the calls over to other workers, if there are any."""
        self._draining = True
        self._ownership.stop()
        if self._claiming is not None:
            await stop([self._claiming])
        self._closing.set()
        await self._all_ended()
        await self._reject_waiting()
        await self._ownership.close()

    async def _reject_waiting(self) -> None:
        """Reject the calls that wait in memory, where no other worker can have them."""
        try:
            async for owned in self._ownership.claims():
                await self._leave(IncomingCall(self._client, owned), owned)
        except Exception:  # noqa: BLE001 - whatever store it is
            _log.exception("the calls that wait are not rejected")

    async def _all_ended(self) -> None:
        if self._calls:
            await asyncio.wait(self._calls)

    async def _claim(self) -> None:
        """Take one call after the other, as long as there is room for one."""
        claims = self._ownership.claims()
        while True:
            await self._free.acquire()
            try:
                owned = await anext(claims)
            except StopAsyncIteration:
                return
            except Exception:  # noqa: BLE001 - whatever store it is: other workers are to get the webhooks
                _log.exception("no more calls can be taken")
                self._draining = True
                return
            call_id = owned.event.data.call_id
            task = asyncio.create_task(self._run(owned), name=f"call {call_id}")
            self._calls[task] = call_id
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._free.release()
        del self._calls[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s could not be ended", task.get_name(), exc_info=error)

    async def _run(self, owned: OwnedCall) -> None:
        """Run the user's function for a call, as long as this worker owns it and the server is not closed."""
        call = IncomingCall(self._client, owned)
        working = asyncio.create_task(self._work(call))
        losing, closing = asyncio.create_task(owned.lost.wait()), asyncio.create_task(self._closing.wait())
        await asyncio.wait([working, losing, closing], return_when=asyncio.FIRST_COMPLETED)
        lost, over = owned.lost.is_set(), working.done()
        await stop([working, losing, closing])
        if not lost and (over or not await owned.hand_over()):
            await self._leave(call, owned)

    async def _work(self, call: IncomingCall) -> None:
        limit = asyncio.timeout(self._max_seconds)
        try:
            async with limit:
                await self._on_call(call)
        except Exception:  # noqa: BLE001 - of the user's function: it ends this call and no other
            if limit.expired():
                _log.info("call %s: its time is over", call.call_id)
            else:
                _log.exception("call %s: on_call failed", call.call_id)

    async def _leave(self, call: IncomingCall, owned: OwnedCall) -> None:
        """Leave no caller in silence."""
        with contextlib.suppress(RealtimeError):
            if call.state == "ringing":
                await call.reject(_BUSY_HERE)
            elif call.state == "accepted":
                await call.hang_up()
        await owned.release()


def _again() -> WebResponse:
    return WebResponse.error(503, "busy", "deliver it again", {"Retry-After": "1"})


@without_frames
def serve_calls(  # noqa: PLR0913 - keywords, each with a default
    client: AsyncRealtimeClient,
    on_call: OnCall,
    secrets: str | Iterable[str],
    *,
    ownership: CallOwnership | None = None,
    max_seconds: float | None = 3600.0,
    max_calls: int = 1000,
) -> CallServer:
    """Serve incoming calls: ``app.add_routes(serve_calls(client, on_call, secret).app.aiohttp_routes())``.

    `secrets` is the webhook's secret, or several while it is rotated. `ownership` is `MemoryCalls` unless several
    workers share the calls (`RedisCalls`). A worker has `max_calls` at a time; further ones wait.
    """
    return CallServer(client, on_call, secrets, ownership=ownership, max_seconds=max_seconds, max_calls=max_calls)
