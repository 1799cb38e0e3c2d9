"""`Activity`: what is under way in a session, for who wants to speak when nothing is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from openai_realtime._codec.raw import JSON, is_in_conversation, json_of, object_in, received_json, text_in
from openai_realtime.models.events import ClientEvent, ServerEvent

__all__ = ["Activity"]


class Activity:
    """Follows which responses are under way, or asked for, and whether the user speaks. Fed like an observer."""

    def __init__(self) -> None:
        self.responses: set[str] = set()
        """The conversation's own responses that are under way."""
        self.user_is_speaking = False
        self.server_interrupts = True
        """Whether the server ends a response by itself when the user begins to speak."""
        self._asked: dict[str, None] = {}  # response.create that the server has not answered
        self._answer_is_due = False  # the server answers by itself when the user has spoken
        self._server_answers = False

    @property
    def is_idle(self) -> bool:
        """Whether a response can begin that nothing is in the way of."""
        return not (self.responses or self._asked or self.user_is_speaking or self._answer_is_due)

    @property
    def is_responding(self) -> bool:
        """Whether there is a response to cancel, also one that was only asked for."""
        return bool(self.responses or self._asked)

    def give_up(self) -> None:
        """Wait no more for what was asked for: the server does not answer."""
        self._asked.clear()

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server."""
        if event.type == "response.create":
            raw = json_of(event)
            if object_in(raw, "response").get("conversation") != "none":
                self._asked[text_in(raw, "event_id")] = None

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        handle = self._handlers.get(event.type) if isinstance(event.type, str) else None
        if handle is not None:
            handle(self, received_json(event))

    def _on_session(self, raw: JSON) -> None:
        session = object_in(raw, "session")
        detection = object_in(object_in(object_in(session, "audio"), "input") or session, "turn_detection")
        self.server_interrupts = detection.get("interrupt_response") is not False
        self._server_answers = bool(detection) and detection.get("create_response") is not False

    def _on_speech_started(self, _: JSON) -> None:
        self.user_is_speaking = True

    def _on_speech_stopped(self, _: JSON) -> None:
        self.user_is_speaking, self._answer_is_due = False, self._server_answers

    def _on_cleared(self, _: JSON) -> None:
        self.user_is_speaking = self._answer_is_due = False

    def _on_response_created(self, raw: JSON) -> None:
        response = object_in(raw, "response")
        if is_in_conversation(response):
            self.responses.add(text_in(response, "id"))
            self._answer_is_due = False
            if self._asked:
                del self._asked[next(iter(self._asked))]

    def _on_response_done(self, raw: JSON) -> None:
        self.responses.discard(text_in(object_in(raw, "response"), "id"))

    def _on_error(self, raw: JSON) -> None:
        event_id = object_in(raw, "error").get("event_id")
        if not event_id:  # it may be of the answer that the server wanted to give by itself
            self._answer_is_due = False
        elif isinstance(event_id, str):
            self._asked.pop(event_id, None)

    def _on_reconnected(self, raw: JSON) -> None:
        self.responses.clear()
        self._asked = dict.fromkeys(name for name in self._asked if name in raw.get("resent", ()))
        self.user_is_speaking = self._answer_is_due = False

    _handlers: ClassVar[Mapping[str, Callable[[Any, JSON], None]]] = {
        "session.created": _on_session,
        "session.updated": _on_session,
        "input_audio_buffer.speech_started": _on_speech_started,
        "input_audio_buffer.speech_stopped": _on_speech_stopped,
        "input_audio_buffer.cleared": _on_cleared,
        "response.created": _on_response_created,
        "response.done": _on_response_done,
        "error": _on_error,
        "openai_realtime.reconnected": _on_reconnected,
    }
