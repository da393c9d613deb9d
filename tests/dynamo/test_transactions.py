from __future__ import annotations

import pytest

from chalicelib.dynamo.errors import Rejected, TransactionFailed
from chalicelib.dynamo.expressions import Path
from chalicelib.dynamo.session import Recorder, Session
from chalicelib.dynamo.tables import Table, main
from chalicelib.dynamo.transactions import MAX_ACTIONS, Transaction
from chalicelib.errors import ItemTooLarge

from .books import Book, book
from .wire import Stub, refusal


def stored(isbn: str) -> Book | None:
    return Book.get(consistent=True, shelf="A", isbn=isbn)


def test_every_kind_of_action_happens_together(recorder: Recorder) -> None:
    for isbn in "234":
        book(isbn, stock=1).put()
    transaction = Transaction(main)
    transaction.put(book("1"), Book.isbn.missing())
    transaction.update(Book.update(shelf="A", isbn="2").set(Book.stock, Book.stock.plus(1)).when(Book.stock == 1))
    transaction.delete(Book, when=Book.isbn.exists(), shelf="A", isbn="3")
    transaction.check(Book, Book.stock == 1, shelf="A", isbn="4")
    transaction.put(book("5"))
    transaction.delete(Book, shelf="A", isbn="6")
    transaction.run()
    assert [stored(isbn) for isbn in "123456"] == [
        book("1"),
        book("2", stock=2),
        None,
        book("4", stock=1),
        book("5"),
        None,
    ]
    assert recorder.operations.count("TransactWriteItems") == 1


def test_nothing_is_written_when_one_action_is_refused(recorder: Recorder) -> None:
    book("2", stock=7, doc={"a": b"\x00\xff"}).put()
    transaction = Transaction(main)
    transaction.put(book("1"))
    transaction.put(book("2"), Book.isbn.missing())
    transaction.check(Book, Book.isbn.exists(), shelf="A", isbn="3")
    transaction.delete(Book, shelf="A", isbn="4")
    with pytest.raises(TransactionFailed) as refused:
        transaction.run()
    reasons = refused.value.reasons
    assert [reason.failed for reason in reasons] == [False, True, True, False]
    assert reasons[1].code == "ConditionalCheckFailed"
    assert reasons[1].item is not None
    assert Book.from_item(reasons[1].item) == book("2", stock=7, doc={"a": b"\x00\xff"})
    assert reasons[2].item is None
    assert not refused.value.contended
    assert stored("1") is None


def test_an_update_that_cannot_be_applied_is_a_failed_action(unconnected: Session) -> None:
    # The embedded store takes this update, in a transaction, for one that does nothing.
    reasons = [{"Code": "None"}, {"Code": "ValidationError", "Message": "The document path provided is invalid"}]
    Stub(unconnected, refusal("TransactionCanceledException", CancellationReasons=reasons))
    transaction = Transaction(Table(lambda: "t", lambda: unconnected))
    transaction.put(book("2"))
    transaction.update(Book.update(shelf="A", isbn="1").set(Path("title", "inner"), 1))
    with pytest.raises(TransactionFailed) as refused:
        transaction.run()
    assert [reason.code for reason in refused.value.reasons] == ["None", "ValidationError"]
    assert not refused.value.contended


def test_100_actions_are_taken_and_101_rejected(recorder: Recorder) -> None:
    transaction = Transaction(main)
    for number in range(MAX_ACTIONS):
        transaction.put(book(f"{number:03}"))
    transaction.run()
    assert len(Book.query("book#A").run().items) == MAX_ACTIONS
    transaction.put(book("100"))
    with pytest.raises(Rejected):
        transaction.run()
    assert stored("100") is None


def test_an_item_may_occur_once(recorder: Recorder) -> None:
    transaction = Transaction(main)
    transaction.put(book("1"))
    transaction.delete(Book, shelf="A", isbn="1")
    with pytest.raises(Rejected):
        transaction.run()


def test_an_item_too_large_is_refused(recorder: Recorder) -> None:
    transaction = Transaction(main)
    transaction.put(book("1"))
    transaction.put(book("2", note="x" * 410_000))
    with pytest.raises(ItemTooLarge):
        transaction.run()
    assert stored("1") is None
