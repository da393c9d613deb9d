"""The data layer's figures by dyntastic: pydantic models over boto3's ``Table``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer  # type: ignore[import-untyped]
from dyntastic import A, Dyntastic, attr

from bench import canned
from bench.canned import EXACT, ITEM, MANY, NEW_TITLE


class Book(Dyntastic):  # type: ignore[misc] # mypy does not see the package, whether or not it is installed
    """The item of the figures."""

    __table_name__ = canned.TABLE
    __hash_key__ = "pk"
    __range_key__ = "sk"

    pk: str
    sk: str
    title: str
    publisher: str
    language: str
    summary: str
    year: int
    pages: int
    stock: int
    price: Decimal
    available: bool
    tags: list[str]


def operations() -> dict[str, Any]:
    """What is measured. An update is two calls: dyntastic asks for no attributes, and reads the item afterwards."""
    canned.attach(Book._dynamodb_table().meta.client)  # noqa: SLF001 - dyntastic hands its client out nowhere
    book = Book(**EXACT)
    pk, sk = book.pk, book.sk
    serialize, deserialize = TypeSerializer().serialize, TypeDeserializer().deserialize

    def encode() -> dict[str, Any]:
        return {name: serialize(value) for name, value in attr.serialize(book.model_dump(by_alias=True)).items()}

    def decode() -> Any:
        # What its own reads call.
        return Book._dyntastic_load_model({name: deserialize(value) for name, value in ITEM.items()})  # noqa: SLF001

    return {
        "encode": encode,
        "decode": decode,
        "item of an object": encode,
        "object of an item": decode,
        "get": lambda: Book.get(pk, sk),
        "put": book.save,
        "update": lambda: book.update(A.title.set(NEW_TITLE)),
        "query of 100": lambda: Book.query_page(pk, per_page=MANY).items,
    }
