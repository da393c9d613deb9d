from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import Unstorable
from chalicelib.schema import structure
from tests.dynamo.values import json_values, nested_lists, nested_maps

TOO_FAR = "is a number outside 1E-130 to 9.9E+125, the range that can be stored"


def found(document: Any) -> list[tuple[str, str]]:
    return [(failure["pointer"], failure["detail"]) for failure in structure.failures(document)]


@pytest.mark.parametrize(
    ("document", "failures"),
    [
        ({}, []),
        ({"a": [1, {"b": 2.5, "c": None}], "d": "$", "e": True}, []),
        ({"": 1}, [("/", "has an empty name")]),
        ({"$a": 1}, [("/$a", "has a name that begins with '$', which PATCH keeps for its operators")]),
        ({"a" * 256: 1}, [("/" + "a" * 256, "has a name longer than 255 bytes")]),
        ({"é" * 128: 1}, [("/" + "é" * 128, "has a name longer than 255 bytes")]),
        ({"é" * 127: 1}, []),
        ({"a/b": [0, 1e200]}, [("/a~1b/1", TOO_FAR)]),
        ({"a": Decimal("1." + "1" * 38)}, [("/a", "is a number of 39 digits; at most 38 can be stored")]),
    ],
)
def test_a_failure_says_where_and_what(document: Any, failures: list[tuple[str, str]]) -> None:
    assert found(document) == failures


def test_every_failure_is_found_in_the_order_of_the_document() -> None:
    document = {"b": {"": {"$x": 1e200}}, "a": [10**126]}
    assert [pointer for pointer, _ in found(document)] == ["/b/", "/b//$x", "/b//$x", "/a/0"]


@pytest.mark.parametrize("nested", [nested_lists, nested_maps])
def test_a_record_has_31_levels(nested: Any) -> None:
    assert found({"a": nested(30)}) == []
    ((pointer, detail),) = found({"a": nested(31)})
    assert pointer.count("/") == 31
    assert detail == "is nested deeper than 31 levels"
    assert len(found({"a": nested(900)})) == 1


@given(json_values)
def test_a_record_without_failures_can_be_stored(value: Any) -> None:
    record = {"a": value}
    if structure.has_reserved_name(record):
        assert found(record)
        return
    try:
        codec.encode(record)
    except Unstorable:
        assert found(record)
    else:
        assert found(record) == []


@pytest.mark.parametrize(
    ("document", "reserved"),
    [
        ({"a": {"b": [{"c": 1}]}}, False),
        ({"a": "$b", "c$": ["$d"]}, False),
        ({"$a": 1}, True),
        ({"a": {"b": [[], {"$c": 1}]}}, True),
        ({"": 1}, False),
    ],
)
def test_a_reserved_name_is_found_at_any_depth(document: Any, reserved: bool) -> None:
    assert structure.has_reserved_name(document) is reserved


@pytest.mark.parametrize("nested", [nested_lists, nested_maps])
def test_depth_counts_objects_and_arrays(nested: Any) -> None:
    assert not structure.depth_exceeds(1, 0)
    assert structure.depth_exceeds(nested(1), 0)
    for levels in (1, 2, 31):
        assert not structure.depth_exceeds(nested(levels), levels)
        assert structure.depth_exceeds(nested(levels + 1), levels)
    assert not structure.depth_exceeds({"a": [1], "b": {"c": 2}}, 2)
    assert structure.depth_exceeds({"a": [1], "b": {"c": []}}, 2)


def test_depth_is_safe_at_any_depth() -> None:
    assert structure.depth_exceeds(nested_lists(100_000), 31)
