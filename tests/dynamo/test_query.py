from __future__ import annotations

import pytest

from chalicelib.dynamo.errors import Rejected
from chalicelib.dynamo.fields import Attr
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main

from .books import Book, book


@pytest.fixture(autouse=True)
def _shelves(recorder: Recorder) -> None:
    for isbn in ("5", "1", "3", "2", "4"):
        book(isbn).put()
    book("9", shelf="B").put()
    recorder.calls.clear()


def isbns(books: list[Book]) -> str:
    return "".join(found.isbn for found in books)


def test_a_query_gives_one_partition_in_order() -> None:
    page = Book.query(shelf="A").run()
    assert (isbns(page.items), page.last) == ("12345", None)
    assert page.items[0] == book("1")


def test_a_partition_without_items_is_an_empty_page() -> None:
    page = Book.query(shelf="C").run()
    assert (page.items, page.last, page.cursor) == ([], None, None)


def test_a_limited_page_says_where_it_ended() -> None:
    page = Book.query(shelf="A").limit(2).run()
    assert (isbns(page.items), page.last) == ("12", "2")


def test_after_goes_on_behind_a_sort_key_even_one_that_is_not_there() -> None:
    query = Book.query(shelf="A")
    assert [isbns(query.after(sk).run().items) for sk in ("2", "2a", None, "5")] == ["345", "345", "12345", ""]


def test_after_a_bound_there_is_nothing() -> None:
    assert Book.query(shelf="A").where(Book.isbn <= "3").after("3").all() == []


def test_after_takes_a_sort_key_that_is_a_text() -> None:
    class Page(Model, table=main):
        number: Attr[int]
        key = Key(pk="pages", sk="{number}")

    assert Page.query().after(None).all() == []
    with pytest.raises(Rejected, match="Page has no field that is its sort key and a text"):
        Page.query().after("1")


def test_descending_turns_the_order_and_what_is_after() -> None:
    assert isbns(Book.query(shelf="A").descending().run().items) == "54321"
    assert isbns(Book.query(shelf="A").descending().after("3").run().items) == "21"
    assert isbns(Book.query(shelf="A").sort(Book.isbn, descending=True).all()) == "54321"
    assert isbns(Book.query(shelf="A").descending().sort(Book.isbn).all()) == "12345"


def test_a_half_open_interval_is_one_key_condition() -> None:
    assert isbns(Book.query(shelf="A").where((Book.isbn >= "2") & (Book.isbn < "4")).all()) == "23"
    assert isbns(Book.query(shelf="A").where((Book.isbn > "2") & (Book.isbn <= "4")).all()) == "34"


def test_a_consistent_query_asks_for_it(recorder: Recorder) -> None:
    Book.query(shelf="A").run()
    Book.query(shelf="A").consistent().run()
    assert [call.parameters.get("ConsistentRead") for call in recorder.calls] == [None, True]


def test_every_step_gives_a_new_query() -> None:
    query = Book.query(shelf="A")
    assert query.plan.range is None
    query.limit(1)
    query.descending()
    query.where(Book.stock > 0)
    query.fields(Book.isbn)
    assert query.after("3").plan.range is not None
    assert isbns(query.run().items) == "12345"
    assert query.run().items[0] == book("1")
