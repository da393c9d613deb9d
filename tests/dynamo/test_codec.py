from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import AttributeValue, Unstorable

from .values import decimals, items, meaning, nested_lists, nested_maps, numbers, values
from .wire import assert_valid

INF = float("inf")
TOO_FAR = "is a number outside 1E-130 to 9.9E+125, the range that can be stored"


@given(values)
def test_a_value_is_decoded_as_it_was_encoded(value: Any) -> None:
    assert meaning(codec.decode(codec.encode(value))) == meaning(value)


@given(items)
def test_a_map_is_decoded_as_it_was_encoded(item: dict[str, Any]) -> None:
    encoded = codec.encode_map(item)
    assert_valid("PutItem", {"TableName": "table", "Item": encoded})
    assert meaning(codec.decode_map(encoded)) == meaning(item)
    assert codec.decode_map(orjson.loads(orjson.dumps(encoded))) == codec.decode_map(encoded)


@given(st.dictionaries(st.sampled_from(["a", "b"]), numbers))
def test_a_number_in_a_map_is_the_number_that_it_is_alone(item: dict[str, Any]) -> None:
    encoded = codec.encode_map(item)
    for name, number in codec.decode_map(encoded).items():
        alone = codec.decode(encoded[name])
        assert number == alone
        assert type(number) is type(alone)


@given(decimals)
def test_a_number_keeps_every_digit(value: Decimal) -> None:
    assert Decimal(codec.number_text(value)) == value


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("text", {"S": "text"}),
        ("", {"S": ""}),
        (True, {"BOOL": True}),
        (None, {"NULL": True}),
        (b"\x00\xff", {"B": "AP8="}),
        ((1, "a"), {"L": [{"N": "1"}, {"S": "a"}]}),
        ({"a": {"b": []}}, {"M": {"a": {"M": {"b": {"L": []}}}}}),
        ({"b", "a"}, {"SS": ["a", "b"]}),
        ({3, 1.5, Decimal(2)}, {"NS": ["1.5", "2", "3"]}),
        (frozenset({b"b", b"a"}), {"BS": ["YQ==", "Yg=="]}),
    ],
)
def test_each_type_has_its_descriptor(value: Any, encoded: AttributeValue) -> None:
    assert codec.encode(value) == encoded


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (Decimal("-0.00"), "0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (Decimal("1.500"), "1.5"),
        (2**64, "18446744073709551616"),
        (10**38 - 1, "9" * 38),
        (10**38, "1E+38"),
        (10**125, "1E+125"),
        (1e-130, "1e-130"),
        (Decimal("1E-130"), "1E-130"),
        (Decimal("9" * 38 + "E+88"), "9." + "9" * 37 + "E+125"),
    ],
)
def test_a_number_is_sent_with_its_digits(value: float | Decimal, text: str) -> None:
    assert codec.number_text(value) == text


@pytest.mark.parametrize(
    "value",
    [9.999999999999999e-131, 1e126, -1e126, INF, -INF, float("nan"), 10**126, Decimal("1E-131"), Decimal("-1E126")],
)
def test_a_number_out_of_range_is_refused(value: float | Decimal) -> None:
    with pytest.raises(Unstorable, match="outside 1E-130"):
        codec.number_text(value)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity")])
def test_a_decimal_that_is_not_finite_is_refused(value: Decimal) -> None:
    with pytest.raises(Unstorable, match="not a finite number"):
        codec.number_text(value)


@pytest.mark.parametrize("value", [10**38 + 1, -(10**38) - 1, Decimal("0." + "1" * 39)])
def test_a_number_of_39_digits_is_refused(value: int | Decimal) -> None:
    with pytest.raises(Unstorable, match="is a number of 39 digits; at most 38 can be stored"):
        codec.number_text(value)


def test_zeros_at_either_end_are_no_digits() -> None:
    assert codec.number_text(Decimal("0.000" + "1" * 38 + "000")) == "0.000" + "1" * 38
    assert codec.number_text(12 * 10**60) == "1.2E+61"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("-9223372036854775808", -(2**63)),
        ("-9223372036854775809", Decimal(-(2**63) - 1)),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", Decimal(2**64)),
        ("0.5", 0.5),
        ("0.1", 0.1),
        ("0.30000000000000004", 0.30000000000000004),
        ("0.12345678901234567890", Decimal("0.12345678901234567890")),
        ("123456789012345678.5", Decimal("123456789012345678.5")),
        ("1E-130", 1e-130),
        ("9.9999999999999999999999999999999999999E+125", Decimal("9.9999999999999999999999999999999999999E+125")),
    ],
)
def test_a_number_is_an_int_of_64_bits_or_an_exact_float_or_a_decimal(text: str, number: float | Decimal) -> None:
    found = codec.number(text)
    assert found == number
    assert type(found) is type(number)


