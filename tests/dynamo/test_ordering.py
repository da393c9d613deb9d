from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.dynamo import ordering
from chalicelib.dynamo.codec import encode, number_text
from chalicelib.dynamo.errors import AttributeValue
from chalicelib.dynamo.ordering import canonical, next_above, next_below, rank, sortable

from .values import numbers

LARGEST = Decimal("9" * 38 + "E+88")
SMALLEST = Decimal("1E-130")
COMPARED = numbers | st.sampled_from([0, LARGEST, LARGEST.copy_negate(), SMALLEST, -SMALLEST]) | st.integers(-200, 200)


def exact(value: float | Decimal) -> Decimal:
    return Decimal(number_text(value))


def sortable_bytes(value: float | Decimal, after: str = "") -> bytes:
    return (sortable(encode(value)) + after).encode()


@given(COMPARED, COMPARED)
def test_numbers_sort_as_their_texts_do(one: float | Decimal, other: float | Decimal) -> None:
    assert (sortable_bytes(one) < sortable_bytes(other)) == (exact(one) < exact(other))
    assert (sortable_bytes(one) == sortable_bytes(other)) == (exact(one) == exact(other))


@given(COMPARED, COMPARED, st.text(), st.text())
@example(1, 15, ":", ":")
@example(-1, -15, ":", "")
@example(1, 15, ordering.LAST, "")
def test_numbers_sort_whatever_follows_in_the_key(
    one: float | Decimal, other: float | Decimal, after_one: str, after_other: str
) -> None:
    if exact(one) != exact(other):
        sorts = sortable_bytes(one, after_one) < sortable_bytes(other, after_other)
        assert sorts == (exact(one) < exact(other))


@pytest.mark.parametrize(
    ("value", "text"),
    [(42, "213142!"), (0, "1"), (-42, "0868" + "57~"), (Decimal("1E-130"), "20001!"), (0.5, "21295!")],
)
def test_the_text_of_a_number_is_its_sign_its_place_and_its_digits(value: float | Decimal, text: str) -> None:
    assert sortable(encode(value)) == text


@given(st.text(), st.text())
def test_texts_and_booleans_sort_as_they_are(one: str, other: str) -> None:
    assert sortable({"S": one}) == one
    assert (sortable({"S": one}).encode() < sortable({"S": other}).encode()) == (one.encode() < other.encode())
    assert sortable({"BOOL": False}) < sortable({"BOOL": True})


@pytest.mark.parametrize("value", [b"a", [], {}, {"a"}, None])
def test_what_has_no_order_as_text_is_no_part_of_a_key(value: Any) -> None:
    for text in (sortable, canonical):
        with pytest.raises(TypeError, match="cannot be a part of a key"):
            text(encode(value))


@given(COMPARED, COMPARED)
@example(100, Decimal("1E+2"))
@example(10**22, 1e22)
@example(1, 1.0)
@example(0, -0.0)
def test_numbers_are_equal_when_their_canonical_texts_are(one: float | Decimal, other: float | Decimal) -> None:
    assert (canonical(encode(one)) == canonical(encode(other))) == (exact(one) == exact(other))


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (-7, "-7"), (Decimal("1E+2"), "100"), (1e22, "1" + "0" * 22), (1.50, "1.5"), (1e-7, "0.0000001")],
)
def test_the_canonical_text_is_as_everyone_writes_it(value: float | Decimal, text: str) -> None:
    assert canonical(encode(value)) == text


keys: st.SearchStrategy[Any] = st.text(min_size=1) | st.binary(min_size=1)


@given(st.tuples(keys, keys) | st.tuples(COMPARED, COMPARED))
def test_what_is_next_to_a_key_is_between_it_and_all_others(pair: tuple[Any, Any]) -> None:
    one, other = encode(pair[0]), encode(pair[1])
    if one.keys() != other.keys():
        return
    above, below = next_above(one), next_below(one)
    assert above is None or rank(above) > rank(one)
    assert below is None or rank(below) < rank(one)
    if rank(other) > rank(one):
        assert above is not None
        assert rank(above) <= rank(other)
    # Below a text or a binary there is none that is next: what is given is as long as a key can be.
    if rank(other) < rank(one) and "N" in one:
        assert below is not None
        assert rank(below) >= rank(other)


@pytest.mark.parametrize(
    ("value", "below"),
    [
        ({"S": "b"}, {"S": "a" + ordering.LAST}),
        ({"S": "a\0"}, {"S": "a"}),
        ({"S": "\0"}, None),
        ({"S": "\ue000"}, {"S": "\ud7ff" + ordering.LAST}),
        ({"B": "AA=="}, None),
        ({"B": "AQA="}, {"B": "AQ=="}),
        ({"N": "0"}, {"N": "-1E-130"}),
        ({"N": str(LARGEST.copy_negate())}, None),
    ],
)
def test_the_key_below_a_key(value: AttributeValue, below: AttributeValue | None) -> None:
    assert next_below(value) == below
