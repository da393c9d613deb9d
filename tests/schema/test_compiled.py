from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.schema.compiled import MAX_FAILURES, CompiledSchema, is_local_object, property_schema

ADDRESS = {
    "type": "object",
    "required": ["city"],
    "additionalProperties": False,
    "properties": {"city": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]+$"}},
}
SCHEMA: dict[str, Any] = {
    "required": ["title"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "maxLength": 5},
        "a/b~c": {"type": "integer"},
        "address": ADDRESS,
        "tags": {"type": "array", "items": {"type": "object", "required": ["x/y"]}},
        "price": {"type": "number", "minimum": 3},
        "until": {"format": "date-time"},
    },
}


def pointers(failures: list[Any]) -> list[tuple[str, str]]:
    return sorted((failure["pointer"], failure["detail"]) for failure in failures)


@pytest.mark.parametrize(
    ("document", "failures"),
    [
        ({"title": "Emma"}, []),
        ({}, [("/title", "is required")]),
        ([], [("", 'is not of type "object"')]),
        ({"title": "Persuasion"}, [("/title", "is longer than 5 characters")]),
        ({"title": "a", "a/b~c": "x"}, [("/a~1b~0c", 'is not of type "integer"')]),
        ({"title": "a", "~/": 1}, [("/~0~1", "is not a property of the schema")]),
        ({"title": "a", "address": {}}, [("/address/city", "is required")]),
        (
            {"title": "a", "address": {"city": "Oslo", "x": 1, "y": 2}},
            [("/address/x", "is not a property of the schema"), ("/address/y", "is not a property of the schema")],
        ),
        ({"title": "a", "tags": [{"x/y": 1}, {}]}, [("/tags/1/x~1y", "is required")]),
        ({"title": "a", "until": "tomorrow"}, [("/until", 'is not a "date-time"')]),
        ({"title": "a", "price": 2}, [("/price", "is less than the minimum of 3")]),
    ],
)
def test_a_failure_says_where_and_what(document: Any, failures: list[tuple[str, str]]) -> None:
    assert pointers(CompiledSchema(SCHEMA).failures(document)) == failures


def test_every_failure_is_told() -> None:
    document = {"address": {"zip": "x"}, "price": "y", "other": 1}
    assert [pointer for pointer, _ in pointers(CompiledSchema(SCHEMA).failures(document))] == [
        "/address/city",
        "/address/zip",
        "/other",
        "/price",
        "/title",
    ]


def test_the_value_itself_is_not_in_the_text() -> None:
    (failure,) = CompiledSchema({"properties": {"a": {"enum": ["x"]}}}).failures({"a": "hunter2"})
    assert "hunter2" not in failure["detail"]


def test_no_more_than_100_failures_are_told() -> None:
    schema = {"additionalProperties": False, "properties": {"l": {"items": {"type": "string"}}}}
    many = {f"x{number}": 1 for number in range(300)}
    assert len(CompiledSchema(schema).failures({**many, "l": [1] * 300})) == MAX_FAILURES
    assert len(CompiledSchema(schema).failures({"l": [1] * 300})) == MAX_FAILURES


def test_the_same_failure_is_told_once() -> None:
    integer = {"type": "integer"}
    assert len(CompiledSchema({"properties": {"a": {"allOf": [integer, integer]}}}).failures({"a": "x"})) == 1


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (Decimal("3.00000000000000000000000000000001"), True),
        (Decimal("2.99999999999999999999999999999999"), False),
        (Decimal(12345678901234567890), True),
    ],
)
def test_numbers_are_compared_exactly(value: Decimal, valid: bool) -> None:
    assert (CompiledSchema(SCHEMA).failures({"title": "a", "price": value}) == []) is valid


