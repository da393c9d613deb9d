"""A small model for the tests."""

from __future__ import annotations

from typing import Any

from chalicelib.dynamo import Attr, Key, Model, field, main


class Book(Model, table=main):
    """A book on a shelf."""

    shelf: Attr[str]
    isbn: Attr[str] = field(name="sk")
    title: Attr[str]
    stock: Attr[int] = field(default=0)
    note: Attr[str | None] = field(default=None)
    doc: Attr[dict[str, Any] | None] = field(name="_doc", default=None)
    key = Key(pk="book#{shelf}", sk="{isbn}")


def book(isbn: str = "1", **values: Any) -> Book:
    """A book on the shelf A."""
    return Book(**{"shelf": "A", "isbn": isbn, "title": "Emma", **values})
