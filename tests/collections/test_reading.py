from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.collections import reading, records
from chalicelib.collections.definitions import Collection
from chalicelib.collections.record import Record
from chalicelib.dynamo.tables import main
from tests.support.stores import collection, law


def through(made: Collection, limit: int, *, newest_first: bool = True) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while True:
        page = reading.page(made, limit, after, newest_first=newest_first)
        assert len(page.records) <= limit
        found += [record.id for record in page.records]
        after = page.next
        if after is None:
            return found


@pytest.mark.parametrize("shards", [1, 5])
def test_records_come_in_the_order_of_their_creation(table: str, shards: int) -> None:
    made = collection(shards=shards)
    ids = [records.create(made, {}).document["id"] for _ in range(23)]  # type: ignore[index]
    assert through(made, 4) == ids[::-1]
    assert through(made, 4, newest_first=False) == ids


@law(40)
@given(
    ids=st.sets(st.text("ab01-", min_size=1, max_size=4).filter(lambda text: text not in (".", "..")), max_size=25),
    shards=st.integers(1, 6),
    limit=st.integers(1, 9),
    newest_first=st.booleans(),
)
def test_pages_of_any_size_give_every_record_once(
    table: str, ids: set[str], shards: int, limit: int, newest_first: bool
) -> None:
    made = collection(shards=shards)
    for record_id in ids:
        records.create(made, {"id": record_id})
    assert through(made, limit, newest_first=newest_first) == sorted(ids, reverse=newest_first)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_page_after_a_record_that_was_deleted_goes_on_where_it_was(table: str, shards: int) -> None:
    made = collection(shards=shards)
    for name in "abcdef":
        records.create(made, {"id": name})
    first = reading.page(made, 2, None)
    while len(first.records) < 2:  # shards: a short page is not the end
        first = reading.page(made, 3, None)
    assert first.next is not None
    records.delete(made, first.next)
    rest: list[str] = []
    after: str | None = first.next
    while after is not None:
        page = reading.page(made, 2, after)
        rest += [record.id for record in page.records]
        after = page.next
    assert [record.id for record in first.records] + rest == list("fedcba")


@pytest.mark.parametrize("shards", [1, 4])
def test_records_that_have_ended_leave_gaps_and_not_an_early_end(table: str, shards: int) -> None:
    made = collection(shards=shards, ttl="until")
    for number in range(12):
        values: dict[str, Any] = {"version": 1, "created_at": "", "updated_at": "", "doc": {}}
        record_id = f"r{number:02}"
        gone = number not in (0, 7)
        expires_at = int(time.time()) + (-1 if gone else 1000)
        Record(partition=made.partition(record_id), id=record_id, expires_at=expires_at, **values).put()
    assert through(made, 3) == ["r07", "r00"]


def test_a_page_is_one_query_a_shard(table: str) -> None:
    for shards in (1, 4):
        made = collection(shards=shards)
        records.create(made, {})
        with main.session.recording() as recorder:
            reading.page(made, 10, None)
        assert recorder.operations == ["Query"] * shards


def test_collections_whose_names_begin_alike_are_apart(table: str) -> None:
    one, other = collection(name="book"), collection(name="books")
    records.create(one, {"id": "a"})
    records.create(other, {"id": "b"})
    assert through(one, 5) == ["a"]
    assert through(other, 5) == ["b"]
