"""The checks that ask the server: a client secret over HTTP, a session over a WebSocket, the end of a model."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, date, datetime
from typing import Any, Final

from openai_realtime._codec.json import load_object
from openai_realtime._config import ClientOptions, ConnectOptions, resolve_config
from openai_realtime._sync.client import RealtimeClient
from openai_realtime._transport.http import Transport
from openai_realtime._transport.messages import Request
from openai_realtime._transport.pool import Pool
from openai_realtime._transport.retry import RetryPolicy
from openai_realtime.errors import APIResponseError, APIStatusError, APITimeoutError, RealtimeError
from openai_realtime.models.client_secrets import ExpiresAfter, RealtimeCreateClientSecretRequest

from .checks import KEYS, Check, failed, passed, skipped
from .facts import http_facts
from .settings import MODEL

_SHORTEST_LIFE: Final = 10  # seconds, the least the API takes
_NO_API: Final = "no API there: a base URL ends in /v1 for most servers"
_OUTAGES: Final = "try again later; https://status.openai.com tells of outages"
_SERVER_ERROR: Final = 500
_FIXES: Final = {
    401: f"the server does not know this key: copy it anew, or make one at {KEYS}",
    403: f"the key may not do this: give it the Realtime permissions at {KEYS}, or use another project's key",
    404: _NO_API,
    429: "too many requests, or no credit: see https://platform.openai.com/settings/organization/billing",
}
_FIXES_BY_CODE: Final = {
    "model_not_found": "name a model of this server with --model",
    "invalid_model": "name a model of this server with --model",
    "call_id_not_found": "the call is over or never was; `call create` and webhooks tell the ids",
}


def check_access(options: ClientOptions) -> Check:
    """Check that the server takes the key: mint a client secret with the shortest life."""
    request = RealtimeCreateClientSecretRequest(expires_after=ExpiresAfter(anchor="created_at", seconds=_SHORTEST_LIFE))
    try:
        with RealtimeClient(**_once(options)) as client:
            answer = client.create_realtime_client_secret(request)
    except RealtimeError as error:
        return failed("Access", str(error), access_fix(error))
    return passed("Access", "a client secret was minted: " + ", ".join(text for _, text in http_facts(answer.http)))


def check_session(options: ClientOptions, connect: ConnectOptions, model: str) -> Check:
    """Check that a session with `model` opens over a WebSocket."""
    started = time.perf_counter()
    try:
        with RealtimeClient(**_once(options)) as client, client.connect(model=model, options=connect):
            took = (time.perf_counter() - started) * 1000
    except RealtimeError as error:
        return failed("WebSocket", str(error), access_fix(error))
    return passed("WebSocket", f"a session with {model} was opened in {took:.0f} ms")


def check_model(options: ClientOptions, model: str) -> Check:
    """Check that `model` has not reached its end, if the server's list of models tells one."""
    try:
        models = asyncio.run(_models(_once(options)))
    except RealtimeError:
        return skipped("Model", "the server has no list of models")
    end = next((_day(entry.get("shutdown_date")) for entry in models if entry.get("id") == model), None)
    if end is None:
        return passed("Model", f"no end of {model} is announced")
    if end <= datetime.now(UTC).date():
        return failed("Model", f"{model} ended on {end}", f"name another with --model; {MODEL} is the default")
    return passed("Model", f"{model} works until {end}")


def access_fix(error: RealtimeError) -> str:
    """Say what to do about a server that answered, but not as asked."""
    match error:
        case APITimeoutError():
            return f"--timeout SECONDS waits longer; {_OUTAGES}"
        case APIResponseError():
            return f"{_NO_API}; or a proxy or a login page is in between"
        case APIStatusError():
            fix = _FIXES_BY_CODE.get(str(error.code)) or _FIXES.get(error.status)
            return fix or (_OUTAGES if error.status >= _SERVER_ERROR else "the server says why")
    return "the host answers and then breaks off: look at the proxy settings, and at http or https in the base URL"


def _once(options: ClientOptions) -> ClientOptions:
    return {**options, "retry": RetryPolicy(max_retries=0)}


async def _models(options: ClientOptions) -> list[dict[str, Any]]:
    """Fetch the server's list of models; what is none in it is left out."""
    pool = Pool()
    try:
        answer, _ = await Transport(resolve_config(options, os.environ), pool).send(
            Request(method="GET", path="/models")
        )
    finally:
        await pool.close()
    data = load_object(answer.body).get("data")
    return [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []


def _day(value: object) -> date | None:
    """Read a day: UNIX seconds, or text that begins as ``2027-01-20``."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).date()
        return date.fromisoformat(str(value)[:10])
    except (ValueError, OverflowError, OSError):
        return None
