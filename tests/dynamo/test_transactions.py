from __future__ import annotations

from typing import Any

import pytest

from chalicelib.dynamo import provisioning
from chalicelib.dynamo.errors import (
    AlreadyExists,
    ConditionFailed,
    DuplicateItem,
    LimitExceeded,
    NotStored,
    Rejected,
    TransactionFailed,
)
from chalicelib.dynamo.expressions import Path
from chalicelib.dynamo.fields import Attr
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.layout import Layout
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.session import Recorder, Session
from chalicelib.dynamo.tables import Table, main
from chalicelib.dynamo.transactions import MAX_ACTIONS, Transaction, transaction
from chalicelib.errors import ItemTooLarge

from .books import Book, book
from .products import Product, product
from .wire import Stub, refusal


def stored(isbn: str) -> Book | None:
    return Book.get(consistent=True, shelf="A", isbn=isbn)


def updated(isbn: str) -> Any:
    return Book.update(shelf="A", isbn=isbn).set(Book.stock, Book.stock + 1)


def test_every_kind_of_action_happens_together(recorder: Recorder) -> None:
    for isbn in "234":
        book(isbn, stock=1).put()
    with transaction() as t:
        t.create(book("1"))
        t.update(updated("2").when(Book.stock == 1))
        t.delete(Book, when=Book.stock == 1, shelf="A", isbn="3")
        t.check(Book, Book.stock == 1, shelf="A", isbn="4")
        t.put(book("5"))
        t.delete(Book, shelf="A", isbn="6")
        t.update(Book.upsert(shelf="A", isbn="7").set(Book.title, "Emma"))
        t.put(product(shelf="S"))
    assert [stored(isbn) for isbn in "1234567"] == [
        book("1"),
        book("2", stock=2),
        None,
        book("4", stock=1),
        book("5"),
        None,
        book("7"),
    ]
    assert Product.by_shelf.query(shelf="S").one() == product(shelf="S")
    assert recorder.operations.count("TransactWriteItems") == 1


class Shop(Model, table=Table("unnamed", Layout("id", None))):
    """A model of another table, which has no sort key."""

    id: Attr[str]
    open: Attr[bool]
    key = Key(pk="{id}")


@pytest.fixture
def shops(table: str) -> None:
    Shop.table = Table(f"{table}-shops", Shop.table.layout)
    provisioning.ensure(Shop.table)


def test_tables_take_part_together(recorder: Recorder, shops: None) -> None:
    Shop(id="1", open=False).put()
    for opened in (False, True):
        Shop(id="1", open=opened).put()
        t = transaction()
        t.put(book("1"))
        t.check(Shop, Shop.open == True, id="1")  # noqa: E712 - a condition
        if opened:
            t.run()
        else:
            with pytest.raises(TransactionFailed, match="ConditionCheck Shop id=1: the condition does not hold"):
                t.run()
        assert stored("1") == (book("1") if opened else None)
    with transaction() as t:
        shop = t.get(Shop, id="1")
        books = [t.get(Book, shelf="A", isbn=isbn) for isbn in "12"]
    assert shop.value == Shop(id="1", open=True)
    assert [each.value for each in books] == [book("1"), None]


def test_each_reason_says_which_action_failed_and_what_it_means(recorder: Recorder) -> None:
    book("2", stock=7).put()
    t = transaction()
    t.put(book("1"))
    t.create(book("2"))
    t.update(updated("3"))
    t.delete(Book, when=Book.stock == 0, shelf="A", isbn="2x")
    t.check(Book, Book.isbn.exists(), shelf="A", isbn="4")
    with pytest.raises(TransactionFailed) as refused:
        t.run()
    reasons = refused.value.reasons
    assert [type(reason.error) for reason in reasons] == [
        type(None),
        AlreadyExists,
        NotStored,
        ConditionFailed,
        ConditionFailed,
    ]
    assert [reason.failed for reason in reasons] == [False, True, True, True, True]
    assert [reason.action for reason in reasons] == [
        "Put Book pk=book#A sk=1",
        "Put Book pk=book#A sk=2",
        "Update Book pk=book#A sk=3",
        "Delete Book pk=book#A sk=2x",
        "ConditionCheck Book pk=book#A sk=4",
    ]
    assert reasons[1].item == book("2", stock=7).to_item()
    assert isinstance(reasons[1].error, AlreadyExists)
    assert reasons[1].error.item == reasons[1].item
    assert str(refused.value).startswith("Put Book pk=book#A sk=2: it is stored already; Update Book pk=book#A sk=3: ")
    assert not refused.value.contended
    assert stored("1") is None


def test_an_update_that_cannot_be_applied_is_a_failed_action(unconnected: Session) -> None:
    # The embedded store takes this update, in a transaction, for one that does nothing.
    class Elsewhere(Book, table=Table("t", main.layout, lambda: unconnected)):
        pass

    reasons = [{"Code": "None"}, {"Code": "ValidationError", "Message": "The document path provided is invalid"}]
    Stub(unconnected, refusal("TransactionCanceledException", CancellationReasons=reasons))
    t = transaction()
    t.put(Elsewhere(shelf="A", isbn="2", title="Emma"))
    t.update(Elsewhere.update(shelf="A", isbn="1").set(Path("title", "inner"), 1))
    with pytest.raises(TransactionFailed, match="Update Elsewhere pk=book#A sk=1: The document path") as refused:
        t.run()
    assert [reason.code for reason in refused.value.reasons] == ["None", "ValidationError"]
    assert [reason.error for reason in refused.value.reasons] == [None, None]


