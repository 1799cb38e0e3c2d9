"""`Pool`: the one aiohttp session of a client and its copies."""

from __future__ import annotations

import asyncio
import weakref

import aiohttp

from openai_realtime.errors import ClientStateError

from .messages import Response, read_response

_SWITCHING_PROTOCOLS = 101


class Pool:
    """The one aiohttp session of a client and its copies, made in the loop that first needs it."""

    def __init__(self, session: aiohttp.ClientSession | None = None) -> None:
        self._injected = session is not None
        self._session = session
        # An injected session belongs to the loop it was made in; aiohttp has no public name for that.
        self._loop: asyncio.AbstractEventLoop | None = getattr(session, "_loop", None)
        self._closed = False
        self._upgrading: dict[aiohttp.ClientTimeout, aiohttp.ClientSession] = {}
        # aiohttp warns of a session that nobody closed. These use the connections of the one above, which is closed or
        # not by its owner, up to the end of the last connection.
        weakref.finalize(self, _detach, self._upgrading).atexit = False  # other threads may still be at work then

    def session(self) -> aiohttp.ClientSession:
        """The session. Raises ClientStateError after close and in another event loop than the first."""
        loop = asyncio.get_running_loop()
        if self._closed:
            raise ClientStateError("the client is closed")
        if self._loop not in (None, loop):
            raise ClientStateError("the client belongs to another event loop; make one client for each loop")
        if self._session is not None and self._session.closed:
            raise ClientStateError("the injected http_session is closed")
        if self._session is None:
            # No limit of connections here: who wants one has it on the server's side or injects a session.
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._loop = loop
        return self._session

    def upgrading(self, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
        """A session for WebSockets over the same connections: aiohttp takes their timeout from the session alone."""
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
            )
        return self._upgrading[timeout]

    async def close(self) -> None:
        """Close the session, unless it was injected. Calling it again does nothing."""
        if self._closed:
            return
        if self._session is None or self._injected:
            self._closed = True
            return
        session = self.session()  # refuses to close in another loop, where it could only leave sockets behind
        self._closed = True  # before the wait, for a second call in the meantime
        await session.close()


class RefusedError(aiohttp.ClientError):
    """A server answered an upgrade otherwise than by upgrading."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


async def _keep_refusal(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware that raises RefusedError, because aiohttp drops a refusal's body and follows redirects."""
    response = await send(request)
    if response.status == _SWITCHING_PROTOCOLS:
        return response
    async with response:
        raise RefusedError(await read_response(response))


def _detach(sessions: dict[aiohttp.ClientTimeout, aiohttp.ClientSession]) -> None:
    """Let go of connections that are not the sessions' own."""
    for session in sessions.values():
        session.detach()
