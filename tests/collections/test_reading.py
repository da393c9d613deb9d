from __future__ import annotations

import time
from typing import Any

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import reading, records
from chalicelib.collections.record import Record
from chalicelib.dynamo.tables import main
from chalicelib.errors import RecordNotFound
from tests.support.stores import collection


@pytest.mark.parametrize("shards", [1, 5])
def test_a_record_is_read_by_its_id_in_one_call(table: str, shards: int) -> None:
    made = collection(shards=shards)
    for name in "abcdefgh":
        records.create(unbounded(made), {"id": name, "n": name * 2})
    with main.session.recording() as recorder:
        assert [reading.read(unbounded(made), name).doc for name in "abcdefgh"] == [
            {"n": name * 2} for name in "abcdefgh"
        ]
    assert recorder.operations == ["GetItem"] * 8


@pytest.mark.parametrize(("consistent", "units"), [(False, 0.5), (True, 1)])
def test_a_consistent_read_costs_twice(table: str, consistent: bool, units: float) -> None:
    made = collection()
    records.create(unbounded(made), {"id": "i"})
    with main.session.recording() as recorder:
        reading.read(unbounded(made), "i", consistent=consistent)
    assert recorder.units == units


def test_there_is_no_such_record(table: str) -> None:
    one, other = collection(name="book"), collection(name="books")
    records.create(unbounded(other), {"id": "i"})
    with pytest.raises(RecordNotFound):
        reading.read(unbounded(one), "i")


@pytest.mark.parametrize(("seconds", "is_there"), [(-1, False), (1000, True), (None, True)])
def test_a_record_that_has_ended_is_not_there(table: str, seconds: int | None, is_there: bool) -> None:
    made = collection(ttl="until")
    ends = None if seconds is None else int(time.time()) + seconds
    values: dict[str, Any] = {"version": 1, "created_at": "", "updated_at": "", "doc": {}, "expires_at": ends}
    Record(partition=made.partition("i"), id="i", **values).put()
    if is_there:
        assert reading.read(unbounded(made), "i").id == "i"
    else:
        with pytest.raises(RecordNotFound):
            reading.read(unbounded(made), "i")
