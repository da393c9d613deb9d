from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.where import building
from chalicelib.where.ast import Arithmetic, Constant, Not, Reference
from chalicelib.where.building import Misuse, depth, type_name

A = Reference("record", ("a",))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        (Decimal(1), "a number"),
        ("", "a string"),
        ((), "a list"),
        ({}, "a map"),
    ],
)
def test_a_literal_has_a_type(value: object, name: str) -> None:
    assert type_name(value) == name


def test_a_misuse_says_which_part_is_wrong() -> None:
    with pytest.raises(Misuse, match="this is null") as caught:
        building.between(A, Constant(1), Constant(None))
    assert caught.value.part == 2


def test_arithmetic_with_the_record_is_refused_at_the_part_that_has_it() -> None:
    known = building.arithmetic("+", Constant(1), Reference("new", ("a",)))
    assert known == Arithmetic("+", Constant(1), Reference("new", ("a",)))
    with pytest.raises(Misuse, match="property of the record") as caught:
        building.arithmetic("*", known, A)
    assert caught.value.part == 1


def test_depth_counts_nodes_and_what_a_literal_nests() -> None:
    assert depth(A) == 1
    assert depth(Not(Not(A))) == 3
    assert depth(Not(Constant(({"a": (1,)},)))) == 5
    assert depth(Constant(())) == 1
