from __future__ import annotations

import pytest

from chalicelib.dynamo.session import Recorder

from .books import Book, book

SHELF = "book#A"


@pytest.fixture(autouse=True)
def _shelves(recorder: Recorder) -> None:
    for isbn in ("5", "1", "3", "2", "4"):
        book(isbn).put()
    book("9", shelf="B").put()
    recorder.calls.clear()


def isbns(books: list[Book]) -> str:
    return "".join(found.isbn for found in books)


def test_a_query_gives_one_partition_in_order() -> None:
    page = Book.query(SHELF).run()
    assert (isbns(page.items), page.last) == ("12345", None)
    assert page.items[0] == book("1")


def test_a_partition_without_items_is_an_empty_page() -> None:
    page = Book.query("book#C").run()
    assert (page.items, page.last) == ([], None)


def test_a_limited_page_says_where_it_ended() -> None:
    page = Book.query(SHELF).limit(2).run()
    assert (isbns(page.items), page.last) == ("12", "2")


def test_after_goes_on_behind_a_sort_key_even_one_that_is_not_there() -> None:
    assert isbns(Book.query(SHELF).after("2").run().items) == "345"
    assert isbns(Book.query(SHELF).after("2a").run().items) == "345"
    assert isbns(Book.query(SHELF).after(None).run().items) == "12345"
    assert isbns(Book.query(SHELF).after("5").run().items) == ""


def test_descending_turns_the_order_and_what_is_after() -> None:
    assert isbns(Book.query(SHELF).descending().run().items) == "54321"
    assert isbns(Book.query(SHELF).descending().after("3").run().items) == "21"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_the_pages_together_are_the_partition(recorder: Recorder, size: int) -> None:
    pages = list(Book.query(SHELF).limit(size).pages())
    assert "".join(isbns(page.items) for page in pages) == "12345"
    assert all(len(page.items) <= size for page in pages)
    assert [page.last is None for page in pages] == [False] * (len(pages) - 1) + [True]
    backwards = Book.query(SHELF).descending().limit(size).pages()
    assert "".join(isbns(page.items) for page in backwards) == "54321"
    assert set(recorder.operations) == {"Query"}


def test_the_pages_begin_where_the_query_does() -> None:
    assert "".join(isbns(page.items) for page in Book.query(SHELF).limit(1).after("3").pages()) == "45"


def test_a_consistent_query_asks_for_it(recorder: Recorder) -> None:
    Book.query(SHELF).run()
    Book.query(SHELF).consistent().run()
    assert [call.parameters.get("ConsistentRead") for call in recorder.calls] == [None, True]


def test_every_step_gives_a_new_query(recorder: Recorder) -> None:
    query = Book.query(SHELF)
    query.limit(1)
    query.descending()
    query.after("3")
    assert isbns(query.run().items) == "12345"
