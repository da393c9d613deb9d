from __future__ import annotations

import time
from typing import Any

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import ids, record, records, shards
from chalicelib.collections.definitions import Collection
from chalicelib.errors import ValidationFailed
from tests.collections.test_shards import uuid7
from tests.support.stores import collection

ENDING = Collection("c", 1, "", "", {"schema": {}, "ttl": "until"}, [[0, 1]])


def test_a_record_is_shown_with_what_the_server_sets_first() -> None:
    stored = record.Record(partition="p", id="i", version=2, created_at="a", updated_at="b", doc={"z": 1, "a": None})
    assert list(stored.document()) == ["id", "version", "created_at", "updated_at", "z", "a"]
    assert stored.document(["a", "missing", "version"]) == {"id": "i", "a": None, "version": 2}


def test_a_record_that_was_read_can_be_sent_back() -> None:
    document = {"id": "i", "version": 3, "created_at": ids.timestamp(), "updated_at": ids.timestamp(), "a": 1}
    assert record.properties_of(document) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", 5),
        ("id", None),
        ("version", "1"),
        ("version", 0),
        ("version", True),
        ("version", 1.5),
        ("version", {"$inc": 1}),
        ("created_at", "yesterday"),
        ("created_at", 5),
        ("updated_at", None),
        ("updated_at", {"$unset": True}),
    ],
)
def test_another_meaning_of_a_server_set_name_is_refused_not_dropped(name: str, value: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        record.properties_of({name: value})
    assert refused.value.failures[0]["pointer"] == f"/{name}"


@pytest.mark.parametrize("body", [None, 1, "a", [], [{}], True])
def test_only_an_object_is_a_record(body: Any) -> None:
    with pytest.raises(ValidationFailed):
        record.properties_of(body)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.999999999Z", 0),
        ("1970-01-02t00:00:00z", 86400),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01 00:00:10.5-00:00", 10),
        ("1969-12-31T23:59:00Z", -60),
        ("9999-12-31T23:59:59-23:59", 253402387139),
        (0, 0),
        (1_900_000_000, 1_900_000_000),
        (1_900_000_000.75, 1_900_000_000),
    ],
)
def test_a_record_ends_at_a_date_time_or_at_unix_seconds(value: Any, seconds: int | None) -> None:
    assert record.expiry(ENDING, {"until": value}) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "2030-01-01",
        "2030-01-01T00:00:00",
        "20300101T000000Z",
        "2030-13-01T00:00:00Z",
        "2030-01-01T24:00:00Z",
        "2030-01-01T00:00Z",
        "2030-W01-1T00:00:00Z",
        "2030-01-01T00:00:00Z\n",
        "٢٠٣٠-01-01T00:00:00Z",
        -1,
        1e15,
        1_900_000_000_000,
        True,
        [],
        {},
    ],
)
def test_what_is_no_time_to_end_at(value: Any) -> None:
    with pytest.raises(ValidationFailed) as refused:
        record.expiry(ENDING, {"until": value})
    assert refused.value.failures[0]["pointer"] == "/until"


def test_the_expiry_is_the_second_in_which_the_record_ends() -> None:
    stored = record.Record(partition="p", id="i", version=1, created_at="", updated_at="", expires_at=100, doc={})
    assert not stored.is_gone(99.9)
    assert stored.is_gone(100.0)


def test_an_id_of_a_time_to_come_is_refused() -> None:
    now = time.time_ns() // 1_000_000
    assert record.checked_id(uuid7(now))
    with pytest.raises(ValidationFailed):
        record.checked_id(uuid7(now + shards.MAX_CLOCK_SKEW_MS + 2000))


@pytest.mark.parametrize("name", ["", "$set", "x" * 256, "é" * 128])
def test_a_name_that_cannot_be_stored_is_named(table: str, name: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        records.create(unbounded(collection()), {"deep": [{name: 1}]})
    assert refused.value.failures[0]["pointer"].startswith("/deep/0")
