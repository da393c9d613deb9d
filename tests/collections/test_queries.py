from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access.rules import unbounded
from chalicelib.collections import definitions, jobs, listing, queries, records
from chalicelib.collections.definitions import Collection
from chalicelib.errors import InvalidCursor, UnservedSort
from chalicelib.schema import json_text
from tests.support.listings import query
from tests.support.stores import collection

INDEXES = {"by_team": {"hash": "team", "range": "rank"}, "by_rank": {"range": "rank"}}


def players(**members: Any) -> Collection:
    made = collection(indexes=INDEXES, **members)
    for number in range(12):
        records.create(unbounded(made), {"id": f"p{number:02}", "team": f"t{number % 2}", "rank": number})
    return made


def test_the_identity_of_a_query_is_what_is_asked_and_of_what() -> None:
    def of(name: str, where: Any = None, sort: str | None = None, created_at: str = "2020", **params: Any) -> str:
        return query(Collection(name, 1, created_at, "", {"schema": {}}, [[0, 1]]), where, sort, params).identity

    different = [
        of("c"),
        of("d"),
        of("c", created_at="2021"),
        of("c", "a == 1"),
        of("c", "a == '1'"),
        of("c", "a == 1", "b"),
        of("c", "a == 1", "-b"),
        of("c", None, "-b"),
        of("c", None, "b"),
        of("c", "a == 1 and b == 1"),
        of("c", "b == 1 and a == 1"),
        of("c", "`a.b` == 1"),
        of("c", "a.b == 1"),
    ]
    assert len(set(different)) == len(different)
    assert of("c", "a == 1") == of("c", ["==", "a", 1]) == of("c", " a==1 ") == of("c", "a == $n", n=1)
    assert of("c", "a == 'x'") == of("c", 'a == "x"') == of("c", ["==", "a", {"$": "v"}], v="x")


@pytest.mark.parametrize("where", [None, "team == 't1'", "rank > 3", "1 == 2", "id == 'p01'"])
def test_the_position_after_a_page_is_a_text_that_says_the_way(table: str, where: str | None) -> None:
    page, plan = queries.page(query(players(), where), 2, None)
    position = queries.position_in(plan, page.next)
    if page.next is None:
        assert position is None
    else:
        assert position is not None
        assert json_text.parse(position.encode()) == [*plan.access, page.next]


@pytest.mark.parametrize("position", ["", "x", "123", "null", "[]", '["a"]', "[1, 2", '["a", "b", "c", "d", "e"]'])
def test_what_is_no_position(table: str, position: str) -> None:
    with pytest.raises(InvalidCursor):
        queries.page(query(players()), 2, position)


@pytest.mark.parametrize("indexes", [{}, {"by_team": {"hash": "team"}}, {"by_team": {"hash": "rank", "range": "team"}}])
def test_a_position_in_an_index_that_has_changed_is_none(
    table: str, monkeypatch: pytest.MonkeyPatch, indexes: dict[str, Any]
) -> None:
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)
    made = players(name="c")
    page, plan = queries.page(query(made, "team == 't1'"), 2, None)
    position = queries.position_in(plan, page.next)
    changed, _ = definitions.put("c", {"schema": {}, "indexes": indexes})
    for of in (changed, made):
        if of is changed:
            with pytest.raises(InvalidCursor):
                queries.page(query(of, "team == 't1'"), 2, position)
    jobs.run_pending(60)
    with pytest.raises(InvalidCursor):
        queries.page(query(definitions.current("c"), "team == 't1'"), 2, position)


def test_another_index_does_not_disturb_a_position(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)
    asked = query(players(name="c"), "team == 't1'")
    page, plan = queries.page(asked, 2, None)
    definitions.put("c", {"schema": {}, "indexes": {"of_team": {"hash": "team"}, "by_team": INDEXES["by_team"]}})
    jobs.run_pending(60)
    rest, _ = queries.page(query(definitions.current("c"), "team == 't1'"), 10, queries.position_in(plan, page.next))
    assert [record.id for record in (*page.records, *rest.records)] == [f"p{n:02}" for n in range(1, 12, 2)]


@pytest.mark.parametrize(
    ("where", "sort", "declare"),
    [
        (None, "name", {"by_name": {"range": "name"}}),
        (None, "-name", {"by_name": {"range": "name"}}),
        ("team == 't1'", "name", {"by_team_name": {"hash": "team", "range": "name"}}),
        ("rank > 1", "name", {"by_name": {"range": "name"}}),
        (None, "team", {"by_team_2": {"range": "team"}}),
        (None, "version", None),
        (None, "created_at", {"by_created_at": {"range": "created_at"}}),
    ],
)
def test_an_order_that_no_index_has_is_refused(
    table: str, where: str | None, sort: str, declare: dict[str, Any] | None
) -> None:
    with pytest.raises(UnservedSort) as refused:
        queries.page(query(players(), where, sort), 2, None)
    assert refused.value.extensions["declare"] == declare


@pytest.mark.parametrize("limit", [1, 5, 1000])
@pytest.mark.parametrize(
    ("where", "sort"),
    [
        (None, None),
        (None, "rank"),
        ("team == 't1'", None),
        ("team in ['t0', 't1']", "-rank"),
        ("id in ['p01', 'p02', 'p99']", None),
        ("name == 'x'", None),
        ("1 == 2", None),
    ],
)
def test_an_explained_page_looks_at_no_more_than_was_estimated(
    table: str, where: str | None, sort: str | None, limit: int
) -> None:
    asked = query(players(shards=3), where, sort)
    explained = queries.explain(asked, limit)
    page, _ = queries.page(asked, limit, None)
    assert explained["consumed"] == {**page.cost.document(), "returned": len(page.records)}
    assert page.cost.scanned <= max(explained["estimated"]["scanned"], 4 * 3 + 2 * limit)
    assert explained["estimated"]["scanned"] <= listing.MAX_SCANNED
