"""The mapping of the beta's requests to the current one: by example, and over random requests."""

import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings, strategies as st
from support.models import instances, values

from openai_realtime._codec.annotations import field_hints
from openai_realtime._codec.check import check
from openai_realtime._codec.converter import decode, encode
from openai_realtime._migration import Migration, to_client_secret_request
from openai_realtime.errors import InvalidRequestError
from openai_realtime.models import (
    UNSET,
    AudioTranscription,
    ExpiresAfter,
    FunctionTool,
    Model,
    NoiseReduction,
    RealtimeSessionConfig,
    RealtimeTranscriptionSessionConfig,
    RetentionRatioTruncation,
    VoiceId,
)
from openai_realtime.models.beta import (
    BetaClientSecretConfig,
    BetaTranscriptionClientSecretConfig,
    BetaTurnDetection,
    RealtimeSessionCreateRequest,
    RealtimeTranscriptionSessionCreateRequest,
)

LOGPROBS = "item.input_audio_transcription.logprobs"


def migrated(request: Any) -> tuple[Any, tuple[str, ...]]:
    """The JSON of the current request without what is always there, and what was dropped."""
    migration = to_client_secret_request(request)
    result = json.loads(encode(migration.request))
    kind = "transcription" if isinstance(request, RealtimeTranscriptionSessionCreateRequest) else "realtime"
    assert result["session"].pop("type") == kind
    return result, migration.dropped


def session(**fields: Any) -> tuple[Any, tuple[str, ...]]:
    result, dropped = migrated(RealtimeSessionCreateRequest(**fields))
    assert result.keys() == {"session"}
    return result["session"], dropped


def transcription(**fields: Any) -> tuple[Any, tuple[str, ...]]:
    result, dropped = migrated(RealtimeTranscriptionSessionCreateRequest(**fields))
    assert result.keys() == {"session"}
    return result["session"], dropped


def test_a_whole_session() -> None:
    request = RealtimeSessionCreateRequest(
        model="gpt-4o-realtime-preview",
        modalities=["text", "audio"],
        instructions="Be brief.",
        voice="alloy",
        input_audio_format="g711_ulaw",
        output_audio_format="pcm16",
        input_audio_transcription=AudioTranscription(model="whisper-1"),
        input_audio_noise_reduction=NoiseReduction(type="near_field"),
        turn_detection=BetaTurnDetection(type="server_vad", silence_duration_ms=200),
        tools=[FunctionTool(name="weather")],
        tool_choice="weather",
        temperature=0.8,
        max_response_output_tokens="inf",
        speed=1.0,
        tracing="auto",
        truncation=RetentionRatioTruncation(retention_ratio=0.5),
        client_secret=BetaClientSecretConfig(expires_after=ExpiresAfter(anchor="created_at", seconds=60)),
    )
    assert migrated(request) == (
        {
            "session": {
                "model": "gpt-4o-realtime-preview",
                "output_modalities": ["audio"],
                "instructions": "Be brief.",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcmu"},
                        "transcription": {"model": "whisper-1"},
                        "noise_reduction": {"type": "near_field"},
                        "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
                    },
                    "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy", "speed": 1.0},
                },
                "tracing": "auto",
                "tools": [{"type": "function", "name": "weather"}],
                "tool_choice": {"type": "function", "name": "weather"},
                "max_output_tokens": "inf",
                "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
            },
            "expires_after": {"anchor": "created_at", "seconds": 60},
        },
        ("temperature",),
    )


