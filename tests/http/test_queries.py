from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.collections import definitions, jobs, listing
from tests.support.assertions import assert_problem, pointers
from tests.support.client import Answer, Client, administrator, another_administrator
from tests.support.client import records as path

INDEXES = {"by_team": {"hash": "team", "range": "rank"}, "by_rank": {"range": "rank"}}
QUERY = "/v1/collections/players/query"


@pytest.fixture
def client(table: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """An administrator of thirty players in three teams; no process has a definition in its cache."""
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)
    with administrator() as client:
        client.define("players", indexes=INDEXES, shards=2)
        text = "\n".join(
            f'{{"id": "p{n:02}", "team": "t{n % 3}", "rank": {n}, "name": "Player {n}", "first name": {n % 4}}}'
            for n in range(30)
        )
        answer = client.post("/v1/collections/players/import", text.encode(), content_type="application/x-ndjson")
        assert answer.json()["created"] == 30
        yield client


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    return [item["id"] for item in answer.json()["items"]]


ASKED: list[tuple[dict[str, Any], list[str]]] = [
    ({"limit": 3}, ["p29", "p28", "p27"]),
    ({"limit": 3, "sort": "id"}, ["p00", "p01", "p02"]),
    ({"limit": 2, "sort": "-rank"}, ["p29", "p28"]),
    ({"limit": 2, "sort": "-`rank`"}, ["p29", "p28"]),
    ({"where": "team == 't1'", "limit": 3}, ["p01", "p04", "p07"]),
    ({"where": "team == 't1'", "limit": 3, "sort": "-rank"}, ["p28", "p25", "p22"]),
    ({"where": "team in ['t1', 't2'] and rank > 20", "limit": 3, "sort": "rank"}, ["p22", "p23", "p25"]),
    ({"where": "`first name` == 3 and rank < 10"}, ["p03", "p07"]),
    ({"where": "id.startsWith('p2')", "limit": 2}, ["p29", "p28"]),
    ({"where": "name == 'Player 7'"}, ["p07"]),
    ({"where": "name == 'nobody'"}, []),
    ({"where": "team == 't1'", "sort": "team", "limit": 2}, ["p01", "p04"]),
]


@pytest.mark.parametrize(("asked", "expected"), ASKED)
def test_a_list_and_a_query_are_answered_alike(client: Client, asked: dict[str, Any], expected: list[str]) -> None:
    listed, queried = client.get(path("players"), query=asked), client.post(QUERY, asked)
    assert ids(listed) == ids(queried) == expected
    assert listed.json() == queried.json()
    assert listed.headers["portico-plan"] == queried.headers["portico-plan"]


FORMS: list[dict[str, Any]] = [
    {"where": "team == $team and rank >= $least", "params": {"team": "t1", "least": 20}},
    {
        "where": ["and", ["==", "team", {"$": "team"}], [">=", "rank", {"$": "least"}]],
        "params": {"team": "t1", "least": 20.0},
    },
    {"where": ["and", ["==", "team", {"value": "t1"}], [">=", "rank", 20]], "params": {}},
    {"where": ["and", ["in", "team", {"$": "teams"}], [">=", "rank", 20]], "params": {"teams": ["t1", "t9"]}},
    {"where": "team == 't1' and rank >= 20", "params": {"unused": [1, {"a": None}]}},
    {"where": "team == 't1' and rank >= 20", "params": None, "sort": None, "cursor": None, "fields": None},
]  # fmt: skip


@pytest.mark.parametrize("body", FORMS)
def test_a_query_takes_parameters_and_the_json_form(client: Client, body: dict[str, Any]) -> None:
    assert ids(client.post(QUERY, body)) == ["p22", "p25", "p28"]


def test_a_query_of_nothing_is_a_list(client: Client) -> None:
    assert client.post(QUERY, {}).json() == client.get(path("players")).json()
    assert len(ids(client.post(QUERY, {}))) == 20


def test_fields_are_those_that_were_asked_for(client: Client) -> None:
    asked = client.post(QUERY, {"where": "id == 'p07'", "fields": ["first name", "rank", "nothing"]})
    assert asked.json()["items"] == [{"id": "p07", "first name": 3, "rank": 7}]
    listed = client.get(path("players"), query={"where": "rank == 7", "fields": "first name,version"})
    assert listed.json()["items"] == [{"id": "p07", "first name": 3, "version": 1}]


