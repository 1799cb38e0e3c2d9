"""`AsyncConnection`: what a user holds of a session, and what every kind of session can do."""

from __future__ import annotations

import asyncio
import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any, Final, Self, TypeVar, cast, overload

from openai_realtime._codec.check import check
from openai_realtime._codec.converter import encode
from openai_realtime._config import ConnectOptions
from openai_realtime._problems import Summary
from openai_realtime._redaction import Secret
from openai_realtime._transport.http import Transport
from openai_realtime._transport.targets import ConnectTarget
from openai_realtime._transport.websocket import NORMAL
from openai_realtime.errors import APITimeoutError, ConnectionClosedError, InvalidRequestError, Problem
from openai_realtime.models.base64 import Binary, flat
from openai_realtime.models.client_events import InputAudioBufferAppend
from openai_realtime.models.events import ClientEvent, ServerEvent
from openai_realtime.models.translation_events import SessionInputAudioBufferAppend

from .ids import identified
from .inbox import Match
from .link import Link
from .observers import Observer
from .reconnect_policy import ReconnectPolicy
from .requests import deadline
from .status import ConnectionStatus

E = TypeVar("E", bound=ServerEvent)

_EVENT = "a client event, such as ResponseCreate() (decode_client_event makes one from JSON)"
_AWAITED = "an event class of the server, such as ResponseDone, or a plain function"
_AUDIO = "bytes of audio, which are no base64 and no path (openai_realtime.audio.read_wav gives those of a file)"
_SAMPLES = "its samples alone (openai_realtime.audio.read_wav gives them)"
_WIDTH = 2  # bytes of the widest sample that the API takes
_DEFAULTS: Final = ConnectOptions()
_CHUNK = 48_000  # bytes of audio a frame: one second of PCM16 at 24 kHz, far below the API's 15 MiB


