from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.errors import InvalidDefinition
from chalicelib.schema import definition
from chalicelib.schema.compiled import DIALECT
from chalicelib.schema.json_text import parse
from tests.dynamo.values import nested_lists

BOOKS: dict[str, Any] = {
    "description": "Books.",
    "schema": {
        "$schema": DIALECT,
        "type": "object",
        "required": ["title", "author"],
        "additionalProperties": False,
        "properties": {
            "title": {"type": "string", "maxLength": 200, "pattern": "^[A-Z]"},
            "author": {"$ref": "#/$defs/name"},
            "year": {"type": "integer"},
            "stock": {"type": "integer", "minimum": 0, "default": 0},
            "isbn": {"type": "string"},
            "owner": {"type": "string"},
            "until": {"type": "string", "format": "date-time"},
        },
        "$defs": {"name": {"type": "string"}},
    },
    "indexes": {"by_author": {"hash": "author", "range": "year"}, "newest": {"hash": "owner", "range": "created_at"}},
    "unique": ["isbn"],
    "rules": {"list": "true", "read": "true", "update": "owner == auth.id"},
    "hidden": ["owner"],
    "ttl": "until",
    "changes": "24h",
    "shards": 4,
    "require_preconditions": True,
}


def failures(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidDefinition) as refused:
        definition.check(document)
    return [(failure["pointer"], failure["detail"]) for failure in refused.value.failures]


def pointers(document: Any) -> list[str]:
    return sorted({pointer for pointer, _ in failures(document)})


@pytest.mark.parametrize(
    "document",
    [
        BOOKS,
        {"schema": {}},
        {"schema": {"$schema": DIALECT + "#"}},
        {"schema": {"properties": {"a": {"$ref": "#"}}}},
        {"schema": {"properties": {"a": {"minimum": Decimal("0.12345678901234567890")}}}},
        {"schema": {"properties": {"a": {"format": "one that nobody knows"}}}},
        {"schema": {}, "unique": ["any"], "ttl": "any", "hidden": ["other"], "indexes": {"i": {"hash": "any"}}},
        {"schema": {"properties": {"a": {"properties": {"id": {}, "version": {}}}}}},
    ],
)
def test_a_definition_is_taken(document: dict[str, Any]) -> None:
    definition.check(document)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schema": True}, ["/schema"]),
        ({"schema": []}, ["/schema"]),
        ({"name": "x", "colour/s": 1}, ["/colour~1s", "/name"]),
        ({"description": 7}, ["/description"]),
        ({"indexes": []}, ["/indexes"]),
        ({"indexes": {"By": {"hash": "year"}}}, ["/indexes"]),
        ({"indexes": {"1st": {"hash": "year"}}}, ["/indexes"]),
        ({"indexes": {"a" * 64: {"hash": "year"}}}, ["/indexes"]),
        ({"indexes": {"a": {}}}, ["/indexes/a"]),
        ({"indexes": {"a": {"range": "version"}}}, ["/indexes/a/range"]),
        ({"indexes": {"a": {"hash": "year", "sort": "x"}}}, ["/indexes/a/sort"]),
        ({"indexes": {"a": {"hash": ""}}}, ["/indexes/a/hash"]),
        ({"indexes": {"a": {"hash": "$x"}}}, ["/indexes/a/hash"]),
        ({"indexes": {"a": {"hash": "yeer", "range": "titel"}}}, ["/indexes/a/hash", "/indexes/a/range"]),
        ({"indexes": {f"i{number}": {"hash": "year"} for number in range(6)}}, ["/indexes"]),
        ({"unique": "isbn"}, ["/unique"]),
        ({"unique": ["isbn", "isbn"]}, ["/unique"]),
        ({"unique": ["isbn", "none"]}, ["/unique/1"]),
        ({"unique": ["id"]}, ["/unique/0"]),
        ({"hidden": ["owner", "none", "version"]}, ["/hidden/1", "/hidden/2"]),
        ({"ttl": "none"}, ["/ttl"]),
        ({"ttl": "created_at"}, ["/ttl"]),
        ({"ttl": 7}, ["/ttl"]),
        ({"rules": {"list": True, "write": "x"}}, ["/rules/list", "/rules/write"]),
        ({"changes": "0h"}, ["/changes"]),
        ({"changes": "1 day"}, ["/changes"]),
        ({"shards": 0}, ["/shards"]),
        ({"shards": 65}, ["/shards"]),
        ({"shards": 1.5}, ["/shards"]),
        ({"require_preconditions": "yes"}, ["/require_preconditions"]),
    ],
)
def test_a_member_that_cannot_be_is_refused_at_its_place(changes: dict[str, Any], expected: list[str]) -> None:
    assert pointers({**BOOKS, **changes}) == expected


