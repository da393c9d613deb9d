from __future__ import annotations

import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, idempotency, imports, reading, records
from chalicelib.collections.definitions import Collection
from chalicelib.dynamo.tables import main
from chalicelib.errors import CollectionNotFound, IdempotencyMismatch, StoreUnavailable
from tests.support.stores import BOOK_SCHEMA, collection, opened, stored


@pytest.fixture
def books(table: str) -> Collection:
    return collection(BOOK_SCHEMA)


def lines(documents: Iterable[Any]) -> bytes:
    return "\n".join(json.dumps(document) for document in documents).encode()


def failures(report: imports.Report) -> list[tuple[int, str]]:
    return [(line, problem.code) for line, problem in report.failed]


def test_each_line_becomes_a_record(books: Collection) -> None:
    report = imports.run(opened(books.name), lines({"id": f"i{n}", "title": str(n)} for n in range(200)))
    assert (report.created, report.existing, report.failed, report.next) == (200, 0, [], None)
    assert reading.read(unbounded(books), "i150").doc == {"title": "150"}


def test_a_line_that_fails_does_not_stop_the_others_and_is_named_by_its_number(books: Collection) -> None:
    text = (
        b'{"title":"a"}\n\n  \t\r\nnope\n{"title":3}\r\n[]\n{"title":"b"}\r\n{"title":"c","n":1e400}\n{"title":"\xff"}'
    )
    report = imports.run(opened(books.name), text)
    assert report.created == 2
    assert failures(report) == [
        (4, "malformed_json"),
        (5, "validation_failed"),
        (6, "validation_failed"),
        (8, "validation_failed"),
        (9, "malformed_json"),
    ]


@pytest.mark.parametrize("text", [b"", b"\n", b"\n\r\n  \n"])
def test_nothing_is_nothing(books: Collection, text: bytes) -> None:
    assert imports.run(opened(books.name), text) == imports.Report()


def test_what_is_there_already_stays_as_it_is(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "title": "stored"})
    report = imports.run(opened(books.name), lines([{"id": "a", "title": "new"}, {"id": "b", "title": "new"}]))
    assert (report.created, report.existing, report.failed) == (1, 1, [])
    assert reading.read(unbounded(books), "a").doc == {"title": "stored"}
    again = imports.run(opened(books.name), lines([{"id": "a", "title": "new"}, {"id": "b", "title": "new"}]))
    assert (again.created, again.existing) == (0, 2)


def test_an_id_that_comes_twice_is_created_once(books: Collection) -> None:
    report = imports.run(opened(books.name), lines([{"id": "a", "title": "x"}] * 5))
    assert (report.created, report.existing) == (1, 4)


def test_a_value_that_is_taken_is_a_failure_of_its_line(table: str) -> None:
    unique = collection(unique=["isbn"])
    report = imports.run(opened(unique.name), lines([{"isbn": n % 3} for n in range(9)]))
    assert report.created == 3
    assert {code for _, code in failures(report)} == {"unique_violation"}
    assert len(report.failed) == 6


def test_an_import_with_a_key_creates_each_line_once(books: Collection) -> None:
    text = lines({"title": str(n)} for n in range(70))
    once = idempotency.once("p", "k", text)
    for _ in range(2):
        report = imports.run(opened(books.name), text, once)
        assert (report.created, report.failed) == (70, [])
    assert len(stored("r#")) == 70


def test_a_key_that_was_used_for_another_import_is_refused(books: Collection) -> None:
    imports.run(opened(books.name), lines([{"title": "a"}]), idempotency.once("p", "k", b"one"))
    try:
        report = imports.run(opened(books.name), lines([{"title": "b"}]), idempotency.once("p", "k", b"two"))
    except IdempotencyMismatch:
        pass
    else:
        assert failures(report) == [(1, "idempotency_mismatch")]
    assert len(stored("r#")) == 1


def test_an_import_stops_in_time_and_says_where_to_go_on(books: Collection) -> None:
    text = b"\n" + lines({"title": str(n)} for n in range(200))
    assert imports.run(opened(books.name), text, seconds=0).next == 2
    assert stored("r#") == []
    every = text.split(b"\n")
    number: int | None = 1
    runs = created = 0
    while number is not None:
        report = imports.run(opened(books.name), b"\n".join(every[number - 1 :]), seconds=0.02)
        created += report.created
        runs += 1
        assert runs < 100
        number = None if report.next is None else number + report.next - 1
    assert created == 200
    assert runs > 1


def test_every_line_is_held_against_the_definition_that_is_in_force(
    books: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions, "CACHE_SECONDS", 0.05)
    count = 3000
    with ThreadPoolExecutor(1) as pool:
        importing = pool.submit(imports.run, opened(books.name), lines({"title": str(n)} for n in range(count)))
        while not stored("r#"):
            time.sleep(0.001)
        definitions.put(books.name, {"schema": {"required": ["author"]}})
        report = importing.result()
    assert 0 < report.created < count
    assert {code for _, code in failures(report)} == {"validation_failed"}
    assert report.created + len(report.failed) == count


def test_an_import_ends_when_its_collection_is_deleted(books: Collection) -> None:
    definitions.delete(books.name)
    with pytest.raises(CollectionNotFound):
        imports.run(opened(books.name), lines([{"title": "a"}]))


def test_an_import_ends_when_the_store_goes_away(books: Collection) -> None:
    with settings.override(table="a-table-that-is-not-there"), pytest.raises(StoreUnavailable):
        imports.run(opened(books.name), lines([{"title": "a"}]))


def test_a_line_is_one_call(books: Collection) -> None:
    definitions.get(books.name)
    with main.session.recording() as recorder:
        imports.run(opened(books.name), lines({"title": str(n)} for n in range(10)))
    assert recorder.operations == ["PutItem"] * 10
