"""Options, environment and defaults become one checked, frozen value that shows no secret."""

import ssl
import traceback
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from openai_realtime import __version__
from openai_realtime._config import (
    ClientConfig,
    ClientOptions,
    ConnectOptions,
    RetryPolicy,
    Timeout,
    is_loopback,
    proxy_for,
    resolve_config,
    sealed,
)
from openai_realtime._redaction import Secret
from openai_realtime.errors import ConfigurationError, RealtimeError

KEY = "sk-config-0123456789abcdef"
AZURE = "https://example.openai.azure.com"
OPENAI_ENVIRON = {
    "OPENAI_API_KEY": KEY,
    "OPENAI_BASE_URL": "https://gateway.example/v1",
    "OPENAI_ORG_ID": "org-env",
    "OPENAI_PROJECT_ID": "proj-env",
}
PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def _no_proxy_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def config(environ: dict[str, str] | None = None, **options: Any) -> ClientConfig:
    return resolve_config(ClientOptions(**options), {"OPENAI_API_KEY": KEY} if environ is None else environ)


def refusal(environ: dict[str, str] | None = None, **options: Any) -> ConfigurationError:
    """The error that `options` bring, shown to hold no key and nothing of the environment."""
    with pytest.raises(ConfigurationError) as caught:
        config(environ, **options)
    frames = caught.value.__traceback__.tb_next.tb_next  # the first two are this test's own
    shown = traceback.TracebackException(ConfigurationError, caught.value, frames, capture_locals=True)
    assert KEY not in "".join(shown.format()) + repr(caught.value)
    return caught.value


# --- defaults, arguments and environment -----------------------------------------------------------------------------


def test_the_defaults() -> None:
    made = config()
    assert made.base_url == "https://api.openai.com/v1"
    assert made.headers == {"user-agent": f"openai-realtime-python/{__version__}"}
    assert made.timeout == Timeout(connect=5.0, read=600.0, total=600.0)
    assert made.retry == RetryPolicy(max_retries=2, initial_delay=0.5, max_delay=8.0, give_up_after=60.0)
    assert made.proxy is None
    assert made.ssl is True
    assert (made.credential.header, made.credential.prefix) == ("authorization", "Bearer ")


def test_the_environment_fills_in() -> None:
    made = config(OPENAI_ENVIRON)
    assert made.base_url == "https://gateway.example/v1"
    assert made.headers["openai-organization"] == "org-env"
    assert made.headers["openai-project"] == "proj-env"
    assert made.credential.source == Secret(KEY)


def test_arguments_come_before_the_environment() -> None:
    made = config(OPENAI_ENVIRON, api_key="sk-mine", base_url="https://mine.example/v1/", organization="o", project="p")
    assert made.credential.source == Secret("sk-mine")
    assert made.base_url == "https://mine.example/v1"
    assert (made.headers["openai-organization"], made.headers["openai-project"]) == ("o", "p")


def test_empty_environment_values_are_unset() -> None:
    made = config({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "", "OPENAI_ORG_ID": "", "OPENAI_PROJECT_ID": ""})
    assert made == config()
    assert "no API key" in missing({"OPENAI_API_KEY": ""})


def test_no_key_says_what_to_set() -> None:
    message = missing({})
    assert "OPENAI_API_KEY" in message
    assert "api_key=" in message
    assert "emulator" in message


def test_an_unknown_option_is_named() -> None:
    assert str(refusal(max_retries=3, api_base="x")).startswith("unknown option: api_base, max_retries; known are ")


def test_headers_from_options() -> None:
    made = config(safety_identifier="user-hash", default_headers={"X-Team": "voice", "user-agent": "mine/1"})
    revealed = {"user-agent": "mine/1", "openai-safety-identifier": "user-hash", "x-team": "voice"}
    assert made.headers == {name: Secret(value) for name, value in revealed.items()}


