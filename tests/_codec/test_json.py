"""JSON that orjson refuses and servers send, and what is no JSON."""

import copy
import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given, strategies as st

from openai_realtime import (
    ConversationItemCreate,
    DecodeError,
    FunctionCallOutput,
    UnknownEvent,
    UserMessage,
    decode_client_event,
    decode_server_event,
    encode,
)
from openai_realtime._codec.check import check
from openai_realtime._codec.json import _load_deep, load
from openai_realtime.models import McpListedTool, SessionUpdated


def event(value: str) -> str:
    return f'{{"type": "response.output_text.delta", "delta": {value}}}'


@pytest.mark.parametrize(
    ("text", "delta"),
    [
        (r'"party \ud83c"', "party \ud83c"),
        (r'"\udf89!"', "\udf89!"),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ("1e999", math.inf),
        ("1" * 400, int("1" * 400)),
        ("-" + "9" * 5000, -math.inf),
        ('[1, {"a": "\\ud800", "b": [true, null, -1E2]}]', [1, {"a": "\ud800", "b": [True, None, -100.0]}]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [str, str.encode])
def test_an_event_that_orjson_refuses_is_read_as_it_came(text: str, delta: Any, kind: Any) -> None:
    found: Any = decode_server_event(kind(event(text)))
    assert (found.type, found.delta) == ("response.output_text.delta", delta)
    assert found.raw["delta"] == delta
    assert json.loads(encode(found)) == json.loads(event(json.dumps(delta)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_text_that_says_its_encoding_is_read_in_it(encoding: str) -> None:
    """Programs of Windows begin UTF-8 with a byte order mark, or write UTF-16."""
    text = event('"né"')
    assert decode_server_event(text.encode(encoding)).raw == json.loads(text)
    assert decode_server_event("\ufeff" + text).raw == json.loads(text)


def test_nan_is_read_and_written() -> None:
    found: Any = decode_server_event(event("NaN"))
    assert math.isnan(found.delta)
    assert encode(found) == b'{"type":"response.output_text.delta","delta":NaN}'
    inside = decode_server_event('{"type": "new", "list": [null, {"a": [NaN]}]}')
    assert encode(inside) == b'{"type":"new","list":[null,{"a":[NaN]}]}'


@pytest.mark.parametrize(
    "text",
    [
        "nan",
        "+1",
        "01",
        "1.",
        ".5",
        "0x1",
        "'a'",
        '"\t"',
        r'"\ud83"',
        r'"\x41"',
        "[NaN,]",
        '{"a": NaN,}',
        "NaN NaN",
        '{"a" NaN}',
        "{NaN: 1}",
        "[NaN",
        '"NaN',
        "",
    ],
)
@pytest.mark.parametrize("wrap", ["{}", "[" * 2000 + "{}" + "]" * 2000])
def test_what_is_no_json_stays_a_decode_error(text: str, wrap: str) -> None:
    value = f"{text}" if text else ","
    with pytest.raises(DecodeError, match=r"^not JSON: "):
        load(event(wrap.replace("{}", value)))


def test_bytes_that_are_no_utf8_are_no_json() -> None:
    with pytest.raises(DecodeError):
        load(b'{"a": "\xff", "b": NaN}')


@pytest.mark.parametrize("depth", [500, 1020, 5000, 99_998])
def test_an_event_of_any_depth_is_read(depth: int) -> None:
    found = decode_server_event('{"type": "new", "deep": ' + '[{"a": ' * (depth // 2) + "1" + "}]" * (depth // 2) + "}")
    assert isinstance(found, UnknownEvent)
    value, levels = found.raw["deep"], 0
    while isinstance(value, list):
        value, levels = value[0]["a"], levels + 2
    assert (value, levels) == (1, depth)


def test_the_depth_has_an_end() -> None:
    with pytest.raises(DecodeError):
        decode_server_event('{"type": "new", "deep": ' + "[" * 200_000 + "]" * 200_000 + "}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(JSON, st.sampled_from([None, 1]))
def test_the_reading_without_a_stack_is_that_of_the_standard_library(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    assert _load_deep(text) == json.loads(text)
    for end in range(len(text) - 1, max(len(text) - 4, 0), -1):
        try:
            expected = json.loads(text[:end])
        except ValueError:
            with pytest.raises(ValueError):  # noqa: PT011 - which of them is of no interest
                _load_deep(text[:end])
        else:
            assert _load_deep(text[:end]) == expected


@pytest.mark.parametrize(
    "item", [UserMessage.from_text("half \ud83c"), FunctionCallOutput(call_id="c", output="\ud83c")]
)
def test_half_an_emoji_is_sent(item: Any) -> None:
    sent = ConversationItemCreate(item=item)
    check(sent)
    assert b"\\ud83c" in encode(sent)
    assert decode_client_event(encode(sent)) == sent


def deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"type": "new", "deep": deep(500)}),
        json.dumps({"type": "session.updated", "session": {"type": "realtime", "tools": [
            {"type": "function", "name": "f", "parameters": deep(500)}]}}),
    ],
)  # fmt: skip
def test_what_is_nested_500_deep_is_copied_pickled_printed_and_compared(text: str) -> None:
    found = decode_server_event(text)
    for twin in (copy.deepcopy(found), copy.copy(found), pickle.loads(pickle.dumps(found))):  # noqa: S301
        assert twin == found
        assert twin.raw == json.loads(text)
    assert repr(found)
    assert json.loads(encode(found)) == json.loads(text)
    if isinstance(found, SessionUpdated):
        tool: Any = found.session.tools[0]  # type: ignore[union-attr, index]
        assert hash(McpListedTool(name="f", input_schema=1)) != 0
        assert tool.parameters == deep(500)
