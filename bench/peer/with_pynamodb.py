"""The data layer's figures by PynamoDB."""

from __future__ import annotations

import os
from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from bench import canned
from bench.canned import ITEM, MANY, NEW_TITLE, TABLE, VALUES


class Book(Model):  # type: ignore[misc] # mypy does not see the package, whether or not it is installed
    """The item of the figures."""

    class Meta:
        """PynamoDB's settings."""

        table_name = TABLE
        region = os.environ.get("AWS_REGION")

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    title = UnicodeAttribute()
    publisher = UnicodeAttribute()
    language = UnicodeAttribute()
    summary = UnicodeAttribute()
    year = NumberAttribute()
    pages = NumberAttribute()
    stock = NumberAttribute()
    price = NumberAttribute()
    available = BooleanAttribute()
    tags: Any = ListAttribute(of=UnicodeAttribute)


def operations() -> dict[str, Any]:
    """What is measured."""
    canned.attach(Book._get_connection().connection.client)  # noqa: SLF001 - PynamoDB hands its client out nowhere
    book, updated = Book(**VALUES), Book(**VALUES)
    pk, sk = VALUES["pk"], VALUES["sk"]
    set_title = Book.title.set

    return {
        "encode": book.serialize,
        "decode": lambda: Book.from_raw_data(ITEM),
        "item of an object": book.serialize,
        "object of an item": lambda: Book.from_raw_data(ITEM),
        "get": lambda: Book.get(pk, sk),
        "put": book.save,
        "update": lambda: updated.update(actions=[set_title(NEW_TITLE)]),
        "query of 100": lambda: list(Book.query(pk, limit=MANY)),
        "batch get of 100": lambda: list(Book.batch_get(canned.KEYS)),
    }
