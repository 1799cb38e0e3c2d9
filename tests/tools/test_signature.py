"""What the model is told of a function, and which arguments it may give."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import functools
import json
import uuid
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

import attrs
import msgspec
import pytest

from openai_realtime.models import Between, Length, Pattern
from openai_realtime.tools.signature import Signature, written


class Unit(enum.Enum):
    CELSIUS = "C"
    FAHRENHEIT = "F"


@attrs.frozen
class Line:
    """A line of an order."""

    sku: str
    count: int = 1


@attrs.frozen
class Tree:
    value: int
    children: list[Tree] = attrs.field(factory=list)


@dataclasses.dataclass
class Card:
    number: str
    kind: Literal["card"] = "card"


@dataclasses.dataclass
class Cash:
    amount: float
    kind: Literal["cash"] = "cash"


class Place(TypedDict):
    city: str
    radius: NotRequired[float]


def weather(city: str, unit: Literal["C", "F"] = "C", days: int = 1) -> str:
    """Say what the weather is like.

    Args:
        city: The town, with its country.
        days: How far ahead,
            in days.
    """
    return f"{city} {unit} {days}"


def everything(  # noqa: PLR0913, PLR0917 - one of each kind
    scalar: float,
    choice: Unit,
    flag: bool,  # noqa: FBT001
    some: list[Line],
    table: dict[str, int],
    place: Place,
    pay: Card | Cash,
    many: list[Card | Cash],
    when: dt.datetime,
    key: uuid.UUID,
    tree: Tree,
    bounded: Annotated[int, Between(1, 10), "How many."],
    short: Annotated[str, Length(1, 3), Pattern("[a-z]*")] = "x",
    maybe: str | None = None,
    either: int | str = 0,
    anything: Any = None,
    fresh: list[str] = ["a"],  # noqa: B006 - what users write
) -> None: ...


GIVEN: dict[str, Any] = {
    "scalar": 1, "choice": "C", "flag": True, "some": [{"sku": "a"}], "table": {"a": 1}, "place": {"city": "Oslo"},
    "pay": {"kind": "cash", "amount": 2.5}, "many": [{"kind": "card", "number": "1"}],
    "when": "2026-11-25T10:00:00Z", "key": "6f1c6b1e-0b6f-4d4e-8f57-5a1c0a9a2b11",
    "tree": {"value": 1, "children": [{"value": 2}]}, "bounded": 10,
}  # fmt: skip
SIGNATURE = Signature(everything)


def test_the_definition_says_what_signature_and_docstring_say() -> None:
    definition = Signature(weather).definition
    assert (definition.name, definition.description) == ("weather", "Say what the weather is like.")
    assert definition.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "The town, with its country."},
            "unit": {"enum": ["C", "F"], "default": "C"},
            "days": {"type": "integer", "description": "How far ahead,\nin days.", "default": 1},
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_a_schema_has_its_bounds_and_tags_and_is_json() -> None:
    schema = json.loads(json.dumps(SIGNATURE.definition.parameters))
    assert schema["properties"]["bounded"] == {
        "type": "integer", "minimum": 1, "maximum": 10, "description": "How many."}  # fmt: skip
    assert schema["properties"]["pay"] == {"anyOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Cash"}]}
    assert schema["$defs"]["Card"]["required"] == ["kind", "number"]
    assert schema["$defs"]["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert (schema["type"], "everything" in schema["$defs"]) == ("object", False)


def test_arguments_become_what_the_annotations_say() -> None:
    bound = SIGNATURE.bind(json.dumps(GIVEN))
    assert bound["pay"] == Cash(amount=2.5)
    assert bound["many"] == [Card(number="1")]
    assert bound["tree"] == Tree(1, [Tree(2)])
    assert bound["some"] == [Line("a")]
    assert bound["choice"] is Unit.CELSIUS
    assert bound["when"] == dt.datetime(2026, 11, 25, 10, tzinfo=dt.UTC)
    bound["fresh"].append("b")
    assert SIGNATURE.bind(json.dumps(GIVEN))["fresh"] == ["a"]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"scalar": "1"}, r"\$\.scalar"),
        ({"choice": "K"}, r"\$\.choice"),
        ({"flag": 1}, r"\$\.flag"),
        ({"some": {"sku": "a"}}, r"\$\.some"),
        ({"some": [{"count": 1}]}, r"\$\.some\[0\]"),
        ({"table": {"a": "1"}}, r"\$\.table"),
        ({"place": {"radius": 1}}, r"\$\.place"),
        ({"pay": {"kind": "iou"}}, r"'card', 'cash' - at `\$\.pay`"),
        ({"pay": {"amount": 1}}, r"\$\.pay"),
        ({"pay": {"kind": "cash", "amount": "1"}}, r"\$\.pay|amount"),
        ({"pay": 5}, r"\$\.pay"),
        ({"many": [{"kind": []}]}, r"\$\.many\[0\]"),
        ({"when": "tomorrow"}, r"\$\.when"),
        ({"key": "x"}, r"\$\.key"),
        ({"tree": {"value": 1, "children": [{}]}}, r"children\[0\]"),
        ({"bounded": 11}, r"\$\.bounded"),
        ({"short": "abcd"}, r"\$\.short"),
        ({"short": "A"}, r"\$\.short"),
        ({"either": None}, r"\$\.either"),
        ({"made_up": 1}, "made_up"),
    ],
)
def test_wrong_arguments_are_refused_with_their_path(wrong: dict[str, Any], where: str) -> None:
    with pytest.raises(ValueError, match=where):
        SIGNATURE.bind(json.dumps({**GIVEN, **wrong}))


@attrs.frozen
class Bounds:
    """Like those of annotated-types."""

    ge: int
    le: int


@attrs.frozen
class Doc:
    documentation: str


def rated(stars: Annotated[int, Bounds(1, 5), Doc("How good."), msgspec.Meta(title="Stars"), object()]) -> int:
    return stars


@pytest.mark.parametrize("function", [rated, functools.partial(rated)])
def test_the_annotations_of_other_packages_count(function: Any) -> None:
    signature = Signature(function, name="rated")
    parameters: Any = signature.definition.parameters
    assert parameters["properties"]["stars"] == {
        "type": "integer", "minimum": 1, "maximum": 5, "description": "How good.", "title": "Stars"}  # fmt: skip
    with pytest.raises(ValueError, match="stars"):
        signature.bind('{"stars": 6}')


@pytest.mark.parametrize("arguments", ["", "  \n", "{  \n}"])
def test_no_arguments_may_be_no_text(arguments: str) -> None:
    def now() -> str:
        return "noon"

    assert Signature(now).bind(arguments) == {}


@pytest.mark.parametrize("arguments", ["{", "[]", "null", '"x"'])
def test_what_is_no_object_is_refused(arguments: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expected|truncated"):
        Signature(weather).bind(arguments)


@pytest.mark.parametrize(
    "text",
    [
        "Book.\n\n:param int guests: How many people.\n",
        "Book.\n\nParameters\n----------\nguests : int\n    How many people.\n",
        "Book.\n\n@param guests: How many people.",
        "Book.\nArgs:\n  guests: How many people.",
    ],
)
def test_every_style_of_docstring_is_read(text: str) -> None:
    def book(guests: int) -> None: ...

    book.__doc__ = text
    parameters: Any = Signature(book).definition.parameters
    assert parameters["properties"]["guests"]["description"] == "How many people."


@pytest.mark.parametrize("function", [lambda *cities: cities, lambda **more: more, lambda x, /: x])
def test_arguments_without_names_are_refused_when_the_tool_is_made(function: Any) -> None:
    with pytest.raises(TypeError, match="names"):
        Signature(function)


def test_a_union_that_no_field_tells_apart_is_refused_when_the_tool_is_made() -> None:
    def pay(with_: Line | Tree) -> None: ...

    with pytest.raises(TypeError, match="Line, Tree"):
        Signature(pay)


def test_a_class_that_nothing_can_read_is_refused_when_the_tool_is_made() -> None:
    class Socket: ...

    def use(socket: Socket) -> None: ...

    use.__annotations__["socket"] = Socket
    with pytest.raises((TypeError, msgspec.ValidationError), match="Socket"):
        Signature(use)


class Record(msgspec.Struct):
    a: int


class Pydantic:
    """As its models are."""

    def model_dump(self, *, mode: str) -> dict[str, str]:
        return {"name": "Ann"} if mode == "json" else {}


@pytest.mark.parametrize(
    ("result", "text"),
    [("plain", "plain"), (None, "null"), ({"a": 1}, '{"a":1}'), (Line("a"), '{"sku":"a","count":1}'),
     (Card("1"), '{"number":"1","kind":"card"}'), ([Unit.CELSIUS], '["C"]'), (dt.date(2026, 1, 2), '"2026-01-02"'),
     ([Record(a=1)], '[{"a":1}]'), (Pydantic(), '{"name":"Ann"}'), ({"for": dt.timedelta(days=1)}, '{"for":"P1D"}'),
     (decimal.Decimal("1.5"), '"1.5"'), ({1}, "[1]")],
)  # fmt: skip
def test_results_are_text_or_json(result: Any, text: str) -> None:
    assert written(result) == text


@pytest.mark.parametrize("result", [b"\xff", ValueError("x"), object(), range(3), [iter(())]])
def test_a_result_that_is_no_json_is_told_by_its_class(result: Any) -> None:
    inner = result[0] if isinstance(result, list) else result
    with pytest.raises(TypeError, match=f"cannot return {type(inner).__name__};"):
        written(result)


def test_a_result_that_no_model_could_read_is_not_sent() -> None:
    with pytest.raises(ValueError, match="1048577 characters"):
        written("x" * (2**20 + 1))


def test_arguments_nested_beyond_reason_are_refused() -> None:
    def use(anything: Any) -> None: ...

    with pytest.raises(ValueError, match="recursion"):
        Signature(use).bind('{"anything": ' + "[" * 100_000 + "]" * 100_000 + "}")


class Shop:
    """A shop."""

    def order(self, sku: str) -> None:
        """Order a thing."""

    def __call__(self, sku: str) -> None: ...


def plain(sku: str, count: int = 1) -> None:
    """Take it."""


def pieces() -> Iterator[str]:
    yield ""


def odd(sku: Unknown) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "why"),
    [(Shop.order, "method"), (pieces, "yielding"), (lambda: None, "letters"), (odd, "Unknown"), (print, "names")],
)
def test_what_cannot_be_a_tool_is_refused_by_its_name(function: Any, why: str) -> None:
    with pytest.raises(TypeError, match=f"^{function.__name__} cannot be a tool: .*{why}"):
        Signature(function)


@pytest.mark.parametrize(
    ("function", "name", "description", "arguments"),
    [(functools.partial(plain, count=2), "plain", "Take it.", ["sku", "count"]),
     (functools.partial(Shop().order), "order", "Order a thing.", ["sku"]), (Shop(), "Shop", "A shop.", ["sku"]),
     (Line, "Line", None, ["sku", "count"])],
)  # fmt: skip
def test_what_can_be_called_is_told_as_its_author_wrote_it(
    function: Any, name: str, description: str | None, arguments: list[str]
) -> None:
    definition: Any = Signature(function).definition
    assert definition.name == name
    assert description is None or definition.description == description
    assert list(definition.parameters["properties"]) == arguments


def test_the_annotation_of_the_result_may_be_for_type_checkers_only() -> None:
    def use(sku: str) -> Unknown: ...  # type: ignore[name-defined]  # noqa: F821

    assert Signature(use).bind('{"sku": "a"}') == {"sku": "a"}


def test_an_argument_may_be_null_if_that_is_its_default_and_any_object_may_be_one() -> None:
    missing = object()

    def use(city: str = None, count: int = missing) -> None: ...  # type: ignore[assignment]  # noqa: RUF013

    signature = Signature(use)
    assert signature.bind('{"city": null}') == {"city": None, "count": missing}
    assert "default" not in cast("Any", signature.definition.parameters)["properties"]["count"]