def test_a_pattern_is_matched_in_linear_time() -> None:
    schema = CompiledSchema({"properties": {"a": {"pattern": "^(a+)+$"}}})
    assert schema.failures({"a": "a" * 50_000 + "!"}) != []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "#/properties/a"}}},
        {"$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"$ref": "#/$defs/x"}}, "properties": {"a": {"$ref": "#/$defs/x"}}},
    ],
)
def test_a_reference_in_a_circle_ends(schema: dict[str, Any]) -> None:
    assert CompiledSchema(schema).failures({"a": 1}) == []


def test_a_record_is_an_object_though_the_schema_does_not_say_so() -> None:
    assert CompiledSchema({}).failures({"a": 1}) == []
    documents: list[Any] = [[], 1, None, "a"]
    for document in documents:
        assert pointers(CompiledSchema({}).failures(document)) == [("", 'is not of type "object"')]
        assert CompiledSchema({}).fragment_failures(document) != []


DEFAULTS: dict[str, Any] = {
    "properties": {
        "stock": {"type": "integer", "default": 0},
        "tags": {"default": []},
        "none": {"default": None},
        "address": {"properties": {"city": {"default": "Oslo"}, "geo": {"properties": {"x": {"default": 1}}}}},
        "options": {"default": {"a": 1}, "properties": {"b": {"default": 2}}},
        "other": {"type": "string"},
    }
}


@pytest.mark.parametrize(
    ("given_", "filled"),
    [
        ({}, {}),
        ({"stock": 5, "tags": ["x"]}, {"stock": 5, "tags": ["x"]}),
        ({"stock": None}, {"stock": None}),
        ({"address": {}}, {"address": {"city": "Oslo"}}),
        ({"address": {"geo": {}, "city": "Rome"}}, {"address": {"geo": {"x": 1}, "city": "Rome"}}),
        ({"address": "x"}, {"address": "x"}),
        ({"address": None}, {"address": None}),
        ({"options": {}}, {"options": {"b": 2}}),
    ],
)
def test_absent_properties_get_their_defaults(given_: dict[str, Any], filled: dict[str, Any]) -> None:
    always = {"stock": 0, "tags": [], "none": None, "options": {"a": 1, "b": 2}}
    CompiledSchema(DEFAULTS).fill_defaults(given_)
    assert given_ == {**always, **filled}


def test_records_do_not_share_a_default() -> None:
    compiled = CompiledSchema(DEFAULTS)
    one: dict[str, Any] = {}
    two: dict[str, Any] = {}
    compiled.fill_defaults(one)
    one["tags"].append("x")
    one["options"]["c"] = 3
    compiled.fill_defaults(two)
    assert two["tags"] == []
    assert two["options"] == {"a": 1, "b": 2}
    assert DEFAULTS["properties"]["options"]["default"] == {"a": 1}


@pytest.mark.parametrize(
    ("schema", "local"),
    [
        ({}, True),
        (SCHEMA, True),
        ({"type": "object", "title": "x", "$defs": {}, "$comment": ""}, True),
        ({"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {}}}, True),
        ({"properties": {"a": {"anyOf": [{}]}}}, True),
        ({"anyOf": [{}]}, False),
        ({"if": {}, "then": {}}, False),
        ({"minProperties": 1}, False),
        ({"dependentRequired": {"a": ["b"]}}, False),
        ({"patternProperties": {"^a": {}}}, False),
        ({"propertyNames": {}}, False),
        ({"unevaluatedProperties": False}, False),
        ({"$ref": "#/$defs/x", "$defs": {"x": {}}}, False),
        ({"properties": {"a": {"$ref": "#"}}}, False),
        ({"properties": {"a": {"$ref": "#/properties/b"}, "b": {}}}, False),
        ({"properties": {"a": {"items": [{"$dynamicRef": "#a"}]}}}, False),
        ({"properties": {"a": {"$anchor": "a"}}}, False),
        ({"properties": {"a": {"$id": "urn:a"}}}, False),
    ],
)
def test_a_schema_is_local_when_each_property_can_be_validated_alone(schema: dict[str, Any], local: bool) -> None:
    assert CompiledSchema(schema).is_local is local


@pytest.mark.parametrize(
    "schema", [True, False, None, {"type": "string"}, {"type": ["object", "null"]}, {"enum": [{}]}]
)
def test_what_is_not_plainly_an_object_is_no_local_object(schema: Any) -> None:
    assert not is_local_object(schema)


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        (True, True),
        ({"properties": {"a": {"type": "string"}}}, {"type": "string"}),
        ({"properties": {"a": False}}, False),
        ({"properties": {"b": {}}}, True),
        ({"additionalProperties": False}, False),
        ({"additionalProperties": {"type": "string"}}, {"type": "string"}),
    ],
)
def test_the_schema_of_a_property_is_its_own_or_that_of_all_others(schema: Any, part: Any) -> None:
    assert property_schema(schema, "a") == part


