"""Everything that masks secrets: one place, one set of patterns."""

from __future__ import annotations

import re
from typing import Any

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


def redact(text: str) -> str:
    """Mask every secret in `text`."""
    return _SECRET.sub(lambda match: (match[1] or "") + "***", text)


def redact_body(body: Any) -> Any:
    try:
        return _redact_json(body)
    except RecursionError:
        return "nested too deeply to be shown"


def _redact_json(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redact_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redact_json(item) for item in value]
    return value
