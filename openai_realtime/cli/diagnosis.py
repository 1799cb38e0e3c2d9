"""What `doctor` examines, and the one line of it that a failed command ends with."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from openai_realtime._config import ClientOptions, ConnectOptions
from openai_realtime.errors import (
    APIConnectionError,
    APIError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConnectionClosedError,
    NotFoundError,
    UnprocessableEntityError,
)

from .access import access_fix, check_access, check_model, check_session
from .checks import Check, check_base_url, check_key, check_libraries, check_python, required, requirements, skipped
from .network import check_network

_OF_SETTINGS = (ConfigurationError, APIError, ConnectionClosedError)
_OF_THE_REQUEST = (BadRequestError, ConflictError, UnprocessableEntityError)


def examine(options: ClientOptions, environ: Mapping[str, str], connect: ConnectOptions, model: str) -> Iterator[Check]:
    """Make all checks, each when it is asked for; the last ones need the ones before."""
    yield check_python()
    yield check_libraries(required(requirements()), importlib.metadata.version)
    key, url = _settings(options, environ)
    yield key
    yield url
    network = check_network(urlsplit(url.found), options.get("timeout")) if url.ok else skipped("Network")
    yield network
    if key.ok and url.ok and network.ok is not False:
        yield check_access(options)
        yield check_session(options, connect, model)
        yield check_model(options, model)
    else:
        yield from map(skipped, ("Access", "WebSocket", "Model"))


def advise(error: Exception, options: ClientOptions, environ: Mapping[str, str]) -> str:
    """Say in one line what to do about a command's `error`; nothing if no setting can be the cause.

    Contacts the host, for a few seconds at most, if the error says that it gave no answer.
    """
    if not isinstance(error, _OF_SETTINGS) or isinstance(error, _OF_THE_REQUEST):
        return ""
    key, url = _settings(options, environ)
    checks = [key, url]
    if url.ok and isinstance(error, APIConnectionError):
        checks.append(check_network(urlsplit(url.found), options.get("timeout")))
    wrong = next((check for check in checks if check.ok is False), None)
    if wrong is not None:
        return wrong.fix
    if isinstance(error, NotFoundError) and not error.code and not url.found.endswith("/v1"):
        return f"no API there: the base URL of most servers ends in /v1; try {url.found}/v1"
    if isinstance(error, APIError):
        return access_fix(error)
    return "openai-realtime doctor checks the settings and the server"


def _settings(options: ClientOptions, environ: Mapping[str, str]) -> tuple[Check, Check]:
    url = check_base_url(options, environ)
    host = urlsplit(url.found).hostname if url.ok else None
    key = options.get("api_key") or environ.get("OPENAI_API_KEY")
    return (check_key(key, host) if host else check_key(key)), url
