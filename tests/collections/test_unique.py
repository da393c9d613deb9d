from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.access.principals import ADMIN, Principal
from chalicelib.access.rules import unbounded
from chalicelib.collections import records, unique
from chalicelib.collections.definitions import Collection
from chalicelib.collections.operations import TRANSACTION, Caller, parse, run_transaction
from chalicelib.collections.preconditions import NONE, Preconditions
from chalicelib.collections.record import Outcome
from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import Unstorable
from chalicelib.errors import RecordNotFound, TransactionCanceled, UniqueViolation
from chalicelib.schema import json_text
from tests.support.stores import collection, markers, stored

ADMINISTRATOR = Principal("key:test", "key", frozenset({ADMIN}))
BOOKS = Collection("c", 1, "", "", {"schema": {}, "unique": ["isbn"]}, [[0, 1]])


@pytest.fixture
def books(table: str) -> Collection:
    return collection(name="books", unique=["isbn", "shelf"])


def held(books: Collection) -> set[tuple[str, str]]:
    """The markers as (record's id, end of the key)."""
    return {(holder, pk.removeprefix("u#books#")) for pk, holder in markers().items()}


def transact(*operations: dict[str, Any]) -> list[Outcome]:
    listed = parse({"operations": [{"collection": "books", **each} for each in operations]}, TRANSACTION)
    return run_transaction(Caller(ADMINISTRATOR), listed, None)


def marker_of(value: Any) -> list[str]:
    return unique.partitions(BOOKS, {"isbn": value})


@pytest.mark.parametrize(
    "same", [(1, 1.0, Decimal(1), Decimal("1.00")), (0, -0.0, Decimal("-0")), (0.5, Decimal("0.50"))]
)
def test_equal_numbers_are_one_value(same: tuple[Any, ...]) -> None:
    assert len({tuple(marker_of(value)) for value in same}) == 1


@pytest.mark.parametrize("same", [(10**20, 1e20, Decimal("1E+20")), (1e17, 10**17), (1e-50, Decimal("1E-50"))])
def test_equal_numbers_are_one_value_however_large(same: tuple[Any, ...]) -> None:
    assert len({tuple(marker_of(value)) for value in same}) == 1


def test_unequal_values_are_different_values() -> None:
    values: list[Any] = [1, "1", True, "true", [1], ["1"], {"a": 1}, {"a": "1"}, "", 0, False, "h", "s", [], {}, [None]]
    values += [
        12345678901234567890123456789012345678,
        12345678901234567890123456789012345679,
        0.1,
        "x" * 600,
        "x" * 601,
    ]
    assert len({tuple(marker_of(value)) for value in values}) == len(values)


@pytest.mark.parametrize("value", [None, ...])
def test_null_and_missing_claim_nothing(value: Any) -> None:
    assert unique.partitions(BOOKS, {} if value is ... else {"isbn": value}) == []


def test_no_two_properties_share_a_marker_whatever_their_names() -> None:
    tricky = Collection("c", 1, "", "", {"schema": {}, "unique": ["a", "a#sx"]}, [[0, 1]])
    assert len(set(unique.partitions(tricky, {"a": "x#sy", "a#sx": "y"}))) == 2


@settings(deadline=None, max_examples=300)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ).filter(lambda value: value is not None)
)
def test_a_value_claims_the_same_after_it_was_stored(value: Any) -> None:
    try:
        kept = codec.decode(codec.encode(value))
    except Unstorable:
        return
    assert marker_of(kept) == marker_of(value)
    (partition,) = marker_of(value)
    assert len(partition.encode()) <= 2048


