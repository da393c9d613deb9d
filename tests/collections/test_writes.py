from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import reading, records, writes
from chalicelib.collections.definitions import Collection
from chalicelib.collections.idempotency import Once
from chalicelib.collections.record import Outcome, Record, made
from chalicelib.collections.writes import Change, Replayed, Stale
from chalicelib.dynamo.tables import main
from chalicelib.errors import IdempotencyInFlight, Unprocessable, WriteContention
from tests.support.stores import collection, stored


@pytest.fixture
def books(table: str) -> Collection:
    return collection(unique=["isbn"])


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "_FIRST_PAUSE", 0.0)


def change(books: Collection, record_id: str, old: Record | None, **properties: Any) -> Change:
    return Change(books, record_id, old, made(books, record_id, properties, old))


def test_changes_are_written_together(books: Collection) -> None:
    changes = [change(books, "a", None, isbn="1"), change(books, "b", None, isbn="2")]
    writes.commit(changes, [each.outcome() for each in changes], Once("p", "k", "f"))
    assert {item["pk"][:2] for item in stored()} >= {"r#", "u#", "on"}
    assert [record.doc for record in writes.read_together([(books, "b"), (books, "a")], None) if record] == [
        {"isbn": "2"},
        {"isbn": "1"},
    ]


def test_a_single_record_without_anything_else_is_a_plain_call(table: str) -> None:
    plain = collection()
    with main.session.recording() as recorder:
        writes.commit([change(plain, "a", None, n=1)], [], None)
    assert recorder.operations == ["PutItem"]


@pytest.mark.parametrize("delay", [0, 1])
def test_a_change_decided_on_a_record_that_was_deleted_and_made_again_is_stale(books: Collection, delay: int) -> None:
    """The successor has the same version, and even the same time of creation when it was made at once."""
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    old = reading.read(unbounded(books), "a")
    records.delete(unbounded(books), "a")
    successor = made(books, "a", {"isbn": "2"}, None)
    successor.created_at = old.created_at if delay == 0 else "2038-01-19T03:14:07.000Z"
    writes.commit([Change(books, "a", None, successor)], [], None)
    assert successor.version == old.version
    with pytest.raises(Stale):
        writes.commit([change(books, "a", old, isbn="3")], [], None)
    assert reading.read(unbounded(books), "a").doc == {"isbn": "2"}


@pytest.mark.parametrize("unique", [[], ["isbn"]])
def test_a_change_decided_on_another_version_is_stale_and_writes_nothing(table: str, unique: list[str]) -> None:
    books = collection(unique=unique)
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    old = reading.read(unbounded(books), "a")
    records.patch(unbounded(books), "a", {"isbn": "2"})
    before = stored()
    for stale in (
        change(books, "a", old, isbn="3"),
        change(books, "a", None, isbn="3"),
        Change(books, "a", old, None),
        change(books, "b", old, isbn="3"),
    ):
        with pytest.raises(Stale):
            writes.commit([stale], [], None)
    assert stored() == before


def test_a_check_writes_nothing_and_notices_a_change(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    old = reading.read(unbounded(books), "a")
    writes.commit([Change(books, "a", old, old), change(books, "b", None, isbn="2")], [], None)
    assert reading.read(unbounded(books), "a") == old
    records.patch(unbounded(books), "a", {"n": 1})
    with pytest.raises(Stale):
        writes.commit([Change(books, "a", old, old), change(books, "c", None, isbn="3")], [], None)


def test_what_was_carried_out_before_is_replayed_by_reading_and_by_writing(books: Collection) -> None:
    once = Once("p", "k", "f")
    outcomes = [Outcome({"id": "a", "version": 1}, created=True)]
    writes.commit([change(books, "a", None)], outcomes, once)
    for again in (
        lambda: writes.commit([change(books, "b", None)], [], once),
        lambda: writes.read_together([(books, "a")], once),
    ):
        with pytest.raises(Replayed) as replayed:
            again()
        assert replayed.value.outcomes == outcomes


def test_no_more_actions_than_a_transaction_takes(books: Collection) -> None:
    changes = [change(books, f"r{number}", None, isbn=str(number)) for number in range(51)]
    with pytest.raises(Unprocessable) as refused:
        writes.commit(changes, [], None)
    assert "102 actions" in refused.value.detail
    writes.commit(changes[:50], [], None)


def test_a_decision_is_made_anew_until_it_holds(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "n": 0})
    seen: list[int] = []

    def decide(old: Record | None) -> Record | None:
        assert old is not None
        seen.append(old.version)
        if len(seen) < 4:
            records.patch(unbounded(books), "a", {"n": {"$inc": 1}})
        return made(books, "a", {"n": "decided"}, old)

    assert writes.change_one(books, "a", decide).version == 5
    assert seen == [1, 2, 3, 4]


def test_a_decision_that_never_holds_is_given_up() -> None:
    calls: list[int] = []

    def attempt() -> list[Outcome]:
        calls.append(1)
        raise Stale

    with pytest.raises(WriteContention):
        writes.until_committed(attempt)
    assert len(calls) == writes.ATTEMPTS
    with pytest.raises(IdempotencyInFlight):
        writes.until_committed(attempt, Once("p", "k", "f"))


def test_what_a_refused_write_has_shown_is_not_read_again(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    with main.session.recording() as recorder:
        records.replace(unbounded(books), "a", {"isbn": "2"})
    assert recorder.operations == ["UpdateItem", "TransactWriteItems"]


def test_nothing_is_done_to_a_record_that_vanishes_meanwhile(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    seen: list[Record | None] = []

    def decide(old: Record | None) -> Record | None:
        seen.append(old)
        if len(seen) == 1:
            records.delete(unbounded(books), "a")
        return old if old is None else made(books, "a", {"isbn": "2"}, old)

    writes.change_one(books, "a", decide)
    assert seen[1] is None
    assert stored("u#") == stored("r#") == []