@pytest.mark.parametrize("asked", [{}, {"sort": "-rank"}, {"where": "team == 't1'"}, {"where": "`first name` > 1"}])
def test_a_cursor_goes_on_whichever_way_it_is_sent(client: Client, asked: dict[str, Any]) -> None:
    everything = ids(client.get(path("players"), query={**asked, "limit": 1000}))
    found: list[str] = []
    cursor: str | None = None
    for turn in range(30):
        page = {**asked, "limit": 3 + turn % 2, **({"cursor": cursor} if cursor else {})}
        answer = client.post(QUERY, page) if turn % 2 else client.get(path("players"), query=page)
        found += ids(answer)
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert found == everything


def test_a_cursor_is_of_what_is_asked_however_it_is_written(client: Client) -> None:
    texts = ["team == 't1' and rank > 2", 'team=="t1"   and 2 < rank', "team == $t and rank > 2"]
    first = client.get(path("players"), query={"where": texts[0], "limit": 2, "fields": "rank"}).json()["next"]
    for body in ({"where": texts[0]}, {"where": texts[2], "params": {"t": "t1"}}):
        assert ids(client.post(QUERY, {**body, "cursor": first, "limit": 1})) == ["p10"]


@pytest.mark.parametrize(
    "other",
    [
        {"where": "team == 't2'"},
        {"where": "team == 't1'", "sort": "-rank"},
        {"where": "team == 't1'", "sort": "rank"},
        {},
        {"sort": "rank"},
    ],
)
def test_a_cursor_of_another_query_is_refused(client: Client, other: dict[str, Any]) -> None:
    cursor = client.get(path("players"), query={"where": "team == 't1'", "limit": 2}).json()["next"]
    assert_problem(client.post(QUERY, {**other, "cursor": cursor}), 400, "invalid_cursor")
    assert_problem(client.get(path("players"), query={**other, "cursor": cursor}), 400, "invalid_cursor")


def test_a_cursor_of_another_caller_or_collection_or_of_nobody_is_refused(client: Client) -> None:
    asked = {"where": "team == 't1'", "limit": 2}
    cursor = client.get(path("players"), query=asked).json()["next"]
    other = another_administrator()
    assert ids(other.get(path("players"), query=asked)) == ["p01", "p04"]
    assert_problem(other.get(path("players"), query={**asked, "cursor": cursor}), 400, "invalid_cursor")
    client.define("others", indexes=INDEXES)
    assert_problem(client.get(path("others"), query={**asked, "cursor": cursor}), 400, "invalid_cursor")
    for wrong in ("", "x", cursor[:-2], cursor + "AA", "é", "A" * 5000):
        assert_problem(client.get(path("players"), query={**asked, "cursor": wrong}), 400, "invalid_cursor")
        assert_problem(client.post(QUERY, {**asked, "cursor": wrong}), 400, "invalid_cursor")


@pytest.mark.parametrize("indexes", [{}, {"by_team": {"hash": "team"}}, {"by_team": {"hash": "team", "range": "name"}}])
def test_a_cursor_of_an_index_that_is_gone_or_another_is_refused(client: Client, indexes: dict[str, Any]) -> None:
    asked = {"where": "team == 't1'", "limit": 2}
    cursor = client.get(path("players"), query=asked).json()["next"]
    client.define("players", indexes=indexes, shards=2)
    problem = assert_problem(client.get(path("players"), query={**asked, "cursor": cursor}), 400, "invalid_cursor")
    assert problem["parameter"] == "cursor"
    jobs.run_pending(60)
    assert_problem(client.get(path("players"), query={**asked, "cursor": cursor}), 400, "invalid_cursor")
    assert len(ids(client.get(path("players"), query=asked))) == 2


def test_a_cursor_made_before_there_was_an_index_goes_on_as_it_began(client: Client) -> None:
    client.define("players", shards=2)
    jobs.run_pending(60)
    asked = {"where": "team == 't1'", "limit": 4}
    first = client.get(path("players"), query=asked)
    client.define("players", indexes=INDEXES, shards=2)
    jobs.run_pending(60)
    second = client.get(path("players"), query={**asked, "limit": 100, "cursor": first.json()["next"]})
    assert ids(first) + ids(second) == [f"p{n:02}" for n in range(28, 0, -3)]
    assert "index" in client.get(path("players"), query=asked).headers["portico-plan"]


