"""From the beta's requests to the current one, field by field, as pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar, get_args

from attrs import frozen

from openai_realtime._codec.annotations import field_hints
from openai_realtime._codec.check import check
from openai_realtime.models.audio import (
    BETA_FORMATS,
    AudioFormat,
    SemanticVad,
    ServerVad,
    TurnDetection,
)
from openai_realtime.models.base import UNSET, Maybe, Model
from openai_realtime.models.beta import (
    BetaAudioFormat,
    BetaClientSecretConfig,
    BetaModalities,
    BetaTranscriptionClientSecretConfig,
    BetaTurnDetection,
    RealtimeSessionCreateRequest,
    RealtimeTranscriptionSessionCreateRequest,
)
from openai_realtime.models.client_secrets import ExpiresAfter, RealtimeCreateClientSecretRequest
from openai_realtime.models.sessions import (
    Include,
    RealtimeAudioConfig,
    RealtimeAudioInput,
    RealtimeAudioOutput,
    RealtimeSessionConfig,
    RealtimeTranscriptionAudioConfig,
    RealtimeTranscriptionSessionConfig,
)
from openai_realtime.models.tools import ToolChoice, ToolChoiceFunction

__all__ = ["Migration", "to_client_secret_request"]

M = TypeVar("M", bound=Model)

_MODES: Final[dict[str, ToolChoice]] = {"none": "none", "auto": "auto", "required": "required"}
_INCLUDES: Final[dict[str, Include]] = {name: name for name in get_args(Include)}


@frozen
class Migration:
    """The current `request`, and what was `dropped`: the paths of the beta request that have no counterpart."""

    request: RealtimeCreateClientSecretRequest
    dropped: tuple[str, ...]


def to_client_secret_request(
    request: RealtimeSessionCreateRequest | RealtimeTranscriptionSessionCreateRequest,
) -> Migration:
    """Turn a request of the beta into one for `create_realtime_client_secret`.

    Null stays null and absent stays absent. Raises InvalidRequestError for a request that the beta would refuse.
    """
    session: RealtimeSessionConfig | RealtimeTranscriptionSessionConfig
    if isinstance(request, RealtimeTranscriptionSessionCreateRequest):
        check(request)
        session = _transcription_session(request)
    else:
        check(request, RealtimeSessionCreateRequest)
        session = _realtime_session(request)
    current = RealtimeCreateClientSecretRequest(session=session, expires_after=_expires_after(request.client_secret))
    return Migration(current, tuple(_dropped(request)))


def _realtime_session(beta: RealtimeSessionCreateRequest) -> RealtimeSessionConfig:
    output = RealtimeAudioOutput(format=_format(beta.output_audio_format), voice=beta.voice, speed=beta.speed)
    return RealtimeSessionConfig(
        model=beta.model,
        output_modalities=_output_modalities(beta.modalities),
        instructions=beta.instructions,
        audio=_unless_empty(RealtimeAudioConfig(input=_audio_input(beta), output=_unless_empty(output))),
        tools=beta.tools,
        tool_choice=_tool_choice(beta.tool_choice),
        max_output_tokens=beta.max_response_output_tokens,
        tracing=beta.tracing,
        truncation=beta.truncation,
        prompt=beta.prompt,
    )


def _transcription_session(beta: RealtimeTranscriptionSessionCreateRequest) -> RealtimeTranscriptionSessionConfig:
    audio = RealtimeTranscriptionAudioConfig(input=_audio_input(beta))
    return RealtimeTranscriptionSessionConfig(audio=_unless_empty(audio), include=_include(beta.include))


def _audio_input(
    beta: RealtimeSessionCreateRequest | RealtimeTranscriptionSessionCreateRequest,
) -> Maybe[RealtimeAudioInput]:
    return _unless_empty(
        RealtimeAudioInput(
            format=_format(beta.input_audio_format),
            transcription=beta.input_audio_transcription,
            noise_reduction=beta.input_audio_noise_reduction,
            turn_detection=_turn_detection(beta.turn_detection),
        )
    )


def _turn_detection(beta: Maybe[BetaTurnDetection | None]) -> Maybe[TurnDetection | None]:
    """Choose the kind of turn detection that the beta's one object asks for, with the fields that this kind has."""
    if beta is UNSET or beta is None:
        return beta
    cls = _vad_class(beta)
    return cls(**{name: getattr(beta, name) for name in _settings(BetaTurnDetection) & _settings(cls)})


def _vad_class(beta: BetaTurnDetection) -> type[ServerVad | SemanticVad]:
    return SemanticVad if beta.type == "semantic_vad" else ServerVad  # an absent type was server_vad


def _settings(cls: Any) -> frozenset[str]:
    """List the settings of a tagged object, without its tag."""
    return frozenset(field_hints(cls)) - {"type"}


def _format(name: Maybe[BetaAudioFormat]) -> Maybe[AudioFormat]:
    return UNSET if name is UNSET else BETA_FORMATS[name]


def _output_modalities(modalities: Maybe[BetaModalities]) -> Maybe[BetaModalities]:
    """Audio now comes with its transcript, so that ``["text", "audio"]`` is ``["audio"]``."""
    if modalities is UNSET:
        return UNSET
    return ["audio"] if "audio" in modalities else ["text"]


def _tool_choice(choice: Maybe[str]) -> Maybe[ToolChoice]:
    """Choose a mode, or else the name of a function."""
    return UNSET if choice is UNSET else _MODES.get(choice) or ToolChoiceFunction(name=choice)


def _include(names: Maybe[Sequence[str]]) -> Maybe[Sequence[Include]]:
    """Keep the names that are left; absent, and not empty, if none of them is."""
    if names is UNSET or not names:
        return UNSET if names is UNSET else []
    return [_INCLUDES[name] for name in names if name in _INCLUDES] or UNSET


def _expires_after(
    secret: Maybe[BetaClientSecretConfig | BetaTranscriptionClientSecretConfig],
) -> Maybe[ExpiresAfter]:
    if secret is UNSET:
        return UNSET
    return secret.expires_after if isinstance(secret, BetaClientSecretConfig) else secret.expires_at


def _unless_empty(model: M) -> Maybe[M]:
    return UNSET if model == type(model)() else model


def _dropped(beta: RealtimeSessionCreateRequest | RealtimeTranscriptionSessionCreateRequest) -> Iterator[str]:
    """List the paths of what is set in `beta` and has no counterpart."""
    if isinstance(beta, RealtimeSessionCreateRequest):
        if beta.temperature is not UNSET:
            yield "temperature"
    else:
        if beta.modalities is not UNSET:
            yield "modalities"
        names = () if beta.include is UNSET else beta.include
        yield from (f"include[{i}]" for i, name in enumerate(names) if name not in _INCLUDES)
    vad = beta.turn_detection
    if vad is not UNSET and vad is not None:
        gone = _settings(BetaTurnDetection) - _settings(_vad_class(vad))
        yield from (f"turn_detection.{name}" for name in sorted(gone) if getattr(vad, name) is not UNSET)
