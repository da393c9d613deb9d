from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.dynamo import field
from chalicelib.dynamo.checks import constrained
from chalicelib.dynamo.errors import ConstraintViolated, WrongType
from chalicelib.dynamo.types import type_of

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def encode(annotation: Any, value: Any, **options: Any) -> Any:
    return constrained(type_of(annotation).encode, field(**options).checks)(value)


@pytest.mark.parametrize(
    ("annotation", "options", "good", "bad", "reason"),
    [
        (int, {"ge": 0}, 0, -1, "is less than 0"),
        (int, {"gt": 0}, 1, 0, "is not greater than 0"),
        (float, {"le": 1}, 1.0, 1.5, "is greater than 1"),
        (Decimal, {"lt": Decimal("0.1")}, Decimal("0.09"), Decimal("0.1"), "is not less than 0.1"),
        (datetime, {"gt": EPOCH}, EPOCH.replace(year=1971), EPOCH, "is not greater than 1970-01-01"),
        (str, {"min_length": 2}, "ab", "a", "is shorter than 2"),
        (str, {"max_length": 2}, "éé", "abc", "is longer than 2"),
        (bytes, {"max_length": 1}, b"a", b"ab", "is longer than 1"),
        (list[int], {"min_length": 1}, [1], [], "is shorter than 1"),
        (dict[str, int], {"max_length": 1}, {"a": 1}, {"a": 1, "b": 2}, "is longer than 1"),
        (str, {"pattern": "[a-z]+"}, "ab", "ab1", r"does not match \[a-z\]\+"),
        (str, {"pattern": "a|b"}, "b", "ba", "does not match"),
        (str, {"choices": ["a", "b"]}, "b", "c", "is not one of 'a', 'b'"),
        (int, {"choices": {1: "one"}}, 1, 3, "is not one of 1"),
        (str, {"validate": "a"}, "a", "b", "is not 'a'"),
        (str, {"validate": re.compile("b")}, "abc", "ac", "does not match b"),
        (int, {"validate": lambda value: value % 2 == 0}, 2, 3, "is not valid"),
        (int, {"ge": 1, "le": 3, "validate": lambda value: value != 2}, 1, 2, "is not valid"),
    ],
)
def test_a_value_has_to_be_within_the_constraints(
    annotation: Any, options: dict[str, Any], good: Any, bad: Any, reason: str
) -> None:
    assert encode(annotation, good, **options) == type_of(annotation).encode(good)
    with pytest.raises(ConstraintViolated, match=reason):
        encode(annotation, bad, **options)


def test_a_value_of_another_type_is_not_compared() -> None:
    with pytest.raises(WrongType):
        encode(int, "a", ge=0, validate=pytest.fail)


def test_choices_are_taken_once_for_all_models_that_inherit_the_field() -> None:
    checks = field(choices=iter([1, 2])).checks
    for _ in range(2):
        assert constrained(type_of(int).encode, checks)(2) == {"N": "2"}


def test_null_is_within_all_constraints() -> None:
    assert encode(int | None, None, ge=0, choices=[1], validate=lambda value: value > 1) == {"NULL": True}


def test_a_function_may_say_itself_what_is_wrong() -> None:
    def even(value: int) -> bool:
        raise ConstraintViolated("is odd")

    with pytest.raises(ConstraintViolated, match="is odd"):
        encode(int, 1, validate=even)


def test_a_field_cannot_be_forced_to_nothing() -> None:
    with pytest.raises(TypeError, match="a field can only be forced to a default, and has none"):
        field(forced=True)
