from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo import Attr, Document, field, specialised
from chalicelib.dynamo.errors import AttributeValue, Invalid

from .everything import Address, Level
from .values import floats, integers, values

NOON = datetime(2024, 5, 1, tzinfo=timezone.utc)


class Name(str):
    __slots__ = ()


class Text(str, Enum):
    """Constants that are strings."""

    A = "a"


class Count(int):
    pass


class Texts(list[str]):
    pass


class Half(float):
    pass


class Counter(Document):
    """A nested document that storing changes, differently each time."""

    count: Attr[int] = field(set=lambda value: value + 1)


ANNOTATIONS: list[Any] = [
    str,
    int,
    float,
    bool,
    list[str],
    dict[str, Any],
    str | None,
    list[str] | None,
    Decimal,
    bytes,
    datetime,
    list[int],
    Level,
    Address,
    Any,
]
SPECIAL: list[Any] = [
    None,
    True,
    0,
    -(10**18),
    10**18 - 1,
    10**38 + 1,
    Count(3),
    Level.HIGH,
    0.0,
    -0.0,
    1e-130,
    9e-131,
    -1e126,
    float("nan"),
    float("-inf"),
    Half(0.5),
    Decimal("1.50"),
    "",
    Name("name"),
    Text.A,
    b"\xff",
    [],
    ["a", Name("b")],
    ["a", 1],
    Texts(["a"]),
    ("a",),
    {},
    {"a": {"": 1}},
    {"a"},
    NOON,
    Address(street="a"),
    Address(street=1),  # type: ignore[arg-type]
    object(),
]
NAMES = st.sampled_from(
    ["a", "item", "get", "V", "v", "e0", "it's", 'a"b', "\\", "\n", "{0}", "{a!r}", "é", "\U0001f600", "'''", "#"]
) | st.text(min_size=1, max_size=4)

field_options = st.fixed_dictionaries(
    {}, optional={"default": st.none(), "max_length": st.just(3), "name": NAMES.map("stored {}".format)}
)
declarations = st.dictionaries(NAMES, st.tuples(st.sampled_from(ANNOTATIONS), field_options), max_size=5)
field_values = st.sampled_from(SPECIAL) | integers | floats | st.text() | st.lists(st.text()) | values
stored_values: st.SearchStrategy[AttributeValue] = st.sampled_from(
    [
        {"S": "a"},
        {"S": "2024-05-01T00:00:00Z"},
        {"N": "1"},
        {"N": "1E+2"},
        {"N": "1.5"},
        {"BOOL": True},
        {"NULL": True},
        {"B": "AP8="},
        {"L": [{"S": "a"}, {"S": "b"}]},
        {"L": [{"S": "a"}, {"N": "1"}]},
        {"L": []},
        {"M": {"street": {"S": "a"}}},
        {"M": {"a": {"L": [{"NULL": True}]}}},
        {"SS": ["a"]},
    ]
)


def document_of(fields: dict[str, tuple[Any, dict[str, Any]]]) -> Any:
    """A class with these fields. Of a text only the length is limited."""
    namespace: dict[str, Any] = {"__annotations__": {}}
    for name, (annotation, options) in fields.items():
        namespace["__annotations__"][name] = Attr[annotation]  # type: ignore[valid-type]
        given = {option: value for option, value in options.items() if annotation is str or option != "max_length"}
        namespace[name] = field(**given)
    return type("Made", (Document,), namespace)


def outcome(call: Callable[[Any], Any], argument: Any) -> Any:
    """What a call gives or raises, to compare."""
    try:
        return repr(sorted(call(argument).items()))
    except Invalid as error:
        return type(error), error.path, error.reason


def encoder(kind: Any) -> Callable[[Any], Any]:
    return specialised.encoder(kind.schema.compile(), kind.schema.encode_partly)


def decoder(kind: Any) -> Callable[[Any], Any]:
    return specialised.decoder(kind.schema.compile(), kind.schema._values)


def free(names: dict[str, Any]) -> dict[str, Any]:
    """Without names that are members of documents already."""
    return {name: given for name, given in names.items() if not hasattr(Document, name)}


@given(declarations.map(free), st.data())
def test_the_specialised_encoder_does_as_the_general_one(fields: Any, data: st.DataObject) -> None:
    kind = document_of(fields)
    given_values = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(fields, field_values)))
    assert outcome(encoder(kind), given_values) == outcome(kind.schema.encode_partly, given_values)


@given(declarations.map(free), st.data())
def test_the_specialised_decoder_does_as_the_general_one(fields: Any, data: st.DataObject) -> None:
    kind = document_of(fields)
    stored = [attr.stored for attr in kind.schema.fields.values()]
    item = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys([*stored, "unknown"], stored_values)))
    assert outcome(decoder(kind), item) == outcome(kind.schema._values, item)


@pytest.mark.parametrize("annotation", ANNOTATIONS)
@pytest.mark.parametrize("options", [{}, {"default": None}])
def test_every_special_value_is_encoded_as_the_general_one_does(annotation: Any, options: dict[str, Any]) -> None:
    kind = document_of({"a": (annotation, options)})
    encode = encoder(kind)
    for value in SPECIAL:
        assert outcome(encode, {"a": value}) == outcome(kind.schema.encode_partly, {"a": value})


def test_what_is_encoded_is_of_no_subclass() -> None:
    kind = document_of({"a": (str, {}), "b": (int, {}), "c": (list[str], {})})
    item = encoder(kind)({"a": Text.A, "b": Level.HIGH, "c": [Name("x")]})
    assert item == {"a": {"S": "a"}, "b": {"N": "2"}, "c": {"L": [{"S": "x"}]}}
    assert type(item["a"]["S"]) is type(item["c"]["L"][0]["S"]) is str


def test_a_class_without_fields_has_a_codec_too() -> None:
    kind = document_of({})
    assert encoder(kind)({}) == {}
    assert decoder(kind)({"a": {"S": "1"}}) == {}


@pytest.mark.parametrize("values", [{"b": Count(1)}, {"b": 1, "c": None}, {"b": 1, "c": ("x",)}])
def test_what_storing_does_to_a_nested_document_is_done_once(values: dict[str, Any]) -> None:
    kind = document_of({"a": (Counter, {}), "b": (int, {}), "c": (list[str] | None, {})})
    counter = Counter(count=1)
    assert encoder(kind)({"a": counter, **values})["a"] == {"M": {"count": {"N": "2"}}}
    assert counter.count == 2


def test_a_whole_item_is_decoded_with_attributes_that_are_no_fields() -> None:
    kind = document_of({"a": (str, {}), "b": (int, {})})
    item = {"pk": {"S": "x"}, "a": {"S": "1"}, "b": {"N": "1"}}
    assert decoder(kind)(item) == {"a": "1", "b": 1}
    assert decoder(kind)({"pk": {"S": "x"}, "sk": {"S": "x"}, "b": {"N": "1"}}) == {"b": 1}
