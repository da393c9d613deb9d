from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import idempotency, reading, records
from chalicelib.collections.idempotency import Once, StoredOutcomes
from chalicelib.dynamo.tables import main
from chalicelib.errors import IdempotencyMismatch, RecordExists, RecordNotFound, UniqueViolation, ValidationFailed
from chalicelib.schema import json_text
from tests.support.stores import collection, stored


def once(key: str = "k", request: bytes = b"r", principal: str = "p") -> Once:
    return idempotency.once(principal, key, request)


@pytest.mark.parametrize("members", [{}, {"unique": ["isbn"]}])
def test_a_repeated_creation_gives_the_first_answer_and_makes_nothing(table: str, members: dict[str, Any]) -> None:
    books = collection(**members)
    body = {"isbn": "1", "n": Decimal("12345678901234567890.123"), "m": Decimal(10**30), "o": 1.5}
    first = records.create(unbounded(books), body, once=once())
    again = records.create(unbounded(books), body, once=once())
    assert again == first
    assert json_text.dump(again.document) == json_text.dump(first.document)
    assert first.created
    assert len(stored("r#")) == 1


def test_a_repeated_patch_gives_the_first_answer_and_changes_nothing(table: str) -> None:
    books = collection()
    records.create(unbounded(books), {"id": "i", "n": 1})
    first = records.patch(unbounded(books), "i", {"n": {"$inc": 1}}, once=once())
    records.patch(unbounded(books), "i", {"n": 10})
    assert records.patch(unbounded(books), "i", {"n": {"$inc": 1}}, once=once()) == first
    assert reading.read(unbounded(books), "i").doc == {"n": 10}


def test_a_repeated_deletion_is_no_longer_about_a_record_that_is_missing(table: str) -> None:
    books = collection()
    records.create(unbounded(books), {"id": "i"})
    first = records.delete(unbounded(books), "i", once=once())
    assert records.delete(unbounded(books), "i", once=once()) == first
    with pytest.raises(RecordNotFound):
        records.delete(unbounded(books), "i", once=once("another"))


def test_a_replayed_request_writes_nothing(table: str) -> None:
    books = collection()
    records.create(unbounded(books), {"id": "i", "n": 1})
    ways: list[Callable[[], Any]] = [
        lambda: records.create(unbounded(books), {"n": 2}, once=once("create")),
        lambda: records.patch(unbounded(books), "i", {"n": 3}, once=once("patch")),
        lambda: records.replace(unbounded(books), "i", {"n": 4}, once=once("replace")),
    ]
    for request in ways:
        request()
        before = stored()
        request()
        assert stored() == before


def test_a_key_is_for_one_request_only(table: str) -> None:
    books = collection()
    records.create(unbounded(books), {"n": 1}, once=once(request=b"one"))
    with pytest.raises(IdempotencyMismatch):
        records.create(unbounded(books), {"n": 2}, once=once(request=b"two"))
    assert len(stored("r#")) == 1


def test_a_key_is_the_callers_own(table: str) -> None:
    books = collection()
    one = records.create(unbounded(books), {"n": 1}, once=once(principal="p1"))
    other = records.create(unbounded(books), {"n": 1}, once=once(principal="p2"))
    assert one != other


def test_a_key_is_forgotten_after_a_day(table: str) -> None:
    books = collection()
    first = records.create(unbounded(books), {"n": 1}, once=once())
    kept = StoredOutcomes.get(partition=once().partition)
    assert kept is not None
    assert abs(kept.expires_at - time.time() - 24 * 3600) < 60
    kept.expires_at = int(time.time()) - 1
    kept.put()
    assert records.create(unbounded(books), {"n": 2}, once=once(request=b"another")) != first
    assert len(stored("r#")) == 2


def test_what_failed_may_be_tried_again_with_the_same_key(table: str) -> None:
    books = collection({"properties": {"n": {"type": "integer"}}}, unique=["isbn"])
    records.create(unbounded(books), {"id": "i", "isbn": "1"})
    for wrong, error in (({"n": "a"}, ValidationFailed), ({"isbn": "1"}, UniqueViolation), ({"id": "i"}, RecordExists)):
        with pytest.raises(error):
            records.create(unbounded(books), wrong, once=once())
    assert stored("once#") == []
    assert records.create(unbounded(books), {"n": 1}, once=once()).created


def test_the_same_request_at_the_same_time_happens_once(table: str) -> None:
    books = collection()
    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(lambda _: records.create(unbounded(books), {"n": 1}, once=once()), range(24)))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert len(stored("r#")) == 1


def test_the_same_increment_at_the_same_time_happens_once(table: str) -> None:
    books = collection()
    records.create(unbounded(books), {"id": "i", "n": 0})
    with ThreadPoolExecutor(12) as pool:
        outcomes = list(
            pool.map(lambda _: records.patch(unbounded(books), "i", {"n": {"$inc": 1}}, once=once()), range(24))
        )
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert reading.read(unbounded(books), "i").doc == {"n": 1}


def test_parts_of_a_request_have_keys_of_their_own(table: str) -> None:
    whole = once()
    assert len({whole.partition, whole.part(0).partition, whole.part(1).partition, whole.part(10).partition}) == 4


def test_a_replay_reads_once_and_does_not_try_to_write(table: str) -> None:
    books = collection()
    records.create(unbounded(books), {"id": "i", "n": 0})
    records.patch(unbounded(books), "i", {"n": 1}, once=once())
    with main.session.recording() as recorder:
        records.patch(unbounded(books), "i", {"n": 1}, once=once())
    assert recorder.operations == ["BatchGetItem"]
