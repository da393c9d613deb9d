from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, jobs, purge, reading, records
from chalicelib.collections.jobs import Job
from chalicelib.collections.record import Record
from tests.support.stores import collection, stored


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)


def deleted(job: Job) -> Iterator[int]:
    """How many records each step of the purge deletes."""
    return (step.done["deleted"] for step in purge.delete_records(job))


def test_a_value_that_an_ended_record_and_its_successor_both_had_does_not_stop_the_purge(table: str) -> None:
    made = collection(name="c", unique=["isbn"], ttl="until")
    ended = Record(
        partition=made.partition("old"), id="old", version=1, created_at="", updated_at="",
        expires_at=int(time.time()) - 10, doc={"isbn": "1"},
    )  # fmt: skip
    ended.put()
    records.create(unbounded(made), {"id": "new", "isbn": "1"})
    job = definitions.delete("c")
    assert sum(deleted(job)) == 2
    assert stored("r#c#") == stored("u#") == []


def test_the_purge_of_what_is_not_being_deleted_does_nothing(table: str) -> None:
    made = collection(name="c")
    records.create(unbounded(made), {"id": "i"})
    assert list(purge.delete_records(jobs.new("delete_collection", "c"))) == []
    assert list(purge.delete_records(jobs.new("delete_collection", "nobody"))) == []
    assert reading.read(unbounded(made), "i").id == "i"


def test_a_purge_can_be_begun_again_at_any_point(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "PAGE", 2)
    made = collection(name="c", unique=["n"])
    for number in range(7):
        records.create(unbounded(made), {"n": number})
    job = definitions.delete("c")
    assert next(deleted(job)) == 2
    assert next(deleted(job)) == 2
    assert sum(deleted(job)) == 3
    assert stored("r#c#") == stored("u#") == []
    assert definitions.being_deleted("c") is None
