"""`Pool`: the one aiohttp session of a client and its copies."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp

from openai_realtime.errors import ClientStateError, ConfigurationError

from .messages import Response, read_response

_SWITCHING_PROTOCOLS = 101

_HEADER = 64 * 1024  # bytes that one header may have; those of companies' login pages have more than aiohttp takes

_Upgrading = dict[aiohttp.ClientTimeout, aiohttp.ClientSession]

_of_parents: list[object] = []
"""What a fork left of the parent's, never freed: that would end the parent's connections."""


class Pool:
    """The one aiohttp session of a client and its copies, made in the loop that first needs it.

    When that loop has ended, the next one that needs a session gets a new one.
    """

    def __init__(self, session: aiohttp.ClientSession | None = None) -> None:
        if not isinstance(session, aiohttp.ClientSession | None):
            raise ConfigurationError(f"http_session: needs an aiohttp.ClientSession, not {type(session).__name__}")
        self._injected = session is not None
        self._session = session
        # An injected session belongs to the loop it was made in; aiohttp has no public name for that.
        self._loop: asyncio.AbstractEventLoop | None = getattr(session, "_loop", None)
        self._owner: AsyncGenerator[aiohttp.ClientSession] | None = None
        self._closed = False
        self._upgrading: _Upgrading = {}
        # aiohttp warns of a session that nobody closed. These use the connections of the one above, which is closed or
        # not by its owner, up to the end of the last connection.
        weakref.finalize(self, _detach, self._upgrading).atexit = False  # other threads may still be at work then

    def session(self) -> aiohttp.ClientSession:
        """Return the session. Raises ClientStateError after close and while another event loop uses it."""
        loop = asyncio.get_running_loop()
        if self._closed:
            raise ClientStateError("the client is closed")
        if self._loop not in (None, loop):
            self._leave_loop()
        if self._session is None:
            self._owner = _own_session()
            self._session = _first(self._owner)
        if self._session.closed:
            raise ClientStateError("the injected http_session is closed")
        self._loop = loop
        return self._session

    def upgrading(self, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
        """Return a session for WebSockets over the same connections: their timeout can only be the session's."""
        shared = self.session()
        if timeout not in self._upgrading:
            self._upgrading[timeout] = aiohttp.ClientSession(
                connector=shared.connector,
                connector_owner=False,
                cookie_jar=shared.cookie_jar,
                headers=shared.headers,
                trace_configs=shared.trace_configs,
                middlewares=(_keep_refusal,),
                timeout=timeout,
                max_field_size=_HEADER,
            )
        return self._upgrading[timeout]

    async def close(self) -> None:
        """Close the session, unless it was injected. Calling it again does nothing."""
        if self._closed:
            return
        if self._owner is not None:
            self.session()  # refuses to close in another loop, where it could only leave sockets behind
        self._closed = True  # before the wait, for a second call in the meantime
        if self._owner is not None:
            await self._owner.aclose()

    def reset(self) -> None:
        """Forget the connections, in a forked child: they are the parent's."""
        _of_parents.append((self._loop, self._owner, self._session, self._upgrading.copy()))
        self._forget()

    def _leave_loop(self) -> None:
        """Forget what the last event loop had. Raises ClientStateError while that loop runs."""
        if self._injected:
            raise ClientStateError("the injected http_session belongs to another event loop")
        if self._loop is not None and self._loop.is_running():
            raise ClientStateError("the client is in use in another event loop; make one client for each loop")
        _detach(self._upgrading)
        self._forget()

    def _forget(self) -> None:
        self._upgrading.clear()
        self._loop = self._owner = self._session = None


class RefusedError(aiohttp.ClientError):
    """A server answered an upgrade otherwise than by upgrading."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class _Connector(aiohttp.TCPConnector):
    """Keeps no connection on which a server said more than it was asked: that would answer the next request."""

    async def _get(self, key: Any, traces: Any) -> Any:
        while connection := await super()._get(key, traces):
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        return None


async def _own_session() -> AsyncGenerator[aiohttp.ClientSession]:
    """Give a session and close it at the end: event loops end such generators before they close."""
    # No limit of connections here: who wants one has it on the server's side or injects a session.
    connector = _Connector(limit=0)
    session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), max_field_size=_HEADER)
    try:
        yield session
    finally:
        await session.close()


def _first(generator: AsyncGenerator[aiohttp.ClientSession]) -> aiohttp.ClientSession:
    """Return what `generator` gives first, which it does without waiting."""
    try:
        generator.asend(None).send(None)
    except StopIteration as given:
        session: aiohttp.ClientSession = given.value
        return session
    raise AssertionError  # pragma: no cover - it waits for nothing


async def _keep_refusal(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Raise RefusedError, as a middleware, because aiohttp drops a refusal's body and follows redirects."""
    response = await send(request)
    if response.status == _SWITCHING_PROTOCOLS:
        return response
    async with response:
        raise RefusedError(await read_response(response))


def _detach(sessions: _Upgrading) -> None:
    """Let go of connections that are not the sessions' own."""
    for session in sessions.values():
        session.detach()