def test_an_object_that_was_written_can_be_saved(recorder: Recorder) -> None:
    one, other = book("1"), book("2")
    with transaction() as t:
        t.create(one)
        t.put(other)
    one.stock = 3
    one.save()
    assert recorder.operations == ["TransactWriteItems", "UpdateItem"]
    third = book("3")
    refused = transaction()
    refused.create(one)
    refused.put(third)
    with pytest.raises(TransactionFailed):
        refused.run()
    assert third.stored is None


@pytest.mark.parametrize("read", [False, True])
def test_100_actions_are_taken_and_101_refused_before_the_call(recorder: Recorder, read: bool) -> None:
    t = transaction()
    found = []
    for number in range(MAX_ACTIONS):
        if read:
            found.append(t.get(Book, shelf="A", isbn=f"{number:03}"))
        else:
            t.put(book(f"{number:03}"))
    t.run()
    assert len(Book.query(shelf="A").all()) == (0 if read else MAX_ACTIONS)
    assert [each.value for each in found] == [None] * len(found)
    if read:
        t.get(Book, shelf="A", isbn="x")
    else:
        t.put(book("x"))
    recorder.calls.clear()
    with pytest.raises(LimitExceeded, match="101 actions; DynamoDB takes 100"):
        t.run()
    assert recorder.calls == []


def test_an_item_may_occur_once(recorder: Recorder, shops: None) -> None:
    writing, reading = transaction(), transaction()
    writing.put(book("1"))
    writing.put(Shop(id="book#A", open=True))
    writing.delete(Book, shelf="A", isbn="1")
    reading.get(Book, shelf="A", isbn="1")
    reading.get(Book, shelf="A", isbn="1")
    with pytest.raises(DuplicateItem, match="two actions on one item: Delete Book pk=book#A sk=1"):
        writing.run()
    with pytest.raises(DuplicateItem, match="two actions on one item: Get Book pk=book#A sk=1"):
        reading.run()
    assert recorder.calls == []


def test_numbers_that_are_equal_are_one_item() -> None:
    class Sum(Model, table=Table("sums", Layout("n", None, types={"n": "N"}))):
        n: Attr[float]

    t = transaction()
    t.put(Sum(n=1.0))
    t.put(Sum(n=1))
    with pytest.raises(DuplicateItem):
        t.run()


def test_reads_and_writes_do_not_mix(recorder: Recorder) -> None:
    t = transaction()
    t.put(book("1"))
    t.get(Book, shelf="A", isbn="2")
    with pytest.raises(Rejected, match="reads or writes, not both"):
        t.run()
    assert recorder.calls == []


def test_what_is_read_is_there_once_it_has_run(recorder: Recorder) -> None:
    found = Transaction().get(Book, shelf="A", isbn="1")
    with pytest.raises(Rejected, match="has not run yet"):
        _ = found.value


def test_nothing_is_sent_for_nothing(recorder: Recorder) -> None:
    with transaction():
        pass
    assert recorder.calls == []


def test_a_block_that_raises_runs_nothing(recorder: Recorder) -> None:
    def block() -> None:
        with transaction() as t:
            t.put(book("1"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        block()
    assert recorder.calls == []


def test_a_token_makes_two_transactions_one(recorder: Recorder) -> None:
    book("1", stock=1).put()
    for _ in range(2):
        with transaction("token") as t:
            t.update(updated("1"))
    assert stored("1") == book("1", stock=2)
    t = transaction("token")
    t.update(updated("1").when(Book.stock == 2))
    with pytest.raises(Rejected, match="TransactWriteItems: "):
        t.run()
    assert stored("1") == book("1", stock=2)


def test_every_run_without_a_token_has_one_of_its_own(recorder: Recorder) -> None:
    book("1").put()
    t = transaction()
    t.update(updated("1"))
    t.run()
    t.run()
    assert stored("1") == book("1", stock=2)
    tokens = {call.parameters.get("ClientRequestToken") for call in recorder.calls[1:3]}
    assert len(tokens) == 2
    assert all(1 <= len(str(token)) <= 36 for token in tokens)


def test_an_item_too_large_is_refused_before_the_call(unconnected: Session) -> None:
    class Elsewhere(Book, table=Table("t", main.layout, lambda: unconnected)):
        pass

    stub = Stub(unconnected, (200, {}))
    t = transaction()
    t.put(Elsewhere(shelf="A", isbn="1", title="Emma"))
    t.put(Elsewhere(shelf="A", isbn="2", title="x" * 410_000))
    with pytest.raises(ItemTooLarge):
        t.run()
    assert stub.sent == []


def test_an_item_that_becomes_too_large_is_refused_by_the_store(recorder: Recorder) -> None:
    book("1", note="x" * 300_000).put()
    t = transaction()
    t.put(book("2"))
    t.update(Book.update(shelf="A", isbn="1").set(Book.title, "x" * 200_000))
    with pytest.raises(ItemTooLarge):
        t.run()
    assert stored("2") is None


def test_a_transaction_can_be_submitted(recorder: Recorder) -> None:
    t = transaction()
    t.put(book("1"))
    assert t.submit().result() is None
    assert stored("1") == book("1")


def test_an_update_without_changes_is_a_check(recorder: Recorder) -> None:
    book().create()
    with transaction() as t:
        t.update(Book.update(shelf="A", isbn="1").when(Book.stock == 0))
    assert list(recorder.calls[-1].parameters["TransactItems"][0]) == ["ConditionCheck"]


def test_an_update_that_neither_changes_nor_requires_anything_is_refused(recorder: Recorder) -> None:
    class Bare(Model, table=main):
        pk: Attr[str]
        key = Key(pk="{pk}")

    with pytest.raises(Rejected, match="changes something or has a condition"), transaction() as t:
        t.update(Bare.upsert(pk="1"))
    assert recorder.calls == []
