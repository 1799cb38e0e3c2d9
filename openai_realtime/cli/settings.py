"""Requests from a JSON file and flags: the flags override the file, and every bad field is named by where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, Any, Final, TypeVar

import attrs
import click

from openai_realtime._codec.converter import structure_request
from openai_realtime._codec.json import load_object
from openai_realtime.errors import DecodeError, InvalidRequestError, Problem
from openai_realtime.models.base import Model
from openai_realtime.models.client_secrets import RealtimeCreateClientSecretRequest
from openai_realtime.models.sessions import RealtimeSessionConfig

from .failures import BadInputError

F = TypeVar("F", bound=Callable[..., Any])
M = TypeVar("M", bound=Model)

MODEL: Final = "gpt-realtime-2.1"  # of the commands that hold a session

# Where the value of each flag goes in the request.
SECRET: Final = {
    "model": "session.model",
    "voice": "session.audio.output.voice",
    "instructions": "session.instructions",
    "expires_after": "expires_after",
}
TRANSCRIPTION_SECRET: Final = {**SECRET, "model": "session.audio.input.transcription.model"}
TRANSLATION_SECRET: Final = {
    "model": "session.model",
    "language": "session.audio.output.language",
    "expires_after": "expires_after",
}
CALL: Final = {"model": "model", "voice": "audio.output.voice", "instructions": "instructions"}
SESSION: Final = {
    "model": "model",
    "voice": "voice",
    "instructions": "instructions",
    "expires_after": "client_secret.expires_after",
}
TRANSCRIPTION_SESSION: Final = {
    "model": "input_audio_transcription.model",
    "expires_after": "client_secret.expires_at",  # the beta's own name for a duration
}


def _lifetime(_: click.Context, __: click.Parameter, seconds: int | None) -> Any:
    return None if seconds is None else {"anchor": "created_at", "seconds": seconds}


_OPTIONS: Final = {
    "config": click.option(
        "--config", type=click.File("rb"), metavar="FILE", help="The settings as JSON; - is standard input."
    ),
    "model": click.option("--model", help="The model's name."),
    "voice": click.option("--voice", help="The voice's name."),
    "instructions": click.option("--instructions", metavar="TEXT", help="What the model shall be and do."),
    "language": click.option("--language", metavar="CODE", help="The language to translate into, such as 'de'."),
    "expires_after": click.option(
        "--expires-after", type=int, callback=_lifetime, metavar="SECONDS", help="How long the secret opens sessions."
    ),
}


def settings_options(places: Mapping[str, str]) -> Callable[[F], F]:
    """Add --config and the flags that `places` names; the function gets them by these names."""

    def decorate(command: F) -> F:
        for name in reversed(("config", *places)):
            command = _OPTIONS[name](command)
        return command

    return decorate


@attrs.frozen(kw_only=True)
class _Source:
    """The settings of the file `name`; `inside` is the path in the request that the file leaves out."""

    settings: dict[str, Any]
    name: str = ""
    inside: str = ""


def _read(file: IO[bytes] | None) -> _Source:
    """Read the JSON object in `file`, an empty one if there is no file."""
    if file is None:
        return _Source(settings={})
    try:
        return _Source(settings=load_object(file.read()), name=file_name(file))
    except DecodeError as error:
        raise BadInputError(f"{file_name(file)}: {error}") from None


def file_name(file: IO[bytes]) -> str:
    """Name an input file for an error; standard input need not have a name."""
    return str(getattr(file, "name", "<stdin>"))


def request(cls: type[M], config: IO[bytes] | None, flags: Mapping[str, Any], places: Mapping[str, str]) -> M:
    """Make the request of class `cls` from a file with its fields, and flags. Raises BadInputError."""
    return _build(cls, _read(config), flags, places)


def call_session(config: IO[bytes] | None, flags: Mapping[str, Any]) -> RealtimeSessionConfig:
    """Make the session of a call. Raises BadInputError."""
    source = _read(config) if config else _Source(settings={"type": "realtime"})
    return _build(RealtimeSessionConfig, source, flags, CALL)


def client_secret_request(config: IO[bytes] | None, flags: Mapping[str, Any]) -> RealtimeCreateClientSecretRequest:
    """Make the request for a client secret. A file with a ``type`` is a session, any other the whole request.

    Raises BadInputError.
    """
    source = _read(config)
    if source.settings and not source.settings.keys() & {"type", "session", "expires_after"}:
        raise BadInputError(
            f'{source.name}: needs "type": "realtime" or "transcription" to be a session, or "session" to be a request'
        )
    if "type" in source.settings:
        source = attrs.evolve(source, settings={"session": source.settings}, inside="session.")
    if any(flags[name] is not None for name in ("model", "voice", "instructions")):
        source.settings.setdefault("session", {"type": "realtime"})
    session = source.settings.get("session")
    transcription = isinstance(session, dict) and session.get("type") == "transcription"
    places = TRANSCRIPTION_SECRET if transcription else SECRET
    return _build(RealtimeCreateClientSecretRequest, source, flags, places)


def _build(cls: type[M], source: _Source, flags: Mapping[str, Any], places: Mapping[str, str]) -> M:
    """Put `flags` over the settings of `source`, and check them.

    Raises BadInputError that names every bad field: by its flag, or by the file and its path there.
    """
    given = {place: flag for flag, place in places.items() if flags.get(flag) is not None}
    for place, flag in given.items():
        _put(source.settings, place.split("."), flags[flag])
    try:
        return structure_request(source.settings, cls)
    except InvalidRequestError as error:
        lines = (_located(problem, given, source) for problem in error.problems)
        raise BadInputError("; ".join(dict.fromkeys(lines))) from None


def _put(settings: Any, path: list[str], value: Any) -> None:
    """Set one value deep in `settings`. Where the file has no object on the way, the check will say so."""
    *way, last = path
    for name in way:
        if isinstance(settings, dict):
            settings = settings.setdefault(name, {})
    if isinstance(settings, dict):
        settings[last] = value


def _located(problem: Problem, given: Mapping[str, str], source: _Source) -> str:
    """Describe one problem, with the flag or the file it comes from."""
    flag = next((given[place] for place in given if _is_of(problem, place)), None)
    if flag is not None:
        return str(attrs.evolve(problem, path="--" + flag.replace("_", "-")))
    if not source.name:
        return str(problem)
    return f"{source.name}: {attrs.evolve(problem, path=problem.path.removeprefix(source.inside))}"


def _is_of(problem: Problem, place: str) -> bool:
    """Tell whether `problem` is about the value put at `place`, or about an object that only had to be made for it."""
    if f"{problem.path}.".startswith(f"{place}."):
        return True
    return problem.kind == "unknown_parameter" and place.startswith(f"{problem.path}.")
