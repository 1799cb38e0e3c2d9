import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
from support.cli import DEADLINE

from openai_realtime.cli.checks import Check
from openai_realtime.cli.network import check_network
from openai_realtime.emulator import Emulator

# Made for these tests, for 127.0.0.1, good for a hundred years; it protects nothing.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoL9wztREKfs/u7Je
/dV0NAKfQA4gUT4Pb9CKb0tibBahRANCAAS2eNw6ZgmRJ1XmWJdiSFuZKllEQnX1
RTW4cv56U56ODhM6wCRR++t7PUbOFpFQXDh5LjlienMyYAbKSN4j+9Kt
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUIengwXiLzGRuF2onXIRjK4YKJ5UwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTA2MDIyNFoYDzIxMjYxMDI4
MDYwMjI0WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAS2eNw6ZgmRJ1XmWJdiSFuZKllEQnX1RTW4cv56U56ODhM6wCRR++t7
PUbOFpFQXDh5LjlienMyYAbKSN4j+9Kto2QwYjAdBgNVHQ4EFgQUbuqMME2jE62J
ElTW+Nol91JwSN4wHwYDVR0jBBgwFoAUbuqMME2jE62JElTW+Nol91JwSN4wDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IQCASQ/E1+pj0P00h0utMXTsGJbVrJm+yQ/FUyAqayvYZgIgPhlUrC6YuvHmtOMt
iJJNzxAVgx+Mmy15EOr8prCqFf0=
-----END CERTIFICATE-----
"""


def network(url: str, seconds: float = DEADLINE) -> Check:
    return check_network(urlsplit(url), seconds)


def test_network_of_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    check = network(f"http://127.0.0.1:{port}/v1")
    assert not check.ok
    assert check.fix.startswith("is a server running there?")


def test_network_behind_a_proxy_is_left_to_the_access_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:hidden@proxy.invalid:8080")
    check = network("https://api.openai.com/v1")
    assert (check.ok, check.found) == (None, "through the proxy proxy.invalid; the next line tests it")


def test_network_without_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    check = network("https://api.openai.com/v1")
    assert not check.ok
    assert check.fix.startswith("check the host name")


def test_network_of_a_host_that_no_resolver_takes() -> None:
    check = network("https://ex..ample.com/v1")
    assert not check.ok
    assert check.fix.startswith("check the host name")


def test_network_with_dns_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(DEADLINE))
    try:
        check = network("https://api.openai.com/v1", 0.05)
    finally:
        done.set()
    assert (check.ok, check.found) == (False, "api.openai.com: no answer within 0.05 s")


def test_network_tries_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        monkeypatch.setattr(socket, "create_connection", only_numeric(socket.create_connection))
        assert network(f"http://two.invalid:{port}/v1").found == f"127.0.0.1 port {port} answers"


def only_numeric(connect: Callable[..., socket.socket]) -> Callable[..., socket.socket]:
    """create_connection resolves names itself, which the test above has replaced: connect directly."""

    def direct(address: tuple[str, int], timeout: float) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(timeout)
        try:
            connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection

    assert callable(connect)
    return direct


class TlsServer:
    """Takes one connection and shakes hands, or does not."""

    def __init__(self, certificate: Path, *, silent: bool = False) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.silent = silent
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.serve)

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(DEADLINE)
        with connection:
            if self.silent:
                self.done.wait(DEADLINE)
                return
            with contextlib.suppress(OSError):  # the client may not trust us
                self.context.wrap_socket(connection, server_side=True).close()

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join(DEADLINE)
        self.listener.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    file = tmp_path / "certificate.pem"
    file.write_text(CERTIFICATE)
    return file


def test_network_with_a_trusted_certificate(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with TlsServer(certificate) as server:
        check = network(server.url)
    assert (check.ok, check.fix) == (True, "")
    assert re.fullmatch(r"127\.0\.0\.1 port \d+ answers, TLSv1\.3", check.found)


def test_network_with_a_certificate_of_nobody(certificate: Path) -> None:
    with TlsServer(certificate) as server:
        check = network(server.url)
    assert not check.ok
    assert "SSL_CERT_FILE" in check.fix


def test_network_with_a_server_that_says_nothing(certificate: Path) -> None:
    with TlsServer(certificate, silent=True) as server:
        check = network(server.url, 0.1)
    assert (check.ok, check.found) == (False, "127.0.0.1: no answer within 0.1 s")


def test_network_with_a_server_that_speaks_no_tls(emulator: Emulator) -> None:
    check = network(emulator.base_url.replace("http:", "https:"))
    assert not check.ok
    assert check.fix.startswith("no TLS there")
