"""Everything that DynamoDB can hold, and when two such values are the same."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from chalicelib.dynamo.codec import MAX_DIGITS

_LARGEST = 10**MAX_DIGITS - 1


def _scaled(coefficient: int, place: int) -> Decimal:
    """The coefficient with its first digit at the place: exact, whatever the context."""
    sign, digits, _ = Decimal(coefficient).as_tuple()
    return Decimal((sign, digits, place - len(digits) + 1))


decimals = st.builds(_scaled, st.integers(-_LARGEST, _LARGEST), st.integers(-130, 125))
floats = st.floats(1e-130, math.nextafter(1e126, 0)) | st.floats(-math.nextafter(1e126, 0), -1e-130) | st.just(0.0)
integers = st.integers(-_LARGEST, _LARGEST) | st.integers(-(2**65), 2**65)
numbers: st.SearchStrategy[Any] = integers | floats | decimals
names = st.text(min_size=1, max_size=63)
json_scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | st.text()
scalars: st.SearchStrategy[Any] = (
    json_scalars
    | st.binary()
    | st.frozensets(st.text(), min_size=1)
    | st.frozensets(st.binary(), min_size=1)
    | st.sets(integers, min_size=1)
)
json_values: st.SearchStrategy[Any] = st.recursive(
    json_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
items = st.dictionaries(names, values, max_size=5)


def meaning(value: Any) -> Any:
    """What a value says, without how: every number is its decimal, every boolean is none."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, (list, tuple)):
        return [meaning(element) for element in value]
    if isinstance(value, dict):
        return {name: meaning(member) for name, member in value.items()}
    if isinstance(value, (set, frozenset)):
        return {meaning(element) for element in value}
    return value


def nested_lists(levels: int) -> list[Any]:
    """Lists within each other."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def nested_maps(levels: int) -> dict[str, Any]:
    """Maps within each other."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value