@given(decimals)
def test_what_orjson_could_not_write_exactly_is_a_decimal(value: Decimal) -> None:
    found = codec.number(codec.number_text(value))
    if not isinstance(found, Decimal):
        assert Decimal(orjson.dumps(found).decode()) == value


@pytest.mark.parametrize("nested", [nested_lists, nested_maps])
def test_31_levels_are_stored_and_32_are_refused(nested: Any) -> None:
    assert codec.decode(codec.encode(nested(31))) == nested(31)
    with pytest.raises(Unstorable, match="is nested deeper than 31 levels"):
        codec.encode(nested(32))


def test_an_error_has_the_path_of_the_value() -> None:
    with pytest.raises(Unstorable) as refused:
        codec.encode({"a": [0, {"b/c": 1e200}]})
    assert refused.value.path == ["a", 1, "b/c"]
    assert refused.value.reason == TOO_FAR
    with pytest.raises(Unstorable) as refused:
        codec.encode(nested_lists(40))
    assert refused.value.path == [0] * 31


@pytest.mark.parametrize("name", ["a" * 256, "é" * 128, "\U0001f600" * 64])
def test_a_name_longer_than_255_bytes_is_refused_at_its_map(name: str) -> None:
    with pytest.raises(Unstorable, match="a property name longer than 255 bytes") as refused:
        codec.encode({"a": [{name: 1}]})
    assert refused.value.path == ["a", 0]
    codec.encode({name[:63]: 1, "a" * 255: 1, "é" * 127: 1})


@pytest.mark.parametrize("value", ["text", 1, None])
def test_an_empty_name_is_refused_at_its_map(value: Any) -> None:
    with pytest.raises(Unstorable, match="a property with an empty name") as refused:
        codec.encode({"a": {"": value}})
    assert refused.value.path == ["a"]


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize("name", [1, None, b"a", Name("a")])
def test_a_name_that_is_no_string_is_refused_at_its_map(name: Any) -> None:
    with pytest.raises(Unstorable, match=f"name is of the type {type(name).__name__}, not a string") as refused:
        codec.encode([{name: "text"}])
    assert refused.value.path == [0]


@pytest.mark.parametrize("value", [object(), 1j, bytearray(b"a"), range(3)])
def test_a_type_that_dynamodb_lacks_is_refused(value: Any) -> None:
    with pytest.raises(Unstorable, match="which DynamoDB does not have"):
        codec.encode([value])


@pytest.mark.parametrize("value", [set(), {1, "a"}, {True}, {None}, {b"a", "a"}])
def test_a_set_is_of_one_type_and_not_empty(value: set[Any]) -> None:
    with pytest.raises(Unstorable, match="is a set that is empty or not all"):
        codec.encode(value)


# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("", 0),
        ("é€😀", 2 + 3 + 4),
        (True, 1),
        (None, 1),
        (b"", 0),
        (b"a", 1),
        (b"ab", 2),
        (b"abc", 3),
        ([], 3),
        ({}, 3),
        (["a", "bc"], 3 + (1 + 1) + (1 + 2)),
        ({"k": "v", "kk": [None]}, 3 + (1 + 1 + 1) + (1 + 2 + 3 + (1 + 1))),
        ({"a", "bc"}, 3),
        ({b"a", b"bc"}, 3),
    ],
)
def test_the_size_of_a_value_is_dynamodbs(value: Any, size: int) -> None:
    assert codec.item_size({"name": codec.encode(value)}) == len("name") + size
    assert codec.item_size({"näme": codec.encode(value)}) == len("näme") + 1 + size


@given(st.integers(-(10**38) + 1, 10**38 - 1))
def test_a_number_takes_a_byte_for_two_digits_and_one_or_two_more(value: int) -> None:
    digits = len(str(value).strip("-0"))
    assert (digits + 1) // 2 + 1 <= codec.item_size({"": codec.encode(value)}) <= (digits + 1) // 2 + 2


@given(items)
def test_an_item_is_never_larger_than_its_json(item: dict[str, Any]) -> None:
    encoded = codec.encode_map(item)
    assert codec.item_size(encoded) <= len(orjson.dumps(encoded))
