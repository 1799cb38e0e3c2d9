"""WebRTC and SIP calls: what opens, rejects and refers them."""

from __future__ import annotations

from typing import Annotated

from attrs import frozen

from .base import UNSET, Maybe, Model
from .constraints import Between, Length, Pattern
from .http import HTTPResult
from .sessions import RealtimeSessionConfig

__all__ = ["RealtimeCall", "RealtimeCallCreateRequest", "RealtimeCallReferRequest", "RealtimeCallRejectRequest"]


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeCallCreateRequest(Model):
    """What POST /realtime/calls takes: an SDP offer, and the session unless the client secret has it."""

    sdp: Annotated[str, Pattern(r"v=[^\ud800-\udfff]*", "an SDP offer, which starts with v=0")]
    session: Maybe[RealtimeSessionConfig] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeCall(HTTPResult):
    """An opened call: the SDP answer, and the id that its control requests and sideband take."""

    sdp: str
    call_id: str
    location: str


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeCallRejectRequest(Model):
    """Body of reject: the SIP status for the caller, 300 to 699; the API's default is 603 (Decline)."""

    status_code: Maybe[Annotated[int, Between(300, 699)]] = UNSET


@frozen(kw_only=True, repr=False, eq=False)
class RealtimeCallReferRequest(Model):
    """Body of refer: where the call goes, ``tel:+14155550123`` or ``sip:agent@example.com``."""

    target_uri: Annotated[str, Length(1)]
