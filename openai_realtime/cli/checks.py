"""A check-up: is everything there that a first call needs, and if not, what to do about it."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

import attrs

from openai_realtime import __version__
from openai_realtime._config import ClientOptions, RetryPolicy, proxy_for, resolve_config
from openai_realtime._sync.client import RealtimeClient
from openai_realtime.errors import APIStatusError, ConfigurationError, RealtimeError
from openai_realtime.models.client_secrets import ExpiresAfter, RealtimeCreateClientSecretRequest

from .facts import http_facts

T = TypeVar("T")

_NETWORK_SECONDS: Final = 5.0  # for each of DNS, TCP and TLS
_ACCESS_SECONDS: Final = 30.0
_SHORTEST_LIFE: Final = 10  # seconds, the least the API takes
_KEYS: Final = "https://platform.openai.com/api-keys"
_FIXES: Final = {
    401: f"the server does not know this key: copy it anew, or make one at {_KEYS}",
    403: f"the key may not do this: give it the Realtime permissions at {_KEYS}, or use another project's key",
    404: "no API there: a base URL ends in /v1 for most servers",
    429: "too many requests, or no credit: see https://platform.openai.com/settings/organization/billing",
}


@attrs.frozen
class Check:
    """One line of the report. `ok` is None for a check that was left out; `fix` says what to do."""

    name: str
    ok: bool | None
    found: str
    fix: str = ""


def _good(name: str, found: str) -> Check:
    return Check(name, ok=True, found=found)


def _bad(name: str, found: str, fix: str) -> Check:
    return Check(name, ok=False, found=found, fix=fix)


def _left_out(name: str, why: str = "not tried") -> Check:
    return Check(name, ok=None, found=why)


def examine(options: ClientOptions, environ: Mapping[str, str]) -> Iterator[Check]:
    """All checks, each made when it is asked for; the last ones need the ones before."""
    yield _good("Python", f"{platform.python_version()} on {platform.system()}")
    yield check_libraries(required(_requirements()), importlib.metadata.version)
    key = check_key(options.get("api_key") or environ.get("OPENAI_API_KEY") or "")
    yield key
    url = check_base_url(options, environ)
    yield url
    network = check_network(urlsplit(url.found), options.get("timeout")) if url.ok else _left_out("Network")
    yield network
    reachable = key.ok and url.ok and network.ok is not False
    yield check_access(options) if reachable else _left_out("Access")


def _requirements() -> Sequence[str]:
    try:
        return importlib.metadata.requires("openai-realtime") or ()
    except importlib.metadata.PackageNotFoundError:
        return ()  # run from its source without being installed


def required(requirements: Sequence[str]) -> dict[str, str]:
    """The least version of each library that the package or its command line needs, from its metadata."""
    pattern = re.compile(r"([\w-]+)>=([\d.]+)(?:;extra==.cli.)?")
    found = (pattern.fullmatch(line.replace(" ", "")) for line in requirements)
    return {match[1]: match[2] for match in found if match}


def check_libraries(least: Mapping[str, str], installed: Callable[[str], str]) -> Check:
    """The installed versions beside the least ones; `installed` gives the version of a library."""
    found = {name: installed(name) for name in least}
    old = [f"{name}>={least[name]}" for name in least if _numbers(found[name]) < _numbers(least[name])]
    text = ", ".join(f"{name} {version}" for name, version in {"openai-realtime": __version__, **found}.items())
    if old:
        return _bad("Libraries", text, "pip install " + " ".join(map(repr, old)))
    return _good("Libraries", text)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def check_key(key: object) -> Check:
    """Whether the key is there and looks like one. Nothing of it is shown."""
    if not key:
        return _bad("Key", "OPENAI_API_KEY is not set", f"export OPENAI_API_KEY=sk-... with a key from {_KEYS}")
    text = str(key).strip()
    try:
        resolve_config({"api_key": text}, {})
    except ConfigurationError as error:
        return _bad("Key", str(error), "copy the key anew into OPENAI_API_KEY")
    if text.startswith("ek_"):
        return _bad("Key", "a client secret, which mints no others", f"set an API key from {_KEYS}")
    if text.startswith("sk-") and not re.fullmatch(r"sk-[\w-]{16,}", text):
        return _bad("Key", "cut short, or an example", f"copy it anew, or make one at {_KEYS}")
    return _good("Key", "sk-***" if text.startswith("sk-") else "set, in another form than OpenAI's sk-...")


def check_base_url(options: ClientOptions, environ: Mapping[str, str]) -> Check:
    """The base URL in use, if it is one."""
    try:
        # The key has a line of its own; here any will do.
        url = resolve_config({**options, "api_key": "any"}, environ).base_url
    except ConfigurationError as error:
        return _bad("Base URL", str(error), "correct OPENAI_BASE_URL or --base-url")
    parts = urlsplit(url)
    if parts.hostname == "api.openai.com" and parts.path != "/v1":
        return _bad("Base URL", url, "OpenAI's is https://api.openai.com/v1")
    return _good("Base URL", url)


def check_network(url: SplitResult, timeout: object = None) -> Check:
    """Whether the host has an address, takes connections, and has a certificate that this machine trusts."""
    proxy = proxy_for(url.geturl())
    if proxy:
        return _left_out("Network", f"through the proxy {urlsplit(proxy).hostname}; the next line tests it")
    seconds = min(_NETWORK_SECONDS, timeout) if isinstance(timeout, int | float) else _NETWORK_SECONDS
    host = url.hostname or ""
    try:
        return _good("Network", _probe(host, url.port or (443 if url.scheme == "https" else 80), url, seconds))
    except (OSError, UnicodeError) as error:
        text = f"no answer within {seconds:g} s" if isinstance(error, TimeoutError) else str(error)
        return _bad("Network", f"{host}: {text}", _network_fix(error))


def _probe(host: str, port: int, url: SplitResult, seconds: float) -> str:
    """Open and close a connection, and tell what was seen. Raises OSError, or UnicodeError."""
    addresses = _within(seconds, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    with _connect([str(address[4][0]) for address in addresses], port, seconds) as connection:
        seen = f"{connection.getpeername()[0]} port {port} answers"
        if url.scheme != "https":
            return seen
        with ssl.create_default_context().wrap_socket(connection, server_hostname=host) as secure:
            return f"{seen}, {secure.version()}"


def _within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` gives, from a thread that is left behind if it takes longer: getaddrinfo knows no timeout."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except (OSError, UnicodeError) as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(seconds)


def _connect(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """A connection to the first address that takes one. Raises the last address's OSError."""
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection((address, port), seconds)
        except OSError:
            continue
    return socket.create_connection((last, port), seconds)


