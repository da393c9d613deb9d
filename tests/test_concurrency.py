"""Many writers at the same time: nothing is lost, nothing is left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from chalicelib.access.principals import ADMIN, Principal
from chalicelib.access.rules import unbounded
from chalicelib.collections import conditions, reading, records, unique
from chalicelib.collections.conditions import Requirement
from chalicelib.collections.definitions import Collection
from chalicelib.collections.operations import TRANSACTION, Caller, parse, run_transaction
from chalicelib.collections.preconditions import ANY, Preconditions
from chalicelib.errors import Problem, WriteContention
from tests.support.stores import collection, markers, stored

WRITERS = 16
ADMINISTRATOR = Principal("key:test", "key", frozenset({ADMIN}))


def together(*writes: Callable[[], Any]) -> list[str]:
    """Do all at the same time; ``done``, or the code of the problem that each one met."""
    barrier = Barrier(len(writes))

    def run(write: Callable[[], Any]) -> str:
        barrier.wait()
        try:
            write()
        except Problem as problem:
            return problem.code
        return "done"

    with ThreadPoolExecutor(len(writes)) as pool:
        return list(pool.map(run, writes))


def side_by_side(writes: Iterable[Callable[[], Any]]) -> Counter[str]:
    """Do all, a dozen at a time."""

    def run(write: Callable[[], Any]) -> str:
        try:
            write()
        except Problem as problem:
            return problem.code
        return "done"

    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(pool.map(run, writes))


@pytest.mark.parametrize("members", [{}, {"unique": ["isbn"]}])
@pytest.mark.parametrize("way", ["replace", "patch", "delete"])
def test_of_writers_with_the_same_if_match_exactly_one_wins(table: str, members: dict[str, Any], way: str) -> None:
    books = collection(**members)
    for number in range(8):
        record_id = f"i{number}"
        records.create(unbounded(books), {"id": record_id, "isbn": record_id})

        def write(writer: int, record_id: str = record_id) -> Any:
            match = Preconditions(match=frozenset({1}))
            body = {"isbn": f"{record_id}/{writer}"}
            if way == "replace":
                return records.replace(unbounded(books), record_id, body, match)
            if way == "patch":
                return records.patch(unbounded(books), record_id, body, match)
            return records.delete(unbounded(books), record_id, match)

        results = Counter(together(*(partial(write, w) for w in range(4))))
        assert results["done"] == 1
        assert set(results) <= {"done", "precondition_failed", "record_not_found"}
        if way != "delete":
            assert reading.read(unbounded(books), record_id, consistent=True).version == 2


@pytest.mark.parametrize("way", ["create", "replace", "replace only create"])
def test_a_record_is_created_once(table: str, way: str) -> None:
    books = collection()
    results: Counter[bool | str] = Counter()

    def write() -> Any:
        if way == "create":
            return records.create(unbounded(books), {"id": "i"})
        only = Preconditions(none_match=ANY) if way == "replace only create" else Preconditions()
        outcome = records.replace(unbounded(books), "i", {}, only)
        results[outcome.created] += 1
        return outcome

    codes = side_by_side([write] * 40)
    if way == "replace":
        assert (codes["done"], results[True]) == (40, 1)
        assert reading.read(unbounded(books), "i", consistent=True).version == 40
    else:
        assert codes["done"] == 1
        assert codes["record_exists" if way == "create" else "precondition_failed"] == 39


def test_a_unique_value_is_had_by_one_of_fifty(table: str) -> None:
    books = collection(unique=["isbn"])
    codes = side_by_side([lambda: records.create(unbounded(books), {"isbn": "the one"})] * 50)
    assert codes == {"done": 1, "unique_violation": 49}
    assert len(stored("r#")) == len(markers()) == 1


def test_a_unique_value_is_had_by_one_of_many_patches_and_transactions(table: str) -> None:
    books = collection(unique=["isbn"], name="books")
    for number in range(20):
        records.create(unbounded(books), {"id": f"i{number}"})

    def transact(number: int) -> Any:
        body = {"op": "patch", "collection": "books", "id": f"i{number}", "body": {"isbn": "the one"}}
        return run_transaction(Caller(ADMINISTRATOR), parse({"operations": [body]}, TRANSACTION), None)

    writes: list[Callable[[], Any]] = [
        partial(transact, n) if n % 2 else partial(records.patch, unbounded(books), f"i{n}", {"isbn": "the one"})
        for n in range(20)
    ]
    codes = side_by_side(writes)
    assert codes["done"] == 1
    assert set(codes) <= {"done", "unique_violation", "transaction_canceled"}
    holders = [item["sk"] for item in stored("r#") if "isbn" in item["doc"]]
    assert list(markers().values()) == holders


INCREMENTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("free", {}, {}),
    ("bounded", {"properties": {"n": {"type": "integer", "minimum": 0, "maximum": 60}}}, {}),
    ("the slow way", {"properties": {"n": {"type": "integer", "maximum": 60}}, "minProperties": 1}, {}),
    ("unique", {}, {"unique": ["n"]}),
]


@pytest.mark.parametrize(("schema", "members"), [row[1:] for row in INCREMENTS], ids=[row[0] for row in INCREMENTS])
def test_the_sum_of_a_hundred_increments_is_right(table: str, schema: dict[str, Any], members: dict[str, Any]) -> None:
    books = collection(schema, **members)
    records.create(unbounded(books), {"id": "i", "n": 0})
    codes = side_by_side([lambda: records.patch(unbounded(books), "i", {"n": {"$inc": 1}})] * 100)
    record = reading.read(unbounded(books), "i", consistent=True)
    assert record.doc["n"] == codes["done"] == record.version - 1
    assert set(codes) <= {"done", "validation_failed", WriteContention.code}
    if not schema and not members:
        assert codes == {"done": 100}
    if "minProperties" not in schema and schema:
        assert codes == {"done": 60, "validation_failed": 40}


def test_a_stock_is_never_sold_twice(table: str) -> None:
    shop = collection({"properties": {"stock": {"type": "integer", "minimum": 0}}})
    records.create(unbounded(shop), {"id": "i", "stock": 30})
    codes = side_by_side([lambda: records.patch(unbounded(shop), "i", {"stock": {"$inc": -1}})] * 100)
    assert codes == {"done": 30, "validation_failed": 70}
    assert reading.read(unbounded(shop), "i", consistent=True).doc["stock"] == 0


def test_a_condition_is_decided_in_the_write_itself(table: str) -> None:
    shop = collection({"properties": {"stock": {"type": "integer"}}})
    records.create(unbounded(shop), {"id": "i", "stock": 10})
    in_stock = Preconditions(where=Requirement(conditions.parse("stock > 0", "if")))
    codes = side_by_side([lambda: records.patch(unbounded(shop), "i", {"stock": {"$inc": -1}}, in_stock)] * 50)
    assert codes == {"done": 10, "precondition_failed": 40}
    assert reading.read(unbounded(shop), "i", consistent=True).doc["stock"] == 0


@pytest.mark.parametrize("text", ["stock > 0", "stock > 0 and title.startsWith(id)"])
def test_a_condition_holds_at_the_moment_of_the_write_whoever_decides_it(table: str, text: str) -> None:
    shop = collection(name="shop")
    records.create(unbounded(shop), {"id": "i", "title": "ink", "stock": 10})
    in_stock = Preconditions(where=Requirement(conditions.parse(text, "if")))

    def transact() -> Any:
        sell = {"op": "patch", "collection": "shop", "id": "i", "body": {"stock": {"$inc": -1}}, "if": text}
        return run_transaction(Caller(ADMINISTRATOR), parse({"operations": [sell]}, TRANSACTION), None)

    ways = [transact, lambda: records.patch(unbounded(shop), "i", {"stock": {"$inc": -1}}, in_stock)]
    codes = side_by_side([ways[number % 2] for number in range(50)])
    assert set(codes) <= {"done", "precondition_failed", "transaction_canceled", "write_contention"}
    assert codes["done"] == 10 - reading.read(unbounded(shop), "i", consistent=True).doc["stock"]
    assert codes["write_contention"] or codes["done"] == 10


def test_lists_lose_nothing_that_was_appended(table: str) -> None:
    books = collection()
    records.create(unbounded(books), {"id": "i"})
    side_by_side([partial(records.patch, unbounded(books), "i", {"l": {"$append": [n]}}) for n in range(80)])
    assert sorted(reading.read(unbounded(books), "i", consistent=True).doc["l"]) == list(range(80))


def test_writers_of_the_same_record_leave_no_marker_behind(table: str) -> None:
    books = collection(unique=["isbn", "shelf"])

    def write(number: int) -> Any:
        value = {"isbn": f"a{number % 5}", "shelf": number % 3}
        kind = number % 4
        if kind == 0:
            return records.replace(unbounded(books), "i", value)
        if kind == 1:
            return records.delete(unbounded(books), "i")
        if kind == 2:
            return records.patch(unbounded(books), "i", {"isbn": f"b{number % 7}"})
        return records.create(unbounded(books), {"id": "i", **value})

    codes = side_by_side([partial(write, n) for n in range(120)])
    assert set(codes) <= {"done", "record_not_found", "record_exists", "write_contention"}
    assert_markers_are_those_of_the_records(books)


def test_writers_of_the_same_values_leave_no_marker_behind(table: str) -> None:
    books = collection(unique=["isbn"])

    def write(number: int) -> Any:
        record_id, value = f"i{number % 4}", {"isbn": f"v{number % 3}"}
        if number % 5 == 0:
            return records.delete(unbounded(books), record_id)
        return (
            records.replace(unbounded(books), record_id, value)
            if number % 2
            else records.patch(unbounded(books), record_id, value)
        )

    codes = side_by_side([partial(write, n) for n in range(150)])
    assert set(codes) <= {"done", "record_not_found", "unique_violation", "write_contention"}
    assert_markers_are_those_of_the_records(books)


def test_transactions_over_the_same_records_are_all_or_nothing(table: str) -> None:
    accounts = collection({"properties": {"balance": {"type": "integer", "minimum": 0}}}, name="accounts")
    for name in "abc":
        records.create(unbounded(accounts), {"id": name, "balance": 20})

    def move(number: int) -> Any:
        source, target = "abc"[number % 3], "abc"[(number + 1) % 3]
        listed = [
            {"op": "patch", "collection": "accounts", "id": source, "body": {"balance": {"$inc": -7}}},
            {"op": "patch", "collection": "accounts", "id": target, "body": {"balance": {"$inc": 7}}},
        ]
        return run_transaction(Caller(ADMINISTRATOR), parse({"operations": listed}, TRANSACTION), None)

    codes = side_by_side([partial(move, n) for n in range(60)])
    assert codes["done"] > 0
    assert set(codes) <= {"done", "transaction_canceled", "write_contention"}
    assert sum(item["doc"]["balance"] for item in stored("r#")) == 60


def assert_markers_are_those_of_the_records(books: Collection) -> None:
    claimed = {pk: item["sk"] for item in stored("r#") for pk in unique.partitions(books, item["doc"])}
    assert markers() == claimed
