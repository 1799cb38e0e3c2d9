"""`AsyncRealtimeConnection`: one Realtime session, from the first event to the last."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs

from openai_realtime._codec.check import check
from openai_realtime._codec.converter import structure
from openai_realtime.errors import (
    APITimeoutError,
    ConnectionClosedError,
    InvalidRequestError,
    Problem,
    RealtimeEventError,
    ResponseEndedError,
)
from openai_realtime.models.base import UNSET, Model
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
from openai_realtime.models.events import Dialect, OutputEvent, ServerEvent
from openai_realtime.models.items import AssistantMessage, Item, OutputText
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

from .ask import Answer, put_question
from .base import AsyncConnection, check_kind
from .ids import identified, new_id
from .inbox import Match
from .requests import deadline
from .unanswered import BUSY, CREATED_BY, NOT_ACTIVE

if TYPE_CHECKING:
    from .tracker import RestoredSpeech

__all__ = ["AsyncRealtimeConnection"]

_MAX_METADATA = 16  # entries that the API takes
_ITEM = "an item, such as UserMessage.from_text('Hello') (structure_request makes one from a dict)"
_RESPONSE = "a ResponseConfig (structure_request makes one from a dict; create_item takes what a user says) or None"


class AsyncRealtimeConnection(AsyncConnection):
    """An open session. Get one from ``client.connect(...)``.

    Iterate over it for all events in order. Several tasks may send, wait and use the acknowledged operations while one
    iterates; each event goes to all whom it concerns. An operation returns the server's answer; it raises
    RealtimeEventError for a refusal and APITimeoutError if no answer comes within `timeout` seconds.
    """

    _queued = 0  # responses that are to be asked for when it is their turn

    @functools.cached_property
    def _turn(self) -> asyncio.Lock:
        """Held by who asks for the conversation's next response."""
        return asyncio.Lock()

    async def update_session(
        self, session: RealtimeSessionConfig | RealtimeTranscriptionSessionConfig, *, timeout: float | None = 30
    ) -> SessionUpdated:
        """Change the session's settings, all or none of them; the answer has all that are in force.

        The beta has other settings: there, send a `BetaSessionUpdate` or `TranscriptionSessionUpdate`.
        """
        update = identified(settings(session, self._link.target.dialect))
        answer: SessionUpdated = await self._ask_checked(update, timeout)
        return answer

    async def append_audio(self, audio: bytes) -> None:
        """Send audio in the session's input format, of any length. The API acknowledges none of it."""
        await self._append(InputAudioBufferAppend, audio)

    async def commit_audio(self, *, timeout: float | None = 30) -> InputAudioBufferCommitted:
        """End the user's turn. Less than 100 ms of audio is an error, which the API reports up to a second later.

        With turn detection on, a commit by the server in the meantime is taken for the answer: the API tells no more.
        """
        answer: InputAudioBufferCommitted = await self._ask(InputAudioBufferCommit(), timeout)
        return answer

    async def clear_audio(self, *, timeout: float | None = 30) -> InputAudioBufferCleared:
        """Forget the input audio that is not committed."""
        answer: InputAudioBufferCleared = await self._ask(InputAudioBufferClear(), timeout)
        return answer

    async def create_item(
        self, item: Item, previous_item_id: str | None = None, *, timeout: float | None = 30
    ) -> ConversationItemAdded | ConversationItemCreated:
        """Add an item after `previous_item_id` (``"root"`` is the front), by default at the end.

        The answer is `ConversationItemAdded`; servers that speak the beta send `ConversationItemCreated`. Its item has
        the id that `item` has, or, on servers that give their own, another one.
        """
        check_kind("item", item, _ITEM, Model)
        event = ConversationItemCreate(item=item, previous_item_id=previous_item_id or UNSET)
        answer: ConversationItemAdded | ConversationItemCreated = await self._ask(event, timeout)
        return answer

    async def delete_item(self, item_id: str, *, timeout: float | None = 30) -> ConversationItemDeleted:
        """Remove an item from the conversation."""
        answer: ConversationItemDeleted = await self._ask(ConversationItemDelete(item_id=item_id), timeout)
        return answer

    async def truncate_item(
        self, item_id: str, audio_end_ms: int, content_index: int = 0, *, timeout: float | None = 30
    ) -> ConversationItemTruncated:
        """Cut assistant audio to the milliseconds that were played, and its transcript with it.

        Of speech that a reconnect restored as text, the words that were played are put in its place.
        """
        cut: Any = {"item_id": item_id, "audio_end_ms": audio_end_ms, "content_index": content_index}
        speech = self._link.restored_speech(item_id, content_index)
        if speech is not None:
            await self._shorten(item_id, speech.heard_words(audio_end_ms), speech, timeout)
            return structure({"type": "conversation.item.truncated", **cut}, ConversationItemTruncated)
        event = ConversationItemTruncate(**cut)
        answer: ConversationItemTruncated = await self._ask(event, timeout)
        return answer

    async def retrieve_item(self, item_id: str, *, timeout: float | None = 30) -> ConversationItemRetrieved:
        """Fetch an item as the server has it, with its audio."""
        answer: ConversationItemRetrieved = await self._ask(ConversationItemRetrieve(item_id=item_id), timeout)
        return answer

    async def clear_output_audio(self, *, timeout: float | None = 30) -> OutputAudioBufferCleared:
        """Stop the audio that a WebRTC or SIP call is playing."""
        answer: OutputAudioBufferCleared = await self._ask(OutputAudioBufferClear(), timeout)
        return answer

    async def create_response(
        self, response: ResponseConfig | None = None, *, timeout: float | None = 30
    ) -> ResponseCreated:
        """Make the model answer. It waits while another response is active: a conversation has one at a time.

        One of which nothing is heard for `timeout` seconds is held to be over. A response with ``conversation="none"``
        does not wait. An entry in the response's metadata tells it from others.
        """
        config = ResponseConfig() if response is None else response
        check_kind("response", config, _RESPONSE, ResponseConfig)
        check(config)
        if config.conversation == "none":
            return await self._ask_for_response(config, timeout)
        with self._queueing():
            await self._turn.acquire()
        try:
            return await self._ask_in_turn(config, timeout)
        finally:
            self._turn.release()

    async def ask(
        self, what: str | bytes | Item, response: ResponseConfig | None = None, *, timeout: float | None = 30
    ) -> Answer:
        """Say a text, audio in the session's input format, or an item, and return the whole answer.

        It reads all events up to the end of the answer: iterate over the connection elsewhere, or ask, not both at
        once. Each step may take `timeout` seconds. Raises ResponseEndedError with the server's reason if the response
        failed, was cancelled or is incomplete.
        """
        gathering = await put_question(self, what, response, timeout)
        while (answer := gathering.add(await self.receive(timeout))) is None:
            pass
        return answer

    async def cancel_response(
        self, response_id: str | None = None, *, timeout: float | None = 30
    ) -> ResponseDone | None:
        """Stop the active response, or the one that was asked for and has not begun.

        None if there is none any more: it ended while you asked, which is no error. Where it is known that none is
        active the server is told and not waited for.
        """
        cancel = identified(ResponseCancel(response_id=UNSET if response_id is None else response_id))
        unanswered = self._requests.unanswered
        if response_id is None:
            if not unanswered.own_responses:
                await self._begun(timeout)
            if not unanswered.own_responses and not self._link.target.on_call:
                await self.send(cancel)
                return None
        try:
            answer: ResponseDone = await self._ask(cancel, timeout)
        except RealtimeEventError as error:
            if error.code == NOT_ACTIVE:
                return None
            raise
        return answer

    async def _shorten(self, item_id: str, text: str, speech: RestoredSpeech, timeout: float | None) -> None:
        if text == speech.text:
            return
        await self.delete_item(item_id, timeout=timeout)
        if text:
            item = AssistantMessage(id=item_id, content=[OutputText(text=text)])
            await self.create_item(item, speech.previous_item_id, timeout=timeout)

    async def _begun(self, timeout: float | None) -> None:
        """Return when every response that was asked for has begun, or was refused, or `timeout` seconds are over."""
        with contextlib.suppress(APITimeoutError):
            async with deadline(timeout, "no response"):
                while self._requests.unanswered.creates() and not self.closed:
                    await self._inbox.change()

    async def _ask_in_turn(self, config: ResponseConfig, timeout: float | None) -> ResponseCreated:
        while True:
            with self._queueing():
                await self._free(timeout)
            known = self._requests.unanswered.changes
            try:
                return await self._ask_for_response(config, timeout)
            except RealtimeEventError as error:
                if error.code != BUSY:
                    raise
                with self._queueing():
                    # One began that we did not know of: we hear of it, if we have not yet.
                    if not await self._changed(known, timeout):
                        raise

    @contextlib.contextmanager
    def _queueing(self) -> Iterator[None]:
        self._queued += 1
        try:
            yield
        finally:
            self._queued -= 1

    async def _free(self, timeout: float | None) -> None:
        """Return when no response of the conversation is active, as far as is known."""
        while own := self._requests.unanswered.own_responses:
            try:
                async with deadline(timeout, "no event of the active response"):
                    await self._inbox.expect(lambda event: _response_id(event) in own)
            except APITimeoutError:
                self._requests.unanswered.forget_responses()  # its end was lost: the server knows better
            except ConnectionClosedError:
                if self.closed:
                    raise  # otherwise the connection was replaced, and nothing is active in the new session

    async def _changed(self, known: int, timeout: float | None) -> bool:
        """Wait until a response begins or ends, or the session does; False if nothing tells of one in time."""
        with contextlib.suppress(APITimeoutError):
            async with deadline(timeout, "no response"):
                while self._requests.unanswered.changes == known and not self.closed:
                    await self._inbox.change()
                return True
        return False

    async def _ask_for_response(self, config: ResponseConfig, timeout: float | None) -> ResponseCreated:
        event_id, metadata = new_id("event"), dict(config.metadata or {})
        if len(metadata) < _MAX_METADATA:
            metadata[CREATED_BY] = event_id
        event = ResponseCreate(event_id=event_id, response=attrs.evolve(config, metadata=metadata))
        answer: ResponseCreated = await self._ask_checked(event, timeout)
        return answer

    def _of_class(self, cls: type) -> Match:
        """Return what accepts the events of a class; for those of a response it raises when that ends without one."""
        accepts = super()._of_class(cls)
        if not issubclass(cls, OutputEvent):
            return accepts
        ended = None if self._inbox.find(accepts) else self._inbox.find(self._is_last)
        if ended is not None:
            raise ResponseEndedError(ended[0].raw or {})

        def match(event: ServerEvent) -> bool:
            if self._is_last(event):
                raise ResponseEndedError(event.raw or {})
            return accepts(event)

        return match

    def _is_last(self, event: ServerEvent) -> bool:
        """Whether a response ended after which none is under way, asked for, or to be expected."""
        return event.type == "response.done" and not self._queued and self._requests.unanswered.is_idle


def _response_id(event: ServerEvent) -> Any:
    """Return the id of the response that an event is about; None if it says none."""
    raw = event.raw or {}
    response = raw.get("response")
    found = response.get("id") if isinstance(response, dict) else raw.get("response_id")
    return found if isinstance(found, str) else None


def settings(
    session: RealtimeSessionConfig | RealtimeTranscriptionSessionConfig, dialect: Dialect = "realtime"
) -> SessionUpdate:
    """Make the event that sets `session`. Raises InvalidRequestError for what the API or the dialect refuses."""
    if dialect == "beta":
        allowed = "known to the beta; send a BetaSessionUpdate or TranscriptionSessionUpdate"
        raise InvalidRequestError([Problem("session", "invalid_type", session, allowed)])
    allowed = "a RealtimeSessionConfig or RealtimeTranscriptionSessionConfig (structure_request makes one from a dict)"
    check_kind("session", session, allowed, RealtimeSessionConfig, RealtimeTranscriptionSessionConfig)
    event = SessionUpdate(session=session)
    check(event)
    return event
