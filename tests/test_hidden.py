"""What is hidden is in no answer, and follows from none."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.access.principals import ADMIN, ANONYMOUS, Principal
from tests.support.assertions import assert_problem, pointers
from tests.support.client import Answer, Client, administrator, records

NDJSON = "application/x-ndjson"
SECRET = "swordfish"
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "secret": {"type": ["string", "object", "null"]},
        "rank": {"type": "integer", "minimum": 0, "maximum": 9},
    },
}
INDEXES = {
    "by_secret": {"hash": "secret"},
    "by_rank": {"range": "rank"},
    "by_title": {"hash": "title", "range": "rank"},
}
ALL = dict.fromkeys(("list", "read", "create", "update", "delete"), "true")
FILM = {"title": "a", "secret": SECRET, "rank": 7}
ANN = Principal("user:ann", "user", frozenset({"editor"}))


@pytest.fixture
def client(table: str) -> Iterator[Client]:
    with administrator() as client:
        client.define("films", SCHEMA, hidden=["secret", "rank"], indexes=INDEXES, rules=ALL)
        client.make("films", {"id": "i", **FILM})
        yield client


@pytest.fixture
def ann(client: Client) -> Client:
    return Client.as_principal(ANN)


def operations(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"operations": [{"collection": "films", "id": "i", **each} for each in listed]}


WRITES: dict[str, Callable[[Client], Answer]] = {
    "create": lambda c: c.post(records("films"), FILM),
    "create once": lambda c: c.post(records("films"), FILM, idempotency_key="k"),
    "create once again": lambda c: [c.post(records("films"), FILM, idempotency_key="k") for _ in "12"][1],
    "replace": lambda c: c.put(records("films", "i"), {"title": "b"}),
    "replace with": lambda c: c.put(records("films", "i"), FILM),
    "replace nothing": lambda c: c.put(records("films", "j"), FILM),
    "replace if nothing": lambda c: c.put(records("films", "j"), FILM, if_none_match="*"),
    "patch": lambda c: c.patch(records("films", "i"), {"title": "b"}),
    "patch with": lambda c: c.patch(records("films", "i"), {"secret": f"{SECRET}!", "rank": 8}),
    "patch once again": lambda c: [c.patch(records("films", "i"), {"title": "b"}, idempotency_key="k") for _ in "12"][
        1
    ],
    "batch": lambda c: c.post(
        "/v1/batch",
        operations(
            {"op": "create", "id": "j", "body": FILM},
            {"op": "replace", "id": "k", "body": {"title": "b"}},
            {"op": "patch", "body": {"title": "b"}},
            {"op": "read"},
        ),
    ),
    "transaction": lambda c: c.post(
        "/v1/transactions",
        operations(
            {"op": "create", "id": "j", "body": FILM},
            {"op": "patch", "body": {"title": "b"}},
            {"op": "replace", "id": "k", "body": FILM},
        ),
    ),
    "transaction once again": lambda c: [
        c.post("/v1/transactions", operations({"op": "patch", "body": {"title": "b"}}), idempotency_key="k")
        for _ in "12"
    ][1],
    "import": lambda c: c.post(
        "/v1/collections/films/import", json.dumps({"id": "i", **FILM}).encode(), content_type=NDJSON
    ),
}
READS: dict[str, Callable[[Client], Answer]] = {
    "read": lambda c: c.get(records("films", "i")),
    "read of fields": lambda c: c.get(records("films", "i"), query="fields=title,secret,rank"),
    "read of nothing else": lambda c: c.get(records("films", "i"), query="fields=secret"),
    "list": lambda c: c.get(records("films")),
    "list of fields": lambda c: c.get(records("films"), query="fields=title,secret"),
    "list by an index": lambda c: c.get(records("films"), query="where=title=='a'"),
    "query": lambda c: c.post("/v1/collections/films/query", {"fields": ["secret", "rank", "title"]}),
    "export": lambda c: c.get("/v1/collections/films/export"),
    "batch": lambda c: c.post("/v1/batch", operations({"op": "read"})),
    "public": lambda c: c.get("/public/films/records/i"),
    "public list": lambda c: c.get("/public/films/records", query="fields=secret,rank"),
}


@pytest.mark.parametrize(
    "ask", [*WRITES.values(), *READS.values()], ids=[*WRITES, *(f"{name}, read" for name in READS)]
)
def test_it_is_in_no_answer(client: Client, ann: Client, ask: Callable[[Client], Answer]) -> None:
    answer = ask(ann)
    assert answer.status in (200, 201), answer
    assert answer.text
    for word in (SECRET, "secret", "rank"):
        assert word not in answer.text
        assert word not in str(answer.headers)


def test_administrators_see_it(client: Client) -> None:
    bounded = Client.as_principal(Principal("key:a", "key", frozenset({ADMIN}), frozenset({"films:read"})))
    for asking in (client, bounded):
        assert asking.get(records("films", "i")).json()["secret"] == SECRET
    assert client.listed(records("films"), where=f"secret == '{SECRET}'", sort="rank")
    assert client.patch(records("films", "i"), {"rank": {"$inc": 1}}).json()["rank"] == 8
    assert client.delete(records("films", "i"), query="if=rank==8").status == 204


EXPRESSIONS = ["secret == 'a'", "has(secret)", "size(secret) > 1", "`secret`.a == 1", "title == 'a' or not (rank > 3)"]


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_it_cannot_be_asked_of(ann: Client, where: str) -> None:
    one, query = records("films", "i"), {"if": where}
    refused = [
        ann.get(records("films"), query={"where": where}),
        ann.get("/public/films/records", query={"where": where}),
        ann.post("/v1/collections/films/query", {"where": where}),
        ann.put(one, FILM, query=query),
        ann.patch(one, FILM, query=query),
        ann.delete(one, query=query),
    ]
    for answer in refused:
        assert "hidden from this caller" in assert_problem(answer, 400, "invalid_where")["detail"]
    form = {"where": ["==", "secret", {"$": "a"}], "params": {"a": SECRET}}
    assert_problem(ann.post("/v1/collections/films/query", form), 400, "invalid_where")


@pytest.mark.parametrize("op", ["replace", "patch", "delete", "read"])
@pytest.mark.parametrize("form", [*EXPRESSIONS, ["has", "secret"]])
def test_nor_in_an_operation(ann: Client, op: str, form: Any) -> None:
    operation = {"op": op, "if": form, **({"body": FILM} if op in ("replace", "patch") else {})}
    (result,) = ann.post("/v1/batch", operations(operation)).json()["results"]
    assert (result["status"], result["problem"]["code"]) == (422, "validation_failed")
    assert result["problem"]["errors"] == [{"pointer": "/if", "detail": result["problem"]["errors"][0]["detail"]}]
    operation["op"] = {"read": "check"}.get(op, op)
    problem = assert_problem(ann.post("/v1/transactions", operations(operation)), 422, "transaction_canceled")
    assert problem["results"][0]["problem"]["errors"][0]["detail"].endswith("is hidden from this caller")


@pytest.mark.parametrize("name", ["secret", "-secret", "rank", "-rank", "`rank`"])
def test_nothing_is_ordered_by_it(client: Client, ann: Client, name: str) -> None:
    for answer in (
        ann.get(records("films"), query={"sort": name}),
        ann.post("/v1/collections/films/query", {"sort": name}),
        ann.get("/public/films/records", query={"sort": name}),
    ):
        assert "hidden" in assert_problem(answer, 400, "invalid_parameter")["detail"]


def test_nor_by_chance_where_an_index_has_that_order(client: Client, ann: Client) -> None:
    client.delete(records("films", "i"))
    for number, rank in enumerate((5, 1, 3)):
        client.make("films", {"id": f"i{number}", "title": "a", "rank": rank})
    where = {"where": "title == 'a'"}
    assert [each["id"] for each in client.listed(records("films"), **where)] == ["i1", "i2", "i0"]
    assert [each["id"] for each in ann.listed(records("films"), **where)] == ["i2", "i1", "i0"]


def test_who_cannot_see_it_can_give_it(client: Client, ann: Client) -> None:
    made = ann.make("films", FILM)
    assert client.get(records("films", made["id"])).json()["secret"] == SECRET
    assert ann.patch(records("films", "i"), {"secret": "other", "rank": None}).status == 200
    stored = client.get(records("films", "i")).json()
    assert (stored["secret"], stored.get("rank")) == ("other", None)


def test_a_put_keeps_it_unless_it_has_it(client: Client, ann: Client) -> None:
    for body, expected in (({"title": "b"}, FILM), ({"rank": 3}, {"secret": SECRET, "rank": 3})):
        for way in ("PUT", "batch", "transactions"):
            client.put(records("films", "i"), FILM)
            if way == "PUT":
                assert ann.put(records("films", "i"), body).status == 200
            else:
                assert ann.post(f"/v1/{way}", operations({"op": "replace", "body": body})).status == 200
            stored = client.get(records("films", "i"), query="consistent=true").json()
            assert {name: stored.get(name) for name in ("secret", "rank")} == {
                name: expected[name] for name in ("secret", "rank")
            }
            assert stored.get("title") == body.get("title")
    assert client.put(records("films", "i"), {"title": "b"}).json().get("secret") is None


@pytest.mark.parametrize(
    "change",
    [
        {"rank": {"$inc": 1}},
        {"rank": {"$inc": 0}},
        {"secret": {"$append": ["a"]}},
        {"secret": {"$remove": ["a"]}},
        {"secret": {"$unset": True}},
        {"secret": {"a": 1}},
    ],
)
def test_it_cannot_be_changed_by_what_it_is(client: Client, ann: Client, change: dict[str, Any]) -> None:
    name = next(iter(change))
    answer = ann.patch(records("films", "i"), {"title": "b", **change})
    assert pointers(assert_problem(answer, 422, "validation_failed")) == [f"/{name}"]
    (result,) = ann.post("/v1/batch", operations({"op": "patch", "body": change})).json()["results"]
    assert result["status"] == 422
    assert ann.post("/v1/transactions", operations({"op": "patch", "body": change})).status == 422
    assert client.get(records("films", "i")).json()["version"] == 1


@pytest.mark.parametrize("stored", [True, False])
def test_what_is_wrong_with_it_is_not_told(client: Client, ann: Client, stored: bool) -> None:
    """A schema that has changed, or that says something across properties, finds fault with what is kept."""
    if stored:
        client.put(records("films", "i"), {"secret": SECRET, "rank": 7})
    strict = {**SCHEMA, "properties": {**SCHEMA["properties"], "secret": {"type": "integer"}}, "maxProperties": 2}  # type: ignore[dict-item]
    client.define("films", strict, hidden=["secret", "rank"], indexes=INDEXES, rules=ALL)
    for answer in (ann.put(records("films", "i"), {"title": "b"}), ann.patch(records("films", "i"), {"title": "b"})):
        assert SECRET not in answer.text


def test_a_plan_tells_nothing_of_other_records(client: Client, ann: Client) -> None:
    client.define("films", SCHEMA, hidden=["secret"], indexes=INDEXES, rules={**ALL, "list": "rank > 8"})
    for where, other in (("id == 'i'", "id == 'j'"), ("title == 'a'", "title == 'b'"), ("title < 'b'", "title > 'b'")):
        answer = ann.get(records("films"), query={"where": where, "count": "true"})
        assert answer.json()["items"] == []
        assert set(answer.json()) == {"items", "next", "count"}
        assert answer.headers["portico-plan"] in ("served=?1", "served=?0")
        missing = ann.get(records("films"), query={"where": other, "count": "true"})
        assert (missing.text, missing.headers["portico-plan"]) == (answer.text, answer.headers["portico-plan"])
    admin = client.get(records("films"), query="where=title=='a'&count=true")
    assert set(admin.json()) == {"items", "next", "count", "count_cost"}
    assert admin.headers["portico-plan"] == 'index="by_title", served=?1, scanned=1'


def test_only_administrators_have_queries_explained(client: Client, ann: Client) -> None:
    assert_problem(ann.get(records("films"), query="explain=true"), 403, "forbidden")
    assert_problem(ann.post("/v1/collections/films/query", {"explain": True}), 403, "forbidden")
    assert client.get(records("films"), query="explain=true").status == 200


def test_only_administrators_are_told_which_index_to_declare(client: Client, ann: Client) -> None:
    asked = {"query": "sort=updated_at"}
    problem = assert_problem(ann.get(records("films"), **asked), 400, "unserved_sort")
    assert problem["declare"] is None
    assert "eclare" not in problem["detail"]
    assert assert_problem(client.get(records("films"), **asked), 400, "unserved_sort")["declare"]


def test_a_cursor_tells_nothing(client: Client, ann: Client) -> None:
    client.define("films", SCHEMA, hidden=["secret"], indexes=INDEXES, rules={**ALL, "list": "has(rank)"})
    for number in range(3):
        client.make("films", {"id": f"{SECRET}{number}", "title": "tell-tale", "rank": number})
    answers = [
        ann.get(records("films"), query={"limit": 1}),
        ann.get(
            records("films"), query={"limit": 1, "where": "title == 'tell-tale'", "sort": "rank", "fields": "rank"}
        ),
        ann.post("/v1/collections/films/query", {"limit": 1, "where": "title == 'tell-tale'"}),
        ann.get("/public/films/records", query={"limit": 1}),
    ]
    cursors = [answer.json()["next"] for answer in answers]
    cursors.append(
        ann.get("/v1/collections/films/export", query={"limit": 1}).headers["link"].split("cursor=")[1].split("&")[0]
    )
    for cursor in cursors:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        for told in (SECRET, "tell", "by_title", "rank", "null"):
            assert told.encode() not in raw
    assert len({cursor[:8] for cursor in cursors}) == len(cursors)


def test_a_cursor_is_of_one_caller(client: Client, ann: Client) -> None:
    client.make("films", FILM)
    cursor = ann.get(records("films"), query="limit=1").json()["next"]
    for other in (client, Client.as_principal(Principal("user:bob", "user")), Client.as_principal(ANONYMOUS)):
        assert_problem(other.get(records("films"), query={"cursor": cursor}), 400, "invalid_cursor")
    assert ann.get(records("films"), query={"cursor": cursor}).status == 200
