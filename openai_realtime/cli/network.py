"""The check of the network: DNS, TCP and TLS, each with its own advice."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from openai_realtime._config import proxy_for

from .checks import Check, failed, passed, skipped

T = TypeVar("T")

_NETWORK_SECONDS: Final = 5.0  # for each of DNS, TCP and TLS


def check_network(url: SplitResult, timeout: object = None) -> Check:
    """Check that the host has an address, takes connections, and has a certificate that this machine trusts."""
    proxy = proxy_for(url.geturl())
    if proxy:
        return skipped("Network", f"through the proxy {urlsplit(proxy).hostname}; the next line tests it")
    seconds = min(_NETWORK_SECONDS, timeout) if isinstance(timeout, int | float) else _NETWORK_SECONDS
    host = url.hostname or ""
    try:
        return passed("Network", _probe(host, url.port or (443 if url.scheme == "https" else 80), url, seconds))
    except (OSError, UnicodeError) as error:
        text = f"no answer within {seconds:g} s" if isinstance(error, TimeoutError) else str(error)
        return failed("Network", f"{host}: {text}", _network_fix(error))


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
    """Run `work` in a thread that is left behind if it takes longer: getaddrinfo knows no timeout."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except (OSError, UnicodeError) as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future.result(seconds)


def _connect(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """Connect to the first address that takes it. Raises the last address's OSError."""
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection((address, port), seconds)
        except OSError:
            continue
    return socket.create_connection((last, port), seconds)


def _network_fix(error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "check the host name in the base URL, and this machine's DNS; --emulator needs none"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate is not trusted: name your company's CA file in SSL_CERT_FILE"
    if isinstance(error, ssl.SSLError):
        return "no TLS there: is the base URL's port right, or should it be http?"
    return "is a server running there? Otherwise look at firewall and VPN, or set HTTPS_PROXY; --emulator needs none"
