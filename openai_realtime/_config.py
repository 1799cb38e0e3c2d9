"""The client's settings: arguments first, then the environment, checked once into a frozen `ClientConfig`."""

from __future__ import annotations

import inspect
import ipaddress
import re
import ssl
import threading
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict
from urllib.parse import SplitResult, urlsplit

import attrs
from attrs import field, frozen, validators

from openai_realtime._transport.retry import RetryPolicy

from . import __version__
from ._redaction import Secret, redact
from ._validators import number
from .errors import ConfigurationError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["ApiKey", "ClientOptions", "ConnectOptions", "Timeout"]

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_LINE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]*")  # no control character but the tab
_RESERVED = {
    "authorization": "comes from api_key",
    "api-key": "comes from api_key",
    "host": "comes from base_url",
    # A wrong one cuts the request off, or makes the server wait for more.
    "content-length": "is set for each request, from its body",
    "transfer-encoding": "is set for each request, from its body",
    "connection": "is set for each connection",
    "upgrade": "is set for each connection",
    "sec-websocket-key": "is set for each connection",
    "sec-websocket-version": "is set for each connection",
    "sec-websocket-extensions": "is set for each connection",
}

ApiKey: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A key, or a function (plain or async) that gives one and is asked anew for every request."""


# Locks and clocks overflow beyond TIMEOUT_MAX, which is 292 years on most systems.
_limit: Any = validators.optional(
    number("timeout", "a finite number of seconds above 0", lambda value: 0 < value <= threading.TIMEOUT_MAX)
)
_seconds: Any = number(
    "options", "a finite number of seconds above 0", lambda value: 0 < value <= threading.TIMEOUT_MAX
)
_seconds_or_none: Any = validators.optional(_seconds)
_size: Any = number("options", "a whole number of bytes above 0", lambda value: isinstance(value, int) and value > 0)


@frozen(kw_only=True)
class Timeout:
    """Seconds one attempt may take: to connect, between two reads, and in all. None is no limit."""

    connect: float | None = field(default=5.0, validator=_limit)
    read: float | None = field(default=600.0, validator=_limit)
    total: float | None = field(default=600.0, validator=_limit)


class ClientOptions(TypedDict, total=False):
    """The options of both clients. What is not given comes from the environment, then from the defaults.

    - api_key: OPENAI_API_KEY; an ``ek_`` client secret works too; without a key the first call raises
    - base_url: OPENAI_BASE_URL, else https://api.openai.com/v1
    - organization, project: OPENAI_ORG_ID, OPENAI_PROJECT_ID
    - azure_endpoint: ``https://NAME.openai.azure.com``; the key is then `api_key` or AZURE_OPENAI_API_KEY
    - azure_ad_token_provider: gives an Entra token instead of a key, asked anew for every request
    - default_headers: sent with every request
    - safety_identifier: a stable hash of your end user (OpenAI-Safety-Identifier)
    - timeout: `Timeout`, or seconds for all of one attempt
    - retry: `RetryPolicy`
    - proxy: a URL; else HTTPS_PROXY, HTTP_PROXY and NO_PROXY; never used for loopback
    - ssl: a TLS context; False turns certificate checks off
    - allow_insecure_http: accept http:// to other hosts than this one
    - http_session: your own aiohttp session; it is used and never closed
    """

    api_key: ApiKey | None
    base_url: str | None
    organization: str | None
    project: str | None
    azure_endpoint: str | None
    azure_ad_token_provider: Callable[[], str | Awaitable[str]] | None
    default_headers: Mapping[str, str] | None
    safety_identifier: str | None
    timeout: Timeout | float | None
    retry: RetryPolicy | None
    proxy: str | None
    ssl: ssl.SSLContext | bool
    allow_insecure_http: bool
    http_session: aiohttp.ClientSession | None


def sealed(options: Mapping[str, Any]) -> dict[str, Secret]:
    """Seal each of `options`: a traceback may show local variables, and most can hold a secret."""
    return {name: value if isinstance(value, Secret) else Secret(value) for name, value in options.items()}


@frozen(kw_only=True)
class Credential:
    """Where the secret comes from, and the header that carries it; `missing` says what to set if there is no source."""

    source: Secret | Callable[[], Any] | None
    header: str = "authorization"
    prefix: str = "Bearer "
    missing: str = ""

    async def value(self) -> Secret:
        """Return the header's value, with the key asked for now. Raises ConfigurationError if there is none."""
        if self.source is None:
            raise ConfigurationError(self.missing)
        key: Any = self.source if isinstance(self.source, Secret) else self.source()
        if inspect.isawaitable(key):
            key = await key
        key = key if isinstance(key, Secret) else Secret(key)
        problem = _key_problem(key.reveal())
        if problem:
            raise ConfigurationError(problem)
        return Secret(self.prefix + key.reveal().strip())