def test_a_whole_transcription_session() -> None:
    request = RealtimeTranscriptionSessionCreateRequest(
        modalities=["text"],
        input_audio_format="g711_alaw",
        input_audio_transcription=AudioTranscription(model="gpt-4o-transcribe", language="en"),
        input_audio_noise_reduction=None,
        turn_detection=BetaTurnDetection(type="semantic_vad", eagerness="low"),
        include=[LOGPROBS],
        client_secret=BetaTranscriptionClientSecretConfig(expires_at=ExpiresAfter(seconds=60)),
    )
    assert migrated(request) == (
        {
            "session": {
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcma"},
                        "transcription": {"model": "gpt-4o-transcribe", "language": "en"},
                        "noise_reduction": None,
                        "turn_detection": {"type": "semantic_vad", "eagerness": "low"},
                    }
                },
                "include": [LOGPROBS],
            },
            "expires_after": {"seconds": 60},
        },
        ("modalities",),
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"modalities": ["audio", "text"]}, {"output_modalities": ["audio"]}),
        ({"modalities": ["audio"]}, {"output_modalities": ["audio"]}),
        ({"modalities": ["text"]}, {"output_modalities": ["text"]}),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        ({"tool_choice": "none"}, {"tool_choice": "none"}),
        ({"tools": []}, {"tools": []}),
        ({"voice": VoiceId(id="voice_1")}, {"audio": {"output": {"voice": {"id": "voice_1"}}}}),
        ({"turn_detection": None}, {"audio": {"input": {"turn_detection": None}}}),
        ({"turn_detection": BetaTurnDetection()}, {"audio": {"input": {"turn_detection": {"type": "server_vad"}}}}),
        ({"input_audio_transcription": None}, {"audio": {"input": {"transcription": None}}}),
        ({"input_audio_transcription": AudioTranscription()}, {"audio": {"input": {"transcription": {}}}}),
        ({"tracing": None, "prompt": None}, {"tracing": None, "prompt": None}),
        ({"client_secret": BetaClientSecretConfig()}, {}),
    ],
)
def test_null_absent_empty_and_default_stay_apart(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert session(**fields) == (expected, ())


@pytest.mark.parametrize(
    ("beta", "expected", "dropped"),
    [
        ({"type": "server_vad", "eagerness": "low", "threshold": 0.5}, {"threshold": 0.5}, ["eagerness"]),
        ({"eagerness": "low"}, {}, ["eagerness"]),
        (
            {"type": "semantic_vad", "threshold": 0.5, "silence_duration_ms": 1, "prefix_padding_ms": 0},
            {},
            ["prefix_padding_ms", "silence_duration_ms", "threshold"],
        ),
        ({"create_response": False}, {"create_response": False}, []),
        ({"type": "semantic_vad", "interrupt_response": True}, {"interrupt_response": True}, []),
    ],
)
def test_each_kind_of_turn_detection_keeps_its_own_fields(
    beta: dict[str, Any], expected: dict[str, Any], dropped: list[str]
) -> None:
    expected = {"type": beta.get("type", "server_vad"), **expected}
    result, paths = transcription(turn_detection=BetaTurnDetection(**beta))
    assert result == {"audio": {"input": {"turn_detection": expected}}}
    assert paths == tuple(f"turn_detection.{name}" for name in dropped)


@pytest.mark.parametrize(
    ("names", "expected", "dropped"),
    [
        ([], {"include": []}, ()),
        (["other", LOGPROBS], {"include": [LOGPROBS]}, ("include[0]",)),
        (["other"], {}, ("include[0]",)),
    ],
)
def test_only_known_includes_are_left(names: list[str], expected: dict[str, Any], dropped: tuple[str, ...]) -> None:
    assert transcription(include=names) == (expected, dropped)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (RealtimeSessionCreateRequest(temperature=7), "temperature"),
        (RealtimeTranscriptionSessionCreateRequest(input_audio_format="mp3"), "input_audio_format"),  # type: ignore[arg-type]
        ({"voice": "alloy"}, ""),
    ],
)
def test_an_invalid_request_is_refused(request_: Any, path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        to_client_secret_request(request_)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_a_migration_is_a_value() -> None:
    one, two = (to_client_secret_request(RealtimeSessionCreateRequest(voice="alloy")) for _ in "ab")
    assert one == two
    assert isinstance(one, Migration)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.dropped = ()  # type: ignore[misc]


# --- over all fields and random values -------------------------------------------------------------------------------

REQUESTS: list[type[Model]] = [RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest]
CURRENT = {
    RealtimeSessionCreateRequest: RealtimeSessionConfig,
    RealtimeTranscriptionSessionCreateRequest: RealtimeTranscriptionSessionConfig,
}
FIELDS = [(cls, name) for cls in REQUESTS for name in field_hints(cls)]


def leaves(model: Any, path: str = "") -> set[str]:
    """The paths of all set fields of the beta request, down to the settings of its own objects."""
    own = isinstance(model, BetaTurnDetection | BetaClientSecretConfig | BetaTranscriptionClientSecretConfig)
    if not own and path:
        return {path}
    names = [name for name in field_hints(type(model)) if getattr(model, name) is not UNSET]
    return {leaf for name in names for leaf in leaves(getattr(model, name), f"{path}.{name}" if path else name)}


@pytest.mark.parametrize("cls", REQUESTS)
def test_every_valid_request_becomes_a_valid_one(cls: type[Model]) -> None:
    @settings(max_examples=200)
    @given(instances(cls, known=True))
    def passes(request: Any) -> None:
        migration = to_client_secret_request(request)
        check(migration.request)
        assert to_client_secret_request(decode(encode(request), cls)) == migration
        assert type(migration.request.session) is CURRENT[cls]
        audio = json.loads(encode(migration.request))["session"].get("audio", {"input": "absent"})
        assert audio
        assert {} not in (audio.get("input"), audio.get("output"))
        assert {path.split("[")[0] for path in migration.dropped} <= leaves(request)

    passes()


@pytest.mark.parametrize(("cls", "name"), FIELDS)
def test_no_field_is_lost_in_silence(cls: type[Model], name: str) -> None:
    """Taking a set field away changes the result, unless it says nothing or is among the dropped."""

    @settings(max_examples=30)
    @given(instances(cls, known=True), st.data())
    def shows(request: Any, data: st.DataObject) -> None:
        value = data.draw(values(field_hints(cls)[name], known=True))
        request = attrs.evolve(request, **{name: value})
        with_it = to_client_secret_request(request)
        without = to_client_secret_request(attrs.evolve(request, **{name: UNSET}))
        if value == BetaClientSecretConfig() or value == BetaTranscriptionClientSecretConfig():
            assert with_it == without
        else:
            dropped = {path.split("[")[0].split(".")[0] for path in with_it.dropped}
            assert with_it.request != without.request or name in dropped

    shows()


@pytest.mark.parametrize("name", sorted(set(field_hints(BetaTurnDetection)) - {"type"}))
@pytest.mark.parametrize("kind", [UNSET, "server_vad", "semantic_vad"])
def test_no_setting_of_turn_detection_is_lost_in_silence(kind: Any, name: str) -> None:
    others: dict[str, Any] = {"eagerness": "low", "create_response": True, "interrupt_response": True}
    beta = BetaTurnDetection(type=kind, **{name: others.get(name, 1)})
    result, dropped = session(turn_detection=beta)
    kept = result["audio"]["input"]["turn_detection"]
    assert (name in kept) is (f"turn_detection.{name}" not in dropped)
    assert len(kept) + len(dropped) == 2