@pytest.mark.parametrize("name", ["Authorization", "authorization", "api-key", "API-Key"])
def test_default_headers_cannot_replace_the_key(name: str) -> None:
    assert "comes from api_key" in str(refusal(default_headers={name: KEY}))


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "a\x1b[0m", "a\x7f", "a\x85", "\ud800", 5, b"bytes"]
)
def test_a_header_is_a_line_of_text(value: Any) -> None:
    assert "single line" in str(refusal(default_headers={"X-Team": value}))
    assert "single line" in str(refusal(safety_identifier=value))


def test_a_tab_is_part_of_a_line() -> None:
    assert config(default_headers={"X-Team": "a\tb é"}).headers["x-team"] == Secret("a\tb é")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Content-Length", "is set for each request, from its body"),
        ("transfer-encoding", "is set for each request, from its body"),
        ("HOST", "comes from base_url"),
        ("Connection", "is set for each connection"),
        ("Upgrade", "is set for each connection"),
        ("Sec-WebSocket-Key", "is set for each connection"),
    ],
)
def test_default_headers_cannot_break_the_framing(name: str, reason: str) -> None:
    assert str(refusal(default_headers={name: "5"})) == f"default_headers: {name} {reason}"


@pytest.mark.parametrize("headers", [["a"], [], "X-Team: voice", 5])
def test_default_headers_are_a_mapping(headers: Any) -> None:
    assert str(refusal(default_headers=headers)) == "default_headers: needs a dict of names and values"


@pytest.mark.parametrize("name", ["", "X Team", "X-Team:", "X\r\nEvil", "Überschrift", 5])
def test_a_header_has_a_proper_name(name: str) -> None:
    assert "no name of a header" in str(refusal(default_headers={name: "voice"}))


def test_everything_is_frozen() -> None:
    made = config()
    for value, name in ((made, "base_url"), (made.timeout, "total"), (made.retry, "max_retries")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, name, None)


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["  ", "sk bad", "sk-\u00e9", "sk-a\x00b", "export KEY=sk-1", b"sk-1", 5])
def test_what_no_key_can_be(key: Any) -> None:
    error = refusal({}, api_key=key)
    assert "api_key" in str(error)
    assert "sk-" not in str(error)


def test_blanks_around_a_key_are_no_part_of_it() -> None:
    assert run(config(api_key=f" {KEY}\n").credential.value()) == f"Bearer {KEY}"


def run(awaitable: Any) -> Any:
    """The secret that a coroutine returns that waits for nothing."""
    with pytest.raises(StopIteration) as stopped:
        awaitable.send(None)
    return stopped.value.value.reveal()


def missing(environ: dict[str, str], **options: Any) -> str:
    """What the first use of a client without a key says."""
    credential = config(environ, **options).credential
    with pytest.raises(ConfigurationError) as caught:
        run(credential.value())
    return str(caught.value)


async def asynchronous_key() -> str:
    return "sk-given\n"


@pytest.mark.parametrize("source", [lambda: " sk-given", asynchronous_key])
def test_a_function_gives_the_key(source: Callable[[], Any]) -> None:
    assert run(config(api_key=source).credential.value()) == "Bearer sk-given"


async def no_key() -> None:
    return None


@pytest.mark.parametrize("source", [lambda: None, lambda: 5, lambda: "", no_key])
def test_a_function_that_gives_no_key(source: Callable[[], Any]) -> None:
    credential = config(api_key=source).credential
    with pytest.raises(ConfigurationError, match="api_key: empty, or no string"):
        credential.value().send(None)


def test_a_bad_key_from_a_function_shows_in_no_traceback() -> None:
    credential = config(api_key=lambda: KEY + " and more").credential
    with pytest.raises(ConfigurationError, match="characters that no key has") as caught:
        credential.value().send(None)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY not in "".join(shown.format())


def test_no_repr_shows_a_secret() -> None:
    made = config(default_headers={"X-Secret": "hush-hush"}, proxy="http://user:hush-hush@proxy.example:3128")
    assert KEY not in repr(made)
    assert "hush-hush" not in repr(made)
    assert "base_url='https://api.openai.com/v1'" in repr(made)
    assert repr(sealed({"api_key": KEY, "base_url": "x"})) == "{'api_key': ***, 'base_url': ***}"