WRONG: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"where": ""}, "invalid_where", {"parameter": "where", "offset": 0}),
    ({"where": "rank >"}, "invalid_where", {"parameter": "where", "offset": 6, "line": 1, "column": 7}),
    (
        {"where": "rank > 1 adn team == 't1'"}, "invalid_where",
        {"offset": 9, "excerpt": "rank > 1 adn team == 't1'\n         ^"},
    ),
    ({"where": "rank == $n"}, "invalid_where", {"parameter": "where", "offset": 8}),
    ({"where": "auth.id == 'a'"}, "invalid_where", {"parameter": "where", "offset": 0}),
    ({"where": "a == 1 and " * 500 + "a == 1"}, "invalid_where", {"parameter": "where"}),
    ({"sort": "name"}, "unserved_sort", {"parameter": "sort", "declare": {"by_name": {"range": "name"}}}),
    (
        {"sort": "-name", "where": "team == 't1'"}, "unserved_sort",
        {"declare": {"by_team_name": {"hash": "team", "range": "name"}}},
    ),
    ({"sort": "version"}, "unserved_sort", {"declare": None}),
    ({"sort": "nothing of the kind"}, "unserved_sort", {"parameter": "sort"}),
    ({"sort": ""}, "invalid_parameter", {"parameter": "sort"}),
    ({"sort": "-"}, "invalid_parameter", {"parameter": "sort"}),
    ({"sort": "rank,name"}, "invalid_parameter", {"parameter": "sort"}),
    ({"sort": "address.city"}, "invalid_parameter", {"parameter": "sort"}),
    ({"sort": "x" * 70_000}, "invalid_parameter", {"parameter": "sort"}),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "code", "members"), WRONG, ids=[str(row[0])[:40] for row in WRONG])
def test_what_is_no_query_is_told_with_its_place(
    client: Client, asked: dict[str, Any], code: str, members: dict[str, Any]
) -> None:
    for answer in (client.get(path("players"), query=asked), client.post(QUERY, asked)):
        problem = assert_problem(answer, 400, code)
        assert {name: problem[name] for name in members} == members


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("limit", "0"), ("limit", "1001"), ("limit", "-1"), ("limit", "1.0"), ("limit", "x"), ("limit", ""),
        ("count", "1"), ("count", ""), ("explain", "yes"), ("fields", ""), ("fields", "a,,b"), ("params", "{}"),
        ("filter", "a"),
    ],
)  # fmt: skip
def test_a_parameter_of_a_list_that_it_cannot_have(client: Client, parameter: str, value: str) -> None:
    problem = assert_problem(client.get(path("players"), query={parameter: value}), 400, "invalid_parameter")
    assert problem["parameter"] == parameter


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ([], [""]),
        ("team == 't1'", [""]),
        (None, [""]),
        ({"where": 1}, ["/where"]),
        ({"where": {"$": "a"}}, ["/where"]),
        ({"params": []}, ["/params"]),
        ({"params": "a"}, ["/params"]),
        ({"params": dict.fromkeys(map(str, range(101)), 1)}, ["/params"]),
        ({"sort": ["rank"]}, ["/sort"]),
        ({"limit": 0}, ["/limit"]),
        ({"limit": 1001}, ["/limit"]),
        ({"limit": "3"}, ["/limit"]),
        ({"limit": True}, ["/limit"]),
        ({"limit": 1.5}, ["/limit"]),
        ({"limit": None}, ["/limit"]),
        ({"limit": 1e308}, ["/limit"]),
        ({"fields": "rank"}, ["/fields"]),
        ({"fields": []}, ["/fields"]),
        ({"fields": [""]}, ["/fields"]),
        ({"fields": [1]}, ["/fields"]),
        ({"fields": ["a"] * 101}, ["/fields"]),
        ({"cursor": 1}, ["/cursor"]),
        ({"count": "true"}, ["/count"]),
        ({"explain": 1}, ["/explain"]),
        ({"a~/b": 1, "limit": 0, "where": 5}, ["/a~0~1b", "/limit", "/where"]),
    ],
)
def test_a_body_that_is_no_query_is_told_all_that_is_wrong(client: Client, body: Any, where: list[str]) -> None:
    problem = assert_problem(client.post(QUERY, body), 422, "validation_failed")
    assert pointers(problem) == where


