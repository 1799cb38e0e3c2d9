"""`unwrap_webhook`: a webhook that is known to come from OpenAI, as a typed event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from openai_realtime._codec.converter import structure
from openai_realtime._codec.json import load_object
from openai_realtime._extras import load_extra
from openai_realtime._redaction import without_frames
from openai_realtime.errors import ConfigurationError, DecodeError, WebhookVerificationError
from openai_realtime.models.webhooks import (
    LiveTransportIncoming,
    RealtimeCallIncoming,
    UnknownWebhookEvent,
    WebhookEvent,
)

__all__ = ["check_secrets", "unwrap_webhook"]

MAX_BODY: Final = 2**20
_PREFIX: Final = "whsec_"
_EVENTS: Final[Mapping[str, type[WebhookEvent]]] = {
    "realtime.call.incoming": RealtimeCallIncoming,
    "live.transport.incoming": LiveTransportIncoming,
}


@without_frames
def unwrap_webhook(headers: Mapping[str, str], body: bytes, secrets: str | Iterable[str]) -> WebhookEvent:
    """Verify a webhook and return its event, an `UnknownWebhookEvent` if its type is not known here.

    `body` is the body as it came, not parsed. `secrets` is the endpoint's secret (``whsec_...``), or several while it
    is rotated. A webhook signed more than five minutes ago, or ahead of now, is refused. OpenAI delivers one again
    until it is answered: tell redeliveries by the header ``webhook-id``. Raises WebhookVerificationError, whatever the
    sender made up, and ConfigurationError for a body that is no bytes, a secret that is none, a missing extra ``web``.

    https://platform.openai.com/docs/guides/webhooks
    """
    if not isinstance(body, bytes | str):
        raise ConfigurationError("webhook body: needs the bytes as they came; those alone are signed, no parsed JSON")
    if len(body) > MAX_BODY:
        raise WebhookVerificationError(f"the body is over {MAX_BODY} bytes")
    _verify(dict(headers), body, [secrets] if isinstance(secrets, str | None) else list(secrets))
    try:
        event = load_object(body)
    except DecodeError as error:
        raise WebhookVerificationError(f"the body is no event: {error}") from None
    kind = event.get("type")
    cls = _EVENTS.get(kind, UnknownWebhookEvent) if isinstance(kind, str) else UnknownWebhookEvent
    return structure(event, cls)


def check_secrets(secrets: Sequence[str]) -> Sequence[Any]:
    """Return what checks signatures by each secret. Raises ConfigurationError as `unwrap_webhook` does."""
    if not secrets:
        raise ConfigurationError("webhook secret: none is given; it is shown once, when the endpoint is made")
    return [_verifier(secret) for secret in secrets]


def _verify(headers: dict[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Raise WebhookVerificationError unless one of `secrets` signed `body`."""
    reason = ""
    for verifier in check_secrets(secrets):
        try:
            verifier.verify(body, headers, json_parse=False)
        # The library lets through what hostile headers and bodies raise inside it.
        except Exception as error:  # noqa: BLE001
            reason = str(error) if type(error).__name__ == "WebhookVerificationError" else "malformed headers or body"
        else:
            return
    raise WebhookVerificationError(reason)


def _verifier(secret: str) -> Any:
    """Return what checks signatures by `secret`: base64 behind ``whsec_``, else the bytes themselves."""
    (library,) = load_extra("standardwebhooks", need="webhooks need standardwebhooks", extra="web")
    try:
        if not isinstance(secret, str):
            raise ValueError  # noqa: TRY301, TRY004 - as for every other that is none
        return library.Webhook(secret if secret.startswith(_PREFIX) else secret.encode())
    except (ValueError, library.webhooks.EmptyWebhookSecretError):
        failure = ConfigurationError("webhook secret: needs the form whsec_... followed by base64")
    del secret  # a traceback may show local variables
    raise failure
