from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.dynamo.errors import InvalidCursor, NoIndex, Rejected, UnknownAttribute, WrongType
from chalicelib.dynamo.fields import Attr, expiry, field
from chalicelib.dynamo.groups import by_model, together
from chalicelib.dynamo.hooks import Loading, Querying, after, before
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.references import Ref
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import Table, main

if TYPE_CHECKING:
    from typing_extensions import assert_type


class Author(Model, table=main, type="author"):
    id: Attr[str]
    key = Key(pk="author#{id}")


class Book(Model, table=main, type="book"):
    isbn: Attr[str]
    title: Attr[str]
    stock: Attr[int] = field(default=0)
    author: Attr[Ref[Author]] = field(default=None)
    key = Key(pk="book#{isbn}", sk="book")
    by_title = Index("gsi1", hash="title#{title}", range="book")
    by_stock = Index("gsi2", hash="{stock}", range="{title}")


class Review(Model, table=main, type="review"):
    isbn: Attr[str] = field(name="of")
    id: Attr[str] = field(name="sk")
    title: Attr[str]
    stars: Attr[int] = field(default=5)
    key = Key(pk="book#{isbn}", sk="{id}")
    the_title = Index("gsi1", hash="title#{title}", range="review#{stars}")


class Loan(Model, table=main, type="loan"):
    isbn: Attr[str]
    number: Attr[int]
    ends: Attr[datetime] = expiry(name="_ttl", default=None)
    key = Key(pk="book#{isbn}", sk="loan#{number}")


class Copy(Model, table=main, type="copy"):
    isbn: Attr[str]
    number: Attr[int]
    key = Key(pk="book#{isbn}", sk="loan#{number}")


class Note(Model, table=main, type="note"):
    isbn: Attr[str]
    id: Attr[str]
    key = Key(pk="book#{isbn}", sk="note#{id}")


class Page(Model, table=main, type="page"):
    isbn: Attr[str]
    stock: Attr[int]
    title: Attr[str]
    key = Key(pk="page#{isbn}", sk="page")
    in_stock = Index("gsi2", hash="{stock}", range="{title}")


def shelve() -> None:
    """One book with two reviews, in a partition that has other items, and one review of another book."""
    Book(isbn="1", title="Emma", stock=3, author=Ref(Author, id="a")).create()
    Author(id="a").create()
    Review(isbn="1", id="r1", title="Good").create()
    Review(isbn="1", id="r2", title="Emma", stars=2).create()
    Review(isbn="2", id="r3", title="Emma").create()
    Copy(isbn="1", number=1).create()


def names(items: list[Any]) -> list[str]:
    return [f"{type(item).__name__} {getattr(item, 'id', '')}".strip() for item in items]


def test_the_objects_of_one_partition_are_each_of_their_model(recorder: Recorder) -> None:
    shelve()
    query = together(Book, Review).query(isbn="1")
    found = query.all()
    if TYPE_CHECKING:
        assert_type(found, list[Book | Review])
    assert names(found) == ["Book", "Review r1", "Review r2"]
    assert found[0] == Book.get(isbn="1")
    assert names(list(query)) == names(found)
    assert names(query.descending().run().items) == ["Review r2", "Review r1", "Book"]
    assert query.count() == 3
    assert recorder.operations[-2:] == ["Query", "Query"]


def test_what_is_found_is_split_by_model(recorder: Recorder) -> None:
    shelve()
    found = by_model(together(Book, Review, Loan).query(isbn="1").all())
    if TYPE_CHECKING:
        assert_type(found[Review], list[Review])
    assert [review.id for review in found[Review]] == ["r1", "r2"]
    assert len(found[Book]) == 1
    assert found[Loan] == []
    assert set(found) == {Book, Review}


def test_five_models_can_be_queried_together(recorder: Recorder) -> None:
    shelve()
    Loan(isbn="1", number=2).create()
    Page(isbn="1", stock=1, title="x").create()
    assert names(together(Review, Book).query(isbn="1").all()) == ["Book", "Review r1", "Review r2"]
    assert names(together(Copy, Review, Book, Loan).query(isbn="1").all()) == [
        "Book", "Copy", "Loan", "Review r1", "Review r2"
    ]  # fmt: skip
    with pytest.raises(NoIndex, match="Page has these values in another partition: 'page#1', not 'book#1'"):
        together(Book, Review, Loan, Copy, Page).query(isbn="1").all()


def test_conditions_are_about_attributes_of_any_model(recorder: Recorder) -> None:
    shelve()
    query = together(Book, Review).query(isbn="1")
    assert names(query.where(Review.stars >= 3).all()) == ["Review r1"]
    assert names(query.where((Review.stars >= 3) | (Book.stock == 3)).all()) == ["Book", "Review r1"]
    assert names(query.where(Book.title == "Emma").all()) == ["Book", "Review r2"]
    assert names(query.where(Book.title == "Emma").where(Book.stock == 3).all()) == ["Book"]
    assert query.where(Book.title == "Other").first() is None