@pytest.mark.parametrize("document", [None, [], "x", 7, {}])
def test_what_is_no_object_with_a_schema_is_refused(document: Any) -> None:
    assert pointers(document) in ([""], ["/schema"])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "array"}, "/schema/type"),
        ({"type": ["object", "null"]}, "/schema/type"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/schema/$schema"),
        ({"properties": []}, "/schema/properties"),
        ({"properties": {"a/b": 5}}, "/schema/properties/a~1b"),
        ({"properties": {"a": {"type": "strin"}}}, "/schema/properties/a/type"),
        ({"properties": {"a": {"minLength": -1}}}, "/schema/properties/a/minLength"),
        ({"properties": {"a": {"multipleOf": 0}}}, "/schema/properties/a/multipleOf"),
        ({"properties": {"a": {"pattern": "("}}}, "/schema/properties/a/pattern"),
        ({"properties": {"a": {"pattern": "(?=a)b"}}}, "/schema/properties/a/pattern"),
        ({"properties": {"a": {"pattern": r"(.)\1"}}}, "/schema/properties/a/pattern"),
        ({"properties": {"a": {"pattern": "(a{1000}){1000}"}}}, "/schema/properties/a/pattern"),
        ({"patternProperties": {"(?<!a)b": {}}}, "/schema/patternProperties/(?<!a)b"),
        ({"properties": {"a": {"$ref": "https://example.com/a"}}}, "/schema/properties/a/$ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "/schema/properties/a/$ref"),
        ({"properties": {"a": {"items": {"$ref": "other.json"}}}}, "/schema/properties/a/items/$ref"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "/schema/properties/a/$ref"),
        ({"anyOf": [{}, {"$ref": "#none"}]}, "/schema/anyOf/1/$ref"),
        ({"required": ["a", "a"]}, "/schema/required"),
        ({"required": ["a", "id"]}, "/schema/required/1"),
        ({"properties": {"id": {}}}, "/schema/properties/id"),
        ({"properties": {"version": {}}}, "/schema/properties/version"),
        ({"properties": {"created_at": {}}}, "/schema/properties/created_at"),
        ({"properties": {"updated_at": {}}}, "/schema/properties/updated_at"),
        ({"properties": {"": {}}}, "/schema/properties/"),
        ({"properties": {"$a": {}}}, "/schema/properties/$a"),
        ({"properties": {"a": {"type": "integer", "default": "x"}}}, "/schema/properties/a/default"),
        ({"properties": {"a": {"maxLength": 1, "default": "xx"}}}, "/schema/properties/a/default"),
        (
            {"properties": {"a": {"properties": {"b": {"type": "integer", "default": "x"}}}}},
            "/schema/properties/a/properties/b/default",
        ),
        (
            {"properties": {"a": {"$ref": "#/$defs/n", "default": "x"}}, "$defs": {"n": {"type": "integer"}}},
            "/schema/properties/a/default",
        ),
    ],
)
def test_a_schema_that_cannot_be_is_refused_at_its_place(schema: dict[str, Any], expected: str) -> None:
    assert pointers({"schema": schema}) == [expected]


def test_the_kind_of_expression_that_is_not_taken_is_said() -> None:
    ((_, detail),) = failures({"schema": {"properties": {"a": {"pattern": "(?=a)b"}}}})
    assert detail == "is not a regular expression that Portico takes (no look-around, no back-references)"


def test_a_reference_that_leads_nowhere_is_said() -> None:
    ((_, detail),) = failures({"schema": {"properties": {"a": {"$ref": "http://127.0.0.1:1/"}}}})
    assert detail == "is a reference that leads nowhere within this schema (remote schemas are not fetched)"


def test_every_failure_is_told_once() -> None:
    found = failures({"schema": {"properties": {"a": 5, "b": {"type": "strin"}}}})
    assert [pointer for pointer, _ in found] == ["/schema/properties/a", "/schema/properties/b/type"]


def test_a_default_that_its_property_takes_is_taken_though_others_are_required() -> None:
    inner = {"required": ["b", "c"], "properties": {"b": {"type": "integer", "default": 1}, "c": {}}}
    definition.check({"schema": {"required": ["x"], "properties": {"x": {}, "a": inner}}})


def test_64_levels_are_taken_and_65_refused() -> None:
    definition.check({"schema": {"examples": nested_lists(62)}})
    assert failures({"schema": {"examples": nested_lists(63)}}) == [("", "is nested deeper than 64 levels")]
    assert pointers({"schema": {"examples": parse(b"[" * 900 + b"]" * 900)}}) == [""]


def test_a_definition_that_would_not_fit_an_item_is_refused() -> None:
    assert failures({"schema": {"$comment": "x" * 300_000}}) == [("", "is larger than 300000 bytes")]


def test_the_shape_is_a_schema_itself() -> None:
    definition.check({"schema": definition.SHAPE})


def test_what_is_wrong_with_the_definition_and_with_its_schema_is_said_at_once() -> None:
    with pytest.raises(InvalidDefinition) as caught:
        definition.check({"schema": {"properties": {"a": {"minimum": "x"}}}, "foo": 1, "shards": 0})
    assert {failure["pointer"] for failure in caught.value.failures} == {
        "/foo",
        "/shards",
        "/schema/properties/a/minimum",
    }
