"""`Emulator`: a server on a real port that speaks the Realtime API, for tests and for work without a key."""

from __future__ import annotations

import asyncio
import math
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from os import PathLike
from typing import Any, Self, TypedDict

from openai_realtime.audio.wav import read_wav
from openai_realtime.errors import ClientStateError, ConfigurationError
from openai_realtime.models.items import McpListedTool

from . import ids
from .faults import SESSION, Fault, FaultQueue
from .script import Answer, Condition, Heard, McpServer, Script
from .script_file import follow, read_script
from .server.app import Server
from .server.control import Control
from .server.http import OPERATIONS
from .server.sessions import Sessions
from .server.state import State
from .server.telephone import CALLER, PhoneCall, Telephone, check_keys
from .server.thread import ServerThread
from .sessions.base import Observer, Session
from .sessions.replay import RecordedEvent
from .wire import History, ReceivedRequest

# To listen on all addresses is no address to connect to.
_REACHED_AT = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - given, not taken by default


class EmulatorOptions(TypedDict):
    """What a client needs to talk to an emulator."""

    base_url: str
    api_key: str


class Emulator:
    """A local server that answers as the Realtime API does.

    ``async with Emulator() as emulator`` runs it in the current event loop, ``with Emulator() as emulator`` in a thread
    of its own. `port` 0 takes a free one. With `beta_retired` the two beta operations answer 400
    ``beta_api_shape_disabled``, as api.openai.com does. Raises OSError if the port is taken.

    A WebSocket at `/v1/realtime` opens a session. Its model repeats what it hears, unless `reply` gave it something
    better to say. `speed` is how much faster than life events come; by default they come at once. With `beta` a
    connection with the header ``OpenAI-Beta: realtime=v1`` speaks the beta's dialect, where api.openai.com closes it.
    `api_key` is the key it takes; by default it makes one up. With `tls`, a server's context, it speaks https and wss.
    Phone calls `ring` at `webhook_url`, with webhooks signed by `webhook_secret`, which it makes up as well.

    `requests` holds the requests that came in whole, in order: the last 1,000, with bodies of 16 MiB together, and
    without the body where the request was refused.

    All methods raise ConfigurationError for arguments that mean nothing.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        beta_retired: bool = False,
        beta: bool = False,
        speed: float = math.inf,
        api_key: str | None = None,
        tls: ssl.SSLContext | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
    ) -> None:
        if not speed > 0:
            raise ConfigurationError(f"speed: {speed!r} is not above 0")
        self.speed = speed
        self.requests: History[ReceivedRequest] = History()
        self.webhook_secret = webhook_secret or ids.webhook_secret()
        self._webhook_url = webhook_url
        self._host = host
        self._port = port
        self._state = State(api_key, beta_retired=beta_retired, beta=beta)
        self._script = Script()
        self._faults = FaultQueue(OPERATIONS)
        self._sessions = Sessions(self._state, self._script, speed)
        self._tls = tls
        self._telephone = Telephone(self._state, self._sessions, self._in_loop)
        self._server = Server(
            self.requests, self._state, self._sessions, self._faults, control=Control(self), telephone=self._telephone
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: ServerThread | None = None

    @property
    def api_key(self) -> str:
        """The one key that this emulator takes, made up at random if none was given."""
        return self._state.api_key

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:PORT/v1``, also if it listens on all addresses.

        Raises ClientStateError while the emulator is not running.
        """
        if not self._server.port:
            raise ClientStateError("the emulator is not running; use it as `with Emulator() as emulator:`")
        host = _REACHED_AT.get(self._host, self._host)
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self._tls else 'http'}://{host}:{self._server.port}/v1"

    @property
    def client_options(self) -> EmulatorOptions:
        """The options that connect a client: ``AsyncRealtimeClient(**emulator.client_options)``."""
        return {"base_url": self.base_url, "api_key": self.api_key}

    @property
    def sessions(self) -> Sequence[Session]:
        """The last 100 sessions that were opened, in order.

        Each has what the client sent in `received`, the items of its `conversation`, and its effective `settings`.
        """
        return self._sessions.opened

    @property
    def calls(self) -> Sequence[PhoneCall]:
        """The last 100 phone calls that rang, in order."""
        return [*self._telephone.calls.values()]

    def inject_fault(self, *faults: Fault, operation: str = SESSION, times: int = 1, now: bool = False) -> None:
        """Let `faults` happen, all of them to one session or to one request; the next call is for the one after it.

        By default they happen to the next session that opens, with `now` to the sessions that are open. An `operation`
        such as ``create_realtime_client_secret`` is a request, ``connect`` the one that opens a WebSocket. `times` is
        for how many of them.
        """
        if now and operation != SESSION:
            raise ConfigurationError(f"now: there is no open request of {operation}; it is for sessions")
        self._faults.check(operation, faults)
        if not now:
            self._faults.put(operation, faults, times)
        for fault in faults if now else ():
            self._in_loop(partial(self._sessions.inject, fault))

    def observe(self, observer: Observer) -> None:
        """Let `observer` follow all sessions, in the server's thread: a `Conversation` and any observer of clients can.

        It sees each event of a client before that is answered, and each of the server before that goes out.
        """
        self._sessions.observers.append(observer)

    def incoming_call(self) -> str:
        """Let a phone call come in over SIP; gives the call id that the webhook would bring. `ring` sends that, too."""
        return self._state.open_call()

    def ring(
        self,
        webhook_url: str | None = None,
        *,
        sip_headers: Iterable[tuple[str, str]] = CALLER,
        audio: bytes | str | PathLike[str] | None = None,
        keys: str = "",
    ) -> PhoneCall:
        """Let somebody call, and ring at a service: its webhook is delivered, and again until it is answered with 2xx.

        A call that nobody accepts within 30 seconds is over. Once a sideband is attached, the caller says `audio`,
        PCM16 of 24 kHz or a WAV file, and presses `keys`.

        - webhook_url: where the service takes webhooks; by default that of the emulator. They are signed with
          `webhook_secret`.
        - sip_headers: names and values, in order.

        Raises ClientStateError while the emulator is not running, and DecodeError for what is no WAV file.
        """
        url = webhook_url or self._webhook_url
        if url is None:
            raise ConfigurationError("webhook_url: there is none; give it here or to Emulator(webhook_url=...)")
        if not self._server.port:
            raise ClientStateError("the emulator is not running; use it as `with Emulator() as emulator:`")
        pcm = audio if audio is None or isinstance(audio, bytes) else read_wav(audio)
        call = self._telephone.ring(
            url, self.webhook_secret, [{"name": name, "value": value} for name, value in sip_headers]
        )
        if keys:
            call.send_dtmf(keys)
        if pcm:
            call.talk(pcm)
        return call

    def send_dtmf(self, call_id: str, keys: str) -> None:
        """Let the caller press `keys` of the telephone, such as ``"12#"``; a sideband is told of each."""
        if not self._state.has_call(call_id):
            raise ConfigurationError(f"call_id: no call {call_id!r}")
        check_keys(keys)
        self._in_loop(lambda: self._sessions.send_dtmf(call_id, keys))

    def mcp_server(self, server_label: str, *tools: McpListedTool, reachable: bool = True) -> None:
        """Say what tools the MCP server has that sessions call `server_label`, or that it cannot be reached.

        Nothing is asked over the network, wherever `server_url` points; a server not described here has no tools to
        list. What a call gives is in its `McpToolCall`.
        """
        if not isinstance(server_label, str):
            raise ConfigurationError(f"server_label: {type(server_label).__name__} is not a text")
        self._script.mcp_servers[server_label] = McpServer(tools=tools, reachable=reachable)

    def advance(self, seconds: float) -> None:
        """Move the emulator's clock forward, to see secrets and sessions expire, and silences end, without waiting."""
        self._state.advance(seconds)
        self._in_loop(lambda: self._sessions.advance(seconds))

    def reply(self, *replies: Answer, when: Condition | None = None) -> None:
        """Say what the model answers next: each reply once, in order; a text stands for ``Reply(text=...)``.

        A function makes the reply, or its text, of the conversation's items. With `when` they are rules instead, used
        whenever they apply to the user's last text: a string that it holds, a compiled pattern or a function.
        """
        for reply in replies:
            self._script.add(reply, when)

    def replay(self, entries: Iterable[RecordedEvent], *, strict: bool = True) -> None:
        """Let the next session be that of a recording: ``emulator.replay(recording.read("session.jsonl"))``.

        The server says what it said, as the client does what it did. A `strict` session ends with the error
        ``not_as_recorded`` at the first event of the client that differs in more than its ids and audio; otherwise
        events of the recorded types are waited for, and others passed over.
        """
        self._sessions.recordings.append((tuple(entries), strict))

    def follow(self, script: Mapping[str, Any]) -> None:
        """Say all of a script that is JSON, as the file of ``openai-realtime emulate --script`` has it.

        Raises InvalidRequestError or ConfigurationError that name bad fields by their paths.
        """
        follow(read_script(script), self)

    def queue_transcripts(self, *transcripts: Heard) -> None:
        """Say what the user's next audio messages say: nothing here understands speech.

        `FailureDetails` in place of a text lets the transcription of a message fail; the model hears it all the same.
        """
        self._script.add_transcripts(transcripts)

    def resume(self) -> None:
        """Let the responses go on that wait because of `Reply.pause_after`, or will: one for each connection."""
        self._in_loop(self._sessions.resume)

    async def __aenter__(self) -> Self:
        if self._server.port:
            raise ClientStateError("the emulator is running already")
        self._loop = asyncio.get_running_loop()
        await self._server.start(self._host, self._port, self._tls)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Self:
        """Run the emulator in a thread of its own until `close`."""
        if self._thread is not None:
            raise ClientStateError("the emulator is running already")
        thread = ServerThread(self.__aenter__, self.__aexit__)
        thread.open()
        self._thread = thread
        return self

    def close(self) -> None:
        """End what `start` began. Calling it again does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.close()

    def _in_loop(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the server's loop, from whatever thread."""
        if self._loop is not None and self._server.port:
            self._loop.call_soon_threadsafe(callback)
