"""What every record must keep to, whatever its schema: names, depth and numbers that DynamoDB can hold."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from chalicelib.dynamo.codec import MAX_DEPTH, MAX_NAME_BYTES, number_text
from chalicelib.dynamo.errors import Unstorable
from chalicelib.errors import Failure, pointer

SERVER_SET = ("id", "version", "created_at", "updated_at")
"""The properties of a record that the server sets; no schema can declare them."""
MAX_RECORD_DEPTH = MAX_DEPTH - 1
"""Levels of objects and arrays in a record: the map that holds its properties takes one of DynamoDB's 32."""


def has_reserved_name(document: Any) -> bool:
    """Whether a property name at any depth begins with ``$``, where PATCH has its operators."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name[:1] == "$":
                return True
            if isinstance(value, (dict, list)) and has_reserved_name(value):
                return True
        return False
    return any(isinstance(element, (dict, list)) and has_reserved_name(element) for element in document)


def failures(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[Failure]:
    """Every place in a document that cannot be stored, in the order of the document."""
    if isinstance(document, (dict, list)) and len(path) >= MAX_RECORD_DEPTH:
        yield Failure(pointer=pointer(path), detail=f"is nested deeper than {MAX_RECORD_DEPTH} levels")
    elif isinstance(document, dict):
        for name, value in document.items():
            reason = _name_failure(name)
            if reason:
                yield Failure(pointer=pointer([*path, name]), detail=reason)
            yield from failures(value, (*path, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from failures(value, (*path, index))
    elif isinstance(document, (int, float, Decimal)) and not isinstance(document, bool):
        try:
            number_text(document)
        except Unstorable as error:
            yield Failure(pointer=pointer(path), detail=error.reason)


def _name_failure(name: str) -> str | None:
    if not name:
        return "has an empty name"
    if name[0] == "$":
        return "has a name that begins with '$', which PATCH keeps for its operators"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"has a name longer than {MAX_NAME_BYTES} bytes"
    return None


def depth_exceeds(value: Any, limit: int) -> bool:
    """Whether a JSON value nests objects and arrays more than ``limit`` levels deep. Itself safe at any depth."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return any(isinstance(value, (dict, list)) for value in level)
