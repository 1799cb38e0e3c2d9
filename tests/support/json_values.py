"""Strategies that make JSON as servers and users write it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from support.models import CLASSES, FLOATS, INTEGERS, TEXT

from openai_realtime._codec.annotations import field_hints, tags
from openai_realtime.models import (
    Model,
)

NAMES = sorted({name for cls in CLASSES for name in field_hints(cls)})


TAGS = sorted({tag for cls in CLASSES for tag in tags(cls)})


KEYS = st.sampled_from(["type", *NAMES]) | TEXT


LEAVES = st.none() | st.booleans() | INTEGERS | FLOATS | TEXT | st.sampled_from(TAGS)


ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def objects_for(cls: type[Model]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with arbitrary values in the fields of `cls`, and others."""
    return st.dictionaries(st.sampled_from([*field_hints(cls), "new"]), ANY_JSON, max_size=5)