def test_pages_go_on_where_the_last_one_ended(recorder: Recorder) -> None:
    shelve()
    query = together(Book, Review).query(isbn="1")
    page = query.page(1)
    found, cursor = page.items, page.cursor
    while page.cursor is not None:
        page = query.page(1, page.cursor)
        found += page.items
    assert names(found) == ["Book", "Review r1", "Review r2"]
    assert [len(page.items) for page in query.limit(2).pages()] == [1, 2, 0]
    with pytest.raises(InvalidCursor):
        together(Book, Review).query(isbn="2").page(1, cursor)


def test_an_index_of_the_same_name_serves_several_models(recorder: Recorder) -> None:
    shelve()
    query = together(Book, Review).query(title="Emma")
    assert query.explain()["index"] == "gsi1"
    assert names(query.all()) == ["Book", "Review r2", "Review r3"]
    assert names(query.using(Review.the_title).all()) == names(query.all())
    assert names(query.using(Review.indexes["the_title"]).all()) == names(query.all())
    assert len(by_model(query.page(2).items)[Book]) == 1
    with pytest.raises(NoIndex, match="Review is not in the index gsi2"):
        together(Book, Review).query(stock=3).all()
    with pytest.raises(NoIndex, match="Author is not in the index gsi1"):
        together(Author, Book).query(id="a").using(Book.by_title).all()


def test_a_sort_key_that_all_compose_alike_narrows_what_is_read(recorder: Recorder) -> None:
    for number in (1, 2, 3):
        Copy(isbn="1", number=number).create()
        Loan(isbn="1", number=number + 3).create()
    Book(isbn="1", title="Emma").create()
    query = together(Copy, Loan).query(isbn="1").where(Loan.number >= 3)
    assert "BETWEEN" in query.explain()["key_condition"]
    assert [one.number for one in query.all()] == [3, 4, 5, 6]
    assert names(query.sort(Copy.number, descending=True).limit(2).run().items) == ["Loan", "Loan"]
    assert "begins_with" in together(Copy, Loan).query(isbn="1").explain()["key_condition"]


def test_a_sort_key_that_they_compose_differently_is_read_whole(recorder: Recorder) -> None:
    Book(isbn="1", title="a", stock=1).create()
    Page(isbn="1", title="b", stock=1).create()
    Page(isbn="2", title="c", stock=1).create()
    query = together(Book, Page).query(stock=1)
    assert names(query.where(Book.title >= "b").all()) == ["Page", "Page"]
    assert names(query.sort(Book.title, descending=True).all()) == ["Page", "Page", "Book"]
    explained = together(Book, Review).query(isbn="1").where(Book.stock == 3).explain()
    assert explained["key_condition"] == "pk = 'book#1'"
    assert explained["filter"] == "(stock = 3 AND _type IN ('book', 'review'))"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (lambda: together(Book, Review).query(isbn="1").where(Review.id > "r1"), "sk is its key"),
        (lambda: together(Review, Book).query(isbn="1").where(Review.id > "r1"), "sk is its key"),
        (lambda: together(Review, Book).query(isbn="1").sort(Review.id), "it is not sorted by id"),
        (lambda: together(Review, Note).query(isbn="1").sort(Note.id), "do not compose the sort key alike"),
        (lambda: together(Review, Note).query(isbn="1").where(Review.id > "r"), "sk is its key"),
        (lambda: together(Book, Review).query(isbn="1", stock=1), "Review has no field stock"),
        (lambda: together(Book, Review).query(title="a", isbn="1").using(Book.by_title), "Review stores isbn as"),
        (lambda: together(Book, Review).query(), "isbn is not given"),
        (lambda: together(Book, Review).query(title="a").consistent(), "consistently"),
        (lambda: together(Book, Review).query(colour="red"), "Book has no field colour"),
    ],
)
def test_what_the_models_cannot_answer_together_is_refused_before_the_call(
    query: Any, reason: str, recorder: Recorder
) -> None:
    with pytest.raises(NoIndex, match=reason):
        query().all()
    assert recorder.operations == []


def test_values_are_of_their_fields_types() -> None:
    with pytest.raises(WrongType):
        together(Book, Review).query(isbn=1).explain()


def test_going_on_after_a_sort_key_is_refused() -> None:
    query = together(Book, Review).query(isbn="1")
    assert query.after(None) is query
    with pytest.raises(Rejected, match="page"):
        query.after("r1")