# --- base URLs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/v1",
        "http://127.9.9.9/v1",
        "http://localhost/v1",
        "http://LOCALHOST:1/v1",
        "http://[::1]:8080/v1",
        "https://gateway.example:8443/openai/v1",
    ],
)
def test_urls_that_keep_a_key_safe(url: str) -> None:
    assert config(base_url=url).base_url == url


@pytest.mark.parametrize("host", ["gateway.example", "10.0.0.1", "localhost.example", "127.0.0.1.example", "[::2]"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    message = str(refusal(base_url=f"http://{host}/v1"))
    assert "in the clear" in message
    assert "allow_insecure_http" in message
    assert config(base_url=f"http://{host}/v1", allow_insecure_http=True).base_url == f"http://{host}/v1"


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{KEY}@api.openai.com/v1",
        f"https://{KEY}@api.openai.com/v1",
        f"https://api.openai.com/v1?key={KEY}",
        f"https://api.openai.com/v1#{KEY}",
        f"https://[{KEY}/v1",
        f"https://{KEY}\u2100.example/v1",
        "https://api.openai.com/v1?",
        "https://api.openai.com/v1#",
        "https://api.openai.com:99999/v1",
        "https://api.openai.com:0/v1",
        "https://api.openai.com:port/v1",
        "https://api openai.com/v1",
        "http://127.0.0.1\\@evil.example/v1",
        "ftp://api.openai.com/v1",
        "//api.openai.com/v1",
        "api.openai.com/v1",
        "https:///v1",
        "https://ex..ample.com/v1",
        f"https://{'a' * 64}.example/v1",
        5,
    ],
)
def test_urls_that_are_refused_and_not_quoted(url: Any) -> None:
    message = str(refusal(base_url=url, allow_insecure_http=True))
    assert message.startswith("base_url: needs the form https://HOST/v1")
    assert str(url) not in message


def test_blanks_around_a_url_are_no_part_of_it() -> None:
    assert (
        config({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": " https://h.example/v1/\n"}).base_url
        == "https://h.example/v1"
    )


def test_what_is_this_machine() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")  # noqa: S104 - refused, not bound
    assert not is_loopback("")


# --- Azure -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint", [AZURE + path for path in ("", "/", "/openai", "/openai/", "/openai/v1", "/openai/v1/")]
)
def test_azure_has_its_own_path_and_header(endpoint: str) -> None:
    made = config({}, azure_endpoint=endpoint, api_key="azure-key")
    assert made.base_url == AZURE + "/openai/v1"
    assert made.credential.header == "api-key"
    assert run(made.credential.value()) == "azure-key"


def test_the_openai_environment_never_reaches_azure() -> None:
    made = config({**OPENAI_ENVIRON, "AZURE_OPENAI_API_KEY": "azure-key"}, azure_endpoint=AZURE)
    assert made.base_url == AZURE + "/openai/v1"
    assert run(made.credential.value()) == "azure-key"
    assert set(made.headers) == {"user-agent"}
    assert "AZURE_OPENAI_API_KEY" in missing(OPENAI_ENVIRON, azure_endpoint=AZURE)


def test_an_entra_token_goes_as_a_bearer() -> None:
    tokens = iter(("first", "second"))
    credential = config({}, azure_endpoint=AZURE, azure_ad_token_provider=lambda: next(tokens)).credential
    assert credential.header == "authorization"
    assert [run(credential.value()), run(credential.value())] == ["Bearer first", "Bearer second"]


def test_azure_options_that_do_not_fit() -> None:
    assert "not both" in str(refusal(azure_endpoint=AZURE, base_url="https://h.example/v1"))
    assert "needs azure_endpoint" in str(refusal(azure_ad_token_provider=lambda: "token"))
    assert "in the clear" in str(refusal(azure_endpoint="http://example.openai.azure.com", api_key="azure-key"))
    needed = "azure_endpoint: needs the form https://NAME.openai.azure.com, without user, query and fragment"
    for endpoint in ("wss://example.openai.azure.com", "example.openai.azure.com", AZURE + "/openai/realtime?a=b"):
        assert str(refusal(azure_endpoint=endpoint, api_key="azure-key")) == needed


# --- timeouts, retries, TLS, proxies ---------------------------------------------------------------------------------


def test_a_number_limits_all_of_an_attempt() -> None:
    assert config(timeout=20).timeout == Timeout(connect=5.0, read=20, total=20)
    assert config(timeout=0.5).timeout == Timeout(connect=0.5, read=0.5, total=0.5)
    assert config(timeout=None).timeout == Timeout()
    given = Timeout(connect=1, read=None, total=None)
    assert config(timeout=given).timeout is given


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 10**400, 1e300, "5", True])
def test_timeouts_are_numbers_above_0(seconds: Any) -> None:
    assert "is not a finite number of seconds above 0" in str(refusal(timeout=seconds))
    with pytest.raises(RealtimeError, match=r"timeout.connect: .* is not a finite number of seconds above 0"):
        Timeout(connect=seconds)


