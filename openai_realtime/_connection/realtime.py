"""`AsyncRealtimeConnection`: one Realtime session, from the first event to the last."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import attrs

from openai_realtime._codec.validation import check
from openai_realtime._config import ConnectOptions
from openai_realtime._transport.http import Transport
from openai_realtime._transport.targets import ConnectTarget
from openai_realtime.errors import (
    APITimeoutError,
    ConnectionClosedError,
    InvalidRequestError,
    Problem,
    RealtimeEventError,
)
from openai_realtime.models.base import UNSET
from openai_realtime.models.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from openai_realtime.models.events import Dialect, ServerEvent
from openai_realtime.models.items import Item
from openai_realtime.models.responses import ResponseConfig
from openai_realtime.models.server_events import (
    ConversationItemAdded,
    ConversationItemCreated,
    ConversationItemDeleted,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    OutputAudioBufferCleared,
    ResponseCreated,
    ResponseDone,
    SessionUpdated,
)
from openai_realtime.models.sessions import RealtimeSessionConfig, RealtimeTranscriptionSessionConfig

from .base import _BUSY, _CREATED_BY, _MAX_METADATA, AsyncConnection, _check_kind, _deadline, _field
from .ids import identified, new_id
from .observers import Observer
from .reconnect import ReconnectPolicy
from .recovery import Replacement

__all__ = ["AsyncRealtimeConnection"]


class AsyncRealtimeConnection(AsyncConnection):
    """An open session. Get one from ``client.connect(...)``.

    Iterate over it for all events in order. Several tasks may send, wait and use the acknowledged operations while one
    iterates; each event goes to all whom it concerns.
    """

    def __init__(
        self,
        transport: Transport,
        target: ConnectTarget,
        options: ConnectOptions | None,
        reconnect: ReconnectPolicy | None,
        *,
        observers: Sequence[Observer] = (),
    ) -> None:
        super().__init__(transport, target, options, reconnect, observers=observers)
        self._dialect: Dialect = target.dialect
        self._active: set[str] = set()
        self._heard = 0  # beginnings and ends of responses
        # A cancel that comes too late is no error; the server's word on it may come after the operation is over.
        self._cancels: list[str] = []

    # --- acknowledged operations: each returns the server's answer or raises RealtimeEventError -----------------------

    async def update_session(
        self, session: RealtimeSessionConfig | RealtimeTranscriptionSessionConfig, *, timeout: float | None = 30
    ) -> SessionUpdated:
        """Change the session's settings, all or none of them; the answer has all that are in force.

        The beta has other settings: there, send a `BetaSessionUpdate` or `TranscriptionSessionUpdate`.
        """
        return await self._ask_in_turn(settings(session, self._dialect), SessionUpdated, timeout)

    async def append_audio(self, audio: bytes) -> None:
        """Send audio in the session's input format, of any length. The API acknowledges none of it."""
        await self._append(InputAudioBufferAppend, audio)

    async def commit_audio(self, *, timeout: float | None = 30) -> InputAudioBufferCommitted:
        """End the user's turn. Less than 100 ms of audio is an error, which the API reports up to a second later.

        With turn detection on, a commit by the server in the meantime is taken for the answer: the API tells no more.
        """
        return await self._ask_in_turn(InputAudioBufferCommit(), InputAudioBufferCommitted, timeout)

    async def clear_audio(self, *, timeout: float | None = 30) -> InputAudioBufferCleared:
        """Forget the input audio that is not committed."""
        return await self._ask(InputAudioBufferClear(), InputAudioBufferCleared, timeout)

    async def create_item(
        self, item: Item, previous_item_id: str | None = None, *, timeout: float | None = 30
    ) -> ConversationItemAdded | ConversationItemCreated:
        """Add an item after `previous_item_id` (``"root"`` is the front), by default at the end.

        The answer is `ConversationItemAdded`; servers that speak the beta send `ConversationItemCreated`.
        """
        event = identified(ConversationItemCreate(item=item, previous_item_id=previous_item_id or UNSET))
        item_id = getattr(event.item, "id", UNSET)
        answer: Any = ConversationItemAdded | ConversationItemCreated
        return await self._ask(event, answer, timeout, lambda added: _field(added, "item").get("id") == item_id)

    async def delete_item(self, item_id: str, *, timeout: float | None = 30) -> ConversationItemDeleted:
        """Remove an item from the conversation."""
        event = ConversationItemDelete(item_id=item_id)
        return await self._ask(event, ConversationItemDeleted, timeout, lambda deleted: deleted.item_id == item_id)

    async def truncate_item(
        self, item_id: str, audio_end_ms: int, content_index: int = 0, *, timeout: float | None = 30
    ) -> ConversationItemTruncated:
        """Cut assistant audio to the milliseconds that were played, and its transcript with it."""
        event = ConversationItemTruncate(item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index)
        return await self._ask(
            event, ConversationItemTruncated, timeout, lambda truncated: truncated.item_id == item_id
        )

    async def retrieve_item(self, item_id: str, *, timeout: float | None = 30) -> ConversationItemRetrieved:
        """Fetch an item as the server has it, with its audio."""
        event = ConversationItemRetrieve(item_id=item_id)
        return await self._ask(
            event, ConversationItemRetrieved, timeout, lambda found: _field(found, "item").get("id") == item_id
        )

    async def create_response(
        self, response: ResponseConfig | None = None, *, timeout: float | None = 30
    ) -> ResponseCreated:
        """Make the model answer. It waits while another response is active: a conversation has one at a time.

        A response with ``conversation="none"`` does not wait. An entry in the response's metadata tells it from others.
        """
        config = ResponseConfig() if response is None else response
        _check_kind("response", config, "a ResponseConfig or None", ResponseConfig)
        check(config)
        if config.conversation == "none":
            return await self._ask_for_response(config, timeout)
        async with self._turns[ResponseCreated]:
            while True:
                while self._active and self._inbox.ended is None:
                    await self._inbox.change()
                heard = self._heard
                try:
                    return await self._ask_for_response(config, timeout)
                except RealtimeEventError as error:
                    # One began that we did not know of: we hear of it, if we have not yet.
                    if error.code != _BUSY or not await self._hear_more(heard, timeout):
                        raise

    async def _hear_more(self, heard: int, timeout: float | None) -> bool:
        """Wait until a response begins or ends, or the session does; False if nothing tells of one in time."""
        with contextlib.suppress(APITimeoutError):
            async with _deadline(timeout, "no response"):
                while self._heard == heard and self._inbox.ended is None:
                    await self._inbox.change()
                return True
        return False

    async def cancel_response(
        self, response_id: str | None = None, *, timeout: float | None = 30
    ) -> ResponseDone | None:
        """Stop the active response. None if there was none any more: it ended while you asked, which is no error."""
        wanted = self._active.copy() if response_id is None else {response_id}

        def match(done: ResponseDone) -> bool:
            return str(_field(done, "response").get("id")) in wanted or not wanted

        event = identified(ResponseCancel(response_id=response_id or UNSET))
        self._cancels = [*self._cancels[-8:], str(event.event_id)]
        try:
            return await self._ask(event, ResponseDone, timeout, match)
        except RealtimeEventError as error:
            if error.code == "response_cancel_not_active":
                return None
            raise

    async def clear_output_audio(self, *, timeout: float | None = 30) -> OutputAudioBufferCleared:
        """Stop the audio that a WebRTC or SIP call is playing."""
        return await self._ask(OutputAudioBufferClear(), OutputAudioBufferCleared, timeout)

    async def _ask_for_response(self, config: ResponseConfig, timeout: float | None) -> ResponseCreated:
        event_id, metadata = new_id("event"), dict(config.metadata or {})
        if len(metadata) < _MAX_METADATA:
            metadata[_CREATED_BY] = event_id
        event = ResponseCreate(event_id=event_id, response=attrs.evolve(config, metadata=metadata))
        return await self._ask(event, ResponseCreated, timeout, lambda made: _has(made, metadata))

    def _forget(self, ended: ConnectionClosedError, new: Replacement) -> None:
        self._active.clear()
        super()._forget(ended, new)

    def _follow(self, event: ServerEvent) -> bool:
        """Keep which responses of the conversation are active, by type and ids only: no odd field can block them."""
        response = _field(event, "response")
        if event.type == "response.created" and response.get("conversation_id", "") is not None:
            self._active.add(str(response.get("id")))
        elif event.type == "response.done":
            self._active.discard(str(response.get("id")))
        self._heard += event.type != "error"
        return super()._follow(event) or self._is_late_cancel(event)

    def _is_late_cancel(self, event: ServerEvent) -> bool:
        error = _field(event, "error")
        return error.get("code") == "response_cancel_not_active" and error.get("event_id") in self._cancels


def settings(
    session: RealtimeSessionConfig | RealtimeTranscriptionSessionConfig, dialect: Dialect = "realtime"
) -> SessionUpdate:
    """The event that sets `session`. Raises InvalidRequestError for settings that the API or the dialect refuses."""
    if dialect == "beta":
        allowed = "known to the beta; send a BetaSessionUpdate or TranscriptionSessionUpdate"
        raise InvalidRequestError([Problem("session", "invalid_type", session, allowed)])
    allowed = "a RealtimeSessionConfig or RealtimeTranscriptionSessionConfig (structure_request makes one from a dict)"
    _check_kind("session", session, allowed, RealtimeSessionConfig, RealtimeTranscriptionSessionConfig)
    event = SessionUpdate(session=session)
    check(event)
    return event


def _has(event: ResponseCreated, metadata: dict[str, str]) -> bool:
    """Whether a response has this metadata. Servers that know none leave it out: there it is the one waited for."""
    response = _field(event, "response")
    theirs = response.get("metadata")
    return "metadata" not in response or (isinstance(theirs, dict) and metadata.items() <= theirs.items())
