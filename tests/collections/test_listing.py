from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, listing, queries, records
from chalicelib.collections.definitions import Collection
from chalicelib.collections.record import Record, made
from chalicelib.dynamo import batches
from chalicelib.dynamo.tables import main
from chalicelib.errors import CountTooLarge
from tests.support.listings import listed, naive, pages, query
from tests.support.stores import collection, law

INDEXES = {"by_team": {"hash": "team", "range": "rank"}, "by_rank": {"range": "rank"}, "of_team": {"hash": "team"}}


def store(of: Collection, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Store records, all of one moment; their documents."""
    properties = [{name: value for name, value in each.items() if name != "id"} for each in documents]
    new = [made(of, d["id"], p, None) for d, p in zip(documents, properties, strict=True)]
    batches.put_many(Record, new)
    return [record.document() for record in new]


def numbered(of: Collection, count: int, **properties: Any) -> list[dict[str, Any]]:
    return store(of, [{"id": f"i{n:03}", "team": f"t{n % 3}", "rank": n % 5, **properties} for n in range(count)])


@pytest.mark.parametrize("shards", [1, 5])
def test_records_come_in_the_order_of_their_creation(table: str, shards: int) -> None:
    books = collection(shards=shards)
    ids = [records.create(unbounded(books), {}).document["id"] for _ in range(23)]  # type: ignore[index]
    assert listed(query(books), 4) == ids[::-1]
    assert listed(query(books, sort="id"), 4) == ids
    assert listed(query(books, sort="-id"), 4) == ids[::-1]


@law(40)
@given(
    ids=st.sets(st.text("ab01-", min_size=1, max_size=4).filter(lambda text: text not in (".", "..")), max_size=25),
    shards=st.integers(1, 6),
    limit=st.integers(1, 9),
    sort=st.sampled_from(["id", "-id", None]),
)
def test_pages_of_any_size_give_every_record_once(
    table: str, ids: set[str], shards: int, limit: int, sort: str | None
) -> None:
    books = collection(shards=shards)
    store(books, [{"id": record_id} for record_id in ids])
    assert listed(query(books, sort=sort), limit) == sorted(ids, reverse=sort != "id")


WHERES = [
    None,
    "team == 'a'",
    "team in ['a', 'b', 1]",
    "team in ['a', 'b', 'c'] and rank >= 1",
    "rank in [0, 2, '', null, true]",
    "rank < 1 or rank > 2 or rank.startsWith('a')",
    "rank != null and other",
    "has(rank) and 'abc'.contains(team)",
    "not has(rank)",
    "id in ['a', 'ab', 'b0', 'b', '0', '1', '10', 'zz']",
    "id >= 'a' and id < 'b0' and not other",
    "id.startsWith('a') or id == '0'",
    "other == true and id > 'a'",
    "team == 'a' and id > 'a' and rank between 0 and 2",
    "team == 'b' and (other or rank == 1)",
    "id == 'a' and id == 'b'",
]
ids = st.text("ab01-", min_size=1, max_size=3)
teams = st.sampled_from(["a", "b", "c", None, 1, 1.0, True, ["a"]])
ranks: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, -1, 1, 2.0, 2.5, 10**30, "", "a", "ab", "b", [], {"a": 1}]
)
documents = st.dictionaries(
    ids, st.fixed_dictionaries({}, optional={"team": teams, "rank": ranks, "other": st.booleans()})
)


@law(150)
@given(
    stored=documents,
    where=st.sampled_from(WHERES),
    sort=st.sampled_from([None, "id", "-id", "rank", "-rank"]),
    shards=st.integers(1, 4),
    limit=st.integers(1, 7),
    budget=st.integers(1, 9),
    at_least=st.integers(1, 4),
)
def test_whatever_the_budget_pages_of_any_size_are_what_python_gives(
    table: str,
    stored: dict[str, dict[str, Any]],
    where: str | None,
    sort: str | None,
    shards: int,
    limit: int,
    budget: int,
    at_least: int,
) -> None:
    books = collection(shards=shards, indexes=INDEXES)
    shown = store(books, [{"id": record_id, **properties} for record_id, properties in stored.items()])
    asked = query(books, where, sort)
    plan = asked.plan()
    assert plan.serves_sort
    budget = max(budget, len(plan.stretches))  # there are always fewer stretches than records that may be looked at
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(listing, "MAX_SCANNED", budget)
        patched.setattr(listing, "_FILTERED_AT_LEAST", at_least)
        for page in pages(asked, limit):
            assert page.cost.scanned <= budget
            assert page.records or page.cost.scanned or page.next is None
            found += [record.id for record in page.records]
    order = [f"{'' if plan.forward else '-'}{name}" for name in plan.order]
    assert found == naive(shown, asked, order)
    if sort is not None:
        assert found == naive(shown, asked, [sort, "-id" if sort.startswith("-") else "id"])
    assert queries.count(asked)[0] == len(found)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("sort", ["id", "-id", "rank", "-rank"])
def test_a_page_after_a_record_that_was_deleted_goes_on_where_it_was(table: str, shards: int, sort: str) -> None:
    books = collection(shards=shards, indexes=INDEXES)
    asked = query(books, sort=sort)
    expected = naive(numbered(books, 10), asked, [sort, "-id" if sort.startswith("-") else "id"])
    found: list[str] = []
    for page in pages(asked, 3):
        found += [record.id for record in page.records]
        for record in page.records:
            records.delete(unbounded(books), record.id)
    assert found == expected


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("sort", [None, "id", "rank", "-rank"])
def test_records_that_have_ended_leave_gaps_and_not_an_early_end(table: str, shards: int, sort: str | None) -> None:
    books = collection(shards=shards, ttl="until", indexes=INDEXES)
    now = int(time.time())
    documents = [{"id": f"r{n:02}", "until": now + (1000 if n in (0, 7) else -1000), "rank": n} for n in range(12)]
    store(books, documents)
    found = [[record.id for record in page.records] for page in pages(query(books, sort=sort), 1)]
    expected = ["r07", "r00"] if sort in (None, "-rank") else ["r00", "r07"]
    assert [record_id for page in found for record_id in page] == expected
    assert found[0] == expected[:1], "a page is filled though most have ended"
    assert queries.count(query(books, sort=sort))[0] == 2
    assert queries.count(query(books, "'r07'.contains(id)"))[0] == 1


def test_collections_whose_names_begin_alike_are_apart(table: str) -> None:
    for name in ("book", "books", "book-2"):
        store(collection(name=name, indexes=INDEXES), [{"id": name, "team": "#", "rank": 1}])
    for name in ("book", "books", "book-2"):
        made = definitions.get(name)
        assert listed(query(made), 5) == [name]
        assert listed(query(made, sort="rank"), 5) == [name]
        assert listed(query(made, "team == '#'"), 5) == [name]


def test_indexes_whose_names_begin_alike_are_apart(table: str) -> None:
    indexes = {"by": {"hash": "team"}, "by_team": {"hash": "team", "range": "rank"}, "b": {"range": "rank"}}
    books = collection(indexes=indexes)
    store(books, [{"id": "a", "team": "x", "rank": 2}, {"id": "b", "team": "s", "rank": 1}, {"id": "c", "rank": 0}])
    assert listed(query(books, "team == 'x'", "rank"), 5) == ["a"]
    assert listed(query(books, "team == ''"), 5) == []
    assert listed(query(books, sort="rank"), 5) == ["c", "b", "a"]


def first(asked: queries.Query, limit: int) -> tuple[list[str], listing.Cost]:
    """The ids of the first page and what it took, which is what was recorded."""
    with main.session.recording() as recorder:
        page, _ = queries.page(asked, limit, None)
    assert recorder.operations == ["Query"] * page.cost.calls
    assert recorder.units == page.cost.units
    return [record.id for record in page.records], page.cost


COSTS: list[tuple[str | None, str | None, int, int, int]] = [
    # where, sort, limit, calls, scanned at most, of 60 records in 4 shards
    (None, None, 10, 4, 4 * (2 * 3 + 2)),
    (None, None, 1000, 4, 60),
    (None, "-rank", 10, 1, 10),
    ("team == 't1'", None, 10, 1, 10),
    ("team == 't1'", "-rank", 1000, 1, 20),
    ("team in ['t0', 't1', 't2', 'nobody']", "rank", 5, 4, 3 * 6),
    ("team == 't1' and rank == 3", None, 1000, 1, 4),
    ("team == 't1' and n == 1", None, 10, 1, 20),
    ("id == 'i007'", None, 10, 1, 1),
    ("id in ['i007', 'i008', 'i009', 'nobody']", None, 10, 4, 3),
    ("id in ['i007', 'i008', 'i009', 'i010', 'i011']", None, 2, 2, 2),
    ("rank in [1, 2, 3]", None, 5, 1, 5),
    ("rank in [1, 2, 3]", None, 20, 2, 24),
    ("rank > 3 and rank < 2", None, 10, 0, 0),
    ("id == 5", None, 10, 0, 0),
]


@pytest.mark.parametrize(("where", "sort", "limit", "calls", "scanned"), COSTS)
def test_a_page_reads_what_it_needs(
    table: str, where: str | None, sort: str | None, limit: int, calls: int, scanned: int
) -> None:
    books = collection(shards=4, indexes=INDEXES)
    numbered(books, 60)
    _, cost = first(query(books, where, sort), limit)
    assert cost.calls == calls
    assert cost.scanned <= scanned


def test_a_page_looks_at_no_more_records_than_it_may(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_SCANNED", 50)
    books = collection(shards=3)
    store(books, [{"id": f"i{n:03}", "n": n} for n in range(120)])
    asked = query(books, "n == 0 or n == 119")
    found = list(pages(asked, 10))
    assert [page.cost.scanned for page in found[:-1]] == [50] * (len(found) - 1)
    assert sum(page.cost.scanned for page in found) >= 120
    assert [record.id for page in found for record in page.records] == ["i119", "i000"]
    assert any(not page.records for page in found), "a page may be empty, and yet not the last"


@pytest.mark.parametrize(("where", "sort"), [(None, None), (None, "id"), (None, "rank"), ("n > 2", None)])
@pytest.mark.parametrize("shards", [1, 2])
def test_where_dynamodb_ends_a_call_at_a_megabyte_a_page_is_short_and_nothing_is_lost(
    table: str, where: str | None, sort: str | None, shards: int
) -> None:
    books = collection(shards=shards, indexes=INDEXES)
    large = "x" * 300_000
    for number in range(10):
        store(books, [{"id": f"i{number}", "text": large, "n": number, "rank": number}])
    asked = query(books, where, sort)
    found = [[record.id for record in page.records] for page in pages(asked, 100)]
    assert len(found) > 1
    together = [record_id for page in found for record_id in page]
    expected = [f"i{number}" for number in range(3 if where else 0, 10)]
    assert together == (expected if sort else expected[::-1])
    number, cost = queries.count(asked)
    assert number == len(expected)
    assert cost.calls >= 2
    if where is None and sort is None:
        assert listed(asked, 2) == together


def test_a_full_page_that_has_all_is_the_last(table: str) -> None:
    for shards in (1, 3):
        books = collection(shards=shards, indexes=INDEXES)
        numbered(books, 6)
        page, _ = queries.page(query(books), 7, None)
        assert (len(page.records), page.next) == (6, None)
        page, _ = queries.page(query(books, sort="-rank"), 7, None)
        assert (len(page.records), page.next) == (6, None)


def test_an_empty_collection_has_one_empty_page(table: str) -> None:
    books = collection(shards=3, indexes=INDEXES)
    for where, sort in ((None, None), ("team == 'a'", None), (None, "rank"), ("n == 1", None), ("id == 'a'", None)):
        (page,) = pages(query(books, where, sort), 5)
        assert list(page.records) == []


def test_a_page_can_be_gone_on_after_each_of_its_records(table: str) -> None:
    books = collection(shards=2, indexes=INDEXES)
    numbered(books, 12)
    for where, sort in ((None, None), (None, "rank"), ("team in ['t0', 't2']", "-rank")):
        asked = query(books, where, sort)
        page, plan = queries.page(asked, 12, None)
        all_ids = [record.id for record in page.records]
        for number, record in enumerate(page.records):
            rest, _ = queries.page(asked, 12, queries.position_in(plan, page.places(record)))
            assert [each.id for each in rest.records] == all_ids[number + 1 :]


def test_a_count_reads_no_items_unless_it_has_to_look_at_them(table: str) -> None:
    books = collection(shards=2, indexes=INDEXES)
    numbered(books, 30)
    for where, counted, calls in (
        (None, 30, 2),
        ("team == 't1'", 10, 1),
        ("team in ['t1', 't2', 'x']", 20, 3),
        ("rank in [0, 4, 7]", 12, 3),
        ("team == 't1' and 'i001 i004'.contains(id)", 2, 1),
        ("team == 't1' and id >= 'i010'", 7, 1),
    ):
        with main.session.recording() as recorder:
            number, cost = queries.count(query(books, where))
        assert (number, cost.calls) == (counted, calls), where
        assert recorder.units == cost.units
        assert all(("Select" in call.parameters) == ("id" not in str(where)) for call in recorder.calls)


def test_a_count_that_would_take_too_much_is_refused(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    books = collection(shards=2)
    for number in range(8):
        store(books, [{"id": f"i{number}", "text": "x" * 390_000}])
    assert queries.count(query(books))[0] == 8
    monkeypatch.setattr(listing, "MAX_COUNT_CALLS", 1)
    with pytest.raises(CountTooLarge):
        queries.count(query(books))
    assert queries.count(query(books, "id < 'i1'"))[0] == 1


def test_the_ids_of_a_large_list_are_counted_too(table: str) -> None:
    books = collection(shards=3)
    numbered(books, 150)
    wanted = [f"i{number:03}" for number in range(0, 300, 2)]
    asked = query(books, ["in", "id", {"$": "ids"}], params={"ids": wanted})
    assert queries.count(asked)[0] == 75
    assert listed(asked, 20) == sorted(wanted[:75], reverse=True)
