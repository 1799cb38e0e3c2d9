"""Everything that masks secrets: one place, one set of patterns."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# No secret ends with a dot: that is the end of the sentence it stands in.
_SECRET = re.compile(
    r"""
    # A token has a digit, a sign or an upper-case letter that is not its first, or is long: "authentication" is a word.
    (?<=Bearer[ ])        (?=[A-Za-z]?+[a-z.]*[\dA-Z_\-*~+=…•]|[a-z.]{20}) [\w\-*.~+/=…•]* [\w\-*~+/=]
    | (?<=Basic[ ])       (?=\w+[\dA-Z+/=]) [\w+/=]{8,}    # base64, and not a word such as "settings"
    | (?<=://)            [^\s/:@]* : [^\s/@]+ (?=@)        # user and password of a URL
    # Keys, client secrets and webhook secrets, whole or as the API masks them: "sk-proj-****ueba" shows the real tail.
    | \b((?:sk|ek|whsec)[-_]) [\w\-*.+/=…•]{2,} [\w\-*+/=]
    """,
    re.VERBOSE,
)


# One of these is in every text that has a secret; to look for them takes a tenth of the pattern's time.
_SIGNS = (b"Bearer ", b"Basic ", b"://", b"k-", b"k_", b"whsec")

_MIN_SECRET = 8  # characters; a shorter one is made up for a server that asks for none, and may be any word


class Secret:
    """A value that nothing shows: its repr and its text are ``***``. `reveal` gives it to what has to send it.

    No attrs class: printers such as rich's look into the fields of those.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def reveal(self) -> Any:
        """Return the value itself. Keep it in no variable: a traceback may show those."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


def without_frames(function: Callable[P, T]) -> Callable[P, T]:
    """Let what `function` says of its arguments forget where: they may hold secrets, and a traceback may show those."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError) as error:
            failure: Exception = error.with_traceback(None)
        del args, kwargs
        raise failure

    return call


def redact(text: str) -> str:
    """Mask in `text` everything that looks like a secret."""
    return _SECRET.sub(lambda match: (match[1] or "") + "***", text)


def may_hold_secret(text: bytes) -> bool:
    """Whether `redact` could find anything in `text`, which is UTF-8 or JSON."""
    return any(map(text.__contains__, _SIGNS))  # a generator would double the time


def redact_body(body: Any) -> Any:
    """Mask in the texts of a JSON value everything that looks like a secret."""
    return _convert(body, redact)


def mask(value: Any, secrets: Iterable[Secret]) -> Any:
    """Mask `secrets` in the texts of a JSON value, whatever they look like: some servers repeat what they were sent."""
    forms = {form for secret in secrets for form in _forms(secret.reveal()) if len(form) >= _MIN_SECRET}
    if not forms:
        return value
    pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
    return _convert(value, lambda text: pattern.sub("***", text))


def _forms(secret: str) -> tuple[str, ...]:
    """Return `secret` as a server may repeat it: without its scheme ("Bearer"), and in JSON that was not decoded."""
    words = secret.split(" ")
    forms = (secret, words[1]) if len(words) == 2 else (secret,)  # noqa: PLR2004
    return (*forms, *(form.replace("/", "\\/") for form in forms))


def _convert(body: Any, convert: Callable[[str], str]) -> Any:
    try:
        return _convert_json(body, convert)
    except RecursionError:
        return "nested too deeply to be shown"


def _convert_json(value: Any, convert: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return convert(value)
    if isinstance(value, dict):
        return {_convert_json(key, convert): _convert_json(item, convert) for key, item in value.items()}
    if isinstance(value, list):
        return [_convert_json(item, convert) for item in value]
    return value