def test_nothing_is_required_in_a_fragment() -> None:
    schema = CompiledSchema(SCHEMA)
    fragments: list[dict[str, Any]] = [{}, {"address": {}}, {"address": {"zip": "1"}}, {"price": 3}]
    for fragment in fragments:
        assert schema.fragment_failures(fragment) == []


def test_everything_else_holds_in_a_fragment() -> None:
    fragment = {"address": {"zip": "x", "y": 1}, "other": 1, "tags": [{}]}
    assert [pointer for pointer, _ in pointers(CompiledSchema(SCHEMA).fragment_failures(fragment))] == [
        "/address/y",
        "/address/zip",
        "/other",
        "/tags/0/x~1y",
    ]


def test_a_part_with_constraints_across_its_properties_stays_whole_in_a_fragment() -> None:
    part = {"required": ["b"], "minProperties": 1}
    schema = CompiledSchema({"properties": {"a": part}, "additionalProperties": {"required": ["c"]}})
    assert pointers(schema.fragment_failures({"a": {"x": 1}, "z": {}})) == [("/a/b", "is required")]


Pair = tuple[dict[str, Any], Any]


def _object(parts: dict[str, Pair], closed: bool) -> Pair:
    schema: dict[str, Any] = {
        "type": "object",
        "required": sorted(parts),
        "properties": {name: part for name, (part, _) in parts.items()},
    }
    if closed:
        schema["additionalProperties"] = False
    return schema, {name: value for name, (_, value) in parts.items()}


property_names = st.text(max_size=3).filter(lambda name: name[:1] != "$")  # no record has one
leaves: st.SearchStrategy[Pair] = st.one_of(
    st.integers(-100, 100).map(lambda value: ({"type": "integer", "minimum": value}, value)),
    st.text(max_size=5).map(lambda value: ({"type": "string", "maxLength": len(value)}, value)),
    st.lists(st.booleans(), max_size=3).map(lambda value: ({"minItems": len(value)}, value)),
    st.just(({"required": ["b"], "minProperties": 2}, {"b": 1, "c": 2})),
)
objects: st.SearchStrategy[Pair] = st.recursive(
    st.builds(_object, st.dictionaries(property_names, leaves, max_size=3), st.booleans()),
    lambda inner: st.builds(_object, st.dictionaries(property_names, inner | leaves, max_size=3), st.booleans()),
    max_leaves=6,
)


def _part_of(draw: Callable[[st.SearchStrategy[bool]], bool], schema: Any, value: Any) -> Any:
    if not is_local_object(schema) or not isinstance(value, dict):
        return value
    return {
        name: _part_of(draw, schema["properties"][name], member)
        for name, member in value.items()
        if draw(st.booleans())
    }


@given(objects, st.data())
def test_every_part_of_a_valid_record_is_a_valid_fragment(pair: Pair, data: st.DataObject) -> None:
    schema, record = pair
    compiled = CompiledSchema(schema)
    assert compiled.is_local
    assert compiled.failures(record) == []
    assert compiled.fragment_failures(_part_of(data.draw, schema, record)) == []
