"""Which server a command talks to: the options that every command takes, before or after its name."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import attrs
import click

from openai_realtime._config import DEFAULT_BASE_URL, ClientOptions, ConnectOptions, resolve_config

from .terminal import print_stderr, waiting

if TYPE_CHECKING:
    from openai_realtime._sync.client import RealtimeClient
    from openai_realtime._sync.connection import RealtimeConnection

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@attrs.define
class Server:
    """The connection options as given. `timeout` is in seconds."""

    base_url: str | None = None
    emulator: bool = False
    timeout: float = 30.0
    insecure_http: bool = False
    debug: bool = False
    keyless: bool = False

    def needs_no_key(self) -> None:
        """Choose the emulator if there is no key and no other server was asked for."""
        if not (self.emulator or self.base_url or os.environ.get("OPENAI_API_KEY")):
            self.emulator = self.keyless = True

    @contextlib.contextmanager
    def options(self, speed: float = math.inf) -> Iterator[ClientOptions]:
        """Give the client options that reach the server; the emulator runs as long as the context, at `speed`."""
        options = self._given
        if not self.emulator:
            yield options
            return
        if self.base_url:
            raise click.UsageError("--emulator and --base-url exclude each other.")
        from openai_realtime.emulator import Emulator  # noqa: PLC0415 - few commands need it

        with Emulator(speed=speed) as emulator:
            yield {**options, "base_url": emulator.base_url, "api_key": emulator.api_key}

    @contextlib.contextmanager
    def session_options(self, emulation: str) -> Iterator[ClientOptions]:
        """Do as `options`, without a key with the emulator in real time; say that and `emulation` on stderr."""
        if not os.environ.get("OPENAI_BASE_URL"):  # who named a server is not to talk to another one
            self.needs_no_key()
        with self.options(speed=1.0) as options:
            if self.emulator:
                print_stderr(f"{self.describe(options)} {emulation}")
            yield options

    def describe(self, options: ClientOptions) -> str:
        """Say which server `options` reach, and why."""
        url = resolve_config(options, os.environ).base_url
        if not self.emulator:
            return f"Using the API at {url} with the key in OPENAI_API_KEY."
        reason = "OPENAI_API_KEY is not set: using" if self.keyless else "Using"
        return f"{reason} the built-in emulator at {url}; nothing leaves this machine."

    @property
    def connect_options(self) -> ConnectOptions:
        """How sessions are opened: the limit of one attempt holds for them too."""
        return ConnectOptions(open_timeout=self.timeout)

    def waiting(self) -> contextlib.AbstractContextManager[None]:
        """Say on stderr that the program waits, and for which host, if the block takes long."""
        url = self.base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL
        return waiting("the emulator" if self.emulator else urlsplit(url).netloc or url)

    @contextlib.contextmanager
    def connect(self, client: RealtimeClient, **target: Any) -> Iterator[RealtimeConnection]:
        """Open a session with the arguments of the client's `connect`."""
        with contextlib.ExitStack() as stack:
            with self.waiting():
                connection = stack.enter_context(client.connect(options=self.connect_options, **target))
            yield connection

    def advice(self, error: Exception) -> str:
        """Say in one line what to do about the `error` of a command, as ``doctor`` would; nothing if it cannot know."""
        from .diagnosis import advise  # noqa: PLC0415 - few commands fail

        return "" if self.emulator else advise(error, self._given, os.environ)

    @property
    def _given(self) -> ClientOptions:
        return ClientOptions(base_url=self.base_url, timeout=self.timeout, allow_insecure_http=self.insecure_http)

    @contextlib.contextmanager
    def client(self) -> Iterator[RealtimeClient]:
        """Make a client of the chosen server."""
        from openai_realtime._sync.client import RealtimeClient  # noqa: PLC0415 - the help needs none

        with self.options() as options, RealtimeClient(**options) as client:
            yield client


class CommandGroup(click.Group):
    """A group that shows its help on stderr when no command follows, and takes that for wrong usage."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments apart, unless there are none."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        setattr(context.ensure_object(Server), str(parameter.name), value)


def _option(name: str, **details: Any) -> Callable[[F], F]:
    return click.option(name, callback=_remember, expose_value=False, **details)


_OPTIONS = (
    _option("--base-url", metavar="URL", help="Where the API is.  [default: OPENAI_BASE_URL, then OpenAI's]"),
    _option("--emulator", is_flag=True, help="Use the built-in emulator, started for this one command."),
    _option(
        "--timeout",
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help="The limit of one attempt.  [default: 30]",
    ),
    _option("--insecure-http", is_flag=True, help="Send the key without TLS, in a network that you trust."),
    _option("--debug", is_flag=True, help="Show the traceback of an error."),
)


def server_options(command: F) -> F:
    """Add the connection options. They are kept in the context's `Server`, not passed to the function."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def with_server(command: Callable[Concatenate[Server, P], T]) -> Callable[P, T]:
    """Add the connection options, and pass the `Server` as the first argument."""
    return server_options(click.make_pass_decorator(Server)(command))