@frozen(kw_only=True)
class ClientConfig:
    """The settings of a client, complete and checked."""

    base_url: str
    credential: Credential
    headers: Mapping[str, str | Secret]
    timeout: Timeout
    retry: RetryPolicy
    proxy: Secret | None
    ssl: ssl.SSLContext | bool


def resolve_config(options: Mapping[str, Any], environ: Mapping[str, str]) -> ClientConfig:
    """Complete `options`, sealed or not, from `environ` and check them.

    Raises ConfigurationError that says what to set. That there is no key is said when one is needed.
    """
    options = sealed(options)
    try:
        return _resolve({name: value.reveal() for name, value in options.items()}, environ)
    except ConfigurationError as error:
        failure = error.with_traceback(None)
    del environ  # raised here, where no frame holds a key, because a traceback may show local variables
    raise failure


def _resolve(options: dict[str, Any], environ: Mapping[str, str]) -> ClientConfig:
    unknown = options.keys() - ClientOptions.__annotations__.keys()
    if unknown:
        known = ", ".join(ClientOptions.__annotations__)
        raise ConfigurationError(f"unknown option: {', '.join(sorted(unknown))}; known are {known}")
    base_url = _base_url(options, environ)
    setting = "azure_endpoint" if _azure(options) else "base_url"
    check_url(base_url, allow_insecure=options.get("allow_insecure_http", False), setting=setting)
    return ClientConfig(
        base_url=base_url,
        credential=_azure_credential(options, environ) if _azure(options) else _credential(options, environ),
        headers=_headers(options, {} if _azure(options) else environ),
        timeout=_timeout(options.get("timeout")),
        retry=_retry(options.get("retry")),
        proxy=_proxy(options.get("proxy") or proxy_for(base_url)),
        ssl=_ssl(options.get("ssl", True)),
    )


def check_url(url: str, *, allow_insecure: bool, setting: str = "base_url") -> None:
    """Refuse what would send a key in the clear. Raises ConfigurationError, without quoting the URL's secrets."""
    parts = _split(url)
    # An empty query or fragment is none for urlsplit, and would still swallow the path of an operation.
    if parts is None or any(mark in url for mark in "?#@"):
        form = "https://HOST/v1" if setting == "base_url" else "https://NAME.openai.azure.com"
        raise ConfigurationError(f"{setting}: needs the form {form}, without user, query and fragment")
    host = parts.hostname or ""
    if parts.scheme == "http" and not (is_loopback(host) or allow_insecure):
        raise ConfigurationError(
            f"{setting}: http to {host} would send the key in the clear; use https, or pass allow_insecure_http=True"
        )


