"""What comes in and what goes out, as plain values, so that all but `server` is free of sockets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from openai_realtime._codec.converter import dumps
from openai_realtime._codec.json import load
from openai_realtime.errors import DecodeError

T = TypeVar("T")

_KEY_PROTOCOL = re.compile(r"(openai-insecure-api-key\.)[^,\s]+")  # how a browser sends its key
_KEY_QUERY = re.compile(r"(?i)([?&][^=&]{0,40}(?:key|token|secret|password)=)[^&]+")  # and how to Azure and to gateways
_SECRET_HEADERS = frozenset({"authorization", "api-key", "proxy-authorization"})


@frozen(kw_only=True)
class ReceivedRequest:
    """One request as it came in.

    The names in `headers` are lower case, and keys are replaced by ``***``. `path` is as on the wire, with its query.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Any:
        """The parsed body; None where it is not JSON."""
        try:
            return load(self.body)
        except DecodeError:
            return None

    @property
    def content_type(self) -> str:
        """The media type of the body, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@frozen(kw_only=True)
class Answer:
    """One answer, before the headers that all have."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    headers: Mapping[str, str] = field(factory=dict)


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Make an answer that is the JSON `value`."""
    return Answer(status=status, body=dumps(value), content_type="application/json", headers=headers or {})


def raw_answer(body: Any) -> Answer:
    """Make an answer that is `body`: bytes and text as they are, anything else as JSON."""
    if isinstance(body, str):
        body = body.encode()
    return Answer(body=body, content_type="application/json") if isinstance(body, bytes) else json_answer(body)


def masked_path(path: str) -> str:
    """`path` for the record, without the key that it may hold."""
    return _KEY_QUERY.sub(r"\1***", path)


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """`headers` for the record: names in lower case, repeated ones joined, no key readable."""
    result: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        text = "***" if key in _SECRET_HEADERS else _KEY_PROTOCOL.sub(r"\1***", value)
        result[key] = f"{result[key]}, {text}" if key in result else text
    return result


JSON: TypeAlias = dict[str, Any]
MAX_VALUES = 100_000  # in one event or body


def has_too_many_values(text: str | bytes) -> bool:
    """Whether JSON has more than MAX_VALUES values, which would take seconds to check; or so many brackets."""
    data: Any = text
    marks = ("[", "{", ",") if isinstance(text, str) else (b"[", b"{", b",")
    lists, objects, commas = map(data.count, marks)
    if lists + objects + commas < MAX_VALUES:
        return False
    if lists + objects > MAX_VALUES:
        return True
    try:
        values = [load(text)]
    except DecodeError:
        return False
    for value in values:
        if isinstance(value, dict | list):
            values.extend(value.values() if isinstance(value, dict) else value)
        if len(values) > MAX_VALUES:
            return True
    return False


class History(list[T]):
    """What was received last: at most `count` entries that take `size` bytes together, and always the last one."""

    def __init__(self, count: int = 1000, size: int = 16 * 1024 * 1024) -> None:
        super().__init__()
        self._count = count
        self._free = size
        self._sizes: deque[int] = deque()

    def keep(self, entry: T, size: int) -> None:
        """Add `entry`, which takes `size` bytes, and forget the oldest ones that are too many."""
        self.append(entry)
        self._sizes.append(size)
        self._free -= size
        while len(self) > 1 and (len(self) > self._count or self._free < 0):
            del self[0]
            self._free += self._sizes.popleft()

    def replace(self, entry: T, smaller: T, size: int) -> None:
        """Keep `smaller`, of `size` bytes, in the place of `entry`; does nothing if that is forgotten."""
        place = next((place for place, kept in enumerate(self) if kept is entry), None)
        if place is not None:
            self[place] = smaller
            self._free += self._sizes[place] - size
            self._sizes[place] = size

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._free += sum(self._sizes)
        self._sizes.clear()
