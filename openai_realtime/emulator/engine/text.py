"""Text in the pieces in which a model writes it."""

from __future__ import annotations

import random
import re
import string


def words(text: str) -> list[str]:
    """`text` in pieces as a model writes it: each word with the space before it. Nothing is lost."""
    return re.findall(r"\s*\S+(?:\s+$)?|\s+$", text)


def padding() -> str:
    """What hides the length of a delta from who watches the encrypted line."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=random.randint(3, 16)))  # noqa: S311 - no secret