def _split(url: object) -> SplitResult | None:
    """Split an http or https URL with a host; None for anything else."""
    if not isinstance(url, str) or any(character.isspace() for character in url):
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")  # as the resolver will: no empty label, and none over 63 characters
    except ValueError:
        return None
    return parts if usable else None


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def proxy_for(url: str) -> str | None:
    """Find the proxy that the environment names for `url`; none for loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    # With a port and brackets, as a URL has it, and without.
    if is_loopback(host) or any(map(urllib.request.proxy_bypass, (host, parts.netloc))):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _azure(options: Mapping[str, Any]) -> bool:
    return bool(options.get("azure_endpoint"))


def _base_url(options: Mapping[str, Any], environ: Mapping[str, str]) -> str:
    endpoint, given = options.get("azure_endpoint"), options.get("base_url")
    if endpoint and given:
        raise ConfigurationError("give azure_endpoint or base_url, not both")
    if endpoint:
        return _tidy(endpoint).removesuffix("/openai/v1").removesuffix("/openai") + "/openai/v1"
    return _tidy(given or environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL)


def _tidy(url: object) -> str:
    """Strip the slash at the end of a URL and write its scheme in lower case, as the rest of the code expects."""
    scheme, colon, rest = str(url).strip().rstrip("/").partition(":")
    return scheme.lower() + colon + rest


def _credential(options: Mapping[str, Any], environ: Mapping[str, str]) -> Credential:
    if options.get("azure_ad_token_provider"):
        raise ConfigurationError("azure_ad_token_provider needs azure_endpoint")
    key = options.get("api_key") or environ.get("OPENAI_API_KEY")
    return Credential(
        source=_source(key),
        missing="no API key: set OPENAI_API_KEY or pass api_key=...; "
        "to try without one, use openai_realtime.emulator or `openai-realtime demo`",
    )


def _azure_credential(options: Mapping[str, Any], environ: Mapping[str, str]) -> Credential:
    provider = options.get("azure_ad_token_provider")
    if provider:
        return Credential(source=_source(provider))
    # OPENAI_API_KEY is another company's secret: it never goes to Azure.
    return Credential(
        source=_source(options.get("api_key") or environ.get("AZURE_OPENAI_API_KEY")),
        header="api-key",
        prefix="",
        missing="no Azure credential: set AZURE_OPENAI_API_KEY or pass api_key=... or azure_ad_token_provider=...",
    )


def _source(key: Any) -> Secret | Callable[[], Any] | None:
    """Take `key` as a source: a function, or a key that is checked now. None if it is empty."""
    if not key or callable(key):
        return key or None
    problem = _key_problem(key)
    if problem:
        raise ConfigurationError(problem)
    return Secret(key)


def _key_problem(key: object) -> str:
    """Why `key` cannot stand in a header, without a word of it; empty if it can."""
    if not isinstance(key, str) or not key.strip():
        return "api_key: empty, or no string"
    if not (key.strip().isascii() and key.strip().isprintable()) or " " in key.strip():
        return "api_key: holds characters that no key has; was more copied than the key?"
    return ""


def _headers(options: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str | Secret]:
    organization = options.get("organization") or environ.get("OPENAI_ORG_ID")
    project = options.get("project") or environ.get("OPENAI_PROJECT_ID")
    named = {"OpenAI-Organization": organization, "OpenAI-Project": project}
    check_headers("default_headers", named)
    return {
        "user-agent": f"openai-realtime-python/{__version__}",
        **{name.lower(): value for name, value in named.items() if value},
        **check_headers("default_headers", {"OpenAI-Safety-Identifier": options.get("safety_identifier")}),
        **check_headers("default_headers", options.get("default_headers")),
    }


def check_headers(setting: str, given: Any) -> dict[str, Secret]:
    """Check and seal the headers of a `setting`, and write their names, which may come in any case, in lower case.

    Raises ConfigurationError for what may not stand in a request.
    """
    if given is not None and not isinstance(given, Mapping):
        raise ConfigurationError(f"{setting}: needs a dict of names and values")
    headers = {name: value for name, value in (given or {}).items() if value}
    for name, value in headers.items():
        _check_header(setting, name, value)
    return {name.lower(): Secret(value) for name, value in headers.items()}


def _check_header(setting: str, name: object, value: object) -> None:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise ConfigurationError(f"{setting}: {redact(repr(name))} is no name of a header")
    if name.lower() in _RESERVED:
        raise ConfigurationError(f"{setting}: {name} {_RESERVED[name.lower()]}")
    if not isinstance(value, str) or not _LINE.fullmatch(value):
        raise ConfigurationError(f"header {name!r}: its value is no single line of text")


def _timeout(given: Timeout | float | None) -> Timeout:
    if isinstance(given, Timeout):
        return given
    if given is None:
        return Timeout()
    timeout = Timeout(read=given, total=given)
    return attrs.evolve(timeout, connect=min(5.0, given))


def _ssl(given: object) -> ssl.SSLContext | bool:
    if not isinstance(given, ssl.SSLContext | bool):
        raise ConfigurationError("ssl: needs an ssl.SSLContext, or True or False")
    return given


def _retry(given: RetryPolicy | None) -> RetryPolicy:
    if given is not None and not isinstance(given, RetryPolicy):
        raise ConfigurationError("retry: needs a RetryPolicy, such as RetryPolicy(max_retries=0)")
    return given or RetryPolicy()


def _proxy(given: Any) -> Secret | None:
    """Seal the proxy's URL; the environment often names it without the scheme. The error quotes no password."""
    if given is None:
        return None
    url = f"http://{given}" if "://" not in str(given) else given
    if _split(url) is None:
        raise ConfigurationError("proxy: needs the form http://HOST:PORT; other kinds of proxy are not supported")
    return Secret(url)


@frozen(kw_only=True)
class ConnectOptions:
    """The tuning of one connection.

    `open_timeout` is seconds until the first event, `heartbeat` seconds of silence before a ping (None for none): a
    server that is gone without a word is noticed after 1.5 to 2.5 times as long. Sizes are bytes: of the largest
    message, and of the events that nobody has read yet, 512 at least for each. Without `wait_for_session` the
    connection is open after the upgrade, and settings are sent and not waited for: for servers that say neither
    session.created nor session.updated.
    """

    open_timeout: float = field(default=10.0, validator=_seconds)
    heartbeat: float | None = field(default=20.0, validator=_seconds_or_none)
    max_message_size: int = field(default=16 * 2**20, validator=_size)
    buffer_size: int = field(default=16 * 2**20, validator=_size)
    wait_for_session: bool = True
