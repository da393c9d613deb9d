"""Models that refer to each other, and sessions that only pretend, for the tests."""

from __future__ import annotations

from typing import NewType

from chalicelib.dynamo.document import Document
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.references import Ref
from chalicelib.dynamo.tables import main


class Publisher(Model, table=main):
    """What has a number for its key."""

    number: Attr[int]
    name: Attr[str] = field(default="")
    key = Key(pk="publisher#{number}")


class Author(Model, table=main):
    """What has a string for its key."""

    id: Attr[str]
    name: Attr[str] = field(default="")
    publisher: Attr[Ref[Publisher] | None] = field(default=None)
    mentor: Attr[Ref[Author] | None] = field(default=None)
    key = Key(pk="author#{id}")


class Place(Model, table=main):
    """What has a key of several parts."""

    country: Attr[str]
    number: Attr[int]
    key = Key(pk="place#{country}", sk="{number}")


Illustrator = NewType("Illustrator", Ref[Author])


class Review(Document):
    """What is nested and refers."""

    text: Attr[str] = field(default="")
    user: Attr[Ref[Author] | None] = field(default=None)


class Novel(Model, table=main, type="novel"):
    """What refers to others in every way."""

    isbn: Attr[str]
    title: Attr[str] = field(default="")
    author: Attr[Ref[Author]]
    editors: Attr[list[Ref[Author]]] = field(default=list)
    scene: Attr[Ref[Place] | None] = field(default=None)
    reviews: Attr[list[Review]] = field(default=list)
    best: Attr[Review | None] = field(default=None)
    translators: Attr[dict[str, Ref[Author]]] = field(default=dict, aliases="translated_by")
    illustrator: Attr[Illustrator | None] = field(default=None)
    readers: Attr[set[Ref[Author]] | None] = field(default=None)
    key = Key(pk="novel#{isbn}")


def novel(isbn: str = "1", author: str = "a", **values: object) -> Novel:
    """A novel."""
    return Novel(**{"isbn": isbn, "author": Ref(Author, id=author), **values})  # type: ignore[arg-type]