def test_models_that_cannot_be_told_apart_or_found_together_are_refused() -> None:
    class Plain(Model, table=main):
        id: Attr[str]
        key = Key(pk="plain#{id}")

    class Twin(Model, table=main, type="book"):
        id: Attr[str]
        key = Key(pk="twin#{id}")

    class Elsewhere(Model, table=Table("elsewhere"), type="elsewhere"):
        id: Attr[str]
        key = Key(pk="elsewhere#{id}")

    for other, reason in ((Plain, "type of its own"), (Twin, "type of its own"), (Elsewhere, "not in one table")):
        with pytest.raises(TypeError, match=reason):
            together(Book, other)


def test_a_part_has_what_was_asked_for_of_each_model(recorder: Recorder) -> None:
    shelve()
    found = together(Book, Review).query(isbn="1").fields(Book.stock, Review.stars).all()
    assert [one.to_dict() for one in found] == [
        {"isbn": "1", "stock": 3},
        {"isbn": "1", "id": "r1", "stars": 5},
        {"isbn": "1", "id": "r2", "stars": 2},
    ]


def test_references_are_populated_of_the_models_that_have_them(recorder: Recorder) -> None:
    shelve()
    found = by_model(together(Book, Review).query(isbn="1").populate("author").all())
    assert found[Book][0].author.item == Author(id="a")
    with pytest.raises(UnknownAttribute):
        together(Book, Review).query(isbn="1").populate("editor").all()


def test_references_are_read_as_consistently_as_the_query(recorder: Recorder) -> None:
    shelve()
    query = together(Book, Review).query(isbn="1").populate("author")
    for reading, consistent in ((query, False), (query.consistent(), True)):
        reading.all()
        assert recorder.calls[-1].parameters["RequestItems"][main.name]["ConsistentRead"] is consistent


def test_objects_that_have_ended_are_not_there(recorder: Recorder) -> None:
    now = datetime.now(timezone.utc)
    Copy(isbn="1", number=1).create()
    Loan(isbn="1", number=2, ends=now + timedelta(hours=1)).create()
    Loan(isbn="1", number=3, ends=now - timedelta(hours=1)).put()
    query = together(Copy, Loan).query(isbn="1")
    assert [one.number for one in query.all()] == [1, 2]
    assert query.count() == 2


class Watched(Model, table=main, type="watched"):
    isbn: Attr[str]
    key = Key(pk="book#{isbn}", sk="watched")


class Seen(Model, table=main, type="seen"):
    isbn: Attr[str]
    key = Key(pk="book#{isbn}", sk="seen")


EVENTS: list[str] = []


@pytest.fixture
def events() -> Iterator[list[str]]:
    yield EVENTS
    EVENTS.clear()


@before("query", Watched, Seen)
def _asked(event: Querying) -> None:
    EVENTS.append(f"asked {event.reading.model.__name__}")


@after("query", Watched)
def _answered(event: Querying) -> None:
    EVENTS.append(f"answered {len(event.items)}")
    event.items.reverse()


@after("load", Seen)
def _loaded(event: Loading) -> None:
    EVENTS.append("loaded")


def test_hooks_of_every_model_are_called_once(recorder: Recorder, events: list[str]) -> None:
    Watched(isbn="1").put()
    Seen(isbn="1").put()
    assert names(together(Watched, Seen).query(isbn="1").all()) == ["Watched", "Seen"]
    assert events == ["asked Watched or Seen", "loaded", "answered 2"]


def test_one_object_can_be_asked_for(recorder: Recorder) -> None:
    shelve()
    assert names([together(Book, Review).query(isbn="2").one()]) == ["Review r3"]
    assert names(together(Book, Review).query(isbn="2").submit().result()) == ["Review r3"]


class Cup(Model, table=main, type="cup"):
    shelf: Attr[str]
    place: Attr[str]
    colour: Attr[str] = field(default="red", set=str.lower)
    key = Key(pk="{shelf}#{place}", sk="cup")


class Plate(Model, table=main, type="plate"):
    shelf: Attr[str]
    place: Attr[str]
    colour: Attr[str] = field(default="red", set=str.lower)
    key = Key(pk="{shelf}#{place}", sk="plate")


def test_values_go_through_their_fields_functions(recorder: Recorder) -> None:
    for made in (Cup(shelf="1", place="2", colour="RED"), Plate(shelf="1", place="2", colour="RED")):
        made.create()
    assert names(together(Cup, Plate).query(shelf="1", place="2", colour="RED").all()) == ["Cup", "Plate"]


def test_a_key_that_other_values_make_too_is_filtered(recorder: Recorder) -> None:
    Cup(shelf="x", place="y#z").create()
    Plate(shelf="x#y", place="z").create()
    assert names(together(Cup, Plate).query(shelf="x#y", place="z").all()) == ["Plate"]


def test_a_field_is_compared_where_its_own_model_stores_it(recorder: Recorder) -> None:
    shelve()
    found = together(Book, Review).query(isbn="1").where(Review.isbn == "1").all()
    assert names(found) == ["Review r1", "Review r2"]