class AsyncConnection(ConnectionStatus):
    """What every kind of session can do: send, receive, wait, end.

    Iterate over it for all events in order. Several tasks may send, wait and use the acknowledged operations while one
    iterates; each event goes to all whom it concerns.
    """

    def __init__(
        self,
        transport: Transport,
        target: ConnectTarget,
        options: ConnectOptions | None,
        reconnect: ReconnectPolicy | None,
        observers: Sequence[Observer] = (),
    ) -> None:
        check_kind("options", options, "ConnectOptions or None", ConnectOptions, NoneType)
        check_kind("reconnect", reconnect, "a ReconnectPolicy or None", ReconnectPolicy, NoneType)
        self._link = Link(transport, target, options or _DEFAULTS, reconnect, observers)
        self._inbox = self._link.inbox
        self._requests = self._link.requests

    async def _open(self, update: ClientEvent | None, timeout: float | None) -> None:
        """Connect, and put the settings of `update` in force."""
        await self._link.open()
        try:
            if update is not None:
                await self._apply(identified(update), timeout)
        except BaseException:
            await self.close()
            raise
        self._link.dispatcher.observers.opened(self)

    async def _apply(self, update: ClientEvent, timeout: float | None) -> None:
        if not self._link.options.wait_for_session:
            await self._link.send(update, Secret(encode(update)))
            return
        try:
            await self._ask_checked(update, timeout)
        except APITimeoutError as error:
            hint = "for servers that never answer it there is ConnectOptions(wait_for_session=False)"
            raise APITimeoutError(f"{error}; {hint}") from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self) -> None:
        link: Link | None = self.__dict__.get("_link")
        if link is not None and link.is_open():
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            link.abandon()

    async def close(self) -> None:
        """Close the session and wake everybody who waits. Bounded in time; calling it again does nothing.

        Cancelled, it cuts the connection.
        """
        await self._link.close()

    async def send(self, event: ClientEvent) -> None:
        """Check `event` and hand it to the socket; sends keep their order. An absent event_id is filled in.

        While a lost connection is replaced it waits. Raises InvalidRequestError before anything is sent, and
        ConnectionClosedError on a closed connection.
        """
        check_kind("event", event, _EVENT, ClientEvent)
        self._link.check_here()
        event = identified(event)
        check(event)
        await self._link.send(event, Secret(encode(event)))

    async def receive(self, timeout: float | None = None) -> ServerEvent:
        """Return the next event. Cancelled, or after `timeout` seconds (APITimeoutError), nothing is lost.

        Raises ConnectionClosedError after the last event.
        """
        self._link.check_here()
        async with deadline(timeout, "no event"):
            return await self._inbox.next()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ServerEvent:
        try:
            return self._inbox.take()
        except IndexError:
            return await self._next()

    async def _next(self) -> ServerEvent:
        self._link.check_here()
        try:
            return await self._inbox.next()
        except ConnectionClosedError as error:
            if error.code == NORMAL:
                raise StopAsyncIteration from None
            raise

    @overload
    async def wait_for(self, event: type[E], timeout: float | None = None) -> E: ...
    @overload
    async def wait_for(self, event: Callable[[ServerEvent], bool], timeout: float | None = None) -> ServerEvent: ...
    async def wait_for(self, event: Any, timeout: float | None = None) -> ServerEvent:
        """Wait for the next event of a class, or that a function accepts; it stays there for the iteration.

        What is unread counts, from the event on that the last wait or acknowledged operation returned. Raises
        APITimeoutError after `timeout` seconds, ConnectionClosedError when it cannot come any more (also when the
        connection was replaced: it was waited for in the session that is gone), ResponseEndedError when the response
        ends without it, and UnreadEventsError when nobody iterates and the buffer is full.
        """
        if not _can_be_awaited(event):
            raise InvalidRequestError([Problem("event", "invalid_type", _shown(event), _AWAITED)])
        self._link.check_here()
        match: Match = self._of_class(event) if isinstance(event, type) else cast("Match", event)
        async with deadline(timeout, f"no {getattr(event, '__name__', 'such event')}"):
            found, index = await self._inbox.expect(match, unread=True)
        return await self._given(found, index)

    def _of_class(self, cls: type) -> Match:
        """Return what accepts the events of a class."""
        return lambda received: isinstance(received, cls)

    async def _ask(self, event: ClientEvent, timeout: float | None) -> Any:
        """Send `event`; its answer, or the error that the server made of it."""
        event = identified(event)
        check(event)
        return await self._ask_checked(event, timeout)

    async def _ask_checked(self, event: ClientEvent, timeout: float | None) -> Any:
        self._link.check_here()
        frame = Secret(encode(event))
        await self._link.ready()  # before the wait begins: who waits already is told of a replaced connection
        found, index = await self._requests.ask(event, lambda: self._link.send(event, frame), timeout)
        return await self._given(found, index)

    async def _given(self, event: ServerEvent, index: int) -> ServerEvent:
        """Return the event that a wait found; later waits look behind it, but for those that begin in this moment."""
        await asyncio.sleep(0)
        self._inbox.skip_to(index)
        return event

    @functools.cached_property
    def _appending(self) -> asyncio.Lock:
        return asyncio.Lock()

    async def _append(self, cls: type[InputAudioBufferAppend | SessionInputAudioBufferAppend], audio: Binary) -> None:
        check_audio(audio)
        self._link.check_here()
        data = flat(audio)
        async with self._appending:
            for start in range(0, len(data), _CHUNK):
                if start:
                    await asyncio.sleep(0)  # encoding is work of this thread: others run between two chunks
                await self._link.append(cls, data[start : start + _CHUNK])


def _can_be_awaited(event: Any) -> bool:
    """Whether it can accept an event; a coroutine would accept every one, and another class never one."""
    if isinstance(event, type):
        return issubclass(event, ServerEvent) or issubclass(ServerEvent, event)
    return callable(event) and not inspect.iscoroutinefunction(event)


def _shown(event: Any) -> Any:
    if isinstance(event, type):
        return Summary("object", event.__name__)
    return Summary("object", "an async function") if callable(event) else event


def check_audio(audio: object) -> None:
    """Raise InvalidRequestError if `audio` is no bytes, samples of another width, or a whole WAV file."""
    check_kind("audio", audio, _AUDIO, bytes, bytearray, memoryview)
    if isinstance(audio, memoryview) and audio.itemsize > _WIDTH:
        wide = Summary("object", f"a memoryview of items of {audio.itemsize} bytes")
        raise InvalidRequestError([Problem("audio", "invalid_type", wide, "PCM of 16 bits, or G.711")])
    if isinstance(audio, bytes) and audio.startswith(b"RIFF") and audio[8:12] == b"WAVE":
        raise InvalidRequestError([Problem("audio", "invalid_value", Summary("string", "a WAV file"), _SAMPLES)])


def check_kind(name: str, value: object, allowed: str, *kinds: type) -> None:
    """Raise InvalidRequestError if the argument `name` is of none of `kinds`."""
    if not isinstance(value, kinds):
        raise InvalidRequestError([Problem(name, "invalid_type", value, allowed)])