@pytest.mark.parametrize(
    ("body", "parameter", "pointer"),
    [
        ({"where": ["=", "rank", 1]}, "where", "/where/0"),
        ({"where": ["==", "rank"]}, "where", "/where"),
        ({"where": ["and", ["==", "rank", 1], [">", "rank", {"value": None}]]}, "where", "/where/2/2"),
        ({"where": ["==", "a..b", 1]}, "where", "/where/1"),
        ({"where": []}, "where", "/where"),
        ({"where": ["==", "rank", {"$": "n"}]}, "where", "/where"),
        ({"where": "rank == $n", "params": {"n": 10**200}}, "params", "/params/n"),
    ],
)
def test_a_json_form_that_is_none_is_told_with_a_pointer(
    client: Client, body: dict[str, Any], parameter: str, pointer: str
) -> None:
    problem = assert_problem(client.post(QUERY, body), 400, "invalid_where")
    assert problem["parameter"] == parameter
    assert problem["pointer"].startswith(pointer)


def test_what_no_text_can_say_is_refused_before_the_table_is_asked(client: Client) -> None:
    assert_problem(client.post(QUERY, b'{"where": '), 400, "malformed_json")
    assert_problem(client.post(QUERY, b"{}", content_type="text/plain"), 415, "unsupported_media_type")
    assert_problem(client.post("/v1/collections/nobody/query", {}), 404, "collection_not_found")
    assert_problem(client.get(path("players"), query="where=a&where=b"), 400, "invalid_parameter")
    assert_problem(client.post(QUERY, {}, query={"limit": 1}), 400, "invalid_parameter")


COUNTED: list[tuple[dict[str, Any], int]] = [
    ({}, 30),
    ({"where": "team == 't1'"}, 10),
    ({"where": "`first name` == 2"}, 7),
    ({"where": "team == 't1' and 'p01 p02'.contains(id)"}, 1),
    ({"where": "team == 'nobody'"}, 0),
    ({"where": "1 == 2"}, 0),
]


@pytest.mark.parametrize(("asked", "number"), COUNTED)
def test_a_count_is_of_all_that_match(client: Client, asked: dict[str, Any], number: int) -> None:
    listed = client.get(path("players"), query={**asked, "limit": 2, "count": "true"}).json()
    assert listed["count"] == number
    assert set(listed["count_cost"]) == {"calls", "scanned", "units"}
    queried = client.post(QUERY, {**asked, "limit": 2, "count": True}).json()
    assert queried == listed
    assert "count" not in client.post(QUERY, {**asked, "count": False}).json()
    if listed["next"]:
        following = client.post(QUERY, {**asked, "count": True, "cursor": listed["next"]}).json()
        assert following["count"] == number


def test_a_count_that_is_too_large_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_COUNT_CALLS", -1)
    assert_problem(client.get(path("players"), query={"count": "true"}), 422, "count_too_large")
    assert client.get(path("players")).status == 200


HEADERS: list[tuple[dict[str, Any], str]] = [
    ({"limit": 1000}, "served=?1, scanned=30"),
    ({"where": "team == 't1'"}, 'index="by_team", served=?1, scanned=10'),
    ({"where": "team == 't1' and name == 'x'"}, 'index="by_team", served=?1, scanned=10'),
    ({"sort": "-rank", "limit": 4}, 'index="by_rank", served=?1, scanned=4'),
    ({"where": "rank in [3, 4]"}, 'index="by_rank", served=?1, scanned=2'),
    ({"where": "id == 'p07'"}, "served=?1, scanned=1"),
    ({"where": "name == 'x'"}, "served=?0, scanned=30"),
    ({"where": "name == 'x'", "sort": "rank"}, 'index="by_rank", served=?0, scanned=30'),
    ({"where": "1 == 2"}, "served=?1, scanned=0"),
]


@pytest.mark.parametrize(("asked", "header"), HEADERS)
def test_each_page_says_how_it_was_found(client: Client, asked: dict[str, Any], header: str) -> None:
    assert client.get(path("players"), query=asked).headers["portico-plan"] == header


def explained(client: Client, **asked: Any) -> dict[str, Any]:
    answer = client.post(QUERY, {**asked, "explain": True})
    assert answer.status == 200, answer
    text = {name: value for name, value in asked.items() if name in ("where", "sort", "limit")}
    assert client.get(path("players"), query={**text, "explain": "true"}).json() == answer.json()
    document: dict[str, Any] = answer.json()
    return document


