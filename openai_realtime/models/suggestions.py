"""Where a field belongs, when a class was given one that it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import attrs

_MAX_NAME: Final = 64  # of a name that similar ones are looked for
_DEPTH: Final = 3
_ANYWHERE: Final = {"id", "type", "name"}  # names that many objects have: finding one of them says nothing

_BETA_PLACES: Final = {
    "modalities": "output_modalities",
    "input_audio_format": "audio.input.format",
    "output_audio_format": "audio.output.format",
    "input_audio_transcription": "audio.input.transcription",
    "input_audio_noise_reduction": "audio.input.noise_reduction",
    "max_response_output_tokens": "max_output_tokens",
}


def places(cls: Any, name: str) -> tuple[str, ...]:
    """Give the place that may have been meant by the field `name`, which `cls` does not have; or nothing.

    It is a field of a similar name, or one of the same name deeper in the object: ``audio.output.voice``.
    """
    if len(name) > _MAX_NAME:
        return ()
    import difflib  # noqa: PLC0415 - for a wrong name only

    known = [field.name for field in attrs.fields(cls) if not field.metadata]
    place = _BETA_PLACES.get(name, "")
    if place and place.partition(".")[0] in known:
        return (place,)
    inside = [] if name in _ANYWHERE else [*_inside(cls, name, "", _DEPTH)]
    close = difflib.get_close_matches(name, known, 1, 0.6)
    return (*inside[:1], *close)[:1]


def _inside(cls: Any, name: str, path: str, depth: int) -> Iterator[str]:
    """Find the paths of the fields `name` in the objects that a `cls` has, outer ones first."""
    fields = [field for field in attrs.fields(attrs.resolve_types(cls)) if not field.metadata]
    for field in fields:
        for part in _classes(field.type):
            if any(inner.name == name for inner in attrs.fields(part)):
                yield f"{path}{field.name}.{name}"
    for field in fields if depth else ():
        for part in _classes(field.type):
            yield from _inside(part, name, f"{path}{field.name}.", depth - 1)


def _classes(hint: Any) -> Iterator[Any]:
    """List the attrs classes of a union; those in lists are not an object of their own."""
    if isinstance(hint, type) and attrs.has(hint):
        yield hint
    elif get_origin(hint) in (Union, UnionType, Annotated):
        for part in get_args(hint):
            yield from _classes(part)
