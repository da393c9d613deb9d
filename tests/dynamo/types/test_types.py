from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.dynamo.errors import (
    AttributeValue,
    ConstraintViolated,
    Invalid,
    MissingAttribute,
    UnknownAttribute,
    Unstorable,
    WrongType,
)
from chalicelib.dynamo.types import type_of
from chalicelib.dynamo.types.base import Type
from tests.dynamo.everything import VALUES, Address, Everything, Level, Point, everything
from tests.dynamo.values import numbers
from tests.dynamo.wire import assert_valid


def of(annotation: Any) -> Type:
    return type_of(annotation)


class Name(str):
    __slots__ = ()


class Text(str, Enum):
    A = "a"


class Ratio(float):
    pass


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
@settings(max_examples=25)
def test_a_value_is_loaded_as_it_was_stored(name: str, data: st.DataObject) -> None:
    type_ = Everything.schema.fields[name].type
    value = data.draw(VALUES[name])
    encoded = type_.encode(value)
    assert_valid("PutItem", {"TableName": "table", "Item": {"a": encoded}})
    loaded = type_.load(encoded)
    assert loaded == value
    assert type(loaded) is type(value) or isinstance(value, (int, float, Decimal))
    assert set(encoded) <= type_.kinds


@given(one=everything)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_the_store_gives_back_every_type(table: str, one: Everything) -> None:
    one.put()
    assert Everything.get(id="1") == one


@given(numbers)
def test_a_number_of_any_type_keeps_its_digits(value: float | Decimal) -> None:
    type_ = of(int | float | Decimal)
    digits = type_.encode(value)["N"]
    assert Decimal(digits) == (Decimal(repr(value)) if isinstance(value, float) else value)
    loaded = type_.load({"N": digits})
    assert Decimal(repr(loaded) if isinstance(loaded, float) else loaded) == Decimal(digits)


@pytest.mark.parametrize(
    ("annotation", "value", "encoded"),
    [
        (str, Name("a"), {"S": "a"}),
        (str, Text.A, {"S": "a"}),
        (int, Level.HIGH, {"N": "2"}),
        (float, 1, {"N": "1"}),
        (float, Ratio("0.1"), {"N": "0.1"}),
        (int | float, Ratio("0.1"), {"N": "0.1"}),
        (bytes, bytearray(b"\xff"), {"B": "/w=="}),
        (list[int], (1, 2), {"L": [{"N": "1"}, {"N": "2"}]}),
        (tuple[int, ...], [1], {"L": [{"N": "1"}]}),
        (dict[str, int], {}, {"M": {}}),
        (set[str], frozenset({"b", "a"}), {"SS": ["a", "b"]}),
        (set[int | float | Decimal], {Decimal("0.1"), 0.1}, {"NS": ["0.1"]}),
        (float, -0.0, {"N": "0"}),
    ],
)
def test_what_is_of_a_type_too_is_stored_as_a_value_of_it(annotation: Any, value: Any, encoded: Any) -> None:
    found = of(annotation).encode(value)
    assert found == encoded
    assert type(next(iter(found.values()))) in (str, list, dict)


@pytest.mark.parametrize(
    ("annotation", "value", "encoded"),
    [
        (int, 1, {"N": "1E+0"}),
        (int, 10**38, {"N": "1E+38"}),
        (int | Decimal, 2, {"N": "2.00"}),
        (int | Decimal, Decimal("0.1"), {"N": "0.1"}),
        (float | None, None, {"NULL": True}),
        (None, None, {"NULL": True}),
        (Literal[None, "a"], None, {"NULL": True}),  # noqa: PYI061 - one of the spellings
        (Literal[None], None, {"NULL": True}),  # noqa: PYI061
        (Sequence[int], [1], {"L": [{"N": "1"}]}),
        (Mapping[str, int], {"a": 1}, {"M": {"a": {"N": "1"}}}),
        (typing.List, ["a"], {"L": [{"S": "a"}]}),  # noqa: UP006 - the former spelling
        (typing.Annotated[int, "odd"], 1, {"N": "1"}),
        (frozenset[str], frozenset({"a"}), {"SS": ["a"]}),
        (object, "a", {"S": "a"}),
    ],
)
def test_other_spellings_of_annotations_and_numbers(annotation: Any, value: Any, encoded: AttributeValue) -> None:
    type_ = of(type(None) if annotation is None else annotation)
    loaded = type_.load(encoded)
    assert loaded == value
    assert type(loaded) is type(value)