def test_a_value_can_be_held_once(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    for body in ({"isbn": "1"}, {"isbn": "1", "shelf": "x"}):
        with pytest.raises(UniqueViolation) as refused:
            records.create(unbounded(books), body)
        assert refused.value.extensions["errors"] == [{"pointer": "/isbn", "detail": "is taken"}]
    assert held(books) == {("a", "isbn#s1")}


def test_every_value_that_is_taken_is_named(books: Collection) -> None:
    records.create(unbounded(books), {"isbn": "1", "shelf": 2})
    with pytest.raises(UniqueViolation) as refused:
        records.create(unbounded(books), {"isbn": "1", "shelf": 2.0})
    assert [each["pointer"] for each in refused.value.extensions["errors"]] == ["/isbn", "/shelf"]


def test_the_same_value_of_two_properties_is_no_conflict(books: Collection) -> None:
    records.create(unbounded(books), {"isbn": "1"})
    records.create(unbounded(books), {"shelf": "1"})


def test_numbers_and_texts_are_different_and_equal_numbers_are_not(books: Collection) -> None:
    records.create(unbounded(books), {"isbn": 1})
    records.create(unbounded(books), {"isbn": "1"})
    records.create(unbounded(books), {"isbn": True})
    with pytest.raises(UniqueViolation):
        records.create(unbounded(books), {"isbn": json_text.parse(b"1.0")})


def test_long_values_are_told_apart_to_their_last_character(books: Collection) -> None:
    long = "x" * 5000
    records.create(unbounded(books), {"id": "a", "isbn": long + "a"})
    records.create(unbounded(books), {"isbn": long + "b"})
    with pytest.raises(UniqueViolation):
        records.create(unbounded(books), {"isbn": long + "a"})
    records.delete(unbounded(books), "a")
    records.create(unbounded(books), {"isbn": long + "a"})


def test_a_deleted_record_gives_its_values_back(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1", "shelf": 1e20})
    records.delete(unbounded(books), "a")
    assert held(books) == set()
    with pytest.raises(RecordNotFound):
        records.delete(unbounded(books), "a")
    records.create(unbounded(books), {"isbn": "1", "shelf": 1e20})


def test_a_replacement_gives_up_old_values_and_takes_new_ones(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1", "shelf": "x"})
    records.replace(unbounded(books), "a", {"isbn": "2", "shelf": "x"})
    assert held(books) == {("a", "isbn#s2"), ("a", "shelf#sx")}
    records.replace(unbounded(books), "a", {"isbn": None})
    assert held(books) == set()
    records.replace(unbounded(books), "a", {"isbn": "1"})
    records.replace(unbounded(books), "b", {"isbn": "2"})
    with pytest.raises(UniqueViolation):
        records.replace(unbounded(books), "b", {"isbn": "1"})
    with pytest.raises(UniqueViolation):
        records.replace(unbounded(books), "new", {"isbn": "1"})
    with pytest.raises(UniqueViolation):
        records.replace(unbounded(books), "new", {"isbn": "1"}, Preconditions(none_match=frozenset({-5})))
    assert held(books) == {("a", "isbn#s1"), ("b", "isbn#s2")}


def test_a_replacement_that_keeps_its_values_is_no_conflict_with_itself(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": 1})
    assert records.replace(unbounded(books), "a", {"isbn": 1.0, "b": 2}).version == 2
    assert records.replace(unbounded(books), "a", {"isbn": 1, "shelf": None}).version == 3


def test_a_patch_moves_values_and_null_gives_them_up(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    records.create(unbounded(books), {"id": "b", "isbn": "2"})
    with pytest.raises(UniqueViolation):
        records.patch(unbounded(books), "b", {"isbn": "1"})
    records.patch(unbounded(books), "a", {"isbn": None, "note": 1})
    records.patch(unbounded(books), "b", {"isbn": "1"})
    assert held(books) == {("b", "isbn#s1")}
    records.patch(unbounded(books), "b", {"isbn": {"$unset": True}})
    assert held(books) == set()


def test_an_increment_of_a_unique_number_moves_its_marker(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": 1})
    records.create(unbounded(books), {"id": "b", "isbn": 2})
    with pytest.raises(UniqueViolation):
        records.patch(unbounded(books), "a", {"isbn": {"$inc": 1}})
    records.patch(unbounded(books), "a", {"isbn": {"$inc": 2}})
    with pytest.raises(UniqueViolation):
        records.create(unbounded(books), {"isbn": 3})
    records.create(unbounded(books), {"isbn": 1})


def test_a_patch_of_other_properties_leaves_the_markers_alone(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    records.patch(unbounded(books), "a", {"note": "x"})
    assert held(books) == {("a", "isbn#s1")}


def test_values_are_swapped_within_a_transaction(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    records.create(unbounded(books), {"id": "b", "isbn": "2"})
    transact({"op": "patch", "id": "a", "body": {"isbn": "2"}}, {"op": "replace", "id": "b", "body": {"isbn": "1"}})
    assert held(books) == {("a", "isbn#s2"), ("b", "isbn#s1")}


def test_a_value_is_handed_on_within_a_transaction(books: Collection) -> None:
    records.create(unbounded(books), {"id": "a", "isbn": "1"})
    transact({"op": "delete", "id": "a"}, {"op": "create", "id": "b", "body": {"isbn": "1"}})
    assert held(books) == {("b", "isbn#s1")}


def test_values_go_round_in_a_circle_within_a_transaction(books: Collection) -> None:
    for name, value in zip("abc", "123", strict=True):
        records.create(unbounded(books), {"id": name, "isbn": value})
    transact(*({"op": "patch", "id": n, "body": {"isbn": v}} for n, v in zip("abc", "231", strict=True)))
    assert held(books) == {("a", "isbn#s2"), ("b", "isbn#s3"), ("c", "isbn#s1")}


@pytest.mark.parametrize("number", [0, 1])
def test_a_value_claimed_twice_in_a_transaction_cancels_it(books: Collection, number: int) -> None:
    records.create(unbounded(books), {"id": "held", "isbn": "1"})
    with pytest.raises(TransactionCanceled) as refused:
        transact(
            {"op": "create", "id": "a", "body": {"isbn": "2" if number else "1"}},
            {"op": "create", "id": "b", "body": {"isbn": "2" if number else "3"}},
        )
    statuses = [result["status"] for result in refused.value.extensions["results"]]
    assert statuses == ([424, 409] if number else [409, 424])
    assert held(books) == {("held", "isbn#s1")}


def test_a_record_that_has_ended_does_not_block_its_values(table: str) -> None:
    books = collection(name="books", unique=["isbn"], ttl="until")
    soon = int(time.time()) + 1
    records.create(unbounded(books), {"id": "a", "isbn": "1", "until": soon})
    with pytest.raises(UniqueViolation):
        records.create(unbounded(books), {"id": "b", "isbn": "1"})
    time.sleep(max(soon - time.time() + 0.01, 0))
    records.create(unbounded(books), {"id": "b", "isbn": "1"})
    assert held(books) == {("b", "isbn#s1")}
    records.create(unbounded(books), {"id": "a", "isbn": "2"})
    with pytest.raises(UniqueViolation):
        records.replace(unbounded(books), "a", {"isbn": "1"})


@pytest.mark.parametrize("way", ["patch", "replace", "transaction"])
def test_a_record_that_lives_longer_keeps_its_values_longer(table: str, way: str) -> None:
    books = collection(name="books", unique=["isbn"], ttl="until")
    now = int(time.time())
    records.create(unbounded(books), {"id": "a", "isbn": "1", "until": now + 100})
    if way == "patch":
        records.patch(unbounded(books), "a", {"until": now + 5000})
    elif way == "replace":
        records.replace(unbounded(books), "a", {"isbn": "1", "until": now + 5000}, NONE)
    else:
        transact({"op": "patch", "id": "a", "body": {"until": now + 5000}})
    assert [item["_ttl"] for item in stored("u#")] == [now + 5000]
    records.patch(unbounded(books), "a", {"until": None})
    assert ["_ttl" in item for item in stored("u#")] == [False]
