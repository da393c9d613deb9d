from __future__ import annotations

import operator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.where import values
from chalicelib.where.values import compute, contains, equal, exact, is_element, ordered, path_value, size

from .nodes import scalars
from .nodes import values as any_values

odd: list[Any] = [
    *(float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+999999")),
    *(10**400, b"", b"ab", set(), {1, "a"}, frozenset({1.0, "a"}), (1, 2), object(), "\ud800"),
]
anything = any_values | st.sampled_from(odd)
numbers = scalars.filter(lambda value: exact(value) is not None)
ORDERINGS = [operator.lt, operator.le, operator.gt, operator.ge]


@given(anything, anything)
def test_nothing_raises(one: Any, other: Any) -> None:
    assert isinstance(equal(one, other), bool)
    assert all(isinstance(ordered(ordering, one, other), bool) for ordering in ORDERINGS)
    assert isinstance(contains(one, other), bool)
    assert isinstance(is_element(one, other), bool)
    assert isinstance(values.starts_with(one, other), bool)
    assert size(one) is None or isinstance(size(one), int)
    for symbol in "+-*/":
        result = compute(symbol, one, other)
        assert result is None or exact(result) is not None


@given(numbers, numbers)
def test_numbers_compare_as_the_decimals_they_are_written_as(one: Any, other: Any) -> None:
    left, right = (Fraction(repr(value) if isinstance(value, float) else value) for value in (one, other))
    assert equal(one, other) is (left == right)
    for ordering in ORDERINGS:
        assert ordered(ordering, one, other) is ordering(left, right)


@given(st.text(), st.text())
def test_strings_compare_by_their_bytes(one: str, other: str) -> None:
    left, right = (value.encode("utf-8", "surrogatepass") for value in (one, other))
    for ordering in ORDERINGS:
        assert ordered(ordering, one, other) is ordering(left, right)


@given(any_values, any_values)
def test_equality_is_symmetric_and_reflexive(one: Any, other: Any) -> None:
    assert equal(one, one)
    assert equal(one, other) is equal(other, one)


def test_sets_are_equal_by_their_elements_and_never_equal_lists() -> None:
    assert equal({1, Decimal("0.1")}, frozenset({1.0, 0.1}))
    assert not equal({1}, [1])
    assert not equal({1}, {1, 2})
    assert is_element(1.0, {1, "a"})
    assert contains({1, "a"}, "a")
    assert size({1, "a"}) == 2


def test_bytes_are_like_bytes_alone() -> None:
    assert equal(b"a", b"a")
    assert not equal(b"a", "a")
    assert ordered(operator.lt, b"a", b"b")
    assert not ordered(operator.lt, b"a", "b")
    assert size(b"\xff\x00") == 2


def test_values_nested_beyond_the_stack_are_compared() -> None:
    one: Any = 1
    other: Any = 1.0
    for _ in range(100_000):
        one, other = [one], (other,)
    assert equal(one, other)
    while isinstance(one, list) and isinstance(other, tuple):  # a deep list cannot be dropped at once
        one, other = one[0], other[0]


@pytest.mark.parametrize(
    ("symbol", "left", "right", "result"),
    [
        ("+", 0.1, 0.2, 0.3),
        ("-", 1, 1.0, 0),
        ("*", 10**20, 10**10, 10**30),
        ("/", 4, 2, 2),
        ("/", 1, 3, Decimal("0." + "3" * 38)),
        ("/", 2, 3, Decimal("0." + "6" * 37 + "7")),
        ("/", 1, 0, None),
        ("/", 0, 0, None),
        ("*", 1e100, 1e100, None),
        ("*", 1e-100, 1e-100, None),
        ("+", True, 1, None),
        ("+", "a", "b", None),
        ("-", None, 1, None),
    ],
)
def test_arithmetic_is_of_decimals_of_38_digits(symbol: str, left: Any, right: Any, result: Any) -> None:
    computed = compute(symbol, left, right)
    assert computed == result
    assert type(computed) is type(result)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), {"a": {"b": [1, "xyz"]}}),
        (("a", "b", 1), "xyz"),
        (("a", "b", 2), None),
        (("a", "b", -1), None),
        (("a", "b", "0"), None),
        (("a", 0), None),
        (("a", "b", 1, 0), None),
        (("c", "d"), None),
    ],
)
def test_a_path_leads_to_a_value_or_to_null(path: tuple[str | int, ...], found: object) -> None:
    assert path_value({"a": {"b": [1, "xyz"]}}, path) == found
