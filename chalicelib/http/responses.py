"""What goes back: JSON with an entity tag, pages with their cursors, nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalice.app import Response

from chalicelib.schema.json_text import dump

MAX_BYTES = 5_500_000
"""The most that a page's text may have: Lambda gives back 6 MB with all around it."""


def size(text: str) -> int:
    """The bytes that a body takes in Lambda's answer, where it is a JSON string: quotes and backslashes take two."""
    return len(text.encode()) + text.count('"') + text.count("\\")


def fitting(documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """The JSON texts of the first documents, as many as fit in an answer; of any, at least one."""
    texts: list[str] = []
    taken = 0
    for document in documents:
        text = dump(document)
        taken += size(text) + 2  # what stands between
        if taken > MAX_BYTES and texts:
            break
        texts.append(text)
    return texts


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(dump(value), {"Content-Type": "application/json", **(headers or {})}, status)


def versioned(document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A record's or definition's document, with its version as the entity tag."""
    return Response(
        dump(document),
        {"Content-Type": "application/json", "ETag": etag(document["version"]), **(headers or {})},
        status,
    )


def not_modified(version: int) -> Response:
    """The caller has this version already."""
    return Response("", {"ETag": etag(version)}, 304)


def nothing() -> Response:
    """Done, and there is nothing to say."""
    return Response("", {}, 204)
