"""`Telemetry`: an observer that tells OpenTelemetry what a session does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

from attrs import define
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from openai_realtime._codec.converter import dumps
from openai_realtime._codec.raw import JSON, json_of, object_in, objects_in, received_json, text_in
from openai_realtime.conversation.usage import Usage
from openai_realtime.models.events import ClientEvent, ServerEvent

from . import names

__all__ = ["Telemetry"]

_SCOPE = "openai_realtime"
_OPENAI = "openai"


@define
class _Running:
    """A span under way, and when it began."""

    span: Span
    start: float
    first: float | None = None


class Telemetry:
    """A span for the session, one for each response and each tool call, and histograms of durations and tokens.

    The end of the connection ends all spans; of what is fed by hand, `closed` does, or a with-block. What was said, and
    arguments and results of tools, are left out unless `capture_content`, by default the environment variable
    ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT``, says otherwise. The providers are the global ones if they
    are not given.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        capture_content: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        advise: Any = {"unit": "s", "explicit_bucket_boundaries_advisory": names.SECONDS}
        self._durations = meter.create_histogram(names.DURATION, **advise)
        self._first_chunks = meter.create_histogram(names.FIRST_CHUNK, **advise)
        self._turns = meter.create_histogram(names.TURN, **advise)
        advise = {"unit": "{token}", "explicit_bucket_boundaries_advisory": names.COUNTS}
        self._tokens = meter.create_histogram(names.TOKENS, **advise)
        environment = os.environ.get(names.CAPTURE, "").lower() in ("1", "true", "span_only", "span_and_event")
        self._captures = environment if capture_content is None else capture_content
        self._clock = clock
        self._session: Span | None = None
        self._shared: dict[str, Any] = {names.PROVIDER: _OPENAI}
        self._responses: dict[str, _Running] = {}
        self._tools: dict[str, _Running] = {}
        self._spoken: float | None = None  # when the user's speech ended that has no answer yet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed()

    def closed(self) -> None:
        """End all spans: the session is over."""
        for running in (*self._responses.values(), *self._tools.values()):
            running.span.end()
        self._responses.clear()
        self._tools.clear()
        if self._session is not None:
            self._session.end()
            self._session = None

    def sent(self, event: ClientEvent) -> None:
        """Follow an event that goes to the server: the outputs of tools."""
        if event.type == "conversation.item.create":
            item = object_in(json_of(event), "item")
            running = self._tools.pop(text_in(item, "call_id"), None)
            if running is not None and text_in(item, "type") == "function_call_output":
                if self._captures:
                    running.span.set_attribute(names.TOOL_RESULT, text_in(item, "output"))
                self._end(running, {names.OPERATION: "execute_tool"})

    def received(self, event: ServerEvent) -> None:
        """Follow an event from the server."""
        handle = self._handlers.get(event.type) if isinstance(event.type, str) else None
        if handle is not None:
            handle(self, received_json(event))

    def _begin(self, name: str, attributes: Mapping[str, Any], kind: SpanKind) -> _Running:
        parent = trace.set_span_in_context(self._session, Context()) if self._session is not None else None
        span = self._tracer.start_span(name, parent, kind, {**self._shared, **attributes})
        return _Running(span, self._clock())

    def _end(self, running: _Running, attributes: Mapping[str, Any]) -> None:
        running.span.end()
        self._durations.record(self._clock() - running.start, {**self._common(), **attributes})

    def _common(self) -> dict[str, Any]:
        return {name: value for name, value in self._shared.items() if name != names.CONVERSATION}

    def _on_session(self, raw: JSON) -> None:
        session = object_in(raw, "session")
        new = {names.CONVERSATION: text_in(session, "id"), names.REQUEST_MODEL: text_in(session, "model")}
        self._shared |= {name: value for name, value in new.items() if value}
        if self._session is None:
            model = text_in(session, "model")
            self._session = self._begin(f"realtime {model}".strip(), {}, SpanKind.CLIENT).span

    def _on_reconnected(self, raw: JSON) -> None:
        if self._session is not None:
            self._session.add_event("openai_realtime.reconnected", {"code": raw.get("code", 0)})
        for running in self._responses.values():
            running.span.set_status(Status(StatusCode.ERROR, "the connection was lost"))
            self._end(running, {names.OPERATION: "chat", names.ERROR_TYPE: "connection_lost"})
        self._responses.clear()

    def _on_error(self, raw: JSON) -> None:
        if self._session is not None:
            code = text_in(object_in(raw, "error"), "code") or text_in(object_in(raw, "error"), "type")
            self._session.add_event("error", {names.ERROR_TYPE: code})

    def _on_speech_stopped(self, _: JSON) -> None:
        self._spoken = self._clock()

    def _on_response_created(self, raw: JSON) -> None:
        response = object_in(raw, "response")
        kinds = response.get("output_modalities")
        kind = "speech" if isinstance(kinds, list) and "audio" in kinds else "text"
        attributes = {names.OPERATION: "chat", names.RESPONSE_ID: text_in(response, "id"), names.OUTPUT_TYPE: kind}
        name = f"chat {self._shared.get(names.REQUEST_MODEL, '')}".strip()
        running = self._begin(name, attributes, SpanKind.CLIENT)
        self._responses[text_in(response, "id")] = running
        if self._spoken is not None:
            self._record_turn("response", running.start - self._spoken)

    def _record_turn(self, stage: str, seconds: float) -> None:
        self._turns.record(seconds, {**self._common(), names.STAGE: stage})

    def _on_delta(self, raw: JSON) -> None:
        running = self._responses.get(text_in(raw, "response_id"))
        if running is None or running.first is not None:
            return
        running.first = self._clock()
        running.span.set_attribute(names.TIME_TO_FIRST_CHUNK, running.first - running.start)
        self._first_chunks.record(running.first - running.start, {**self._common(), names.OPERATION: "chat"})
        if self._spoken is not None:
            self._record_turn("first_chunk", running.first - running.start)
            self._record_turn("total", running.first - self._spoken)
            self._spoken = None

    def _on_output_item(self, raw: JSON) -> None:
        item = object_in(raw, "item")
        if text_in(item, "type") != "function_call":
            return
        call_id, name = text_in(item, "call_id"), text_in(item, "name")
        attributes = {names.OPERATION: "execute_tool", names.TOOL_NAME: name, names.TOOL_CALL_ID: call_id,
                      names.TOOL_TYPE: "function"}  # fmt: skip
        if self._captures:
            attributes[names.TOOL_ARGUMENTS] = text_in(item, "arguments")
        self._tools[call_id] = self._begin(f"execute_tool {name}", attributes, SpanKind.INTERNAL)

    def _on_response_done(self, raw: JSON) -> None:
        response = object_in(raw, "response")
        running = self._responses.pop(text_in(response, "id"), None)
        if running is None:
            return
        details = object_in(response, "status_details")
        reason = text_in(details, "reason") or text_in(response, "status")
        running.span.set_attribute(names.FINISH_REASONS, [reason])
        if text_in(details, "reason") == "turn_detected":
            running.span.set_attribute(names.INTERRUPTED, True)  # noqa: FBT003 - OpenTelemetry's own
        self._on_usage(running.span, Usage.of_response(object_in(response, "usage")))
        if self._captures:
            running.span.set_attribute(names.OUTPUT_MESSAGES, _messages(objects_in(response, "output")))
        failed: dict[str, str] = {}
        if text_in(response, "status") == "failed":
            error = object_in(details, "error")
            failed = {names.ERROR_TYPE: text_in(error, "code") or text_in(error, "type") or "_OTHER"}
            running.span.set_attributes(failed)
            running.span.set_status(Status(StatusCode.ERROR, failed[names.ERROR_TYPE]))
        self._end(running, {names.OPERATION: "chat", **failed})

    def _on_usage(self, span: Span, usage: Usage) -> None:
        counts = {name: getattr(usage, field) for field, name in names.USAGE.items() if getattr(usage, field)}
        span.set_attributes(counts)
        for kind, count in (("input", usage.input_tokens), ("output", usage.output_tokens)):
            if count:
                self._tokens.record(count, {**self._common(), names.OPERATION: "chat", names.TOKEN_TYPE: kind})

    _handlers: ClassVar[Mapping[str, Callable[[Any, JSON], None]]] = {
        "session.created": _on_session,
        "session.updated": _on_session,
        "openai_realtime.reconnected": _on_reconnected,
        "error": _on_error,
        "input_audio_buffer.speech_stopped": _on_speech_stopped,
        "response.created": _on_response_created,
        "response.output_text.delta": _on_delta,
        "response.text.delta": _on_delta,
        "response.output_audio.delta": _on_delta,
        "response.audio.delta": _on_delta,
        "response.function_call_arguments.delta": _on_delta,
        "response.output_item.done": _on_output_item,
        "response.done": _on_response_done,
    }


def _messages(output: Iterable[JSON]) -> str:
    """Return what the model said, as the conventions write messages."""
    messages = []
    for item in output:
        content = [text_in(part, "text") or text_in(part, "transcript") for part in objects_in(item, "content")]
        parts = [{"type": "text", "content": text} for text in content if text]
        if parts:
            messages.append({"role": text_in(item, "role"), "parts": parts})
    return dumps(messages).decode()