@pytest.mark.parametrize(
    ("annotation", "value", "path", "reason"),
    [
        (str, 1, [], "is of the type int, not a string"),
        (str, b"a", [], "is of the type bytes, not a string"),
        (str, None, [], "is of the type NoneType, not a string"),
        (int, True, [], "is of the type bool, not a whole number"),
        (int, 1.0, [], "is of the type float, not a whole number"),
        (int, "1", [], "is of the type str, not a whole number"),
        (float, False, [], "is of the type bool, not a number"),
        (float, Decimal("0.1"), [], "is of the type Decimal, not a float, which could not keep its digits"),
        (Decimal, 0.5, [], "is of the type float, not a number"),
        (Decimal, True, [], "is of the type bool, not a number"),
        (int | float, True, [], "is of the type bool, not a number"),
        (bool, 1, [], "is of the type int, not a boolean"),
        (bytes, "a", [], "is of the type str, not bytes"),
        (type(None), 0, [], "is of the type int, not null"),
        (list, "ab", [], "is of the type str, not a list"),
        (list[str], "ab", [], "is of the type str, not a list"),
        (list[str], ["a", 1], [1], "is of the type int, not a string"),
        (list[list[int]], [[1], [2, "a"]], [1, 1], "is of the type str, not a whole number"),
        (tuple[str, int], ("a",), [], "is of the type tuple, not a list of 2"),
        (tuple[str, int], ("a", True), [1], "is of the type bool, not a whole number"),
        (dict, [], [], "is of the type list, not a map"),
        (dict[str, int], [], [], "is of the type list, not a map"),
        (dict[str, int], {"a": 1, "b": None}, ["b"], "is of the type NoneType, not a whole number"),
        (dict[str, int], {1: 1}, [], "is of the type int, not the name of an attribute"),
        (dict[str, list[int]], {"a": [1.5]}, ["a", 0], "is of the type float, not a whole number"),
        (set[str], ["a"], [], "is of the type list, not a set of a string"),
        (set[str], {1}, [], "is of the type int, not a string"),
        (str | int, 1.5, [], "is of the type float, not a string or a whole number"),
        (str | list[int], [1, "a"], [1], "is of the type str, not a whole number"),
        (Literal[1, "a"], True, [], "is of the type bool, not 1 or 'a'"),
        (Point, [], [], "is of the type list, not a map as Point"),
        (Point, {"x": "a"}, ["x"], "is of the type str, not a number"),
        (Address, {"street": "a"}, [], "is of the type dict, not a Address"),
        (Address, Address(street=1), ["street"], "is of the type int, not a string"),  # type: ignore[arg-type]
        (list[Address], [Address(street="a", city=2)], [0, "city"], "not a string"),  # type: ignore[arg-type]
    ],
)
def test_a_value_of_another_type_is_refused_where_it_is(annotation: Any, value: Any, path: Any, reason: str) -> None:
    with pytest.raises(WrongType, match=f"{reason}") as refused:
        of(annotation).encode(value)
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("annotation", "value", "error", "path"),
    [
        (float, float("nan"), Unstorable, []),
        (float, Ratio("nan"), Unstorable, []),
        (float, float("inf"), Unstorable, []),
        (float, 1e200, Unstorable, []),
        (Decimal, Decimal("NaN"), Unstorable, []),
        (Decimal, Decimal("-Infinity"), Unstorable, []),
        (int, 10**38 + 1, Unstorable, []),
        (int, 10**126, Unstorable, []),
        (list[int | float], [1, 1e126], Unstorable, [1]),
        (dict[str, Decimal], {"a": Decimal("1E-131")}, Unstorable, ["a"]),
        (set[str], set(), Unstorable, []),
        (dict[str, int], {"": 1}, Unstorable, []),
        (dict[str, int], {"é" * 128: 1}, Unstorable, []),
        (dict[str, Any], {"a": {"": 1}}, Unstorable, ["a"]),
        (dict[str, Any], {"a": {1: 1}}, Unstorable, ["a"]),
        (list[Any], ["a", {1j}], Unstorable, [1]),
        (Literal["a", "b"], "c", ConstraintViolated, []),
        (Literal[1, "a"], 2, ConstraintViolated, []),
        (list[Literal["a"]], ["a", "b"], ConstraintViolated, [1]),
        (Point, {}, MissingAttribute, ["x"]),
        (Point, {"x": 1, "z": 1}, UnknownAttribute, ["z"]),
        (dict[str, Point], {"a": {"x": 1, "z": 1}}, UnknownAttribute, ["a", "z"]),
        (list[Address], [Address.of_values({})], MissingAttribute, [0, "street"]),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_where_it_is(
    annotation: Any, value: Any, error: type[Invalid], path: Any
) -> None:
    with pytest.raises(error) as refused:
        of(annotation).encode(value)
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("annotation", "stored", "path", "reason"),
    [
        (str, {"N": "1"}, [], "is stored as N, which is not a string"),
        (int, {"N": "1.5"}, [], "is stored as N, which is not a whole number"),
        (int, {"S": "1"}, [], "is stored as S, which is not a whole number"),
        (int, {"NULL": True}, [], "is stored as NULL, which is not a whole number"),
        (str | int, {"BOOL": True}, [], "is stored as BOOL, which is not a string or a whole number"),
        (list[int], {"L": [{"N": "1"}, {"S": "a"}]}, [1], "is stored as S, which is not a whole number"),
        (list[int], {"L": [{"NULL": True}]}, [0], "is stored as NULL, which is not a whole number"),
        (list[int] | None, {"L": [{"S": "a"}]}, [0], "is stored as S, which is not a whole number"),
        (tuple[int, str], {"L": [{"N": "1"}]}, [], "is stored as L, which is not a list of 2"),
        (tuple[int, str], {"L": [{"N": "1"}, {"N": "1"}]}, [1], "is stored as N, which is not a string"),
        (dict[str, list[str]], {"M": {"a": {"L": [{"N": "1"}]}}}, ["a", 0], "is stored as N, which is not a string"),
        (set[str], {"NS": ["1"]}, [], "is stored as NS, which is not a set of a string"),
        (Point, {"M": {"x": {"S": "1"}}}, ["x"], "is stored as S, which is not a number"),
        (Address, {"M": {"street": {"N": "1"}}}, ["street"], "is stored as N, which is not a string"),
        (
            list[Address],
            {"L": [{"M": {"town": {"N": "1"}}}]},
            [0, "city"],
            "N, which is not a string or null",
        ),
        (Address, {"L": []}, [], "is stored as L, which is not a Address"),
        (Literal["a"], {"N": "1"}, [], "is stored as N, which is not 'a'"),
    ],
)
def test_what_is_stored_as_another_type_is_refused_where_it_is(
    annotation: Any, stored: AttributeValue, path: Any, reason: str
) -> None:
    with pytest.raises(WrongType, match=reason) as refused:
        of(annotation).load(stored)
    assert refused.value.path == path


