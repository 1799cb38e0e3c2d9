"""`extra`: what the package does not know yet is sent as it is."""

import json
import pickle
from typing import Any

import attrs
import pytest

from openai_realtime import InvalidRequestError, encode
from openai_realtime._codec.check import check
from openai_realtime.models import (
    InputAudioBufferCommit,
    McpTool,
    Model,
    RealtimeCreateClientSecretRequest,
    RealtimeSession,
    RealtimeSessionConfig,
    Reasoning,
    ResponseConfig,
    ResponseCreate,
    SessionUpdate,
    UnknownEvent,
    UnknownObject,
    VoiceId,
)

NEW = {"thinking_budget": 5, "deep": {"a": [None, 1.5]}}


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        (VoiceId(id="v", extra=NEW), {"id": "v", **NEW}),
        (Reasoning(effort="low", extra={"effort": "huge"}), {"effort": "huge"}),
        (InputAudioBufferCommit(extra={"final": True}), {"type": "input_audio_buffer.commit", "final": True}),
        (SessionUpdate(session=RealtimeSessionConfig(extra=NEW), extra={"model": "voxtral"}), {
            "type": "session.update", "session": {"type": "realtime", **NEW}, "model": "voxtral"}),
        (ResponseCreate(response=ResponseConfig(extra=NEW)), {"type": "response.create", "response": NEW}),
        (UnknownEvent(type="new.event", extra=NEW), {"type": "new.event", **NEW}),
        (RealtimeSessionConfig(tools=[UnknownObject(type="web_search", extra={})]), {
            "type": "realtime", "tools": [{"type": "web_search"}]}),
        (RealtimeSessionConfig(tools=[UnknownObject(type="web_search", extra=NEW)]), {
            "type": "realtime", "tools": [{"type": "web_search", **NEW}]}),
        (McpTool(server_label="s", extra={"server_url": 5, "type": "mcp2"}), {
            "type": "mcp2", "server_label": "s", "server_url": 5}),
    ],
)  # fmt: skip
def test_extra_is_sent_and_not_checked(model: Model, sent: dict[str, Any]) -> None:
    check(model)
    assert json.loads(encode(model)) == sent


def test_the_fields_beside_extra_are_checked() -> None:
    session = RealtimeSessionConfig(instructions=5, extra=NEW)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match=r"^session\.instructions: 5 is not a string$"):
        check(RealtimeCreateClientSecretRequest(session=session))


def test_extra_must_be_an_object() -> None:
    with pytest.raises(InvalidRequestError, match=r"^extra: a list of 1 is not an object$"):
        check(VoiceId(id="v", extra=["a"]))  # type: ignore[arg-type]


def test_what_is_no_json_in_extra_is_refused_when_it_is_written() -> None:
    with pytest.raises(InvalidRequestError, match="is not JSON"):
        encode(VoiceId(id="v", extra={"a": object()}))


def test_extra_is_part_of_the_model() -> None:
    voice = VoiceId(id="v", extra=NEW)
    assert attrs.evolve(voice, id="w") == VoiceId(id="w", extra=NEW) != VoiceId(id="w")
    assert pickle.loads(pickle.dumps(voice)) == voice  # noqa: S301
    assert repr(voice) == "VoiceId(id='v', extra={'thinking_budget': 5, 'deep': {'a': [None, 1.5]}})"
    assert repr(VoiceId(id="v")) == "VoiceId(id='v')"


@pytest.mark.parametrize("name", ["authorization", "api_key", "X-Secret", "headers", "ephemeral_token", "password"])
def test_no_secret_shows_in_the_repr_of_extra(name: str) -> None:
    hidden = "hidden-0123456789"
    assert hidden not in repr(McpTool(server_label="s", extra={"a": [{name: hidden}], "b": f"Bearer {hidden}"}))


def test_what_a_server_sent_has_no_extra() -> None:
    assert RealtimeSession().extra is None


@pytest.mark.parametrize(
    ("cls", "name", "hint"),
    [
        (RealtimeSessionConfig, "voice", "did you mean audio.output.voice?"),
        (RealtimeSessionConfig, "turn_detection", "did you mean audio.input.turn_detection?"),
        (RealtimeSessionConfig, "modalities", "did you mean output_modalities?"),
        (RealtimeSessionConfig, "input_audio_format", "did you mean audio.input.format?"),
        (RealtimeSessionConfig, "max_response_output_tokens", "did you mean max_output_tokens?"),
        (RealtimeSessionConfig, "instrctions", "did you mean instructions?"),
        (RealtimeSessionConfig, "zzz", "extra={...} takes what is not known here"),
        (ResponseConfig, "voice", "did you mean audio.output.voice?"),
        (RealtimeCreateClientSecretRequest, "model", "did you mean session.model?"),
    ],
)
def test_a_wrong_keyword_says_where_it_belongs(cls: type[Model], name: str, hint: str) -> None:
    with pytest.raises(TypeError) as caught:
        cls(**{name: "x"})
    assert str(caught.value) == f"{cls.__name__} has no field {name!r}; {hint}"


def test_a_missing_or_positional_argument_is_python_s_own_error() -> None:
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'id'"):
        VoiceId()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes 1 positional argument"):
        VoiceId("v")  # type: ignore[misc]