def _network_fix(error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "check the host name in the base URL, and this machine's DNS"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate is not trusted: name your company's CA file in SSL_CERT_FILE"
    if isinstance(error, ssl.SSLError):
        return "no TLS there: is the base URL's port right, or should it be http?"
    return "is a server running there? Otherwise look at firewall and VPN, or set HTTPS_PROXY"


def check_access(options: ClientOptions) -> Check:
    """Whether the server takes the key: mint a client secret with the shortest life."""
    request = RealtimeCreateClientSecretRequest(expires_after=ExpiresAfter(anchor="created_at", seconds=_SHORTEST_LIFE))
    once: ClientOptions = {
        **options,
        "retry": RetryPolicy(max_retries=0),
        "timeout": options.get("timeout") or _ACCESS_SECONDS,
    }
    try:
        with RealtimeClient(**once) as client:
            answer = client.create_realtime_client_secret(request)
    except RealtimeError as error:
        return _bad("Access", str(error), _access_fix(error))
    return _good("Access", "a client secret was minted: " + ", ".join(text for _, text in http_facts(answer.http)))


def _access_fix(error: RealtimeError) -> str:
    if not isinstance(error, APIStatusError):
        return "see the lines above, and the proxy settings"
    return _FIXES.get(error.status, "try again later; https://status.openai.com tells of outages")
