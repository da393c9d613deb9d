"""Our side of the data layer's figures. Nothing else there knows Portico's data-access layer."""

from __future__ import annotations

from typing import Any

from bench import canned
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.schema import USES_UNTIL_SPECIALISED
from chalicelib.dynamo.session import Session
from chalicelib.dynamo.tables import Table

_sessions: list[Session] = []
"""The one in use is the last."""


class Book(Model, table=Table(lambda: canned.TABLE, connect=lambda: _sessions[-1])):
    """The item of the figures."""

    author: Attr[str] = field(name="pk")
    isbn: Attr[str] = field(name="sk")
    title: Attr[str]
    publisher: Attr[str]
    language: Attr[str]
    summary: Attr[str]
    year: Attr[int]
    pages: Attr[int]
    stock: Attr[int]
    price: Attr[float]
    available: Attr[bool]
    tags: Attr[list[str]]


def operations(endpoint_url: str | None = None) -> dict[str, Any]:
    """What is measured, by the names of ``bench.dynamo``: at an endpoint, or within botocore without one."""
    session = Session(endpoint_url)
    _sessions.append(session)
    if endpoint_url is None:
        canned.attach(session.client)
    book = Book.from_item(canned.ITEM)
    author, isbn = book.author, book.isbn
    values = {**canned.VALUES, "author": author, "isbn": isbn}
    keys = [{"author": pk, "isbn": sk} for pk, sk in canned.KEYS]
    for _ in range(USES_UNTIL_SPECIALISED):
        Book.schema.encode(values)
    encode, decode = Book.schema.encode, Book.schema.values

    return {
        "encode": lambda: encode(values),
        "decode": lambda: decode(canned.ITEM),
        "item of an object": book.to_item,
        "object of an item": lambda: Book.from_item(canned.ITEM),
        "get": lambda: Book.get(author=author, isbn=isbn),
        "put": book.put,
        "update": lambda: Book.update(author=author, isbn=isbn).set(Book.title, canned.NEW_TITLE).run(),
        "query of 100": lambda: Book.query(author=author).limit(canned.MANY).run().items,
        "batch get of 100": lambda: Book.get_many(keys),
    }
