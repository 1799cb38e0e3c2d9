"""The spans and numbers of a session, by the conventions' names, and without what was said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.session_by_hand import Line

from openai_realtime import AsyncRealtimeClient, FunctionCallOutput, Reconnected
from openai_realtime.emulator import Emulator
from openai_realtime.models import ConversationItemCreate
from openai_realtime.telemetry import Telemetry

pytestmark = pytest.mark.anyio

USAGE = {
    "input_tokens": 200, "output_tokens": 100,
    "input_token_details": {"text_tokens": 90, "audio_tokens": 110, "cached_tokens": 64,
                            "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4}},
    "output_token_details": {"text_tokens": 30, "audio_tokens": 70},
}  # fmt: skip
SAID = {"id": "i", "type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": "Hi!"}]}


class Watched:
    """A telemetry, and what it told."""

    def __init__(self, **options: Any) -> None:
        self.now = 100.0
        self._spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._metrics = InMemoryMetricReader()
        self.meters = MeterProvider([self._metrics])
        self.telemetry = Telemetry(
            tracer_provider=self.tracers, meter_provider=self.meters, clock=lambda: self.now, **options
        )
        self.line = Line(self.telemetry)

    def hear(self, type: str, after: float = 0, **fields: Any) -> None:  # noqa: A002
        self.now += after
        self.line.hear(type, **fields)

    def open(self) -> None:
        self.hear("session.created", session={"id": "sess_1", "model": "gpt-realtime-2.1"})

    @property
    def spans(self) -> dict[str, Any]:
        return {span.name: span for span in self._spans.get_finished_spans()}

    @property
    def points(self) -> list[tuple[str, dict[str, Any], float]]:
        data: Any = self._metrics.get_metrics_data()
        metrics = [metric for scope in data.resource_metrics[0].scope_metrics for metric in scope.metrics]
        return [
            (metric.name, dict(point.attributes), point.sum) for metric in metrics for point in metric.data.data_points
        ]


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    watched.tracers.shutdown()
    watched.meters.shutdown()


async def test_a_response_is_a_span_with_the_conventions_names(watched: Watched) -> None:
    with watched.telemetry:
        watched.open()
        watched.hear("input_audio_buffer.speech_stopped", audio_end_ms=1, item_id="u")
        response = {"id": "r1", "output_modalities": ["audio"]}
        watched.hear("response.created", 0.25, response=response)
        for _ in range(2):
            watched.hear("response.output_audio.delta", 0.5, response_id="r1", delta="")
        done = {**response, "status": "completed", "usage": USAGE, "output": [SAID]}
        watched.hear("response.done", 1, response=done)
    chat, session = watched.spans["chat gpt-realtime-2.1"], watched.spans["realtime gpt-realtime-2.1"]
    assert chat.parent.span_id == session.context.span_id
    assert dict(chat.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-realtime-2.1",
        "gen_ai.conversation.id": "sess_1",
        "gen_ai.response.id": "r1",
        "gen_ai.output.type": "speech",
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.response.finish_reasons": ("completed",),
        "gen_ai.usage.input_tokens": 200,
        "gen_ai.usage.output_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.text.input_tokens": 90,
        "gen_ai.usage.audio.input_tokens": 110,
        "gen_ai.usage.text.cache_read.input_tokens": 60,
        "gen_ai.usage.audio.cache_read.input_tokens": 4,
        "gen_ai.usage.text.output_tokens": 30,
        "gen_ai.usage.audio.output_tokens": 70,
    }
    found = {(name, attributes.get("openai_realtime.turn.stage") or attributes.get("gen_ai.token.type")): value
             for name, attributes, value in watched.points}  # fmt: skip
    assert found == {
        ("gen_ai.client.operation.duration", None): 2,
        ("gen_ai.client.operation.time_to_first_chunk", None): 0.5,
        ("gen_ai.client.token.usage", "input"): 200,
        ("gen_ai.client.token.usage", "output"): 100,
        ("openai_realtime.turn.duration", "response"): 0.25,
        ("openai_realtime.turn.duration", "first_chunk"): 0.5,
        ("openai_realtime.turn.duration", "total"): 0.75,
    }
    assert not any("gen_ai.conversation.id" in attributes for _, attributes, _ in watched.points)


async def call(watched: Watched) -> Any:
    watched.open()
    watched.line.begin()
    watched.line.call("weather", arguments='{"city": "Oslo"}')
    watched.now += 3
    await watched.line.send(ConversationItemCreate(item=FunctionCallOutput(call_id="c1", output="rain")))
    watched.line.end(output=[SAID])
    watched.telemetry.closed()
    return watched.spans["execute_tool weather"]


async def test_a_call_of_a_tool_is_a_span(watched: Watched) -> None:
    span = await call(watched)
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-realtime-2.1",
        "gen_ai.conversation.id": "sess_1",
        "gen_ai.tool.name": "weather",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "c1",
    }
    durations = {attributes["gen_ai.operation.name"]: value for name, attributes, value in watched.points}
    assert durations["execute_tool"] == 3


@pytest.mark.parametrize(("variable", "option"), [("true", None), ("", True)])
async def test_content_is_there_if_it_is_asked_for(variable: str, option: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", variable)
    watched = Watched(capture_content=option)
    span = await call(watched)
    assert span.attributes["gen_ai.tool.call.arguments"] == '{"city": "Oslo"}'
    assert span.attributes["gen_ai.tool.call.result"] == "rain"
    messages = watched.spans["chat gpt-realtime-2.1"].attributes["gen_ai.output.messages"]
    assert messages == '[{"role":"assistant","parts":[{"type":"text","content":"Hi!"}]}]'


async def test_a_failed_response_is_an_error(watched: Watched) -> None:
    watched.open()
    watched.line.begin()
    details = {"type": "failed", "error": {"type": "requests", "code": "rate_limit_exceeded"}}
    watched.hear("response.done", response={"id": "r1", "status": "failed", "status_details": details})
    watched.telemetry.closed()
    span = watched.spans["chat gpt-realtime-2.1"]
    assert (span.status.is_ok, span.attributes["error.type"]) == (False, "rate_limit_exceeded")


async def test_an_interrupted_response_says_so(watched: Watched) -> None:
    watched.open()
    watched.line.begin()
    details = {"type": "cancelled", "reason": "turn_detected"}
    watched.hear("response.done", response={"id": "r1", "status": "cancelled", "status_details": details})
    assert watched.spans["chat gpt-realtime-2.1"].attributes["openai_realtime.interrupted"] is True


async def test_a_replaced_connection_is_one_session(watched: Watched) -> None:
    watched.open()
    watched.line.begin()
    watched.line.received(Reconnected(code=1006, reason="", restored=[], resent=[], lost=[]))
    watched.hear("session.created", session={"id": "sess_2", "model": "gpt-realtime-2.1"})
    watched.hear("error", error={"type": "server_error", "message": "no"})
    watched.telemetry.closed()
    session = watched.spans["realtime gpt-realtime-2.1"]
    assert [event.name for event in session.events] == ["openai_realtime.reconnected", "error"]
    assert not watched.spans["chat gpt-realtime-2.1"].status.is_ok


async def test_the_end_of_the_connection_ends_the_spans(watched: Watched) -> None:
    async with Emulator() as emulator, AsyncRealtimeClient(**emulator.client_options) as client:
        async with client.connect(model="gpt-realtime-2.1", observers=[watched.telemetry]) as connection:
            await connection.ask("Hello?")
            await connection.create_response()
        assert connection.observer_errors == []
    assert watched.spans.keys() == {"realtime gpt-realtime-2.1", "chat gpt-realtime-2.1"}


def test_a_missing_extra_is_told_in_one_line() -> None:
    program = "import sys; sys.modules['opentelemetry'] = None\nfrom openai_realtime.telemetry import Telemetry"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert ended.stderr.splitlines()[-1].endswith("telemetry needs opentelemetry: pip install 'openai-realtime[otel]'")
