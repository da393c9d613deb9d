"""A look into the table, and collections to work with, without HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from chalicelib.access.rules import Grant, unbounded
from chalicelib.collections import definitions
from chalicelib.collections.definitions import Collection
from chalicelib.dynamo.codec import decode_map
from chalicelib.dynamo.tables import main

BOOK_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "maxLength": 200},
        "isbn": {"type": ["string", "number", "null"]},
        "stock": {"type": "integer", "minimum": 0, "maximum": 1000},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
        "address": {"type": "object", "properties": {"city": {"type": "string"}, "floor": {"type": "number"}}},
        "until": {"type": ["string", "number", "null"]},
    },
}


def law(max_examples: int) -> Callable[[Any], Any]:
    """A law that is tested against a store: a table is shared by its examples, which make collections of their own."""
    return hypothesis_settings(
        max_examples=max_examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


def collection(schema: Any = None, *, name: str | None = None, **members: Any) -> Collection:
    """A new collection; of no schema at all unless one is given."""
    made, created = definitions.put(name or f"c{uuid.uuid4().hex}", {"schema": schema or {}, **members})
    assert created
    return made


def opened(name: str) -> Callable[[], Grant]:
    """What gives the leave to do everything in a collection, as its definition is at that time."""
    return lambda: unbounded(definitions.get(name))


def stored(prefix: str = "") -> list[dict[str, Any]]:
    """Every item of the table whose partition key begins with the prefix, as it is stored."""
    items: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {"ConsistentRead": True}
    while True:
        answer = main.call("Scan", parameters)
        items += [decode_map(item) for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return [item for item in items if item["pk"].startswith(prefix)]
        parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def markers() -> dict[str, str]:
    """The unique markers: whose each one is."""
    return {item["pk"]: item["_id"] for item in stored("u#")}
