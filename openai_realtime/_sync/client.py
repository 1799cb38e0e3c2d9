"""`RealtimeClient`: the same client for code without an event loop, derived from the async one."""

from __future__ import annotations

import copy
from typing import Self, Unpack, cast

from openai_realtime._client import AsyncRealtimeClient
from openai_realtime._config import ClientOptions, sealed
from openai_realtime.errors import ConfigurationError

from .connecting import connecting, realtime, translation
from .facade import Facade, blocking
from .lease import Lease

__all__ = ["RealtimeClient"]


class RealtimeClient(Facade[AsyncRealtimeClient]):
    """A blocking client of the OpenAI Realtime API. Its options are those of `ClientOptions`.

    It may be used from several threads, and in a child process after ``os.fork()``, where it starts anew. Ctrl-C
    interrupts a call and leaves the client usable. Inside a running event loop it raises ClientStateError. What is not
    closed closes its connections when it is dropped or the program ends.
    """

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        given = sealed(options)
        del options  # a traceback may show local variables
        session = given.get("http_session")
        if session is not None and session.reveal() is not None:
            raise ConfigurationError("http_session belongs to your event loop; use AsyncRealtimeClient with it")
        self._client = AsyncRealtimeClient(**cast("ClientOptions", given))
        self._lease = Lease(self._client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        client = vars(self).get("_client")  # absent in the traceback of a failed start
        return repr(client).replace("Async", "", 1)

    def close(self) -> None:
        """Close the connections: iterations end, and other calls that threads wait for raise ClientStateError.

        Calling it again does nothing; on a copy it leaves the shared connections open.
        """
        if self._client is self._lease.client:
            self._lease.close()

    def with_options(self, **options: Unpack[ClientOptions]) -> Self:
        """Make a copy with other options that shares the connections of this client, and ends with it."""
        options = cast("ClientOptions", sealed(options))
        changed = copy.copy(self)
        changed._client = self._client.with_options(**options)  # noqa: SLF001 - our own copy
        return changed

    connect = connecting(AsyncRealtimeClient.connect, realtime)
    connect_translation = connecting(AsyncRealtimeClient.connect_translation, translation)
    create_realtime_client_secret = blocking(AsyncRealtimeClient.create_realtime_client_secret)
    create_realtime_session = blocking(AsyncRealtimeClient.create_realtime_session)
    create_realtime_transcription_session = blocking(AsyncRealtimeClient.create_realtime_transcription_session)
    create_realtime_translation_client_secret = blocking(AsyncRealtimeClient.create_realtime_translation_client_secret)
    create_realtime_call = blocking(AsyncRealtimeClient.create_realtime_call)
    accept_realtime_call = blocking(AsyncRealtimeClient.accept_realtime_call)
    reject_realtime_call = blocking(AsyncRealtimeClient.reject_realtime_call)
    refer_realtime_call = blocking(AsyncRealtimeClient.refer_realtime_call)
    hangup_realtime_call = blocking(AsyncRealtimeClient.hangup_realtime_call)