def test_a_stored_constant_has_to_be_one_of_those_declared() -> None:
    with pytest.raises(ConstraintViolated, match="stored with a value that is not one of 'a', 'b'") as refused:
        of(list[Literal["a", "b"]]).load({"L": [{"S": "a"}, {"S": "c"}]})
    assert refused.value.path == [1]


def test_members_that_a_typed_map_does_not_declare_are_not_loaded() -> None:
    assert of(Point).load({"M": {"x": {"N": "1"}, "z": {"S": "a"}}}) == {"x": 1}


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (complex, "DynamoDB has no type for <class 'complex'>"),
        (set, "DynamoDB has no type for <class 'set'>"),
        (tuple[()], "DynamoDB has no type for"),
        ("Book", "DynamoDB has no type for 'Book'"),
        (3, "DynamoDB has no type for 3"),
        (typing.Annotated[complex, []], "DynamoDB has no type for"),
        (Callable[[], int], "DynamoDB has no type for"),
        (set[bool], "DynamoDB has no set of a boolean"),
        (set[str | int], "DynamoDB has no set of a string or a whole number"),
        (dict[int, str], "the names in a map are strings, not <class 'int'>"),
        (list[int] | list[str], "are stored alike: give a discriminator"),
        (Literal["a"] | str, "'a' and a string are stored alike"),  # noqa: PYI051
        (Level | int, "are stored alike"),
    ],
)
def test_an_annotation_that_dynamodb_has_nothing_for_is_refused(annotation: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        of(annotation)