def test_a_query_is_explained(client: Client) -> None:
    where = "team == 't1' and rank > 10 and name != 'x' and 'p13 p19'.contains(id)"
    document = explained(client, where=where, sort="-rank", limit=5)
    (condition,) = document.pop("key_conditions")
    assert "players#by_team#st1" in condition
    estimated, consumed = document.pop("estimated"), document.pop("consumed")
    assert document == {
        "index": "by_team",
        "why": "team is given, rank is bounded",
        "rejected": {"*": "its order is another", "by_rank": "it reads no less"},
        "order": ["-rank", "-id"],
        "served": True,
        "queries": 1,
        "filter": document["filter"],
        "memory": '"p13 p19".contains(id)',
        "declare": None,
    }
    assert "name" in document["filter"]
    assert consumed == {"calls": 1, "scanned": 6, "units": 0.5, "returned": 2}
    assert set(estimated) == {"calls", "scanned", "units", "record_bytes"}
    assert estimated["calls"] >= consumed["calls"]
    assert estimated["scanned"] >= consumed["scanned"]


def test_what_nothing_can_match_is_explained(client: Client) -> None:
    document = explained(client, where="rank == 1 and 1 == 2")
    assert (document["queries"], document["key_conditions"], document["filter"]) == (0, [], None)
    assert document["consumed"] == {"calls": 0, "scanned": 0, "units": 0.0, "returned": 0}


def test_a_plan_of_many_queries_shows_some(client: Client) -> None:
    document = explained(client, where="team in " + str([f"t{n}" for n in range(40)]))
    assert (document["queries"], len(document["key_conditions"])) == (40, 10)


UNSERVED: list[dict[str, Any]] = [
    {"where": "name == 'Player 7'"},
    {"where": "name in ['Player 7', 'Player 8'] and rank != 3"},
    {"where": "name.startsWith('Player 1')"},
    {"where": "`first name` >= 2 and not (name == 'x')"},
    {"where": "`first name` == 2 and name > 'Player 2'"},
    {"where": "`first name` == null"},
    {"where": "`first name` in [1, null]"},
    {"where": "name == 'Player 7' or name == 'Player 8'"},
    {"where": "not has(name)"},
    {"where": "has(nickname)"},
    {"where": "name != null and updated_at > '2020'"},
    {"where": "created_at > '2020-01-01'"},
    {"where": "name in " + str([f"Player {n}" for n in range(3, 93)])},
    {"sort": "name"},
    {"sort": "-created_at"},
    {"sort": "name", "where": "team == 't1'"},
    {"sort": "-rank", "where": "name == 'Player 7' or name == 'Player 8'"},
    {"sort": "id", "where": "name == 'Player 7'"},
    {"sort": "updated_at", "where": "`first name` in [1, 2]"},
]


@pytest.mark.parametrize("asked", UNSERVED, ids=lambda asked: str(asked)[:60])
def test_the_index_that_is_declared_as_told_serves_the_query(client: Client, asked: dict[str, Any]) -> None:
    before = explained(client, **asked)
    assert before["served"] is False
    if "sort" in asked and asked["sort"] != "id" and before["consumed"] is None:
        problem = assert_problem(client.post(QUERY, asked), 400, "unserved_sort")
        assert problem["declare"] == before["declare"]
    declared = before["declare"]
    client.define("players", indexes={**INDEXES, **declared}, shards=2)
    assert explained(client, **asked)["served"] is False, "it is being built"
    jobs.run_pending(60)
    after = explained(client, **asked)
    assert (after["served"], after["declare"]) == (True, None), after
    assert after["index"] in declared
    found = client.listed(path("players"), **asked, limit=7)
    everything = {
        item["id"] for item in client.listed(path("players"), where=asked.get("where", "true or false"), limit=100)
    }
    assert {item["id"] for item in found} == everything


@pytest.mark.parametrize(
    "asked",
    [
        {"where": "not (name == 'x')"},
        {"where": "name.contains('1')"},
        {"where": "name in " + str([f"Player {n}" for n in range(150)])},
        {"where": "'Player 1'.contains(name)"},
        {"where": "address.city == 'Oslo'"},
        {"where": "name == `first name`"},
        {"where": "name.startsWith('Player')", "sort": "rank"},
    ],
)
def test_where_no_index_would_serve_none_is_told(client: Client, asked: dict[str, Any]) -> None:
    document = explained(client, **asked)
    assert (document["served"], document["declare"]) == (False, None)


def test_an_index_that_is_being_built_is_told_so(client: Client) -> None:
    client.define("players", indexes={"by_name": {"range": "name"}}, shards=2)
    document = explained(client, where="name == 'Player 7'")
    assert document["rejected"] == {"by_name": "it is being built"}
    problem = assert_problem(client.get(path("players"), query={"sort": "name"}), 400, "unserved_sort")
    assert "being built" in problem["detail"]
