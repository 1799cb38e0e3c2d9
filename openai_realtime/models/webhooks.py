"""The webhooks that tell of incoming calls.

From https://platform.openai.com/docs/api-reference/webhook-events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attrs import field, frozen

from .base import UNSET, Maybe, Model

__all__ = [
    "LiveTransportIncoming",
    "RealtimeCallIncoming",
    "RealtimeCallIncomingData",
    "SipHeader",
    "UnknownWebhookEvent",
    "WebhookEvent",
]


@frozen(kw_only=True, repr=False, eq=False)
class SipHeader(Model):
    """A header of the caller's SIP INVITE, as the caller sent it: do not trust it."""

    name: str
    value: str = field(repr=False)


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeCallIncomingData(Model):
    """An incoming call: its `call_id`, and the SIP headers in their order, repeated ones too.

    `sip_media_security` says how the audio travels: ``srtp`` is encrypted, ``rtp`` is not.
    """

    call_id: str
    sip_headers: Sequence[SipHeader]
    sip_media_security: Maybe[Literal["rtp", "srtp"] | str | None] = UNSET

    def sip_header(self, name: str) -> str | None:
        """Return the value of the first header called `name`, in whatever case; None if there is none."""
        found = (header.value for header in self.sip_headers if header.name.lower() == name.lower())
        return next(found, None)


@frozen(kw_only=True, repr=False, eq=False)
class WebhookEvent(Model):
    """The base of webhook events; `created_at` is UNIX seconds."""

    id: str
    created_at: int
    object: Maybe[str] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeCallIncoming(WebhookEvent):
    """Somebody calls over SIP. Accept, reject or refer the call by its id."""

    type: Literal["realtime.call.incoming"] = "realtime.call.incoming"
    data: RealtimeCallIncomingData


@frozen(kw_only=True, repr=False, eq=False)
class LiveTransportIncoming(WebhookEvent):
    """The same call as the Live API tells of it: the first accept, by either API, wins."""

    type: Literal["live.transport.incoming"] = "live.transport.incoming"


@frozen(kw_only=True, repr=False, eq=False)
class UnknownWebhookEvent(WebhookEvent):
    """An event of a type that is not known here; all its data is in `raw`."""

    type: str
