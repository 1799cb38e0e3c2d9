"""`Activity`: what is under way in a session, for who wants to speak when nothing is."""

from __future__ import annotations

from openai_realtime._codec.raw import JSON, json_of, object_in, received_json, text_in
from openai_realtime.models.events import ClientEvent, ServerEvent

__all__ = ["Activity"]

_FOLLOWED = frozenset(
    {
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.cleared",
        "response.created",
        "response.done",
        "error",
        "openai_realtime.reconnected",
    }
)


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
        if not isinstance(event.type, str) or event.type not in _FOLLOWED:
            return
        raw = received_json(event)
        match event.type:
            case "session.created" | "session.updated":
                session = object_in(raw, "session")
                detection = object_in(object_in(object_in(session, "audio"), "input") or session, "turn_detection")
                self.server_interrupts = detection.get("interrupt_response") is not False
                self._server_answers = bool(detection) and detection.get("create_response") is not False
            case "input_audio_buffer.speech_started":
                self.user_is_speaking = True
            case "input_audio_buffer.speech_stopped":
                self.user_is_speaking, self._answer_is_due = False, self._server_answers
            case "input_audio_buffer.cleared":
                self.user_is_speaking = self._answer_is_due = False
            case "error":
                error = object_in(raw, "error")
                if error.get("event_id"):
                    self._asked.pop(text_in(error, "event_id"), None)
                else:  # it may be of the answer that the server wanted to give by itself
                    self._answer_is_due = False
            case "openai_realtime.reconnected":
                self.responses.clear()
                self._asked = dict.fromkeys(name for name in self._asked if name in raw.get("resent", ()))
                self.user_is_speaking = self._answer_is_due = False
            case _:
                self._on_response(event.type, object_in(raw, "response"))

    def _on_response(self, kind: str, response: JSON) -> None:
        name = text_in(response, "id")
        if kind == "response.done":
            self.responses.discard(name)
        elif response.get("conversation_id", "") is not None:
            self.responses.add(name)
            self._answer_is_due = False
            if self._asked:
                del self._asked[next(iter(self._asked))]
