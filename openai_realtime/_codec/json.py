"""JSON text to Python and back: fast by orjson, and once more, slowly, for what orjson refuses and servers send.

That is half a surrogate pair, NaN, Infinity, numbers beyond a double, nesting of any depth, and a byte order mark.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final

import orjson

from openai_realtime.errors import DecodeError

_MAX_DEPTH: Final = 100_000
_MAX_DIGITS: Final = 4300  # of an integer that Python reads


def load(data: str | bytes) -> Any:
    """Parse JSON. Raises DecodeError, without quoting the text."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _load_slowly(data, f"not JSON: {error.msg} at character {error.pos}")


def load_object(data: str | bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises DecodeError for anything else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = load(data)
    if not isinstance(value, dict):
        raise DecodeError(f"a JSON object was expected, not {type(value).__name__}")
    return value


def dump(value: Any, default: Callable[[Any], Any]) -> bytes:
    """Write JSON; `default` makes something simpler of what is no JSON value.

    Raises TypeError, ValueError or RecursionError for what it cannot simplify.
    """
    try:
        text = orjson.dumps(value, default)
    except TypeError:  # what is no JSON at all fails here again
        return _dump_slowly(value, default)
    if b"null" in text and not _is_finite(value, default):
        return _dump_slowly(value, default)
    return text


def dump_text(text: str) -> bytes:
    """Write a long ASCII text, such as audio, without the search for what is no JSON that `dump` makes."""
    return orjson.dumps(text)


def _load_slowly(data: str | bytes, message: str) -> Any:
    if not isinstance(data, str | bytes | bytearray | memoryview):
        raise DecodeError(f"a {type(data).__name__} is not JSON: text or bytes are wanted")
    try:
        text = data.removeprefix("\ufeff") if isinstance(data, str) else data.decode(json.detect_encoding(data))
        try:
            return json.loads(text, parse_int=_integer)
        except RecursionError:
            return _load_deep(text)
    except ValueError:
        raise DecodeError(message) from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _dump_slowly(value: Any, default: Callable[[Any], Any]) -> bytes:
    return json.dumps(value, default=default, separators=(",", ":")).encode()


def _is_finite(value: Any, default: Callable[[Any], Any]) -> bool:
    """Whether no float in `value` is NaN or infinite: orjson writes null for those."""
    values = [value]
    for inner in values:
        if isinstance(inner, float) and not math.isfinite(inner):
            return False
        if isinstance(inner, dict):
            values.extend(inner.values())
        elif isinstance(inner, list | tuple):
            values.extend(inner)
        elif not isinstance(inner, str | int | float | None) and (simpler := default(inner)) is not inner:
            values.append(simpler)
    return True


_SPACE = frozenset(" \t\n\r")
_SCALAR = re.compile(r"true|false|null|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


class _DeepText:
    """A text that is read token by token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def peek(self) -> str:
        """Look at the next character that is no white space; empty at the end."""
        while self._text[self._at : self._at + 1] in _SPACE:
            self._at += 1
        return self._text[self._at : self._at + 1]

    def take(self, wanted: str) -> str:
        """Read one of the characters `wanted`. Raises ValueError for another."""
        found = self.peek()
        if not found or found not in wanted:
            raise ValueError(found)
        self._at += 1
        return found

    def scalar(self) -> Any:
        """Read a string, number or name."""
        if self.peek() == '"':
            text, self._at = json.decoder.scanstring(self._text, self._at + 1)  # type: ignore[attr-defined]
            return text
        match = _SCALAR.match(self._text, self._at)
        if match is None:
            raise ValueError(self._at)
        self._at = match.end()
        return json.loads(match[0], parse_int=_integer)

    def key(self) -> str:
        """Read the name of a field and its colon."""
        self.take('"')
        self._at -= 1
        name: str = self.scalar()
        self.take(":")
        return name


def _load_deep(text: str) -> Any:
    """Parse JSON of any depth: what is open is on a list of ours and not on the interpreter's stack."""
    source = _DeepText(text)
    stack: list[tuple[Any, str]] = []  # each open object or list, and the field that is being read
    while True:
        value = _begun(source, stack)
        while value is not _OPENED:
            if not stack:
                if source.peek():
                    raise ValueError
                return value
            value = _added(source, stack, value)


_OPENED: Final = object()


def _begun(source: _DeepText, stack: list[tuple[Any, str]]) -> Any:
    """Read the value that comes, or _OPENED if it is an object or list with something in it."""
    opening = source.peek()
    if opening not in ("[", "{"):
        return source.scalar()
    source.take(opening)
    container: Any = [] if opening == "[" else {}
    if source.peek() == ("]" if opening == "[" else "}"):
        source.take("]}")
        return container
    if len(stack) == _MAX_DEPTH:
        raise ValueError(_MAX_DEPTH)
    stack.append((container, source.key() if opening == "{" else ""))
    return _OPENED


def _added(source: _DeepText, stack: list[tuple[Any, str]], value: Any) -> Any:
    """Put `value` where it belongs: the container if that ends here, or _OPENED if more comes."""
    container, key = stack.pop()
    if isinstance(container, list):
        container.append(value)
        more = source.take(",]") == ","
    else:
        container[key] = value
        more = source.take(",}") == ","
    if not more:
        return container
    stack.append((container, source.key() if isinstance(container, dict) else ""))
    return _OPENED