@pytest.mark.parametrize("value", [0, -1, "5", True, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["open_timeout", "heartbeat", "max_message_size", "buffer_size"])
def test_limits_of_a_connection_are_numbers_above_0(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"options\.{name}: .* above 0"):
        ConnectOptions(**{name: value})


def test_limits_of_a_connection_that_can_be() -> None:
    for name, value in {"open_timeout": 0.5, "heartbeat": None, "max_message_size": 1, "buffer_size": 1}.items():
        assert getattr(ConnectOptions(**{name: value}), name) == value  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"options\.open_timeout"):
        ConnectOptions(open_timeout=None)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"options\.buffer_size: .* whole number"):
        ConnectOptions(buffer_size=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_retries", -1),
        ("max_retries", 1.5),
        ("max_retries", None),
        ("initial_delay", -0.1),
        ("max_delay", "8"),
        ("give_up_after", float("nan")),
    ],
)
def test_a_policy_that_cannot_be(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"retry\.{name}: .* is not"):
        RetryPolicy(**{name: value})


def test_a_retry_policy_is_no_number() -> None:
    assert "RetryPolicy" in str(refusal(retry=0))
    assert config(retry=RetryPolicy(max_retries=0)).retry.max_retries == 0
    assert config(retry=None).retry == RetryPolicy()


def test_a_tls_context_is_passed_on() -> None:
    context = ssl.create_default_context()
    assert config(ssl=context).ssl is context
    assert config(ssl=False).ssl is False


@pytest.mark.parametrize("given", ["x", 1, None])
def test_tls_is_a_context_or_a_switch(given: Any) -> None:
    assert str(refusal(ssl=given)) == "ssl: needs an ssl.SSLContext, or True or False"


def test_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert config().proxy == Secret("http://proxy.example:3128")
    assert config(proxy="http://mine.example:1").proxy == Secret("http://mine.example:1")
    assert config(base_url="https://inside.example/v1").proxy is None
    monkeypatch.setenv("NO_PROXY", "gateway.example:8443, [fd00::1], fd00::2")
    for inside in ("gateway.example:8443", "[fd00::1]", "[fd00::1]:8443", "[fd00::2]"):
        assert config(base_url=f"https://{inside}/v1").proxy is None
    assert config(base_url="https://gateway.example/v1").proxy is not None
    assert config(base_url="https://localhost/v1").proxy is None
    assert proxy_for("http://outside.example/v1") is None


def test_a_proxy_without_a_scheme_is_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    assert config().proxy == Secret("http://proxy.example:3128")


@pytest.mark.parametrize("proxy", [f"socks5://user:{KEY}@proxy.example:1080", "http://", "http://[", "a b"])
def test_a_proxy_that_cannot_work_is_refused_and_not_quoted(proxy: str) -> None:
    assert str(refusal(proxy=proxy)).startswith("proxy: needs the form http://HOST:PORT")
