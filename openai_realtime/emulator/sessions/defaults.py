"""Sessions as the server answers them: what was asked for, else its defaults, and null where nothing is set.

Pure functions from the JSON of a checked request to that of the answer. The defaults are those of recorded sessions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

from openai_realtime.emulator import errors as api_errors
from openai_realtime.emulator.wire import JSON
from openai_realtime.models.audio import TURNLESS_MODELS, TranscriptionModel
from openai_realtime.models.sessions import RealtimeModel

ModelKind: TypeAlias = Literal["realtime", "translation", "transcription"]

DEFAULT_MODEL = "gpt-realtime-2.1"
BETA_MODEL = "gpt-4o-realtime-preview"
# The real ones go on for a paragraph; nobody should depend on it.
INSTRUCTIONS = "Your knowledge cutoff is 2023-10. You are a helpful, witty, and friendly AI."

_REALTIME_MODELS = get_args(get_args(RealtimeModel)[0])
_TRANSCRIPTION_MODELS = get_args(get_args(TranscriptionModel)[0])
KNOWN_MODELS = (*_REALTIME_MODELS, "gpt-realtime-translate", *_TRANSCRIPTION_MODELS)
# The named models, and those of their families that are still to come.
_MODELS: dict[ModelKind, re.Pattern[str]] = {
    "realtime": re.compile(
        "|".join(map(re.escape, _REALTIME_MODELS))
        + r"|gpt-realtime(?!-translate|-whisper)(-[\w.-]+)?|gpt-4o(-mini)?-realtime-[\w.-]+|gpt-audio-[\w.-]+"
    ),
    "translation": re.compile(r"gpt-realtime-translate(-[\w.-]+)?"),
    "transcription": re.compile(rf"({'|'.join(map(re.escape, _TRANSCRIPTION_MODELS))})(-\d{{4}}-\d\d-\d\d)?"),
}
MODEL_KINDS = tuple(_MODELS)
# gpt-realtime-2, gpt-realtime-2.1-mini and so on, but not gpt-realtime-2025-08-28.
_SECOND_GENERATION = re.compile(r"gpt-realtime-2(?:\.\d+)?(?:-|$)")
_SECRET_TOOL_FIELDS = ("authorization", "headers")


def is_known_model(model: str, kind: ModelKind) -> bool:
    """Whether the API may have a model of this `kind`; a fine-tuned one is of the kind of its base."""
    base = model.split(":")[1] if kind == "realtime" and model.startswith("ft:") else model
    return _MODELS[kind].fullmatch(base) is not None


def check_model(model: str, param: str, kind: ModelKind = "realtime") -> None:
    """Refuse a model that cannot hold a session of this `kind`."""
    if is_known_model(model, kind):
        return
    if kind == "realtime" and is_known_model(model, "transcription"):
        raise api_errors.transcription_model(model, param)
    raise api_errors.unsupported_model(model, param)


def check_transcription_model(model: str, param: str) -> None:
    """Refuse a model that does not transcribe."""
    if not is_known_model(model, "transcription"):
        raise api_errors.unsupported_value(model, _TRANSCRIPTION_MODELS, param)


def check_transcription(config: JSON, param: str, *, azure: bool) -> None:
    """Refuse a config at `param` whose transcription model does not transcribe. On Azure it may have any name."""
    model = (_input(config).get("transcription") or {}).get("model")
    if model is not None and not azure:
        check_transcription_model(model, f"{param}.audio.input.transcription.model")


def check_turn_detection(config: JSON, param: str) -> None:
    """Refuse turn detection with a transcription model that has none."""
    given = _input(config)
    if _is_turnless(given) and given.get("turn_detection"):
        raise api_errors.no_turn_detection(f"{param}.audio.input.turn_detection")


def session(config: JSON, session_id: str) -> JSON:
    """Give the effective session of a `config` of either type."""
    if config["type"] == "transcription":
        return transcription_session(config, session_id)
    return realtime_session(config, session_id)


def opened(config: JSON, session_id: str, expires_at: int) -> JSON:
    """Give the effective session while it is open, until `expires_at` (UNIX seconds)."""
    return {**session(config, session_id), "expires_at": expires_at}


def merged(config: JSON, update: JSON) -> JSON:
    """`config` after ``session.update``: what the update leaves out stays. The model cannot change."""
    old, new = config.get("audio", {}), update.get("audio", {})
    audio = {side: {**old.get(side, {}), **new.get(side, {})} for side in ("input", "output") if side in {**old, **new}}
    model = {"model": config["model"]} if "model" in config else {}
    return {**config, **update, **model, "audio": audio}


def check_update(config: JSON, update: JSON, *, azure: bool) -> None:
    """Refuse what the models of ``session.update`` leave open: another type, bad tools, unfit transcription."""
    if update["type"] != config["type"]:
        raise api_errors.wrong_session_type(update["type"], config["type"])
    for index, given in enumerate(update.get("tools", ())):
        parameters = given.get("parameters")
        if parameters is not None and parameters.get("type") != "object":
            param = f"session.tools[{index}].parameters"
            raise api_errors.invalid_function(given.get("name", ""), parameters.get("type"), param)
    check_transcription(update, "session", azure=azure)
    if config["type"] == "transcription":
        check_turn_detection(merged(config, update), "session")


def reasons(model: str) -> bool:
    """Whether a model thinks before it answers, and so marks what it says by phase."""
    return _SECOND_GENERATION.match(model) is not None


def realtime_session(config: JSON, session_id: str) -> JSON:
    """Give the effective realtime session. `expires_at` is 0: it is not open yet."""
    model = config.get("model", DEFAULT_MODEL)
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": INSTRUCTIONS,
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "expires_at": 0,
        "include": None,
        **config,
        "tools": [tool(given) for given in config.get("tools", ())],
        "prompt": _with_nulls(config.get("prompt"), "version", "variables"),
        "audio": _realtime_audio(config.get("audio", {}), model),
    }


def transcription_session(config: JSON, session_id: str) -> JSON:
    """Give the effective transcription session. `expires_at` is 0: it is not open yet."""
    given = _input(config)
    default = None if _is_turnless(given) else {"type": "server_vad"}
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": 0,
        "include": config.get("include"),
        "audio": {
            "input": {
                "format": _audio_format(given.get("format")),
                "transcription": _transcription(given.get("transcription")),
                "noise_reduction": given.get("noise_reduction"),
                "turn_detection": _turn_detection(given.get("turn_detection", default), 200, {}),
            }
        },
    }


def translation_session(config: JSON, session_id: str, expires_at: int) -> JSON:
    """Give the effective translation session; `expires_at` is that of its client secret, UNIX seconds."""
    audio = config.get("audio", {})
    return {
        "id": session_id,
        "type": "translation",
        "expires_at": expires_at,
        "model": config["model"],
        "audio": {
            "input": {"transcription": None, "noise_reduction": None, **audio.get("input", {})},
            "output": {"language": None, **audio.get("output", {})},
        },
    }


def tool(given: JSON) -> JSON:
    """Give a tool as a session shows it: nulls for what is not set, and no secrets of MCP servers."""
    if given["type"] == "function":
        return {"type": "function", "name": None, "description": None, "parameters": None, **given}
    hidden = {name: _redacted(given[name]) for name in _SECRET_TOOL_FIELDS if given.get(name)}
    return {"allowed_tools": None, "headers": None, "require_approval": "always", **given, **hidden}


_ANSWERING = {"create_response": True, "interrupt_response": True}


def _realtime_audio(audio: JSON, model: str) -> JSON:
    given, output = audio.get("input", {}), audio.get("output", {})
    newer = reasons(model)
    answering = {"idle_timeout_ms": None, **_ANSWERING}
    return {
        "input": {
            "format": _audio_format(given.get("format")),
            "transcription": _transcription(given.get("transcription")),
            "noise_reduction": given.get("noise_reduction"),
            "turn_detection": _turn_detection(
                given.get("turn_detection", {"type": "server_vad"}), 500 if newer else 200, answering
            ),
        },
        "output": {
            "format": _audio_format(output.get("format")),
            "voice": output.get("voice", "marin" if newer else "alloy"),
            "speed": float(output.get("speed", 1.0)),
        },
    }


def _input(config: JSON) -> JSON:
    given: JSON = config.get("audio", {}).get("input", {})
    return given


def _is_turnless(given: JSON) -> bool:
    return (given.get("transcription") or {}).get("model") in TURNLESS_MODELS


def _audio_format(given: JSON | None) -> JSON:
    given = given or {"type": "audio/pcm"}
    return {"type": "audio/pcm", "rate": 24000} if given["type"] == "audio/pcm" else given


def _transcription(given: JSON | None) -> JSON | None:
    """`delay` and `keywords` are taken and not shown, as recorded."""
    if given is None:
        return None
    shown = {name: value for name, value in given.items() if name not in ("delay", "keywords")}
    return {"model": None, "language": None, "prompt": None, **shown}


def _turn_detection(given: JSON | None, silence_ms: int, answering: Mapping[str, Any]) -> JSON | None:
    if given is None:
        return None
    if given["type"] == "semantic_vad":
        return {"type": "semantic_vad", "eagerness": "auto", **_ANSWERING, **given}
    vad = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": silence_ms}
    return {**vad, **answering, **given}


def _with_nulls(given: JSON | None, *names: str) -> JSON | None:
    return None if given is None else {**dict.fromkeys(names), **given}


def _redacted(value: Any) -> Any:
    return dict.fromkeys(value, "<redacted>") if isinstance(value, dict) else "<redacted>"
