"""Bodies as they are on the wire, read and written without loss: golden samples, and the recorded ones if here."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openai_realtime._codec.annotations import field_hints, is_model, members
from openai_realtime._codec.converter import decode, encode, structure_request
from openai_realtime.models import (
    UNSET,
    Model,
    RealtimeCallCreateRequest,
    RealtimeCallReferRequest,
    RealtimeCallRejectRequest,
    RealtimeCreateClientSecretRequest,
    RealtimeCreateClientSecretResponse,
    RealtimeSessionConfig,
    RealtimeTranscriptionSession,
    RealtimeTranslationClientSecretCreateRequest,
    RealtimeTranslationClientSecretCreateResponse,
    RealtimeTranslationSession,
    UnknownObject,
)
from openai_realtime.models.beta import (
    RealtimeSessionCreateRequest,
    RealtimeSessionCreateResponse,
    RealtimeTranscriptionSessionCreateRequest,
    RealtimeTranscriptionSessionCreateResponse,
)

EXAMPLES = Path(__file__).parents[3] / "shared" / "traces" / "spec_examples.jsonl"

# What the examples are called: schemas, and operations, which have a request (as a curl command) and an answer.
ANSWERS: dict[str, type[Model]] = {
    "RealtimeCreateClientSecretResponse": RealtimeCreateClientSecretResponse,
    "RealtimeSessionCreateRequest": RealtimeSessionCreateResponse,  # the specification shows an answer there
    "RealtimeSessionCreateResponse": RealtimeSessionCreateResponse,
    "RealtimeTranscriptionSessionCreateResponse": RealtimeTranscriptionSessionCreateResponse,
    "RealtimeTranscriptionSessionCreateResponseGA": RealtimeTranscriptionSession,
    "RealtimeTranslationClientSecretCreateResponse": RealtimeTranslationClientSecretCreateResponse,
    "RealtimeTranslationSession": RealtimeTranslationSession,
    "create-realtime-client-secret": RealtimeCreateClientSecretResponse,
    "create-realtime-session": RealtimeSessionCreateResponse,
    "create-realtime-transcription-session": RealtimeTranscriptionSessionCreateResponse,
    "create-realtime-translation-client-secret": RealtimeTranslationClientSecretCreateResponse,
}
REQUESTS: dict[str, type[Model]] = {
    "create-realtime-client-secret": RealtimeCreateClientSecretRequest,
    "create-realtime-session": RealtimeSessionCreateRequest,
    "create-realtime-transcription-session": RealtimeTranscriptionSessionCreateRequest,
    "create-realtime-translation-client-secret": RealtimeTranslationClientSecretCreateRequest,
    "create-realtime-call": RealtimeSessionConfig,
    "accept-realtime-call": RealtimeSessionConfig,
    "refer-realtime-call": RealtimeCallReferRequest,
    "reject-realtime-call": RealtimeCallRejectRequest,
}
NO_BODY = {"hangup-realtime-call"}

# --- golden samples, written from what is known of the wire ----------------------------------------------------------

SECRET = "ek_" + "0" * 32
SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_golden",
    "model": "gpt-realtime-2.1",
    "output_modalities": ["audio"],
    "instructions": "Be brief.",
    "tools": [
        {"type": "function", "name": "now", "description": None, "parameters": {"type": "object", "properties": {}}},
        {"type": "mcp", "server_label": "docs", "server_url": "https://example.com/mcp", "require_approval": "never"},
    ],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "expires_at": 0,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": {"model": "gpt-transcribe", "language": None, "prompt": None},
            "noise_reduction": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "idle_timeout_ms": None,
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
    },
    "include": None,
    "reasoning": {"effort": "low"},
}
BETA_SESSION = {
    "id": "sess_golden",
    "object": "realtime.session",
    "expires_at": 0,
    "model": "gpt-4o-realtime-preview",
    "modalities": ["text", "audio"],
    "instructions": "Be brief.",
    "voice": "alloy",
    "input_audio_format": "pcm16",
    "output_audio_format": "g711_ulaw",
    "input_audio_noise_reduction": None,
    "input_audio_transcription": {"model": "whisper-1"},
    "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200},
    "tools": [],
    "tool_choice": "auto",
    "temperature": 0.8,
    "max_response_output_tokens": "inf",
    "speed": 1.0,
    "tracing": None,
    "client_secret": {"value": SECRET, "expires_at": 1790000000},
}
TRANSCRIPTION = {
    "type": "transcription",
    "object": "realtime.transcription_session",
    "id": "sess_golden",
    "expires_at": 0,
    "audio": {"input": {"format": {"type": "audio/pcmu"}, "transcription": None, "turn_detection": None}},
    "include": ["item.input_audio_transcription.logprobs"],
}
TRANSLATION = {
    "type": "translation",
    "id": "sess_golden",
    "expires_at": 1790000000,
    "model": "gpt-realtime-translate",
    "audio": {
        "input": {"transcription": None, "noise_reduction": {"type": "far_field", "strength": 0.5}},
        "output": {"language": "es"},
    },
}
GOLDEN_ANSWERS: list[tuple[type[Model], dict[str, Any]]] = [
    (RealtimeCreateClientSecretResponse, {"value": SECRET, "expires_at": 1790000000, "session": SESSION}),
    (RealtimeCreateClientSecretResponse, {"value": SECRET, "expires_at": 1790000000, "session": TRANSCRIPTION}),
    (RealtimeSessionCreateResponse, BETA_SESSION),
    (RealtimeSessionCreateResponse, SESSION | {"client_secret": None, "voice": {"id": "voice_1"}}),
    (
        RealtimeTranscriptionSessionCreateResponse,
        {
            "id": "sess_golden",
            "object": "realtime.transcription_session",
            "expires_at": 0,
            "modalities": ["audio", "text"],
            "input_audio_format": "pcm16",
            "input_audio_transcription": {"model": "gpt-4o-transcribe", "language": "", "prompt": ""},
            "input_audio_noise_reduction": {"type": "near_field"},
            "turn_detection": None,
            "include": None,
            "client_secret": {"value": SECRET, "expires_at": 1790000000},
        },
    ),
    (RealtimeTranslationClientSecretCreateResponse, {"value": SECRET, "expires_at": 1, "session": TRANSLATION}),
]
GOLDEN_REQUESTS: list[tuple[type[Model], dict[str, Any]]] = [
    (
        RealtimeCreateClientSecretRequest,
        {
            "session": {
                "type": "realtime",
                "model": "gpt-realtime-2.1",
                "output_modalities": ["text"],
                "audio": {
                    "input": {
                        "noise_reduction": None,
                        "transcription": {"model": "gpt-live-transcribe", "languages": ["en"], "keywords": ["SDK"]},
                        "turn_detection": {"type": "semantic_vad", "eagerness": "high"},
                    },
                    "output": {"voice": {"id": "voice_1"}, "speed": 1.5, "format": {"type": "audio/pcma"}},
                },
                "tool_choice": {"type": "mcp", "server_label": "docs", "name": None},
                "tracing": {"workflow_name": "w", "metadata": {"a": [1, 2.5, None]}},
                "truncation": {
                    "type": "retention_ratio",
                    "retention_ratio": 0.8,
                    "token_limits": {"post_instructions": 8000},
                },
                "prompt": {"id": "pmpt_1", "version": "2", "variables": {"name": "Ada"}},
                "max_output_tokens": 4096,
            },
            "expires_after": {"anchor": "created_at", "seconds": 7200},
        },
    ),
    (RealtimeCreateClientSecretRequest, {"session": {"type": "transcription", "include": None}}),
    (RealtimeSessionCreateRequest, {"model": "gpt-4o-realtime-preview", "modalities": ["text"], "temperature": 0.6}),
    (RealtimeTranscriptionSessionCreateRequest, {"client_secret": {"expires_at": {"seconds": 60}}}),
    (RealtimeTranslationClientSecretCreateRequest, {"session": {"model": "gpt-realtime-translate"}}),
    (RealtimeCallReferRequest, {"target_uri": "sip:agent@example.com"}),
    (RealtimeCallRejectRequest, {"status_code": 486}),
    (RealtimeCallRejectRequest, {}),
]

# --- the examples of the specification, where they are ---------------------------------------------------------------


def examples() -> Iterator[tuple[str, Any]]:
    """The names and contents of the examples that belong to HTTP calls."""
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines() if EXAMPLES.exists() else ()
    for line in map(json.loads, lines):
        if not re.search("Event|Webhook", line["schema"]):
            yield line["schema"], line["example"]


def curl_body(command: str) -> dict[str, Any]:
    """The JSON that a curl command sends. One example has a comma too many."""
    text = re.search(r"-d '(\{.*\})'|session=(\{.*\});", command, re.DOTALL)
    assert text, command
    body: dict[str, Any] = json.loads(re.sub(r",(\s*\})", r"\1", text[1] or text[2]))
    return body


def answers() -> Iterator[tuple[type[Model], dict[str, Any]]]:
    yield from GOLDEN_ANSWERS
    yield from ((ANSWERS[name], body) for name, body in examples() if isinstance(body, dict))


def requests() -> Iterator[tuple[type[Model], dict[str, Any]]]:
    yield from GOLDEN_REQUESTS
    curls = ((name, text) for name, text in examples() if str(text).startswith("curl") and name not in NO_BODY)
    yield from ((REQUESTS[name], curl_body(text)) for name, text in curls)


def offers() -> Iterator[str]:
    yield "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    yield from (text for _, text in examples() if isinstance(text, str) and not text.startswith("curl"))


# --- what holds for all of them --------------------------------------------------------------------------------------


def exact(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def loose(model: Model, path: str = "") -> Iterator[str]:
    """The paths of fields and values that no class here describes."""
    hints = field_hints(type(model))
    yield from (f"{path}.{name}" for name in model.raw or () if name not in hints)
    for name, hint in hints.items():
        value = getattr(model, name)
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, UnknownObject) or (isinstance(inner, dict) and any(map(is_model, members(hint)))):
                yield f"{path}.{name}"
            elif isinstance(inner, Model):
                yield from loose(inner, f"{path}.{name}")


@pytest.mark.parametrize(("cls", "body"), list(answers()))
def test_an_answer_is_read_and_written_without_loss(cls: type[Model], body: dict[str, Any]) -> None:
    model = decode(json.dumps(body), cls)
    assert exact(json.loads(encode(model))) == exact(body)
    assert not list(loose(model))
    assert all(getattr(model, name) is UNSET for name in field_hints(cls) if name not in body)


@pytest.mark.parametrize(("cls", "body"), list(requests()))
def test_a_request_is_accepted_and_written_as_it_was_given(cls: type[Model], body: dict[str, Any]) -> None:
    assert exact(json.loads(encode(structure_request(body, cls)))) == exact(body)


@pytest.mark.parametrize("sdp", list(offers()))
def test_a_session_description_is_accepted(sdp: str) -> None:
    assert structure_request({"sdp": sdp}, RealtimeCallCreateRequest).sdp == sdp


def test_secrets_of_answers_are_read_and_hidden() -> None:
    for cls, body in GOLDEN_ANSWERS:
        model: Any = decode(json.dumps(body), cls)
        holder = model if "value" in body else model.client_secret
        assert holder is None or holder.value == SECRET
        assert SECRET not in repr(model)
